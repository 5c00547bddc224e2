//! A server with a scenario, and the requests that are put to it.

use mynah::Server;
use serde_json::{Value, json};

use crate::raw::{Answer, Raw};

pub(crate) async fn serve(yaml: &str) -> Server {
    let clock = "2026-01-01T00:00:00Z".parse().unwrap();
    let started = Server::builder().clock(clock).scenario_text("test.yaml", yaml).start().await;
    started.unwrap_or_else(|error| panic!("{error}"))
}

/// One scenario with these stubs.
pub(crate) async fn stubs(yaml: &str) -> Server {
    serve(&format!("scenario: 1\nname: test\nstubs:\n{yaml}")).await
}

pub(crate) fn chat_with(client: &mut Raw, headers: &[(&str, &str)], body: &Value) -> Answer {
    client.ask("POST /v1/chat/completions", headers, &body.to_string())
}

pub(crate) fn chat(client: &mut Raw, text: &str) -> Answer {
    chat_with(client, &[], &json!({"model": "m", "messages": [{"role": "user", "content": text}]}))
}

pub(crate) fn gemini(client: &mut Raw, text: &str) -> Answer {
    let body = json!({"contents": [{"parts": [{"text": text}]}]});
    client.ask("POST /v1beta/models/m:generateContent", &[], &body.to_string())
}

pub(crate) fn said(answer: &Answer) -> String {
    let json = answer.json();
    let texts =
        [&json["choices"][0]["message"]["content"], &json["candidates"][0]["content"]["parts"][0]["text"]];
    let error = &json["error"]["message"];
    texts.into_iter().find_map(Value::as_str).unwrap_or_else(|| error.as_str().unwrap()).to_owned()
}
