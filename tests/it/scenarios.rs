//! Which stub answers, and what is counted.

use mynah::{Server, Unmatched};
use serde_json::json;

use crate::{
    raw::Raw,
    served::{chat, chat_with, gemini, said, serve, stubs},
};

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
    let server =
        Server::builder().scenario_text("x", yaml).marks(mynah::Marks::Hidden).start().await.unwrap();
    assert!(!chat(&mut Raw::connect(server.base_url()), "x").head.contains("x-mynah"));
}

/// Conditions, and whether they hold for the request of the test.
const CONDITIONS: &[(&str, bool)] = &[
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

#[tokio::test]
async fn conditions_look_into_every_corner_of_a_request() {
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
    for (when, holds) in CONDITIONS {
        let server = stubs(&format!("- {{when: {when}, then: {{text: matched}}}}\n")).await;
        let headers = [("x-tenant", "acme"), ("authorization", "Bearer sk-one")];
        let line = "POST /v1/chat/completions?a=1";
        let answer = Raw::connect(server.base_url()).ask(line, &headers, &body.to_string());
        assert_eq!(answer.status() == 200, *holds, "{when}: {}", answer.body());
    }
}

#[tokio::test]
async fn a_list_goes_on_with_each_match_and_ends_as_it_is_told() {
    for (at_end, answers) in [("repeat", "1 2 2 2"), ("cycle", "1 2 1 2"), ("next", "1 2 below below")] {
        // Behind a list without an end nothing else could be reached.
        let below = if at_end == "next" { "- {then: {text: below}}\n" } else { "" };
        let list =
            format!("- {{per: session, at_end: {at_end}, then: [{{text: '1'}}, {{text: '2'}}]}}\n{below}");
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
    let mut statuses =
        |text: &str, count: usize| (0..count).map(|_| chat(&mut client, text).status()).collect::<Vec<_>>();
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
    let mut ask =
        |retries: &str| chat_with(&mut client, &[("x-stainless-retry-count", retries)], &body).status();
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
    let server =
        stubs("- {when: {prompt: a, nth: {every: 3}}, then: {error: 503}}\n- {then: {text: ok}}\n").await;
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
        let headers = [("x-mynah-session", "other")];
        let answer = Raw::connect(server.base_url()).ask(&format!("POST {path}"), &headers, &body);
        assert_eq!(answer.status(), 200, "{path}");
    }
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
    let server = stubs("- {when: {query: {key: AIza-secret}}, then: {text: a}}\n").await;
    let body = json!({"contents": [{"parts": [{"text": "x"}]}]}).to_string();
    let line = "POST /v1beta/models/m:generateContent?key=AIza-other-secret";
    let answer = Raw::connect(server.base_url()).ask(line, &[], &body);
    assert_eq!((answer.status(), answer.body().contains("secret")), (404, false), "{}", answer.body());
    let server =
        stubs("- {when: {header: {cookie: a}, prompt: b, json: {$.api_key: c}}, then: {text: a}}\n").await;
    let body = json!({"model": "m", "api_key": "own-secret", "messages": [{"role": "user", "content": "sk-sent-secret-0000"}]});
    let headers = [("authorization", "Bearer sk-sent-secret-0000"), ("cookie", "id=secret")];
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
    let server =
        serve("scenario: 1\nname: t\nmodels: [gpt-4o, gemini-2.5-pro]\nstubs: {then: {text: ok}}").await;
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
async fn an_answer_without_a_body_is_answered_all_the_same() {
    let server = stubs(
        "- {when: {attempt: 1, path: /v1/empty}, then: {raw: {status: 204}}}\n- {then: {error: 500}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let all = [0, 1].map(|_| client.ask("POST /v1/empty", &[], "{}").status());
    assert_eq!(all, [204, 204]);
}

#[tokio::test]
async fn a_retry_count_beyond_all_measure_hurts_nobody() {
    let server = stubs("- {when: {attempt: 1}, then: {text: first}}\n- {then: {text: later}}\n").await;
    let mut client = Raw::connect(server.base_url());
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    for count in ["18446744073709551615", "4294967295", "-1", "x"] {
        assert_eq!(
            chat_with(&mut client, &[("x-stainless-retry-count", count)], &body).status(),
            200,
            "{count}"
        );
    }
}

#[tokio::test]
async fn an_alternative_may_have_operations_of_its_own() {
    let server = stubs("- {when: [{operation: embed}, {model: zz}], then: {from: built_in}}\n").await;
    let mut client = Raw::connect(server.base_url());
    let embed = json!({"model": "m", "input": "x"}).to_string();
    assert_eq!(client.ask("POST /v1/embeddings", &[], &embed).status(), 200);
    assert_eq!(chat(&mut client, "x").status(), 404);
}

#[tokio::test]
async fn a_miss_tells_what_was_counted() {
    let server = stubs("- {name: second, when: {nth: 2}, then: {text: a}}\n").await;
    let mut client = Raw::connect(server.base_url());
    let message = said(&chat(&mut client, "x"));
    assert!(message.contains("nth  expected 2\n       found    1"), "{message}");
    assert_eq!(chat(&mut client, "x").status(), 200);
    let server = stubs("- {when: {attempt: 1}, then: {error: 500}}\n").await;
    let mut client = Raw::connect(server.base_url());
    assert_eq!(chat(&mut client, "x").status(), 500);
    let message = said(&chat(&mut client, "x"));
    assert!(message.contains("attempt  expected 1\n           found    2"), "{message}");
    let server =
        stubs("- {name: upper, then: {from: below}}\n- {name: lower, when: {model: z}, then: {text: a}}\n")
            .await;
    let message = said(&chat(&mut Raw::connect(server.base_url()), "x"));
    assert!(message.contains("\"lower\""), "{message}");
}

#[tokio::test]
async fn a_piece_that_stands_in_a_prompt_very_often_is_found_once() {
    let of_a = "- {when: {prompt: {contains: a}, header: {x-none: c}}, then: {text: no}}\n";
    let server = stubs(&format!("{of_a}- {{then: {{text: ok}}}}\n")).await;
    let answer = chat(&mut Raw::connect(server.base_url()), &"a".repeat(2_000_000));
    assert_eq!(said(&answer), "ok");
}
