//! What the journal tells of exchanges on real sockets.

use mynah::{
    identity::Payload,
    journal::{End, Entry, Gone, Source},
};

use super::*;
use crate::raw::request;

/// The last exchange, once it has ended so.
fn ended(server: &Server, is_so: impl Fn(&Entry) -> bool) -> Entry {
    crate::recordings::wait_for(|| server.journal().last().is_some_and(&is_so));
    server.journal().pop().unwrap()
}

#[tokio::test]
async fn an_exchange_is_told_with_its_writes_and_its_end() {
    let server = serve("{text: [Hel, lo], pace: {first: 50ms, every: 80ms}}", "{attempts: 1}").await;
    let mut client = Raw::connect(server.base_url());
    let key = ("authorization", "Bearer sk-mynah-not-to-be-seen");
    let answer = client.ask(CHAT, &[key], &streaming("hello"));
    let entry = ended(&server, |entry| entry.end.is_some());
    assert_eq!(entry.answer.source, Source::Stub);
    assert_eq!(entry.answer.stubs[0].place, "s.yaml:4");
    assert_eq!(entry.sent, (answer.head.len() + answer.wire.len()) as u64);
    assert_eq!(entry.writes.iter().map(|(_, bytes)| bytes).sum::<u64>(), entry.sent);
    assert_eq!(entry.end.unwrap().0, End::Complete);
    assert_eq!(entry.end.unwrap().1, entry.last.unwrap());
    assert!(entry.last.unwrap() - entry.read >= ms(130), "{entry:?}");
    assert_eq!((entry.call, entry.attempt), (1, 1));
    let hash = Payload::of(answer.body().as_bytes());
    assert_eq!(entry.answer.payload, Some(hash));
    assert_eq!(entry.gone, None);
    drop(client);
    let entry = ended(&server, |entry| entry.gone.is_some());
    assert_eq!(entry.gone.unwrap().0, Gone::Closed);
    server.verify();
}

#[tokio::test]
async fn a_cut_is_told_from_a_client_that_left() {
    let cut = "{text: [Hel, lo], wire: {end: {after: text.1, how: reset}}}";
    let server = serve(cut, "{requests: 1..}").await;
    let mut client = Raw::connect(server.base_url());
    client.send(request(CHAT, &[], &streaming("hello")));
    client.until_reset();
    assert_eq!(ended(&server, |entry| entry.end.is_some()).end.unwrap().0, End::Cut("reset"));
    drop(server);
    let server =
        serve("{text: [Hel, lo], wire: {end: {after: text.1, hold: forever}}}", "{left: ..2s}").await;
    let mut client = Raw::connect(server.base_url());
    client.send(request(CHAT, &[], &streaming("hello")));
    client.peek();
    pause(ms(300));
    drop(client);
    let entry = ended(&server, |entry| entry.end.is_some());
    let (end, at) = entry.end.unwrap();
    assert_eq!(end, End::Left);
    assert!(at - entry.last.unwrap() >= ms(250), "{entry:?}");
    server.verify();
}

#[tokio::test]
async fn a_gap_runs_from_the_last_byte_to_the_first_of_the_next_request() {
    let server = serve("[{error: 500, pace: {first: 200ms}}, {text: hello}]", "{gaps: 150ms..}").await;
    let mut client = Raw::connect(server.base_url());
    client.ask(CHAT, &[], &body("hello"));
    pause(ms(160));
    // The first byte counts, however long the others take.
    let sent = request(CHAT, &[], &body("hello"));
    client.send(&sent[..1]);
    pause(ms(200));
    client.send(&sent[1..]);
    client.answer();
    let [first, second] = server.journal().try_into().unwrap();
    assert!(second.read - second.came >= ms(190), "{second:?}");
    assert!(second.came - first.last.unwrap() >= ms(150));
    assert!(first.last.unwrap() - first.came >= ms(200));
    server.verify();
}

#[tokio::test]
async fn pipelined_requests_are_told_apart() {
    let server = serve("{text: hello}", "{requests: 3, connections: 1}").await;
    let mut client = Raw::connect(server.base_url());
    let all: String = ["a", "b", "c"].map(|prompt| request(CHAT, &[], &body(prompt))).concat();
    client.send(all);
    let lengths: Vec<_> = (0..3)
        .map(|_| {
            let answer = client.answer();
            (answer.head.len() + answer.wire.len()) as u64
        })
        .collect();
    ended(&server, |entry| entry.end.is_some());
    let sent: Vec<_> = server.journal().iter().map(|entry| entry.sent).collect();
    assert_eq!(sent, lengths);
    server.verify();
}

#[tokio::test]
async fn what_nothing_answers_and_what_is_refused_is_told_with_its_reason() {
    let text = "scenario: 1\nstubs: [{when: {prompt: weather}, then: {text: sunny}}]\n";
    let server = Server::builder().scenario_text("w.yaml", text).start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    client.ask(CHAT, &[], &body("hello"));
    client.ask(CHAT, &[], r#"{"model": "gpt-4o", "messages": 3}"#);
    client.ask("GET /v1/models", &[], "");
    let told = server.journal();
    let sources: Vec<_> = told.iter().map(|entry| entry.answer.source).collect();
    assert_eq!(sources, [Source::Miss, Source::Refusal, Source::BuiltIn]);
    assert!(told[0].answer.why.contains("weather"), "{}", told[0].answer.why);
    assert!(told[1].answer.why.contains("messages"), "{}", told[1].answer.why);
}

#[tokio::test]
async fn a_request_without_a_body_has_an_end_as_well() {
    let server = Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    client.send(request("HEAD /v1/models", &[], ""));
    client.peek();
    let entry = ended(&server, |entry| entry.end.is_some());
    assert_eq!(entry.end.unwrap().0, End::Complete);
}

#[tokio::test]
async fn the_oldest_leave_first_and_the_journal_says_so() {
    let text = "scenario: 1\nname: s\nstubs: [{name: a, then: {text: hi}, expect: {requests: 30}}]\n";
    let builder = Server::builder().scenario_text("s.yaml", text).journal_entries(10);
    let server = builder.start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    for number in 0..30 {
        client.ask(CHAT, &[], &body(&format!("hello {number}")));
    }
    let kept: Vec<_> = server.journal().iter().map(|entry| entry.seq).collect();
    assert_eq!(kept, (21..=30).collect::<Vec<_>>());
    let verdict = server.verdict();
    assert_eq!(verdict.forgotten, 20);
    assert!(!verdict.passed);
}

#[tokio::test]
async fn a_journal_is_bounded_by_bytes_too() {
    let server = Server::builder().journal_bytes(20_000).start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    for number in 0..20 {
        client.ask(CHAT, &[], &body(&format!("{number} {}", "x".repeat(4_000))));
    }
    let kept = server.journal().len();
    assert!((1..=4).contains(&kept), "{kept}");
}

#[tokio::test]
async fn without_a_journal_nothing_is_kept() {
    let server = Server::builder().journal_entries(0).start().await.unwrap();
    assert_eq!(Raw::connect(server.base_url()).ask(CHAT, &[], &body("hello")).status(), 200);
    assert!(server.journal().is_empty());
}

#[tokio::test]
async fn two_attempts_are_the_same_call_to_the_journal_and_to_a_stub() {
    let server = serve("[{error: 503}, {text: hello}]", "{calls: 3, attempts: 2}").await;
    std::thread::scope(|scope| {
        for prompt in ["a", "b", "c"] {
            let server = &server;
            scope.spawn(move || {
                let mut client = Raw::connect(server.base_url());
                assert_eq!(client.ask(CHAT, &[], &body(prompt)).status(), 503);
                assert_eq!(client.ask(CHAT, &[], &body(prompt)).status(), 200);
            });
        }
    });
    server.verify();
}
