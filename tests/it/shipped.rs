//! Shipped scenarios of trouble on the wire, byte by byte. What the SDKs make of
//! them is tested with the SDKs.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use mynah::Server;
use serde_json::json;
use tokio::time::Instant;

use crate::raw::request;

/// Long enough that only a server that hangs meets it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nothing for so long, and nothing more is waited for.
const SILENCE: Duration = Duration::from_millis(700);

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Fin,
    Reset,
    /// Not within the time that was waited.
    Open,
}

async fn shipped(name: &str) -> Server {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    Server::builder().scenarios(format!("{folder}/{name}.yaml")).start().await.unwrap()
}

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.base_url().trim_start_matches("http://")).unwrap()
}

fn chat(prompt: &str, is_stream: bool) -> String {
    let messages = json!([{"role": "user", "content": prompt}]);
    let body = json!({"model": "gpt-4o", "stream": is_stream, "messages": messages});
    request("POST /v1/chat/completions", &[], &body.to_string())
}

/// All that comes until the connection ends, or nothing has come for so long.
fn read(socket: &mut TcpStream, patience: Duration) -> (String, End) {
    socket.set_read_timeout(Some(patience)).unwrap();
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    let end = loop {
        match socket.read(&mut piece) {
            Ok(0) => break End::Fin,
            Ok(length) => all.extend_from_slice(&piece[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break End::Open;
            }
            Err(_) => break End::Reset,
        }
    };
    (String::from_utf8_lossy(&all).into_owned(), end)
}

/// What comes of a stream on a connection of its own.
fn stream(server: &Server, prompt: &str) -> (String, End) {
    let mut socket = connect(server);
    socket.write_all(chat(prompt, true).as_bytes()).unwrap();
    read(&mut socket, SILENCE)
}

#[tokio::test]
async fn streams_are_cut_where_they_are_told_to_be() {
    let server = shipped("32-cut-streams").await;
    let two = "{\"content\":\" two\"},\"logprobs\":null,\"finish_reason\":null}]";
    for (prompt, behind, end) in [("reset", "\n\n\r\n", End::Reset), ("close", "\n\n\r\n", End::Fin)] {
        let (all, ended) = stream(&server, prompt);
        assert!(all.contains(two) && all.ends_with(behind) && !all.contains("three"), "{all}");
        assert_eq!(ended, end, "{prompt}");
    }
    let (all, end) = stream(&server, "complete");
    assert!(all.contains(two) && all.ends_with("\n\n\r\n0\r\n\r\n"), "{all}");
    assert_eq!(end, End::Open);
    let (all, end) = stream(&server, "character");
    assert!(all.ends_with("{\"content\":\" zw\u{fffd}"), "{all}");
    assert_eq!(end, End::Fin);
    assert_eq!(stream(&server, "nothing"), (String::new(), End::Fin));
}

#[tokio::test]
async fn attempts_break_off_until_one_does_not() {
    let server = shipped("33-broken-answers").await;
    let ask = || {
        let mut socket = connect(&server);
        socket.write_all(chat("Hello", false).as_bytes()).unwrap();
        read(&mut socket, SILENCE)
    };
    let (all, end) = ask();
    assert_eq!((all.split_once("\r\n\r\n").unwrap().1.len(), end), (100, End::Reset));
    let (all, end) = ask();
    assert!(all.contains("Once more in full."), "{all}");
    assert_eq!(end, End::Open);
}

#[tokio::test]
async fn stalls_are_silent_or_alive() {
    let server = shipped("34-stalls").await;
    let (all, end) = stream(&server, "silence");
    assert!(all.contains("One") && !all.contains("two"), "{all}");
    assert_eq!(end, End::Open);
    let (all, end) = stream(&server, "head");
    assert!(all.ends_with("\r\n\r\n"), "{all}");
    assert_eq!(end, End::Open);
    assert_eq!(stream(&server, "while").1, End::Reset);
    let (all, end) = stream(&server, "alive");
    assert_eq!(end, End::Reset);
    assert!((2..=9).contains(&all.matches(": still here\n\n").count()), "{all}");
}

#[tokio::test]
async fn a_slow_link_takes_its_time_and_cuts_anywhere() {
    let server = shipped("35-slow-link").await;
    let begun = Instant::now();
    let (all, _) = stream(&server, "rate");
    assert!(begun.elapsed().as_secs_f64() >= (all.len() as f64 - 100.0) / 5000.0, "{}", all.len());
    let (all, _) = stream(&server, "one");
    let body = all.split_once("\r\n\r\n").unwrap().1;
    // One chunk, and its terminator.
    assert_eq!(body.matches("\r\n").count(), 4, "{body}");
    let mut socket = connect(&server);
    socket.write_all(chat("characters", true).as_bytes()).unwrap();
    let mut first = [0; 4096];
    assert_eq!(socket.read(&mut first).unwrap(), 20);
}

#[tokio::test]
async fn compressed_streams_say_so() {
    let server = shipped("36-compression").await;
    for (prompt, coding) in [("gzip", "gzip"), ("deflate", "deflate"), ("damaged", "gzip")] {
        let (all, _) = stream(&server, prompt);
        assert!(all.contains(&format!("content-encoding: {coding}\r\n")) && !all.contains("data:"), "{all}");
    }
    let mut socket = connect(&server);
    let begun = Instant::now();
    socket.write_all(chat("held back", true).as_bytes()).unwrap();
    let (all, end) = read(&mut socket, Duration::from_millis(500));
    assert!(begun.elapsed() >= Duration::from_millis(695), "two events later, and half a second of silence");
    assert!(all.ends_with("\r\n0\r\n\r\n"));
    assert_eq!(end, End::Open);
}

#[tokio::test]
async fn lengths_are_told_in_every_way() {
    let server = shipped("37-lengths").await;
    let (all, end) = stream(&server, "close");
    assert!(!all.contains("transfer-encoding") && !all.contains("content-length"), "{all}");
    assert!(all.ends_with("data: [DONE]\n\n"), "{all}");
    assert_eq!(end, End::Fin);
    let (all, end) = stream(&server, "too long");
    let (head, body) = all.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}", body.len() + 10)), "{head}");
    assert_eq!(end, End::Fin);
    assert!(stream(&server, "no size").0.contains("\r\n\r\nzz\r\ndata: "));
}

#[tokio::test]
async fn heads_are_what_they_are_told_to_be() {
    let server = shipped("38-heads").await;
    let (all, _) = stream(&server, "status");
    assert!(all.starts_with("HTTP/1.1 500 Oops\r\n"), "{all}");
    let (all, end) = stream(&server, "capitals");
    assert!(
        all.starts_with("HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\nHTTP/1.1 200 OK\r\n"),
        "{all}"
    );
    assert!(all.contains("\r\nContent-Type: Text/Event-Stream;Charset=UTF-8\r\n"), "{all}");
    assert!(all.contains("\r\nX-Twice: one\r\nX-Twice: two\r\n"), "{all}");
    assert_eq!(end, End::Fin);
    assert!(!stream(&server, "no type").0.contains("\r\ncontent-type:"));
    assert!(stream(&server, "old").0.starts_with("ICY 200 OK\r\n\r\ndata: "));
}

#[tokio::test]
async fn idle_connections_end_unless_they_are_used() {
    let server = shipped("39-idle-connections").await;
    let mut socket = connect(&server);
    for _ in 0..2 {
        socket.write_all(chat("idle", false).as_bytes()).unwrap();
        let (all, end) = read(&mut socket, Duration::from_millis(100));
        assert!(all.contains("Come back soon."), "{all}");
        assert_eq!(end, End::Open);
    }
    assert_eq!(read(&mut socket, PATIENCE), (String::new(), End::Fin));
    let mut socket = connect(&server);
    socket.write_all(chat("again", false).as_bytes()).unwrap();
    assert!(read(&mut socket, Duration::from_millis(100)).0.contains("Welcome."));
    socket.write_all(chat("again", false).as_bytes()).unwrap();
    assert_eq!(read(&mut socket, PATIENCE), (String::new(), End::Reset));
}

#[tokio::test]
async fn refusals_do_not_wait_for_the_body() {
    let server = shipped("40-early").await;
    for (length, end) in [(1_500_000, End::Open), (2_500_000, End::Fin)] {
        let mut socket = connect(&server);
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: mynah.test\r\ncontent-length: {length}\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        assert_eq!(read(&mut socket, Duration::from_millis(100)), (String::new(), End::Open));
        socket.write_all(&[b' '; 65_536]).unwrap();
        let (all, ended) = read(&mut socket, Duration::from_millis(500));
        assert!(all.starts_with("HTTP/1.1 413 "), "{all}");
        assert_eq!(ended, end);
    }
    let mut socket = connect(&server);
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: mynah.test\r\nauthorization: Bearer sk-expired\r\ncontent-length: 9\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    assert!(read(&mut socket, Duration::from_millis(500)).0.starts_with("HTTP/1.1 401 "));
}

#[tokio::test]
async fn the_first_connections_fail() {
    let server = shipped("41-connections").await;
    for end in [End::Reset, End::Reset, End::Fin] {
        assert_eq!(read(&mut connect(&server), PATIENCE), (String::new(), end));
    }
    let begun = Instant::now();
    let mut socket = connect(&server);
    socket.write_all(chat("Hello", false).as_bytes()).unwrap();
    assert!(read(&mut socket, SILENCE).0.contains("Now we are open."));
    assert!(begun.elapsed() >= Duration::from_millis(295));
}

#[tokio::test]
async fn odd_and_malformed_events_stand_on_the_wire() {
    let server = shipped("42-odd-events").await;
    for (prompt, bytes) in [
        ("comments", "\r\n: PROCESSING\n\n\r\n"),
        ("blocks", "\r\nevent: ping\nid: 7\nretry: 3000\n\n\r\n"),
        ("lines", "\r\ndata:[DONE]\r\n\r\n\r\n"),
        ("pretty", "\r\ndata: {\ndata:   \"id\": \"chatcmpl-"),
        ("members", ",\"novelty\":{\"a\":[1]}}\n\n"),
        ("unended", "\r\ndata: [DONE]\r\n0\r\n\r\n"),
    ] {
        let (all, _) = stream(&server, prompt);
        assert!(all.contains(bytes), "{prompt}: {all}");
    }
    assert_eq!(stream(&server, "twice").0.matches("\"content\":\"One\"").count(), 2);
    let server = shipped("43-malformed-events").await;
    for (prompt, bytes) in [
        ("half", "\r\ndata: {\"choices\": [{\"delta\n\n\r\n"),
        ("number", "\"created\":NaN,"),
        ("bytes", "\r\n4\r\n\u{fffd}\u{fffd}\n\n\r\n"),
        ("error", "\"code\":null}}\n\n\r\n0\r\n\r\n"),
    ] {
        let (all, _) = stream(&server, prompt);
        assert!(all.contains(bytes), "{prompt}: {all}");
    }
    assert!(!stream(&server, "endless").0.contains("[DONE]"));
}

#[tokio::test]
async fn trouble_is_laid_over_another_file() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let server = Server::builder()
        .scenarios(format!("{folder}/44-wire-on-demand.yaml"))
        .scenarios(format!("{folder}/01-hello.yaml"));
    let server = server.start().await.unwrap();
    for (fault, end) in [("reset", End::Reset), ("hang up", End::Fin), ("stall", End::Open)] {
        let mut socket = connect(&server);
        let faulty = chat("Hello", true).replacen("\r\n", &format!("\r\nx-wire: {fault}\r\n"), 1);
        socket.write_all(faulty.as_bytes()).unwrap();
        let (all, ended) = read(&mut socket, SILENCE);
        assert!(!all.contains("Hello!"), "{all}");
        assert_eq!(ended, end, "{fault}");
    }
}
