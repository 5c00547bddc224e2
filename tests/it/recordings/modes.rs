//! What is replayed, what is recorded, and what never touches the network.

use mynah::{Mode, Server, cassette::deck::Repeat};

use super::*;

/// Answers that count.
fn counting() -> Upstream {
    let answer = |number: u32| vec![send(json_answer(&format!("{{\"n\":{number}}}")))];
    Upstream::new((1..10).map(answer).collect())
}

fn number(url: &str, prompt: &str) -> Option<u32> {
    let text = ask(url, CHAT, "", &chat(prompt)).text();
    let (_, body) = text.rsplit_once("\r\n\r\n").unwrap();
    body.strip_prefix("{\"n\":")?.strip_suffix('}')?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_records_anew_and_what_was_recorded_last_is_replayed() {
    let (folder, upstream) = (Folder::new(), counting());
    for expected in [1, 2] {
        let proxy = recording(&folder, &upstream, Mode::All).await;
        assert_eq!(number(proxy.base_url(), "a"), Some(expected));
    }
    assert_eq!(number(replaying(&folder).await.base_url(), "a"), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn new_replays_what_is_there_and_records_what_is_not() {
    let (folder, upstream) = (Folder::new(), counting());
    for _ in 0..2 {
        let proxy = recording(&folder, &upstream, Mode::New).await;
        assert_eq!(number(proxy.base_url(), "a"), Some(1));
        assert_eq!(number(proxy.base_url(), "b"), Some(2));
    }
    assert_eq!(upstream.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn once_records_sessions_that_have_no_cassette_alone() {
    let (folder, upstream) = (Folder::new(), counting());
    let proxy = recording(&folder, &upstream, Mode::Once).await;
    assert_eq!(number(proxy.base_url(), "a"), Some(1));
    drop(proxy);
    let proxy = recording(&folder, &upstream, Mode::Once).await;
    assert_eq!(number(proxy.base_url(), "a"), Some(1));
    assert_eq!(number(proxy.base_url(), "b"), None, "it has a cassette: this is a miss");
    let session = format!("{}/s/other", proxy.base_url());
    assert_eq!(number_in(&session, "b"), Some(2));
    assert!(folder.path().join("other.yaml").exists());
}

fn number_in(base: &str, prompt: &str) -> Option<u32> {
    let prefix = base.splitn(4, '/').nth(3).unwrap();
    let text = ask(base, &format!("/{prefix}{CHAT}"), "", &chat(prompt)).text();
    text.rsplit_once("{\"n\":")?.1.strip_suffix('}')?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miss_never_touches_the_network_and_tells_what_differs() {
    let (folder, upstream) = (Folder::new(), counting());
    let proxy = recording(&folder, &upstream, Mode::All).await;
    number(proxy.base_url(), "rec G");
    drop(proxy);
    let server = recording(&folder, &upstream, Mode::None).await;
    let came = ask(server.base_url(), CHAT, "", &chat("rec GS")).text();
    assert!(came.starts_with("HTTP/1.1 404 "), "{came}");
    let told: serde_json::Value = serde_json::from_str(came.split_once("\r\n\r\n").unwrap().1).unwrap();
    let told = told["error"]["message"].as_str().unwrap();
    assert!(told.contains("not recorded") && told.contains("recording.yaml:1;"), "{told}");
    assert!(told.ends_with("  $.messages[0].content: recorded \"rec G\", asked \"rec GS\""), "{told}");
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn identical_requests_get_their_answers_in_order_and_then_as_was_asked() {
    let (folder, upstream) = (Folder::new(), counting());
    let proxy = recording(&folder, &upstream, Mode::All).await;
    for expected in 1..4 {
        assert_eq!(number(proxy.base_url(), "a"), Some(expected));
    }
    drop(proxy);
    for (repeat, rest) in [
        (Repeat::Last, [Some(3), Some(3)]),
        (Repeat::Cycle, [Some(1), Some(2)]),
        (Repeat::Miss, [None, None]),
    ] {
        let server = Server::builder().cassettes(folder.path()).repeat(repeat).start().await.unwrap();
        let got: Vec<_> = (0..5).map(|_| number(server.base_url(), "a")).collect();
        assert_eq!(got[..3], [Some(1), Some(2), Some(3)], "{repeat:?}");
        assert_eq!(got[3..], rest, "{repeat:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_stay_with_their_call() {
    let limit = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 2\r\n\r\n{}";
    let answer = |number: u32| vec![send(json_answer(&format!("{{\"n\":{number}}}")))];
    let upstream = Upstream::new(vec![vec![send(limit)], answer(1), vec![send(limit)], answer(2)]);
    let folder = Folder::new();
    let proxy = recording(&folder, &upstream, Mode::All).await;
    let play = |url: &str| -> Vec<Option<u32>> { (0..4).map(|_| number(url, "a")).collect() };
    let recorded = play(proxy.base_url());
    assert_eq!(recorded, [None, Some(1), None, Some(2)]);
    drop(proxy);
    let server = replaying(&folder).await;
    assert_eq!(play(server.base_url()), recorded);
    // A call that tries no more than once gets the failure that came first.
    let header = "x-stainless-retry-count: 0\r\n";
    let fresh = replaying(&folder).await;
    for _ in 0..2 {
        let came = ask(fresh.base_url(), CHAT, header, &chat("a")).text();
        assert!(came.starts_with("HTTP/1.1 429 "), "{came}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_session_has_a_cassette_and_gets_its_own_answers() {
    let (folder, upstream) = (Folder::new(), counting());
    let proxy = recording(&folder, &upstream, Mode::All).await;
    let in_session = |url: &str, name: &str| {
        let text = ask(url, CHAT, &format!("x-mynah-session: {name}\r\n"), &chat("a")).text();
        text.rsplit_once("{\"n\":").map(|(_, rest)| rest.to_owned())
    };
    let recorded: Vec<_> = ["one", "../two", "one"].map(|name| in_session(proxy.base_url(), name)).into();
    drop(proxy);
    assert!(folder.path().join("one.yaml").exists() && folder.path().join("%2E.%2Ftwo.yaml").exists());
    assert!(!upstream.requests().concat().contains("x-mynah"), "what is for this server alone stays here");
    let server = replaying(&folder).await;
    let again: Vec<_> = ["one", "../two", "one"].map(|name| in_session(server.base_url(), name)).into();
    assert_eq!(again, recorded);
}

#[tokio::test(flavor = "multi_thread")]
async fn stubs_go_before_recordings_and_requests_of_the_catalogue_of_models_stay_built_in() {
    let (folder, upstream) = (Folder::new(), counting());
    let proxy = recording(&folder, &upstream, Mode::All).await;
    number(proxy.base_url(), "a");
    drop(proxy);
    let stub = "scenario: 1\nstubs: [{when: {prompt: a}, then: {text: from a stub}}]";
    let server = Server::builder().scenario_text("s", stub).cassettes(folder.path()).start().await.unwrap();
    assert!(ask(server.base_url(), CHAT, "", &chat("a")).text().contains("from a stub"));
    let mut client = crate::raw::Raw::connect(server.base_url());
    assert_eq!(client.ask("GET /v1/models", &[("authorization", "Bearer x")], "").status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_a_word_like_others_does_not_change_what_is_asked() {
    let (folder, upstream) = (Folder::new(), counting());
    let proxy = recording(&folder, &upstream, Mode::All).await;
    ask(proxy.base_url(), CHAT, "authorization: Bearer sk-real-1234567890\r\n", &chat("Say anything"));
    drop(proxy);
    let server = replaying(&folder).await;
    let came = ask(server.base_url(), CHAT, "authorization: Bearer anything\r\n", &chat("Say anything"));
    assert!(came.text().ends_with("{\"n\":1}"), "{}", came.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_of_two_upstreams_with_the_same_paths_are_kept_apart() {
    let (folder, one, other) = (Folder::new(), counting(), Upstream::always(json_answer("{\"n\":77}")));
    let proxy =
        recording_with(&folder, &one, Mode::All, |builder| builder.upstream("groq", &other.url)).await;
    let in_groq = |url: &str| ask(url, &format!("/groq{CHAT}"), "", &chat("a")).text();
    assert!(in_groq(proxy.base_url()).ends_with("{\"n\":77}"));
    assert_eq!(number(proxy.base_url(), "a"), Some(1));
    drop(proxy);
    let server = replaying(&folder).await;
    assert_eq!(number(server.base_url(), "a"), Some(1));
    assert!(in_groq(server.base_url()).ends_with("{\"n\":77}"));
}
