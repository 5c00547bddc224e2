//! Clients that are slow, or never end: none of them holds up others, or fills the
//! memory.

use std::{io::Write, net::TcpStream, time::Duration};

use mynah::Server;
use tokio::time::{Instant, sleep};

use crate::{
    any_bytes::good,
    bad_http::{CHAT, GEMINI, GENERATE, OPENAI, assert_plain, assert_worded, chunked, head},
    command::Serving,
    raw::{Raw, request},
};

/// What tests let something take.
const SHORT: Duration = Duration::from_millis(60);

#[tokio::test]
async fn a_head_that_does_not_end_is_given_up_and_no_single_byte_prolongs_it() {
    let server = Server::builder().head_timeout(SHORT).start().await.unwrap();
    for (start, drip) in [("G", ""), ("GET / HTTP/1.1\r\nhost: h\r\n", ""), ("GET /", "aaaa")] {
        let mut client = Raw::connect(server.base_url());
        let began = Instant::now();
        client.send(start);
        for byte in drip.chars() {
            client.send(byte.to_string());
            sleep(SHORT / 8).await;
        }
        let answer = client.answer();
        assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
        assert_plain(&answer, 408, "did not come within 60ms");
        assert_eq!(client.rest(), b"");
    }
    // The same behind a request.
    let mut client = Raw::connect(server.base_url());
    client.send(request(OPENAI, &[], CHAT) + "GET");
    assert_eq!(client.answer().status(), 200);
    assert_plain(&client.answer(), 408, "did not come within 60ms");
}

#[tokio::test]
async fn idle_connections_live_for_longer_than_requests_may_take_whatever_came_before() {
    let server = Server::builder().head_timeout(SHORT).body_timeout(SHORT).start().await.unwrap();
    let good = String::from_utf8(good()).unwrap();
    let bare = request("GET /v1/models", &[], "").replace("\r\n", "\n");
    let all = format!("\r\n{good}\n\r\n{bare}\r\n");
    let mut client = Raw::connect(server.base_url());
    for _ in 0..3 {
        sleep(SHORT * 3).await;
        client.send(&all);
        let statuses: Vec<_> = (0..6).map(|_| client.answer().status()).collect();
        // The first of them waits to be told to go on.
        assert_eq!(statuses, [100, 200, 200, 200, 200, 200]);
    }
}

#[tokio::test]
async fn a_half_head_behind_a_request_waits_for_its_answer_to_end() {
    let server = Server::builder().head_timeout(SHORT).scenario_text(
        "slow.yaml",
        "scenario: 1\nstubs: {then: {text: one two three, pace: {first: 300ms, every: 200ms}}}",
    );
    let server = server.start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let streamed = request(OPENAI, &[], &CHAT.replacen('{', r#"{"stream": true, "#, 1));
    let next = request(OPENAI, &[], CHAT);
    client.send(format!("{streamed}{}", &next[..20]));
    client.peek();
    // So that it does not come too late itself.
    client.send(&next[20..]);
    assert!(client.answer().body().ends_with("data: [DONE]\n\n"));
    assert_eq!(client.answer().status(), 200);
}

#[tokio::test]
async fn a_body_that_stops_coming_is_refused_in_the_dialect() {
    let server = Server::builder().body_timeout(SHORT).start().await.unwrap();
    for (line, kind, body) in [(OPENAI, "type", CHAT), (GEMINI, "status", GENERATE)] {
        let whole = request(line, &[], body);
        let start = whole.len() - body.len();
        let in_chunks = chunked(line, body);
        let coded = in_chunks.len() - body.len() - 7;
        let mut cuts = vec![whole[..start].to_owned(), whole[..start + 5].to_owned()];
        cuts.extend([0, 2, 9].map(|more| in_chunks[..coded - 4 + more].to_owned()));
        cuts.push(in_chunks[..in_chunks.len() - 1].to_owned());
        // Such a line's end waits for more, though it seems to be over.
        cuts.push(in_chunks.replace("\r\n0\r\n\r\n", "\r\n0\r\n\n"));
        cuts.push(whole[..start].replace("\r\n\r\n", "\r\nexpect: 100-continue\r\n\r\n"));
        for cut in cuts {
            let mut client = Raw::connect(server.base_url());
            let began = Instant::now();
            client.send(&cut);
            let mut answer = client.answer();
            if cut.contains("expect") {
                assert_eq!(answer.status(), 100);
                answer = client.answer();
            }
            assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
            assert_worded(&answer, 408, "stopped coming for 60ms");
            assert!(answer.json()["error"][kind].is_string());
            assert_eq!(client.rest(), b"");
        }
    }
}

#[tokio::test]
async fn a_body_that_keeps_coming_may_take_longer_than_the_limit_between_its_pieces() {
    let limit = Duration::from_secs(2);
    let server = Server::builder().body_timeout(limit).start().await.unwrap();
    let whole = request(OPENAI, &[], CHAT);
    let (start, body) = whole.split_at(whole.len() - CHAT.len());
    let mut client = Raw::connect(server.base_url());
    let began = Instant::now();
    client.send(start);
    for piece in body.as_bytes().chunks(body.len() / 7) {
        sleep(limit / 6).await;
        client.send(piece);
    }
    assert_eq!(client.answer().status(), 200);
    assert!(began.elapsed() > limit);
}

#[tokio::test]
async fn many_half_requests_do_not_hold_up_a_whole_one() {
    let server = Server::builder().head_timeout(SHORT * 10).body_timeout(SHORT * 10).start().await.unwrap();
    let whole = request(OPENAI, &[], CHAT);
    let mut half: Vec<_> = (0..150)
        .map(|number| {
            let mut client = Raw::connect(server.base_url());
            client.send(&whole[..1 + number * (whole.len() - 2) / 150]);
            client
        })
        .collect();
    assert_eq!(Raw::connect(server.base_url()).ask(OPENAI, &[], CHAT).status(), 200);
    for client in &mut half {
        assert_eq!(client.answer().status(), 408);
        assert_eq!(client.rest(), b"");
    }
    assert_eq!(Raw::connect(server.base_url()).ask(OPENAI, &[], CHAT).status(), 200);
}

/// Sends this over and over, until so many bytes were sent or nobody takes more.
fn flood(url: &str, start: &str, piece: &str, bytes: usize) -> TcpStream {
    let mut socket = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let pieces = piece.repeat(65_536 / piece.len());
    drop(socket.write_all(start.as_bytes()));
    for _ in 0..bytes / pieces.len() {
        if socket.write_all(pieces.as_bytes()).is_err() {
            break;
        }
    }
    socket
}

/// Bytes of memory that a process had at the most.
#[cfg(target_os = "linux")]
fn most_memory(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[cfg(target_os = "linux")]
#[test]
fn what_never_ends_does_not_fill_the_memory() {
    let serving = Serving::start(&["--log", "off"]);
    let url = serving.url();
    assert_eq!(Raw::connect(url).ask(OPENAI, &[], CHAT).status(), 200);
    let coded = head("transfer-encoding: chunked\r\n");
    let open = head("")[..head("").len() - 2].to_owned();
    let before = most_memory(serving.id());
    let mut held = Vec::new();
    for _ in 0..4 {
        for (start, piece, bytes) in [
            (open.as_str(), "x: y\r\n", 8 << 20),
            ("GET /", "a", 8 << 20),
            ("", "\r\n", 8 << 20),
            (&coded, "5;a=b;", 8 << 20),
            (&format!("{coded}0\r\n"), "x: y\r\n", 8 << 20),
            // These are read as long as they come, and nothing of them is kept.
            (&coded, "0", 1 << 20),
            (&format!("{coded}0"), " ", 1 << 20),
        ] {
            held.push(flood(url, start, piece, bytes));
        }
    }
    assert_eq!(Raw::connect(url).ask(OPENAI, &[], CHAT).status(), 200);
    let grown = most_memory(serving.id()) - before;
    assert!(grown < 16 << 20, "{grown} bytes more than {before}");
}
