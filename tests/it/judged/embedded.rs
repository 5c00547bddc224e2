//! The verdict inside a Rust test.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mynah::scenario::{Expect, Per, Stub, Then, When};

use super::*;

async fn expecting(expect: Expect) -> Server {
    let stub = Stub::when(When::default().model("gpt-4*"))
        .name("flaky")
        .per(Per::Call)
        .then(Then::error(429).retry_after(Duration::from_secs(1)))
        .then(Then::text("hello"))
        .expect(expect);
    Server::builder().stub(stub).start().await.unwrap()
}

/// What a panic says.
fn said(act: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(act)).err()?;
    Some(panic.downcast::<String>().map(|text| *text).unwrap_or_default())
}

#[tokio::test]
async fn a_server_that_is_dropped_tells_what_was_not_met() {
    let server = expecting(Expect::default().attempts(2)).await;
    Raw::connect(server.base_url()).ask(CHAT, &[], &body("hello"));
    let told = said(|| drop(server)).unwrap();
    assert!(told.contains("NOT MET stub 1/flaky: attempts"), "{told}");
    assert!(told.contains("expected  2 attempts of each call"), "{told}");
    assert!(told.contains("tests/it/judged/embedded.rs:"), "{told}");
}

#[tokio::test]
async fn verify_says_the_same_and_nothing_is_told_twice() {
    let server = expecting(Expect::default().attempts(2)).await;
    Raw::connect(server.base_url()).ask(CHAT, &[], &body("hello"));
    let told = said(|| server.verify()).unwrap();
    assert!(told.contains("NOT MET stub 1/flaky: attempts"), "{told}");
    assert_eq!(said(|| drop(server)), None);
}

#[tokio::test]
async fn a_test_that_fails_already_is_not_told_more() {
    let server = expecting(Expect::default().attempts(2)).await;
    let told = said(move || {
        let _server = server;
        panic!("{}", "the test's own failure".to_owned());
    });
    assert_eq!(told.unwrap(), "the test's own failure");
}

#[tokio::test]
async fn what_was_met_is_silent() {
    let second = Duration::from_secs(1);
    let expect = Expect::default()
        .requests(2)
        .calls(1..=1)
        .attempts(..=2)
        .gaps(second..)
        .gaps(second..=second * 9)
        .obeys_retry_after()
        .same("body")
        .never_left()
        .connections(1)
        .concurrent(1)
        .sent(When::default().prompt("hello"));
    let server = expecting(expect).await;
    ask_after(&server, &[1_050]);
    server.verify();
    assert_eq!(server.journal().len(), 2);
    assert_eq!(said(|| drop(server)), None);
}

#[tokio::test]
async fn a_backoff_and_leaving_can_be_said_by_code() {
    let backoff = Expect::default().backoff(ms(400), 2.0, -25.0..=25.0).ignores_retry_after().left(..=ms(1));
    let server = expecting(backoff.grouped_by_stub()).await;
    ask_after(&server, &[5]);
    assert_eq!(failed(&server.verdict()), ["gaps"]);
}

#[tokio::test]
async fn without_expectations_nothing_is_judged() {
    let server = Server::builder().start().await.unwrap();
    Raw::connect(server.base_url()).ask(CHAT, &[], &body("hello"));
    assert!(server.verdict().passed);
}

#[tokio::test]
async fn a_file_of_expectations_that_names_no_stub_is_an_error() {
    let folder = crate::recordings::Folder::new();
    let file = folder.path().join("e.yaml");
    std::fs::write(&file, "expectations: 1\nchecks: [{stub: flakey, expect: {attempts: 1}}]\n").unwrap();
    let stub = Stub::always().name("flaky").then(Then::text("hi"));
    let error = Server::builder().stub(stub).expectations(file).start().await.unwrap_err();
    assert!(error.to_string().contains("no stub is called \"flakey\", did you mean \"flaky\"?"), "{error}");
}
