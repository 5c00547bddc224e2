//! Scenarios are read anew while they are served.

use std::fs;

use super::*;
use crate::{command::Serving, raw::request, recordings::wait_for};

fn says(url: &str) -> Option<String> {
    let answer = Raw::connect(url).ask(CHAT, &[], &body("hello")).json();
    answer["choices"][0]["message"]["content"].as_str().map(str::to_owned)
}

fn scenario(text: &str) -> String {
    format!("scenario: 1\nstubs: [{{then: {{text: {text}}}}}]\n")
}

#[test]
fn a_hangup_reads_the_files_and_a_broken_one_leaves_all_as_it_was() {
    let folder = crate::recordings::Folder::new();
    let file = folder.path().join("s.yaml");
    fs::write(&file, scenario("one")).unwrap();
    let serving = Serving::start(&[file.to_str().unwrap()]);
    assert_eq!(says(serving.url()).as_deref(), Some("one"));
    fs::write(&file, scenario("two")).unwrap();
    assert_eq!(says(serving.url()).as_deref(), Some("one"));
    serving.signal("HUP");
    wait_for(|| says(serving.url()).as_deref() == Some("two"));
    fs::write(&file, "scenario: 1\nstubs: [{then: {txt: three}}]\n").unwrap();
    serving.signal("HUP");
    let url = serving.url().to_owned();
    wait_for(|| {
        let mut client = Raw::connect(&url);
        client.send("GET /__mynah/metrics HTTP/1.1\r\nhost: localhost\r\n\r\n");
        client.answer().body().contains(r#"mynah_reloads_total{outcome="refused"} 1"#)
    });
    assert_eq!(says(serving.url()).as_deref(), Some("two"));
    serving.signal("TERM");
    let (code, log) = serving.end();
    assert_eq!(code, Some(0));
    assert!(log.contains("did you mean `text`?"), "{log}");
    assert!(log.contains("1 to mend: the scenarios are served on as they were"), "{log}");
}

#[test]
fn whoever_watches_sees_files_that_are_saved_put_in_place_and_added() {
    let folder = crate::recordings::Folder::new();
    let file = folder.path().join("s.yaml");
    fs::write(&file, scenario("one")).unwrap();
    let serving = Serving::start(&[folder.path().to_str().unwrap(), "--watch"]);
    assert_eq!(says(serving.url()).as_deref(), Some("one"));
    fs::write(&file, scenario("two")).unwrap();
    wait_for(|| says(serving.url()).as_deref() == Some("two"));
    // As editors do it.
    let new = folder.path().join(".s.yaml.new");
    fs::write(&new, scenario("three")).unwrap();
    fs::rename(&new, &file).unwrap();
    wait_for(|| says(serving.url()).as_deref() == Some("three"));
    let first = "scenario: 1\nstubs: [{when: {prompt: hello}, then: {text: four}}]\n";
    fs::write(folder.path().join("a.yaml"), first).unwrap();
    wait_for(|| says(serving.url()).as_deref() == Some("four"));
    serving.signal("TERM");
    assert_eq!(serving.end().0, Some(0));
}

#[test]
fn a_request_under_way_ends_with_what_it_began_with() {
    let folder = crate::recordings::Folder::new();
    let file = folder.path().join("s.yaml");
    fs::write(&file, "scenario: 1\nstubs: [{then: {text: [old, er], pace: {first: 1500ms}}}]\n").unwrap();
    let serving = Serving::start(&[file.to_str().unwrap()]);
    let mut slow = Raw::connect(serving.url());
    slow.send(request(CHAT, &[], &streaming("hello")));
    // Its head shows that it has begun.
    slow.peek();
    fs::write(&file, scenario("new")).unwrap();
    serving.signal("HUP");
    wait_for(|| says(serving.url()).as_deref() == Some("new"));
    assert!(slow.answer().body().contains(r#""content":"old""#));
    serving.signal("TERM");
    serving.end();
}

#[test]
fn there_must_be_something_to_watch() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_mynah"))
        .args(["serve", "--port", "0", "--watch"])
        .output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("nothing to watch"));
}
