//! Where answers, requests and silences meet on one connection.

use std::time::Duration;

use http::{HeaderMap, Method, Uri};
use mynah::{Server, request::Request};
use tokio::time::Instant;

use crate::{command::Serving, raw::Raw, served::stubs};

fn request(prompt: &str) -> String {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{prompt}"}}]}}"#);
    format!("POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn an_answer_that_looks_like_http_s_own_refusal_leaves_at_once() {
    let server = stubs("  - then: {raw: {status: 400}}").await;
    let mut client = Raw::connect(server.base_url());
    for _ in 0..2 {
        client.send(request("x"));
        assert!(client.answer().head.starts_with("HTTP/1.1 400 Bad Request\r\n"));
    }
}

#[tokio::test]
async fn what_a_path_brings_cannot_split_a_head() {
    let yaml = "  - then: {raw: {status: 302}, wire: {head: {headers: {location: \"http://{host}{path}\"}}}}";
    let server = stubs(yaml).await;
    let mut client = Raw::connect(server.base_url());
    client.send("GET /x%0d%0aset-cookie:%20a HTTP/1.1\r\nhost: h\r\n\r\n");
    let head = client.answer().head;
    assert!(!head.contains("\r\nset-cookie"), "{head}");
    assert!(head.contains("location: http://h/x  set-cookie: a\r\n"), "{head}");
}

#[tokio::test]
async fn a_request_that_came_early_ends_the_idle_time_too() {
    let yaml = "  - {when: {prompt: one}, then: {text: a, wire: {end: {after: body, hold: 100ms, put: stray, how: reset}}}}
  - {then: {text: b, pace: {head: 300ms}}}";
    let server = stubs(yaml).await;
    let mut client = Raw::connect(server.base_url());
    client.send(request("one") + &request("two"));
    assert!(client.answer().head.starts_with("HTTP/1.1 200"));
    let second = client.answer();
    assert!(second.head.starts_with("HTTP/1.1 200"), "{}", second.head);
    assert!(String::from_utf8_lossy(&second.wire).contains("\"b\""));
}

#[tokio::test]
async fn the_plan_of_an_early_answer_knows_the_head_alone_and_that_the_connection_ends() {
    let yaml = "scenario: 1\nstubs: {early: {rest: close}, then: {error: 413}}\n";
    let builder =
        || Server::builder().scenario_text("x", yaml).clock("2026-01-01T00:00:00Z".parse().unwrap());
    let body = r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#;
    let mut asked = Request::new(Method::POST, &Uri::from_static("/v1/chat/completions"), HeaderMap::new());
    asked.body = body.into();
    let plan = builder().explain(asked).unwrap().plan;
    let server = builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    client.send(request("x"));
    let (script, answer) = (plan.script.unwrap(), client.answer());
    assert_eq!(answer.head + &String::from_utf8_lossy(&answer.wire), String::from_utf8_lossy(&script.bytes));
    assert!(script.closes);
}

#[tokio::test]
async fn an_early_answer_to_a_whole_request_keeps_the_connection() {
    for rest in ["ignore", "read"] {
        let server = stubs(&format!("  - {{early: {{rest: {rest}}}, then: {{error: 413}}}}")).await;
        let mut client = Raw::connect(server.base_url());
        for _ in 0..2 {
            client.send("POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n");
            assert!(client.answer().head.starts_with("HTTP/1.1 413"), "{rest}");
        }
    }
}

#[tokio::test]
async fn an_answer_without_a_body_has_no_length() {
    let server = stubs("  - then: {raw: {status: 204, headers: {X-Any: case}}}").await;
    let mut client = Raw::connect(server.base_url());
    for _ in 0..2 {
        client.send(request("x"));
        let head = client.answer().head;
        assert!(
            head.starts_with("HTTP/1.1 204 No Content\r\n") && head.contains("\r\nX-Any: case\r\n"),
            "{head}"
        );
        assert!(!head.to_lowercase().contains("content-length"), "{head}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn clients_that_go_are_noticed_whatever_lies_unread() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("gone.yaml");
    std::fs::write(
        &file,
        "{scenario: 1, stubs: {then: {text: a, wire: {send: {cut: {in: head, line: 1, gap: 10h}}}}}}",
    )
    .unwrap();
    // A process of its own, whose files nobody else opens.
    let server = Serving::start(&[file.to_str().unwrap()]);
    let files = || std::fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count();
    let before = files();
    let mut clients: Vec<_> = (0..20).map(|_| Raw::connect(server.url())).collect();
    for client in &mut clients {
        client.send(request("x") + "Z");
        client.peek();
    }
    assert_eq!(files(), before + 20);
    drop(clients);
    let patience = Instant::now() + Duration::from_secs(20);
    while files() > before {
        assert!(Instant::now() < patience, "{} files more are open", files() - before);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
