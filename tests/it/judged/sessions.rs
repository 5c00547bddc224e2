//! Sessions have a journal, expectations and a seed of their own, however many there
//! are.

use std::{collections::BTreeMap, thread};

use super::*;

const THREADS: usize = 8;

/// What a session asks, which differs from what the others do: so many retries.
fn retries(session: usize) -> usize {
    session % 4
}

fn work(server: &Server, session: usize) -> Vec<String> {
    let mut client = Raw::connect(server.base_url());
    let line = format!("POST /s/test-{session}/v1/chat/completions");
    (0..=retries(session))
        .map(|_| {
            let answer = client.ask(&line, &[], &body("hello"));
            format!("{} {}", answer.status(), answer.body())
        })
        .collect()
}

async fn counting() -> Server {
    let text = "scenario: 1\nname: s\nstubs:\n\
                - {name: flaky, per: session, then: [{error: 429}, {error: 503}, {error: 500}, {text: ok}], \
                   expect: {calls: 1}}\n";
    Server::builder()
        .scenario_text("s.yaml", text)
        .allow_host("mynah.test")
        .clock(mynah::Timestamp::UNIX_EPOCH)
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_thousand_sessions_at_once_get_what_each_would_get_alone() {
    let (crowd, alone) = (counting().await, counting().await);
    let answers: BTreeMap<usize, Vec<String>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|own| {
                let crowd = &crowd;
                let mine = (0..1_000).skip(own).step_by(THREADS);
                scope.spawn(move || mine.map(|session| (session, work(crowd, session))).collect::<Vec<_>>())
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for session in [0, 1, 2, 3, 500, 999] {
        assert_eq!(answers[&session], work(&alone, session), "session {session}");
    }
    let verdict = crowd.verdict();
    assert!(verdict.passed, "{verdict}");
    assert_eq!((verdict.sessions, verdict.calls, verdict.requests), (1_000, 1_000, 2_500));
    assert_eq!(verdict.expectations.len(), 1_000);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for entry in crowd.journal() {
        assert_eq!(
            entry.attempt,
            *counts.entry(entry.session.clone()).and_modify(|n| *n += 1).or_insert(1) as u64
        );
    }
    for (session, count) in counts {
        let number: usize = session.trim_start_matches("test-").parse().unwrap();
        assert_eq!(count, retries(number) + 1, "{session}");
    }
}

fn put(server: &Server, path: &str, body: &str) -> serde_json::Value {
    let answer = Raw::connect(server.base_url()).ask(&format!("PUT /__mynah/{path}"), &[], body);
    assert!(answer.status() < 300, "{}", answer.body());
    answer.json()
}

fn post(server: &Server, path: &str, body: &str) -> serde_json::Value {
    let answer = Raw::connect(server.base_url()).ask(&format!("POST /__mynah/{path}"), &[], body);
    assert!(answer.status() < 300, "{}", answer.body());
    answer.json()
}

#[tokio::test]
async fn a_session_is_expected_to_do_what_was_said_of_it_alone() {
    let server = counting().await;
    put(&server, "sessions/test-1", r#"{"expectations": {"expectations": 1, "expect": {"requests": 5}}}"#);
    work(&server, 1);
    work(&server, 2);
    let verdict = server.verdict();
    let failed: Vec<_> =
        verdict.failures().map(|judged| (judged.session.as_str(), judged.key.as_str())).collect();
    assert_eq!(failed, [("test-1", "requests")]);
    assert_eq!(post(&server, "verify?session=test-2", "")["passed"], true);
    assert_eq!(post(&server, "verify?session=test-1", "")["passed"], false);
}

#[tokio::test]
async fn a_session_with_a_seed_of_its_own_differs_from_the_others() {
    let id = |server: &Server, session: &str| {
        let line = format!("POST /s/{session}/v1/chat/completions");
        Raw::connect(server.base_url()).ask(&line, &[], &body("hello")).json()["id"].to_string()
    };
    let (one, other) = (Server::builder().start().await.unwrap(), Server::builder().start().await.unwrap());
    let with_host = |line: &str, text: &str| {
        let mut client = Raw::connect(one.base_url());
        client.send(format!(
            "{line} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        ));
        assert!(client.answer().status() < 300);
    };
    with_host("PUT /__mynah/seed?session=a", r#"{"seed": 7}"#);
    assert_ne!(id(&one, "a"), id(&other, "a"));
    assert_eq!(id(&one, "b"), id(&other, "b"));
    with_host("PUT /__mynah/seed?session=a", r#"{"seed": null}"#);
    with_host("POST /__mynah/reset?session=a", "");
    let fresh = Server::builder().start().await.unwrap();
    assert_eq!(id(&one, "a"), id(&fresh, "a"));
}

#[tokio::test]
async fn a_session_that_is_reset_begins_anew_and_the_others_go_on() {
    let server = counting().await;
    let ask = |session: &str| {
        let line = format!("POST /s/{session}/v1/chat/completions");
        Raw::connect(server.base_url()).ask(&line, &[], &body("hello")).status()
    };
    assert_eq!([ask("a"), ask("b"), ask("a"), ask("b")], [429, 429, 503, 503]);
    post(&server, "reset?session=a", "");
    assert_eq!([ask("a"), ask("b")], [429, 500]);
    let sessions: Vec<_> = server.journal().iter().map(|entry| entry.session.clone()).collect();
    assert_eq!(sessions, ["b", "b", "a", "b"]);
    server.reset();
    assert!(server.journal().is_empty());
    assert_eq!(ask("b"), 429);
    server.verify();
}

#[tokio::test]
async fn sessions_are_bounded_in_number_and_forgotten_when_nobody_uses_them() {
    let text = "scenario: 1\nstubs: [{per: session, then: [{error: 429}, {text: ok}]}]\n";
    let builder = Server::builder().scenario_text("s.yaml", text).allow_host("mynah.test");
    let server = builder.clone().max_sessions(10).start().await.unwrap();
    let ask = |server: &Server, session: &str| {
        let line = format!("POST /s/{session}/v1/chat/completions");
        Raw::connect(server.base_url()).ask(&line, &[], &body("hello")).status()
    };
    for number in 0..30 {
        assert_eq!(ask(&server, &format!("s{number}")), 429);
    }
    let listed = Raw::connect(server.base_url()).ask("GET /__mynah/sessions", &[], "").json();
    assert!(listed["sessions"].as_array().unwrap().len() <= 11, "{listed}");
    assert_eq!(ask(&server, "s29"), 200);
    assert_eq!(ask(&server, "s0"), 429);
    let server = builder.session_idle(ms(50)).start().await.unwrap();
    assert_eq!(ask(&server, "idle"), 429);
    pause(ms(1_200));
    assert_eq!(ask(&server, "idle"), 429);
}
