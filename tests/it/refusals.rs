//! What the real APIs would not take.

use serde_json::json;

use crate::raw::{Answer, Raw, request};

const CHAT: &str = r#"{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}"#;

fn message(answer: &Answer) -> String {
    let body = answer.json();
    let body = if body.is_array() { &body[0] } else { &body };
    body["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_stream_s_error_has_the_form_of_its_framing() {
    let server = mynah::Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let array = client.ask("POST /v1/models/m:streamGenerateContent", &[], "{}");
    assert_eq!(array.header("content-type"), Some("application/json; charset=UTF-8"));
    assert!(
        array.body().starts_with("[{\n  \"error\": {\n") && array.body().ends_with("}\n}\n]"),
        "{}",
        array.body()
    );
    let sse = client.ask("POST /v1/models/m:streamGenerateContent?alt=sse", &[], "{}");
    assert_eq!(sse.header("content-type"), Some("text/event-stream"));
    assert!(
        sse.body().starts_with("{\n  \"error\": {\n") && sse.body().ends_with("}\n}\n"),
        "{}",
        sse.body()
    );
    let openai = client.ask("POST /v1/chat/completions", &[], r#"{"model": "m", "stream": true}"#);
    assert_eq!(openai.header("content-type"), Some("application/json"));
    assert_eq!(openai.json()["error"]["param"], "messages");
}

#[tokio::test]
async fn broken_json_is_shown_at_its_place() {
    let server = mynah::Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    for (body, shown) in [
        ("{\"contents\": [}", "Unexpected token.\n{\"contents\": [}\n              ^"),
        ("{\"contents\": [", "Unexpected end of string.\n{\"contents\": [\n             ^"),
    ] {
        let answer = client.ask("POST /v1beta/models/m:generateContent", &[], body);
        assert_eq!(message(&answer), format!("Invalid JSON payload received. {shown}"));
    }
    let deep = "[".repeat(100_000);
    for line in ["POST /v1beta/models/m:generateContent", "POST /v1/chat/completions"] {
        assert_eq!(client.ask(line, &[], &deep).status(), 400);
        client.send(format!("{line} HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\n"));
        client.send(b"\"\xff\xfe\"");
        assert_eq!(client.answer().status(), 400);
        for body in ["7", "null", "\"text\"", "[]"] {
            assert_eq!(client.ask(line, &[], body).status(), 400, "{line} {body}");
        }
    }
}

#[tokio::test]
async fn what_a_message_must_hold_is_checked() {
    let server = mynah::Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    for (body, start) in [
        (json!({}), "* GenerateContentRequest.contents: contents is not specified"),
        (
            json!({"contents": [{"role": "user"}]}),
            "* GenerateContentRequest.contents[0].parts: contents.parts must not",
        ),
        (
            json!({"contents": [{"parts": [{}]}]}),
            "* GenerateContentRequest.contents[0].parts[0].data: required oneof",
        ),
        (
            json!({"contents": [{"role": "system", "parts": [{"text": "x"}]}]}),
            "Please use a valid role: user, model.",
        ),
        (
            json!({"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"temperature": 2.5}}),
            "* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0].",
        ),
        (
            json!({"contents": [{"parts": [{"text": "x"}]}], "safetySettings": [{"category": "RUDE"}]}),
            "Invalid value at 'safety_settings[0].category' (type.googleapis.com/google.ai.generativelanguage.v1beta.HarmCategory), \"RUDE\"",
        ),
        (
            json!({"contents": [{"parts": [{"text": "x"}]}], "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}),
            "Function calling config is set without function_declarations.",
        ),
    ] {
        let answer = client.ask("POST /v1beta/models/m:generateContent", &[], &body.to_string());
        assert_eq!(answer.status(), 400);
        assert!(message(&answer).starts_with(start), "{}", message(&answer));
    }
    let tool_result = json!({"role": "tool", "tool_call_id": "c", "content": "x"});
    for (body, param) in [
        (json!({"messages": []}), json!(null)),
        (json!({"model": "m"}), json!("messages")),
        (json!({"model": "m", "messages": [{"role": "user"}]}), json!("messages.[0].content")),
        (json!({"model": "m", "messages": [tool_result]}), json!("messages.[0].role")),
        (json!({"model": "m", "messages": [{"content": "x"}]}), json!("messages[0].role")),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "tool_choice": "required"}),
            json!("tool_choice"),
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "stop": ["a", "b", "c", "d", "e"]}),
            json!("stop"),
        ),
    ] {
        let answer = client.ask("POST /v1/chat/completions", &[], &body.to_string());
        assert_eq!((answer.status(), &answer.json()["error"]["param"]), (400, &param), "{body}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused_in_the_caller_s_dialect() {
    let server = mynah::Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let openai = client.ask("POST /v1/nothing", &[], "{}");
    assert_eq!((openai.status(), message(&openai)), (404, "Invalid URL (POST /v1/nothing)".to_owned()));
    let method = client.ask("GET /v1/chat/completions", &[], "");
    assert_eq!((method.status(), &method.json()["error"]["code"]), (405, &json!("method_not_supported")));
    for line in
        ["POST /v1beta/models/m:doSomething", "GET /v1beta/models/m:generateContent", "DELETE /v1beta/models"]
    {
        let gemini = client.ask(line, &[], "");
        assert_eq!(
            (gemini.status(), &gemini.json()["error"]["status"]),
            (404, &json!("NOT_FOUND")),
            "{line}"
        );
    }
    let gemini = client.ask("GET /nothing", &[("x-goog-api-key", "k")], "");
    assert_eq!((gemini.status(), &gemini.json()["error"]["status"]), (404, &json!("NOT_FOUND")));
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_and_the_connection_goes_on() {
    let server = mynah::Server::builder().max_body(1000).start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let large = format!(r#"{{"model": "m", "padding": "{}"}}"#, "x".repeat(1500));
    for line in ["POST /v1/chat/completions", "POST /v1beta/models/m:generateContent"] {
        assert_eq!(client.ask(line, &[], &large).status(), 413);
        let chunked = format!(
            "{line} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
            large.len()
        );
        client.send(chunked);
        assert_eq!(client.answer().status(), 413);
    }
    assert_eq!(client.ask("POST /v1/chat/completions", &[], CHAT).status(), 200);
}

#[tokio::test]
async fn a_client_that_waits_to_be_told_to_go_on_is_told_no() {
    let server = mynah::Server::builder().max_body(1000).start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    client.send("POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2000\r\n\r\n");
    assert_eq!(client.answer().status(), 413);
}

#[tokio::test]
async fn a_client_that_waits_to_be_told_to_go_on_is_told_yes() {
    let server = mynah::Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let head = request("POST /v1/chat/completions", &[("expect", "100-continue")], CHAT);
    let (head, body) = head.split_once("\r\n\r\n").unwrap();
    client.send(format!("{head}\r\n\r\n"));
    assert_eq!(client.answer().status(), 100);
    client.send(body);
    assert_eq!(client.answer().status(), 200);
}
