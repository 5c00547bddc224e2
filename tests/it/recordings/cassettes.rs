//! Cassettes as people handle them: edited, damaged, without their recording.

use mynah::Mode;

use super::*;

async fn recorded(upstream: &Upstream, prompts: &[&str]) -> Folder {
    let folder = Folder::new();
    let proxy = recording(&folder, upstream, Mode::All).await;
    for prompt in prompts {
        ask(proxy.base_url(), CHAT, "", &chat(prompt));
    }
    drop(proxy);
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_text_is_served_changed_with_its_lengths_put_right() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let upstream = Upstream::new(vec![vec![send(json_answer("{\"a\":\"hello\"}"))], vec![send(chunked)]]);
    let folder = recorded(&upstream, &["a", "b"]).await;
    let edited = folder.read("recording.yaml").replace("hello", "good evening");
    folder.write("recording.yaml", &edited);
    let server = replaying(&folder).await;
    let plain = ask(server.base_url(), CHAT, "", &chat("a")).text();
    assert!(plain.ends_with("Content-Length: 20\r\n\r\n{\"a\":\"good evening\"}"), "{plain}");
    let stream = ask(server.base_url(), CHAT, "", &chat("b")).text();
    assert!(stream.ends_with("\r\n\r\nc\r\ngood evening\r\n0\r\n\r\n"), "{stream}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_request_answers_what_it_was_changed_to() {
    let upstream = Upstream::always(json_answer("{}"));
    let folder = recorded(&upstream, &["a"]).await;
    let edited = folder.read("recording.yaml").replace("content: a}", "content: b}");
    folder.write("recording.yaml", &edited);
    let server = replaying(&folder).await;
    assert!(ask(server.base_url(), CHAT, "", &chat("b")).text().starts_with("HTTP/1.1 200"));
    assert!(ask(server.base_url(), CHAT, "", &chat("a")).text().starts_with("HTTP/1.1 404"));
}

#[tokio::test(flavor = "multi_thread")]
async fn spelling_and_order_of_a_request_do_not_matter() {
    let upstream = Upstream::always(json_answer("{}"));
    let folder = recorded(&upstream, &["a"]).await;
    let server = replaying(&folder).await;
    let same = r#"{ "messages" : [ {"content": "\u0061", "role": "user"} ],  "model": "gpt-4o"}"#;
    assert!(ask(server.base_url(), CHAT, "x-trace: 1\r\n", same).text().starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_is_told_and_a_torn_end_is_left_out() {
    let upstream = Upstream::always(json_answer("{}"));
    let folder = recorded(&upstream, &["a", "b"]).await;
    let whole = folder.read("recording.yaml");
    let torn = &whole[..whole.len() - 30];
    folder.write("recording.yaml", torn);
    let server = replaying(&folder).await;
    assert!(ask(server.base_url(), CHAT, "", &chat("a")).text().starts_with("HTTP/1.1 200"));
    drop(server);
    // What is recorded next does not suffer from it.
    let proxy = recording(&folder, &upstream, Mode::New).await;
    ask(proxy.base_url(), CHAT, "", &chat("c"));
    drop(proxy);
    let server = replaying(&folder).await;
    for (prompt, status) in [("a", "200"), ("b", "404"), ("c", "200")] {
        let came = ask(server.base_url(), CHAT, "", &chat(prompt)).text();
        assert!(came.starts_with(&format!("HTTP/1.1 {status}")), "{prompt}: {came}");
    }
    folder.write("recording.yaml", &whole.replace("method: POST", "metod: POST"));
    let error = Server::builder().cassettes(folder.path()).start().await.unwrap_err().to_string();
    assert!(error.contains("recording.yaml:") && error.contains("method"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_cassettes_are_replayed() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("cassettes");
    let server = Server::builder()
        .cassettes(&shipped)
        .replay_speed(mynah::server::Speed::Instant)
        .start()
        .await
        .unwrap();
    let mut asked = 0;
    for file in fs::read_dir(&shipped).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("# "), "{} tells where it comes from", file.display());
        let session = file.file_stem().unwrap().to_str().unwrap();
        let source =
            Arc::new(mynah::document::error::Source { name: session.to_owned(), text: text.clone() });
        let matching = mynah::cassette::key::Matching::default();
        let files = Box::new(|_: &str| Err("none".to_owned()));
        let (tape, problems) = mynah::cassette::file::Tape::new(session.to_owned(), source, files, &matching);
        assert!(problems.is_empty(), "{problems:?}");
        assert!(mynah::cassette::suspect::suspects(&tape, &matching.detector).is_empty());
        for entry in &tape.entries {
            let interaction = tape.interaction(entry).unwrap();
            let request = &interaction.request;
            let mynah::cassette::Body::Json(body) = &request.body else { panic!("{request:?}") };
            let query: Vec<_> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
            let path = format!("/s/{session}{}{query}", request.path);
            let came = ask(server.base_url(), &path, "", &body.to_string());
            let expected = interaction.response.script(0.0, Duration::ZERO).bytes;
            assert_eq!(came.text(), String::from_utf8_lossy(&expected), "{}", tape.place(entry));
            asked += 1;
        }
    }
    assert!(asked >= 15, "{asked} interactions");
}
