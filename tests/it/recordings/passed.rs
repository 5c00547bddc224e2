//! What passes through the proxy is what the upstream sent, and so is what is replayed.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use mynah::Mode;

use super::*;

const GZIP: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcbH\xcd\xc9\xc9\x07\x00\x86\xa6\x106\x05\x00\x00\x00";

/// Answers as upstreams send them.
fn wires() -> Vec<(&'static str, Vec<Step>)> {
    let gzip = [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 25\r\n\r\n".as_slice(), GZIP]
        .concat();
    vec![
        ("plain", vec![send(json_answer("{\"a\": 1.0, \"b\":\"\\u00fc\"}")), Step::Close]),
        (
            "rate limit",
            vec![
                send(
                    "HTTP/1.1 429 Too Many Requests\r\nRETRY-AFTER: 2\r\nx-RateLimit-Remaining: 0\r\nx-RateLimit-Remaining: 1\r\nContent-Length: 2\r\n\r\n{}",
                ),
                Step::Close,
            ],
        ),
        (
            "odd chunks",
            vec![
                send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n00B;ext=1\r\nhello"),
                Step::Wait(20),
                send(" world\r\na\r\n0123456789\r\n0\r\nX-Sum: 7\r\n\r\n"),
                Step::Close,
            ],
        ),
        ("no length", vec![send("HTTP/1.0 200 OK\r\nServer: old\r\n\r\nto the end"), Step::Close]),
        ("compressed", vec![send(gzip), Step::Close]),
        (
            "interim",
            vec![
                send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
                Step::Wait(20),
                send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
                Step::Close,
            ],
        ),
        ("bare", vec![send("HTTP/1.1 204 No Content\r\n\r\n"), Step::Close]),
        (
            "folded",
            vec![send("HTTP/1.1 200 OK\r\nX-A: one\r\n  two\r\nContent-Length: 2\r\n\r\nok"), Step::Close],
        ),
        ("nothing", vec![send("HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n"), Step::Close]),
        (
            "own status",
            vec![send("HTTP/1.1 529 Site is overloaded\r\nContent-Length: 0\r\n\r\n"), Step::Close],
        ),
        (
            "redirect",
            vec![
                send("HTTP/1.1 307 x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
                Step::Close,
            ],
        ),
    ]
}

/// Answers that end before they are complete, and what is none.
fn broken_wires() -> Vec<(&'static str, Vec<Step>)> {
    vec![
        ("cut body", vec![send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"), Step::Close]),
        (
            "reset stream",
            vec![
                send(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n",
                ),
                send("9\r\ndata: 2\n\n\r\n5\r\nda"),
                Step::Reset,
            ],
        ),
        ("no answer", vec![Step::Close]),
        ("reset at once", vec![Step::Reset]),
        ("garbage", vec![send("ICY 200 OK\r\n\r\nabc"), Step::Close]),
        (
            "garbage in chunks",
            vec![
                send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\nxyz"),
                Step::Close,
            ],
        ),
        ("half a head", vec![send("HTTP/1.1 200 OK\r\nContent-"), Step::Close]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_gets_the_bytes_and_the_end_of_the_upstream_and_again_offline() {
    for (name, steps) in wires().into_iter().chain(broken_wires()) {
        let (folder, upstream) = (Folder::new(), Upstream::new(vec![steps]));
        let direct = ask(&upstream.url, CHAT, "", &chat("hi"));
        let proxy = recording(&folder, &upstream, Mode::All).await;
        let passed = ask(proxy.base_url(), CHAT, "", &chat("hi"));
        assert_eq!(passed.text(), direct.text(), "{name}: passed on");
        assert_eq!((passed.bytes(), passed.ended), (direct.bytes(), direct.ended), "{name}: passed on");
        drop(proxy);
        let cassette = wait_for_interactions(&folder, 1);
        let server = replaying(&folder).await;
        let replayed = ask(server.base_url(), CHAT, "", &chat("hi"));
        assert_eq!(replayed.text(), direct.text(), "{name}: replayed from\n{cassette}");
        assert_eq!((replayed.bytes(), replayed.ended), (direct.bytes(), direct.ended), "{name}\n{cassette}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_come_as_they_are_sent_and_again_at_their_own_pace() {
    let event = |number: u32| format!("9\r\ndata: {number}\n\n\r\n");
    let upstream = Upstream::new(vec![vec![
        send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Step::Wait(150),
        send(event(1)),
        Step::Wait(150),
        send(event(2)),
        Step::Wait(150),
        send("0\r\n\r\n"),
    ]]);
    let folder = Folder::new();
    let proxy = recording(&folder, &upstream, Mode::All).await;
    let passed = ask(proxy.base_url(), CHAT, "", &chat("hi"));
    drop(proxy);
    let server = replaying(&folder).await;
    let replayed = ask(server.base_url(), CHAT, "", &chat("hi"));
    for came in [&passed, &replayed] {
        for number in 1..=3_u32 {
            let wanted = if number < 3 { event(number) } else { "\r\n0\r\n\r\n".to_owned() };
            let mut so_far = String::new();
            let at = came.reads.iter().find_map(|(at, bytes)| {
                so_far.push_str(&String::from_utf8_lossy(bytes));
                so_far.contains(&wanted).then_some(*at)
            });
            // The client's clock begins when the request was written.
            let least = Duration::from_millis(u64::from(number) * 150 - 20);
            assert!(at.unwrap() >= least, "{wanted} came too early: {:?}", came.reads);
        }
    }
    let fast = Server::builder()
        .cassettes(folder.path())
        .replay_speed(mynah::server::Speed::Instant)
        .start()
        .await
        .unwrap();
    let came = ask(fast.base_url(), CHAT, "", &chat("hi"));
    assert_eq!(came.bytes(), passed.bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_ends_the_upstream_and_leaves_a_partial_recording() {
    let upstream = Upstream::new(vec![vec![
        send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        Step::UntilLeft,
    ]]);
    let folder = Folder::new();
    let proxy = recording(&folder, &upstream, Mode::All).await;
    let mut client = TcpStream::connect(authority(proxy.base_url())).unwrap();
    let body = chat("hi");
    let head = format!("POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    client.write_all((head + &body).as_bytes()).unwrap();
    let mut room = [0; 4096];
    while !room.windows(3).any(|window| window == b"abc") {
        assert!(client.read(&mut room).unwrap() > 0);
    }
    drop(client);
    upstream.wait_until_left();
    let cassette = wait_for_interactions(&folder, 1);
    assert!(cassette.contains("abc]") && cassette.contains("end: client_left"), "{cassette}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_holds_the_upstream_back() {
    const SIZE: usize = 64 << 20;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
    let upstream = Upstream::new(vec![vec![send([head.as_bytes(), &vec![b'x'; SIZE]].concat())]]);
    let folder = Folder::new();
    let proxy = recording(&folder, &upstream, Mode::All).await;
    let mut client = TcpStream::connect(authority(proxy.base_url())).unwrap();
    let body = chat("hi");
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.write_all((head + &body).as_bytes()).unwrap();
    wait_for(|| upstream.sent() > 0);
    pause(Duration::from_millis(500));
    assert!(upstream.sent() < SIZE / 2, "{} bytes went out to nobody", upstream.sent());
    let came = read_all(&mut client);
    assert_eq!(came.bytes().iter().filter(|byte| **byte == b'x').count(), SIZE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_upload_passes_and_is_told_again_by_its_fields() {
    let upstream = Upstream::always(json_answer("{\"text\":\"ok\"}"));
    let folder = Folder::new();
    let form = |boundary: &str| {
        let file = "0123456789abcdef".repeat(30 << 16);
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n\
             {file}\r\n--{boundary}--\r\n"
        )
    };
    let upload = |url: &str, boundary: &str| {
        let body = form(boundary);
        let mut socket = TcpStream::connect(authority(url)).unwrap();
        let head = format!(
            "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-type: multipart/form-data; boundary={boundary}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(body.as_bytes()).unwrap();
        read_all(&mut socket).text()
    };
    let proxy = recording(&folder, &upstream, Mode::All).await;
    assert!(upload(proxy.base_url(), "one").ends_with("{\"text\":\"ok\"}"));
    drop(proxy);
    assert!(upstream.requests()[0].contains("whisper-1"));
    let cassette = folder.read("recording.yaml");
    assert!(cassette.len() < 10_000 && cassette.contains("file: recording.bodies/"), "{cassette}");
    let server = Server::builder().cassettes(folder.path()).max_body(64 << 20).start().await.unwrap();
    assert!(upload(server.base_url(), "another").ends_with("{\"text\":\"ok\"}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_used_again_on_both_sides() {
    let upstream = Upstream::always(json_answer("{}"));
    let folder = Folder::new();
    let proxy = recording(&folder, &upstream, Mode::All).await;
    let mut client = crate::raw::Raw::connect(proxy.base_url());
    for prompt in ["a", "b", "c"] {
        let answer =
            client.ask(&format!("POST {CHAT}"), &[("content-type", "application/json")], &chat(prompt));
        assert_eq!((answer.status(), answer.body()), (200, "{}".to_owned()));
    }
    assert_eq!(upstream.requests().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_says_nothing_is_given_up_and_so_again_offline() {
    let upstream =
        Upstream::new(vec![vec![send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), Step::UntilLeft]]);
    let folder = Folder::new();
    let patience = Duration::from_millis(150);
    let proxy =
        recording_with(&folder, &upstream, Mode::All, |builder| builder.upstream_timeout(patience)).await;
    let came = ask(proxy.base_url(), CHAT, "", &chat("hi"));
    assert!(came.text().ends_with("\r\n\r\nabc") && came.at >= patience);
    drop(proxy);
    let cassette = wait_for_interactions(&folder, 1);
    assert!(cassette.contains("end: timeout"), "{cassette}");
    let again = ask(replaying(&folder).await.base_url(), CHAT, "", &chat("hi"));
    assert_eq!(again.bytes(), came.bytes());
    assert!(again.at >= patience - Duration::from_millis(20), "{:?}", again.at);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_no_request_is_refused_and_not_recorded() {
    let (folder, upstream) = (Folder::new(), Upstream::always(json_answer("{}")));
    let proxy = recording(&folder, &upstream, Mode::All).await;
    let mut client = TcpStream::connect(authority(proxy.base_url())).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head =
        format!("POST {CHAT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n");
    client.write_all(head.as_bytes()).unwrap();
    let came = read_all(&mut client).text();
    assert!(came.starts_with("HTTP/1.1 400 "), "{came}");
    drop(proxy);
    assert!(folder.everything().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_a_folded_head_leaves_the_connection_fit_for_more() {
    let folded = "HTTP/1.1 200 OK\r\nX-A: one\r\n  two\r\nContent-Length: 2\r\n\r\nok";
    let (folder, upstream) = (Folder::new(), Upstream::always(folded));
    let proxy = recording(&folder, &upstream, Mode::All).await;
    let mut client = crate::raw::Raw::connect(proxy.base_url());
    for prompt in ["a", "b"] {
        let answer = client.ask(&format!("POST {CHAT}"), &[], &chat(prompt));
        assert_eq!((answer.status(), answer.body()), (200, "ok".to_owned()));
    }
}
