//! The server's own endpoints, as the file that describes them has it.

use serde_json::Value;

use super::*;

const SCENARIO: &str =
    "scenario: 1\nname: s\nstubs: [{name: a, when: {prompt: weather}, then: {text: sunny}}]\n";

async fn server() -> Server {
    Server::builder().scenario_text("s.yaml", SCENARIO).allow_host("mynah.test").start().await.unwrap()
}

/// The status, and the body as JSON.
fn ask(server: &Server, line: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let (method, path) = line.split_once(' ').unwrap();
    let line = format!("{method} /__mynah/{path}");
    let answer = Raw::connect(server.base_url()).ask(&line, headers, body);
    (answer.status(), serde_json::from_str(&answer.body()).unwrap_or_default())
}

#[tokio::test]
async fn every_endpoint_is_described_and_every_description_is_served() {
    let server = server().await;
    let (status, document) = ask(&server, "GET openapi.json", &[], "");
    assert_eq!((status, document["openapi"].as_str()), (200, Some("3.1.0")));
    let mut described = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/__mynah/").unwrap();
        for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            described.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    for line in &described {
        if line.contains("shutdown") || line.contains("events") {
            continue;
        }
        let line = line.replace("{name}", "nothing").replace("{seq}", "1");
        let (status, said) = ask(&server, &line, &[], "");
        let is_routed =
            !said["error"]["message"].as_str().unwrap_or_default().contains("there is no /__mynah");
        assert!(is_routed && status != 405, "{line}: {status} {said}");
    }
    // What is not found lists what there is.
    let (_, listed) = ask(&server, "GET nothing", &[], "");
    for (path, methods) in listed["endpoints"].as_object().unwrap() {
        let path = path.strip_prefix("/__mynah/").unwrap();
        for method in methods.as_str().unwrap().split(", ") {
            let own = format!(
                "{method} {}",
                path.replace("scenarios/NAME", "scenarios/{name}")
                    .replace("sessions/NAME", "sessions/{name}")
                    .replace("journal/SEQ", "journal/{seq}")
            );
            assert!(described.contains(&own), "{own} is not described: {described:?}");
        }
    }
}

#[tokio::test]
async fn the_journal_is_filtered_and_paged() {
    let server = server().await;
    let mut client = Raw::connect(server.base_url());
    for prompt in ["weather", "hello", "weather"] {
        client.ask(CHAT, &[("x-mynah-session", "t")], &body(prompt));
    }
    let seqs = |query: &str| -> Vec<u64> {
        let (status, page) = ask(&server, &format!("GET journal?{query}"), &[], "");
        assert_eq!(status, 200, "{page}");
        page["entries"].as_array().unwrap().iter().map(|entry| entry["seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(seqs(""), [1, 2, 3]);
    assert_eq!(seqs("source=miss"), [2]);
    assert_eq!(seqs("stub=a&status=200&operation=generate&dialect=openai&end=complete"), [1, 3]);
    assert_eq!(seqs("session="), [0_u64; 0]);
    assert_eq!(seqs("session=t&call=2"), [2]);
    let (_, page) = ask(&server, "GET journal?limit=2", &[], "");
    assert_eq!((page["next"].as_u64(), page["entries"].as_array().unwrap().len()), (Some(2), 2));
    assert_eq!(seqs("limit=2&after=2"), [3]);
    for (query, problem) in [
        ("sesion=t", "did you mean `session`?"),
        ("limit=0", "1 to 1000"),
        ("after=x", "`after` is a number"),
    ] {
        let (status, said) = ask(&server, &format!("GET journal?{query}"), &[], "");
        assert!(status == 400 && said.to_string().contains(problem), "{said}");
    }
    let (status, said) = ask(&server, "POST reset?sesion=t", &[], "");
    assert!(status == 400 && said.to_string().contains("did you mean `session`?"), "{said}");
    let (status, entry) = ask(&server, "GET journal/2", &[], "");
    assert_eq!((status, entry["answer"]["source"].as_str()), (200, Some("miss")));
    assert_eq!(ask(&server, "GET journal/9", &[], "").0, 404);
}

#[tokio::test]
async fn who_follows_the_journal_is_told_of_every_end_and_goes_on_where_it_left_off() {
    let server = server().await;
    let follow = |last: &[(&str, &str)]| {
        let mut client = Raw::connect(server.base_url());
        client.send(crate::raw::request("GET /__mynah/events", last, ""));
        client.until_text("\r\n\r\n");
        client
    };
    let mut live = follow(&[]);
    let mut client = Raw::connect(server.base_url());
    client.ask(CHAT, &[], &body("weather"));
    client.ask(CHAT, &[], &body("hello"));
    let first = live.until_text("\n\n");
    assert!(first.starts_with("event: exchange\nid: 1\ndata: {\"seq\":1,"), "{first}");
    assert!(live.until_text("\n\n").contains("\nid: 2\n"));
    let mut again = follow(&[("last-event-id", "1")]);
    assert!(again.until_text("\n\n").contains("\nid: 2\n"));
    // The server's end ends it.
    let (status, _) = ask(&server, "POST shutdown", &[], "");
    assert_eq!(status, 202);
    live.rest();
}

#[tokio::test]
async fn scenarios_are_added_replaced_and_removed_while_others_keep_their_counts() {
    let text = "scenario: 1\nname: counting\nstubs: [{name: n, when: {prompt: count}, per: session, \
                then: [{text: one}, {text: two}, {text: three}]}]\n";
    let server =
        Server::builder().scenario_text("c.yaml", text).allow_host("mynah.test").start().await.unwrap();
    let says = |prompt: &str| {
        let answer = Raw::connect(server.base_url()).ask(CHAT, &[], &body(prompt)).json();
        answer["choices"][0]["message"]["content"].as_str().map(str::to_owned)
    };
    assert_eq!(says("count").as_deref(), Some("one"));
    assert_eq!(says("weather"), None);
    assert_eq!(ask(&server, "POST scenarios", &[], SCENARIO).0, 201);
    assert_eq!(says("weather").as_deref(), Some("sunny"));
    assert_eq!(says("count").as_deref(), Some("two"));
    assert_eq!(ask(&server, "POST scenarios", &[], SCENARIO).0, 409);
    let rain = r#"{"scenario": 1, "name": "s", "stubs": [{"when": {"prompt": "weather"}, "then": {"text": "rain"}}]}"#;
    assert_eq!(ask(&server, "PUT scenarios/s", &[], rain).0, 200);
    assert_eq!(says("weather").as_deref(), Some("rain"));
    let (_, listed) = ask(&server, "GET scenarios", &[], "");
    let names: Vec<_> =
        listed["scenarios"].as_array().unwrap().iter().map(|one| [&one["name"], &one["from"]]).collect();
    assert_eq!(names, [["counting", "start"], ["s", "api"]]);
    assert_eq!(ask(&server, "DELETE scenarios/s", &[], "").0, 200);
    assert_eq!(says("weather"), None);
    assert_eq!(says("count").as_deref(), Some("three"));
    let (status, said) = ask(&server, "DELETE scenarios/countin", &[], "");
    assert!(status == 404 && said.to_string().contains("did you mean"), "{said}");
}

#[tokio::test]
async fn a_scenario_from_outside_reads_no_file_and_reaches_no_other_address() {
    let server = server().await;
    for (text, problem) in [
        ("scenario: 1\nstubs: [{then: {text: {file: /etc/passwd}}}]\n", "no folder"),
        ("scenario: 1\nstubs: [{then: {cassette: /etc/passwd}}]\n", "folder"),
        ("scenario: 1\nstubs: [{then: {forward: http://10.0.0.1}}]\n", "no upstream"),
        ("scenario: 1\nstubs: [{then: {txt: hi}}]\n", "did you mean `text`?"),
        ("", "no scenario"),
        ("\u{1}", "problem.yaml"),
    ] {
        let (status, said) = ask(&server, "POST scenarios?name=problem.yaml", &[], text);
        assert_eq!(status, 400, "{text:?} {said}");
        if !text.starts_with('\u{1}') {
            assert!(said.to_string().contains(problem), "{text:?} {said}");
        }
    }
    let (_, listed) = ask(&server, "GET scenarios", &[], "");
    assert_eq!(listed["scenarios"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_verdict_is_told_on_request_with_expectations_from_the_request() {
    let server = server().await;
    Raw::connect(server.base_url()).ask(CHAT, &[], &body("weather"));
    let (status, verdict) = ask(&server, "GET verify", &[], "");
    assert_eq!((status, &verdict["passed"], &verdict["requests"]), (200, &true.into(), &1.into()));
    let wanted = "expectations: 1\nchecks:\n  - {stub: a, expect: {requests: 2}}\n";
    let (status, verdict) = ask(&server, "POST verify?name=mine.yaml", &[], wanted);
    assert_eq!((status, &verdict["passed"]), (200, &false.into()));
    assert_eq!(verdict["expectations"][0]["line"], 3);
    assert!(verdict["text"].as_str().unwrap().contains("mine.yaml:3"), "{verdict}");
    assert!(verdict["summary"].as_str().unwrap().starts_with("mynah: 1 expectation NOT met"), "{verdict}");
    for (text, problem) in [
        ("expectations: 1\nchecks: [{stub: b, expect: {requests: 2}}]\n", "no stub is called"),
        ("expectations: 1\nchecks: [{stub: a, expect: {reqests: 2}}]\n", "did you mean `requests`?"),
        ("expectations: 1\n", "nothing is expected"),
        ("expectations: 1\nchecks: [{stub: a, expect: {gaps: 3}}]\n", "duration"),
    ] {
        let (status, said) = ask(&server, "POST verify", &[], text);
        assert!(status == 400 && said.to_string().contains(problem), "{text}: {said}");
    }
}

#[tokio::test]
async fn the_seed_and_the_time_scale_change_for_the_requests_to_come() {
    let server = Server::builder().allow_host("mynah.test").start().await.unwrap();
    let id = || {
        Raw::connect(server.base_url())
            .ask("GET /v1/models/none", &[], "")
            .header("x-request-id")
            .map(str::to_owned)
    };
    let first = id();
    server.reset();
    assert_eq!(ask(&server, "PUT seed", &[], r#"{"seed": 8}"#), (200, json!({"seed": 8, "session": null})));
    assert_ne!(id(), first);
    assert_eq!(ask(&server, "GET seed", &[], ""), (200, json!({"seed": 8})));
    assert_eq!(ask(&server, "PUT time-scale", &[], r#"{"time_scale": 0}"#).0, 200);
    assert_eq!(ask(&server, "GET time-scale", &[], ""), (200, json!({"time_scale": 0.0})));
    for (line, text) in [
        ("PUT seed", r#"{"seed": -1}"#),
        ("PUT seed", r#"{"sed": 1}"#),
        ("PUT seed", "seed"),
        ("PUT time-scale", r#"{"time_scale": -1}"#),
        ("PUT time-scale", "{}"),
    ] {
        assert_eq!(ask(&server, line, &[], text).0, 400, "{line} {text}");
    }
}

#[tokio::test]
async fn strangers_are_kept_out() {
    let server = Server::builder().admin_token("s3cret").start().await.unwrap();
    let asked = |headers: &[(&str, &str)]| {
        let mut client = Raw::connect(server.base_url());
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        client.send(format!("GET /__mynah/sessions HTTP/1.1\r\n{lines}\r\n"));
        client.answer().status()
    };
    let (host, token) = (("host", "localhost:1"), ("authorization", "Bearer s3cret"));
    assert_eq!(asked(&[host, token]), 200);
    assert_eq!(asked(&[host, ("x-mynah-token", "s3cret")]), 200);
    assert_eq!(asked(&[("host", "127.0.0.1:4100"), token]), 200);
    assert_eq!(asked(&[("host", "[::1]:4100"), token]), 200);
    assert_eq!(asked(&[host]), 401);
    assert_eq!(asked(&[host, ("authorization", "Bearer s3cre")]), 401);
    assert_eq!(asked(&[("host", "evil.example"), token]), 403);
    assert_eq!(asked(&[("host", "localhost.evil.example"), token]), 403);
    assert_eq!(asked(&[host, token, ("origin", "http://localhost:9")]), 200);
    assert_eq!(asked(&[host, token, ("origin", "https://evil.example")]), 403);
    assert_eq!(asked(&[host, token, ("origin", "http://6.6.6.6")]), 403);
    assert_eq!(asked(&[host, token, ("origin", "null")]), 403);
    let mut client = Raw::connect(server.base_url());
    assert_eq!(client.ask("GET /__mynah/health", &[], "").status(), 200);
    assert_eq!(client.ask(CHAT, &[("origin", "https://evil.example")], &body("hi")).status(), 200);
}

#[tokio::test]
async fn what_is_counted_is_told_to_prometheus() {
    let server = server().await;
    let mut client = Raw::connect(server.base_url());
    client.ask(CHAT, &[], &body("weather"));
    client.ask(CHAT, &[], &body("hello"));
    let answer = client.ask("GET /__mynah/metrics", &[], "");
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = answer.body();
    for line in [
        r#"mynah_requests_total{api="openai.chat",operation="generate",source="stub",status="200"} 1"#,
        r#"mynah_requests_total{api="openai.chat",operation="generate",source="miss",status="404"} 1"#,
        "mynah_misses_total 1",
        "mynah_journal_entries 2",
        "# EOF",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = server().await;
    let mut client = Raw::connect(server.base_url());
    let answer = client.ask("POST /__mynah/journal", &[], "{}");
    assert_eq!((answer.status(), answer.header("allow")), (405, Some("GET")));
    let answer = client.ask("DELETE /__mynah/sessions/none", &[], "");
    assert_eq!(answer.status(), 404);
}
