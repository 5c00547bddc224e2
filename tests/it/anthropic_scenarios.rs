//! Scenarios, told in Anthropic's words.

use mynah::{Server, Unmatched};
use serde_json::{Value, json};

use crate::{
    raw::{Answer, Raw},
    served::{chat, gemini, said, stubs},
};

fn body(prompt: &str, extra: &Value) -> Value {
    let mut body =
        json!({"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": prompt}]});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

fn ask(client: &mut Raw, prompt: &str, extra: &Value) -> Answer {
    client.ask("POST /v1/messages", &[], &body(prompt, extra).to_string())
}

fn whole(client: &mut Raw, prompt: &str) -> Value {
    ask(client, prompt, &json!({})).json()
}

fn stream(client: &mut Raw, prompt: &str) -> String {
    ask(client, prompt, &json!({"stream": true})).body()
}

/// The payloads of a stream, whatever else stands in its lines.
fn payloads(body: &str) -> Vec<Value> {
    let lines = body.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

#[tokio::test]
async fn one_scenario_answers_all_dialects() {
    let server = stubs(
        "- {when: {api: anthropic, prompt: who}, then: {text: Claude.}}\n\
         - {when: {prompt: who}, then: {text: Somebody.}}\n\
         - {then: {text: Anything.}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    assert_eq!(whole(&mut client, "who")["content"], json!([{"type": "text", "text": "Claude."}]));
    assert_eq!(said(&chat(&mut client, "who")), "Somebody.");
    assert_eq!(said(&gemini(&mut client, "who")), "Somebody.");
    assert_eq!(whole(&mut client, "what")["content"][0]["text"], "Anything.");
}

#[tokio::test]
async fn parts_are_blocks_in_their_order() {
    let server = stubs(
        "- then:\n    parts:\n      - {thought: Hm, signature: proof}\n      - {thought: So}\n      - text: Let me see.\n      \
         - refusal: But no.\n      - call: {name: f, args: {a: 1}}\n      - call: {name: g, id: toolu_g}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let message = whole(&mut client, "x");
    let blocks = message["content"].as_array().unwrap();
    assert_eq!(blocks[0], json!({"type": "thinking", "thinking": "Hm", "signature": "proof"}));
    assert_eq!(blocks[1]["signature"].as_str().unwrap().len(), 128);
    assert_eq!(blocks[2], json!({"type": "text", "text": "Let me see."}));
    assert_eq!(blocks[3], json!({"type": "text", "text": "But no."}));
    assert_eq!((&blocks[4]["name"], &blocks[4]["input"]), (&json!("f"), &json!({"a": 1})));
    assert!(blocks[4]["id"].as_str().unwrap().starts_with("toolu_01"));
    assert_eq!((&blocks[5]["id"], &blocks[5]["input"]), (&json!("toolu_g"), &json!({})));
    assert_eq!(message["stop_reason"], "tool_use");
    let events = payloads(&stream(&mut client, "x"));
    let starts: Vec<_> = events.iter().filter(|event| event["type"] == "content_block_start").collect();
    let indexes: Vec<_> = starts.iter().map(|event| event["index"].as_u64().unwrap()).collect();
    assert_eq!(indexes, [0, 1, 2, 3, 4, 5]);
    assert_eq!(events.iter().filter(|event| event["type"] == "ping").count(), 1);
}

#[tokio::test]
async fn each_end_has_its_word() {
    for (finish, reason) in [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("call", "tool_use"),
        ("filter", "refusal"),
        ("refusal", "refusal"),
        ("recitation", "refusal"),
        ("pause", "pause_turn"),
        ("malformed_call", "end_turn"),
        ("{exact: model_context_window_exceeded}", "model_context_window_exceeded"),
    ] {
        let server = stubs(&format!("- {{then: {{text: x, finish: {finish}}}}}\n")).await;
        let mut client = Raw::connect(server.base_url());
        let message = whole(&mut client, "x");
        assert_eq!(message["stop_reason"], reason);
        assert_eq!(message["stop_details"]["type"] == "refusal", reason == "refusal");
        assert!(stream(&mut client, "x").contains(&format!("\"delta\":{{\"stop_reason\":\"{reason}\"")));
    }
}

#[tokio::test]
async fn a_blocked_prompt_is_a_refusal_without_content() {
    let server = stubs("- {then: {block: SAFETY}}\n").await;
    let mut client = Raw::connect(server.base_url());
    let message = whole(&mut client, "x");
    assert_eq!((&message["stop_reason"], &message["content"]), (&json!("refusal"), &json!([])));
    let events = payloads(&stream(&mut client, "x"));
    let types: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["message_start", "message_delta", "message_stop"]);
}

#[tokio::test]
async fn what_is_remembered_is_counted_apart_and_thoughts_are_output() {
    let server =
        stubs("- {then: {text: x, usage: {input: 100, cached: 60, output: 5, thoughts: 7}}}\n").await;
    let mut client = Raw::connect(server.base_url());
    let usage = whole(&mut client, "x")["usage"].clone();
    assert_eq!((&usage["input_tokens"], &usage["cache_read_input_tokens"]), (&json!(40), &json!(60)));
    assert_eq!(usage["output_tokens"], 12);
    assert_eq!(usage["output_tokens_details"], json!({"thinking_tokens": 7}));
}

#[tokio::test]
async fn what_anthropic_has_no_word_for_is_left_out_and_told() {
    let missed = |answer: &Answer| -> Vec<String> {
        let lines = answer.head.lines().filter_map(|line| line.strip_prefix("x-mynah-missed: "));
        lines.map(str::to_owned).collect()
    };
    for (then, in_document, in_stream) in [
        ("{candidates: [{text: a}, {text: b}]}", vec!["candidates"], vec!["candidates"]),
        ("{parts: [{text: a}, {image: {size: 8x8}}]}", vec!["media"], vec!["media"]),
        ("{parts: [{text: a, signature: s}]}", vec!["signature"], vec!["signature"]),
        ("{parts: [{thought: a, signature: s}, {text: a}]}", vec![], vec![]),
        ("{parts: {call: {name: f, fragments: ['{\"a', '\": 1']}}}", vec!["fragments"], vec![]),
        ("{parts: {call: {name: f, fragments: ['{\"a', '\": 1}']}}}", vec![], vec![]),
        (
            "{parts: {call: {name: f, fragments: ['{\"a']}}, shape: document}",
            vec!["fragments"],
            vec!["fragments"],
        ),
    ] {
        let server = stubs(&format!("- {{then: {then}}}\n")).await;
        let mut client = Raw::connect(server.base_url());
        assert_eq!(missed(&ask(&mut client, "x", &json!({}))), in_document, "{then}");
        assert_eq!(missed(&ask(&mut client, "x", &json!({"stream": true}))), in_stream, "{then}");
    }
}

#[tokio::test]
async fn pieces_of_arguments_go_out_as_they_stand() {
    let server = stubs(
        "- {then: {parts: {call: {name: f, fragments: ['{\"path\": \"a', '.txt']}}, finish: length}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let events = payloads(&stream(&mut client, "x"));
    let pieces: Vec<_> = events.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
    assert_eq!(pieces, ["", "{\"path\": \"a", ".txt"]);
    assert_eq!(whole(&mut client, "x")["content"][0]["input"], json!({}));
}

#[tokio::test]
async fn only_anthropic_s_words_are_laid_over_its_answers() {
    let server = stubs(
        "- then:\n    text: x\n    openai: {service_tier: flex}\n    anthropic:\n      stop_reason: stop_sequence\n      \
         stop_sequence: END\n      usage: {service_tier: priority}\n      container: {id: c}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let message = whole(&mut client, "x");
    assert_eq!(
        (&message["stop_reason"], &message["stop_sequence"]),
        (&json!("stop_sequence"), &json!("END"))
    );
    assert_eq!(message["usage"]["service_tier"], "priority");
    assert_eq!(message["container"], json!({"id": "c"}));
    let events = payloads(&stream(&mut client, "x"));
    let end = events.iter().find(|event| event["type"] == "message_delta").unwrap();
    assert_eq!(end["delta"]["stop_sequence"], "END");
    assert_eq!(end["delta"]["container"], json!({"id": "c"}));
    assert_eq!(end["usage"]["service_tier"], "priority");
    assert_eq!(events.iter().filter(|event| event["delta"]["stop_sequence"] == "END").count(), 1);
}

#[tokio::test]
async fn errors_may_say_more_and_come_in_mid_stream() {
    let server = stubs(
        "- when: {prompt: own}\n  then:\n    error:\n      status: 400\n      message: Too long.\n      anthropic: \
         {details: {error_code: x}}\n\
         - when: {prompt: late}\n  then:\n    text: [One, two]\n    wire: {edit: [{insert: {after: text.1, reply: \
         {error: 529}}}], end: {after: error, how: complete}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let error = whole(&mut client, "own");
    let told =
        json!({"type": "invalid_request_error", "message": "Too long.", "details": {"error_code": "x"}});
    assert_eq!(error["error"], told);
    let body = stream(&mut client, "late");
    let end = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    assert!(body.ends_with(end) && body.contains("One") && !body.contains("two"), "{body}");
}

#[test]
fn a_plan_shows_the_event_behind_which_an_answer_stops() {
    let yaml = "scenario: 1\nstubs: {then: {text: [One, two], wire: {end: {after: text.1, how: complete}}}}";
    let uri = http::Uri::from_static("/v1/messages");
    let mut request = mynah::request::Request::new(http::Method::POST, &uri, http::HeaderMap::new());
    request.body = body("x", &json!({"stream": true})).to_string().into();
    let plan = Server::builder().scenario_text("x", yaml).explain(request).unwrap().plan.json();
    let last = plan["pieces"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["number"], &last["kinds"]), (&json!(4), &json!(["text"])), "{plan}");
}

#[tokio::test]
async fn conditions_hold_for_anthropic_s_requests() {
    let conversation = json!({
        "model": "claude-opus-4-5",
        "max_tokens": 100,
        "stream": false,
        "system": [{"type": "text", "text": "Be terse."}, {"type": "text", "text": "Be kind."}],
        "tools": [
            {"name": "f", "input_schema": {"type": "object"}},
            {"type": "web_search_20250305", "name": "web_search"},
        ],
        "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm", "signature": "s"},
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "{\"sky\": \"sunny\"}"}]},
                {"type": "text", "text": "And in Oslo?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                {"type": "document", "source": {"type": "url", "url": "https://example.test/a.pdf"}},
            ]},
        ],
    });
    let all = [
        "{api: anthropic}",
        "{api: [openai, anthropic]}",
        "{operation: generate}",
        "{stream: false}",
        "{model: claude-*}",
        "{prompt: And in Oslo?}",
        "{system: {all: [{contains: terse}, {contains: kind}]}}",
        "{turn: 2}",
        "{tools: {all: [f, web_search]}}",
        "{tool_result: {f: {like: {sky: sunny}}}}",
        "{media: {all: [image/png, application/pdf]}}",
        "{tokens: 516..}",
        "{key: k}",
        "{path: '*/messages'}",
        "{query: {beta: 'true'}}",
        "{json: {$.max_tokens: 100}}",
    ];
    for (condition, holds) in all
        .into_iter()
        .map(|condition| (condition, true))
        .chain([("{api: openai}", false), ("{turn: 1}", false)])
    {
        let server =
            stubs(&format!("- {{when: {condition}, then: {{text: held}}}}\n- {{then: {{text: not}}}}\n"))
                .await;
        let mut client = Raw::connect(server.base_url());
        let answer =
            client.ask("POST /v1/messages?beta=true", &[("x-api-key", "k")], &conversation.to_string());
        let told = if holds { "held" } else { "not" };
        assert_eq!(answer.json()["content"][0]["text"], told, "{condition}");
    }
}

#[tokio::test]
async fn the_lines_of_events_can_be_taken_apart() {
    let server = stubs(
        "- {when: {prompt: nameless}, then: {text: One, wire: {frame: {lines: [data]}}}}\n\
         - {when: {prompt: backwards}, then: {text: One, wire: {frame: {lines: [data, event]}}}}\n\
         - {when: {prompt: field}, then: {text: One, wire: {frame: {at: text, field: error}}}}\n\
         - {when: {prompt: endless}, then: {text: One, wire: {edit: {drop: [finish, done]}}}}\n\
         - {when: {prompt: silent}, then: {text: One, wire: {edit: {drop: ping}}}}\n\
         - {when: {prompt: more}, then: {text: One, wire: {edit: {insert: {before: text.1, json: {type: ping}}}}}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let nameless = stream(&mut client, "nameless");
    assert!(
        nameless.starts_with("data: {\"type\":\"message_start\"") && !nameless.contains("event:"),
        "{nameless}"
    );
    let backwards = stream(&mut client, "backwards");
    assert!(backwards.ends_with("}\nevent: message_stop\n\n"), "{backwards}");
    let field = stream(&mut client, "field");
    assert!(
        field.contains("event: content_block_delta\nerror: {\"type\":\"content_block_delta\""),
        "{field}"
    );
    let endless = stream(&mut client, "endless");
    assert!(!endless.contains("message_delta") && !endless.contains("message_stop"), "{endless}");
    assert!(!stream(&mut client, "silent").contains("ping"));
    assert!(stream(&mut client, "more").contains("event: ping\ndata: {\"type\":\"ping\"}\n\n"));
}

#[tokio::test]
async fn pings_keep_a_slow_stream_alive() {
    let server =
        stubs("- {then: {text: One, pace: {first: 350ms, heartbeat: {every: 100ms, json: {type: ping}}}}}\n")
            .await;
    let mut client = Raw::connect(server.base_url());
    let body = stream(&mut client, "x");
    let pings = body.matches("event: ping\ndata: {\"type\":\"ping\"}\n\n").count();
    assert!((2..=4).contains(&pings), "{body}");
    assert!(body.starts_with("event: ping\n"), "{body}");
}

#[tokio::test]
async fn events_and_models_are_said_in_the_scenario_s_words() {
    let server = stubs(
        "- {when: {operation: models}, then: {models: [claude-x, claude-y, claude-z]}}\n\
         - {when: {operation: count}, then: {count: 42}}\n\
         - {when: {api: anthropic}, then: {events: [{json: {type: message_start, message: {}}}, {reply: {error: 500}}]}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let body = stream(&mut client, "x");
    assert!(
        body.starts_with("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n"),
        "{body}"
    );
    assert!(
        body.contains("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\""),
        "{body}"
    );
    let version = [("anthropic-version", "2023-06-01")];
    let list = client.ask("GET /v1/models?limit=1&before_id=claude-z", &version, "").json();
    assert_eq!((&list["first_id"], &list["has_more"]), (&json!("claude-y"), &json!(true)));
    assert_eq!(client.ask("GET /v1/models/gpt", &version, "").json()["error"]["message"], "model: gpt");
    let count = body_of_count();
    assert_eq!(client.ask("POST /v1/messages/count_tokens", &[], &count).json(), json!({"input_tokens": 42}));
}

fn body_of_count() -> String {
    json!({"model": "m", "messages": [{"role": "user", "content": "x"}]}).to_string()
}

#[tokio::test]
async fn a_miss_explains_itself_in_anthropic_s_shape() {
    let yaml = "scenario: 1\nname: test\nstubs: {when: {prompt: weather}, then: {text: Sunny.}}";
    let server =
        Server::builder().scenario_text("test.yaml", yaml).unmatched(Unmatched::Miss).start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let answer = ask(&mut client, "wether", &json!({}));
    let error = answer.json()["error"].clone();
    assert_eq!((answer.status(), &error["type"]), (404, &json!("not_found_error")));
    assert_eq!(error["details"], json!({"error_code": "mynah_no_stub_matches"}));
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("anthropic") && message.contains("weather"), "{message}");
}

#[tokio::test]
async fn places_that_name_nothing_in_anthropic_s_answers_are_told_at_once() {
    for (reply, fault) in [
        ("text: One, wire: {edit: {drop: text.2}}", "`drop text.2` names nothing"),
        ("text: One, wire: {edit: {drop: 11}}", "`drop 11` names nothing"),
        ("text: One, wire: {edit: {drop: call}}", "`drop call` names nothing"),
        ("text: One, wire: {edit: {drop: [start, ping, mark, text, finish, usage, done]}}", ""),
        ("parts: {call: {name: f, args: {a: 1}}}, wire: {edit: {drop: call.1}}", ""),
    ] {
        let yaml = format!("scenario: 1\nstubs: {{when: {{api: anthropic}}, then: {{{reply}}}}}");
        let started = Server::builder().scenario_text("test.yaml", &yaml).start().await;
        match (fault, started) {
            ("", started) => drop(started.unwrap()),
            (fault, Err(error)) => assert!(error.to_string().contains(fault), "{error}"),
            (fault, Ok(_)) => panic!("{fault}"),
        }
    }
}
