//! What is thrown at the parsers: whatever it is, it is read or refused, and
//! nothing panics.

use std::{fs, path::Path, sync::Arc};

use mynah::{
    Server, Unmatched,
    notation::{
        path::JsonPath,
        value::{Percent, Period, Range, Rate, Size, Word},
    },
    request::Request,
    scenario::{self, Input, error::Source},
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use crate::{
    cases,
    raw::{Raw, request},
};

/// The scenarios that are shipped, and the faulty ones of the tests.
fn seeds() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> = ["scenarios", "tests/golden/faults"]
        .iter()
        .flat_map(|folder| fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    paths.sort();
    let texts = paths.iter().filter_map(|path| fs::read_to_string(path).ok());
    texts.filter(|text| text.len() < 20_000).collect()
}

/// Pieces that mean something somewhere.
const PIECES: &[&str] = &[
    "",
    "\n",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "*a",
    "&a ",
    "<<: *a",
    "---\n",
    "? ",
    "|\n",
    ">-\n",
    "!!str ",
    "'",
    "\"",
    "\t",
    "\r\n",
    "\u{feff}",
    "\u{0}",
    "ü",
    "😀",
    "\u{2028}",
    "#",
    "0",
    "-1",
    "1e999",
    "18446744073709551616",
    "..",
    "~",
    "null",
    "true",
    "$..*",
    "$[?@.a]",
    "9s",
    "1KiB",
    "5%",
    "%",
    "@",
    "`",
    "wire: ",
    "edit: ",
    "when: ",
    "then: ",
    "text: ",
    "scenario: 1\n",
    "stubs:\n",
    "all",
    "text.2",
    "{every: 0}",
    "{random: 3}",
    "{fill: 5}",
    "{echo: $.a}",
    "{regex: '('}",
];

/// One change of a text: where, how much goes, and what comes.
#[derive(Clone, Debug)]
struct Change {
    at: prop::sample::Index,
    length: usize,
    is_line: bool,
    with: String,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let with = prop_oneof![
        4 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => "\\PC{0,3}",
        1 => prop::sample::select(seeds()).prop_flat_map(|text| {
            let lines: Vec<_> = format!("{text}\n").lines().map(|line| format!("{line}\n")).collect();
            prop::sample::select(lines)
        }),
    ];
    let change = (
        any::<prop::sample::Index>(),
        prop_oneof![Just(0_usize), 0..6_usize, 0..60_usize],
        any::<bool>(),
        with,
    )
        .prop_map(|(at, length, is_line, with)| Change { at, length, is_line, with });
    vec(change, 0..6)
}

fn changed(text: &str, changes: &[Change]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for change in changes {
        let mut at = change.at.index(chars.len() + 1);
        if change.is_line {
            at = chars[..at].iter().rposition(|c| *c == '\n').map_or(0, |end| end + 1);
        }
        let end = chars.len().min(at + change.length);
        chars.splice(at..end, change.with.chars());
    }
    chars.into_iter().collect()
}

/// Reads a text as a scenario file; whether it is sound.
fn read(text: &str) -> bool {
    let source = Arc::new(Source { name: "x.yaml".to_owned(), text: text.to_owned() });
    let (scenarios, problems) =
        scenario::read(&[Input::new(source, Box::new(|_| Err("there is none".to_owned())))]);
    assert!(!scenarios.is_empty() || !problems.0.is_empty());
    for problem in &problems.0 {
        assert!(!problem.message.is_empty());
        // For YAML a CR alone ends a line.
        let lines = text.replace("\r\n", "\n").split(['\n', '\r']).count();
        let is_whole = problem.message.starts_with("there is no scenario in this file");
        let place = problem.place;
        assert!(
            is_whole || (1..=lines).contains(&place.line) && place.column > 0,
            "{place:?}: {problem}\n{text}"
        );
        assert!(
            problem.to_string().contains(&problem.message[..1]) && problem.to_string().contains("x.yaml")
        );
    }
    drop(problems.to_string());
    !problems.are_fatal()
}

fn ask(target: &str, body: impl Into<bytes::Bytes>) -> Request {
    let mut request = Request::new(http::Method::POST, &target.parse().unwrap(), http::HeaderMap::new());
    request.body = body.into();
    request
}

/// Every operation of all dialects, with a body that is good.
fn good() -> Vec<(&'static str, Value)> {
    let schema = json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}, "required": ["a"]});
    let contents = json!([
        {"role": "user", "parts": [{"text": "Hi"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"b": 2}}}]},
    ]);
    let generate = json!({
        "contents": contents,
        "systemInstruction": {"parts": [{"text": "terse"}]},
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": schema}]}],
        "generationConfig": {"maxOutputTokens": 50, "candidateCount": 2, "responseMimeType": "application/json", "responseSchema": schema, "temperature": 0.5, "stopSequences": ["x"]},
    });
    let model = "/v1beta/models/gemini-2.5-flash";
    let embed = json!({"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "Hi"}]}, "outputDimensionality": 5});
    let mut all = vec![
        ("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", generate.clone()),
        ("/v1beta/models/gemini-2.5-flash:streamGenerateContent", generate.clone()),
        ("/v1beta/models/gemini-2.5-flash:generateContent", generate.clone()),
        (
            "/v1beta/models/gemini-2.5-flash:countTokens",
            json!({"generateContentRequest": {"model": &model[8..], "contents": contents}}),
        ),
        ("/v1beta/models/gemini-embedding-001:embedContent", embed.clone()),
        (
            "/v1beta/models/gemini-embedding-001:batchEmbedContents",
            json!({"requests": [embed.clone(), embed]}),
        ),
        (
            "/v1beta/models/imagen-4.0-generate-001:predict",
            json!({"instances": [{"prompt": "p"}], "parameters": {"sampleCount": 2, "aspectRatio": "1:1"}}),
        ),
        ("/v1/messages", messages(true)),
        ("/v1/messages", messages(false)),
        ("/v1/messages/count_tokens", messages(false)),
        ("/v1/models", json!({})),
    ];
    all.extend(good_at_openai(&schema));
    all
}

/// The same of OpenAI's.
fn good_at_openai(schema: &Value) -> Vec<(&'static str, Value)> {
    let chat = json!({
        "model": "gpt-4o", "stream": true, "stream_options": {"include_usage": true}, "n": 2, "max_tokens": 40, "logprobs": true, "top_logprobs": 2,
        "messages": [
            {"role": "system", "content": "terse"}, {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "ok"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}},
    });
    vec![
        ("/v1/chat/completions", chat),
        (
            "/v1/embeddings",
            json!({"model": "text-embedding-3-small", "input": ["a", "b"], "dimensions": 4, "encoding_format": "base64"}),
        ),
        (
            "/v1/images/generations",
            json!({"model": "gpt-image-1", "prompt": "p", "n": 1, "size": "1024x1024"}),
        ),
        ("/v1/responses", response(true)),
        ("/v1/responses", response(false)),
        ("/v1/responses/input_tokens", response(false)),
        (
            "/v1/completions",
            json!({"model": "m", "prompt": ["Hi", [1, 2]], "n": 2, "echo": true, "logprobs": 2}),
        ),
        (
            "/v1/completions",
            json!({"model": "m", "prompt": "Hi", "stream": true, "stream_options": {"include_usage": true}}),
        ),
        (
            "/v1/moderations",
            json!({"input": [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "x"}}]}),
        ),
    ]
}

/// A request for a response with much in it.
fn response(is_stream: bool) -> Value {
    json!({
        "model": "gpt-5",
        "stream": is_stream,
        "instructions": "terse",
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
        "top_logprobs": 2,
        "max_output_tokens": 100,
        "metadata": {"a": "b"},
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Hi"}, {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": "ok"},
        ],
        "tools": [
            {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}},
            {"type": "web_search"},
        ],
        "tool_choice": "auto",
        "text": {"format": {"type": "json_schema", "name": "s", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}},
    })
}

/// A request of Anthropic's with much in it.
fn messages(is_stream: bool) -> Value {
    json!({
        "model": "claude-opus-4-5",
        "max_tokens": 2000,
        "stream": is_stream,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "system": [{"type": "text", "text": "terse", "cache_control": {"type": "ephemeral"}}],
        "stop_sequences": ["x"],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "Hi"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            ]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {"a": 1}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "ok"}]},
        ],
        "tools": [
            {"name": "f", "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}}},
            {"type": "web_search_20250305", "name": "web_search"},
        ],
        "tool_choice": {"type": "auto"},
    })
}

/// Any JSON, often with names that dialects know.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        prop::sample::select(&["user", "function", "object", "$ref", "#", "png", "AA==", "1:1", "\u{0}"][..])
            .prop_map(Value::from),
    ];
    let name = prop_oneof![
        prop::sample::select(
            &[
                "model",
                "messages",
                "contents",
                "parts",
                "text",
                "role",
                "content",
                "type",
                "properties",
                "items",
                "$ref",
                "tools",
                "n",
                "input"
            ][..]
        )
        .prop_map(str::to_owned),
        "\\PC{0,4}",
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((name.clone(), inner), 0..5).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The pointers of all that is in some JSON.
fn pointers(value: &Value, here: &str, into: &mut Vec<String>) {
    into.push(here.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| pointers(item, &format!("{here}/{at}"), into));
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| pointers(member, &format!("{here}/{name}"), into));
        }
        _ => {}
    }
}

/// An operation, and a body that is good but for some of its values, some of its
/// bytes, or not at all.
fn requests() -> impl Strategy<Value = (&'static str, String)> {
    let values = vec((any::<prop::sample::Index>(), any_json()), 0..4);
    (prop::sample::select(good()), values, proptest::option::weighted(0.2, changes())).prop_map(
        |((target, mut body), values, changes)| {
            for (at, value) in values {
                let mut all = Vec::new();
                pointers(&body, "", &mut all);
                if let Some(node) = body.pointer_mut(at.get::<String>(&all)) {
                    *node = value;
                }
            }
            let text = body.to_string();
            (target, changes.map_or(text.clone(), |changes| changed(&text, &changes)))
        },
    )
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn any_change_of_a_scenario_leaves_one_or_a_mistake_with_its_place(
        text in prop::sample::select(seeds()),
        changes in changes(),
    ) {
        let text = changed(&text, &changes);
        if read(&text) {
            let body = r#"{"model": "gpt-4o", "stream": true, "messages": [{"role": "user", "content": "Hello"}]}"#;
            let request = ask("/v1/chat/completions", body);
            let explained = Server::builder().scenario_text("x", text.as_str()).explain(request);
            prop_assert!(explained.is_ok());
        }
    }

    #[test]
    fn any_text_is_read_or_refused_as_a_scenario(text in "(\\PC|[\\n\\t\\r:{}\\[\\]*&!|>'\"-]){0,80}") {
        read(&text);
        read(&format!("scenario: 1\nstubs:\n  - then: {text}\n"));
        read(&format!("scenario: 1\nstubs: {{then: {{text: a, wire: {{{text}}}}}}}\n"));
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn any_body_of_a_request_has_an_answer((target, body) in requests()) {
        let explained = Server::builder().explain(ask(target, body)).unwrap();
        let status = explained.plan.status.as_u16();
        prop_assert!((200..600).contains(&status) && status != 500, "{}", status);
        prop_assert!(!explained.plan.body.is_empty());
    }

    #[test]
    fn a_path_sets_and_takes_away_only_what_it_leads_to(
        path in prop_oneof![
            "\\$((\\.[ab*])|(\\[[0-3-]\\])|(\\[-?[0-2],-?[0-2]\\])|(\\[::-?[12]\\])|(\\[\"[ab/~]\"\\])|(\\.\\.[ab*])|(\\[\\?@\\.a\\])){0,4}",
            "\\$\\PC{0,8}",
            "\\PC{0,8}",
        ],
        value in small_json(),
    ) {
        let Ok(path) = JsonPath::new(&path) else { return Ok(()) };
        let found = path.find(&value).len();
        let mut unset = value.clone();
        let count = path.unset(&mut unset);
        prop_assert!(count <= found);
        prop_assert_eq!(count == 0, unset == value, "{}", path);
        let mut set = value.clone();
        let count = path.set(&mut set, &json!("new"));
        prop_assert!(count > 0 || set == value, "{}", path);
        let mut texts = value.clone();
        path.texts_mut(&mut texts, |text| text.push('x'));
    }

    #[test]
    fn items_that_a_path_names_in_any_order_are_taken_away(at in vec(-4..4_i64, 1..4), length in 0..5_usize) {
        let numbers: Vec<_> = at.iter().map(ToString::to_string).collect();
        let path = JsonPath::new(&format!("$[{}]", numbers.join(","))).unwrap();
        let place = |at: i64| if at < 0 { at + i64::try_from(length).unwrap() } else { at };
        let all = 0..i64::try_from(length).unwrap();
        let kept: Vec<_> = all.filter(|item| !at.iter().any(|at| place(*at) == *item)).collect();
        let mut items: Value = (0..length).collect::<Vec<_>>().into();
        let count = path.unset(&mut items);
        prop_assert_eq!(&items, &json!(kept), "{}", path);
        prop_assert_eq!(count, length - kept.len(), "{}", path);
    }

    #[test]
    fn any_word_is_a_value_that_is_printed_as_it_is_read_or_none(
        word in prop_oneof!["[0-9.]{0,22}(us|ms|s|m|h|B|KB|MB|KiB|MiB|%|/s| )?([0-9.]{0,5}(us|ms|s))?", "\\PC{0,12}", "-?[0-9.e]{0,8}\\.\\.[0-9.e]{0,8}s?"],
    ) {
        fn check<T: Word + ToString + PartialEq + std::fmt::Debug>(word: &str) {
            if let Some(value) = T::from_text(word) {
                let printed = value.to_string();
                assert_eq!(T::from_text(&printed).as_ref(), Some(&value), "{word} is printed as {printed}");
            }
        }
        check::<Size>(&word);
        check::<Rate>(&word);
        check::<Percent>(&word);
        check::<u64>(&word);
        check::<Range<u64>>(&word);
        check::<Range<f64>>(&word);
        check::<Range<Percent>>(&word);
        check::<Period>(&word);
        check::<Range<Period>>(&word);
    }
}

/// JSON of few names.
fn small_json() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(Value::Null), (0..3_i64).prop_map(Value::from), "[ab]{0,2}".prop_map(Value::from)];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(("[ab/~]", inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[tokio::test]
async fn any_body_that_comes_over_a_socket_has_an_answer() {
    let server = Server::builder().unmatched(Unmatched::BuiltIn).start().await.unwrap();
    let client = std::cell::RefCell::new(Raw::connect(server.base_url()));
    let mut runner = proptest::test_runner::TestRunner::new(cases(200));
    let result = runner.run(&(requests(), any_json()), |((target, body), any)| {
        for body in [body, any.to_string()] {
            let mut client = client.borrow_mut();
            client.send(request(&format!("POST {target}"), &[], &body));
            let answer = client.answer();
            prop_assert!((200..600).contains(&answer.status()));
        }
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}
