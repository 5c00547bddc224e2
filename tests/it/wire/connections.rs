//! Connections on which answers of both kinds follow each other: those that
//! HTTP writes, and those that go onto the socket itself.

use std::{thread, time::Duration};

use super::{
    asked::{ALL, STREAMS, Shape, TEXT, answer, ask, serve, with},
    seen::{End, Message, Watch, ends, find},
};
use crate::raw;

use Shape::{Chat, ChatDocument, Sse};

const LONG: Duration = Duration::from_secs(9);

/// The bodies of answers that follow each other, each in chunks.
fn bodies(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    while let Some(at) = find(bytes, b"\r\n0\r\n\r\n") {
        let (message, rest) = bytes.split_at(at + 7);
        bodies.push(Message::read(message).body());
        bytes = rest;
    }
    bodies
}

#[tokio::test]
async fn both_kinds_of_answers_follow_each_other_on_one_connection() {
    let server = serve(&format!(
        "- {{per: session, at_end: cycle, then: [{{{TEXT}}}, {{{TEXT}, wire: {{send: {{cut: {{after: 1, gap: 1ms}}}}}}}}, \
         {{{TEXT}, wire: {{carry: {{cut: {{in: body, every: 40}}}}}}}}]}}\n"
    ))
    .await;
    for shape in ALL {
        let expected = answer(shape, TEXT).await.body();
        let mut watch = Watch::connect(server.base_url());
        for turn in 0..7 {
            watch.send(&shape.request_with(&[]));
            assert_eq!(watch.message().body(), expected, "{shape:?} {turn}");
        }
    }
}

#[tokio::test]
async fn requests_that_come_at_once_are_answered_in_their_order() {
    let server = serve(
        "- {per: connection, at_end: cycle, then: [{text: one, wire: {send: {cut: {in: body, every: 200, gap: 1ms}}}}, \
         {text: two}, {text: three, pace: {head: 5ms}, wire: {carry: {join: all}}}]}\n",
    )
    .await;
    for shape in STREAMS {
        let mut watch = Watch::connect(server.base_url());
        watch.send(&shape.request_with(&[]).repeat(6));
        let seen = watch.until(LONG, |bytes| bodies(bytes).len() == 6);
        for (body, text) in bodies(&seen.bytes()).iter().zip(["one", "two", "three"].iter().cycle()) {
            assert!(find(body, text.as_bytes()).is_some(), "{shape:?} {text}");
        }
    }
}

#[tokio::test]
async fn a_client_that_waits_to_be_told_to_go_on_is_told() {
    let server = serve(&format!("- {{then: {{{TEXT}, wire: {{head: {{headers: {{x-a: b}}}}}}}}}}\n")).await;
    let request = raw::request(
        "POST /v1beta/models/m:generateContent",
        &[("expect", "100-continue"), ("connection", "close")],
        "{\"contents\": [{\"parts\": [{\"text\": \"x\"}]}]}",
    );
    let (head, body) = request.split_at(request.find("\r\n\r\n").unwrap() + 4);
    let mut watch = Watch::connect(server.base_url());
    watch.send(head);
    let told = watch.until(LONG, |bytes| bytes.ends_with(b"\r\n\r\n")).bytes();
    assert!(told.starts_with(b"HTTP/1.1 100 Continue\r\n"), "{}", told.escape_ascii());
    assert!(watch.try_send(body));
    let message = watch.read_to_end().message();
    assert_eq!(message.header("x-a"), Some("b"));
    assert!(find(&message.body(), "Hellö".as_bytes()).is_some());
}

#[tokio::test]
async fn a_client_that_leaves_disturbs_nobody() {
    let server = serve(
        "- {when: {prompt: x, api: gemini}, then: {text: [a, b], wire: {end: {after: 1, hold: forever}}}}\n\
         - {then: {text: [{fill: 1MiB}, b], wire: {send: {cut: {in: body, every: 64KiB, gap: 0s}}}}}\n",
    )
    .await;
    for shape in [Chat, Sse, Chat, Sse] {
        let mut watch = Watch::connect_with_room(server.base_url(), 4096);
        watch.send(&shape.request_with(&[]));
        watch.until(LONG, |bytes| find(bytes, b"data: ").is_some());
    }
    assert_eq!(ask(&server, Chat).message().events(Chat).len(), 5);
}

#[tokio::test]
async fn a_large_answer_is_whole_however_it_is_cut() {
    let text = "text: [{fill: 1MiB}, b]";
    for shape in [Chat, Shape::Array] {
        let (plain, seen) = with(
            shape,
            text,
            "carry: {cut: {in: body, every: 10KB}}, send: {cut: [{in: body, every: 64KiB, gap: 0s}, {in: wire, every: 300KB, gap: 1ms}]}",
        )
        .await;
        let message = seen.message();
        assert_eq!(message.missed(), [""; 0]);
        assert!(message.body() == plain.body(), "{shape:?}");
        let count = plain.body().len() / 10_000;
        assert!(message.chunks.len() > count, "{shape:?}: {} chunks", message.chunks.len());
        assert_eq!(message.terminator, b"0\r\n\r\n");
    }
}

#[tokio::test]
async fn many_at_once_get_each_what_is_theirs() {
    let server = serve(&format!(
        "- {{when: {{api: openai}}, then: {{{TEXT}, wire: {{send: {{cut: {{in: body, every: 90, gap: 1ms}}}}}}}}}}\n\
         - {{then: {{{TEXT}, wire: {{carry: {{cut: {{in: body, random: 9}}}}, send: {{cut: {{in: body, random: 9, gap: 1ms}}}}}}}}}}\n"
    ))
    .await;
    let mut expected = Vec::new();
    for shape in ALL {
        expected.push(answer(shape, TEXT).await.body());
    }
    thread::scope(|scope| {
        for client in 0..40 {
            let (server, expected) = (&server, &expected);
            scope.spawn(move || {
                let seen = ask(server, ALL[client % 5]);
                assert_eq!((seen.body(), seen.end), (expected[client % 5].clone(), End::Closed));
            });
        }
    });
}

#[tokio::test]
async fn every_operation_has_its_answers_carried_and_cut() {
    let server = serve(
        "- {when: {operation: embed}, then: {embedding: [1, 0], wire: {carry: {as: chunked, cut: {in: 1, byte: 5}}}}}\n\
         - {when: {operation: models}, then: {models: [a, b], wire: {carry: {as: chunked, cut: {in: body, byte: 5}}}}}\n\
         - {when: {operation: count}, then: {count: 42, wire: {carry: {as: chunked, cut: {in: 1, byte: 5}}}}}\n\
         - {then: {error: 418, wire: {carry: {as: chunked, cut: {in: error, byte: 5}}}}}\n",
    )
    .await;
    let gemini = r#"{"contents": [{"parts": [{"text": "x"}]}]}"#;
    let requests = [
        ("POST /v1/embeddings", r#"{"model": "m", "input": "x"}"#, "embedding"),
        ("GET /v1/models", "", "\"a\""),
        ("GET /v1beta/models", "", "models/a"),
        ("POST /v1beta/models/m:countTokens", gemini, "42"),
        ("POST /v1beta/models/m:generateContent", gemini, "error"),
        ("GET /nowhere", "", "error"),
    ];
    for (line, body, part) in requests {
        let mut watch = Watch::connect(server.base_url());
        watch.send(&raw::request(line, &[("connection", "close")], body));
        let message = watch.read_to_end().message();
        assert_eq!(message.missed(), [""; 0], "{line}: {}", message.head);
        assert_eq!(ends(&message.pieces())[0], 5, "{line}");
        assert!(
            find(&message.body(), part.as_bytes()).is_some(),
            "{line}: {}",
            message.body().escape_ascii()
        );
    }
    assert_eq!(ChatDocument.eol(), "\n");
}
