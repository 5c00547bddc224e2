//! The server inside a Rust test.

use std::net::TcpStream;

use crate::raw::Raw;

fn address(base_url: &str) -> &str {
    base_url.trim_start_matches("http://")
}

#[tokio::test]
async fn it_answers_though_the_test_blocks_its_own_thread() {
    let server = mynah::Server::builder().start().await.unwrap();
    let answer = Raw::connect(server.base_url()).ask("GET /v1/models", &[], "");
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn dropping_it_frees_its_port() {
    let server = mynah::Server::builder().start().await.unwrap();
    let address = address(server.base_url()).to_owned();
    let mut open = Raw::connect(server.base_url());
    assert_eq!(open.ask("GET /v1/models", &[], "").status(), 200);
    drop(server);
    assert!(TcpStream::connect(address).is_err());
    assert!(open.is_closed());
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_it() {
    let server = mynah::Server::builder().start().await.unwrap();
    let port: u16 = address(server.base_url()).rsplit(':').next().unwrap().parse().unwrap();
    let error = mynah::Server::builder().port(port).start().await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("127.0.0.1:{port} is in use")), "{error}");
}

#[tokio::test]
async fn every_route_stands_behind_the_base_path() {
    let server = mynah::Server::builder().base_path("/api/").start().await.unwrap();
    assert!(server.base_url().ends_with("/api"));
    let mut client = Raw::connect(server.base_url());
    assert_eq!(client.ask("GET /api/v1/models", &[], "").status(), 200);
    assert_eq!(client.ask("GET /api/v1beta/models/gemini-2.5-pro", &[], "").status(), 200);
    assert_eq!(client.ask("GET /v1/models", &[], "").status(), 404);
    assert_eq!(client.ask("GET /apiv1/models", &[], "").status(), 404);
    for path in ["/__mynah/health", "/api/__mynah/health"] {
        assert_eq!(client.ask(&format!("GET {path}"), &[], "").json()["status"], "ok");
    }
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let server = mynah::Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let body = r#"{"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hi"}]}"#;
    for _ in 0..3 {
        let answer = client.ask("POST /v1/chat/completions", &[], body);
        assert!(answer.header("connection").is_none());
        assert!(answer.body().ends_with("data: [DONE]\n\n"));
    }
}

#[tokio::test]
async fn answers_can_be_left_unmarked() {
    let start = |marks| mynah::Server::builder().marks(marks).start();
    let marked = start(mynah::plan::Marks::Shown).await.unwrap();
    let plain = start(mynah::plan::Marks::Hidden).await.unwrap();
    let mark = |server: &mynah::Server| {
        let answer = Raw::connect(server.base_url()).ask("GET /v1/models", &[], "");
        answer.header("x-mynah-answer").map(str::to_owned)
    };
    assert_eq!(mark(&marked).as_deref(), Some("built-in"));
    assert_eq!(mark(&plain), None);
}
