//! One reply laid over another: what is joined, what counts as a whole, and
//! where places lie when another layer moves their events.

use std::time::Duration;

use super::{
    asked::{Shape, TEXT, ask, in_segments, serve, serve_scenario},
    seen::{End, Message, Seen, ends, find},
};

use Shape::{Array, Chat, ChatDocument, Sse};

/// What is seen where one reply is laid over another.
async fn over(shape: Shape, upper: &str, lower: &str) -> Seen {
    let server = serve(&layered(upper, lower)).await;
    ask(&server, shape)
}

fn layered(upper: &str, lower: &str) -> String {
    format!("- {{when: {{nth: 1..}}, then: {{from: below, {upper}}}}}\n- {{then: {{{TEXT}, {lower}}}}}\n")
}

async fn plain(shape: Shape) -> Message {
    super::asked::answer(shape, TEXT).await.message()
}

fn text(message: &Message) -> String {
    String::from_utf8(message.body()).unwrap()
}

#[tokio::test]
async fn an_upper_edit_sees_the_list_as_the_lower_left_it() {
    let upper = "wire: {edit: [{drop: 1}, {insert: {after: -1, text: upper}}]}";
    let lower = "wire: {edit: [{insert: {before: 1, text: gone}}, {insert: {after: -1, text: lower}}]}";
    for shape in [Chat, Sse, Array] {
        let mut payloads = shape.payloads(&plain(shape).await.body());
        payloads.extend([b"lower".to_vec(), b"upper".to_vec()]);
        assert_eq!(over(shape, upper, lower).await.body(), shape.framed(&payloads), "{shape:?}");
    }
}

#[tokio::test]
async fn rules_of_writing_and_framing_come_behind_the_others() {
    let upper = "wire: {write: {at: text, style: google}, frame: {at: 1, field: upper}}";
    let lower = "wire: {write: [{order: reversed}, {at: text.1, style: spaced}], frame: [{field: lower}, {colon: ':'}]}";
    let seen = over(Chat, upper, lower).await.message();
    let events: Vec<_> =
        seen.pieces().iter().map(|piece| String::from_utf8(piece.clone()).unwrap()).collect();
    assert!(events[0].starts_with("upper:{\"obfuscation\":"), "{}", events[0]);
    assert!(
        events[1].starts_with("lower:{\"obfuscation\": \"") && events[1].contains("\",\"choices\": ["),
        "{}",
        events[1]
    );
    assert_eq!(events[4], "lower:[DONE]\n\n");
}

#[tokio::test]
async fn cuts_sizes_and_pauses_of_both_are_made() {
    let upper = r#"pace: {pause: {after: text.1, for: 8ms}}, wire: {carry: {cut: {in: body, byte: 10}, sizes: {chunk: 1, put: "{size};upper\r\n"}}, send: {cut: {in: body, byte: 25, gap: 3ms}}}"#;
    let lower = r#"pace: {pause: {before: text.1, for: 8ms}}, wire: {carry: {cut: {in: body, byte: 20}, sizes: {chunk: all, put: "{size};lower\r\n"}}, send: {cut: {in: body, byte: 15, gap: 3ms}}}"#;
    let server_yaml = layered(upper, lower);
    let server = serve(&server_yaml).await;
    let seen = ask(&server, Chat);
    let message = seen.message();
    let lines: Vec<_> = message.chunks.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(lines[..2], ["A;upper\r\n", "A;lower\r\n"]);
    assert_eq!(message.chunk_ends()[..2], [10, 20]);
    let events = ends(&message.events(Chat));
    // Behind the first text there is a pause of each, and both gaps.
    assert!(seen.at(message.bound(events[1])) >= Duration::from_millis(16 + 3 + 3));
    in_segments(
        Chat,
        "text: [a], wire: {send: {cut: [{in: body, byte: 15, gap: 3ms}, {in: body, byte: 25, gap: 3ms}]}}",
        |message| vec![message.inside(15), message.inside(25)],
    )
    .await;
}

#[tokio::test]
async fn pace_carry_head_and_send_are_joined_by_key() {
    let upper = "pace: {every: 12ms}, wire: {carry: {lie: 3}, head: {reason: Upper, headers: {X-Both: upper, x-upper: 1, date: null}}, send: {rate: 9MB/s}}";
    let lower = "pace: {first: 20ms, every: 1h}, wire: {carry: {as: length, lie: 1}, head: {status: 201, reason: Lower, headers: {x-both: lower, x-lower: [1, 2], server: null}}, send: {rate: 1B/s}}";
    let seen = over(Chat, upper, lower).await;
    let message = seen.message();
    assert!(message.head.starts_with("HTTP/1.1 201 Upper\r\n"), "{}", message.head);
    assert!(
        message.head.contains("\r\nX-Both: upper\r\nx-lower: 1\r\nx-lower: 2\r\nx-upper: 1\r\n"),
        "{}",
        message.head
    );
    assert_eq!((message.header("date"), message.header("server")), (None, None));
    let told: usize = message.header("content-length").unwrap().parse().unwrap();
    assert_eq!(told, message.body().len() + 3);
    assert_eq!(message.body(), plain(Chat).await.body());
    assert!(seen.last_at() >= Duration::from_millis(20 + 2 * 12));
}

#[tokio::test]
async fn a_lower_key_stands_where_the_upper_says_nothing() {
    let seen = over(
        Chat,
        "wire: {head: {headers: {x-a: b}}, carry: {cut: {in: body, byte: 7}}}",
        "wire: {head: {version: '1.0', interim: {status: 103}, headers: {x-a: a}}, carry: {join: all, trailers: {t: u}}, \
         send: {join: [head, all]}}",
    )
    .await
    .message();
    assert!(seen.head.starts_with("HTTP/1.0 200 OK\r\n"));
    assert_eq!(seen.interim.len(), 1);
    assert_eq!(seen.headers("x-a"), ["b"]);
    assert_eq!(seen.chunk_ends(), [7, seen.body().len()]);
    assert_eq!(seen.terminator, b"0\r\nt: u\r\n\r\n");
}

#[tokio::test]
async fn an_upper_end_or_coding_counts_as_a_whole() {
    let lower = "wire: {encode: {as: gzip, damage: {in: 1, byte: 0, put: XX}}, end: {after: 1, put: lower, how: reset}}";
    let upper = over(Chat, "wire: {encode: identity, end: {after: 2, how: close}}", lower).await;
    assert_eq!(
        (upper.end, upper.message().pieces()),
        (End::Closed, plain(Chat).await.pieces()[..2].to_vec())
    );
    // Without one of its own the lower one's stands.
    let kept = over(Chat, "wire: {head: {headers: {x-a: b}}}", lower).await;
    let bytes = kept.bytes();
    let body = &bytes[find(&bytes, b"\r\n\r\n").unwrap() + 4..];
    let first_chunk = &body[find(body, b"\r\n").unwrap() + 2..];
    assert!(first_chunk.starts_with(b"XX") && body.ends_with(b"lower"), "{}", body.escape_ascii());
    assert_eq!(kept.end, End::Reset);
}

/// A place of a lower layer at the second event of a chat, what an upper edit
/// does to the list, and the numbers that the place then has.
const MOVED: &[(&str, &[usize])] = &[
    ("{insert: {before: 1, text: new}}", &[3]),
    ("{insert: {before: 2, text: new}}", &[3]),
    ("{insert: {after: 2, text: new}}", &[2]),
    ("{drop: 1}", &[1]),
    ("{move: {at: 2, after: -1}}", &[5]),
    ("{move: {at: 3, before: 1}}", &[3]),
    ("{repeat: {at: 1, times: 3}}", &[4]),
    ("{repeat: {at: 2}}", &[2, 3]),
    ("{join: {at: 1..2}}", &[1]),
    ("{join: {at: 2..3}}", &[2]),
    ("{patch: {at: 2, set: {$.x: 1}}}", &[2]),
    ("{drop: 2}", &[]),
];

#[tokio::test]
async fn a_place_stays_with_its_events_when_an_upper_edit_moves_them() {
    for (edit, numbers) in MOVED {
        let framed = over(Chat, &format!("wire: {{edit: {edit}}}"), "wire: {frame: {at: 2, field: here}}")
            .await
            .message();
        let found: Vec<_> = (1..)
            .zip(framed.pieces())
            .filter(|(_, piece)| piece.starts_with(b"here: "))
            .map(|(n, _)| n)
            .collect();
        assert_eq!(found, *numbers, "{edit}");
        let written =
            over(Chat, &format!("wire: {{edit: {edit}}}"), "wire: {carry: {cut: {in: text.1, byte: 1}}}")
                .await
                .message();
        let cut: Vec<_> = written.pieces().iter().filter(|piece| piece.len() == 1).map(Vec::len).collect();
        assert_eq!(cut.len(), numbers.len(), "{edit}");
        for message in [&framed, &written] {
            assert_eq!(
                message.missed().len(),
                usize::from(numbers.is_empty()),
                "{edit}: {:?}",
                message.missed()
            );
        }
        let ended =
            over(Chat, &format!("wire: {{edit: {edit}}}"), "wire: {end: {after: 2, how: close}}").await;
        let message = ended.message();
        match *numbers {
            [number] => {
                assert_eq!((message.pieces().len(), &*message.terminator), (*number, &b""[..]), "{edit}");
            }
            // There is not one place any more.
            _ => assert_eq!((message.missed().len(), &*message.terminator), (1, &b"0\r\n\r\n"[..]), "{edit}"),
        }
    }
}

#[tokio::test]
async fn an_upper_place_is_looked_up_in_the_finished_list() {
    let lower =
        "wire: {edit: [{insert: {before: 1, text: new}}, {drop: done}], frame: {at: 1, field: lower}}";
    let upper = "wire: {frame: {at: -1, field: upper}, end: {after: 2, how: complete}}";
    let message = over(Chat, upper, lower).await.message();
    assert_eq!(message.pieces()[0], b"lower: new\n\n");
    assert_eq!(message.pieces().len(), 2);
    let whole = over(Chat, "wire: {frame: {at: -1, field: upper}}", lower).await.message();
    assert!(whole.pieces().last().unwrap().starts_with(b"upper: {"));
    assert_eq!(whole.pieces().len(), 5);
}

#[tokio::test]
async fn defaults_lie_under_every_reply() {
    let yaml = "scenario: 1\nname: test\ndefaults: {then: {pace: {first: 15ms}, wire: {edit: {insert: {before: 1, text: default}}, \
                head: {headers: {x-a: default, x-b: default}}}}}\nstubs:\n\
                - {when: {header: {x-case: over}}, then: {from: below, wire: {head: {headers: {x-a: upper}}}}}\n\
                - {then: {text: [Hel, lö😀], wire: {edit: {insert: {before: 1, text: own}}, head: {headers: {x-b: own}}}}}\n";
    let server = serve_scenario(yaml, 0).await;
    let seen = ask(&server, Chat);
    let message = seen.message();
    assert_eq!(message.pieces()[..2], [b"data: own\n\n", &b"data: default\n\n"[..]]);
    assert_eq!((message.header("x-a"), message.header("x-b")), (Some("default"), Some("own")));
    assert!(seen.last_at() >= Duration::from_millis(15));
    let mut watch = super::seen::Watch::connect(server.base_url());
    watch.send(&Chat.request_with(&[("connection", "close"), ("x-case", "over")]));
    let message = watch.read_to_end().message();
    assert_eq!(message.headers("x-a"), ["upper"]);
    // Under the upper reply as well as under the lower.
    assert_eq!(message.pieces()[..3], [b"data: default\n\n", &b"data: own\n\n"[..], b"data: default\n\n"]);
    assert_eq!(message.header("x-b"), Some("default"));
}

#[tokio::test]
async fn shape_finish_and_split_are_laid_over_too() {
    let message = over(Chat, "shape: document, finish: length, wire: {frame: {lead: '>'}}", "split: char")
        .await
        .message();
    let body = text(&message);
    assert!(body.starts_with(">{\n") && body.contains("\"finish_reason\": \"length\""), "{body}");
    let message = over(ChatDocument, "shape: sse", "finish: filter").await.message();
    assert!(text(&message).contains("\"finish_reason\":\"content_filter\""));
    assert_eq!(message.events(Chat).len(), 5);
}

#[tokio::test]
async fn trouble_is_laid_over_the_built_in_answer_and_an_error() {
    let upper = "- {when: {nth: 1..}, then: {from: below, wire: {head: {headers: {x-a: b}}, end: {in: body, byte: 9, how: close}}}}\n";
    for (below, status) in [("- {then: {from: built_in}}\n", 200), ("- {then: {error: 503}}\n", 503)] {
        let server = serve(&format!("{upper}{below}")).await;
        for shape in [Chat, Array] {
            let message = ask(&server, shape).message();
            assert!(
                message.head.starts_with(&format!("HTTP/1.1 {status} ")),
                "{shape:?} {below}: {}",
                message.head
            );
            assert_eq!((message.header("x-a"), message.body().len()), (Some("b"), 9), "{shape:?} {below}");
        }
    }
}

#[tokio::test]
async fn the_lower_list_moves_on_under_the_same_trouble() {
    let server = serve(
        "- {when: {nth: 1..}, then: {from: below, wire: {edit: {drop: done}}}}\n\
         - {per: session, then: [{text: one}, {text: two, wire: {edit: {drop: finish}}}]}\n",
    )
    .await;
    let texts: Vec<_> = (0..2).map(|_| text(&ask(&server, Chat).message())).collect();
    assert!(texts[0].contains("one") && texts[0].contains("stop") && !texts[0].contains("[DONE]"));
    assert!(texts[1].contains("two") && !texts[1].contains("\"stop\"") && !texts[1].contains("[DONE]"));
}

#[tokio::test]
async fn nothing_is_read_in_what_a_lower_layer_compresses() {
    let places = ["in: body, line: all", "in: 2, find: content", "in: body, char: 1", "in: all, eol: all"];
    for place in places {
        for stage in ["carry: {cut: {@}}", "send: {cut: {@, gap: 0s}}"] {
            let upper = format!("wire: {{{}}}", stage.replace('@', place));
            let message = over(Chat, &upper, "wire: {encode: gzip}").await.message();
            let plain = over(Chat, "finish: stop", "wire: {encode: gzip}").await.message();
            assert_eq!(message.chunks, plain.chunks, "{upper}");
            assert_eq!(message.missed().len(), 1, "{upper}");
        }
    }
    // The head is no part of what is compressed.
    let upper = "wire: {send: {cut: {in: head, line: 2, gap: 0s}}}";
    assert_eq!(over(Chat, upper, "wire: {encode: gzip}").await.message().missed(), [""; 0]);
    let counted =
        over(Chat, "wire: {carry: {cut: {in: 2, byte: 3}}}", "wire: {encode: gzip}").await.message();
    assert_eq!(counted.missed(), [""; 0]);
}
