//! The same requests give the same bytes, whatever their order.

use std::thread;

use mynah::{Ids, Server};

use crate::raw::{Answer, Raw};

fn requests() -> Vec<(String, String)> {
    let chat = |extra: &str, text: &str| {
        let body =
            format!(r#"{{"model": "m", "messages": [{{"role": "user", "content": "{text}"}}]{extra}}}"#);
        ("POST /v1/chat/completions".to_owned(), body)
    };
    let gemini = |verb: &str, text: &str| {
        let body = format!(r#"{{"contents": [{{"parts": [{{"text": "{text}"}}]}}]}}"#);
        (format!("POST /v1beta/models/m:{verb}"), body)
    };
    let messages = |extra: &str, text: &str| {
        let body = format!(
            r#"{{"model": "m", "max_tokens": 9, "messages": [{{"role": "user", "content": "{text}"}}]{extra}}}"#
        );
        ("POST /v1/messages".to_owned(), body)
    };
    let others = |path: &str, extra: &str, text: &str| {
        let body = format!(r#"{{"model": "m", "input": "{text}", "prompt": "{text}"{extra}}}"#);
        (format!("POST /v1/{path}"), body)
    };
    let mut all = Vec::new();
    for number in 0..12 {
        // Each text stands for three requests that are alike.
        let text = format!("number {}", number / 3);
        all.push(chat("", &text));
        all.push(chat(r#", "stream": true, "n": 2"#, &text));
        all.push(chat(r#", "logprobs": true, "top_logprobs": 3"#, &text));
        all.push(chat(r#", "n": "two""#, &text));
        all.push(gemini("generateContent", &text));
        all.push(gemini("streamGenerateContent", &text));
        all.push(gemini("streamGenerateContent?alt=sse", &text));
        all.push(gemini("countTokens", &text));
        all.push(messages("", &text));
        all.push(messages(r#", "stream": true"#, &text));
        all.push(messages(r#", "top_k": "two""#, &text));
        all.push(("POST /v1/responses".to_owned(), format!(r#"{{"model": "m", "input": "{text}"}}"#)));
        all.push((
            "POST /v1/responses".to_owned(),
            format!(r#"{{"model": "m", "input": "{text}", "stream": true}}"#),
        ));
        all.push(others("moderations", "", &text));
        all.push(others("completions", r#", "n": 2, "logprobs": 1"#, &text));
        all.push(others("completions", r#", "stream": true"#, &text));
        // One path, and two APIs.
        all.push(("GET /v1/models".to_owned(), String::new()));
        all.push(("GET /v1/models?key=k".to_owned(), String::new()));
        // Too large, one like the other.
        all.push(chat("", &"x".repeat(5000 + number)));
    }
    all
}

async fn server(seed: u64, ids: Ids) -> Server {
    let clock = "2026-01-01T00:00:00Z".parse().unwrap();
    Server::builder().seed(seed).clock(clock).ids(ids).max_body(5000).start().await.unwrap()
}

/// Every connection sends its share, all at once.
fn answers(server: &Server, requests: &[(String, String)], connections: usize) -> Vec<(String, Answer)> {
    let mut all: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|first| {
                scope.spawn(move || {
                    let mut client = Raw::connect(server.base_url());
                    let share = requests.iter().skip(first).step_by(connections);
                    share
                        .map(|(line, body)| (format!("{line} {body}"), client.ask(line, &[], body)))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    all.sort();
    all
}

#[tokio::test]
async fn order_and_connections_change_no_byte() {
    let requests = requests();
    let expected = answers(&server(7, Ids::Counted).await, &requests, 1);
    let mut turned = requests.clone();
    for round in 0..6 {
        turned.rotate_left(17);
        turned.reverse();
        let found = answers(&server(7, Ids::Counted).await, &turned, 2 + round);
        assert!(expected == found, "round {round} differs");
    }
}

#[tokio::test]
async fn the_same_request_has_other_ids_when_it_comes_again_unless_told_otherwise() {
    let requests: Vec<_> = requests().into_iter().take(1).cycle().take(3).collect();
    let distinct = |mut answers: Vec<(String, Answer)>| {
        answers.dedup();
        answers.len()
    };
    assert_eq!(distinct(answers(&server(7, Ids::Counted).await, &requests, 1)), 3);
    assert_eq!(distinct(answers(&server(7, Ids::ByRequest).await, &requests, 1)), 1);
}

#[tokio::test]
async fn another_seed_gives_other_ids() {
    let requests = requests();
    let one = answers(&server(1, Ids::ByRequest).await, &requests, 1);
    let two = answers(&server(2, Ids::ByRequest).await, &requests, 1);
    let same = one.iter().zip(&two).filter(|(one, two)| one.1 == two.1).count();
    assert_eq!(same, 0);
}

#[tokio::test]
async fn a_wrong_key_before_a_right_one_changes_nothing_for_it() {
    let mut found = Vec::new();
    for keys in [["right", "wrong", "right"], ["wrong", "right", "right"], ["right", "right", "wrong"]] {
        let clock = "2026-01-01T00:00:00Z".parse().unwrap();
        let server = Server::builder().clock(clock).api_key("right").start().await.unwrap();
        let mut client = Raw::connect(server.base_url());
        let mut answers: Vec<_> = keys
            .iter()
            .map(|key| client.ask("GET /v1/models", &[("authorization", &format!("Bearer {key}"))], ""))
            .collect();
        answers.sort();
        found.push(answers);
    }
    assert!(found.iter().all(|answers| *answers == found[0]));
}
