//! What is asked, in every shape that an answer can have, and servers that say
//! the same with and without trouble.

use std::thread;

use mynah::{Ids, Server};
use serde_json::json;

use super::seen::{Message, Seen, Watch, find};
use crate::raw;

/// An API, and the shape of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// OpenAI's chat, streamed: LF.
    Chat,
    /// Gemini's events: CRLF.
    Sse,
    /// Gemini's array.
    Array,
    /// OpenAI's chat in one document.
    ChatDocument,
    /// Gemini's answer in one document.
    GeminiDocument,
}

use Shape::{Array, Chat, ChatDocument, GeminiDocument, Sse};

pub(super) const STREAMS: [Shape; 3] = [Chat, Sse, Array];
pub(super) const DOCUMENTS: [Shape; 2] = [ChatDocument, GeminiDocument];
pub(super) const ALL: [Shape; 5] = [Chat, Sse, Array, ChatDocument, GeminiDocument];

/// What most answers say: two deltas, with characters of several bytes.
pub(super) const TEXT: &str = "text: [Hel, lö😀]";

impl Shape {
    /// A request for it; the connection ends behind the answer.
    pub(super) fn request(self) -> String {
        self.request_with(&[("connection", "close")])
    }

    pub(super) fn request_with(self, headers: &[(&str, &str)]) -> String {
        let (line, body) = match self {
            Chat | ChatDocument => {
                let messages = json!([{"role": "user", "content": "x"}]);
                let body = json!({"model": "m", "stream": self == Chat, "messages": messages});
                ("POST /v1/chat/completions", body)
            }
            Sse => ("POST /v1beta/models/m:streamGenerateContent?alt=sse", gemini()),
            Array => ("POST /v1beta/models/m:streamGenerateContent", gemini()),
            GeminiDocument => ("POST /v1beta/models/m:generateContent", gemini()),
        };
        raw::request(line, headers, &body.to_string())
    }

    /// What ends its lines.
    pub(super) fn eol(self) -> &'static str {
        if self == Sse { "\r\n" } else { "\n" }
    }

    /// The events of a body that has nothing odd about it.
    pub(super) fn events(self, body: &[u8]) -> Vec<Vec<u8>> {
        let mark: &[u8] = match self {
            Chat => b"\n\n",
            Sse => b"\r\n\r\n",
            Array => b"\n,\r\n",
            ChatDocument | GeminiDocument => return vec![body.to_vec()],
        };
        let (mut events, mut rest) = (Vec::new(), body);
        // In an array the mark begins an event, elsewhere it ends one.
        let skipped = if self == Array { 1 } else { 0 };
        while let Some(at) = rest.get(skipped..).and_then(|rest| find(rest, mark)) {
            let end = if self == Array { at + skipped } else { at + mark.len() };
            events.push(rest[..end].to_vec());
            rest = &rest[end..];
        }
        if !rest.is_empty() {
            events.push(rest.to_vec());
        }
        events
    }

    /// The payloads of those events.
    pub(super) fn payloads(self, body: &[u8]) -> Vec<Vec<u8>> {
        let events = self.events(body);
        let last = events.len() - 1;
        let payload = |(at, event): (usize, Vec<u8>)| {
            let (lead, tail): (&[u8], &[u8]) = match self {
                Chat => (b"data: ", b"\n\n"),
                Sse => (b"data: ", b"\r\n\r\n"),
                Array => (if at == 0 { b"[" } else { b"\n,\r\n" }, if at == last { b"\n]" } else { b"" }),
                ChatDocument | GeminiDocument => (b"", b"\n"),
            };
            let inner = event.strip_prefix(lead).and_then(|event| event.strip_suffix(tail));
            inner.unwrap_or_else(|| panic!("{self:?}: {}", event.escape_ascii())).to_vec()
        };
        events.into_iter().enumerate().map(payload).collect()
    }

    /// A body of these payloads.
    pub(super) fn framed(self, payloads: &[Vec<u8>]) -> Vec<u8> {
        let (lead, between, tail): (&[u8], &[u8], &[u8]) = match self {
            Chat => (b"data: ", b"\n\ndata: ", b"\n\n"),
            Sse => (b"data: ", b"\r\n\r\ndata: ", b"\r\n\r\n"),
            Array => (b"[", b"\n,\r\n", b"\n]"),
            ChatDocument | GeminiDocument => (b"", b"", b"\n"),
        };
        [lead, &payloads.join(between), tail].concat()
    }

    /// The number of the event that carries the first text.
    pub(super) fn first_text(self) -> usize {
        if self == Chat { 2 } else { 1 }
    }
}

fn gemini() -> serde_json::Value {
    json!({"contents": [{"parts": [{"text": "x"}]}]})
}

/// A server with these stubs, which says the same to the same request.
pub(super) async fn serve(stubs: &str) -> Server {
    serve_scenario(&format!("scenario: 1\nname: test\nstubs:\n{stubs}"), 0).await
}

/// The same for a whole scenario, and with a seed.
pub(super) async fn serve_scenario(yaml: &str, seed: u64) -> Server {
    let clock = "2026-01-01T00:00:00Z".parse().unwrap();
    let builder = Server::builder().clock(clock).seed(seed).ids(Ids::ByRequest);
    builder.scenario_text("test.yaml", yaml).start().await.unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

/// What one stub answers that always says this.
pub(super) async fn answer(shape: Shape, then: &str) -> Seen {
    let server = serve(&format!("- {{then: {{{then}}}}}\n")).await;
    ask(&server, shape)
}

/// Asks on a connection of its own.
pub(super) fn ask(server: &Server, shape: Shape) -> Seen {
    let mut watch = Watch::connect(server.base_url());
    watch.send(&shape.request());
    watch.read_to_end()
}

/// A server that says any of several things to the same request.
pub(super) struct Cases(Server);

/// A header that picks what is said; ids do not follow it.
const CASE: &str = "x-case";

impl Cases {
    pub(super) async fn serve<T: AsRef<str>>(thens: &[T]) -> Self {
        Self::serve_with("", 0, thens).await
    }

    /// With more in the scenario's head, and a seed of the server's.
    pub(super) async fn serve_with<T: AsRef<str>>(head: &str, seed: u64, thens: &[T]) -> Self {
        let stubs = thens.iter().enumerate().map(|(at, then)| {
            let then = then.as_ref();
            // Names of one length make heads of one length.
            format!("- {{name: case {at:03}, when: {{header: {{{CASE}: \"{at}\"}}}}, then: {{{then}}}}}\n")
        });
        let yaml = format!("scenario: 1\nname: test\n{head}stubs:\n{}", stubs.collect::<String>());
        Self(serve_scenario(&yaml, seed).await)
    }

    pub(super) fn ask(&self, shape: Shape, case: usize) -> Seen {
        let mut watch = Watch::connect(self.0.base_url());
        watch.send(&shape.request_with(&[("connection", "close"), (CASE, &case.to_string())]));
        watch.read_to_end()
    }

    /// Asks for all at once.
    pub(super) fn ask_all(&self, shape: Shape, count: usize) -> Vec<Seen> {
        thread::scope(|scope| {
            let asked: Vec<_> = (0..count).map(|case| scope.spawn(move || self.ask(shape, case))).collect();
            asked.into_iter().map(|seen| seen.join().unwrap()).collect()
        })
    }
}

/// What is said without any trouble, and with each of these.
pub(super) async fn with_each(shape: Shape, reply: &str, wires: &[&str]) -> (Message, Vec<Seen>) {
    let mut thens: Vec<_> = wires.iter().map(|wire| format!("{reply}, wire: {{{wire}}}")).collect();
    thens.push(reply.to_owned());
    let mut all = Cases::serve(&thens).await.ask_all(shape, thens.len());
    (all.pop().unwrap().message(), all)
}

/// The same for one.
pub(super) async fn with(shape: Shape, reply: &str, wire: &str) -> (Message, Seen) {
    let (plain, mut all) = with_each(shape, reply, &[wire]).await;
    (plain, all.remove(0))
}

/// How often a segment's bound is waited for: a reader that is late sees two
/// segments as one.
const TRIES: usize = 40;

/// Asks until every one of these bounds was seen between two reads; a read that
/// ends elsewhere is an error at once. Tells what was seen at last.
pub(super) async fn in_segments(shape: Shape, then: &str, bounds: impl Fn(&Message) -> Vec<usize>) -> Seen {
    let server = serve(&format!("- {{then: {{{then}}}}}\n")).await;
    let mut missing = None;
    for _ in 0..TRIES {
        let seen = ask(&server, shape);
        let expected = bounds(&seen.message());
        let missing = missing.get_or_insert_with(|| expected.clone());
        for bound in seen.bounds() {
            assert!(
                expected.contains(&bound),
                "{shape:?} {then}: a segment ends at {bound}, not at {expected:?}"
            );
            missing.retain(|other| *other != bound);
        }
        if missing.is_empty() {
            return seen;
        }
    }
    panic!("{shape:?} {then}: no segment ended at {missing:?}");
}
