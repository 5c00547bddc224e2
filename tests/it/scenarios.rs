//! What scenarios say, over real sockets.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use mynah::{
    Ids, Server, Unmatched,
    scenario::{Pattern, Per, Stub, Then, When},
};
use serde_json::{Value, json};

use crate::raw::{Answer, Raw};

async fn serve(yaml: &str) -> Server {
    let clock = "2026-01-01T00:00:00Z".parse().unwrap();
    let started = Server::builder().clock(clock).scenario_text("test.yaml", yaml).start().await;
    started.unwrap_or_else(|error| panic!("{error}"))
}

/// One scenario with these stubs.
async fn stubs(yaml: &str) -> Server {
    serve(&format!("scenario: 1\nname: test\nstubs:\n{yaml}")).await
}

fn chat_with(client: &mut Raw, headers: &[(&str, &str)], body: &Value) -> Answer {
    client.ask("POST /v1/chat/completions", headers, &body.to_string())
}

fn chat(client: &mut Raw, text: &str) -> Answer {
    chat_with(client, &[], &json!({"model": "m", "messages": [{"role": "user", "content": text}]}))
}

fn gemini(client: &mut Raw, text: &str) -> Answer {
    let body = json!({"contents": [{"parts": [{"text": text}]}]});
    client.ask("POST /v1beta/models/m:generateContent", &[], &body.to_string())
}

fn said(answer: &Answer) -> String {
    let json = answer.json();
    let texts = [&json["choices"][0]["message"]["content"], &json["candidates"][0]["content"]["parts"][0]["text"]];
    let error = &json["error"]["message"];
    texts.into_iter().find_map(Value::as_str).unwrap_or_else(|| error.as_str().unwrap()).to_owned()
}

#[tokio::test]
async fn the_first_stub_that_matches_answers_in_every_dialect() {
    let server = stubs(
        "- {when: {prompt: {contains: weather}}, then: {text: Sunny.}}\n\
         - {when: {prompt: [a, b]}, then: {text: A letter.}}\n\
         - {then: {text: Anything.}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    for (asked, answer) in [("the weather?", "Sunny."), ("a", "A letter."), ("A", "Anything.")] {
        assert_eq!(said(&chat(&mut client, asked)), answer);
        assert_eq!(said(&gemini(&mut client, asked)), answer);
    }
}

#[tokio::test]
async fn an_answer_tells_which_stub_gave_it_unless_it_is_told_not_to() {
    let yaml = "scenario: 1\nname: Wetter für alle\nstubs: {name: heute, then: {text: ok}}";
    let server = serve(yaml).await;
    let answer = chat(&mut Raw::connect(server.base_url()), "x");
    assert_eq!(answer.header("x-mynah-answer"), Some("stub"));
    assert_eq!(answer.header("x-mynah-scenario"), Some("Wetter f%C3%BCr alle"));
    assert_eq!(answer.header("x-mynah-stub"), Some("heute"));
    let server = Server::builder().scenario_text("x", yaml).marks(mynah::Marks::Hidden).start().await.unwrap();
    assert!(!chat(&mut Raw::connect(server.base_url()), "x").head.contains("x-mynah"));
}

#[tokio::test]
async fn conditions_look_into_every_corner_of_a_request() {
    let cases = [
        ("{api: openai.chat}", true),
        ("{api: gemini}", false),
        ("{api: [gemini, openai]}", true),
        ("{operation: generate}", true),
        ("{stream: false}", true),
        ("{model: gpt-4*}", true),
        ("{model: gpt-4}", false),
        ("{model: {contains: 4o}}", true),
        ("{prompt: {regex: '(?i)OSLO'}}", true),
        ("{prompt: {not: {contains: Oslo}}}", false),
        ("{prompt: {all: [{contains: and}, {contains: Oslo}]}}", true),
        ("{system: {contains: terse}}", true),
        ("{turn: 2}", true),
        ("{turn: 3..}", false),
        ("{tools: {all: [f, g]}}", true),
        ("{tools: h}", false),
        ("{tools: null}", false),
        ("{tool_result: {f: {contains: sunny}}}", true),
        ("{tool_result: {f: {like: {sky: sunny}}}}", true),
        ("{tool_result: {g: null}}", true),
        ("{media: null}", true),
        ("{tokens: 5..}", true),
        ("{tokens: 128001..}", false),
        ("{method: POST}", true),
        ("{path: '*/completions'}", true),
        ("{query: {a: 1}}", true),
        ("{query: {b: null}}", true),
        ("{header: {X-Tenant: acme}}", true),
        ("{header: {x-tenant: {not: null}}}", true),
        ("{header: {content-length: {range: ..99999}}}", true),
        ("{key: sk-one}", true),
        ("{key: [sk-two, sk-three]}", false),
        ("{json: {$.temperature: 0.5}}", true),
        ("{json: {$.temperature: {range: 0.4..0.6}}}", true),
        ("{json: {$.messages.*.role: tool}}", true),
        ("{json: {$.seed: null, $.model: {not: null}}}", true),
        ("{json: {$.stop: {is: [a, b]}}}", true),
        ("{json: {$.stop: {is: [a]}}}", false),
        ("{nth_on_connection: 1}", true),
        ("{http: h1, tls: false}", true),
        ("[{model: other}, {key: sk-one}]", true),
    ];
    let body = json!({
        "model": "gpt-4o", "temperature": 0.5, "stop": ["a", "b"],
        "messages": [
            {"role": "system", "content": "Be terse."},
            {"role": "user", "content": "The weather in Bern and Oslo?"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "{\"sky\": \"sunny\"}"},
        ],
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {}}},
            {"type": "function", "function": {"name": "g", "parameters": {}}},
        ],
    });
    for (when, holds) in cases {
        let server = stubs(&format!("- {{when: {when}, then: {{text: matched}}}}\n")).await;
        let headers = [("x-tenant", "acme"), ("authorization", "Bearer sk-one")];
        let line = "POST /v1/chat/completions?a=1";
        let answer = Raw::connect(server.base_url()).ask(line, &headers, &body.to_string());
        assert_eq!(answer.status() == 200, holds, "{when}: {}", answer.body());
    }
}

#[tokio::test]
async fn a_list_goes_on_with_each_match_and_ends_as_it_is_told() {
    for (at_end, answers) in [("repeat", "1 2 2 2"), ("cycle", "1 2 1 2"), ("next", "1 2 below below")] {
        // Behind a list without an end nothing else could be reached.
        let below = if at_end == "next" { "- {then: {text: below}}\n" } else { "" };
        let list = format!("- {{per: session, at_end: {at_end}, then: [{{text: '1'}}, {{text: '2'}}]}}\n{below}");
        let server = stubs(&list).await;
        let mut client = Raw::connect(server.base_url());
        let all: Vec<_> = (0..4).map(|_| said(&chat(&mut client, "x"))).collect();
        assert_eq!(all.join(" "), answers, "{at_end}");
    }
}

#[tokio::test]
async fn times_stand_for_several_matches() {
    let server = stubs("- {per: session, then: [{text: a, times: 3}, {text: b}]}\n").await;
    let mut client = Raw::connect(server.base_url());
    let all: Vec<_> = (0..5).map(|_| said(&chat(&mut client, "x"))).collect();
    assert_eq!(all.join(" "), "a a a b b");
}

#[tokio::test]
async fn a_list_counts_by_whom_it_is_told_to() {
    for (per, header) in [("key", "x-api-key"), ("{header: x-user}", "x-user")] {
        let server = stubs(&format!("- {{per: {per}, then: [{{text: first}}, {{text: later}}]}}\n")).await;
        let mut client = Raw::connect(server.base_url());
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
        let mut ask = |who: &str| said(&chat_with(&mut client, &[(header, who)], &body));
        assert_eq!([ask("a"), ask("b"), ask("a"), ask("b")], ["first", "first", "later", "later"], "{per}");
    }
    let server = stubs("- {per: connection, then: [{text: first}, {text: later}]}\n").await;
    let (mut one, mut other) = (Raw::connect(server.base_url()), Raw::connect(server.base_url()));
    let all = [chat(&mut one, "x"), chat(&mut one, "x"), chat(&mut other, "x")].map(|answer| said(&answer));
    assert_eq!(all, ["first", "later", "first"]);
}

#[tokio::test]
async fn the_same_request_after_a_failure_is_the_next_attempt_of_its_call() {
    let server = stubs("- {per: call, then: [{error: 503, times: 2}, {text: ok}]}\n").await;
    let mut client = Raw::connect(server.base_url());
    let mut statuses = |text: &str, count: usize| {
        (0..count).map(|_| chat(&mut client, text).status()).collect::<Vec<_>>()
    };
    assert_eq!(statuses("a", 3), [503, 503, 200]);
    // It was answered: the same again is another call, as is another text.
    assert_eq!(statuses("a", 2), [503, 503]);
    assert_eq!(statuses("b", 1), [503]);
    assert_eq!(statuses("a", 1), [200]);
}

#[tokio::test]
async fn a_retry_count_tells_calls_apart() {
    let server = stubs(
        "- {when: {attempt: 1}, then: {error: 429}}\n- {when: {attempt: 2}, then: {error: 500}}\n- {then: {text: ok}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    let mut ask = |retries: &str| chat_with(&mut client, &[("x-stainless-retry-count", retries)], &body).status();
    // Two calls with the same body, one inside the other.
    assert_eq!([ask("0"), ask("0"), ask("1"), ask("1"), ask("2"), ask("2")], [429, 429, 500, 500, 200, 200]);
    assert_eq!(ask("0"), 429);
}

#[tokio::test]
async fn an_idempotency_key_is_one_call_whatever_the_body() {
    let server = stubs("- {when: {attempt: 1}, then: {error: 429}}\n- {then: {text: ok}}\n").await;
    let mut client = Raw::connect(server.base_url());
    let mut ask = |key: &str, text: &str| {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": text}]});
        chat_with(&mut client, &[("idempotency-key", key)], &body).status()
    };
    assert_eq!([ask("k1", "x"), ask("k2", "x"), ask("k1", "y"), ask("k2", "x")], [429, 429, 200, 200]);
}

#[tokio::test]
async fn nth_counts_those_for_which_all_else_holds() {
    let server = stubs(
        "- {when: {prompt: a, nth: {every: 3}}, then: {error: 503}}\n- {then: {text: ok}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let mut ask = |text: &str| chat(&mut client, text).status();
    assert_eq!([ask("a"), ask("b"), ask("a"), ask("b"), ask("a"), ask("a")], [200, 200, 200, 200, 503, 200]);
}

#[tokio::test]
async fn chance_is_drawn_from_the_seed_and_not_from_the_order() {
    let yaml = "scenario: 1\nname: luck\nseed: 7\nstubs:\n- {when: {chance: 30%}, then: {error: 500}}\n- {then: {text: ok}}\n";
    let server = serve(yaml).await;
    let mut client = Raw::connect(server.base_url());
    let texts: Vec<_> = (0..200).map(|number| format!("text {number}")).collect();
    let first: Vec<_> = texts.iter().map(|text| chat(&mut client, text).status()).collect();
    let failed = first.iter().filter(|status| **status == 500).count();
    assert!((30..90).contains(&failed), "{failed}");
    let server = serve(yaml).await;
    let mut client = Raw::connect(server.base_url());
    let mut again: Vec<_> = texts.iter().rev().map(|text| chat(&mut client, text).status()).collect();
    again.reverse();
    assert_eq!(first, again);
}

#[tokio::test]
async fn states_are_set_when_a_reply_is_chosen() {
    let server = serve(
        "scenario: 1\nname: shop\nstates: {order: empty}\nstubs:\n\
         - {when: {prompt: buy, state: {order: empty}}, then: {text: Added., set: {order: open}}}\n\
         - {when: {prompt: pay, state: {order: open}}, then: {text: Paid., set: {order: paid}}}\n\
         - {when: {prompt: pay, state: {order: [empty, paid]}}, then: {text: Nothing to pay.}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let all = ["pay", "buy", "pay", "pay"].map(|text| said(&chat(&mut client, text)));
    assert_eq!(all, ["Nothing to pay.", "Added.", "Paid.", "Nothing to pay."]);
}

#[tokio::test]
async fn a_session_has_counts_states_and_ids_of_its_own() {
    let server = stubs("- {per: session, then: [{text: first}, {text: later}]}\n").await;
    let mut client = Raw::connect(server.base_url());
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    let header = |client: &mut Raw, name: &str| chat_with(client, &[("x-mynah-session", name)], &body);
    let (one, two) = (header(&mut client, "one"), header(&mut client, "two"));
    assert_eq!([said(&one), said(&two)], ["first", "first"]);
    assert_ne!(one.json()["id"], two.json()["id"]);
    // The prefix names the same session as the header.
    let prefixed = client.ask("POST /s/one/v1/chat/completions", &[], &body.to_string());
    assert_eq!(said(&prefixed), "later");
    assert_eq!(said(&chat(&mut client, "x")), "first");
    let gemini = json!({"contents": [{"parts": [{"text": "x"}]}]}).to_string();
    let answer = client.ask("POST /s/three/v1beta/models/m:generateContent", &[], &gemini);
    assert_eq!(said(&answer), "first");
}

#[tokio::test]
async fn a_session_s_prefix_goes_with_a_base_path_on_either_side() {
    let yaml = "scenario: 1\nname: t\nstubs: {then: {text: ok}}";
    let server = Server::builder().base_path("/api").scenario_text("x", yaml).start().await.unwrap();
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]}).to_string();
    for path in ["/api/v1/chat/completions", "/api/s/a/v1/chat/completions", "/s/a/api/v1/chat/completions"] {
        let answer = Raw::connect(server.base_url()).ask(&format!("POST {path}"), &[], &body);
        assert_eq!(answer.status(), 200, "{path}");
    }
}

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
    assert_eq!(balance["error"], json!({"message": "No money.", "type": "billing", "param": null, "code": null}));
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
async fn a_matched_request_that_the_real_api_would_refuse_is_refused() {
    let yaml = |lenient| format!("- {{lenient: {lenient}, then: {{text: ok}}}}\n");
    let body = json!({"model": "m", "messages": []});
    let server = stubs(&yaml(false)).await;
    let refused = chat_with(&mut Raw::connect(server.base_url()), &[], &body);
    assert_eq!((refused.status(), refused.header("x-mynah-answer")), (400, Some("refusal")));
    let server = stubs(&yaml(true)).await;
    let answered = chat_with(&mut Raw::connect(server.base_url()), &[], &body);
    assert_eq!((answered.status(), said(&answered)), (200, "ok".to_owned()));
}

#[tokio::test]
async fn a_miss_tells_the_nearest_stub_and_what_differs() {
    let server = stubs(
        "- {name: far, when: {model: x*, stream: true, prompt: z}, then: {text: a}}\n\
         - {name: near, when: {model: m, prompt: the weather in Oslo}, then: {text: b}}\n\
         - {name: other, when: {model: m, prompt: something else}, then: {text: c}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    for answer in [chat(&mut client, "the wether in Oslo"), gemini(&mut client, "the wether in Oslo")] {
        assert_eq!((answer.status(), answer.header("x-mynah-answer")), (404, Some("miss")));
        let message = said(&answer);
        assert!(message.contains("the nearest is \"near\" (test.yaml:"), "{message}");
        assert!(message.contains("expected \"the weather in Oslo\""), "{message}");
        assert!(message.contains("found    \"the wether in Oslo\""), "{message}");
        assert!(!message.contains("stream"), "{message}");
    }
}

#[tokio::test]
async fn a_miss_never_shows_a_key() {
    let server = stubs("- {when: {key: sk-expected-secret}, then: {text: a}}\n").await;
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    let headers = [("authorization", "Bearer sk-sent-secret-0000")];
    let answer = chat_with(&mut Raw::connect(server.base_url()), &headers, &body);
    assert!(!answer.body().contains("secret"), "{}", answer.body());
}

#[tokio::test]
async fn with_stubs_only_content_is_missed_and_the_rest_stays_built_in() {
    let server = stubs("- {when: {prompt: a}, then: {text: ok}}\n").await;
    let mut client = Raw::connect(server.base_url());
    assert_eq!(client.ask("GET /v1/models", &[], "").status(), 200);
    let count = json!({"contents": [{"parts": [{"text": "b"}]}]}).to_string();
    assert_eq!(client.ask("POST /v1beta/models/m:countTokens", &[], &count).status(), 200);
    let embed = json!({"model": "m", "input": "x"}).to_string();
    assert_eq!(client.ask("POST /v1/embeddings", &[], &embed).header("x-mynah-answer"), Some("miss"));
    let yaml = "scenario: 1\nname: t\nstubs: {when: {prompt: a}, then: {text: ok}}";
    let builder = || Server::builder().scenario_text("x", yaml);
    let server = builder().unmatched(Unmatched::BuiltIn).start().await.unwrap();
    assert_eq!(chat(&mut Raw::connect(server.base_url()), "b").header("x-mynah-answer"), Some("built-in"));
    let server = Server::builder().unmatched(Unmatched::Miss).start().await.unwrap();
    assert_eq!(chat(&mut Raw::connect(server.base_url()), "b").header("x-mynah-answer"), Some("miss"));
}

#[tokio::test]
async fn only_models_that_are_listed_are_known() {
    let server = serve("scenario: 1\nname: t\nmodels: [gpt-4o, gemini-2.5-pro]\nstubs: {then: {text: ok}}").await;
    let mut client = Raw::connect(server.base_url());
    let body = |model: &str| json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
    assert_eq!(chat_with(&mut client, &[], &body("gpt-4o")).status(), 200);
    let unknown = chat_with(&mut client, &[], &body("gpt-9"));
    assert_eq!((unknown.status(), &unknown.json()["error"]["code"]), (404, &json!("model_not_found")));
    assert_eq!(gemini(&mut client, "x").json()["error"]["status"], "NOT_FOUND");
    let list = client.ask("GET /v1/models", &[], "").json();
    let names: Vec<_> = list["data"].as_array().unwrap().iter().map(|model| &model["id"]).collect();
    assert_eq!(names, ["gpt-4o", "gemini-2.5-pro"]);
    assert_eq!(client.ask("GET /v1/models/gpt-9", &[], "").status(), 404);
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
    let body = |text: &str| json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": text}]});
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
    let body = |text: &str| json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": text}]});
    let empty = chat_with(&mut client, &[], &body("empty"));
    assert_eq!((empty.status(), empty.body().as_str()), (200, ""));
    let events = chat_with(&mut client, &[], &body("events")).body();
    assert!(events.starts_with("data: {\"a\":1}\n\ndata: [x\n\n: hi\nid: 7\n\n\r\nydata: {\"error\":"), "{events}");
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
    let start = Instant::now();
    client.send(crate::raw::request("POST /v1/chat/completions", &[], &body.to_string()));
    client.peek();
    assert!(start.elapsed() >= Duration::from_millis(50));
    let answer = client.answer();
    // The role leaves first, then three texts; the finish waits.
    assert!(start.elapsed() >= Duration::from_millis(50 + 100 + 3 * 40 + 60));
    assert_eq!(answer.chunks.len(), 6);
    let start = Instant::now();
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
async fn a_place_that_names_nothing_is_told_in_a_header() {
    let server = stubs("- {then: {text: a, pace: {pause: {before: call.3, for: 1s}}}}\n").await;
    let answer = chat(&mut Raw::connect(server.base_url()), "x");
    assert_eq!(answer.header("x-mynah-missed"), Some("pause call.3"));
}

#[tokio::test]
async fn stubs_can_be_made_by_code() {
    let server = Server::builder()
        .stub(
            Stub::when(When::default().prompt(Pattern::contains("weather")).header("x-user", Pattern::present()))
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
    assert_eq!((first.status(), first.header("retry-after"), said(&first).as_str()), (429, Some("3"), "Slow down."));
    assert_eq!(said(&chat_with(&mut client, &[("x-user", "u")], &body)), "Sunny.");
    assert_eq!(said(&chat(&mut client, "the weather")), "Anything.");
}

#[tokio::test]
async fn a_stub_made_wrong_by_code_is_an_error_that_says_so() {
    let error = Server::builder().stub(Stub::always()).start().await.unwrap_err();
    assert!(error.to_string().contains("a stub needs at least one reply"), "{error}");
}

/// 1,000 requests: calls with their retries, and sessions that count.
fn load() -> Vec<Vec<(String, Vec<(&'static str, String)>, String)>> {
    let body = |text: &str| json!({"model": "m", "messages": [{"role": "user", "content": text}]}).to_string();
    let mut threads = Vec::new();
    for number in 0..100 {
        let mut calls = Vec::new();
        // Two calls in three have the same body as others.
        let text = format!("call {}", number % 67);
        for retry in 0..3 {
            let headers = vec![("x-stainless-retry-count", retry.to_string())];
            calls.push(("POST /v1/chat/completions".to_owned(), headers, body(&text)));
        }
        for step in 0..7 {
            let path = format!("POST /s/test-{number}/v1/chat/completions");
            calls.push((path, vec![], body(&format!("step {}", step % 2))));
        }
        threads.push(calls);
    }
    threads
}

#[tokio::test]
async fn a_thousand_requests_in_twenty_interleavings_get_the_same_answers() {
    let yaml = "scenario: 1\nname: t\nstubs:\n\
        - {when: {prompt: {contains: call}}, per: call, then: [{error: 429}, {error: 503}, {text: ok}]}\n\
        - {when: {nth: {every: 3}}, then: {error: 500}}\n\
        - {when: {chance: 20%}, then: {error: 502}}\n\
        - {per: session, then: [{text: one}, {text: two}, {text: three}]}\n";
    let work = load();
    let mut first: Option<BTreeMap<String, Vec<String>>> = None;
    for interleaving in 0..20 {
        let clock = "2026-01-01T00:00:00Z".parse().unwrap();
        let builder = Server::builder().clock(clock).ids(Ids::Counted).scenario_text("t", yaml);
        let server = builder.start().await.unwrap();
        let connections = 1 + interleaving % 7 * 3;
        let answers = thread::scope(|scope| {
            let threads: Vec<_> = (0..connections)
                .map(|own| {
                    let (work, server) = (&work, &server);
                    scope.spawn(move || {
                        let mut client = Raw::connect(server.base_url());
                        let mut answers = Vec::new();
                        for calls in work.iter().skip(own).step_by(connections) {
                            for (line, headers, body) in calls {
                                let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                                let answer = client.ask(line, &headers, body);
                                answers.push((format!("{line} {headers:?} {body}"), answer.head + &String::from_utf8_lossy(&answer.wire)));
                            }
                        }
                        answers
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(answers.len(), 1000);
        let mut sorted: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (request, answer) in answers {
            sorted.entry(request).or_default().push(answer);
        }
        sorted.values_mut().for_each(|answers| answers.sort());
        match &first {
            None => first = Some(sorted),
            Some(first) => assert!(*first == sorted, "interleaving {interleaving} differs"),
        }
    }
}
