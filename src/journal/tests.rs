//! The judgement, on journals that are written by hand.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Uri};
use jiff::Timestamp;

use super::*;
use crate::{
    document::error::Source as Text,
    scenario::{self, Input, compile, expectations::Expectations, stub::Scenario},
};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A journal, one exchange a line: session, connection, body, when it came and was over
/// in milliseconds, status, how it ended, and headers of request (`name=value`) and
/// answer (`<name=value`).
fn journal(lines: &str) -> Vec<Entry> {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut entries: Vec<_> = (1..).zip(lines).map(|(seq, line)| entry(seq, line)).collect();
    calls::number(&mut entries);
    entries
}

fn entry(seq: u64, line: &str) -> Entry {
    let mut words = line.split_whitespace();
    let mut next = || words.next().unwrap();
    let session = next().trim_matches('-').to_owned();
    let connection = Connection { id: next().parse().unwrap(), request: 1 };
    let body = format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{}"}}]}}"#, next());
    let (came, over) = (ms(next().parse().unwrap()), ms(next().parse().unwrap()));
    let (status, end) = (next().parse().unwrap(), next());
    let uri = Uri::from_static("http://h/v1/chat/completions");
    let mut request = Request::new(Method::POST, &uri, http::HeaderMap::new());
    request.body = Bytes::from(body);
    let mut hints = Vec::new();
    for word in words {
        let (name, value) = word.split_once('=').unwrap();
        let value = value.replace('_', " ");
        match name.strip_prefix('<') {
            Some(name) => hints.push((name.to_owned(), value)),
            None => {
                let name: http::HeaderName = name.parse().unwrap();
                request.headers.insert(name, HeaderValue::try_from(value).unwrap());
            }
        }
    }
    let header = |name: &str| hints.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let hint = hint::hint(header, b"", Timestamp::UNIX_EPOCH);
    let named = Named { scenario: "s".into(), stub: "flaky".into(), place: "s.yaml:2".into(), reply: 1 };
    let source = if end == "miss" { Source::Miss } else { Source::Stub };
    let stubs = if end == "miss" { Vec::new() } else { vec![named] };
    Entry {
        seq,
        session,
        began: Timestamp::UNIX_EPOCH,
        came,
        read: came,
        connection,
        body_length: request.body.len() as u64,
        fingerprint: None,
        route: route_of(&request),
        request,
        answer: Answer { source, stubs, status, hint, ..Answer::default() },
        writes: Vec::new(),
        more_writes: 0,
        sent: 100,
        last: (end != "silent").then_some(over),
        end: match end {
            "open" => None,
            "reset" => Some((End::Cut("reset"), over)),
            "left" | "silent" => Some((End::Left, over)),
            _ => Some((End::Complete, over)),
        },
        gone: None,
        call: 0,
        attempt: 0,
    }
}

fn scenario(expect: &str, all: &str) -> Vec<Scenario> {
    let text = format!(
        "scenario: 1\nname: s\nstubs:\n  - name: flaky\n    then: {{text: hi}}\n    expect: {expect}\n{all}"
    );
    let source = Arc::new(Text { name: "s.yaml".to_owned(), text });
    let (scenarios, problems) = scenario::read(&[Input::new(source, Box::new(|_| Err(String::new())))]);
    assert!(!problems.are_fatal(), "{problems}");
    scenarios
}

fn verdict_of(entries: &[Entry], scenarios: &[Scenario], more: &[(Option<String>, Expectations)]) -> Verdict {
    let forgotten = BTreeMap::new();
    judge(&Judge {
        entries,
        forgotten: &forgotten,
        scenarios,
        more,
        session: None,
        matching: &crate::cassette::key::Matching::default(),
        has_journal: true,
        resets: 0,
    })
}

/// What became of each key that is expected of the stub: its name, with `!` where it was
/// not met.
fn judged(expect: &str, lines: &str) -> String {
    let verdict = verdict_of(&journal(lines), &scenario(expect, ""), &[]);
    let words = verdict.expectations.iter().map(|judged| {
        let session = if judged.session.is_empty() { String::new() } else { format!("{}:", judged.session) };
        format!("{session}{}{}", judged.key, if judged.passed { "" } else { "!" })
    });
    words.collect::<Vec<_>>().join(" ")
}

const TWO_RETRIES: &str = "
    - 1 a 0    10   429 complete
    - 1 a 500  510  429 complete
    - 1 a 1500 1600 200 complete";

#[test]
fn a_request_and_its_retries_are_one_call() {
    assert_eq!(
        judged("{requests: 3, calls: 1, attempts: 3, connections: 1}", TWO_RETRIES),
        "requests calls attempts connections"
    );
    assert_eq!(
        judged("{requests: 2, calls: 2.., attempts: ..2, connections: 2}", TWO_RETRIES),
        "requests! calls! attempts! connections!"
    );
}

#[test]
fn the_same_request_after_a_success_is_another_call() {
    let twice = "- 1 a 0 10 200 complete\n- 1 a 20 30 200 complete";
    assert_eq!(judged("{calls: 2, attempts: 1}", twice), "calls attempts");
    let cut = "- 1 a 0 10 200 reset\n- 1 a 20 30 200 complete";
    assert_eq!(judged("{calls: 1, attempts: 2}", cut), "calls attempts");
}

#[test]
fn a_retry_count_goes_before_a_key_and_a_key_before_the_body() {
    let counted = "
        - 1 a 0  10 500 complete x-stainless-retry-count=0
        - 1 a 20 30 500 complete x-stainless-retry-count=0
        - 1 a 40 50 500 complete x-stainless-retry-count=1";
    assert_eq!(judged("{calls: 2}", counted), "calls");
    let keyed = "
        - 1 a 0  10 500 complete idempotency-key=k
        - 1 b 20 30 500 complete idempotency-key=k
        - 1 a 40 50 500 complete idempotency-key=l";
    assert_eq!(judged("{calls: 2}", keyed), "calls");
    let others = "- 1 a 0 10 500 complete\n- 1 b 20 30 500 complete";
    assert_eq!(judged("{calls: 2, attempts: 1}", others), "calls attempts");
    assert_eq!(judged("{group: stub, attempts: 2}", others), "attempts");
}

#[test]
fn a_gap_runs_from_the_end_of_an_attempt_and_has_a_grace() {
    assert_eq!(judged("{gaps: [490ms, 990ms]}", TWO_RETRIES), "gaps");
    assert_eq!(judged("{gaps: [500ms, 1s]}", TWO_RETRIES), "gaps");
    assert_eq!(judged("{gaps: [501ms.., 1s]}", TWO_RETRIES), "gaps!");
    assert_eq!(judged("{gaps: [..479ms, 1s]}", TWO_RETRIES), "gaps!");
    // The last holds for all that follow.
    assert_eq!(judged("{gaps: 480ms..1s}", TWO_RETRIES), "gaps");
}

#[test]
fn a_backoff_grows_is_capped_and_has_a_band() {
    let grows = "{gaps: {backoff: {base: 500ms, jitter: -25%..0%}}}";
    assert_eq!(judged(grows, TWO_RETRIES), "gaps");
    assert_eq!(judged("{gaps: {backoff: {base: 500ms}}}", TWO_RETRIES), "gaps");
    assert_eq!(judged("{gaps: {backoff: {base: 500ms, factor: 3}}}", TWO_RETRIES), "gaps!");
    assert_eq!(judged("{gaps: {backoff: {base: 500ms, cap: 600ms}}}", TWO_RETRIES), "gaps!");
    assert_eq!(judged("{gaps: {backoff: {base: 1s, factor: 1, jitter: -60%..10%}}}", TWO_RETRIES), "gaps");
}

#[test]
fn where_the_client_left_or_was_cut_off_the_gap_begins_then() {
    let left = "- 1 a 0 5000 200 left\n- 2 a 5500 5600 200 complete";
    assert_eq!(judged("{gaps: 500ms}", left), "gaps");
    let silent = "- 1 a 0 5000 200 silent\n- 2 a 5500 5600 200 complete";
    assert_eq!(judged("{gaps: 500ms}", silent), "gaps");
    let hedged = "- 1 a 0 5000 500 open\n- 2 a 100 200 500 complete";
    assert_eq!(judged("{gaps: 0s, group: stub}", hedged), "gaps");
}

#[test]
fn a_hint_is_obeyed_by_waiting_as_long_and_a_little_longer() {
    let after = |hint: &str, gap: u64| {
        format!("- 1 a 0 10 429 complete <{hint}\n- 1 a {} {} 200 complete", 10 + gap, 20 + gap)
    };
    for (hint, gap, obeyed) in [
        ("retry-after=2", 2_000, true),
        ("retry-after=2", 1_985, false),
        ("retry-after=2", 2_999, true),
        ("retry-after=2", 3_100, false),
        ("retry-after=0", 0, true),
        ("retry-after=0", 900, true),
        ("retry-after=60", 74_000, true),
        ("retry-after=60", 500, false),
        ("retry-after=0.5", 495, true),
        ("retry-after-ms=300", 200, false),
        ("retry-after-ms=300", 300, true),
        ("retry-after=Thu,_01_Jan_1970_00:00:03_GMT", 3_000, true),
        ("retry-after=Thu,_01_Jan_1970_00:00:03_GMT", 1_000, false),
    ] {
        let journal = after(hint, gap);
        let word = |holds: bool| if holds { "retry_after" } else { "retry_after!" };
        assert_eq!(judged("{retry_after: obeyed}", &journal), word(obeyed), "{hint} {gap}");
        assert_eq!(judged("{retry_after: ignored}", &journal), word(!obeyed), "{hint} {gap}");
    }
    // Who gives up has not come too early.
    assert_eq!(judged("{retry_after: obeyed}", "- 1 a 0 10 429 complete <retry-after=9"), "retry_after");
}

#[test]
fn google_hides_its_hint_in_the_body() {
    let body = br#"{"error":{"code":429,"details":[{"@type":"t"},{"retryDelay":"3.5s"}]}}"#;
    let found = hint::hint(|_| None, body, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!((found.wait, found.said.as_str()), (ms(3_500), "retryDelay: 3.5s"));
    let list = [b"[".as_slice(), body, b"]"].concat();
    assert_eq!(hint::hint(|_| None, &list, Timestamp::UNIX_EPOCH).unwrap().wait, ms(3_500));
    assert_eq!(hint::hint(|_| None, b"retryDelay", Timestamp::UNIX_EPOCH), None);
    let both = hint::hint(|name| (name == "retry-after").then_some("1"), body, Timestamp::UNIX_EPOCH);
    assert_eq!(both.unwrap().wait, ms(1_000));
}

#[test]
fn attempts_may_have_to_be_alike() {
    let alike = "
        - 1 a 0  10 500 complete authorization=Bearer_k idempotency-key=i
        - 1 a 20 30 200 complete authorization=Bearer_k idempotency-key=i";
    assert_eq!(judged("{same: [body, key, idempotency-key]}", alike), "same");
    let other_key = "
        - 1 a 0  10 500 complete authorization=Bearer_k
        - 1 a 20 30 200 complete authorization=Bearer_l";
    assert_eq!(judged("{same: body}", other_key), "same");
    assert_eq!(judged("{same: key}", other_key), "same!");
    assert_eq!(judged("{same: idempotency-key}", other_key), "same!");
    let other_body = "- 1 a 0 10 500 complete\n- 1 b 20 30 200 complete";
    assert_eq!(judged("{same: body, group: stub}", other_body), "same!");
}

#[test]
fn a_client_leaves_or_stays() {
    let left = "- 1 a 0 1000 200 left";
    assert_eq!(judged("{left: ..5s}", left), "left");
    assert_eq!(judged("{left: never}", left), "left!");
    let stayed = "- 1 a 0 1000 200 complete";
    assert_eq!(judged("{left: never}", stayed), "left");
    assert_eq!(judged("{left: ..5s}", stayed), "left!");
    assert_eq!(judged("{left: ..5s}", "- 1 a 0 1000 200 reset"), "left!");
    assert_eq!(judged("{left: ..5s}", "- 1 a 0 1000 200 open"), "left!");
    // An attempt that was answered before the one that was left.
    assert_eq!(judged("{left: 0s}", "- 1 a 0 10 500 complete\n- 1 a 20 1000 200 left"), "left");
}

#[test]
fn what_is_open_at_once_is_counted() {
    let three = "
        - 1 a 0  100 200 complete
        - 2 b 50 150 200 complete
        - 3 c 99 120 200 complete
        - 1 d 150 160 200 complete";
    assert_eq!(judged("{concurrent: 3}", three), "concurrent");
    assert_eq!(judged("{concurrent: ..2}", three), "concurrent!");
}

#[test]
fn conditions_on_what_was_sent_are_told_with_what_was_there() {
    let sent = "- 1 hello 0 10 200 complete x-tenant=acme";
    assert_eq!(judged("{sent: {header: {x-tenant: acme}, prompt: hello}}", sent), "sent");
    assert_eq!(judged("{sent: [{prompt: other}, {json: {$.model: gpt-4o}}]}", sent), "sent");
    let verdict = verdict_of(&journal(sent), &scenario("{sent: {header: {x-tenant: other}}}", ""), &[]);
    let text = verdict.to_string();
    assert!(text.contains("header x-tenant is \"acme\", where \"other\" was expected"), "{text}");
}

#[test]
fn an_expectation_is_judged_in_every_session_that_its_stub_answered() {
    let two = "
        one 1 a 0  10 500 complete
        two 2 a 5  10 200 complete
        one 1 a 20 30 200 complete";
    assert_eq!(judged("{attempts: 2}", two), "one:attempts two:attempts!");
}

#[test]
fn what_answered_nowhere_fails_unless_that_was_expected() {
    assert_eq!(judged("{attempts: 1..3, left: never}", ""), "attempts! left!");
    assert_eq!(judged("{requests: 0}", ""), "requests");
    assert_eq!(judged("{requests: ..2, attempts: 1}", ""), "requests attempts");
    assert_eq!(judged("{requests: 1..}", ""), "requests!");
}

#[test]
fn the_whole_run_is_judged_too() {
    let all = "expect: {requests: 2, calls: 2, concurrent: 1, unmatched: 0, unused: 0, order: flaky}\n";
    let run = "- 1 a 0 10 200 complete\n- 1 b 20 30 404 miss";
    let verdict = verdict_of(&journal(run), &scenario("{requests: 1}", all), &[]);
    let failed: Vec<_> = verdict.failures().map(|judged| (judged.key.as_str(), judged.line)).collect();
    assert_eq!(failed, [("unmatched", 7)]);
    assert_eq!(verdict.unmatched, 1);
}

#[test]
fn a_file_of_expectations_is_about_stubs_or_about_requests() {
    let text = "expectations: 1\nchecks:\n  - {stub: s/flaky, expect: {requests: 1}}\n  \
                - {name: tenants, when: {header: {x-tenant: {not: null}}}, expect: {requests: 2}}\n  \
                - expect: {concurrent: 1}\n";
    let source = Arc::new(Text { name: "e.yaml".to_owned(), text: text.to_owned() });
    let more = [(None, compile::expectations(&source).unwrap())];
    let verdict = verdict_of(&journal("- 1 a 0 10 200 complete x-tenant=a"), &[], &more);
    let told: Vec<_> = verdict
        .expectations
        .iter()
        .map(|judged| (judged.about.as_str(), judged.line, judged.passed))
        .collect();
    assert_eq!(told, [("s/flaky", 3, true), ("tenants", 4, false), ("all requests", 5, true)]);
}

#[test]
fn what_the_journal_forgot_is_not_taken_for_granted() {
    let entries = journal("- 1 a 0 10 200 complete");
    let forgotten = BTreeMap::from([(String::new(), 3)]);
    let scenarios = scenario("{attempts: 1}", "");
    let all = Judge {
        entries: &entries,
        forgotten: &forgotten,
        scenarios: &scenarios,
        more: &[],
        session: None,
        matching: &crate::cassette::key::Matching::default(),
        has_journal: true,
        resets: 0,
    };
    let verdict = judge(&all);
    assert!(!verdict.passed);
    assert!(verdict.to_string().contains("has forgotten 3 requests"), "{verdict}");
}

#[test]
fn a_failure_reads_like_that_of_a_good_test() {
    let run = "
        - 1 a 0    10   429 complete <retry-after=1
        - 1 a 500  510  429 complete <retry-after=1
        - 1 a 1500 1600 200 complete";
    let verdict = verdict_of(&journal(run), &scenario("{attempts: 3, gaps: 1s..}", ""), &[]);
    assert_eq!(
        verdict.to_string(),
        "\
NOT MET s/flaky: gaps
  at        s.yaml:6
  expected  gaps of 1.000 s or more (give or take 0.010 s)
  happened  gap 1 of call 1 was 0.490 s, where 1.000 s or more was expected

  request  call  attempt  at       gap      status  asked to wait   bytes  ended
  1        1     1        0.000 s  -        429     retry-after: 1  100    complete
  2        1     2        0.500 s  0.490 s  429     retry-after: 1  100    complete
  3        1     3        1.500 s  0.990 s  200     -               100    complete

mynah: 1 expectation NOT met, 1 met; 3 requests in 1 call, 0 unmatched"
    );
}

#[test]
fn a_verdict_travels_as_json() {
    let verdict = verdict_of(&journal(TWO_RETRIES), &scenario("{attempts: 2, gaps: 1s..}", ""), &[]);
    let text = serde_json::to_string(&verdict).unwrap();
    assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), verdict);
}

#[test]
fn nothing_secret_is_shown() {
    let mut entries = journal("- 1 a 0 10 200 complete authorization=Bearer_sk-proj-abcdefghijklmnop");
    entries[0].request.query.push(("key".to_owned(), "AIzaSyD-abcdefghijklmnopqrstuvwxyz01234".to_owned()));
    entries[0].request.body = Bytes::from_static(br#"{"api_key":"sk-proj-abcdefghijklmnop"}"#);
    let shown = entries[0].json(&crate::cassette::key::Matching::default(), &[]).to_string();
    assert!(!shown.contains("abcdefghijklmnop"), "{shown}");
    assert!(shown.contains("REDACTED"), "{shown}");
}
