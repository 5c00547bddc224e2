//! How a body's length is told, its chunks, their size lines, and trailers.

use std::time::Duration;

use super::{
    asked::{ALL, Cases, DOCUMENTS, STREAMS, Shape, TEXT, answer, in_segments, serve, with, with_each},
    seen::{End, Watch, ends, find},
};
use crate::raw;

use Shape::{Chat, ChatDocument};

#[tokio::test]
async fn every_shape_is_carried_in_every_way() {
    for shape in ALL {
        let wires = ["carry: chunked", "carry: length", "carry: close", "carry: {as: length}"];
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        let length = plain.body().len().to_string();
        for (wire, seen) in wires.iter().zip(all) {
            let message = seen.message();
            let framing = (message.header("transfer-encoding"), message.header("content-length"));
            let expected = match *wire {
                "carry: chunked" => (Some("chunked"), None),
                "carry: close" => (None, None),
                _ => (None, Some(&*length)),
            };
            assert_eq!(framing, expected, "{shape:?} {wire}");
            assert_eq!(message.body(), plain.body(), "{shape:?} {wire}");
            assert_eq!(message.missed(), [""; 0], "{shape:?} {wire}");
            let terminator: &[u8] = if framing.0.is_some() { b"0\r\n\r\n" } else { b"" };
            assert_eq!(message.terminator, terminator, "{shape:?} {wire}");
        }
    }
}

#[tokio::test]
async fn told_by_its_end_a_body_ends_the_connection() {
    for shape in ALL {
        let server = serve(&format!("- {{then: {{{TEXT}, wire: {{carry: close}}}}}}\n")).await;
        let mut watch = Watch::connect(server.base_url());
        // The client would have kept it.
        watch.send(&shape.request_with(&[]));
        let seen = watch.read_to_end();
        assert_eq!((seen.end, seen.message().header("connection")), (End::Closed, None), "{shape:?}");
        assert_eq!(seen.body(), answer(shape, TEXT).await.body(), "{shape:?}");
    }
}

#[tokio::test]
async fn a_connection_goes_on_behind_every_other_way() {
    for shape in ALL {
        for carry in ["chunked", "length", "{as: chunked, cut: {in: body, every: 50}, trailers: {a: b}}"] {
            let server = serve(&format!("- {{then: {{{TEXT}, wire: {{carry: {carry}}}}}}}\n")).await;
            let mut watch = Watch::connect(server.base_url());
            let bodies: Vec<_> = (0..3)
                .map(|_| {
                    watch.send(&shape.request_with(&[]));
                    let seen = watch.until(Duration::from_secs(5), |bytes| {
                        bytes.ends_with(b"0\r\na: b\r\n\r\n") || super::seen::is_whole(bytes)
                    });
                    seen.body()
                })
                .collect();
            assert_eq!(bodies[0], answer(shape, TEXT).await.body(), "{shape:?} {carry}");
            assert!(bodies[1] == bodies[0] && bodies[2] == bodies[0], "{shape:?} {carry}");
        }
    }
}

#[tokio::test]
async fn a_wrong_content_length_is_told_beside_the_whole_body() {
    for shape in ALL {
        let wires = [
            "carry: {as: length, lie: 7}",
            "carry: {as: length, lie: -5}",
            "carry: {as: length, lie: -999999}",
        ];
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        let length = i64::try_from(plain.body().len()).unwrap();
        for (told, seen) in [length + 7, length - 5, length - 999_999].into_iter().zip(all) {
            let message = seen.message();
            assert_eq!(message.header("content-length"), Some(&*told.to_string()), "{shape:?}");
            assert_eq!(message.body(), plain.body(), "{shape:?}");
            assert_eq!(seen.end, End::Closed);
        }
    }
    // Documents of a chat have one anyway, and chunks have none to lie about.
    let lie = with(ChatDocument, TEXT, "carry: {lie: 1}").await;
    let told: usize = lie.1.message().header("content-length").unwrap().parse().unwrap();
    assert_eq!(told, lie.0.body().len() + 1);
    assert_eq!(with(Chat, TEXT, "carry: {lie: 1}").await.1.message().header("content-length"), None);
}

/// Choices of events whose chunks are joined, and the numbers of those events
/// of a chat of five that a chunk still ends behind.
const JOINS: &[(&str, &[usize])] = &[
    ("all", &[5]),
    ("1..2", &[2, 3, 4, 5]),
    ("[1, 2, 4, 5]", &[2, 3, 5]),
    ("text", &[1, 3, 4, 5]),
    ("[1, 3, 5]", &[1, 2, 3, 4, 5]),
    ("[2, 3, 4]", &[1, 4, 5]),
    ("-2..", &[1, 2, 3, 5]),
];

#[tokio::test]
async fn no_chunk_ends_between_neighbours_that_are_joined() {
    let wires: Vec<_> = JOINS.iter().map(|(join, _)| format!("carry: {{join: {join}}}")).collect();
    let wires: Vec<_> = wires.iter().map(String::as_str).collect();
    let (plain, all) = with_each(Chat, TEXT, &wires).await;
    let ends = ends(&plain.events(Chat));
    for ((join, kept), seen) in JOINS.iter().zip(all) {
        let expected: Vec<_> = kept.iter().map(|number| ends[number - 1]).collect();
        let message = seen.message();
        assert_eq!(message.chunk_ends(), expected, "{join}");
        assert_eq!(message.body(), plain.body(), "{join}");
    }
}

#[tokio::test]
async fn a_bound_that_is_cut_again_is_one() {
    for shape in STREAMS {
        let (plain, seen) =
            with(shape, TEXT, "carry: {join: all, cut: [{after: 1}, {in: 2, byte: 9}]}").await;
        let ends = ends(&plain.events(shape));
        let expected = [ends[0], ends[0] + 9, *ends.last().unwrap()];
        assert_eq!(seen.message().chunk_ends(), expected, "{shape:?}");
    }
}

#[tokio::test]
async fn what_shares_a_chunk_leaves_when_each_is_due() {
    let then = "text: [a, b], pace: {every: 8ms}, wire: {carry: {join: all}}";
    let seen = in_segments(Chat, then, |message| {
        assert_eq!(message.chunks.len(), 1);
        let ends = ends(&message.events(Chat));
        // The role leaves with the head; finish and sentinel with the last text.
        vec![message.inside(ends[0]), message.inside(ends[1])]
    })
    .await;
    let message = seen.message();
    let ends = ends(&message.events(Chat));
    assert!(seen.at(message.inside(ends[0])) >= Duration::from_millis(8));
    assert!(seen.at(message.inside(ends[1])) >= Duration::from_millis(16));
}

#[tokio::test]
async fn every_byte_can_have_a_chunk_of_its_own() {
    for shape in ALL {
        let (plain, seen) = with(shape, TEXT, "carry: {as: chunked, cut: {in: body, every: 1}}").await;
        let message = seen.message();
        assert!(message.chunks.iter().all(|(line, chunk)| line == "1\r\n" && chunk.len() == 1), "{shape:?}");
        assert_eq!(message.body(), plain.body(), "{shape:?}");
    }
}

/// The size line of a chunk by its number and its size in hex; `None`: the
/// usual one.
type SizeLine = fn(usize, &str) -> Option<String>;

#[tokio::test]
async fn size_lines_are_put_as_they_are_written() {
    let cases: [(&str, SizeLine); 6] = [
        ("{chunk: 2, put: \"zz\\r\\n\"}", |number, _| (number == 2).then(|| "zz\r\n".to_owned())),
        ("{chunk: all, put: \"{size};n=1\\r\\n\"}", |number, hex| {
            (number > 0).then(|| format!("{hex};n=1\r\n"))
        }),
        ("{chunk: 0, put: \"0;last\\r\\n\"}", |number, _| (number == 0).then(|| "0;last\r\n".to_owned())),
        ("{chunk: 2.., put: \"000{size}\\n\"}", |number, hex| (number >= 2).then(|| format!("000{hex}\n"))),
        ("[{chunk: all, put: a}, {chunk: 1..2, put: '{size}{size}'}]", |number, hex| match number {
            0 => None,
            1 | 2 => Some(format!("{hex}{hex}")),
            _ => Some("a".to_owned()),
        }),
        ("{chunk: 1, put: ''}", |number, _| (number == 1).then(String::new)),
    ];
    for shape in STREAMS {
        let wires: Vec<_> = cases.iter().map(|(sizes, _)| format!("carry: {{sizes: {sizes}}}")).collect();
        let wires: Vec<_> = wires.iter().map(String::as_str).collect();
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        for ((sizes, line), seen) in cases.iter().zip(all) {
            let mut expected = Vec::new();
            for (at, piece) in plain.pieces().iter().enumerate() {
                let hex = format!("{:X}", piece.len());
                let line = line(at + 1, &hex).unwrap_or_else(|| format!("{hex}\r\n"));
                expected.extend([line.as_bytes(), piece, b"\r\n"].concat());
            }
            let last = line(0, "0").unwrap_or_else(|| "0\r\n".to_owned());
            expected.extend([last.as_bytes(), b"\r\n"].concat());
            let bytes = seen.bytes();
            let head = find(&bytes, b"\r\n\r\n").unwrap() + 4;
            assert_eq!(
                bytes[head..].escape_ascii().to_string(),
                expected.escape_ascii().to_string(),
                "{shape:?} {sizes}"
            );
        }
    }
}

#[tokio::test]
async fn trailers_stand_behind_the_last_chunk() {
    let trailers = "carry: {as: chunked, trailers: {x-sum: abc, X-Two: [a, 'b'], x-fill: {fill: 5}, x-echo: {echo: prompt}}}";
    for shape in ALL {
        let (plain, seen) = with(shape, TEXT, trailers).await;
        let message = seen.message();
        let expected = "0\r\nx-sum: abc\r\nX-Two: a\r\nX-Two: b\r\nx-fill: abcde\r\nx-echo: x\r\n\r\n";
        assert_eq!(String::from_utf8(message.terminator.clone()).unwrap(), expected, "{shape:?}");
        assert_eq!(message.body(), plain.body(), "{shape:?}");
    }
}

#[tokio::test]
async fn keys_of_chunks_are_told_as_missed_where_there_are_none() {
    for carry in ["cut: {in: body, byte: 5}", "join: all", "sizes: {chunk: 1, put: x}", "trailers: {a: b}"] {
        let wires = [format!("carry: {{as: length, {carry}}}"), format!("carry: {{as: close, {carry}}}")];
        let thens = wires.map(|wire| format!("from: built_in, wire: {{{wire}}}"));
        for seen in Cases::serve(&thens).await.ask_all(Chat, 2) {
            assert_eq!(seen.message().missed(), ["carry: no chunks"], "{carry}");
        }
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_no_chunks() {
    for shape in ALL {
        let server = serve(&format!(
            "- {{then: {{{TEXT}, wire: {{send: {{cut: {{in: body, byte: 9, gap: 1ms}}}}}}}}}}\n"
        ))
        .await;
        let mut watch = Watch::connect(server.base_url());
        watch.send(&shape.request_with(&[]).replacen("HTTP/1.1", "HTTP/1.0", 1));
        let seen = watch.read_to_end();
        let message = seen.message();
        assert_eq!(message.header("transfer-encoding"), None, "{shape:?}");
        assert_eq!(message.body(), answer(shape, TEXT).await.body(), "{shape:?}");
        assert_eq!(seen.end, End::Closed, "{shape:?}");
    }
}

#[tokio::test]
async fn who_asks_for_the_head_alone_gets_it_alone() {
    let raw = "raw: {status: 200, headers: {x-a: b}, body: text}";
    for (wire, framing) in
        [("head: {headers: {x-b: c}}", "content-length: 4"), ("carry: chunked", "transfer-encoding: chunked")]
    {
        let server = serve(&format!("- {{then: {{{raw}, wire: {{{wire}}}}}}}\n")).await;
        let mut watch = Watch::connect(server.base_url());
        watch.send(&raw::request("HEAD /any", &[("connection", "close")], ""));
        let bytes = watch.read_to_end().bytes();
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.contains(framing) && text.ends_with("\r\n\r\n") && text.matches("\r\n\r\n").count() == 1,
            "{text}"
        );
    }
}

#[tokio::test]
async fn documents_are_one_chunk_unless_they_are_cut() {
    for shape in DOCUMENTS {
        let (plain, seen) = with(shape, TEXT, "carry: chunked").await;
        assert_eq!(seen.message().pieces(), [plain.body()], "{shape:?}");
    }
}

#[tokio::test]
async fn no_events_are_an_empty_body_in_every_way() {
    for shape in STREAMS {
        let thens =
            ["chunked", "length", "close"].map(|carry| format!("events: [], wire: {{carry: {carry}}}"));
        for (at, seen) in Cases::serve(&thens).await.ask_all(shape, 3).into_iter().enumerate() {
            let message = seen.message();
            assert_eq!(message.body(), b"", "{shape:?}");
            let terminator: &[u8] = if at == 0 { b"0\r\n\r\n" } else { b"" };
            assert_eq!(message.terminator, terminator, "{shape:?}");
        }
    }
}
