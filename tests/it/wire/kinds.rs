//! One fault of each stage over every kind of reply, in every shape: what it
//! makes is told from the same reply without it.

use std::{io::Read, thread};

use super::{
    asked::{ALL, Cases, Shape},
    seen::{End, Message, Seen, find},
};

/// Replies of every kind that answer a request for content.
const REPLIES: &[&str] = &[
    "text: [Hel, lö😀]",
    "text: one whole text of several words",
    "parts: [{thought: Hm.}, {text: a}, {call: {name: f, args: {a: [1, \"ü\"]}}}]",
    "json: {total: 3, lines: [a, b]}",
    "candidates: [{text: a}, {text: b, finish: length}]",
    "block: SAFETY",
    "error: 429",
    "error: {status: 503, message: Slow down.}",
    "events: [{json: {a: 1}}, {text: '[DONE]'}, {lines: ': x'}, {raw: \"y\\n\"}, {json: [2]}]",
    "events: [{reply: {text: [a, b]}}, {reply: {error: 500}}]",
    "raw: {status: 418, headers: {X-Own: a}, body: [{hex: 00ff}, \"tea\\r\\n\"]}",
    "from: built_in",
];

/// What a fault makes of an answer, and where that is, for a failing test.
type Check = fn(&Message, &Seen, &str);

/// What each fault does to an answer.
const FAULTS: &[(&str, Check)] = &[
    ("edit: {insert: {before: 1, raw: '>'}}", |plain, seen, what| {
        assert_same(&seen.body(), &[b">", &*plain.body()].concat(), what);
    }),
    ("edit: {drop: all}", |_, seen, what| {
        // A document of no events may still end its line.
        assert!(matches!(&*seen.body(), b"" | b"\n"), "{what}: {}", seen.body().escape_ascii());
    }),
    ("frame: {at: -1, tail: '<'}", |plain, seen, what| {
        // In place of an array's end, behind all else.
        let whole = [&*plain.body(), b"<"].concat();
        let array = [plain.body().strip_suffix(b"\n]").unwrap_or_default(), b"<"].concat();
        assert!([whole, array].contains(&seen.body()), "{what}: {}", seen.body().escape_ascii());
    }),
    ("encode: gzip", |plain, seen, what| {
        let message = seen.message();
        let mut body = Vec::new();
        flate2::read::MultiGzDecoder::new(&*message.body()).read_to_end(&mut body).unwrap();
        assert_same(&body, &plain.body(), what);
        assert_eq!(message.headers("content-encoding"), ["gzip"], "{what}");
    }),
    ("encode: {as: identity, damage: {in: body, byte: 1, put: '#'}}", |plain, seen, what| {
        let mut body = plain.body();
        body[1] = b'#';
        assert_same(&seen.body(), &body, what);
    }),
    ("carry: {as: chunked, cut: {in: body, every: 7}}", |plain, seen, what| {
        let message = seen.message();
        assert!(message.chunks.iter().all(|(_, chunk)| (1..=7).contains(&chunk.len())), "{what}");
        assert_same(&message.body(), &plain.body(), what);
        assert_eq!(message.terminator, b"0\r\n\r\n", "{what}");
    }),
    ("carry: length", |plain, seen, what| {
        let message = seen.message();
        assert_eq!(message.header("content-length"), Some(&*plain.body().len().to_string()), "{what}");
        assert_same(&message.body(), &plain.body(), what);
    }),
    ("carry: close", |plain, seen, what| {
        let message = seen.message();
        assert_eq!(
            (message.header("content-length"), message.header("transfer-encoding")),
            (None, None),
            "{what}"
        );
        assert_same(&message.body(), &plain.body(), what);
    }),
    ("head: {status: 299, headers: {X-Added: a, content-type: null}}", |plain, seen, what| {
        let message = seen.message();
        assert!(
            message.head.starts_with("HTTP/1.1 299 ") && message.head.contains("\r\nX-Added: a\r\n"),
            "{what}"
        );
        assert_eq!(message.header("content-type"), None, "{what}");
        assert_same(&message.body(), &plain.body(), what);
    }),
    ("send: {cut: {in: body, every: 11, gap: 0s}}", |plain, seen, what| {
        assert_same(
            &seen.message().wire()[seen.message().head.len()..],
            &plain.wire()[plain.head.len()..],
            what,
        );
    }),
    ("end: {in: body, byte: 3, how: reset}", |plain, seen, what| {
        assert_eq!(seen.end, End::Reset, "{what}");
        assert_same(&seen.body(), &plain.body()[..3], what);
    }),
    ("end: {before: head, how: close}", |_, seen, what| {
        assert_eq!((seen.bytes(), seen.end), (Vec::new(), End::Closed), "{what}");
    }),
    ("end: {after: body, put: bye, how: complete}", |plain, seen, what| {
        let expected = [&plain.wire()[plain.head.len()..], b"bye"].concat();
        let bytes = seen.bytes();
        assert_same(&bytes[find(&bytes, b"\r\n\r\n").unwrap() + 4..], &expected, what);
    }),
];

#[track_caller]
fn assert_same(found: &[u8], expected: &[u8], what: &str) {
    assert_eq!(found.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{what}");
}

#[tokio::test]
async fn each_fault_does_the_same_to_every_kind_of_reply_in_every_shape() {
    let faulty =
        |reply: &str| FAULTS.iter().map(move |(wire, _)| format!("{reply}, wire: {{{wire}}}")).collect();
    for reply in REPLIES {
        let mut thens: Vec<String> = faulty(reply);
        thens.push((*reply).to_owned());
        let (cases, count) = (Cases::serve(&thens).await, thens.len());
        let of_shapes = thread::scope(|scope| {
            let asked = ALL.map(|shape| {
                let cases = &cases;
                (shape, scope.spawn(move || cases.ask_all(shape, count)))
            });
            asked.map(|(shape, seen)| (shape, seen.join().unwrap()))
        });
        for (shape, mut all) in of_shapes {
            let plain = all.pop().unwrap().message();
            for ((wire, check), seen) in FAULTS.iter().zip(&all) {
                let what = format!("{shape:?} {reply} {wire}");
                check(&plain, seen, &what);
                let told = if seen.bytes().is_empty() { Vec::new() } else { told(seen) };
                assert_eq!(told, plain.missed(), "{what}");
            }
        }
    }
}

/// What an answer tells of places that name nothing.
fn told(seen: &Seen) -> Vec<String> {
    let bytes = seen.bytes();
    let head = &bytes[..find(&bytes, b"\r\n\r\n").unwrap()];
    let lines = String::from_utf8_lossy(head).into_owned();
    lines.lines().filter_map(|line| line.strip_prefix("x-mynah-missed: ")).map(str::to_owned).collect()
}

#[tokio::test]
async fn laid_over_a_reply_each_fault_is_the_same_as_beside_it() {
    for (wire, _) in FAULTS {
        for shape in [Shape::Chat, Shape::Array, Shape::GeminiDocument] {
            let reply = REPLIES[0];
            let yaml = format!(
                "- {{name: one, when: {{header: {{x-case: over}}}}, then: {{from: below, wire: {{{wire}}}}}}}\n\
                 - {{name: own, when: {{header: {{x-case: own}}}}, then: {{{reply}, wire: {{{wire}}}}}}}\n\
                 - {{then: {{{reply}}}}}\n"
            );
            let server = super::asked::serve(&yaml).await;
            let ask = |case| {
                let mut watch = super::seen::Watch::connect(server.base_url());
                watch.send(&shape.request_with(&[("connection", "close"), ("x-case", case)]));
                let seen = watch.read_to_end();
                let text = seen.bytes().escape_ascii().to_string();
                (text.replace("x-mynah-stub: one", "").replace("x-mynah-stub: own", ""), seen.end)
            };
            assert_eq!(ask("over"), ask("own"), "{shape:?} {wire}");
        }
    }
}
