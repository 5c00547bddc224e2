//! What only Gemini says: its enums, endings and blocks, what its own tools
//! found, log probabilities, and continuations.

use base64::{Engine, engine::general_purpose::STANDARD};
use mynah::Server;
use serde_json::{Value, json};

use crate::{
    raw::{Answer, Raw},
    served::{gemini, stubs},
};

const NUMBERS: &str = "$alt=json;enum-encoding=int";

/// All that `finishReason` may be, with its number where it has one.
const REASONS: [(&str, Option<u64>); 24] = [
    ("FINISH_REASON_UNSPECIFIED", Some(0)),
    ("STOP", Some(1)),
    ("MAX_TOKENS", Some(2)),
    ("SAFETY", Some(3)),
    ("RECITATION", Some(4)),
    ("OTHER", Some(5)),
    ("LANGUAGE", Some(6)),
    ("BLOCKLIST", Some(7)),
    ("PROHIBITED_CONTENT", Some(8)),
    ("SPII", Some(9)),
    ("MALFORMED_FUNCTION_CALL", Some(10)),
    ("IMAGE_SAFETY", Some(11)),
    ("UNEXPECTED_TOOL_CALL", Some(12)),
    ("TOO_MANY_TOOL_CALLS", Some(13)),
    ("IMAGE_PROHIBITED_CONTENT", Some(14)),
    ("IMAGE_OTHER", Some(15)),
    ("NO_IMAGE", Some(16)),
    ("IMAGE_RECITATION", Some(17)),
    ("MISSING_THOUGHT_SIGNATURE", None),
    ("MALFORMED_RESPONSE", None),
    ("ESCALATION", None),
    ("PUP_LIMITED_DISABLED", None),
    ("CONTINUATION", None),
    ("MODEL_ARMOR", None),
];

const BLOCKS: [(&str, Option<u64>); 7] = [
    ("SAFETY", Some(1)),
    ("OTHER", Some(2)),
    ("BLOCKLIST", Some(3)),
    ("PROHIBITED_CONTENT", Some(4)),
    ("IMAGE_SAFETY", Some(5)),
    ("MODEL_ARMOR", None),
    ("JAILBREAK", None),
];

fn ask(client: &mut Raw, method: &str, query: &str, body: &Value) -> Answer {
    client.ask(&format!("POST /v1beta/models/m:{method}?{query}"), &[], &body.to_string())
}

/// A request whose only text this is.
fn prompt(text: &str) -> Value {
    json!({"contents": [{"parts": [{"text": text}]}]})
}

fn with(text: &str, name: &str, value: Value) -> Value {
    let mut body = prompt(text);
    body[name] = value;
    body
}

/// The payloads of an answer, whatever its form.
fn payloads(answer: &Answer) -> Vec<Value> {
    if answer.header("content-type") == Some("text/event-stream") {
        let data = answer.chunks.iter().map(|chunk| chunk.strip_prefix(b"data: ").unwrap());
        return data.map(|data| serde_json::from_slice(data).unwrap()).collect();
    }
    match answer.json() {
        Value::Array(items) => items,
        document => vec![document],
    }
}

/// The name in words, and its number where it has one.
fn spelt((name, number): (&str, Option<u64>), query: &str) -> Value {
    match number {
        Some(number) if query.contains("int") => json!(number),
        _ => json!(name),
    }
}

/// Each form of an answer, with enums as words and as numbers.
fn forms() -> impl Iterator<Item = (&'static str, String)> {
    let forms =
        [("generateContent", ""), ("streamGenerateContent", ""), ("streamGenerateContent", "alt=sse&")];
    forms
        .into_iter()
        .flat_map(|(method, query)| [(method, query.to_owned()), (method, format!("{query}{NUMBERS}"))])
}

#[tokio::test]
async fn every_reason_to_end_is_said_in_every_form() {
    let stub = |(name, _): (&str, _)| {
        format!("- {{when: {{prompt: {name}}}, then: {{parts: [], finish: {{exact: {name}}}}}}}\n")
    };
    let server = stubs(&REASONS.map(stub).concat()).await;
    let mut client = Raw::connect(server.base_url());
    for reason in REASONS {
        for (method, query) in forms() {
            let payloads = payloads(&ask(&mut client, method, &query, &prompt(reason.0)));
            let [payload] = payloads.as_slice() else { panic!("{payloads:?}") };
            let candidate = &payload["candidates"][0];
            assert_eq!(candidate["finishReason"], spelt(reason, &query));
            assert_eq!(payload["usageMetadata"].get("candidatesTokenCount"), None);
            assert_eq!(candidate.get("safetyRatings").is_some(), reason.0 == "SAFETY");
            assert_eq!(candidate.get("continuationToken").is_some(), reason.0 == "CONTINUATION");
        }
    }
}

#[tokio::test]
async fn what_says_nothing_has_the_content_that_google_gives_its_reason() {
    let server = stubs(
        "- {when: {prompt: thoughts}, then: {parts: [], finish: length, usage: {thoughts: 9}}}\n\
         - {when: {prompt: filter}, then: {text: '', finish: filter}}\n\
         - {when: {prompt: call}, then: {parts: [], finish: malformed_call}}\n\
         - {when: {prompt: image}, then: {parts: [], finish: {exact: IMAGE_SAFETY}}}\n\
         - {when: {prompt: said}, then: {text: Once, finish: filter}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let mut content = |text: &str| {
        let answer = gemini(&mut client, text).json();
        (answer["candidates"][0].get("content").cloned(), answer["usageMetadata"].clone())
    };
    let (thoughts, usage) = content("thoughts");
    assert_eq!(thoughts, Some(json!({"role": "model"})));
    assert_eq!((usage.get("candidatesTokenCount"), &usage["thoughtsTokenCount"]), (None, &json!(9)));
    assert_eq!(content("filter").0, Some(json!({})));
    assert_eq!(content("call").0, Some(json!({})));
    assert_eq!(content("image").0, None);
    assert_eq!(content("said").0, Some(json!({"parts": [{"text": "Once"}], "role": "model"})));
}

#[tokio::test]
async fn every_block_is_said_in_every_form() {
    let stub = |(name, _): (&str, _)| format!("- {{when: {{prompt: {name}}}, then: {{block: {name}}}}}\n");
    let server = stubs(&BLOCKS.map(stub).concat()).await;
    let mut client = Raw::connect(server.base_url());
    for reason in BLOCKS {
        for (method, query) in forms() {
            let payloads = payloads(&ask(&mut client, method, &query, &prompt(reason.0)));
            let [payload] = payloads.as_slice() else { panic!("{payloads:?}") };
            assert_eq!(payload.get("candidates"), None);
            let feedback = &payload["promptFeedback"];
            assert_eq!(feedback["blockReason"], spelt(reason, &query));
            let danger = [json!("HARM_CATEGORY_DANGEROUS_CONTENT"), json!("HIGH")];
            let danger = if query.contains("int") { [json!(10), json!(4)] } else { danger };
            let told =
                [&feedback["safetyRatings"][3]["category"], &feedback["safetyRatings"][3]["probability"]];
            let expected = if reason.0 == "SAFETY" { danger } else { [Value::Null, Value::Null] };
            assert_eq!(told, [&expected[0], &expected[1]]);
        }
    }
}

#[tokio::test]
async fn what_a_scenario_says_in_google_s_words_stays_as_it_is() {
    let server = stubs(
        "- {when: {prompt: patch}, then: {text: a, gemini: {safetyRatings: [{category: HARM_CATEGORY_HARASSMENT, probability: LOW}], finishMessage: Odd.}}}\n\
         - {when: {prompt: events}, then: {events: {json: {candidates: [{finishReason: SAFETY}]}}}}\n\
         - {when: {prompt: edit}, then: {text: a, wire: {edit: {patch: {at: finish, set: {$.candidates.*.finishReason: SPII}}}}}}\n\
         - {when: {prompt: block}, then: {block: SAFETY, gemini: {promptFeedback: {blockReasonMessage: No.}, usageMetadata: {serviceTier: flex}}}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let mut said = |text: &str| ask(&mut client, "generateContent", NUMBERS, &prompt(text)).json();
    let patch = said("patch");
    assert_eq!(patch["candidates"][0]["finishReason"], 1);
    assert_eq!(patch["candidates"][0]["safetyRatings"][0]["probability"], "LOW");
    assert_eq!(patch["candidates"][0]["finishMessage"], "Odd.");
    assert_eq!(said("events")["candidates"][0]["finishReason"], "SAFETY");
    assert_eq!(said("edit")["candidates"][0]["finishReason"], "SPII");
    let block = said("block");
    assert_eq!(block["promptFeedback"]["blockReason"], 1);
    assert_eq!(block["promptFeedback"]["blockReasonMessage"], "No.");
    assert_eq!(block["usageMetadata"]["serviceTier"], "flex");
}

#[tokio::test]
async fn numbers_come_back_in_the_next_turn() {
    let server = Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let body = json!({"contents": [
        {"parts": [{"text": "Hi"}]},
        {"role": "model", "parts": [
            {"executableCode": {"language": 1, "code": "1"}},
            {"codeExecutionResult": {"outcome": 1, "output": "1"}},
        ]},
        {"parts": [{"text": "Ho"}]},
    ]});
    let answer = ask(&mut client, "generateContent", NUMBERS, &body).json();
    assert_eq!(answer["candidates"][0]["content"]["parts"][0]["text"], "You said: Ho");
}

#[tokio::test]
async fn what_is_not_over_carries_a_token_that_asks_for_the_rest() {
    let server = stubs(
        "- when: {prompt: story}\n  then: [{text: Once upon, finish: pause}, {text: ' a time.'}]\n\
         - {when: {prompt: two}, then: {candidates: [{text: a, finish: pause}, {text: b, finish: pause}]}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let first = gemini(&mut client, "story").json()["candidates"][0].clone();
    assert_eq!(first["finishReason"], "CONTINUATION");
    let token = first["continuationToken"].as_str().unwrap();
    assert_eq!(STANDARD.decode(token).unwrap().len(), 48);
    let body = with("story", "continuation_token", json!(token));
    let second = ask(&mut client, "generateContent", "", &body).json()["candidates"][0].clone();
    assert_eq!((&second["finishReason"], second.get("continuationToken")), (&json!("STOP"), None));
    assert_eq!(second["content"]["parts"][0]["text"], " a time.");
    let chunks = payloads(&ask(&mut client, "streamGenerateContent", "alt=sse", &prompt("two")));
    let tokens: Vec<_> = chunks.iter().map(|chunk| &chunk["candidates"][0]["continuationToken"]).collect();
    assert!(tokens.iter().all(|token| token.is_string()) && tokens[0] != tokens[1], "{tokens:?}");
}

#[tokio::test]
async fn a_segment_is_what_lies_between_its_bytes() {
    let server = Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let body = with("Grüezi, Zürich! 今日は。 Schön? Ja.", "tools", json!([{"googleSearch": {}}]));
    for (method, query) in forms() {
        let payloads = payloads(&ask(&mut client, method, &query, &body));
        let (last, before) = payloads.split_last().unwrap();
        assert!(before.iter().all(|chunk| chunk["candidates"][0].get("groundingMetadata").is_none()));
        let parts = payloads.iter().map(|chunk| &chunk["candidates"][0]["content"]["parts"][0]["text"]);
        let text: String = parts.map(|text| text.as_str().unwrap()).collect();
        let grounding = &last["candidates"][0]["groundingMetadata"];
        let supports = grounding["groundingSupports"].as_array().unwrap();
        assert_eq!(supports.len(), 3);
        assert_eq!(supports[0]["segment"].get("startIndex"), None);
        let chunks = grounding["groundingChunks"].as_array().unwrap().len();
        for support in supports {
            let segment = &support["segment"];
            let start = usize::try_from(segment["startIndex"].as_u64().unwrap_or(0)).unwrap();
            let end = usize::try_from(segment["endIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(&text[start..end], segment["text"].as_str().unwrap());
            let source = support["groundingChunkIndices"][0].as_u64().unwrap();
            assert!(source < chunks as u64);
        }
        let usage = &last["usageMetadata"];
        let count = |name: &str| usage[name].as_u64().unwrap();
        assert!(count("toolUsePromptTokenCount") > 0);
        assert_eq!(
            count("totalTokenCount"),
            count("promptTokenCount") + count("candidatesTokenCount") + count("toolUsePromptTokenCount")
        );
    }
}

#[tokio::test]
async fn tools_of_google_s_own_do_nothing_where_they_are_not_offered_or_calls_are_demanded() {
    let server = Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let mut candidate = |tools: Value| {
        let mut body = with("See http://a.example/", "tools", tools);
        body["toolConfig"] = json!({"functionCallingConfig": {"mode": "AUTO"}});
        if body["tools"][0].get("functionDeclarations").is_some() {
            body["toolConfig"]["functionCallingConfig"]["mode"] = json!("ANY");
        }
        let answer = ask(&mut client, "generateContent", "", &body).json();
        let keys: Vec<_> = answer["candidates"][0].as_object().unwrap().keys().cloned().collect();
        (keys.join(" "), answer["usageMetadata"].get("toolUsePromptTokenCount").is_some())
    };
    let plain = ("content finishReason index".to_owned(), false);
    assert_eq!(candidate(json!([])), plain);
    assert_eq!(candidate(json!([{"googleMaps": {}}, {"googleSearch": null}])), plain);
    assert_eq!(candidate(json!([{"functionDeclarations": [{"name": "f"}], "googleSearch": {}}])), plain);
    let found = candidate(json!([{"googleSearch": {}}, {"urlContext": {}}]));
    assert_eq!(found, (format!("{} groundingMetadata urlContextMetadata", plain.0), true));
}

#[tokio::test]
async fn what_a_scenario_says_is_laid_over_what_was_found() {
    let server = stubs(
        "- then: {from: built_in, gemini: {groundingMetadata: {webSearchQueries: [mine], retrievalMetadata: {googleSearchDynamicRetrievalScore: 0.5}}}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let body = with("Hi", "tools", json!([{"googleSearch": {}}]));
    let answer = ask(&mut client, "generateContent", "", &body).json();
    let grounding = &answer["candidates"][0]["groundingMetadata"];
    assert_eq!(grounding["webSearchQueries"], json!(["mine"]));
    assert_eq!(grounding["retrievalMetadata"]["googleSearchDynamicRetrievalScore"], 0.5);
    assert_eq!(grounding["groundingChunks"][0]["web"]["title"], "example.com");
}

#[tokio::test]
async fn programs_and_what_they_print_stand_in_front_of_the_text() {
    let server = Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let body = with("Hi", "tools", json!([{"code_execution": {}}]));
    let document = ask(&mut client, "generateContent", "", &body).json();
    let parts = document["candidates"][0]["content"]["parts"].as_array().unwrap().clone();
    assert_eq!(parts[0]["executableCode"]["language"], "PYTHON");
    assert_eq!(parts[1]["codeExecutionResult"], json!({"outcome": "OUTCOME_OK", "output": "42\n"}));
    assert_eq!(parts[2]["text"], "You said: Hi");
    let chunks = payloads(&ask(&mut client, "streamGenerateContent", "alt=sse", &body));
    let streamed: Vec<_> =
        chunks.iter().map(|chunk| chunk["candidates"][0]["content"]["parts"][0].clone()).collect();
    assert_eq!(streamed[..2], parts[..2]);
    assert_eq!(chunks.last().unwrap()["usageMetadata"], document["usageMetadata"]);
}

#[tokio::test]
async fn log_probabilities_are_those_of_the_text_s_tokens() {
    let server = Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let config = json!({"responseLogprobs": true, "logprobs": 3});
    let body = with("Hello wonderful world", "generationConfig", config);
    let document = ask(&mut client, "generateContent", "", &body).json();
    let candidate = &document["candidates"][0];
    let chosen = candidate["logprobsResult"]["chosenCandidates"].as_array().unwrap();
    let tokens: String = chosen.iter().map(|token| token["token"].as_str().unwrap()).collect();
    assert_eq!(tokens, "You said: Hello wonderful world");
    assert_eq!(chosen.len() as u64, document["usageMetadata"]["candidatesTokenCount"].as_u64().unwrap());
    let top = candidate["logprobsResult"]["topCandidates"].as_array().unwrap();
    assert_eq!(top.len(), chosen.len());
    for (top, chosen) in top.iter().zip(chosen) {
        let candidates = top["candidates"].as_array().unwrap();
        assert_eq!((candidates.len(), &candidates[0]), (3, chosen));
        let scores: Vec<_> =
            candidates.iter().map(|token| token["logProbability"].as_f64().unwrap()).collect();
        assert!(scores.is_sorted_by(|a, b| a > b), "{scores:?}");
    }
    let mean = chosen.iter().map(|token| token["logProbability"].as_f64().unwrap()).sum::<f64>()
        / chosen.len() as f64;
    assert!((candidate["avgLogprobs"].as_f64().unwrap() - mean).abs() < 1e-9);
    let chunks = payloads(&ask(&mut client, "streamGenerateContent", "alt=sse", &body));
    let averages = chunks.iter().filter(|chunk| chunk["candidates"][0].get("avgLogprobs").is_some());
    assert_eq!(averages.count(), 1);
    for chunk in &chunks {
        let candidate = &chunk["candidates"][0];
        let chosen = candidate["logprobsResult"]["chosenCandidates"].as_array().unwrap();
        let tokens: String = chosen.iter().map(|token| token["token"].as_str().unwrap()).collect();
        assert_eq!(candidate["content"]["parts"][0]["text"], tokens.as_str());
    }
    let plain = json!({"responseLogprobs": true});
    let plain = ask(&mut client, "generateContent", "", &with("Hi", "generationConfig", plain)).json();
    assert_eq!(plain["candidates"][0]["logprobsResult"].get("topCandidates"), None);
}

#[tokio::test]
async fn a_token_has_the_same_number_in_every_answer() {
    let server = Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let mut first = |text: &str| {
        let body = with(text, "generationConfig", json!({"responseLogprobs": true}));
        let answer = ask(&mut client, "generateContent", "", &body).json();
        answer["candidates"][0]["logprobsResult"]["chosenCandidates"][0].clone()
    };
    let (one, other) = (first("a"), first("b"));
    assert_eq!((&one["token"], &one["tokenId"]), (&other["token"], &other["tokenId"]));
    assert_ne!(one["logProbability"], other["logProbability"]);
}

#[tokio::test]
async fn requests_that_want_too_much_cost_little() {
    let server = stubs("- {lenient: true, then: {from: built_in}}\n").await;
    let mut client = Raw::connect(server.base_url());
    let urls: String = (0..100_000).map(|at| format!("http://host-{at}.example/ ")).collect();
    let mut body =
        with(&urls, "tools", json!([{"urlContext": {}}, {"googleSearch": {}}, {"codeExecution": {}}]));
    let config = json!({"responseLogprobs": true, "logprobs": 2_000_000_000, "maxOutputTokens": 12_000});
    body["generationConfig"] = config;
    let answer = ask(&mut client, "generateContent", "", &body).json();
    let candidate = &answer["candidates"][0];
    assert_eq!(candidate["urlContextMetadata"]["urlMetadata"].as_array().unwrap().len(), 20);
    let top = candidate["logprobsResult"]["topCandidates"].as_array().unwrap();
    let count = |top: &Value| top["candidates"].as_array().unwrap().len();
    assert_eq!((count(&top[0]), top.last().map(count)), (20, Some(1)));
}

#[tokio::test]
async fn a_prompt_is_counted_with_its_instruction_and_its_tools_in_both_forms() {
    let server = Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let tool = json!([{"functionDeclarations": [{"name": "f"}]}]);
    let camel = json!({
        "contents": [{"parts": [{"text": "Hi"}]}], "systemInstruction": {"parts": [{"text": "Be kind."}]},
        "tools": tool,
    });
    let snake = json!({"generate_content_request": {
        "contents": [{"parts": [{"text": "Hi"}]}], "system_instruction": {"parts": [{"text": "Be kind."}]},
        "tools": [{"function_declarations": [{"name": "f"}]}],
    }});
    let mut total = |body: &Value| ask(&mut client, "countTokens", "", body).json()["totalTokens"].clone();
    let whole = total(&camel);
    assert_eq!(whole, total(&snake));
    assert_eq!(whole, total(&json!({"generateContentRequest": camel})));
    // `Hi`, `Be kind.`, and `{"name":"f"}` in two pieces.
    assert_eq!(whole, 1 + 2 + 2);
}

#[tokio::test]
async fn counts_do_not_go_down_in_a_stream() {
    let server = stubs("- then: {text: [ab, cd, ef]}\n").await;
    let mut client = Raw::connect(server.base_url());
    let body = json!({"contents": [{"parts": [{"text": "x"}]}]}).to_string();
    let answer = client.ask("POST /v1beta/models/m:streamGenerateContent?alt=sse", &[], &body).body();
    let counts: Vec<_> = answer
        .split_terminator("\r\n\r\n")
        .map(|event| serde_json::from_str::<Value>(event.strip_prefix("data: ").unwrap()).unwrap())
        .map(|event| event["usageMetadata"]["candidatesTokenCount"].as_u64().unwrap())
        .collect();
    assert!(counts.is_sorted(), "{counts:?}");
}
