//! How an answer ends, and where: cleanly, by FIN, by RST, behind a silence, or
//! behind bytes that belong to nothing.

use std::{thread, time::Duration};

use mynah::Server;

use super::{
    asked::{ALL, Cases, DOCUMENTS, STREAMS, Shape, TEXT, answer, serve, with, with_each},
    seen::{End, Message, Seen, Watch, find},
};

use Shape::{Array, Chat, ChatDocument, GeminiDocument, Sse};

/// How long everything must have been acknowledged before a connection ends.
const SETTLE: Duration = Duration::from_millis(50);

/// What a client sees that keeps its connection, and the connection.
fn kept(server: &Server, shape: Shape) -> (Watch, Seen) {
    let mut watch = Watch::connect(server.base_url());
    watch.send(&shape.request_with(&[]));
    let seen = watch.message();
    (watch, seen)
}

#[tokio::test]
async fn an_answer_is_completed_wherever_that_is() {
    let wires = [
        "end: {after: 1, how: complete}",
        "end: {in: 2, byte: 9, how: complete}",
        "end: {before: body, how: complete}",
    ];
    for shape in STREAMS {
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        let first = plain.events(shape)[0].len();
        for (length, seen) in [first, first + 9, 0].into_iter().zip(all) {
            let message = seen.message();
            assert_eq!(message.body(), plain.body()[..length], "{shape:?}");
            assert_eq!(message.terminator, b"0\r\n\r\n", "{shape:?}");
            assert_eq!(message.missed(), [""; 0], "{shape:?}");
        }
    }
    for shape in DOCUMENTS {
        let wires = [
            "carry: length, end: {in: body, byte: 9, how: complete}",
            "end: {in: body, byte: -9, how: complete}",
        ];
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        assert_eq!(all[0].message().header("content-length"), Some("9"), "{shape:?}");
        assert_eq!(all[0].body(), plain.body()[..9], "{shape:?}");
        assert_eq!(all[1].body(), plain.body()[..plain.body().len() - 9], "{shape:?}");
    }
}

#[tokio::test]
async fn a_connection_goes_on_behind_what_was_completed() {
    for (shape, end) in
        [(Chat, "after: text.1"), (Array, "in: body, byte: 30"), (ChatDocument, "in: body, byte: 30")]
    {
        let server =
            serve(&format!("- {{then: {{{TEXT}, wire: {{end: {{{end}, how: complete}}}}}}}}\n")).await;
        let (mut watch, first) = kept(&server, shape);
        watch.send(&shape.request_with(&[]));
        assert_eq!(watch.message().bytes(), first.bytes(), "{shape:?}");
    }
}

#[tokio::test]
async fn what_is_closed_or_reset_has_no_terminator() {
    let cases = [("close", End::Closed), ("reset", End::Reset), ("half_close", End::Closed)];
    for shape in STREAMS {
        let wires = cases.map(|(how, _)| format!("end: {{after: 1, how: {how}}}"));
        let wires: Vec<_> = wires.iter().map(String::as_str).collect();
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        for ((how, end), seen) in cases.into_iter().zip(all) {
            let message = seen.message();
            assert_eq!(seen.end, end, "{shape:?} {how}");
            assert_eq!(message.pieces(), plain.pieces()[..1], "{shape:?} {how}");
            assert_eq!((&*message.terminator, &*message.broken), (&b""[..], &b""[..]), "{shape:?} {how}");
        }
    }
}

#[tokio::test]
async fn a_body_that_told_its_length_breaks_off() {
    for (how, end) in [("close", End::Closed), ("reset", End::Reset)] {
        for shape in ALL {
            let (plain, seen) =
                with(shape, TEXT, &format!("carry: length, end: {{in: body, byte: 20, how: {how}}}")).await;
            let message = seen.message();
            assert_eq!(message.header("content-length"), Some(&*plain.body().len().to_string()), "{shape:?}");
            assert_eq!((message.body(), seen.end), (plain.body()[..20].to_vec(), end), "{shape:?}");
        }
    }
}

#[tokio::test]
async fn nothing_at_all_comes_where_the_end_stands_before_the_head() {
    let thens = [("close", End::Closed), ("reset", End::Reset)];
    for shape in ALL {
        let wires = thens
            .map(|(how, _)| format!("head: {{interim: {{status: 103}}}}, end: {{before: head, how: {how}}}"));
        let wires: Vec<_> = wires.iter().map(String::as_str).collect();
        let (_, all) = with_each(shape, TEXT, &wires).await;
        for ((how, end), seen) in thens.into_iter().zip(all) {
            assert_eq!((seen.bytes(), seen.end), (Vec::new(), end), "{shape:?} {how}");
        }
    }
}

#[tokio::test]
async fn a_whole_answer_can_be_followed_by_a_reset() {
    for shape in ALL {
        let wires = [
            "end: {after: body, how: reset}",
            "end: {after: -1, how: reset}",
            "end: {after: body, how: close}",
        ];
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        let ends: Vec<_> = all.iter().map(|seen| seen.end).collect();
        assert_eq!(ends, [End::Reset, End::Reset, End::Closed], "{shape:?}");
        for (seen, wire) in all.iter().zip(wires) {
            let message = seen.message();
            assert_eq!(message.body(), plain.body(), "{shape:?} {wire}");
            let is_whole = wire.contains("body") && message.header("transfer-encoding").is_some();
            assert_eq!(
                message.terminator,
                if is_whole { &b"0\r\n\r\n"[..] } else { b"" },
                "{shape:?} {wire}"
            );
        }
    }
}

#[tokio::test]
async fn a_cut_waits_until_what_came_before_could_be_read() {
    for (shape, how) in [(Chat, "close"), (Sse, "reset"), (GeminiDocument, "close"), (Array, "half_close")] {
        let server =
            serve(&format!("- {{then: {{{TEXT}, wire: {{end: {{in: body, byte: 40, how: {how}}}}}}}}}\n"))
                .await;
        let mut watch = Watch::connect(server.base_url());
        watch.send(&shape.request());
        watch.read_to_end();
        assert!(watch.elapsed() >= SETTLE, "{shape:?} {how}");
    }
}

#[tokio::test]
async fn half_closed_a_connection_is_read_on() {
    let server =
        serve(&format!("- {{then: {{{TEXT}, wire: {{end: {{after: 1, how: half_close}}}}}}}}\n")).await;
    let mut watch = Watch::connect(server.base_url());
    watch.send(&Chat.request_with(&[]));
    assert_eq!(watch.read_to_end().end, End::Closed);
    // Far more than any buffer holds: somebody reads it, and resets nothing.
    let megabyte = "x".repeat(1 << 20);
    for _ in 0..32 {
        assert!(watch.try_send(&megabyte));
    }
    assert_eq!(watch.read_to_end().end, End::Closed);
    watch.finish();
}

#[tokio::test]
async fn silence_comes_before_the_end() {
    let hold = Duration::from_millis(40);
    for shape in STREAMS {
        for (how, end) in [("complete", End::Closed), ("close", End::Closed), ("reset", End::Reset)] {
            let wire = format!("end: {{after: 1, hold: 40ms, how: {how}}}");
            let server = serve(&format!("- {{then: {{{TEXT}, wire: {{{wire}}}}}}}\n")).await;
            let mut watch = Watch::connect(server.base_url());
            watch.send(&shape.request());
            let seen = watch.read_to_end();
            let message = seen.message();
            assert_eq!(message.pieces().len(), 1, "{shape:?} {how}");
            assert_eq!(seen.end, end, "{shape:?} {how}");
            if how == "complete" {
                let terminator = message.wire().len() - message.terminator.len();
                assert!(seen.at(terminator) >= hold, "{shape:?}");
                assert!(message.terminator == b"0\r\n\r\n" && seen.at(terminator) > seen.at(terminator - 1));
            } else {
                assert!(watch.elapsed() >= hold + SETTLE, "{shape:?} {how}");
            }
        }
    }
}

#[tokio::test]
async fn silence_can_be_for_ever_and_leaves_the_connection_open() {
    let wires = [
        ("end: {before: head, hold: forever}", 0),
        ("end: {in: head, byte: 9, hold: forever}", 9),
        ("end: {in: body, byte: 15, hold: forever, how: reset}", 15),
    ];
    let cases: Vec<_> =
        ALL.iter().flat_map(|shape| wires.map(|(wire, length)| (*shape, wire, length))).collect();
    let mut servers = Vec::new();
    for (_, wire, _) in &cases {
        servers.push(serve(&format!("- {{then: {{{TEXT}, wire: {{{wire}}}}}}}\n")).await);
    }
    thread::scope(|scope| {
        for ((shape, wire, length), server) in cases.into_iter().zip(&servers) {
            scope.spawn(move || {
                let mut watch = Watch::connect(server.base_url());
                watch.send(&shape.request());
                let count = |bytes: &[u8]| match find(bytes, b"\r\n\r\n") {
                    Some(_) if wire.contains("body") => Message::read(bytes).body().len(),
                    _ if wire.contains("body") => 0,
                    _ => bytes.len(),
                };
                let seen = watch.read_to_silence(|bytes| count(bytes) >= length);
                assert_eq!(count(&seen.bytes()), length, "{shape:?} {wire}");
            });
        }
    });
}

#[tokio::test]
async fn bytes_outside_of_any_frame_come_before_the_end() {
    let put = "put: [{hex: 00ff}, x, {fill: 3}]";
    let bytes = b"\x00\xffxabc";
    for shape in STREAMS {
        let wires = [
            format!("end: {{after: 1, {put}, how: close}}"),
            format!("end: {{after: 1, {put}, how: complete}}"),
            format!("end: {{after: body, {put}, how: complete}}"),
            format!("end: {{before: head, {put}, how: reset}}"),
            format!("end: {{in: 1, byte: 5, hold: 20ms, {put}, how: close}}"),
        ];
        let wires: Vec<_> = wires.iter().map(String::as_str).collect();
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        let piece = plain.pieces()[0].clone();
        let chunk = [format!("{:X}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat();
        let behind = |seen: &Seen| {
            let bytes = seen.bytes();
            bytes[find(&bytes, b"\r\n\r\n").unwrap() + 4..].to_vec()
        };
        let whole = plain.wire()[plain.head.len()..].to_vec();
        assert_eq!(behind(&all[0]), [&*chunk, bytes].concat(), "{shape:?}");
        assert_eq!(behind(&all[1]), [&*chunk, bytes, b"0\r\n\r\n"].concat(), "{shape:?}");
        assert_eq!(behind(&all[2]), [&*whole, bytes].concat(), "{shape:?}");
        assert_eq!(all[3].bytes(), bytes, "{shape:?}");
        let in_chunk = chunk.len() - 2 - piece.len() + 5;
        assert_eq!(behind(&all[4]), [&chunk[..in_chunk], bytes].concat(), "{shape:?}");
        let put_at = all[4].bytes().len() - bytes.len();
        assert!(all[4].at(put_at) >= Duration::from_millis(20));
    }
}

#[tokio::test]
async fn a_second_answer_that_nobody_asked_for_is_sent() {
    let put = r#"put: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}""#;
    let server =
        serve(&format!("- {{then: {{{TEXT}, wire: {{end: {{after: body, {put}, how: complete}}}}}}}}\n"))
            .await;
    let second = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    for shape in ALL {
        let mut watch = Watch::connect(server.base_url());
        for _ in 0..2 {
            watch.send(&shape.request_with(&[]));
            let seen = watch.until(Duration::from_secs(9), |bytes| bytes.ends_with(second));
            let answers = seen.bytes();
            let first = answers.strip_suffix(second).unwrap();
            assert_eq!(Message::read(first).body(), answer(shape, TEXT).await.body(), "{shape:?}");
        }
    }
}

#[tokio::test]
async fn an_idle_connection_ends_when_its_time_has_come() {
    for (how, end) in [("close", End::Closed), ("reset", End::Reset), ("half_close", End::Closed)] {
        for shape in ALL {
            let end_yaml = format!("end: {{after: body, hold: 30ms, put: bye, how: {how}}}");
            let server = serve(&format!("- {{then: {{{TEXT}, wire: {{{end_yaml}}}}}}}\n")).await;
            let (mut watch, first) = kept(&server, shape);
            assert_eq!(first.body(), answer(shape, TEXT).await.body(), "{shape:?} {how}");
            let rest = watch.read_to_end();
            assert_eq!((rest.bytes(), rest.end), (b"bye".to_vec(), end), "{shape:?} {how}");
            assert!(watch.elapsed() >= Duration::from_millis(30), "{shape:?} {how}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_ends_with_its_answer_is_silent_before() {
    let hold = "hold: 40ms, put: bye, how: close";
    for wire in [
        format!("carry: close, end: {{after: body, {hold}}}"),
        format!("head: {{headers: {{connection: close}}}}, end: {{after: body, {hold}}}"),
    ] {
        for shape in ALL {
            let server = serve(&format!("- {{then: {{{TEXT}, wire: {{{wire}}}}}}}\n")).await;
            let mut watch = Watch::connect(server.base_url());
            watch.send(&shape.request_with(&[]));
            let seen = watch.read_to_end();
            assert_eq!(seen.end, End::Closed, "{shape:?} {wire}");
            assert!(seen.bytes().ends_with(b"bye"), "{shape:?} {wire}");
            assert!(seen.last_at() >= Duration::from_millis(40), "{shape:?} {wire}");
        }
    }
}

#[tokio::test]
async fn a_new_request_ends_the_idle_time() {
    let server = serve(
        "- {per: connection, then: [{text: a, wire: {end: {after: body, hold: 400ms, how: reset}}}, \
         {text: b, pace: {head: 600ms}}]}\n",
    )
    .await;
    let (mut watch, _) = kept(&server, Chat);
    watch.send(&Chat.request_with(&[]));
    let second = watch.message();
    assert!(find(&second.body(), b"\"content\":\"b\"").is_some());
    watch.read_to_silence(|_| true);
}

#[tokio::test]
async fn a_request_that_came_with_the_one_before_ends_the_idle_time_too() {
    let server = serve(
        "- {per: connection, then: [{text: a, wire: {end: {after: body, hold: 60ms, how: reset}}}, \
         {text: b, pace: {head: 200ms}}]}\n",
    )
    .await;
    let mut watch = Watch::connect(server.base_url());
    watch.send(&Chat.request_with(&[]).repeat(2));
    let seen = watch.until(Duration::from_secs(9), |bytes| {
        bytes.windows(5).filter(|window| window == b"0\r\n\r\n").count() == 2
    });
    assert!(find(&seen.bytes(), b"\"content\":\"b\"").is_some(), "{:?}", seen.end);
}

#[tokio::test]
async fn an_idle_time_that_completes_changes_nothing_but_what_it_puts() {
    let server =
        serve("- {then: {text: a, wire: {end: {after: body, hold: 20ms, put: hi, how: complete}}}}\n").await;
    let (mut watch, first) = kept(&server, Chat);
    assert_eq!(watch.read_to_silence(|bytes| bytes.len() >= 2).bytes(), b"hi");
    watch.send(&Chat.request_with(&[]));
    assert_eq!(watch.message().bytes(), first.bytes());
    let server = serve("- {then: {text: a, wire: {end: {after: body, hold: forever}}}}\n").await;
    let (mut watch, first) = kept(&server, Chat);
    watch.read_to_silence(|_| true);
    watch.send(&Chat.request_with(&[]));
    assert_eq!(watch.message().bytes(), first.bytes());
}

#[tokio::test]
async fn a_connection_used_before_meets_a_reset_and_a_fresh_one_an_answer() {
    let server = serve(
        "- {when: {nth_on_connection: 2..}, then: {from: below, wire: {end: {before: head, how: reset}}}}\n\
         - {then: {text: ok}}\n",
    )
    .await;
    for shape in ALL {
        let (mut watch, _) = kept(&server, shape);
        watch.send(&shape.request_with(&[]));
        let second = watch.read_to_end();
        assert_eq!((second.bytes(), second.end), (Vec::new(), End::Reset), "{shape:?}");
        kept(&server, shape);
    }
}

#[tokio::test]
async fn an_end_comes_when_what_is_in_front_of_it_was_due() {
    // Whatever was to come behind it is not waited for.
    let then = "text: [a, b, c], pace: {every: [15ms, 1h]}, wire: {end: {after: text.1, how: @}}";
    for how in ["complete", "close", "reset"] {
        let seen = answer(Chat, &then.replace('@', how)).await;
        assert!(seen.last_at() >= Duration::from_millis(15), "{how}");
        assert_eq!(seen.message().pieces().len(), 2, "{how}");
    }
    let seen =
        answer(Chat, "text: a, pace: {head: 15ms, first: 1h}, wire: {end: {after: head, how: complete}}")
            .await;
    assert_eq!(seen.message().terminator, b"0\r\n\r\n");
    assert!(seen.last_at() >= Duration::from_millis(15));
}

#[tokio::test]
async fn errors_raw_replies_and_built_in_ones_end_so_too() {
    let thens = [
        ("error: 503, wire: {end: {in: body, byte: 10, how: close}}", End::Closed),
        (
            "raw: {status: 200, body: 0123456789abcdef}, wire: {end: {in: 1, byte: 10, how: reset}}",
            End::Reset,
        ),
        ("from: built_in, wire: {end: {in: body, byte: 10, how: reset}}", End::Reset),
        ("events: [{raw: 0123456789}, {raw: x}], wire: {end: {after: 1, how: close}}", End::Closed),
    ];
    for shape in STREAMS {
        let all = Cases::serve(&thens.map(|(then, _)| then)).await.ask_all(shape, thens.len());
        for ((then, end), seen) in thens.into_iter().zip(all) {
            assert_eq!((seen.body().len(), seen.end), (10, end), "{shape:?} {then}");
        }
    }
}

#[tokio::test]
async fn a_connection_told_by_its_end_ends_at_the_place() {
    let wires = [
        "carry: close, end: {after: 1, how: close}",
        "carry: close, end: {after: 1, how: complete}",
        "carry: close, end: {after: 1, how: reset}",
    ];
    for shape in STREAMS {
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        for (seen, end) in all.into_iter().zip([End::Closed, End::Closed, End::Reset]) {
            assert_eq!((seen.body(), seen.end), (plain.events(shape)[0].clone(), end), "{shape:?}");
        }
    }
}

#[tokio::test]
async fn heartbeats_go_on_through_the_silence_of_the_end_between_events_only() {
    let pace = "pace: {heartbeat: {every: 15ms, lines: ': ping'}}";
    for (shape, ping) in [(Chat, ": ping\n\n"), (Sse, ": ping\r\n\r\n")] {
        let then = format!("{TEXT}, {pace}, wire: {{end: {{after: 1, hold: 50ms, how: complete}}}}");
        let message = answer(shape, &then).await.message();
        let pieces = message.pieces();
        assert_eq!(pieces[1..], vec![ping.as_bytes(); 3], "{shape:?}");
        assert_eq!(message.terminator, b"0\r\n\r\n", "{shape:?}");
        let then =
            format!("{TEXT}, {pace}, wire: {{carry: close, end: {{after: 1, hold: 50ms, how: close}}}}");
        let body = answer(shape, &then).await.body();
        let first = answer(shape, TEXT).await.message().pieces()[0].clone();
        assert_eq!(body, [first, ping.repeat(3).into_bytes()].concat(), "{shape:?}");
        // Inside of an event there is silence indeed.
        let then = format!("{TEXT}, {pace}, wire: {{end: {{in: 1, byte: 9, hold: 50ms, how: close}}}}");
        let message = answer(shape, &then).await.message();
        assert_eq!(message.body().len(), 9, "{shape:?}");
        assert_eq!(message.missed(), ["heartbeat in the silence of the end"], "{shape:?}");
    }
}
