//! Heads: status lines, headers by name, case and order, answers in front of
//! the answer, and heads that are none.

use std::time::Duration;

use super::{
    asked::{ALL, Cases, Shape, TEXT, answer, in_segments, serve, with, with_each},
    seen::{End, Message, Watch, find},
};
use crate::raw;

/// The head of an answer, without what HTTP adds because the client asked for
/// the connection's end.
fn head(plain: &Message) -> Vec<String> {
    let text = plain.head.replace("connection: close\r\n", "");
    text.strip_suffix("\r\n\r\n").unwrap().split("\r\n").map(str::to_owned).collect()
}

/// Puts lines in place of all of that name, or behind the others.
fn put(head: &mut Vec<String>, name: &str, lines: &[&str]) {
    let is_same = |line: &String| line.to_lowercase().starts_with(&format!("{name}: "));
    let at = head.iter().position(is_same).unwrap_or(head.len());
    head.retain(|line| !is_same(line));
    head.splice(at..at, lines.iter().map(|line| (*line).to_owned()));
}

/// What a key does to the lines of a head.
type Change<'a> = &'a dyn Fn(&mut Vec<String>);

async fn assert_heads(shape: Shape, cases: &[(&str, Change<'_>)]) {
    let wires: Vec<_> = cases.iter().map(|(wire, _)| format!("head: {{{wire}}}")).collect();
    let wires: Vec<_> = wires.iter().map(String::as_str).collect();
    let (plain, all) = with_each(shape, TEXT, &wires).await;
    for (at, ((wire, change), seen)) in cases.iter().zip(all).enumerate() {
        let mut expected = head(&plain);
        put(&mut expected, "x-mynah-stub", &[&format!("x-mynah-stub: case {at:03}")]);
        change(&mut expected);
        let bytes = seen.bytes();
        let end = find(&bytes, b"\r\n\r\n").unwrap() + 4;
        let expected = expected.join("\r\n") + "\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&bytes[..end]), expected, "{shape:?} {wire}");
        if !wire.to_lowercase().contains("transfer-encoding") {
            assert_eq!(seen.body(), plain.body(), "{shape:?} {wire}");
        }
    }
}

#[tokio::test]
async fn a_status_line_is_as_it_is_written() {
    let line = |line: &'static str| move |head: &mut Vec<String>| line.clone_into(&mut head[0]);
    for shape in ALL {
        assert_heads(
            shape,
            &[
                ("status: 503", &line("HTTP/1.1 503 Service Unavailable")),
                ("status: 529", &line("HTTP/1.1 529 Site is overloaded")),
                ("status: 299", &line("HTTP/1.1 299 Unknown")),
                ("status: 999", &line("HTTP/1.1 999 Unknown")),
                ("reason: Fine", &line("HTTP/1.1 200 Fine")),
                ("reason: ''", &line("HTTP/1.1 200 ")),
                ("status: 404, reason: '  grüezi'", &line("HTTP/1.1 404   grüezi")),
                ("version: '1.0'", &line("HTTP/1.0 200 OK")),
                ("version: '2', status: 418", &line("HTTP/2 418 I'm a teapot")),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn headers_are_replaced_in_place_appended_and_removed() {
    for shape in ALL {
        let appended = |head: &mut Vec<String>| {
            head.extend(["X-New: 1", "set-COOKIE: a=1", "set-COOKIE: b=2"].map(str::to_owned));
        };
        assert_heads(
            shape,
            &[
                ("headers: {X-New: 1, set-COOKIE: [a=1, b=2]}", &appended),
                ("headers: {DATE: never}", &|head| put(head, "date", &["DATE: never"])),
                ("headers: {content-type: null}", &|head| put(head, "content-type", &[])),
                ("headers: {Server: [a, b]}", &|head| put(head, "server", &["Server: a", "Server: b"])),
                ("headers: {vary: null}", &|head| put(head, "vary", &[])),
                ("headers: {Vary: '*'}", &|head| put(head, "vary", &["Vary: *"])),
                ("headers: {x-mynah-answer: null}", &|head| put(head, "x-mynah-answer", &[])),
                ("headers: {x-none: null}", &|_| {}),
                ("headers: {x-empty: ''}", &|head| head.push("x-empty: ".to_owned())),
                ("headers: {x-fill: {fill: 70KiB}}", &|head| {
                    let fill: String = ('a'..='z').chain('0'..='9').cycle().take(70 << 10).collect();
                    head.push(format!("x-fill: {fill}"));
                }),
                ("headers: {x-prompt: {echo: prompt}}", &|head| head.push("x-prompt: x".to_owned())),
                ("headers: {x-a: 'ü '}", &|head| head.push("x-a: ü ".to_owned())),
                ("headers: {X-A: 1, x-a: 2}", &|head| head.push("x-a: 2".to_owned())),
                ("headers: {content-type: Text/Event-Stream;charset=UTF-8}", &|head| {
                    put(head, "content-type", &["content-type: Text/Event-Stream;charset=UTF-8"]);
                }),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn headers_may_contradict_the_body() {
    for shape in [Shape::Chat, Shape::Array] {
        assert_heads(
            shape,
            &[
                ("headers: {content-length: 10}", &|head| head.push("content-length: 10".to_owned())),
                ("headers: {transfer-encoding: null}", &|head| put(head, "transfer-encoding", &[])),
                ("headers: {Transfer-Encoding: 'gzip, chunked'}", &|head| {
                    put(head, "transfer-encoding", &["Transfer-Encoding: gzip, chunked"]);
                }),
            ],
        )
        .await;
    }
    // The chunks are there, told or not.
    let seen = with(Shape::Chat, TEXT, "head: {headers: {transfer-encoding: null}}").await.1;
    assert!(seen.bytes().ends_with(b"data: [DONE]\n\n\r\n0\r\n\r\n"));
    let seen = with(Shape::ChatDocument, TEXT, "head: {headers: {content-length: [1, 2]}}").await.1;
    assert_eq!(seen.message().headers("content-length"), ["1", "2"]);
}

#[tokio::test]
async fn headers_know_what_the_client_called() {
    let headers =
        "{location: 'http://{host}:{port}{path}', x-none: '{hosts}{', x-two: ['{path}', '{port}{port}']}";
    let server = serve(&format!(
        "- {{then: {{{TEXT}, wire: {{head: {{headers: {headers}, interim: {{status: 103, headers: {{link: '{{host}}'}}}}}}}}}}}}\n"
    ))
    .await;
    let path = "/v1beta/models/m:generateContent";
    for (host, name, port) in [
        ("mock.test:8080", "mock.test", "8080"),
        ("mock.test", "mock.test", "80"),
        ("[::1]:99", "[::1]", "99"),
    ] {
        let mut watch = Watch::connect(server.base_url());
        let request = raw::request(
            &format!("POST {path}?key=k"),
            &[("connection", "close")],
            "{\"contents\": [{\"parts\": [{\"text\": \"x\"}]}]}",
        );
        watch.send(&request.replace("host: mynah.test", &format!("host: {host}")));
        let message = watch.read_to_end().message();
        assert_eq!(message.header("location"), Some(&*format!("http://{name}:{port}{path}")), "{host}");
        assert_eq!(message.header("x-none"), Some("{hosts}{"));
        assert_eq!(message.headers("x-two"), [path, &port.repeat(2)]);
        assert_eq!(message.interim, [format!("HTTP/1.1 103 Early Hints\r\nlink: {name}\r\n\r\n")]);
    }
}

#[tokio::test]
async fn what_a_request_echoes_cannot_end_a_header() {
    let server = serve("- {then: {text: a, wire: {head: {headers: {x-prompt: {echo: prompt}}}}}}\n").await;
    let mut watch = Watch::connect(server.base_url());
    let body = r#"{"contents": [{"parts": [{"text": "a\r\nset-cookie: x\u0000"}]}]}"#;
    watch.send(&raw::request("POST /v1beta/models/m:generateContent", &[("connection", "close")], body));
    let message = watch.read_to_end().message();
    assert_eq!(message.header("x-prompt"), Some("a  set-cookie: x "));
    assert_eq!(message.header("set-cookie"), None);
}

#[tokio::test]
async fn answers_stand_in_front_of_the_answer() {
    let wires = [
        "head: {interim: {status: 100}}",
        "head: {interim: [{status: 103, headers: {Link: [a, b]}}, {status: 102}, {status: 199}]}",
    ];
    for shape in ALL {
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        assert_eq!(all[0].message().interim, ["HTTP/1.1 100 Continue\r\n\r\n"], "{shape:?}");
        let expected = [
            "HTTP/1.1 103 Early Hints\r\nLink: a\r\nLink: b\r\n\r\n",
            "HTTP/1.1 102 Processing\r\n\r\n",
            "HTTP/1.1 199 \r\n\r\n",
        ];
        assert_eq!(all[1].message().interim, expected, "{shape:?}");
        for seen in all {
            assert_eq!(seen.body(), plain.body(), "{shape:?}");
        }
    }
}

#[tokio::test]
async fn answers_in_front_are_not_held_back_with_the_head() {
    let then = format!("{TEXT}, pace: {{head: 20ms}}, wire: {{head: {{interim: {{status: 103}}}}}}");
    let seen = in_segments(Shape::Chat, &then, |message| vec![message.interim[0].len()]).await;
    let interim = seen.message().interim[0].len();
    assert!(seen.at(interim) >= Duration::from_millis(20));
}

#[tokio::test]
async fn a_raw_head_is_all_there_is_of_it() {
    let wires = [
        r#"head: {raw: "ICY 200 OK\r\n\r\n"}"#,
        r#"head: {raw: ["HTTP/1.1 200 OK\nx: y\n\n", {hex: 00ff}]}"#,
        "head: {raw: ''}",
        r#"head: {raw: "HTTP/1.1 200\r\n", interim: {status: 103}}"#,
    ];
    let heads: [&[u8]; 4] = [
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\nx: y\n\n\x00\xff",
        b"",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200\r\n",
    ];
    for shape in ALL {
        let (plain, all) = with_each(shape, TEXT, &wires).await;
        let carried = plain.wire()[plain.head.len()..].to_vec();
        for (head, seen) in heads.iter().zip(all) {
            assert_eq!(
                seen.bytes().escape_ascii().to_string(),
                [head, &*carried].concat().escape_ascii().to_string(),
                "{shape:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_head_that_tells_the_end_of_the_connection_keeps_its_word() {
    for shape in ALL {
        let server =
            serve(&format!("- {{then: {{{TEXT}, wire: {{head: {{headers: {{Connection: Close}}}}}}}}}}\n"))
                .await;
        let mut watch = Watch::connect(server.base_url());
        watch.send(&shape.request_with(&[]));
        let seen = watch.read_to_end();
        assert_eq!(
            (seen.end, seen.message().header("connection")),
            (End::Closed, Some("Close")),
            "{shape:?}"
        );
        assert_eq!(seen.body(), answer(shape, TEXT).await.body(), "{shape:?}");
    }
}

#[tokio::test]
async fn errors_and_raw_replies_have_their_heads_changed_too() {
    let thens = [
        "error: 401, wire: {head: {status: 200, headers: {content-type: text/plain}}}",
        "error: {status: 429, retry_after: 1s}, wire: {head: {headers: {retry-after: \"0.5\"}}}",
        "raw: {status: 502, headers: {Server: a, x-b: c}, body: <html>}, wire: {head: {headers: {SERVER: b}, reason: Bad}}",
        "from: built_in, wire: {head: {headers: {x-a: b}}}",
    ];
    let all = Cases::serve(&thens).await.ask_all(Shape::Chat, thens.len());
    let all: Vec<_> = all.iter().map(super::seen::Seen::message).collect();
    assert!(
        all[0].head.starts_with("HTTP/1.1 200 OK\r\n") && all[0].header("content-type") == Some("text/plain")
    );
    assert!(find(&all[0].body(), b"\"error\"").is_some());
    assert_eq!(all[1].headers("retry-after"), ["0.5"]);
    assert_eq!(all[2].head, "HTTP/1.1 502 Bad\r\nSERVER: b\r\nx-b: c\r\ncontent-length: 6\r\n\r\n");
    assert_eq!((all[3].header("x-a"), all[3].header("x-mynah-answer")), (Some("b"), Some("stub")));
}
