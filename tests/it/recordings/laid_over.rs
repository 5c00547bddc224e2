//! What was recorded as a reply of a scenario, with the stages of a plan laid over it,
//! and what is passed on for chosen requests.

use mynah::Mode;

use super::*;

const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Case: kept\r\nTransfer-Encoding: chunked\r\n\r\n";

fn event(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn streaming() -> Upstream {
    let mut steps = vec![send(STREAM)];
    for text in ["one", "two", "three"] {
        steps.extend([Step::Wait(40), send(chunk(&event(text)))]);
    }
    steps.extend([send(chunk("data: [DONE]\n\n")), send("0\r\n\r\n"), Step::Close]);
    Upstream::new(vec![steps])
}

/// What comes for a recording with this laid over it.
async fn laid(then: &str) -> Came {
    let (folder, upstream) = (Folder::new(), streaming());
    let proxy = recording(&folder, &upstream, Mode::All).await;
    ask(proxy.base_url(), CHAT, "", &chat("recorded"));
    drop(proxy);
    let scenario = format!("scenario: 1\nstubs:\n  - then: {{cassette: recording.yaml, {then}}}\n");
    let path = folder.write("scenario.txt", &scenario);
    let server = Server::builder().scenarios(path).start().await.unwrap();
    ask(server.base_url(), CHAT, "", &chat("recorded"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_comes_behind_a_recorded_event() {
    let came = laid("wire: {end: {after: 2, how: reset}}").await;
    assert_eq!(came.ended, Ended::Reset);
    assert_eq!(came.text(), format!("{STREAM}{}{}", chunk(&event("one")), chunk(&event("two"))));
    assert!(came.at >= Duration::from_millis(70), "the recorded times are kept: {:?}", came.at);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_event_is_written_anew_and_all_others_keep_their_bytes() {
    let came = laid("wire: {edit: [{patch: {at: text.2, set: {$.choices.*.delta.content: '2'}}}, {drop: text.1}], head: {headers: {x-more: '1', x-case: lost}}}").await;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nx-case: lost\r\nTransfer-Encoding: chunked\r\nx-more: 1\r\n\r\n";
    let expected =
        [chunk(&event("2")), chunk(&event("three")), chunk("data: [DONE]\n\n"), "0\r\n\r\n".to_owned()];
    assert_eq!(came.text(), format!("{head}{}", expected.concat()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pace_replaces_the_recorded_times_and_a_pause_adds_to_them() {
    let quick = laid("pace: {first: 0s, every: 0s}").await;
    assert!(quick.text().ends_with("0\r\n\r\n"));
    let paused = laid("pace: {pause: {before: text.3, for: 300ms}}").await;
    assert_eq!(paused.bytes(), quick.bytes());
    assert!(paused.at >= Duration::from_millis(400), "{:?}", paused.at);
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_and_compression_are_laid_over_as_over_any_answer() {
    let cut = laid("wire: {carry: {cut: {in: 1, byte: 6}}}").await.text();
    assert!(cut.contains("\r\n6\r\ndata: \r\n"), "{cut}");
    let length = laid("wire: {carry: length}").await.text();
    assert!(length.contains("content-length: ") && !length.contains("chunked"), "{length}");
    let coded = laid("wire: {encode: gzip}").await.bytes();
    assert!(String::from_utf8_lossy(&coded).contains("content-encoding: gzip\r\n"));
    assert!(coded.windows(2).any(|two| two == b"\x1f\x8b"));
    let parts = laid("wire: {encode: {as: gzip, flush: event}, end: {after: 2, how: close}}").await;
    assert_eq!(parts.ended, Ended::Closed);
    let beat = laid("pace: {heartbeat: {every: 15ms, lines: ': beat'}}").await.text();
    assert!(beat.contains(": beat\n\n"), "{beat}");
    let dribble = laid("wire: {send: {cut: {in: body, every: 100}, rate: 100KB/s}}").await;
    assert!(dribble.text().ends_with("0\r\n\r\n") && dribble.at >= Duration::from_millis(120));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_laid_over_all_is_laid_over_recordings() {
    let (folder, upstream) = (Folder::new(), streaming());
    let proxy = recording(&folder, &upstream, Mode::All).await;
    ask(proxy.base_url(), CHAT, "", &chat("recorded"));
    drop(proxy);
    let over = "scenario: 1\nstubs: [{then: {from: below, wire: {end: {after: 1, how: close}}}}]";
    let server =
        Server::builder().scenario_text("over", over).cassettes(folder.path()).start().await.unwrap();
    let came = ask(server.base_url(), CHAT, "", &chat("recorded"));
    assert_eq!(came.text(), format!("{STREAM}{}", chunk(&event("one"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_are_cut_differently_where_all_is() {
    let (folder, upstream) = (Folder::new(), streaming());
    let proxy = recording(&folder, &upstream, Mode::All).await;
    ask(proxy.base_url(), CHAT, "", &chat("recorded"));
    drop(proxy);
    let body = |text: &str| {
        let wire = text.split_once("\r\n\r\n").unwrap().1.to_owned();
        let (mut rest, mut body, mut chunks) = (wire.as_str(), String::new(), 0);
        while let Some((size, behind)) = rest.split_once("\r\n") {
            let size = usize::from_str_radix(size, 16).unwrap();
            body.push_str(&behind[..size]);
            rest = &behind[size + 2..];
            chunks += 1;
        }
        (body, chunks)
    };
    let usual = ask(replaying(&folder).await.base_url(), CHAT, "", &chat("recorded"));
    let server = Server::builder().cassettes(folder.path()).rechunk(5).start().await.unwrap();
    let cut = ask(server.base_url(), CHAT, "", &chat("recorded"));
    let ((cut, many), (usual, few)) = (body(&cut.text()), body(&usual.text()));
    assert_eq!(cut, usual);
    assert!(many > few, "{many} and {few}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_requests_are_forwarded_as_they_are_or_with_trouble_laid_over() {
    let upstream = streaming();
    let scenario = "scenario: 1\nstubs:\n  - {when: {prompt: plain}, then: {forward: mine}}\n  - when: {prompt: cut}\n    \
                    then: {forward: mine, wire: {end: {after: 1, how: reset}}}\n";
    let server =
        Server::builder().scenario_text("s", scenario).upstream("mine", &upstream.url).start().await.unwrap();
    let direct = ask(&upstream.url, CHAT, "", &chat("plain")).text();
    assert_eq!(ask(server.base_url(), CHAT, "", &chat("plain")).text(), direct);
    let cut = ask(server.base_url(), CHAT, "", &chat("cut"));
    assert_eq!((cut.text(), cut.ended), (format!("{STREAM}{}", chunk(&event("one"))), Ended::Reset));
    let asked = upstream.requests().len();
    assert!(ask(server.base_url(), CHAT, "", &chat("other")).text().starts_with("HTTP/1.1 404"));
    assert_eq!(upstream.requests().len(), asked, "what no stub forwards stays here");
    let nowhere = Server::builder().scenario_text("s", scenario).start().await.unwrap_err().to_string();
    assert!(nowhere.contains("--upstream mine=URL"), "{nowhere}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interaction_is_chosen_by_its_id_or_by_the_request() {
    let answer = |text: &str| vec![send(json_answer(&format!("{{\"a\":\"{text}\"}}")))];
    let (folder, upstream) = (Folder::new(), Upstream::new(vec![answer("one"), answer("two")]));
    let proxy = recording(&folder, &upstream, Mode::All).await;
    for prompt in ["1", "2"] {
        ask(proxy.base_url(), CHAT, "", &chat(prompt));
    }
    drop(proxy);
    let cassette = folder.read("recording.yaml");
    let ids: Vec<_> =
        cassette.lines().filter_map(|line| line.strip_prefix("id: ")).map(|id| &id[..10]).collect();
    let scenario = format!(
        "scenario: 1\nstubs:\n  - {{when: {{prompt: any}}, then: {{cassette: {{file: recording.yaml, id: '{}'}}}}}}\n  \
         - then: {{cassette: recording.yaml}}\n",
        ids[1]
    );
    let server = Server::builder().scenarios(folder.write("s.txt", &scenario)).start().await.unwrap();
    for (prompt, expected) in [("any", "two"), ("1", "one"), ("2", "two"), ("3", "not recorded")] {
        let came = ask(server.base_url(), CHAT, "", &chat(prompt)).text();
        assert!(came.contains(expected), "{prompt}: {came}");
    }
    let wrong =
        folder.write("w.txt", "scenario: 1\nstubs: [{then: {cassette: {file: recording.yaml, id: zz}}}]\n");
    let error = Server::builder().scenarios(wrong).start().await.unwrap_err().to_string();
    assert!(error.contains("no interaction") && error.contains(ids[0]), "{error}");
}
