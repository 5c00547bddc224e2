//! Calls and sessions get what is theirs, however many there are at once.

use std::{collections::BTreeMap, thread};

use mynah::{Ids, Server};
use serde_json::json;

use crate::raw::Raw;

/// A request line, headers, and a body.
type Sent = (String, Vec<(&'static str, String)>, String);

/// 1,000 requests: calls with their retries, and sessions that count.
fn load() -> Vec<Vec<Sent>> {
    let body =
        |text: &str| json!({"model": "m", "messages": [{"role": "user", "content": text}]}).to_string();
    let mut threads = Vec::new();
    for number in 0..100 {
        let mut calls = Vec::new();
        // Three calls that are made at once have the same body.
        let text = format!("call {}", number / 3);
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

const STUBS: &str = "scenario: 1\nname: t\nstubs:\n\
    - {when: {prompt: {contains: call}}, per: call, then: [{error: 429}, {error: 503}, {text: ok}]}\n\
    - {when: {nth: {every: 3}}, then: {error: 500}}\n\
    - {when: {chance: 20%}, then: {error: 502}}\n\
    - {per: session, then: [{text: one}, {text: two}, {text: three}]}\n";

/// All answers by their requests, over so many connections at once.
fn answers(server: &Server, work: &[Vec<Sent>], connections: usize) -> BTreeMap<String, Vec<String>> {
    let all = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|own| {
                scope.spawn(move || {
                    let mut client = Raw::connect(server.base_url());
                    let share = work.iter().skip(own).step_by(connections).flatten();
                    share.map(|sent| ask(&mut client, sent)).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(all.len(), 1000);
    let mut sorted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (request, answer) in all {
        sorted.entry(request).or_default().push(answer);
    }
    sorted.values_mut().for_each(|answers| answers.sort());
    sorted
}

fn ask(client: &mut Raw, (line, headers, body): &Sent) -> (String, String) {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = client.ask(line, &headers, body);
    (format!("{line} {headers:?} {body}"), answer.head + &String::from_utf8_lossy(&answer.wire))
}

#[tokio::test]
async fn a_thousand_requests_in_twenty_interleavings_get_the_same_answers() {
    let work = load();
    let mut first = None;
    for interleaving in 0..20 {
        let clock = "2026-01-01T00:00:00Z".parse().unwrap();
        let builder = Server::builder().clock(clock).ids(Ids::Counted).scenario_text("t", STUBS);
        let server = builder.start().await.unwrap();
        let answers = answers(&server, &work, 1 + interleaving % 7 * 3);
        match &first {
            None => first = Some(answers),
            Some(first) => assert!(*first == answers, "interleaving {interleaving} differs"),
        }
    }
}
