//! Clients whose HTTP is bad, or something else: each is told so where that is
//! possible.

use mynah::{Marks, Server};
use serde_json::{Value, json};

use crate::{
    command::Serving,
    raw::{Answer, Raw, request},
    served::stubs,
};

pub(crate) const CHAT: &str = r#"{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}"#;
pub(crate) const GENERATE: &str = r#"{"contents": [{"parts": [{"text": "Hi"}]}]}"#;
pub(crate) const OPENAI: &str = "POST /v1/chat/completions";
pub(crate) const GEMINI: &str = "POST /v1beta/models/m:generateContent";

async fn start() -> Server {
    Server::builder().start().await.unwrap()
}

/// The head of a chat request with these lines.
pub(crate) fn head(lines: &str) -> String {
    format!("{OPENAI} HTTP/1.1\r\nhost: h\r\n{lines}\r\n")
}

pub(crate) fn chunked(line: &str, body: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    )
}

/// What comes for these bytes, and nothing behind it.
fn last_answer(server: &Server, bytes: impl AsRef<[u8]>) -> Answer {
    let mut client = Raw::connect(server.base_url());
    client.send(bytes);
    let answer = client.answer();
    assert_eq!(client.rest(), b"", "{}", answer.head);
    answer
}

/// A refusal of what is no request, in words.
pub(crate) fn assert_plain(answer: &Answer, status: u16, words: &str) {
    let body = answer.body();
    assert_eq!(answer.status(), status, "{body}");
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(answer.header("x-mynah-answer"), Some("refusal"));
    assert!(answer.header("date").is_some());
    assert!(body.starts_with("mynah: ") && body.contains(words) && body.ends_with('\n'), "{body}");
}

/// A refusal as the API words it, with the connection's end.
pub(crate) fn assert_worded(answer: &Answer, status: u16, words: &str) {
    let json: Value = answer.json();
    assert_eq!(answer.status(), status, "{json}");
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(json["error"]["message"].as_str().unwrap().contains(words), "{json}");
}

#[tokio::test]
async fn what_is_no_http_is_told_so_and_the_connection_ends() {
    let server = start().await;
    for (bytes, words) in [
        ("GARBAGE\r\n\r\n", "method"),
        ("{\"model\": \"m\"}\r\n\r\n", "method"),
        ("SSH-2.0-OpenSSH_9.6\r\n", "method"),
        ("\u{1}\u{0}\u{0}\u{0}", "method"),
        ("GET /\r\n", "URI"),
        ("GET / with spaces HTTP/1.1\r\n\r\n", "version"),
        ("GET / HTTP/3.0\r\nhost: h\r\n\r\n", "version"),
        ("GET / HTTX/1.1\r\nhost: h\r\n\r\n", "version"),
        ("GET /a\u{0}b HTTP/1.1\r\nhost: h\r\n\r\n", "URI"),
        ("GET / HTTP/1.1\r\nhost: a\u{0}b\r\n\r\n", "header"),
        ("GET / HTTP/1.1\r\nho\u{0}st: h\r\n\r\n", "header"),
        ("GET / HTTP/1.1\r\nhost : h\r\n\r\n", "header"),
        ("GET / HTTP/1.1\r\nhost\r\n\r\n", "header"),
        ("GET / HTTP/1.1\r\n: h\r\n\r\n", "header"),
        ("GET / HTTP/1.1\r\nhost: h\r\n folded: x\r\n\r\n", "header"),
        ("GET / HTTP/1.1\r\nhost: h\rx: y\r\n\r\n", "header"),
    ] {
        assert_plain(&last_answer(&server, bytes), 400, words);
        // Behind a good request as well, which is answered first.
        let mut client = Raw::connect(server.base_url());
        client.send(format!("{}{bytes}", request(OPENAI, &[], CHAT)));
        assert_eq!(client.answer().status(), 200);
        assert_plain(&client.answer(), 400, words);
        assert_eq!(client.rest(), b"");
    }
}

#[tokio::test]
async fn a_head_that_is_cut_is_told_so() {
    let server = start().await;
    for cut in ["G", "GET / HTTP/1.1", "GET / HTTP/1.1\r\nhost: h\r\n"] {
        let mut client = Raw::connect(server.base_url());
        client.send(cut);
        client.finish();
        assert_plain(&client.answer(), 400, "ended within its head");
    }
    let mut silent = Raw::connect(server.base_url());
    silent.finish();
    assert_eq!(silent.rest(), b"");
}

#[tokio::test]
async fn refusals_carry_no_mark_where_none_is_wanted() {
    let server = Server::builder().marks(Marks::Hidden).start().await.unwrap();
    assert!(!last_answer(&server, "GARBAGE\r\n\r\n").head.contains("mynah"));
}

#[tokio::test]
async fn a_length_that_is_none_is_refused() {
    let server = start().await;
    for lines in [
        "content-length: -1\r\n",
        "content-length: +1\r\n",
        "content-length: 0x10\r\n",
        "content-length: 5 5\r\n",
        "content-length: 5, 6\r\n",
        "content-length:\r\n",
        "content-length: 18446744073709551616\r\n",
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 5\r\nhost2: h\r\ncontent-length: x\r\n",
    ] {
        assert_plain(&last_answer(&server, head(lines) + "hello"), 400, "content-length");
    }
    // The same twice is the same.
    let twice = format!("content-length: {0}\r\ncontent-length: {0}\r\n", CHAT.len());
    let mut client = Raw::connect(server.base_url());
    client.send(head(&twice) + CHAT);
    assert_eq!(client.answer().status(), 200);
}

#[tokio::test]
async fn a_length_beside_a_coding_is_refused_and_what_follows_is_nobody_s() {
    let server = start().await;
    let smuggled = request("GET /v1/models", &[], "");
    let both = ["content-length: 5\r\n", "x: y\r\n", "Transfer-Encoding: chunked\r\n"];
    let good = chunked(OPENAI, CHAT) + &request(OPENAI, &[], CHAT);
    for lines in [both.concat(), both.iter().rev().copied().collect::<String>()] {
        let bad = format!("{}0\r\n\r\n{smuggled}", head(&lines));
        assert_worded(&last_answer(&server, &bad), 400, "both Content-Length and Transfer-Encoding");
        // Wherever it stands, and in whatever pieces it comes.
        for size in [1, 7, bad.len() + good.len()] {
            let mut client = Raw::connect(server.base_url());
            for piece in format!("{good}{bad}").as_bytes().chunks(size) {
                client.send(piece);
            }
            assert_eq!([client.answer().status(), client.answer().status()], [200, 200]);
            assert_worded(&client.answer(), 400, "both Content-Length and Transfer-Encoding");
            assert_eq!(client.rest(), b"");
        }
        let ours = bad.replace(OPENAI, "GET /__mynah/health");
        assert_eq!(last_answer(&server, ours).status(), 400);
        let gemini = last_answer(&server, bad.replace(OPENAI, GEMINI));
        assert_eq!(gemini.json()["error"]["status"], "INVALID_ARGUMENT");
    }
}

#[tokio::test]
async fn codings_other_than_chunks_are_refused() {
    let server = start().await;
    for (lines, status, words) in [
        ("transfer-encoding: gzip, chunked\r\n", 501, "only transfer coding"),
        ("transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n", 501, "only transfer coding"),
        ("transfer-encoding: identity, chunked\r\n", 501, "only transfer coding"),
        ("transfer-encoding: chunked, chunked\r\n", 400, "more than once"),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", 400, "more than once"),
    ] {
        assert_worded(&last_answer(&server, head(lines) + "0\r\n\r\n"), status, words);
    }
    for lines in [
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: chunked, gzip\r\n",
        "transfer-encoding: xchunked\r\n",
    ] {
        assert_plain(&last_answer(&server, head(lines) + "0\r\n\r\n"), 400, "transfer-encoding");
    }
    let old = head("transfer-encoding: chunked\r\n").replace("HTTP/1.1", "HTTP/1.0");
    assert_plain(&last_answer(&server, old), 400, "transfer-encoding");
    let mut client = Raw::connect(server.base_url());
    client.send(chunked(OPENAI, CHAT).replace(": chunked", ":\t Chunked ,"));
    assert_plain(&client.answer(), 400, "transfer-encoding");
}

#[tokio::test]
async fn chunks_that_are_none_are_refused_in_the_dialect() {
    let server = start().await;
    let coded = head("transfer-encoding: chunked\r\n");
    for chunks in [
        "zz\r\n".to_owned(),
        "\r\n".to_owned(),
        "-1\r\n".to_owned(),
        " 3\r\nabc\r\n".to_owned(),
        "3 4\r\nabc\r\n".to_owned(),
        "3\nabc\r\n".to_owned(),
        "3\r\nabcd\r\n".to_owned(),
        "3\r\nabc0\r\n\r\n".to_owned(),
        "3\r\nabc\n0\r\n\r\n".to_owned(),
        "fffffffffffffffff\r\n".to_owned(),
        format!("3;{}", "x".repeat(20_000)),
        "1;a\r\nx\r\n".repeat(20_000),
        format!("0\r\na: {}", "x".repeat(80_000)),
        format!("0\r\n{}\r\n", "a: b\r\n".repeat(101)),
        "0\r\na: b\rc\r\n\r\n".to_owned(),
        "0\r\na b\r\n\r\n".to_owned(),
    ] {
        let answer = last_answer(&server, format!("{coded}{chunks}"));
        assert_worded(&answer, 400, "chunks of the request's body");
        assert_eq!(answer.json()["error"]["type"], "invalid_request_error");
    }
    let gemini = last_answer(&server, coded.replace(OPENAI, GEMINI) + "zz\r\n");
    assert_eq!(gemini.json()["error"]["status"], "INVALID_ARGUMENT");
    for chunks in ["", "3", "3\r\n", "3\r\nab", "3\r\nabc\r\n", "0\r\n", "0\r\na: b\r\n"] {
        let mut client = Raw::connect(server.base_url());
        client.send(format!("{coded}{chunks}"));
        client.finish();
        assert_worded(&client.answer(), 400, "ended early");
    }
}

#[tokio::test]
async fn a_body_that_is_shorter_than_announced_is_refused_in_the_dialect() {
    let server = start().await;
    for (line, body) in [(OPENAI, CHAT), (GEMINI, GENERATE)] {
        for end in [0, 5, body.len() - 1] {
            let whole = request(line, &[], body);
            let mut client = Raw::connect(server.base_url());
            client.send(&whole[..whole.len() - body.len() + end]);
            client.finish();
            assert_worded(&client.answer(), 400, "ended early");
            assert_eq!(client.rest(), b"");
        }
    }
}

#[tokio::test]
async fn what_is_longer_than_announced_is_another_request() {
    let server = start().await;
    let mut client = Raw::connect(server.base_url());
    client.send(request(OPENAI, &[], CHAT) + "!\r\n\r\n");
    assert_eq!(client.answer().status(), 200);
    assert_plain(&client.answer(), 400, "this is no HTTP request");
    assert_eq!(client.rest(), b"");
}

#[tokio::test]
async fn heads_have_a_size_and_a_number_of_headers_that_they_may_have() {
    let server = start().await;
    let of = |length: usize| head(&format!("x: {}\r\n", "y".repeat(length)));
    let rest = of(0).len();
    let headers = |count: usize| head(&"x: y\r\n".repeat(count));
    let mut client = Raw::connect(server.base_url());
    for good in [of(65_536 - rest), headers(99)] {
        // No body, so that it is read and refused for what it is.
        client.send(good);
        assert_eq!(client.answer().json()["error"]["type"], "invalid_request_error");
    }
    let target = |length: usize| format!("GET /{} HTTP/1.1\r\nhost: h\r\n\r\n", "a".repeat(length));
    client.send(target(60_000));
    assert_eq!(client.answer().status(), 404);
    for bad in [of(65_537 - rest), of(300_000), headers(100), headers(5_000), target(65_536), target(200_000)]
    {
        assert_plain(&last_answer(&server, bad), 431, "65536 bytes and 100 headers");
    }
}

#[tokio::test]
async fn who_sends_for_long_and_reads_afterwards_sees_the_refusal() {
    let server = start().await;
    for endless in [
        head("")[..head("").len() - 2].to_owned() + &"x: y\r\n".repeat(200_000),
        "GET /".to_owned() + &"a".repeat(2_000_000),
        "\r\n".repeat(500_000),
        "\0".repeat(2_000_000),
        head("transfer-encoding: chunked\r\n") + "5;" + &"x".repeat(2_000_000),
        head("content-length: 3\r\ntransfer-encoding: chunked\r\n") + &"x".repeat(2_000_000),
        head("expect: a miracle\r\ncontent-length: 2000000\r\n") + &"x".repeat(2_000_000),
    ] {
        let answer = last_answer(&server, endless);
        assert!([400, 417, 431].contains(&answer.status()), "{}", answer.head);
    }
}

#[tokio::test]
async fn only_one_expectation_can_be_met() {
    let server = start().await;
    for lines in
        ["expect: tea\r\n", "expect: 100-continue\r\nexpect: tea\r\n", "expect: 100-continue, tea\r\n"]
    {
        let bad = head(&format!("{lines}content-length: 2\r\n"));
        assert_worded(&last_answer(&server, bad.clone() + "{}"), 417, "100-continue");
        let gemini = last_answer(&server, bad.replace(OPENAI, GEMINI));
        assert_eq!(gemini.json()["error"]["status"], "INVALID_ARGUMENT");
    }
    let mut client = Raw::connect(server.base_url());
    let good = request(OPENAI, &[("Expect", "100-Continue")], CHAT);
    client.send(&good);
    assert_eq!([client.answer().status(), client.answer().status()], [100, 200]);
    // Who speaks HTTP/1.0 cannot expect anything.
    client.send(good.replace("HTTP/1.1", "HTTP/1.0"));
    assert_eq!(client.answer().status(), 200);
}

#[tokio::test]
async fn a_request_names_one_host() {
    let server = start().await;
    let get = |version: &str, lines: &str| format!("GET /v1/models HTTP/{version}\r\n{lines}\r\n");
    assert_worded(&last_answer(&server, get("1.1", "")), 400, "no Host header");
    for version in ["1.0", "1.1"] {
        let two = get(version, "host: a\r\nHost: b\r\n");
        let answer = last_answer(&server, two);
        assert_eq!((answer.status(), answer.body().contains("more than one Host")), (400, true));
        assert_eq!(last_answer(&server, get(version, "host:\r\nconnection: close\r\n")).status(), 200);
    }
    assert_eq!(last_answer(&server, get("1.0", "")).status(), 200);
}

#[tokio::test]
async fn old_clients_are_answered_in_their_version() {
    let server = start().await;
    let old =
        |lines: &[(&str, &str)], body: &str| request(OPENAI, lines, body).replace("HTTP/1.1", "HTTP/1.0");
    let plain = last_answer(&server, old(&[], CHAT));
    assert!(plain.head.starts_with("HTTP/1.0 200 OK\r\n"), "{}", plain.head);
    assert_eq!(plain.json()["object"], "chat.completion");
    // Without chunks, a stream ends with the connection.
    let mut client = Raw::connect(server.base_url());
    client.send(old(&[], &CHAT.replacen('{', r#"{"stream": true, "#, 1)));
    let stream = String::from_utf8(client.rest()).unwrap();
    let (head, body) = stream.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("transfer-encoding") && !head.contains("content-length"), "{head}");
    assert!(body.starts_with("data: {") && body.ends_with("data: [DONE]\n\n"), "{body}");
    let mut client = Raw::connect(server.base_url());
    for _ in 0..2 {
        client.send(old(&[("connection", "keep-alive")], CHAT));
        assert_eq!(client.answer().header("connection"), Some("keep-alive"));
    }
}

#[tokio::test]
async fn http2_without_asking_is_sent_away_in_its_own_words() {
    let server = start().await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    for size in [1, 5, preface.len()] {
        let mut client = Raw::connect(server.base_url());
        for piece in preface[..24].chunks(size) {
            client.send(piece);
        }
        let sent = client.rest();
        let (settings, goaway) = sent.split_at(9);
        assert_eq!(settings, [0, 0, 0, 4, 0, 0, 0, 0, 0]);
        // GOAWAY on stream 0, last stream 0, HTTP_1_1_REQUIRED.
        assert_eq!(goaway[3..17], [7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13]);
        assert_eq!(usize::from(goaway[2]), goaway.len() - 9);
        assert!(goaway.ends_with(b"here is HTTP/1.1"));
    }
}

#[tokio::test]
async fn an_upgrade_is_not_taken_and_does_no_harm() {
    let server = start().await;
    let mut client = Raw::connect(server.base_url());
    let wishes =
        [("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c"), ("http2-settings", "AAMAAABk")];
    for _ in 0..2 {
        assert_eq!(client.ask(OPENAI, &wishes, CHAT).status(), 200);
    }
    assert_eq!(
        client.ask(OPENAI, &[("connection", "upgrade"), ("upgrade", "websocket")], CHAT).status(),
        200
    );
}

#[tokio::test]
async fn a_tls_handshake_is_told_that_this_is_plain_http() {
    let server = start().await;
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on\r\n";
    assert_plain(&last_answer(&server, hello), 400, "use http:// in place of https://");
    assert_plain(&last_answer(&server, &hello[..1]), 400, "use http:// in place of https://");
}

#[tokio::test]
async fn targets_of_every_form_are_understood() {
    let server = start().await;
    let mut client = Raw::connect(server.base_url());
    let absolute = format!("POST {}/v1/chat/completions", server.base_url());
    assert_eq!(client.ask(&absolute, &[], CHAT).status(), 200);
    assert_eq!(client.ask("POST http://elsewhere.test/v1/chat/completions", &[], CHAT).status(), 200);
    for line in
        ["OPTIONS *", "GET *", "CONNECT elsewhere.test:443", "GET http://elsewhere.test", "GET /?", "GET //"]
    {
        let answer = client.ask(line, &[], "");
        assert_eq!((answer.status(), answer.json()["error"].is_object()), (404, true), "{line}");
    }
}

#[tokio::test]
async fn requests_that_come_all_at_once_are_answered_in_their_order() {
    let slow = "- {when: {prompt: {contains: slow}}, then: {text: slow, pace: {first: 50ms}}}\n";
    let server = stubs(&format!("{slow}- {{then: {{text: soon}}}}\n")).await;
    let mut all = String::new();
    for number in 0..40 {
        let text = if number % 7 == 0 { format!("slow {number}") } else { format!("number {number}") };
        let body = json!({"model": format!("m{number}"), "messages": [{"role": "user", "content": text}]});
        let body = body.to_string();
        all += &match number % 4 {
            0 => request(OPENAI, &[], &body),
            1 => chunked(OPENAI, &body),
            2 => format!("\r\n{}", request(OPENAI, &[("expect", "100-continue")], &body)),
            _ => request("GET /v1/models/m", &[], ""),
        };
    }
    for size in [all.len(), 1000, 37] {
        let mut client = Raw::connect(server.base_url());
        for piece in all.as_bytes().chunks(size) {
            client.send(piece);
        }
        for number in 0..40 {
            let mut answer = client.answer();
            while answer.status() == 100 {
                answer = client.answer();
            }
            let model = answer.json()["model"].as_str().map(str::to_owned);
            assert_eq!(answer.status(), 200);
            assert_eq!(model, (number % 4 != 3).then(|| format!("m{number}")));
        }
    }
}

#[tokio::test]
async fn an_answer_of_a_stub_that_says_nothing_but_its_status_goes_out() {
    let server = stubs("- {then: {raw: {status: 400, headers: {connection: close}}}}\n").await;
    let mut client = Raw::connect(server.base_url());
    client.send(request(OPENAI, &[], CHAT));
    let sent = String::from_utf8(client.rest()).unwrap();
    assert_eq!(sent, "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
}

#[test]
fn the_log_tells_what_came_and_no_secrets() {
    let serving = Serving::start(&[]);
    let secret = "sk-very-secret-0123456789abcdef";
    let with_key =
        |line: &str| format!("{OPENAI} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {secret}\r\n{line}");
    for (bytes, is_worded) in [
        (with_key("bad header\r\n\r\n"), false),
        (with_key(&format!("x: {}", "y".repeat(70_000))), false),
        (with_key("content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"), true),
        (with_key(&format!("transfer-encoding: chunked\r\n\r\n0\r\n{secret}\r\n\r\n")), true),
        ("\u{16}\u{3}\u{1}".to_owned() + secret, false),
        (format!("{secret}\r\n\r\n"), false),
    ] {
        let mut client = Raw::connect(serving.url());
        client.send(bytes);
        let answer = client.answer();
        assert_eq!(answer.body().contains("\"error\""), is_worded);
        assert!(!answer.body().contains(secret), "{}", answer.body());
    }
    let mut http2 = Raw::connect(serving.url());
    http2.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(!http2.rest().is_empty());
    serving.signal("TERM");
    let (_, log) = serving.end();
    for (line, said) in log.lines().zip([
        "refused with 400: this is no HTTP request: invalid HTTP header",
        "refused with 431: the head is too large",
        "/v1/chat/completions 400 openai generate: The request has both Content-Length",
        "/v1/chat/completions 400 openai generate: The chunks of the request's body",
        "refused with 400: a TLS handshake came",
        "refused with 400: this is no HTTP request: invalid HTTP method",
        "refused with GOAWAY: HTTP/2 came",
    ]) {
        assert!(line.contains(said), "{line}\nis not: {said}");
    }
    assert_eq!(log.lines().count(), 7, "{log}");
    assert!(!log.contains("secret"), "{log}");
}
