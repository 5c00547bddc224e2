//! Clients that are broken in one way each: the expectation that is made for it tells.

use super::*;
use crate::raw::request;

const THREE: &str = "[{error: {status: 429, retry_after: {ms: 300ms}}, times: 2}, {text: hello}]";

#[tokio::test]
async fn a_client_that_does_as_it_should_passes() {
    let expect = "{requests: 3, calls: 1, attempts: 3, gaps: 300ms.., retry_after: obeyed, same: [body, key], \
                   connections: 1, concurrent: 1, left: never}";
    let server = serve(THREE, expect).await;
    let client = ask_after(&server, &[320, 320]);
    server.verify();
    drop(client);
}

#[tokio::test]
async fn one_that_tries_a_400_again_is_caught() {
    let server = serve("{error: 400}", "{attempts: 1}").await;
    ask_after(&server, &[20]);
    let verdict = server.verdict();
    assert_eq!(failed(&verdict), ["attempts"]);
    assert_eq!(verdict.expectations[0].happened, "the call was tried 2 times");
    assert_eq!(verdict.expectations[0].attempts.iter().map(|row| row.status).collect::<Vec<_>>(), [400, 400]);
}

#[tokio::test]
async fn one_that_ignores_retry_after_is_caught() {
    let server = serve(THREE, "{attempts: 3, retry_after: obeyed}").await;
    ask_after(&server, &[20, 20]);
    let verdict = server.verdict();
    assert_eq!(failed(&verdict), ["retry_after"]);
    let happened = &verdict.expectations[1].happened;
    assert!(happened.contains("after `retry-after-ms: 300`, where 0.300 s to 1.300 s"), "{happened}");
}

#[tokio::test]
async fn one_that_hammers_without_a_pause_is_caught() {
    let server = serve(THREE, "{gaps: {backoff: {base: 200ms, jitter: -25%..100%}}}").await;
    ask_after(&server, &[0, 0]);
    assert_eq!(failed(&server.verdict()), ["gaps"]);
}

#[tokio::test]
async fn one_whose_pauses_do_not_grow_is_caught() {
    let server = serve(THREE, "{gaps: [100ms.., 200ms..]}").await;
    ask_after(&server, &[120, 120]);
    let verdict = server.verdict();
    assert!(verdict.expectations[0].happened.starts_with("gap 2 of call 1 was 0.1"), "{verdict}");
}

#[tokio::test]
async fn one_that_tries_again_after_content_is_caught() {
    let cut = "{text: [Hel, lo], wire: {end: {after: text.1, how: reset}}}";
    let server = serve(cut, "{attempts: 1}").await;
    for _ in 0..2 {
        let mut client = Raw::connect(server.base_url());
        client.send(request(CHAT, &[], &streaming("hello")));
        client.until_reset();
    }
    let verdict = server.verdict();
    assert_eq!(failed(&verdict), ["attempts"]);
    assert_eq!(verdict.expectations[0].attempts[0].end, "cut off (reset)");
}

#[tokio::test]
async fn one_that_sends_another_body_is_caught() {
    let server = serve("[{error: 500}, {text: hello}]", "{group: stub, attempts: 2, same: body}").await;
    let mut client = Raw::connect(server.base_url());
    client.ask(CHAT, &[], &body("hello"));
    client.ask(CHAT, &[], &body("hello again"));
    let verdict = server.verdict();
    assert_eq!(failed(&verdict), ["same"]);
    let happened = &verdict.expectations[1].happened;
    assert!(happened.contains(r#"$.messages[0].content: "hello" became "hello again""#), "{happened}");
}

#[tokio::test]
async fn one_that_changes_its_body_is_caught_by_its_retry_count_too() {
    let server = serve("[{error: 500}, {text: hello}]", "{attempts: 2, same: body}").await;
    let mut client = Raw::connect(server.base_url());
    for (count, prompt) in [("0", "hello"), ("1", "hello again")] {
        client.ask(CHAT, &[("x-stainless-retry-count", count)], &body(prompt));
    }
    assert_eq!(failed(&server.verdict()), ["same"]);
}

#[tokio::test]
async fn one_that_loses_its_idempotency_key_or_its_key_is_caught() {
    let server = serve("[{error: 500}, {text: hello}]", "{same: [idempotency-key, key]}").await;
    let mut client = Raw::connect(server.base_url());
    let first = [("idempotency-key", "one"), ("authorization", "Bearer sk-mynah-first-key")];
    client.ask(CHAT, &first, &body("hello"));
    client.ask(CHAT, &[("authorization", "Bearer sk-mynah-second-key")], &body("hello"));
    let verdict = server.verdict();
    assert_eq!(failed(&verdict), ["same"]);
    assert!(!verdict.to_string().contains("second-key"), "{verdict}");
}

#[tokio::test]
async fn one_that_never_cancels_is_caught() {
    let stalls = "{text: [Hel, lo], wire: {end: {after: text.1, hold: 600ms, how: close}}}";
    let server = serve(stalls, "{left: ..200ms}").await;
    let mut client = Raw::connect(server.base_url());
    client.send(request(CHAT, &[], &streaming("hello")));
    client.rest();
    let verdict = server.verdict();
    assert_eq!(failed(&verdict), ["left"]);
    assert!(verdict.expectations[0].happened.contains("cut off (close)"), "{verdict}");
}

#[tokio::test]
async fn one_that_leaves_too_early_is_caught() {
    let server = serve("{text: [Hel, lo], pace: {every: 5s}}", "{left: never}").await;
    let mut client = Raw::connect(server.base_url());
    client.send(request(CHAT, &[], &streaming("hello")));
    client.peek();
    drop(client);
    let verdict = server.verdict();
    assert_eq!(failed(&verdict), ["left"]);
    assert!(verdict.expectations[0].attempts[0].end.starts_with("client left"), "{verdict}");
}

#[tokio::test]
async fn one_that_opens_a_connection_for_each_attempt_is_caught() {
    let server = serve(THREE, "{connections: 1}").await;
    for _ in 0..3 {
        Raw::connect(server.base_url()).ask(CHAT, &[], &body("hello"));
    }
    let verdict = server.verdict();
    assert_eq!(verdict.expectations[0].happened, "3 connections");
}

#[tokio::test]
async fn one_that_does_all_at_once_is_caught() {
    let server = serve("{text: hello, pace: {first: 300ms}}", "{concurrent: ..2}").await;
    let mut clients: Vec<_> = (0..4).map(|_| Raw::connect(server.base_url())).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(request(CHAT, &[], &body(&format!("hello {number}"))));
    }
    for client in &mut clients {
        client.answer();
    }
    let verdict = server.verdict();
    assert_eq!(
        (failed(&verdict), verdict.expectations[0].happened.as_str()),
        (vec!["concurrent"], "4 at once")
    );
}

#[tokio::test]
async fn one_that_asks_what_nobody_answers_and_in_the_wrong_order_is_caught() {
    let text = "scenario: 1\nname: s\nexpect: {unmatched: 0, unused: 0, order: [first, second]}\nstubs:\n\
                - {name: first, when: {prompt: one}, then: {text: 1}}\n\
                - {name: second, when: {prompt: two}, then: {text: 2}}\n\
                - {name: third, when: {prompt: three}, then: {text: 3}}\n";
    let server = Server::builder().scenario_text("s.yaml", text).start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    for prompt in ["two", "one", "four"] {
        client.ask(CHAT, &[], &body(prompt));
    }
    let verdict = server.verdict();
    assert_eq!(failed(&verdict), ["unmatched", "unused", "order"]);
    let happened: Vec<_> = verdict.failures().map(|judged| judged.happened.as_str()).collect();
    assert!(happened[0].starts_with("1\nmynah: ") && happened[0].contains("four"), "{happened:?}");
    assert_eq!(happened[1..], ["1: s/third", "second, then first"]);
}
