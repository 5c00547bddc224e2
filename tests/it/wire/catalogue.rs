//! Streams that broke real clients, put together from several stages: each as
//! its scenario says it, and the bytes and segments that it must be.

use std::time::Duration;

use super::{
    asked::{STREAMS, Shape, answer, in_segments, serve, with, with_each},
    seen::{End, Message, Watch, ends, find},
};

use Shape::{Array, Chat, GeminiDocument, Sse};

const HELLO: &str = "text: [Hel, lo]";

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The events of an answer without any trouble.
async fn events(shape: Shape, then: &str) -> Vec<String> {
    answer(shape, then).await.message().events(shape).iter().map(|event| text(event)).collect()
}

#[tokio::test]
async fn characters_are_split_between_segments() {
    let then = r#"text: [Hel, "你😀"], wire: {send: {cut: [{in: text.2, char: 1, gap: 4ms}, {in: text.2, char: 2, offset: 1, gap: 4ms}]}}"#;
    for shape in STREAMS {
        let seen = in_segments(shape, then, |message| {
            let wire = message.wire();
            vec![find(&wire, "你".as_bytes()).unwrap() + 1, find(&wire, "😀".as_bytes()).unwrap() + 2]
        })
        .await;
        assert!(text(&seen.body()).contains("你😀"), "{shape:?}");
    }
}

#[tokio::test]
async fn line_ends_are_split_between_segments() {
    let then = format!(
        "{HELLO}, wire: {{frame: {{eol: crlf}}, send: {{cut: [{{in: [1, 2], eol: all, gap: 3ms}}, {{in: [1, 2], line: 1, gap: 3ms}}]}}}}"
    );
    for shape in [Chat, Sse] {
        in_segments(shape, &then, |message| {
            let events = ends(&message.pieces());
            // CR | LF, CRLF | CRLF, CR | LF
            let of_event = |end: &usize| [end - 3, end - 2, end - 1];
            events[..2].iter().flat_map(of_event).map(|place| message.inside(place)).collect()
        })
        .await;
    }
}

#[tokio::test]
async fn brackets_and_separators_of_an_array_come_alone() {
    let cut = "[{in: 1, byte: 1, gap: 4ms}, {before: 2, gap: 4ms}, {in: 2, byte: 4, gap: 4ms}, {in: -1, byte: -1, gap: 4ms}]";
    let then = format!("{HELLO}, wire: {{send: {{cut: {cut}}}}}");
    let seen = in_segments(Array, &then, |message| {
        let first = ends(&message.events(Array))[0];
        let last = message.inside(message.body().len() - 1);
        vec![message.inside(1), message.bound(first), message.inside(first + 4), last]
    })
    .await;
    assert!(serde_json::from_slice::<Vec<serde_json::Value>>(&seen.body()).is_ok());
    let open = with(Array, HELLO, "frame: {at: -1, tail: ''}").await;
    assert_eq!([&*open.1.body(), b"\n]"].concat(), open.0.body());
}

#[tokio::test]
async fn an_error_without_a_frame_comes_in_one_read_or_two() {
    let edit = "edit: [{drop: finish}, {insert: {after: -1, reply: {error: 429}}}]";
    for (cut, count) in [
        ("{before: error, gap: 4ms}", 1),
        ("[{before: error, gap: 4ms}, {in: error, find: '\"error\"', gap: 4ms}]", 2),
    ] {
        let then = format!("{HELLO}, wire: {{{edit}, send: {{cut: {cut}}}}}");
        let seen = in_segments(Sse, &then, |message| {
            let pieces = message.pieces();
            let before = message.bound(pieces[0].len());
            let inside = find(&pieces[1], b"\"error\"").unwrap() + 7;
            vec![before, message.inside(pieces[0].len() + inside)].into_iter().take(count).collect()
        })
        .await;
        let error = text(&seen.message().pieces()[1]);
        assert!(
            error.starts_with("{\n  \"error\": {\n    \"code\": 429,") && error.ends_with("\n}\n"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn comments_ids_and_empty_blocks_stand_between_events() {
    let edit = "edit: [{insert: {before: 1, lines: ': OPENROUTER PROCESSING'}}, {insert: {before: text.2, lines: ': ping'}}, \
                {insert: {before: finish, lines: ':'}}, {insert: {before: 1, lines: 'retry: 3000'}}, \
                {insert: {before: text.1, lines: 'data:'}}, {insert: {before: text.2, lines: 'data: '}}, \
                {insert: {before: text.2, lines: 'event: ping'}}], frame: {at: text.1, lines: ['id: 1', event, data]}";
    let seen = with(Chat, HELLO, edit).await.1;
    let own = events(Chat, HELLO).await;
    let expected = format!(
        "retry: 3000\n\n: OPENROUTER PROCESSING\n\n{}data:\n\nid: 1\n{}: ping\n\ndata: \n\nevent: ping\n\n{}:\n\n{}{}",
        own[0], own[1], own[2], own[3], own[4]
    );
    assert_eq!(text(&seen.body()), expected);
}

#[tokio::test]
async fn objects_stand_back_to_back_or_on_lines_of_one_event() {
    let wires =
        ["edit: {join: {at: 1..2}}", r#"edit: {join: {at: 1..2, by: "\n"}}, frame: {newlines: keep}"#];
    let (plain, all) = with_each(Sse, HELLO, &wires).await;
    let payloads = Sse.payloads(&plain.body());
    for (by, seen) in ["", "\n"].into_iter().zip(all) {
        let expected = format!("data: {}{by}{}\r\n\r\n", text(&payloads[0]), text(&payloads[1]));
        assert_eq!(text(&seen.body()), expected);
    }
}

#[tokio::test]
async fn surrogates_are_split_between_events() {
    let wire = r#"write: [{at: text.1, literal: {$.choices.*.delta.content: '"\ud83d"'}}, {at: text.2, literal: {$.choices.*.delta.content: '"\ude00"'}}]"#;
    let body = text(&with(Chat, "text: [x, y]", wire).await.1.body());
    let plain = events(Chat, "text: [x, y]").await.concat();
    assert_eq!(body, plain.replace("\"x\"", r#""\ud83d""#).replace("\"y\"", r#""\ude00""#));
}

#[tokio::test]
async fn usage_comes_behind_the_finish_without_choices() {
    let wire = "edit: [{patch: {set: {$.usage: null}}}, {repeat: {at: finish}}, \
                {patch: {at: finish.2, set: {$.choices: [], $.usage: {total_tokens: 5}}}}]";
    let found: Vec<_> =
        with(Chat, HELLO, wire).await.1.message().pieces().iter().map(|piece| text(piece)).collect();
    let own = events(Chat, HELLO).await;
    let with_null = |event: &String| event.replace("}\n\n", ",\"usage\":null}\n\n");
    assert_eq!(found[..4], [with_null(&own[0]), with_null(&own[1]), with_null(&own[2]), with_null(&own[3])]);
    let finish = with_null(&own[3]).replace("\"usage\":null", "\"usage\":{\"total_tokens\":5}");
    let (start, end) = (finish.find("\"choices\":[").unwrap() + 11, finish.find("],\"obfuscation").unwrap());
    assert_eq!(found[4], format!("{}{}", &finish[..start], &finish[end..]));
    assert_eq!(found[5], own[4]);
}

#[tokio::test]
async fn a_choice_has_no_delta_between_two_texts() {
    // text.1 stands twice; text.2 is the copy.
    let wire = "edit: [{repeat: {at: text.1}}, {patch: {at: text.2, unset: $.choices.*.delta, set: {$.choices.*.filter: {end: 3}}}}]";
    let found = text(&with(Chat, HELLO, wire).await.1.body());
    let own = events(Chat, HELLO).await;
    let copy = own[1]
        .replace("\"delta\":{\"content\":\"Hel\"},", "")
        .replace("\"finish_reason\":null}", "\"finish_reason\":null,\"filter\":{\"end\":3}}");
    assert_eq!(found, [&own[0], &own[1], &copy, &own[2], &own[3], &own[4]].map(String::as_str).concat());
}

#[tokio::test]
async fn every_event_comes_twice_one_forgotten_the_last_two_turned() {
    let wire = "edit: [{repeat: {at: all}}, {drop: text.2}, {move: {at: -1, before: -3}}]";
    let found = text(&with(Chat, "text: [a, b, c]", wire).await.1.body());
    let own = events(Chat, "text: [a, b, c]").await;
    // Start and start, a, b and b, c and c, the finish, the sentinel, and both again.
    let order = [0, 0, 1, 2, 2, 3, 3, 4, 5, 4, 5];
    assert_eq!(found, order.map(|at| own[at].as_str()).concat());
}

#[tokio::test]
async fn lines_of_json_stand_in_place_of_events() {
    let then = r#"text: [Hel, lo], shape: array, wire: {write: {style: compact}, frame: {lead: "", tail: "\n"}, head: {headers: {content-type: application/x-ndjson}}}"#;
    for shape in [Sse, Array] {
        let message = answer(shape, then).await.message();
        assert_eq!(message.headers("content-type"), ["application/x-ndjson"]);
        let body = text(&message.body());
        let lines: Vec<serde_json::Value> =
            body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1]["candidates"][0]["content"]["parts"][0]["text"], "lo");
        assert!(body.ends_with("}\n") && !body.contains(": "), "{body}");
    }
}

#[tokio::test]
async fn a_stream_is_open_on_behind_its_sentinel() {
    for shape in STREAMS {
        let seen =
            answer(shape, "text: [Hel, lo], wire: {end: {after: -1, hold: 35ms, how: complete}}").await;
        let message = seen.message();
        let terminator = message.wire().len() - message.terminator.len();
        assert_eq!(message.terminator, b"0\r\n\r\n", "{shape:?}");
        assert!(seen.at(terminator) >= Duration::from_millis(35), "{shape:?}");
    }
}

#[tokio::test]
async fn hints_come_early_and_then_an_old_http() {
    let then = r#"text: ok, wire: {head: {version: "1.0", interim: [{status: 103, headers: {link: "</a>; rel=preload"}}]}, carry: close}"#;
    let server = serve(&format!("- {{then: {{{then}}}}}\n")).await;
    let mut watch = Watch::connect(server.base_url());
    watch.send(&GeminiDocument.request_with(&[]));
    let seen = watch.read_to_end();
    let message = seen.message();
    assert_eq!(message.interim, ["HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n"]);
    assert!(message.head.starts_with("HTTP/1.0 200 OK\r\n") && seen.end == End::Closed);
    assert_eq!(message.body(), answer(GeminiDocument, "text: ok").await.body());
}

#[tokio::test]
async fn an_event_stalls_in_its_middle_and_heartbeats_come_before_it_only() {
    let then = "text: [Hel, lo], pace: {pause: {before: text.2, for: 25ms}, heartbeat: {every: 10ms, lines: ': ping'}}, \
                wire: {send: {cut: {in: text.2, byte: 40, gap: 30ms}}}";
    for (shape, ping) in [(Chat, ": ping\n\n"), (Sse, ": ping\r\n\r\n")] {
        let own = events(shape, HELLO).await;
        let texts = shape.first_text();
        let seen = answer(shape, then).await;
        let expected = [own[..texts].concat(), ping.repeat(2), own[texts..].concat()].concat();
        assert_eq!(text(&seen.body()), expected, "{shape:?}");
        let message: Message = seen.message();
        let stalled = expected.find(&own[texts]).unwrap() + 40;
        assert!(seen.at(message.inside(stalled)) >= Duration::from_millis(55), "{shape:?}");
    }
}

#[tokio::test]
async fn a_header_picks_the_trouble() {
    let server = serve(
        "- {when: {header: {x-fault: reset}}, then: {from: below, wire: {end: {after: text.1, how: reset}}}}\n\
         - {when: {header: {x-fault: slow}}, then: {from: below, pace: {first: 30ms}}}\n\
         - {when: {header: {x-fault: garbled}}, then: {from: below, wire: {edit: {insert: {after: 1, raw: {random: 64}}}}}}\n\
         - {then: {text: [Hel, lo]}}\n",
    )
    .await;
    let ask = |shape: Shape, fault: &str| {
        let mut watch = Watch::connect(server.base_url());
        watch.send(&shape.request_with(&[("connection", "close"), ("x-fault", fault)]));
        watch.read_to_end()
    };
    for shape in STREAMS {
        let plain = ask(shape, "none").message();
        let reset = ask(shape, "reset");
        let whole = &plain.pieces()[..shape.first_text()];
        assert_eq!((reset.end, &*reset.message().pieces()), (End::Reset, whole), "{shape:?}");
        let slow = ask(shape, "slow");
        assert_eq!(slow.body(), plain.body(), "{shape:?}");
        assert!(slow.last_at() >= Duration::from_millis(30));
        let garbled = ask(shape, "garbled").message().pieces();
        assert_eq!((garbled.len(), garbled[1].len()), (plain.pieces().len() + 1, 64), "{shape:?}");
    }
}

#[tokio::test]
async fn a_stream_is_resumed_where_it_broke() {
    let server = serve(
        "- {when: {header: {last-event-id: '2'}}, then: {text: [lo], wire: {frame: {at: text.1, lines: ['id: 3', event, data]}}}}\n\
         - {then: {text: [Hel, lo], wire: {frame: {at: text.1, lines: ['id: 2', event, data]}, end: {after: text.1, how: close}}}}\n",
    )
    .await;
    let ask = |headers: &[(&str, &str)]| {
        let mut watch = Watch::connect(server.base_url());
        watch.send(&Sse.request_with(headers));
        watch
    };
    let first = ask(&[]).read_to_end();
    assert!(text(&first.body()).starts_with("id: 2\r\ndata: {") && first.end == End::Closed);
    assert_eq!(first.message().terminator, b"");
    let second = ask(&[("last-event-id", "2")]).message();
    assert!(text(&second.body()).starts_with("id: 3\r\ndata: {"), "{}", text(&second.body()));
}
