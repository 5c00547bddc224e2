//! OpenAI's smaller endpoints from outside: the completions of old, and
//! moderations.

use mynah::Server;
use serde_json::{Value, json};

use crate::{raw::Raw, served::stubs};

async fn plain() -> (Server, Raw) {
    let server = Server::builder().start().await.unwrap();
    let client = Raw::connect(server.base_url());
    (server, client)
}

fn complete(client: &mut Raw, body: &Value) -> crate::raw::Answer {
    let mut full = json!({"model": "gpt-3.5-turbo-instruct"});
    full.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    client.ask("POST /v1/completions", &[], &full.to_string())
}

fn texts(answer: &Value) -> Vec<&str> {
    answer["choices"].as_array().unwrap().iter().map(|choice| choice["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_prompt_gets_its_choices() {
    let (_server, mut client) = plain().await;
    let answer = complete(&mut client, &json!({"prompt": ["one", "two"], "n": 2})).json();
    assert_eq!(texts(&answer), ["You said: one", "You said: one (2)", "You said: two", "You said: two (2)"]);
    let tokens = complete(&mut client, &json!({"prompt": [1, 2, 3], "echo": true})).json();
    assert_eq!(texts(&tokens), ["1 2 3You said: 1 2 3"]);
    assert_eq!(tokens["usage"]["prompt_tokens"], 3);
}

#[tokio::test]
async fn a_stub_s_text_goes_on_with_every_prompt() {
    let server = stubs("- then: {text: and so on}\n").await;
    let mut client = Raw::connect(server.base_url());
    let answer = complete(&mut client, &json!({"prompt": ["one", "two"], "echo": true})).json();
    assert_eq!(texts(&answer), ["oneand so on", "twoand so on"]);
    assert_eq!(answer["choices"][1]["index"], 1);
}

#[tokio::test]
async fn a_stream_ends_with_an_empty_text_that_says_why() {
    let (_server, mut client) = plain().await;
    let body = complete(&mut client, &json!({"prompt": "x", "stream": true, "max_tokens": 2})).body();
    let events: Vec<_> = body.split_terminator("\n\n").collect();
    assert_eq!(*events.last().unwrap(), "data: [DONE]");
    let json = |event: &str| serde_json::from_str::<Value>(event.strip_prefix("data: ").unwrap()).unwrap();
    let last = json(events[events.len() - 2]);
    assert_eq!(
        last["choices"],
        json!([{"text": "", "index": 0, "logprobs": null, "finish_reason": "length"}])
    );
    assert!(last.get("usage").is_none());
    let said: String = events[..events.len() - 1]
        .iter()
        .map(|event| json(event)["choices"][0]["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(said, "You said:");
}

#[tokio::test]
async fn probabilities_have_the_form_of_old() {
    let (_server, mut client) = plain().await;
    let answer = complete(&mut client, &json!({"prompt": "x", "logprobs": 2})).json();
    let scores = &answer["choices"][0]["logprobs"];
    assert_eq!(scores["tokens"], json!(["You", " said:", " x"]));
    assert_eq!(scores["text_offset"], json!([0, 3, 9]));
    assert_eq!(scores["token_logprobs"].as_array().unwrap().len(), 3);
    assert!(scores["top_logprobs"].as_array().unwrap().iter().all(|top| top.as_object().unwrap().len() == 2));
}

#[tokio::test]
async fn what_a_completion_of_old_cannot_say_is_told() {
    let server = stubs("- then: {parts: [{thought: hm}, {text: yes}, {call: {name: f, args: {}}}]}\n").await;
    let mut client = Raw::connect(server.base_url());
    let answer = complete(&mut client, &json!({"prompt": "x"}));
    assert_eq!(texts(&answer.json()), ["yes"]);
    assert!(answer.head.contains("x-mynah-missed: thought\r\nx-mynah-missed: call\r\n"), "{}", answer.head);
}

#[tokio::test]
async fn no_prompt_can_ask_for_too_much() {
    let (_server, mut client) = plain().await;
    for (body, message) in [
        (
            json!({"prompt": []}),
            "'$.prompt' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.",
        ),
        (json!({"prompt": "x", "n": 3, "best_of": 2}), "best_of must be greater than or equal to n"),
        (
            json!({"prompt": "x", "logprobs": 6}),
            "Invalid 'logprobs': integer above maximum value. Expected a value <= 5, but got 6 instead.",
        ),
        (
            json!({"prompt": ["a", "b"], "n": 128}),
            "Too many completions: 256 prompts times 'n', where 128 are answered at the most.",
        ),
    ] {
        let answer = complete(&mut client, &body);
        assert_eq!((answer.status(), answer.json()["error"]["message"].as_str()), (400, Some(message)));
    }
}

#[tokio::test]
async fn what_is_said_again_is_scored_and_has_its_bounds() {
    let (_server, mut client) = plain().await;
    let scored = complete(&mut client, &json!({"prompt": "Once upon", "echo": true, "logprobs": 0})).json();
    let tokens = &scored["choices"][0]["logprobs"]["tokens"];
    assert_eq!((&tokens[0], &tokens[1], &tokens[2]), (&json!("Once"), &json!(" upon"), &json!("You")));
    let scores = &scored["choices"][0]["logprobs"]["token_logprobs"];
    assert!(scores[0].is_null() && scores[1].is_number() && scores[2].is_number(), "{scores}");
    let much = complete(&mut client, &json!({"prompt": "x".repeat(100_000), "echo": true, "n": 128}));
    assert_eq!(much.status(), 413);
}

#[tokio::test]
async fn texts_are_judged_one_by_one() {
    let (_server, mut client) = plain().await;
    let body = json!({"input": ["I want to kill them.", "Have a nice day."]});
    let answer = client.ask("POST /v1/moderations", &[], &body.to_string()).json();
    assert_eq!(answer["model"], "omni-moderation-latest");
    let [harmful, harmless] = answer["results"].as_array().unwrap().as_slice() else { panic!("{answer}") };
    assert_eq!((&harmful["flagged"], &harmful["categories"]["violence"]), (&json!(true), &json!(true)));
    assert!(harmful["category_scores"]["violence"].as_f64() > Some(0.5));
    assert_eq!(harmless["flagged"], false);
    assert!(harmless["categories"].as_object().unwrap().values().all(|value| value == false));
    let parts = json!({"input": [{"type": "text", "text": "murder"}, {"type": "image_url", "image_url": {"url": "data:,"}}]});
    let answer = client.ask("POST /v1/moderations", &[], &parts.to_string()).json();
    assert_eq!(answer["results"].as_array().unwrap().len(), 1);
    for input in [json!([]), json!([{"type": "text"}]), json!([{"type": "zork"}]), json!(5)] {
        let body = json!({"input": input}).to_string();
        assert_eq!(client.ask("POST /v1/moderations", &[], &body).status(), 400, "{body}");
    }
}

#[tokio::test]
async fn a_scenario_decides_what_is_flagged() {
    let server = stubs(
        "- when: {operation: other, path: /v1/moderations, prompt: {contains: banana}}\n  then: {from: built_in, openai: {results: [{flagged: true, categories: {illicit: true}}]}}\n\
         - when: {path: /v1/moderations, prompt: down}\n  then: {error: 500}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let mut ask = |text: &str| client.ask("POST /v1/moderations", &[], &json!({"input": text}).to_string());
    let flagged = ask("a banana").json();
    assert_eq!(flagged["results"][0]["flagged"], true);
    assert_eq!(flagged["results"][0]["categories"]["illicit"], true);
    assert_eq!(flagged["results"][0]["categories"]["violence"], false);
    assert_eq!(ask("down").status(), 500);
    assert_eq!(ask("an apple").json()["results"][0]["flagged"], false);
}

#[tokio::test]
async fn a_base_path_in_front_of_a_known_path_is_nobody_s_business() {
    let (_server, mut client) = plain().await;
    let contents = json!({"contents": [{"parts": [{"text": "x"}]}]}).to_string();
    let chat = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]}).to_string();
    for path in ["/api/v1beta/models/m:generateContent", "/a/b/c/v1/models/m:generateContent"] {
        assert_eq!(client.ask(&format!("POST {path}"), &[], &contents).status(), 200, "{path}");
    }
    assert_eq!(client.ask("POST /openai/v1/chat/completions", &[], &chat).status(), 200);
    assert_eq!(client.ask("POST /api/v1/nothing", &[], &chat).status(), 404);
    // A version that is said twice is a mistake, as at the real APIs.
    assert_eq!(client.ask("POST /v1/v1/chat/completions", &[], &chat).status(), 404);
    assert_eq!(client.ask("POST /v1beta/openai/v1/chat/completions", &[], &chat).status(), 404);
    let response = json!({"model": "m", "input": "x"}).to_string();
    let made = client.ask("POST /api/s/one/v1/responses", &[], &response).json();
    let id = made["id"].as_str().unwrap();
    assert_eq!(client.ask(&format!("GET /s/one/v1/responses/{id}"), &[], "").status(), 200);
    assert_eq!(client.ask(&format!("GET /v1/responses/{id}"), &[], "").status(), 404);
}
