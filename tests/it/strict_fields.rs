//! `--strict-fields`: what the real APIs do with fields that they do not know.

use mynah::{Server, UnknownFields};
use serde_json::{Value, json};

use crate::raw::{Answer, Raw};

async fn strict() -> (Server, Raw) {
    let server = Server::builder().unknown_fields(UnknownFields::Refused).start().await.unwrap();
    let client = Raw::connect(server.base_url());
    (server, client)
}

fn post(client: &mut Raw, path: &str, body: &Value) -> Answer {
    client.ask(&format!("POST {path}"), &[], &body.to_string())
}

#[tokio::test]
async fn google_tells_every_unknown_field_at_once() {
    let (_server, mut client) = strict().await;
    let body = json!({
        "contents": [{"parts": [{"text": "x"}], "mood": 1}], "banana": 1, "generation_config": {"topK": 1, "kiwi": 2},
    });
    let answer = post(&mut client, "/v1beta/models/m:generateContent", &body);
    let error = &answer.json()["error"];
    assert_eq!((answer.status(), &error["status"]), (400, &json!("INVALID_ARGUMENT")));
    let message = error["message"].as_str().unwrap();
    assert_eq!(message.lines().count(), 3, "{message}");
    for name in ["mood", "banana", "kiwi"] {
        assert!(
            message.contains(&format!("Invalid JSON payload received. Unknown name \"{name}\"")),
            "{message}"
        );
    }
    assert_eq!(error["details"][0]["fieldViolations"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn each_of_google_s_methods_is_strict() {
    let (_server, mut client) = strict().await;
    let content = json!({"parts": [{"text": "x"}]});
    for (method, body) in [
        ("countTokens", json!({"contents": [content], "banana": 1})),
        ("countTokens", json!({"generateContentRequest": {"contents": [content], "banana": 1}})),
        ("embedContent", json!({"content": content, "banana": 1})),
        ("batchEmbedContents", json!({"requests": [{"content": content, "banana": 1}]})),
        ("streamGenerateContent", json!({"contents": [content], "banana": 1})),
        ("predict", json!({"instances": [{"prompt": "x"}], "banana": 1})),
    ] {
        let answer = post(&mut client, &format!("/v1beta/models/m:{method}"), &body);
        assert_eq!(answer.status(), 400, "{method}");
        assert!(answer.body().contains("Unknown name \\\"banana\\\""), "{method}: {}", answer.body());
    }
}

#[tokio::test]
async fn openai_tells_the_first_unknown_parameter() {
    let (_server, mut client) = strict().await;
    let user = json!([{"role": "user", "content": "x", "mood": 1}]);
    for (path, body, param) in [
        ("responses", json!({"model": "m", "input": "x", "banana": 1}), "banana"),
        ("responses", json!({"model": "m", "input": user}), "input[0].mood"),
        ("chat/completions", json!({"model": "m", "messages": user}), "messages[0].mood"),
        ("completions", json!({"model": "m", "prompt": "x", "banana": 1}), "banana"),
        ("embeddings", json!({"model": "m", "input": "x", "banana": 1}), "banana"),
        ("moderations", json!({"input": "x", "banana": 1}), "banana"),
        ("images/generations", json!({"prompt": "x", "banana": 1}), "banana"),
    ] {
        let answer = post(&mut client, &format!("/v1/{path}"), &body);
        assert_eq!(
            answer.json()["error"],
            json!({"message": format!("Unknown parameter: '{param}'."), "type": "invalid_request_error",
                   "param": param, "code": "unknown_parameter"}),
        );
        assert_eq!(answer.status(), 400);
    }
    // What only OpenAI's own tools have is listed nowhere.
    let hosted = json!({"model": "m", "input": "x", "tools": [{"type": "web_search", "filters": {}}]});
    assert_eq!(post(&mut client, "/v1/responses", &hosted).status(), 200);
}

#[tokio::test]
async fn unknown_fields_are_ignored_unless_that_is_asked() {
    let server = Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let contents = json!([{"parts": [{"text": "x"}]}]);
    for (path, body) in [
        ("/v1/responses", json!({"model": "m", "input": "x", "banana": 1})),
        ("/v1beta/models/m:generateContent", json!({"contents": contents, "banana": 1})),
    ] {
        assert_eq!(post(&mut client, path, &body).status(), 200);
    }
}
