//! Writes on the socket: where they end, when they leave, and how fast.

use std::time::Duration;

use super::{
    asked::{ALL, STREAMS, Shape, TEXT, answer, in_segments, serve, with, with_each},
    seen::{End, Message, Watch, ends},
};

use Shape::{Chat, Sse};

/// Where the events of an answer end on the connection.
fn event_bounds(shape: Shape, message: &Message) -> Vec<usize> {
    ends(&message.events(shape)).into_iter().map(|end| message.bound(end)).collect()
}

#[tokio::test]
async fn what_is_only_cut_has_the_bytes_that_http_writes() {
    for shape in ALL {
        let mut found = Vec::new();
        for wire in ["", ", wire: {send: {cut: {in: body, every: 100, gap: 0s}}}"] {
            let server = serve(&format!("- {{then: {{{TEXT}{wire}}}}}\n")).await;
            let mut watch = Watch::connect(server.base_url());
            watch.send(&shape.request_with(&[]));
            found.push(watch.message().bytes().escape_ascii().to_string());
        }
        assert_eq!(found[0], found[1], "{shape:?}");
    }
}

#[tokio::test]
async fn each_event_can_have_a_write_of_its_own() {
    for shape in STREAMS {
        let then = format!("{TEXT}, wire: {{send: {{cut: {{after: all, gap: 4ms}}}}}}");
        // The head leaves with the first event, the terminator behind the last.
        let seen = in_segments(shape, &then, |message| event_bounds(shape, message)).await;
        let message = seen.message();
        for (number, bound) in (1..).zip(event_bounds(shape, &message)) {
            assert!(seen.at(bound) >= Duration::from_millis(4) * number, "{shape:?} {number}");
        }
    }
}

#[tokio::test]
async fn all_that_follows_a_cut_moves_back_with_it() {
    // The second event is due 10 ms behind the first, which is cut for 30 ms.
    let then = "text: [a, b], pace: {every: 10ms}, wire: {send: {cut: {in: 2, byte: 9, gap: 30ms}}}";
    let seen = in_segments(Chat, then, |message| {
        let bounds = event_bounds(Chat, message);
        // The start leaves with the head; a, its rest, b and all the rest.
        vec![bounds[0], message.inside(ends(&message.events(Chat))[0] + 9), bounds[1]]
    })
    .await;
    let message = seen.message();
    let bounds = event_bounds(Chat, &message);
    assert!(seen.at(bounds[0]) >= Duration::from_millis(10));
    assert!(seen.at(bounds[1] - 1) >= Duration::from_millis(40));
    assert!(seen.at(bounds[1]) >= Duration::from_millis(50));
}

#[tokio::test]
async fn the_usual_gap_is_fifty_milliseconds() {
    let then = format!("{TEXT}, wire: {{send: {{cut: {{after: 1}}}}}}");
    let seen = in_segments(Sse, &then, |message| vec![event_bounds(Sse, message)[0]]).await;
    assert!(seen.last_at() >= Duration::from_millis(50));
}

#[tokio::test]
async fn several_cuts_have_each_a_gap_of_its_own() {
    let cut = "[{after: 2, gap: 6ms}, {in: 1, byte: 5, gap: 12ms}, {after: 3, gap: 0s}]";
    let then = format!("{TEXT}, wire: {{send: {{cut: {cut}}}}}");
    let seen = in_segments(Chat, &then, |message| {
        let bounds = event_bounds(Chat, message);
        vec![message.inside(5), bounds[1], bounds[2]]
    })
    .await;
    let message = seen.message();
    let bounds = event_bounds(Chat, &message);
    assert!(seen.at(message.inside(5)) >= Duration::from_millis(12));
    assert!(seen.at(bounds[1]) >= Duration::from_millis(18));
}

#[tokio::test]
async fn documents_and_heads_are_cut_too() {
    for shape in [Shape::ChatDocument, Shape::GeminiDocument] {
        let then = format!(
            "{TEXT}, wire: {{send: {{cut: [{{in: head, line: 1, gap: 3ms}}, {{in: body, byte: 50, gap: 3ms}}, {{after: head, gap: 3ms}}]}}}}"
        );
        in_segments(shape, &then, |message| {
            let line = message.head.find('\n').unwrap() + 1;
            vec![line, message.head.len(), message.inside(50)]
        })
        .await;
    }
}

#[tokio::test]
async fn chunk_bounds_and_segment_bounds_are_set_apart() {
    let then = format!(
        "{TEXT}, wire: {{carry: {{join: all, cut: {{in: body, byte: 77}}}}, send: {{cut: {{in: body, byte: 99, gap: 3ms}}}}}}"
    );
    for shape in STREAMS {
        let seen = in_segments(shape, &then, |message| vec![message.inside(99)]).await;
        let message = seen.message();
        assert_eq!(message.chunk_ends(), [77, message.body().len()], "{shape:?}");
    }
}

#[tokio::test]
async fn what_is_joined_leaves_when_the_last_of_it_is_due() {
    // In a chat: 1 start, 2 to 4 texts, 5 finish, 6 the sentinel.
    let cases: &[(&str, &[usize])] = &[
        ("", &[1, 2, 3]),
        ("join: [2, 3]", &[1, 3]),
        ("join: text", &[1]),
        ("join: all", &[]),
        ("join: [head, 1, 2]", &[2, 3]),
        ("join: [head, all]", &[]),
        ("join: body", &[]),
        ("join: wire", &[]),
        ("join: [2, 4]", &[1, 2, 3]),
        ("join: [1, 2, 4, 5]", &[2, 3]),
    ];
    for (join, bounds) in cases {
        let then = format!("text: [a, b, c], pace: {{every: 6ms}}, wire: {{send: {{{join}}}}}");
        let with_head = *join != "join: all" && *join != "join: body" && *join != "join: [1, 2, 4, 5]";
        let seen = in_segments(Chat, &then, |message| {
            let all = event_bounds(Chat, message);
            let mut expected: Vec<_> = bounds.iter().map(|number| all[number - 1]).collect();
            // What is joined without the head leaves behind it.
            expected.extend((!with_head).then_some(message.head.len()));
            expected
        })
        .await;
        let last = event_bounds(Chat, &seen.message())[3] - 1;
        assert!(seen.at(last) >= Duration::from_millis(18), "{join}");
        if join.contains("head, all") || join.contains("wire") {
            assert!(seen.at(0) >= Duration::from_millis(18), "{join}");
        }
    }
}

#[tokio::test]
async fn a_cut_parts_what_is_joined() {
    let then = format!("{TEXT}, wire: {{send: {{join: [head, all], cut: {{in: 2, byte: 3, gap: 3ms}}}}}}");
    for shape in STREAMS {
        in_segments(shape, &then, |message| vec![message.inside(ends(&message.events(shape))[0] + 3)]).await;
    }
}

#[tokio::test]
async fn no_byte_comes_faster_than_the_rate() {
    for shape in ALL {
        let (plain, seen) = with(shape, "text: [{fill: 2000}, b]", "send: {rate: 40KB/s}").await;
        assert_eq!(seen.body(), plain.body(), "{shape:?}");
        let mut count = 0;
        for (bytes, at) in &seen.reads {
            // A piece of 20 ms leaves at once, each later one when its time has come.
            let allowed = 800 + at.as_micros() * 40 / 1000;
            count += bytes.len();
            assert!(count as u128 <= allowed, "{shape:?}: {count} bytes at {at:?}");
        }
    }
}

#[tokio::test]
async fn a_rate_holds_for_heads_and_for_what_is_put_behind() {
    let wire = "head: {headers: {x-fill: {fill: 2000}}}, send: {rate: 50KB/s}, \
                end: {after: body, put: {fill: 2000}, how: close}";
    let (plain, seen) = with(Chat, TEXT, wire).await;
    let length = plain.wire().len() + 4000;
    assert!(seen.bytes().len() > length - 100);
    assert!(seen.last_at() >= Duration::from_micros((length as u64 - 1100) * 20), "{:?}", seen.last_at());
}

#[tokio::test]
async fn a_reader_that_is_late_sees_the_cut_all_the_same() {
    // More than its buffer holds: the gap begins when all of it was acknowledged.
    let text = "text: [{fill: 20KB}, b]";
    let cut = "wire: {send: {cut: {after: text.1, gap: 20ms}}}";
    let server = serve(&format!("- {{then: {{{text}, {cut}}}}}\n")).await;
    let plain = answer(Sse, text).await.message();
    let mut count = 0;
    for _ in 0..5 {
        let mut watch = Watch::connect_with_room(server.base_url(), 4096);
        watch.send(&Sse.request());
        // A server that did not wait would have written all in the meantime.
        tokio::time::sleep(Duration::from_millis(60)).await;
        let seen = watch.read_to_end();
        assert_eq!((seen.body(), seen.end), (plain.body(), End::Closed));
        count += usize::from(seen.bounds().contains(&event_bounds(Sse, &seen.message())[0]));
    }
    // Both the server and this test may be held up now and then.
    assert!(count >= 3, "the cut was seen {count} times");
}

#[tokio::test]
async fn a_slow_stream_may_come_in_single_bytes() {
    let (plain, all) = with_each(
        Chat,
        "events: [{json: {a: ü}}, {text: '[DONE]'}]",
        &["carry: {cut: {in: body, every: 1}}, send: {cut: {in: body, every: 1, gap: 1ms}}"],
    )
    .await;
    assert_eq!(all[0].body(), plain.body());
    assert!(all[0].last_at() >= Duration::from_millis(plain.body().len() as u64 - 1));
}
