//! The catalogue of streaming failures: every row is sound, has a golden of its
//! plan, and puts on a raw socket what the plan says.

use std::{
    fmt::Write as _,
    fs,
    io::{ErrorKind, Read, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use http::{HeaderName, HeaderValue, Method};
use mynah::{
    Builder, Server,
    catalogue::{self, Row, Streams},
    notation::pattern::Pattern,
    plan::WirePlan,
    request::Request,
    scenario,
};
use serde_json::{Value, json};

use crate::compositions::told::{Left, Told, bytes, concat, head, in_no_order, told};

/// Long enough that only a server that hangs meets it.
const PATIENCE: Duration = Duration::from_secs(20);

/// So long nothing comes of what is silent for ever.
const SILENCE: Duration = Duration::from_millis(200);

/// So many are asked for at once.
const AT_ONCE: usize = 8;

/// Bytes of a write that a golden shows; of longer ones it shows the ends.
const LONGEST_SHOWN: usize = 6000;

/// Writes that a golden shows; of more it shows the first and the last.
const MOST_SHOWN: usize = 60;

/// What a row is asked for by, where the model is not known.
const NAME_HEADER: &str = "x-mynah-scenario";

/// What a golden shows of a head: the others are every answer's.
const SHOWN_HEADERS: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "retry-after",
    "retry-after-ms",
    "trailer",
    "transfer-encoding",
    "x-mynah-missed",
];

/// A way to ask for a row.
struct Way {
    api: &'static str,
    path: String,
    /// What answers before the body was read knows no model.
    header: Option<String>,
    body: Value,
}

/// The ways to ask for what a row mainly is.
fn ways(row: &Row) -> Vec<Way> {
    ways_with(row, "Hello")
}

fn ways_with(row: &Row, prompt: &str) -> Vec<Way> {
    let model = format!("mynah-{}", row.id);
    let messages = json!([{"role": "user", "content": prompt}]);
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": prompt}]}]});
    let google = format!("/v1beta/models/{model}:streamGenerateContent");
    let all = [
        (
            "openai.chat",
            "/v1/chat/completions".to_owned(),
            json!({"model": model, "messages": messages, "stream": true}),
        ),
        (
            "openai.responses",
            "/v1/responses".to_owned(),
            json!({"model": model, "input": prompt, "stream": true}),
        ),
        (
            "anthropic",
            "/v1/messages".to_owned(),
            json!({"model": model, "max_tokens": 1024, "messages": messages, "stream": true}),
        ),
        ("gemini", format!("{google}?alt=sse"), contents.clone()),
        ("gemini.array", google, contents),
    ];
    let is_for = |api: &str| {
        row.meta
            .api
            .iter()
            .any(|known| known.name() == api || (*known == Streams::Any && api != "gemini.array"))
    };
    let header = row.text.contains("\n    early: ").then(|| row.id.clone());
    let way = |(api, path, body)| Way { api, path, header: header.clone(), body };
    all.into_iter().filter(|(api, ..)| is_for(api)).map(way).collect()
}

impl Way {
    fn request(&self) -> Request {
        let named = |id| (HeaderName::from_static(NAME_HEADER), HeaderValue::from_str(id).unwrap());
        let headers = self.header.iter().map(|id| named(id));
        let mut request = Request::new(Method::POST, &self.path.parse().unwrap(), headers.collect());
        request.body = self.body.to_string().into();
        request
    }

    fn bytes(&self, headers: &[(&str, &str)]) -> String {
        let own = self.header.iter().map(|id| (NAME_HEADER, id.as_str()));
        let headers: Vec<_> = own.chain(headers.iter().copied()).collect();
        crate::raw::request(&format!("POST {}", self.path), &headers, &self.body.to_string())
    }
}

fn builder() -> Builder {
    Server::builder().seed(7).clock("2026-01-01T00:00:00Z".parse().unwrap())
}

fn served() -> Vec<&'static Row> {
    catalogue::rows().iter().filter(|row| row.meta.needs.is_none()).collect()
}

/// What a way gets, and the stub that answers it.
fn plan(row: &Row, way: &Way, time_scale: f64) -> (WirePlan, String) {
    // Beside another a row answers as among all, and two are read sooner.
    let other = if row.id == "tcp-utf8-split" { "sse-crlf" } else { "tcp-utf8-split" };
    let builder = builder().time_scale(time_scale).catalogue(&[&row.id, other]).unwrap();
    let explanation = builder.explain(way.request()).unwrap_or_else(|error| panic!("{}: {error}", row.id));
    let mut asked = explanation.considered.into_iter();
    let stub = asked.find(|one| one.scenario == row.id && one.differs.is_empty()).map(|one| one.stub);
    (explanation.plan, stub.unwrap_or_else(|| panic!("{} does not answer {}", row.id, way.api)))
}

/// How many requests a stub has a reply of its own for.
fn replies(row: &'static Row, stub: &str) -> u32 {
    let (scenarios, _) = scenario::read(&catalogue::inputs(&[row], true));
    let stub = scenarios[0].stubs.iter().find(|known| known.name == stub).unwrap();
    stub.replies.iter().map(|(_, times)| times).sum()
}

/// Serves the whole catalogue at once.
async fn start() -> Server {
    builder().time_scale(0.0).catalogue(&["*"]).unwrap().start().await.unwrap()
}

#[test]
fn every_file_is_a_row_and_says_all_that_a_row_says() {
    assert_eq!(catalogue::faults(), Vec::<String>::new());
    for row in catalogue::rows() {
        let meta = &row.meta;
        assert!(!row.about.is_empty() && !meta.broke.is_empty() && !meta.good.is_empty(), "{}", row.id);
        assert!((1..=3).contains(&meta.tier), "{}", row.id);
        assert!(row.text.contains(&format!("\nname: {}\n", row.id)), "{} is not called so", row.id);
        assert!(!meta.api.is_empty(), "{} is about no API", row.id);
    }
}

/// What is to be said for each form of a row but the main one.
fn prompts(row: &'static Row) -> Vec<String> {
    let (scenarios, _) = scenario::read(&catalogue::inputs(&[row], true));
    let conditions = scenarios.iter().flat_map(|scenario| &scenario.stubs).flat_map(|stub| &stub.when);
    let mut prompts: Vec<_> = conditions
        .filter_map(|when| match &when.prompt {
            Some(Pattern::Bare(prompt)) => Some(prompt.text()),
            _ => None,
        })
        .collect();
    prompts.dedup();
    prompts
}

#[test]
fn every_form_of_a_row_is_told_of_and_finds_its_places() {
    for row in served() {
        let forms = prompts(row);
        for prompt in &forms {
            assert!(row.about.contains(prompt.as_str()), "{} does not tell of {prompt:?}", row.id);
        }
        for prompt in forms.into_iter().chain(["Hello".to_owned()]) {
            for way in ways_with(row, &prompt) {
                let (plan, _) = plan(row, &way, 1.0);
                assert!(plan.missed.is_empty(), "{} {prompt:?} by {}: {:?}", row.id, way.api, plan.missed);
            }
        }
    }
}

#[test]
fn rows_are_sound_alone_and_all_together() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/streaming");
    for row in catalogue::rows() {
        let (_, problems) = scenario::read(&catalogue::inputs(&[row], true));
        assert_eq!(row.meta.needs.is_none(), problems.0.is_empty(), "{}: {problems}", row.id);
        assert!(folder.join(row.file()).exists());
    }
    let (scenarios, problems) = scenario::read(&catalogue::inputs(&served(), false));
    assert!(problems.0.is_empty(), "{problems}");
    // And one for those who ask for another, and the stream that rows edit.
    assert_eq!(scenarios.len(), served().len() + 2);
}

/// All that comes, and how the connection is left behind it. Behind all that is
/// waited for a little silence will do; what never ends is left alone once
/// there is more than so much of it.
fn play(
    server: &Server,
    request: &str,
    is_all: impl Fn(&[u8]) -> bool,
    most: Option<usize>,
) -> (Vec<u8>, Left) {
    let mut socket = TcpStream::connect(server.base_url().trim_start_matches("http://")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let (mut all, mut piece) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        if is_all(&all) {
            socket.set_read_timeout(Some(SILENCE)).unwrap();
        }
        match socket.read(&mut piece) {
            Ok(0) => return (all, Left::Ended),
            Ok(length) => all.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return (all, Left::Reset),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return (all, Left::Open);
            }
            Err(error) => panic!("{error}"),
        }
        if most.is_some_and(|most| all.len() > most) {
            return (all, Left::Open);
        }
    }
}

#[tokio::test]
async fn what_comes_is_what_the_plan_says_to_the_last_byte() {
    let server = start().await;
    let mut all_ways = Vec::new();
    for row in served() {
        for way in ways(row) {
            let (plan, stub) = plan(row, &way, 0.0);
            // Where requests take turns nobody must have asked before.
            let own = if replies(row, &stub) > 1 { Some(start().await) } else { None };
            all_ways.push((row, way, plan.json(), own));
        }
    }
    for some in all_ways.chunks(AT_ONCE) {
        thread::scope(|scope| {
            for (row, way, plan, own) in some {
                let server = own.as_ref().unwrap_or(&server);
                scope.spawn(move || compare(row, way, plan, server));
            }
        });
    }
}

fn compare(row: &Row, way: &Way, plan: &Value, server: &Server) {
    let expected = expected(plan);
    let is_silent = plan["socket"]["end"]["hold"] == "forever";
    let beats = !plan["socket"]["end"]["heartbeat"].is_null();
    let length = expected.bytes.len();
    let most = is_silent.then_some(length + 64 * 1024);
    let stays = is_silent || expected.left == Left::Open;
    let (mut all, left) = play(server, &way.bytes(&[]), |all| stays && all.len() >= length, most);
    if !expected.has_script {
        let head = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 2;
        all.splice(..head, in_no_order(&all[..head]));
    }
    if beats {
        all.truncate(length);
    }
    assert!(all == expected.bytes, "{} by {}: {}", row.id, way.api, all.escape_ascii());
    let stays = if is_silent { Left::Open } else { expected.left };
    assert_eq!(left, stays, "{} by {}", row.id, way.api);
}

/// The same without an end, where there is none.
fn expected(plan: &Value) -> Told {
    let mut plan = plan.clone();
    if plan["socket"]["end"]["hold"] == "forever" {
        let end = &mut plan["socket"]["end"];
        (end["how"], end["then"], end["put"]) = (json!("close"), json!(""), json!(""));
    }
    told(&plan)
}

fn shown(bytes: &[u8]) -> String {
    let text = |bytes: &[u8]| {
        let mut text = String::new();
        for chunk in bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                let is_unseen = character.is_control() || matches!(character, '\\' | '\u{2028}' | '\u{2029}');
                if is_unseen {
                    text.extend(character.escape_default());
                } else {
                    text.push(character);
                }
            }
            text.push_str(&chunk.invalid().escape_ascii().to_string());
        }
        text
    };
    if bytes.len() <= LONGEST_SHOWN {
        return text(bytes);
    }
    let (first, last) = (&bytes[..200], &bytes[bytes.len() - 200..]);
    format!("{} … {} bytes … {}", text(first), bytes.len() - 400, text(last))
}

/// The same without the lines of a head that every answer has.
fn short_head(bytes: Vec<u8>) -> Vec<u8> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return bytes };
    let (head, rest) = bytes.split_at(end + 2);
    let is_shown = |line: &&[u8]| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default().to_ascii_lowercase();
        line.starts_with(b"HTTP/") || SHOWN_HEADERS.iter().any(|known| known.as_bytes() == name)
    };
    let lines = head.split_inclusive(|byte| *byte == b'\n').filter(is_shown);
    [lines.collect::<Vec<_>>().concat(), rest.to_vec()].concat()
}

/// Each write with its time, and the end.
fn transcript(plan: &Value) -> String {
    let mut text = format!("status {}\n", plan["status"]);
    for missed in plan["missed"].as_array().unwrap() {
        writeln!(text, "missed {missed}").unwrap();
    }
    let socket = &plan["socket"];
    let (pieces, is_script) = match socket["writes"].as_array() {
        Some(writes) => (writes, true),
        None => (plan["pieces"].as_array().unwrap(), false),
    };
    if !is_script {
        let (at, carry) = (plan["head_at"].as_str().unwrap(), plan["carry"].as_str().unwrap());
        let head = [head(plan), b"\r\n".to_vec()].concat();
        writeln!(text, "{at}  {} {carry}", shown(&short_head(head))).unwrap();
    }
    let left_out = MOST_SHOWN / 2..pieces.len().saturating_sub(MOST_SHOWN / 2);
    for (number, piece) in pieces.iter().enumerate() {
        if number == left_out.start && !left_out.is_empty() {
            writeln!(text, "… {} writes …", left_out.len()).unwrap();
        }
        if left_out.contains(&number) {
            continue;
        }
        let own = bytes(&piece["bytes"]);
        let own = if is_script && number == 0 { short_head(own) } else { own };
        let gap = piece["gap"].as_str().map(|gap| format!(" +{gap}")).unwrap_or_default();
        writeln!(text, "{}{gap}  {}", piece["at"].as_str().unwrap(), shown(&own)).unwrap();
    }
    if !is_script {
        writeln!(text, "{}  complete", plan["end_at"].as_str().unwrap()).unwrap();
        return text;
    }
    let end = &socket["end"];
    let rest = [bytes(&end["put"]), bytes(&end["then"])].concat();
    if end["hold"] != "0s" {
        writeln!(text, "hold {}", end["hold"].as_str().unwrap()).unwrap();
    }
    if !end["heartbeat"].is_null() {
        writeln!(
            text,
            "every {}  {}",
            end["heartbeat"]["every"].as_str().unwrap(),
            shown(&concat(&json!([end["heartbeat"]])))
        )
        .unwrap();
    }
    if end["hold"] == "forever" {
        return text;
    }
    if !rest.is_empty() {
        writeln!(text, "at the end  {}", shown(&rest)).unwrap();
    }
    let then =
        if end["how"] == "complete" && socket["closes"] == true { ", and the connection ends" } else { "" };
    writeln!(text, "{}{then}", end["how"].as_str().unwrap()).unwrap();
    text
}

/// What a client gets that tries again, as far as the list that answers it goes:
/// head, length of the rest, and how the connection is left.
async fn retries(row: &'static Row, way: &Way, stub: &str) -> String {
    let mut text = String::new();
    let attempts = replies(row, stub);
    if attempts == 1 {
        return text;
    }
    let server = start().await;
    for count in 0..attempts {
        let request = way.bytes(&[("x-stainless-retry-count", &count.to_string())]);
        let (all, left) = play(&server, &request, is_whole, None);
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let head = [in_no_order(&all[..end - 2]), b"\r\n".to_vec()].concat();
        if count > 0 {
            let rest = all.len() - end;
            let head = shown(&short_head(head));
            let left = format!("{left:?}").to_lowercase();
            writeln!(text, "attempt {}  {head}\n{rest} bytes behind it, then {left}", count + 1).unwrap();
        }
    }
    text
}

/// Whether an answer is complete, as HTTP tells it.
fn is_whole(all: &[u8]) -> bool {
    let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&all[..end]).to_ascii_lowercase();
    match head.lines().find_map(|line| line.strip_prefix("content-length: ")) {
        Some(length) => all.len() >= end + 4 + length.parse::<usize>().unwrap(),
        None => all[end + 4..].ends_with(b"0\r\n\r\n"),
    }
}

fn golden(row: &Row) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/catalogue/{}.txt", row.id))
}

#[tokio::test]
async fn every_plan_is_still_what_it_was() {
    let blesses = std::env::var_os("MYNAH_BLESS").is_some_and(|bless| bless == "1");
    let mut changed = Vec::new();
    for row in served() {
        let mut text = String::new();
        for way in ways(row) {
            let (plan, stub) = plan(row, &way, 1.0);
            let retries = retries(row, &way, &stub).await;
            writeln!(text, "{}\n{}{retries}", way.api, transcript(&plan.json())).unwrap();
        }
        if blesses {
            fs::write(golden(row), &text).unwrap();
        } else if fs::read_to_string(golden(row)).unwrap_or_default() != text {
            changed.push(format!("{}:\n{text}", row.id));
        }
    }
    assert!(changed.is_empty(), "changed, or never blessed (MYNAH_BLESS=1):\n{}", changed.join("\n"));
}

#[tokio::test]
async fn a_row_is_asked_for_by_header_too_and_the_others_are_left_alone() {
    let server = builder().catalogue(&["*"]).unwrap().start().await.unwrap();
    let mut client = crate::raw::Raw::connect(server.base_url());
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "stream": true});
    let ask = |client: &mut crate::raw::Raw, headers: &[(&str, &str)]| {
        client.ask("POST /v1/chat/completions", headers, &body.to_string())
    };
    let row = ask(&mut client, &[(NAME_HEADER, "tcp-utf8-split")]);
    assert!(row.body().contains("你好"), "{}", row.body());
    let plain = ask(&mut client, &[]);
    assert_eq!((plain.status(), plain.header("x-mynah-answer")), (404, Some("miss")), "{}", plain.body());
    let stranger = ask(&mut client, &[("x-mynah-scenario", "tcp-utf8-splitt")]);
    assert_eq!(stranger.status(), 404);
    assert!(stranger.body().contains("no scenario of the catalogue"), "{}", stranger.body());
    let body = json!({"model": "mynah-nothing", "input": "x", "stream": true}).to_string();
    assert_eq!(client.ask("POST /v1/responses", &[], &body).status(), 404);
}

#[tokio::test]
async fn files_beside_rows_answer_all_else_and_rows_edit_their_own_stream() {
    let own = "scenario: 1\nname: own\nstubs:\n- {when: {prompt: mine}, then: {text: own words}}\n";
    // One after the other, and one twice.
    let builder = builder().catalogue(&["sse-crlf"]).unwrap().scenario_text("own", own);
    let builder = builder.catalogue(&["tcp-utf8-split", "sse-crlf"]).unwrap();
    let server = builder.start().await.unwrap();
    let mut client = crate::raw::Raw::connect(server.base_url());
    let mut ask = |model: &str, prompt: &str| {
        let body = json!({"model": model, "messages": [{"role": "user", "content": prompt}], "stream": true});
        client.ask("POST /v1/chat/completions", &[], &body.to_string())
    };
    assert!(ask("gpt-4o", "mine").body().contains("own"));
    assert_eq!(ask("gpt-4o", "another").header("x-mynah-answer"), Some("miss"));
    let row = ask("mynah-sse-crlf", "mine");
    assert!(row.body().contains("\"content\":\"Hel\""), "{}", row.body());
    assert!(ask("mynah-tcp-utf8-split", "mine").body().contains("你好"));
}

#[test]
fn an_id_that_no_row_has_is_told_with_what_was_meant() {
    let error = Server::builder().catalogue(&["tcp-utf8-splitt"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no scenario \"tcp-utf8-splitt\" in the catalogue, did you mean \"tcp-utf8-split\"?"
    );
    assert!(Server::builder().catalogue(&["nothing-*"]).is_err());
}

#[test]
fn the_page_is_made_from_the_files() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/streaming/README.md");
    let page = catalogue::page(catalogue::rows(), &catalogue::outcomes());
    if std::env::var_os("MYNAH_BLESS").is_some_and(|bless| bless == "1") {
        fs::write(&path, &page).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap_or_default() == page, "never blessed (MYNAH_BLESS=1)");
}
