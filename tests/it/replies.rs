//! What a stub says, in the words of every dialect, and when.

use std::time::Duration;

use mynah::{
    Server, Unmatched,
    scenario::{Pattern, Per, Stub, Then, When},
};
use serde_json::{Value, json};

use crate::{
    raw::Raw,
    served::{chat, chat_with, gemini, said, serve, stubs},
};

#[tokio::test]
async fn every_error_comes_in_the_words_of_its_api() {
    let statuses = [400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 501, 502, 503, 504, 529];
    for status in statuses {
        let server = stubs(&format!("- {{then: {{error: {status}}}}}\n")).await;
        let mut client = Raw::connect(server.base_url());
        let answer = chat(&mut client, "x");
        let error = &answer.json()["error"];
        assert_eq!(answer.status(), status);
        let keys: Vec<_> = error.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["message", "type", "param", "code"]);
        assert!(!answer.head.lines().next().unwrap().contains("<none>"), "{}", answer.head);
        let answer = gemini(&mut client, "x");
        let error = &answer.json()["error"];
        assert_eq!((answer.status(), error["code"].as_u64()), (status, Some(status.into())));
        assert!(error["status"].as_str().unwrap().chars().all(|c| c.is_ascii_uppercase() || c == '_'));
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn every_part_of_an_error_can_be_set() {
    let server = stubs(
        "- when: {prompt: balance}\n  then: {error: {status: 402, message: No money., gemini: {status: FAILED_PRECONDITION}, openai: {code: null, type: billing}}}\n\
         - when: {prompt: upstream}\n  then: {error: {status: 502, gemini: {status: UNAVAILABLE, details: [{a: 1}]}}}\n\
         - when: {prompt: limit}\n  then: {error: {status: 429, retry_after: 1500ms}}\n\
         - when: {prompt: date}\n  then: {error: {status: 429, retry_after: {date: 2s}}}\n\
         - when: {prompt: ms}\n  then: {error: {status: 429, retry_after: {ms: 250ms}}}\n\
         - when: {prompt: info}\n  then: {error: {status: 429, retry_after: {info: 2s}}}\n\
         - when: {prompt: seconds}\n  then: {error: {status: 429, retry_after: {seconds: 61s}}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let balance = chat(&mut client, "balance").json();
    assert_eq!(
        balance["error"],
        json!({"message": "No money.", "type": "billing", "param": null, "code": null})
    );
    assert_eq!(gemini(&mut client, "balance").json()["error"]["status"], "FAILED_PRECONDITION");
    let upstream = gemini(&mut client, "upstream").json();
    assert_eq!(upstream["error"]["status"], "UNAVAILABLE");
    assert_eq!(upstream["error"]["details"], json!([{"a": 1}]));
    // As each dialect says it: whole seconds, or Google's RetryInfo.
    assert_eq!(chat(&mut client, "limit").header("retry-after"), Some("2"));
    let limit = gemini(&mut client, "limit");
    assert_eq!(limit.header("retry-after"), None);
    let info = json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.500s"}]);
    assert_eq!(limit.json()["error"]["details"], info);
    assert_eq!(chat(&mut client, "date").header("retry-after"), Some("Thu, 01 Jan 2026 00:00:02 GMT"));
    assert_eq!(chat(&mut client, "ms").header("retry-after-ms"), Some("250"));
    assert_eq!(gemini(&mut client, "seconds").header("retry-after"), Some("61"));
    assert_eq!(gemini(&mut client, "info").json()["error"]["details"][0]["retryDelay"], "2s");
}

#[tokio::test]
async fn a_reply_from_below_is_laid_over_it_and_both_count() {
    let server = stubs(
        "- {name: upper, when: {header: {x-slow: '1'}}, then: {from: below, finish: length, usage: {output: 99}}}\n\
         - {name: lower, per: session, then: [{text: first}, {text: second}]}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    let answer = chat_with(&mut client, &[("x-slow", "1")], &body);
    let json = answer.json();
    assert_eq!(json["choices"][0]["message"]["content"], "first");
    assert_eq!(json["choices"][0]["finish_reason"], "length");
    assert_eq!(json["usage"]["completion_tokens"], 99);
    assert_eq!(answer.header("x-mynah-stub"), Some("upper"));
    assert_eq!(said(&chat(&mut client, "x")), "second");
}

#[tokio::test]
async fn below_the_last_stub_is_a_miss_or_the_built_in_answer() {
    let yaml = "scenario: 1\nname: t\nstubs: {then: {from: below, finish: length}}";
    let server = serve(yaml).await;
    assert_eq!(chat(&mut Raw::connect(server.base_url()), "x").header("x-mynah-answer"), Some("miss"));
    let builder = Server::builder().scenario_text("x", yaml).unmatched(Unmatched::BuiltIn);
    let server = builder.start().await.unwrap();
    let answer = chat(&mut Raw::connect(server.base_url()), "x");
    assert_eq!(answer.json()["choices"][0]["finish_reason"], "length");
}

#[tokio::test]
async fn defaults_lie_under_every_reply_and_every_condition() {
    let server = serve(
        "scenario: 1\nname: t\ndefaults: {when: {model: m}, then: {finish: length}}\nstubs:\n\
         - {when: {prompt: own}, then: {text: a, finish: stop}}\n\
         - {when: {prompt: {not: own}}, then: {text: b}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let mut finish = |text| chat(&mut client, text).json()["choices"][0]["finish_reason"].clone();
    assert_eq!([finish("own"), finish("x")], ["stop", "length"]);
    let other = json!({"model": "other", "messages": [{"role": "user", "content": "x"}]});
    assert_eq!(chat_with(&mut client, &[], &other).status(), 404);
}

#[tokio::test]
async fn what_one_dialect_knows_is_laid_over_the_payload_that_ends() {
    let server = stubs(
        "- then:\n    text: [a, b]\n    gemini: {groundingMetadata: {webSearchQueries: [x]}, usageMetadata: {serviceTier: standard}}\n    openai: {service_tier: flex, logprobs: {content: []}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let json = gemini(&mut client, "x").json();
    assert_eq!(json["candidates"][0]["groundingMetadata"]["webSearchQueries"][0], "x");
    assert_eq!(json["usageMetadata"]["serviceTier"], "standard");
    let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "x"}]});
    let chunks = chat_with(&mut client, &[], &body).chunks;
    let tiers: Vec<_> = chunks
        .iter()
        .filter_map(|chunk| serde_json::from_slice::<Value>(chunk.strip_prefix(b"data: ")?).ok())
        .map(|chunk| chunk["service_tier"].clone())
        .collect();
    assert_eq!(tiers, ["default", "default", "default", "flex"]);
}

#[tokio::test]
async fn a_text_may_echo_and_a_list_gives_the_deltas() {
    let server = stubs(
        "- {when: {stream: true}, then: {text: [Hel, '', 'l o'], split: whole}}\n\
         - {when: {prompt: {contains: path}}, then: {text: [{echo: $.model}, ' and ', {echo: $.n}]}}\n\
         - {then: {text: ['You said: ', {echo: prompt}]}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    assert_eq!(said(&chat(&mut client, "hi")), "You said: hi");
    assert_eq!(said(&chat(&mut client, "path")), "m and ");
    let body = json!({"contents": [{"parts": [{"text": "x"}]}]}).to_string();
    let answer = client.ask("POST /v1beta/models/m:streamGenerateContent?alt=sse", &[], &body);
    let texts: Vec<_> = answer
        .chunks
        .iter()
        .map(|chunk| serde_json::from_slice::<Value>(chunk.strip_prefix(b"data: ").unwrap()).unwrap())
        .map(|chunk| chunk["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(texts, ["Hel", "", "l o"]);
}

#[tokio::test]
async fn a_shape_is_kept_whatever_was_asked() {
    let server = stubs(
        "- {when: {prompt: document}, then: {text: a, shape: document}}\n\
         - {when: {prompt: sse}, then: {text: a, shape: sse}}\n\
         - {when: {prompt: array}, then: {text: [a, b], shape: array}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let body =
        |text: &str| json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": text}]});
    let document = chat_with(&mut client, &[], &body("document"));
    assert_eq!(document.json()["object"], "chat.completion");
    assert!(document.header("content-type").unwrap().starts_with("application/json"));
    assert!(chat(&mut client, "sse").body().ends_with("data: [DONE]\n\n"));
    let array = chat_with(&mut client, &[], &body("array")).json();
    assert_eq!(array.as_array().unwrap().len(), 4);
    let body = json!({"contents": [{"parts": [{"text": "sse"}]}]}).to_string();
    let sse = client.ask("POST /v1beta/models/m:streamGenerateContent", &[], &body);
    assert!(sse.body().starts_with("data: {"));
}

#[tokio::test]
async fn events_and_raw_bodies_go_out_as_they_stand() {
    let server = stubs(
        "- {when: {prompt: empty}, then: {events: []}}\n\
         - when: {prompt: events}\n  then: {events: [{json: {a: 1}}, {text: '[x'}, {lines: [': hi', 'id: 7']}, {raw: [{hex: 0d0a}, y]}, {reply: {error: 503}}]}\n\
         - {when: {prompt: raw}, then: {raw: {status: 522, headers: {x-a: [b, c]}, body: [a, {hex: 62}, {base64: Yw==}, {json: [1]}, {fill: {size: 3, of: z}}]}}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let body =
        |text: &str| json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": text}]});
    let empty = chat_with(&mut client, &[], &body("empty"));
    assert_eq!((empty.status(), empty.body().as_str()), (200, ""));
    let events = chat_with(&mut client, &[], &body("events")).body();
    assert!(
        events.starts_with("data: {\"a\":1}\n\ndata: [x\n\n: hi\nid: 7\n\n\r\nydata: {\"error\":"),
        "{events}"
    );
    let raw = chat_with(&mut client, &[], &body("raw"));
    assert_eq!(raw.head.lines().next(), Some("HTTP/1.1 522 Connection Timed Out"));
    assert_eq!((raw.body().as_str(), raw.head.matches("x-a: ").count()), ("abc[1]zzz", 2));
    assert!(!raw.head.contains("x-mynah"));
}

#[tokio::test]
async fn errors_and_raw_bodies_answer_any_operation_and_texts_only_content() {
    let server = stubs("- {when: {header: {x-down: '1'}}, then: {error: 503}}\n- {then: {text: ok}}\n").await;
    let mut client = Raw::connect(server.base_url());
    assert_eq!(client.ask("GET /v1/models", &[], "").status(), 200);
    assert_eq!(client.ask("GET /v1/models", &[("x-down", "1")], "").status(), 503);
    assert_eq!(client.ask("POST /v1/audio/speech", &[("x-down", "1")], "{}").status(), 503);
}

#[tokio::test]
async fn paths_that_are_not_served_have_names_all_the_same() {
    let server = stubs(
        "- {when: {operation: speech}, then: {raw: {body: sound}}}\n\
         - {when: {api: anthropic}, then: {error: 529}}\n\
         - {when: {operation: files, api: gemini}, then: {error: 403}}\n\
         - {when: {path: /v1/nothing}, then: {raw: {status: 204}}}\n\
         - {then: {text: ok}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let mut status = |line: &str| client.ask(line, &[], "{}").status();
    assert_eq!(status("POST /v1/audio/speech"), 200);
    assert_eq!(status("POST /v1/messages/batches"), 529);
    assert_eq!(status("POST /v1beta/files"), 403);
    assert_eq!(status("POST /v1/nothing"), 204);
    // A text is no answer to what is not served.
    assert_eq!(status("POST /v1/responses/compact"), 404);
}

#[tokio::test]
async fn a_block_is_feedback_at_google_and_a_refusal_elsewhere() {
    let server = stubs("- {then: {block: PROHIBITED_CONTENT}}\n").await;
    let mut client = Raw::connect(server.base_url());
    let blocked = gemini(&mut client, "x").json();
    assert_eq!(blocked["promptFeedback"]["blockReason"], "PROHIBITED_CONTENT");
    assert_eq!(blocked.get("candidates"), None);
    assert!(chat(&mut client, "x").json()["choices"][0]["message"]["refusal"].is_string());
}

#[tokio::test]
async fn nothing_leaves_before_its_time() {
    let server = stubs(
        "- {when: {stream: true}, then: {text: [a, b, c], pace: {head: 50ms, first: 100ms, every: 40ms, pause: {before: finish, for: 60ms}}}}\n\
         - {then: {text: slow, pace: {first: 120ms}}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "x"}]});
    let start = tokio::time::Instant::now();
    client.send(crate::raw::request("POST /v1/chat/completions", &[], &body.to_string()));
    client.peek();
    assert!(start.elapsed() >= Duration::from_millis(50));
    let answer = client.answer();
    // The role leaves first, then three texts; the finish waits.
    assert!(start.elapsed() >= Duration::from_millis(50 + 100 + 3 * 40 + 60));
    assert_eq!(answer.chunks.len(), 6);
    let start = tokio::time::Instant::now();
    chat(&mut client, "x");
    assert!(start.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn heartbeats_come_into_the_silence() {
    let server = stubs(
        "- {when: {stream: true}, then: {text: [a, b], pace: {first: 130ms, heartbeat: {every: 50ms, lines: ': ping'}}}}\n",
    )
    .await;
    let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "x"}]});
    let answer = chat_with(&mut Raw::connect(server.base_url()), &[], &body);
    let pings = answer.chunks.iter().filter(|chunk| *chunk == b": ping\n\n").count();
    assert_eq!((pings, answer.chunks[2].starts_with(b"data: {")), (2, true));
}

#[tokio::test]
async fn an_error_in_mid_stream_is_an_error_in_every_dialect_and_shape() {
    let server = stubs(
        "- {then: {events: [{json: {a: 1}}, {reply: {error: 503}}], pace: {pause: {before: error, for: 20ms}}}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let body = json!({"contents": [{"parts": [{"text": "x"}]}]}).to_string();
    let sse = client.ask("POST /v1beta/models/m:streamGenerateContent?alt=sse", &[], &body);
    assert_eq!(sse.header("x-mynah-missed"), None);
    // Google appends it as it stands.
    assert!(sse.body().contains("\r\n\r\n{\n  \"error\": {"), "{}", sse.body());
    let array = client.ask("POST /v1beta/models/m:streamGenerateContent", &[], &body);
    assert_eq!(array.json()[1]["error"]["status"], "UNAVAILABLE");
    let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "x"}]});
    let chat = chat_with(&mut client, &[], &body);
    assert!(chat.body().contains("data: {\"error\":{\"message\":"), "{}", chat.body());
}

#[tokio::test]
async fn what_a_dialect_cannot_say_is_left_out_and_told() {
    let server = stubs(
        "- {when: {api: openai, prompt: sign}, then: {parts: {text: a, signature: c2ln}}}\n\
         - {when: {api: openai, prompt: info}, then: {error: {status: 429, retry_after: {info: 1s}}}}\n\
         - {when: {api: openai}, then: {parts: [{text: a}, {image: {size: 8x8}}]}}\n\
         - {then: {parts: {call: {name: f, fragments: ['{\"a']}}}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    assert_eq!(chat(&mut client, "sign").header("x-mynah-missed"), Some("signature"));
    assert_eq!(chat(&mut client, "info").header("x-mynah-missed"), Some("retry_after"));
    let chat = chat(&mut client, "x");
    assert_eq!(chat.header("x-mynah-missed"), Some("media"));
    assert_eq!(chat.json()["usage"]["completion_tokens"], 1);
    let gemini = gemini(&mut client, "x");
    assert_eq!(gemini.header("x-mynah-missed"), Some("fragments"));
    assert_eq!(gemini.json()["candidates"][0]["content"]["parts"][0]["functionCall"]["args"], json!({}));
}

#[tokio::test]
async fn a_line_break_splits_an_event_whoever_stands_beside_it() {
    let server = stubs("- {then: {events: [{text: \"a\\nb\"}]}}\n").await;
    let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "x"}]});
    let answer = chat_with(&mut Raw::connect(server.base_url()), &[], &body);
    assert_eq!(answer.body(), "data: a\ndata: b\n\n");
}

#[tokio::test]
async fn what_is_answered_leniently_has_limits_all_the_same() {
    let server = stubs("- {lenient: true, then: {from: built_in}}\n").await;
    let mut client = Raw::connect(server.base_url());
    let body = json!({"model": "m".repeat(100_000), "n": 4_000_000_000_u32, "messages": [{"role": "user", "content": "x"}]});
    let answer = chat_with(&mut client, &[], &body);
    assert_eq!(answer.json()["choices"].as_array().unwrap().len(), 128);
    assert!(answer.body().len() < 200_000);
}

#[tokio::test]
async fn a_heartbeat_that_would_spoil_a_document_is_left_out() {
    let server = stubs(
        "- {when: {prompt: blank}, then: {text: a, pace: {first: 50ms, heartbeat: {every: 20ms, raw: ' '}}}}\n\
         - {then: {text: a, pace: {first: 50ms, heartbeat: {every: 20ms, lines: ': ping'}}}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let lines = chat(&mut client, "x");
    assert_eq!((lines.header("x-mynah-missed"), said(&lines).as_str()), (Some("heartbeat"), "a"));
    let blank = chat(&mut client, "blank");
    assert!(blank.body().starts_with("  {"), "{}", blank.body());
    assert_eq!((blank.header("x-mynah-missed"), said(&blank).as_str()), (None, "a"));
}

#[tokio::test]
async fn a_place_that_names_nothing_is_told_in_a_header() {
    let server = stubs("- {then: {text: a, pace: {pause: {before: call.3, for: 1s}}}}\n").await;
    let answer = chat(&mut Raw::connect(server.base_url()), "x");
    assert_eq!(answer.header("x-mynah-missed"), Some("pause call.3"));
}

#[tokio::test]
async fn stubs_can_be_made_by_code() {
    let server = Server::builder()
        .stub(
            Stub::when(
                When::default().prompt(Pattern::contains("weather")).header("x-user", Pattern::present()),
            )
            .name("weather")
            .per(Per::Call)
            .then(Then::error(429).message("Slow down.").retry_after(Duration::from_secs(3)))
            .then(Then::deltas(["Sun", "ny."])),
        )
        .stub(Stub::always().then(Then::text("Anything.")))
        .start()
        .await
        .unwrap();
    let mut client = Raw::connect(server.base_url());
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "the weather"}]});
    let first = chat_with(&mut client, &[("x-user", "u")], &body);
    assert_eq!(
        (first.status(), first.header("retry-after"), said(&first).as_str()),
        (429, Some("3"), "Slow down.")
    );
    assert_eq!(said(&chat_with(&mut client, &[("x-user", "u")], &body)), "Sunny.");
    assert_eq!(said(&chat(&mut client, "the weather")), "Anything.");
}

#[tokio::test]
async fn a_stub_made_wrong_by_code_is_an_error_that_says_so() {
    let error = Server::builder().stub(Stub::always()).start().await.unwrap_err();
    assert!(error.to_string().contains("a stub needs at least one reply"), "{error}");
}
