//! Who is let in.

use serde_json::json;

use crate::raw::Raw;

const CHAT: &str = r#"{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}"#;
const GENERATE: &str = r#"{"contents": [{"parts": [{"text": "Hi"}]}]}"#;
const GEMINI: &str = "POST /v1beta/models/m:generateContent";
const OPENAI: &str = "POST /v1/chat/completions";

#[tokio::test]
async fn without_a_key_of_ours_any_way_of_saying_who_one_is_is_right() {
    let server = mynah::Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    for header in
        [("x-goog-api-key", "a"), ("authorization", "Bearer b"), ("x-api-key", "c"), ("x-none", "d")]
    {
        assert_eq!(client.ask(GEMINI, &[header], GENERATE).status(), 200);
        // With Google's header, too: the path is OpenAI's alone.
        assert_eq!(client.ask(OPENAI, &[header], CHAT).status(), 200);
    }
    assert_eq!(client.ask(&format!("{GEMINI}?key=k"), &[], GENERATE).status(), 200);
}

#[tokio::test]
async fn the_right_key_is_right_however_it_is_sent() {
    let server = mynah::Server::builder().api_key("k1").api_key("k2").start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    for header in [("x-goog-api-key", "k1"), ("authorization", "bearer k2"), ("x-api-key", "k1")] {
        assert_eq!(client.ask(GEMINI, &[header], GENERATE).status(), 200);
        assert_eq!(client.ask(OPENAI, &[header], CHAT).status(), 200);
    }
    // A right key beside a wrong one will do, as a gateway in front may add its own.
    let both = [("authorization", "Bearer wrong"), ("x-goog-api-key", "k1")];
    assert_eq!(client.ask(GEMINI, &both, GENERATE).status(), 200);
}

#[tokio::test]
async fn a_wrong_key_is_refused_as_its_api_refuses_it() {
    let server = mynah::Server::builder().api_key("right").start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let wrong = client.ask(GEMINI, &[("x-goog-api-key", "wrong")], GENERATE);
    assert_eq!((wrong.status(), &wrong.json()["error"]["status"]), (400, &json!("INVALID_ARGUMENT")));
    assert_eq!(wrong.json()["error"]["details"][0]["reason"], "API_KEY_INVALID");
    let bearer = client.ask(GEMINI, &[("authorization", "Bearer wrong")], GENERATE);
    assert_eq!((bearer.status(), &bearer.json()["error"]["status"]), (401, &json!("UNAUTHENTICATED")));
    let none = client.ask(GEMINI, &[], GENERATE);
    assert_eq!((none.status(), &none.json()["error"]["status"]), (403, &json!("PERMISSION_DENIED")));
    let openai = client.ask(OPENAI, &[("authorization", "Bearer wrong")], CHAT);
    assert_eq!((openai.status(), &openai.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    let none = client.ask(OPENAI, &[], CHAT);
    assert_eq!((none.status(), &none.json()["error"]["code"]), (401, &json!(null)));
    let compat =
        client.ask("POST /v1beta/openai/chat/completions", &[("authorization", "Bearer wrong")], CHAT);
    assert_eq!((compat.status(), &compat.json()[0]["error"]["code"]), (400, &json!(400)));
}

#[tokio::test]
async fn who_calls_decides_whose_list_of_models_it_is() {
    let server = mynah::Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let list = |answer: crate::raw::Answer| answer.json();
    let openai = list(client.ask("GET /v1/models", &[("authorization", "Bearer k")], ""));
    assert_eq!((&openai["object"], &openai["data"][0]["object"]), (&json!("list"), &json!("model")));
    for (line, headers) in [
        ("GET /v1/models", vec![("x-goog-api-key", "k")]),
        ("GET /v1/models?key=k", vec![]),
        ("GET /v1beta/models", vec![("authorization", "Bearer k")]),
        ("GET /v1alpha/models", vec![]),
    ] {
        let gemini = list(client.ask(line, &headers, ""));
        assert!(gemini["models"][0]["name"].as_str().unwrap().starts_with("models/gemini"), "{line}");
    }
    let compat = list(client.ask("GET /v1beta/openai/models", &[], ""));
    assert_eq!(compat["data"][0]["owned_by"], "google");
}
