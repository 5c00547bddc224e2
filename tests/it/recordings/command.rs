//! The program's commands about cassettes, and what it ends with.

use std::process::{Command, Output};

use mynah::Mode;

use super::*;
use crate::command::Serving;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mynah")).args(arguments).output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn recorded() -> Folder {
    let stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let event =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"},\"finish_reason\":null}]}\n\n";
    let last =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":null}]}\n\n";
    let upstream = Upstream::new(vec![
        vec![
            send(stream),
            send(format!("{:x}\r\n{event}\r\n", event.len())),
            Step::Wait(60),
            send(format!("{:x}\r\n{last}\r\n0\r\n\r\n", last.len())),
        ],
        vec![send(
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 42\r\n\r\n{\"error\":{\"message\":\"slow\",\"code\":\"rate\"}}",
        )],
    ]);
    let folder = Folder::new();
    let proxy = recording(&folder, &upstream, Mode::All).await;
    let stream = |prompt: &str| chat(prompt).replace("\"model\"", "\"stream\":true,\"model\"");
    ask(proxy.base_url(), CHAT, "", &stream("one"));
    ask(proxy.base_url(), CHAT, "", &chat("two"));
    drop(proxy);
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn interactions_are_listed_and_their_time_is_drawn() {
    let folder = recorded().await;
    let path = folder.path().to_str().unwrap();
    let list = told(&run(&["cassette", "list", path]));
    assert!(
        list.contains("recording.yaml:1 ") && list.contains("POST /v1/chat/completions -> 429"),
        "{list}"
    );
    let json: serde_json::Value =
        serde_json::from_slice(&run(&["cassette", "list", path, "--format", "json"]).stdout).unwrap();
    assert_eq!((json[0]["status"].as_u64(), json[0]["pieces"].as_u64()), (Some(200), Some(2)));
    let id = json[0]["id"].as_str().unwrap();
    let shown = told(&run(&["cassette", "show", path, "--id", &id[..8]]));
    for expected in ["head", "first byte", "1 text", "2 text", "complete", "█", "ms"] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    assert!(!shown.contains("-> 429"), "{shown}");
    assert_eq!(run(&["cassette", "show", path, "--id", "zz"]).status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_is_made_that_answers_the_same() {
    let folder = recorded().await;
    let made = run(&["cassette", "to-scenario", folder.path().to_str().unwrap()]);
    let text = String::from_utf8(made.stdout).unwrap();
    assert!(text.contains("text: [Hel, lo]") && text.contains("status: 429"), "{text}");
    let server = Server::builder().scenario_text("made", &text).start().await.unwrap();
    let stream = chat("one").replace("\"model\"", "\"stream\":true,\"model\"");
    let came = ask(server.base_url(), CHAT, "", &stream).text();
    assert!(came.contains("\"content\":\"Hel\"") && came.contains("\"content\":\"lo\""), "{came}");
    let came = ask(server.base_url(), CHAT, "", &chat("two")).text();
    assert!(
        came.starts_with("HTTP/1.1 429") && came.contains("\"slow\"") && came.contains("retry-after: 7"),
        "{came}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_slipped_in_is_found_told_without_showing_it_and_taken_out() {
    let folder = recorded().await;
    let path = folder.path().to_str().unwrap();
    assert_eq!(run(&["check", path]).status.code(), Some(0));
    let secret = "sk-proj-thisIsASecret123456";
    let text =
        folder.read("recording.yaml").replace("content: two}", &format!("content: \"see {secret}\"}}"));
    let text = text.replace(
        "  headers:\n    - [Retry-After",
        "  headers:\n    - [X-Api-Key, abcdefgh]\n    - [Retry-After",
    );
    folder.write("recording.yaml", &text);
    let line = |what: &str| text.lines().position(|line| line.contains(what)).unwrap() + 1;
    let found = run(&["check", path]);
    let told_of = told(&found);
    assert_eq!(found.status.code(), Some(4), "{told_of}");
    for what in [secret, "abcdefgh"] {
        assert!(told_of.contains(&format!("recording.yaml:{}:", line(what))), "{what}: {told_of}");
        assert!(!told_of.contains(what), "{told_of}");
    }
    let redacted = run(&["cassette", "redact", path]);
    assert_eq!(redacted.status.code(), Some(0), "{}", told(&redacted));
    let after = folder.read("recording.yaml");
    assert!(!after.contains(secret) && !after.contains("abcdefgh") && after.contains("REDACTED-"), "{after}");
    assert_eq!(run(&["check", path]).status.code(), Some(0));
    // What had no secret stands as it stood.
    assert!(after.starts_with(&text[..text.find("\n...").unwrap()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cassette_among_scenarios_is_told_to_be_one() {
    let folder = recorded().await;
    let file = folder.path().join("recording.yaml");
    let output = run(&["serve", "--port", "0", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(4));
    assert!(told(&output).contains("--cassettes"), "{}", told(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_fails_on_misses_on_what_is_unused_and_on_what_is_old() {
    let folder = recorded().await;
    let path = folder.path().to_str().unwrap();
    let strict = ["--cassettes", path, "--strict"];
    let ended = |requests: &[String]| {
        let serving = Serving::start(&strict);
        requests.iter().for_each(|body| drop(ask(serving.url(), CHAT, "", body)));
        serving.signal("TERM");
        serving.end()
    };
    let both = [chat("one").replace("\"model\"", "\"stream\":true,\"model\""), chat("two")];
    assert_eq!(ended(&both).0, Some(0));
    let (code, said) = ended(&both[1..]);
    assert!(code == Some(7) && said.contains("recording.yaml:1"), "{code:?} {said}");
    let (code, said) = ended(&[chat("three")]);
    assert!(code == Some(6) && said.contains("nothing answered: 1"), "{code:?} {said}");
    let old = run(&["serve", "--port", "0", "--cassettes", path, "--strict", "--max-age", "0s"]);
    assert!(old.status.code() == Some(7) && told(&old).contains("older"), "{}", told(&old));
}

#[test]
fn what_cannot_be_recorded_is_told_at_once() {
    for (arguments, told_of) in [
        (vec!["record"], "--upstream"),
        (vec!["record", "--upstream", "openai"], "NAME=VALUE"),
        (vec!["record", "--upstream", "openai=ftp://x"], "https://"),
        (
            vec!["record", "--upstream", "a=http://127.0.0.1:9", "--cassettes", "/dev/null/x"],
            "record into /dev/null/x",
        ),
        (vec!["serve", "--mode", "all"], "--upstream"),
        (vec!["serve", "--speed", "0"], "instant"),
        (vec!["serve", "--cassettes", "/no/such/folder"], "no such file"),
        (
            vec!["record", "--upstream", "a=http://127.0.0.1:9", "--upstream-key", "a=NO_SUCH_KEY_HERE"],
            "NO_SUCH_KEY_HERE",
        ),
    ] {
        let output = run(&arguments);
        assert!(
            !output.status.success() && told(&output).contains(told_of),
            "{arguments:?}: {}",
            told(&output)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_cassette_is_told_at_the_start_and_shows_nothing_of_its_lines() {
    let folder = recorded().await;
    let secret = "sk-proj-thisIsASecret123456";
    let whole = folder.read("recording.yaml");
    for (edit, told_of) in [
        (whole.replacen("  status: 200", &format!("  status: {secret}"), 1), "whole number"),
        (whole.replacen("run: ", &format!("note: {secret}\nrun: "), 1), "note"),
        (whole.replacen("end: complete", "end: complet", 1), "did you mean `complete`"),
        ("scenario: 1\nstubs: []\n".to_owned(), "no cassette"),
    ] {
        folder.write("recording.yaml", &edit);
        for command in
            [vec!["check"], vec!["serve", "--port", "0", "--cassettes"], vec!["cassette", "redact"]]
        {
            let output = run(&[
                command.as_slice(),
                &[folder.path().join("recording.yaml").to_str().unwrap()],
            ]
            .concat());
            let told = told(&output);
            // A file that is no cassette is for `check` a scenario.
            let is_scenario = edit.starts_with("scenario") && command == ["check"];
            assert!(output.status.code() == Some(4) && (told.contains(told_of) || is_scenario), "{told}");
            assert!(!told.contains("thisIsASecret"), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redacting_takes_away_no_file_but_the_bodies_of_its_own() {
    let folder = recorded().await;
    let precious = folder.write("precious.txt", "keep me");
    let long = "x".repeat(100);
    let text = folder.read("recording.yaml").replace(
        "{model: gpt-4o, messages: [{role: user, content: two}]}",
        &format!(
            "\n    file: {}\n    key: sk-proj-thisIsASecret123456\n    long: {long}",
            precious.display()
        ),
    );
    folder.write("recording.yaml", &text);
    let output = run(&["cassette", "redact", folder.path().join("recording.yaml").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(!folder.read("recording.yaml").contains("thisIsASecret"));
    assert_eq!(fs::read_to_string(precious).unwrap(), "keep me");
}

#[test]
fn the_shipped_cassettes_make_a_scenario_that_is_well() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("cassettes");
    let made = run(&["cassette", "to-scenario", shipped.to_str().unwrap()]);
    let folder = Folder::new();
    let scenario = folder.write("made.yaml", std::str::from_utf8(&made.stdout).unwrap());
    let checked = run(&["check", scenario.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(0), "{}", told(&checked));
}
