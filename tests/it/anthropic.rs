//! Anthropic's dialect from outside: messages, streams, refusals, models.

use mynah::{Server, UnknownFields};
use serde_json::{Value, json};

use crate::{
    raw::{Answer, Raw},
    served::stubs,
};

async fn plain() -> (Server, Raw) {
    let server = Server::builder().clock("2026-01-01T00:00:00Z".parse().unwrap()).start().await.unwrap();
    let client = Raw::connect(server.base_url());
    (server, client)
}

/// A request for an answer to this prompt.
fn hello(extra: &Value) -> Value {
    let mut body = json!({"model": "claude-opus-4-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello there"}]});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

fn create(client: &mut Raw, extra: &Value) -> Answer {
    client.ask("POST /v1/messages", &[], &hello(extra).to_string())
}

fn stream(client: &mut Raw, extra: &Value) -> Vec<Value> {
    let mut extra = extra.clone();
    extra["stream"] = json!(true);
    events(&create(client, &extra))
}

/// The JSON of each event, which its `event:` line names.
fn events(answer: &Answer) -> Vec<Value> {
    let body = answer.body();
    assert!(body.ends_with("\n\n"), "{body}");
    body.split_terminator("\n\n")
        .map(|block| {
            let (event, data) = block.split_once('\n').unwrap();
            let json: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(event.strip_prefix("event: ").unwrap(), json["type"]);
            json
        })
        .collect()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// The content that the deltas of a stream make, put together by index.
fn content(events: &[Value]) -> Vec<Value> {
    let mut blocks: Vec<Value> = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    for event in events {
        let index = usize::try_from(event["index"].as_u64().unwrap_or_default()).unwrap();
        let delta = &event["delta"];
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(index, blocks.len());
                blocks.push(event["content_block"].clone());
                texts.push(String::new());
            }
            "content_block_delta" if delta["type"] == "signature_delta" => {
                blocks[index]["signature"] = delta["signature"].clone();
            }
            "content_block_delta" => {
                let names = ["text", "thinking", "partial_json"];
                let piece = names.into_iter().find_map(|name| delta[name].as_str());
                texts[index].push_str(piece.unwrap());
            }
            "content_block_stop" => {
                let text = std::mem::take(&mut texts[index]);
                match blocks[index]["type"].as_str().unwrap() {
                    "tool_use" => blocks[index]["input"] = serde_json::from_str(&text).unwrap(),
                    name => {
                        let name = name.to_owned();
                        blocks[index][name] = json!(text);
                    }
                }
            }
            _ => {}
        }
    }
    blocks
}

fn message(answer: &Answer) -> String {
    answer.json()["error"]["message"].as_str().unwrap().to_owned()
}

const WEATHER: &str = r#"{"name": "get_weather", "input_schema": {"type": "object", "properties":
    {"city": {"type": "string", "enum": ["Bern"]}}, "required": ["city"]}}"#;

fn weather() -> Value {
    serde_json::from_str(WEATHER).unwrap()
}

#[tokio::test]
async fn a_stream_says_what_the_document_says() {
    let (_server, mut client) = plain().await;
    let time = json!({"name": "get_time", "input_schema": {"type": "object"}});
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    for extra in [
        json!({}),
        json!({"max_tokens": 2}),
        json!({"max_tokens": 0}),
        json!({"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}}),
        json!({"tools": [weather(), time], "tool_choice": {"type": "any"}}),
        json!({"tools": [weather(), time], "tool_choice": {"type": "any", "disable_parallel_tool_use": true}}),
        json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}}),
        json!({"output_format": {"type": "json_schema", "schema": schema}}),
        json!({"stop_sequences": ["there", "zzz"]}),
    ] {
        let whole = create(&mut client, &extra).json();
        let events = stream(&mut client, &extra);
        let mut streamed = json!(content(&events));
        let mut said = whole["content"].clone();
        for blocks in [&mut streamed, &mut said] {
            for block in blocks.as_array_mut().unwrap() {
                // Ids and proofs are drawn for each answer.
                let members = block.as_object_mut().unwrap();
                members.remove("id");
                members.remove("signature");
            }
        }
        assert_eq!(streamed, said, "{extra}");
        let end = &events[events.len() - 2];
        for name in ["stop_reason", "stop_sequence", "stop_details"] {
            assert_eq!(end["delta"][name], whole[name], "{extra}");
        }
        for name in ["input_tokens", "cache_read_input_tokens", "output_tokens", "output_tokens_details"] {
            assert_eq!(end["usage"][name], whole["usage"][name], "{extra}");
        }
    }
}

#[tokio::test]
async fn a_stream_is_a_message_of_blocks_with_one_sign_of_life() {
    let (_server, mut client) = plain().await;
    let answer = create(&mut client, &json!({"stream": true}));
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    let events = events(&answer);
    assert_eq!(
        types(&events),
        [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_delta",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    let start = &events[0]["message"];
    assert_eq!((&start["content"], &start["stop_reason"]), (&json!([]), &json!(null)));
    assert_eq!(start["usage"]["output_tokens"], 1);
    assert_eq!(answer.chunks.len(), events.len());
    assert!(answer.body().contains("data: {\"type\": \"ping\"}\n"));
}

#[tokio::test]
async fn payloads_are_padded_by_luck_that_a_seed_repeats() {
    let extra = json!({"stream": true});
    let body = |answer: &Answer| answer.body();
    let (_one, mut first) = plain().await;
    let (_other, mut second) = plain().await;
    let (one, next) = (create(&mut first, &extra), create(&mut first, &extra));
    assert_eq!(body(&one), body(&create(&mut second, &extra)));
    assert_ne!(body(&one), body(&next));
    let paddings = one.body().lines().filter(|line| line.ends_with(" }")).count();
    assert!(paddings > 0, "{}", one.body());
    assert!(!create(&mut first, &json!({})).body().contains(" }"));
}

#[tokio::test]
async fn a_tool_s_results_are_said_back_by_the_tool_s_name() {
    let (_server, mut client) = plain().await;
    let tools = json!([weather(), {"name": "get_time", "input_schema": {"type": "object"}}]);
    let asked = create(&mut client, &json!({"tools": tools, "tool_choice": {"type": "any"}})).json();
    assert_eq!(asked["stop_reason"], "tool_use");
    let calls = asked["content"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0]["input"], json!({"city": "Bern"}));
    let results: Vec<_> = calls
        .iter()
        .zip([json!("sunny"), json!([{"type": "text", "text": "noon"}])])
        .map(|(call, content)| json!({"type": "tool_result", "tool_use_id": call["id"], "content": content}))
        .collect();
    let messages = json!([
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": calls},
        {"role": "user", "content": results},
    ]);
    let answer = create(&mut client, &json!({"tools": tools, "messages": messages})).json();
    assert_eq!(answer["content"][0]["text"], "get_weather returned: sunny\nget_time returned: noon");
}

#[tokio::test]
async fn keys_are_taken_in_both_forms_and_any_version_of_the_api() {
    let server = Server::builder().api_key("right").start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let body = hello(&json!({})).to_string();
    for (headers, status, told) in [
        (vec![("x-api-key", "right")], 200, ""),
        (vec![("authorization", "Bearer right"), ("anthropic-version", "2026-10-21")], 200, ""),
        (vec![("authorization", "Bearer right"), ("anthropic-version", "next year")], 200, ""),
        (vec![], 401, "x-api-key header is required"),
        (vec![("x-api-key", "wrong")], 401, "invalid x-api-key"),
        (vec![("authorization", "Bearer wrong")], 401, "Invalid bearer token"),
    ] {
        let answer = client.ask("POST /v1/messages", &headers, &body);
        assert_eq!(answer.status(), status, "{headers:?}");
        if status == 401 {
            assert_eq!(message(&answer), told);
            assert_eq!(answer.json()["error"]["type"], "authentication_error");
        }
    }
}

#[tokio::test]
async fn what_the_api_would_not_take_is_refused_in_its_words() {
    let (_server, mut client) = plain().await;
    let thinking = json!({"type": "enabled", "budget_tokens": 1024});
    let cached = json!({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}});
    for (extra, start) in [
        (json!({"max_tokens": null}), "max_tokens: Input should be a valid integer"),
        (json!({"model": ""}), "model: String should have at least 1 character"),
        (json!({"messages": []}), "messages: at least one message is required"),
        (json!({"temperature": 1.1}), "temperature: range: 0..1"),
        (json!({"stop_sequences": [" "]}), "stop_sequences: each stop sequence must contain non-whitespace"),
        (json!({"thinking": thinking}), "`max_tokens` must be greater than `thinking.budget_tokens`. Please"),
        (
            json!({"thinking": thinking, "max_tokens": 2000, "temperature": 0.5}),
            "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode. Please",
        ),
        (
            json!({"thinking": {"type": "adaptive"}, "tools": [weather()], "tool_choice": {"type": "any"}}),
            "Thinking may not be enabled when tool_choice forces tool use.",
        ),
        (
            json!({"tool_choice": {"type": "auto"}}),
            "tool_choice may only be specified while providing tools.",
        ),
        (
            json!({"system": [cached, cached, cached, cached, cached]}),
            "A maximum of 4 blocks with cache_control may be provided. Found 5.",
        ),
        (json!({"system": [{"type": "text", "text": ""}]}), "system: text content blocks must be non-empty"),
    ] {
        let answer = create(&mut client, &extra);
        let told = message(&answer);
        assert!(told.starts_with(start), "{told}");
        let json = answer.json();
        assert_eq!((answer.status(), &json["type"]), (400, &json!("error")));
        assert_eq!(json["error"]["type"], "invalid_request_error");
        assert_eq!(json["request_id"].as_str(), answer.header("request-id"));
    }
    for (body, told) in [
        ("{}", "model: Field required"),
        (r#"{"model": "m"}"#, "max_tokens: Field required"),
        (r#"{"model": "m", "max_tokens": 9}"#, "messages: Field required"),
        ("[]", "Input should be an object"),
        (
            "{\n\"model\": x",
            "The request body is not valid JSON: unexpected character: line 2 column 10 (char 11)",
        ),
        ("{", "The request body is not valid JSON: unexpected end of data: line 1 column 1 (char 0)"),
    ] {
        assert_eq!(message(&client.ask("POST /v1/messages", &[], body)), told);
    }
}

#[tokio::test]
async fn unknown_fields_are_refused_where_that_is_asked_for() {
    let server = Server::builder().unknown_fields(UnknownFields::Refused).start().await.unwrap();
    let mut strict = Raw::connect(server.base_url());
    let (_server, mut lax) = plain().await;
    for (extra, told) in [
        (json!({"n": 2}), "n: Extra inputs are not permitted"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "mood": 1}]}]}),
            "messages.0.content.0.text.mood: Extra inputs are not permitted",
        ),
        (
            json!({"tools": [{"name": "f", "input_schema": {"type": "object", "title": "any"}, "mood": 1}]}),
            "tools.0.custom.mood: Extra inputs are not permitted",
        ),
    ] {
        assert_eq!(message(&create(&mut strict, &extra)), told);
        assert_eq!(create(&mut lax, &extra).status(), 200);
    }
    assert_eq!(create(&mut strict, &json!({"tools": [weather()]})).status(), 200);
}

#[tokio::test]
async fn each_status_has_its_type_and_an_id() {
    for (status, kind, told) in [
        (400, "invalid_request_error", "Invalid request."),
        (401, "authentication_error", "invalid x-api-key"),
        (402, "billing_error", "Your credit balance is too low"),
        (403, "permission_error", "Your API key does not have permission"),
        (404, "not_found_error", "model: claude-opus-4-5"),
        (409, "conflict_error", "The resource was changed"),
        (413, "request_too_large", "Request exceeds the maximum size"),
        (422, "invalid_request_error", ""),
        (429, "rate_limit_error", "This request would exceed your account's rate limit."),
        (500, "api_error", "Internal server error"),
        (503, "api_error", ""),
        (504, "timeout_error", ""),
        (529, "overloaded_error", "Overloaded"),
    ] {
        let server = stubs(&format!("- {{then: {{error: {{status: {status}, retry_after: 2s}}}}}}\n")).await;
        let mut client = Raw::connect(server.base_url());
        for extra in [json!({}), json!({"stream": true})] {
            let answer = create(&mut client, &extra);
            let json = answer.json();
            assert_eq!((answer.status(), &json["error"]["type"]), (status, &json!(kind)));
            assert!(message(&answer).starts_with(told), "{json}");
            assert_eq!(json["request_id"].as_str(), answer.header("request-id"));
            assert_eq!(answer.header("retry-after"), Some("2"));
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert!(
                answer
                    .head
                    .lines()
                    .next()
                    .unwrap()
                    .split(' ')
                    .nth(2)
                    .is_some_and(|reason| !reason.is_empty())
            );
        }
    }
}

#[tokio::test]
async fn counting_gives_what_a_message_reports_as_its_input() {
    let (_server, mut client) = plain().await;
    let picture = json!({"type": "image", "source": {"type": "url", "url": "https://example.test/a.png"}});
    for extra in [
        json!({}),
        json!({"system": [{"type": "text", "text": "Be terse, please."}]}),
        json!({"tools": [weather()]}),
        json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, picture]}]}),
    ] {
        let mut body = hello(&extra);
        let whole = client.ask("POST /v1/messages", &[], &body.to_string()).json();
        body.as_object_mut().unwrap().remove("max_tokens");
        let count = client.ask("POST /v1/messages/count_tokens", &[], &body.to_string());
        assert!(count.header("anthropic-ratelimit-requests-limit").is_none());
        assert_eq!(count.json(), json!({"input_tokens": whole["usage"]["input_tokens"]}), "{extra}");
    }
    assert_eq!(message(&client.ask("POST /v1/messages/count_tokens", &[], "{}")), "model: Field required");
}

const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

#[tokio::test]
async fn the_list_of_models_is_walked_both_ways() {
    let (_server, mut client) = plain().await;
    let mut list = |query: &str| client.ask(&format!("GET /v1/models?{query}"), &[VERSION], "").json();
    let ids = |page: &Value| -> Vec<String> {
        let entries = page["data"].as_array().unwrap();
        entries.iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = list("");
    assert_eq!(all["has_more"], false);
    let (mut forth, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = list(&query);
        forth.extend(ids(&page));
        if page["has_more"] == false {
            break;
        }
        query = format!("limit=2&after_id={}", page["last_id"].as_str().unwrap());
    }
    assert_eq!(forth, ids(&all));
    let (mut back, mut first) = (Vec::new(), forth.last().unwrap().clone());
    loop {
        let page = list(&format!("limit=2&before_id={first}"));
        back.splice(0..0, ids(&page));
        if page["has_more"] == false {
            break;
        }
        first = page["first_id"].as_str().unwrap().to_owned();
    }
    assert_eq!(back, forth[..forth.len() - 1]);
    for (query, told) in [
        ("limit=0", "limit: Input should be greater than or equal to 1"),
        ("limit=1001", "limit: Input should be less than or equal to 1000"),
        ("limit=x", "limit: Input should be a valid integer, unable to parse string as an integer"),
    ] {
        assert_eq!(list(query)["error"]["message"], told);
    }
}

#[tokio::test]
async fn models_and_unknown_paths_answer_in_the_dialect_of_their_caller() {
    let (_server, mut client) = plain().await;
    let mut ask = |line: &str, headers: &[(&str, &str)]| client.ask(line, headers, "").json();
    assert_eq!(ask("GET /v1/models", &[])["object"], "list");
    assert_eq!(ask("GET /v1/models", &[VERSION])["has_more"], false);
    assert_eq!(ask("GET /v1/models", &[("anthropic-beta", "x")])["has_more"], false);
    assert!(ask("GET /v1/models", &[("x-goog-api-key", "k")])["models"].is_array());
    assert_eq!(ask("GET /v1/models/any", &[VERSION])["type"], "model");
    assert_eq!(ask("DELETE /v1/models/any", &[VERSION])["error"]["message"], "Method Not Allowed");
    let not_found = json!({"type": "not_found_error", "message": "Not Found"});
    for path in ["/v1/nothing", "/v1/files", "/nothing"] {
        assert_eq!(ask(&format!("GET {path}"), &[VERSION])["error"], not_found, "{path}");
    }
    assert_eq!(ask("POST /v1/messages/batches", &[])["error"], not_found);
    assert_eq!(ask("GET /v1/nothing", &[])["error"]["message"], "Invalid URL (GET /v1/nothing)");
    assert_eq!(client.ask("GET /v1/messages", &[], "").status(), 405);
}

#[tokio::test]
async fn a_base_path_may_stand_in_front() {
    let (_server, mut client) = plain().await;
    let body = hello(&json!({})).to_string();
    for base in ["/anthropic", "/api/proxy"] {
        assert_eq!(client.ask(&format!("POST {base}/v1/messages"), &[], &body).status(), 200, "{base}");
    }
}

#[tokio::test]
async fn good_answers_tell_what_is_left_and_when_it_is_full_again() {
    let (_server, mut client) = plain().await;
    let long = "word ".repeat(100_000);
    let messages = json!([{"role": "user", "content": format!("{long}end")}]);
    let answer = create(&mut client, &json!({"max_tokens": 1, "messages": messages}));
    let header = |name: &str| answer.header(&format!("anthropic-ratelimit-{name}")).unwrap().to_owned();
    assert_eq!(header("input-tokens-remaining"), "1900000");
    assert_eq!(header("input-tokens-reset"), "2026-01-01T00:00:04Z");
    assert_eq!(answer.header("retry-after"), Some("4"));
    assert_eq!(answer.header("x-request-id"), None);
}
