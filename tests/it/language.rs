//! The language of scenarios: what is printed is read back the same, whatever
//! is written; a stub matches what its conditions were made from; and the schema
//! for editors knows all of it.

use std::{fs, path::Path, sync::Arc};

use mynah::{
    Server,
    scenario::{File, Input, Pattern, Stub, Then, When, decode, error::Source, file, yaml},
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Every condition, in every form.
const WHEN: &[(&str, &[&str])] = &[
    ("api", &["gemini", "[openai, openai.chat, openai.responses, openai.completions, anthropic]"]),
    (
        "operation",
        &["embed", "[generate, count, models, images, speech, transcribe, files, batch, video, other]"],
    ),
    ("stream", &["true", "false"]),
    ("model", &["gpt-4*", "[a, 'b/*']", "{contains: pro}", "{not: {glob: 'x?'}}"]),
    (
        "prompt",
        &["'yes'", "null", "{regex: '(?i)a|b'}", "{all: [{contains: a}, {not: b}]}", "12", "1.5", "true"],
    ),
    ("system", &["{contains: terse}", "{not: null}"]),
    ("turn", &["1", "2..", "[1, {every: 3}]", "..4"]),
    ("tools", &["f", "{all: [a, b]}"]),
    ("tool_result", &["{f: {contains: x}, g: null}"]),
    ("media", &["{glob: 'image/*'}"]),
    ("tokens", &["128001.."]),
    ("method", &["POST"]),
    ("path", &["'*/messages'"]),
    ("query", &["{alt: null, n: 7}"]),
    ("header", &["{X-Tenant: {range: 1..9.5}}"]),
    ("key", &["[sk-a, sk-b]"]),
    ("json", &["{$.n: {range: 2..}, '$.a[0].b': {like: {c: [1, {d: null}]}}, $.e: {is: null}}"]),
    ("attempt", &["1", "{every: 2}"]),
    ("nth", &["{every: 3}", "2..4"]),
    ("chance", &["5%", "0.25%"]),
    ("state", &["{cart: [open, paid]}"]),
    ("http", &["h1", "h2"]),
    ("tls", &["true"]),
    ("nth_on_connection", &["2.."]),
];

/// Every kind of a reply, in every form.
const KINDS: &[(&str, &[&str])] = &[
    (
        "text",
        &[
            "Hello",
            "[Hel, '', \"lo\\u2028\\n\"]",
            "{fill: 1MiB}",
            "{fill: {size: 5, of: ab}}",
            "[{echo: prompt}, {echo: $.model}]",
            "12",
        ],
    ),
    (
        "parts",
        &[
            "[]",
            "{call: {name: f, args: {a: [1, null, {b: 2.5}]}}}",
            "{call: {name: f, id: c1, fragments: ['{\"a\":', '1}']}}",
            "[{thought: t, signature: c2ln}, {refusal: [a, b]}, {code: x}, {code_result: y}, {signature: {fill: 10}}]",
            "[{image: {size: 64x64, mime: image/png}}, {audio: {base64: AAAA}}, {video: {file: a.mp4}}]",
        ],
    ),
    ("json", &["null", "{total: 12.5, lines: [{item: tea}]}", "[1, -2, true, '']", "text"]),
    ("candidates", &["[{text: a}, {json: {b: 1}, finish: length, split: char}, {parts: {text: c}}]"]),
    ("block", &["SAFETY"]),
    ("embedding", &["[1, 0, -0.5]", "[[1, 0], [0.6, 0.8]]"]),
    ("count", &["42"]),
    ("models", &["gpt-4o", "[a, b]"]),
    (
        "error",
        &[
            "503",
            "{status: 402, message: m, gemini: {status: X, details: null}, openai: {code: null}, anthropic: {type: t}}",
            "{status: 429, retry_after: 1500ms}",
            "{status: 429, retry_after: {date: 2s}}",
            "{status: 429, retry_after: {ms: 1.5us}}",
            "{status: 429, retry_after: {info: 2s}}",
            "{status: 429, retry_after: {seconds: 1h}}",
        ],
    ),
    (
        "events",
        &[
            "[]",
            "[{json: null}, {text: x}, {lines: [': a', 'id: 1']}, {raw: [{hex: 00ff}, {base64: AA==}, {random: 8}, {json: [1]}, {fill: 3}, {file: f}]}, {reply: {error: 500}}, {reply: {text: a, finish: stop, usage: {input: 1}, split: whole}}]",
        ],
    ),
    ("raw", &["{}", "{status: 522, headers: {a: b, c: [d, e]}, body: <html>}"]),
    ("cassette", &["chat.yaml", "{file: c.yaml, id: abc}"]),
    ("forward", &["gemini"]),
    ("from", &["below", "built_in"]),
];

/// What may stand beside a kind, in every form.
const BESIDE: &[(&str, &[&str])] = &[
    (
        "finish",
        &["stop", "{exact: eos}", "malformed_call", "refusal", "recitation", "pause", "filter", "call"],
    ),
    ("usage", &["{input: 1, output: 2, thoughts: 3, cached: 4, tool: 5}", "{}"]),
    ("split", &["whole", "word", "token", "char", "{chars: 4}"]),
    ("shape", &["sse", "array", "document"]),
    (
        "pace",
        &[
            "{head: 65s, first: [1s, 2ms], every: {cycle: [0s, 100ms]}, load: 2%}",
            "{first: {uniform: 1s..2s}, every: {normal: {mean: 20ms, sd: 5ms}}, pause: {before: finish, for: 30s}}",
            "{every: {lognormal: {median: 400ms, sigma: 0.6, max: 5s}}, heartbeat: {every: 10s, lines: ': ping'}}",
            "{every: {tokens_per_second: 50}, pause: [{after: text.-1, for: 1s}, {before: [1, 2..4, {where: {$.a: 1}}], for: 2s}]}",
        ],
    ),
    (
        "wire",
        &[
            "{edit: [{insert: {before: 1, lines: ': hi'}}, {drop: [finish, done]}, {repeat: {at: text.1, times: 3}}, {move: {at: 3, before: 2}}, {join: {at: 1..2, by: {hex: 0a}}}, {patch: {set: {$.a: null}, unset: [$.b]}}]}",
            "{write: {at: text.2, style: google, escape: {chars: '<>'}, order: reversed, literal: {$.a: '1,\"a\":2'}, pad: {$..content: 65531}}}",
            "{write: [{style: pretty, escape: ascii}], frame: {at: -1, lines: ['id: 1', event, data], field: error, colon: ':', eol: [crlf, cr, none], blank: 0, newlines: keep, lead: \"[\\n\", tail: x}}",
            "{encode: gzip, carry: close, head: {status: 200, reason: Fine, version: '1.0', headers: {Connection: close, date: null, n: 5, l: [a, b], big: {fill: 9}}, interim: [{status: 103, headers: {link: x}}]}}",
            "{encode: {as: br, flush: 1KiB, damage: {in: 3, byte: 12, put: {hex: ff}}}, carry: {as: chunked, lie: -5, join: all, cut: [{in: body, every: 1}, {in: body, random: 9}], sizes: {chunk: all, put: \"zz\\r\\n\"}, trailers: {x: y}}}",
            "{head: {raw: 'ICY 200 OK'}, send: {cut: [{in: text.1, char: 1, gap: 50ms}, {after: all}, {in: head, line: all}], join: [head, 1], rate: 10KB/s}}",
            "{end: {after: text.1, hold: forever}}",
            "{end: {in: 2, find: x, nth: 2, offset: -1, hold: 60s, put: {random: 64}, how: reset, code: CANCEL, scope: connection}}",
            "{end: {before: head, how: goaway, last: before, notify: false}}",
        ],
    ),
    ("times", &["3"]),
    ("set", &["{cart: paid}"]),
    ("gemini", &["{groundingMetadata: {a: 1}}"]),
    ("openai", &["{service_tier: null}"]),
    ("anthropic", &["{usage: {}}"]),
];

/// What else stands in a stub.
const STUB: &[(&str, &[&str])] = &[
    ("name", &["primary", "主"]),
    ("per", &["session", "call", "key", "model", "connection", "{header: x-user}"]),
    ("at_end", &["repeat", "cycle", "next"]),
    ("early", &["{after: 64KiB, rest: close}", "{after: head, rest: ignore}"]),
    ("lenient", &["true"]),
    (
        "expect",
        &[
            "{requests: 3, calls: 1.., attempts: ..3, gaps: [0.4s..0.6s, 0.8s..], retry_after: obeyed, same: [body, key], left: never, connections: 2, concurrent: 1}",
            "{gaps: {backoff: {base: 500ms, factor: 2.5, cap: 8s, jitter: -25%..0%}}, retry_after: ignored, left: ..5s}",
            "{gaps: 2s..}",
        ],
    ),
];

/// What else stands in a file.
const FILE: &[(&str, &[&str])] = &[
    ("name", &["cut", "\"a: b #c\""]),
    ("about", &["Cut early."]),
    ("tags", &["a", "[a, b]"]),
    ("seed", &["7"]),
    ("defaults", &["{when: {model: m}, then: {pace: {every: 20ms}}}"]),
    ("states", &["{cart: empty}"]),
    ("models", &["[gpt-4o]"]),
    (
        "limits",
        &[
            "{per: key, requests: 3, within: 1m}",
            "[{name: n, when: {stream: true}, tokens: 100, then: {error: 402}}, {cost: 1.5}, {concurrent: 2}]",
        ],
    ),
    ("connections", &["[{do: reset, times: 2}, {wait: 300ms, do: hang, read: 1KB/s}]"]),
    ("expect", &["{requests: 1.., calls: 2, concurrent: ..4, unmatched: 0, order: [a, b]}"]),
    ("let", &["{slow: {first: 3s}}"]),
];

fn read(yaml: &str) -> File {
    let source = Arc::new(Source { name: "x.yaml".to_owned(), text: yaml.to_owned() });
    let mut trees = yaml::read(&source).unwrap_or_else(|problem| panic!("{problem}"));
    let (document, problems) = decode::document(&source, trees.remove(0));
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    document.whole().unwrap_or_else(|| panic!("{}\n{yaml}", told.join("\n")))
}

/// Some of these keys, each in one of its forms.
fn some(table: &'static [(&'static str, &'static [&'static str])]) -> impl Strategy<Value = Vec<String>> {
    let keys: Vec<_> = table.iter().map(|(key, forms)| form(key, forms)).collect();
    keys.into_iter()
        .map(|key| proptest::option::weighted(0.3, key))
        .collect::<Vec<_>>()
        .prop_map(|keys| keys.into_iter().flatten().collect())
}

fn form(key: &'static str, forms: &'static [&'static str]) -> BoxedStrategy<String> {
    proptest::sample::select(forms).prop_map(move |form| format!("{key}: {form}")).boxed()
}

fn reply() -> impl Strategy<Value = String> {
    let kind = proptest::sample::select(KINDS).prop_flat_map(|(key, forms)| form(key, forms));
    (kind, some(BESIDE))
        .prop_map(|(kind, beside)| format!("{{{}}}", [vec![kind], beside].concat().join(", ")))
}

fn stub() -> impl Strategy<Value = String> {
    let when = proptest::collection::vec(some(WHEN), 0..3);
    let then = proptest::collection::vec(reply(), 1..3);
    (when, then, some(STUB)).prop_map(|(when, then, beside)| {
        let maps: Vec<_> = when.iter().map(|keys| format!("{{{}}}", keys.join(", "))).collect();
        let when = if maps.is_empty() { vec![] } else { vec![format!("when: [{}]", maps.join(", "))] };
        let then = vec![format!("then: [{}]", then.join(", "))];
        format!("{{{}}}", [when, then, beside].concat().join(", "))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_scenario_read_back_is_the_same(
        stubs in proptest::collection::vec(stub(), 1..3),
        keys in some(FILE),
    ) {
        let keys: String = keys.iter().map(|key| format!("{key}\n")).collect();
        let file = read(&format!("scenario: 1\n{keys}stubs: [{}]\n", stubs.join(", ")));
        let printed = yaml::write(&file).unwrap();
        prop_assert_eq!(&read(&printed), &file, "{}", printed);
        let errors = errors(&serde_json::to_value(&file).unwrap());
        prop_assert!(errors.is_empty(), "{errors:#?}\n{printed}");
    }

    #[test]
    fn any_text_is_printed_so_that_it_is_read_back(text in any::<String>()) {
        let stub = Stub::when(When::default().prompt(text.as_str())).then(Then::text(text.as_str()));
        let file = File { name: Some(text), stubs: stub.into(), ..File::default() };
        let printed = yaml::write(&file).unwrap();
        prop_assert_eq!(&read(&printed), &file, "{}", printed);
    }

    #[test]
    fn a_stub_matches_what_its_conditions_were_made_from(
        model in "[a-z0-9.:-]{1,12}",
        prompt in "\\PC{1,40}",
        system in "\\PC{1,20}",
        tenant in "[!-~]{1,12}",
        number in any::<i32>(),
        keys in proptest::collection::vec(any::<bool>(), 8),
        cut in any::<prop::sample::Index>(),
    ) {
        let body = json!({
            "model": model, "seed": number,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": prompt}],
        });
        let piece: String = prompt.chars().skip(cut.index(prompt.chars().count())).collect();
        let all = [
            json!({"model": model}),
            json!({"prompt": prompt}),
            json!({"prompt": {"contains": piece}}),
            json!({"prompt": {"regex": format!("^{}$", regex::escape(&prompt))}}),
            json!({"system": {"all": [system, {"not": null}]}}),
            json!({"header": {"X-Tenant": tenant}}),
            json!({"json": {"$.seed": number, "$.messages.*.content": {"is": prompt}}}),
            json!({"api": ["gemini", "openai.chat"], "turn": 1, "tools": null, "stream": false}),
        ];
        let mut when = serde_json::Map::new();
        for (condition, _) in all.iter().zip(&keys).filter(|(_, is_taken)| **is_taken) {
            when.extend(condition.as_object().unwrap().clone());
        }
        // A number that JSON knows, but a text of digits is not what was asked for.
        prop_assume!(!is_number(&prompt) && !is_number(&system) && !is_number(&tenant) && !is_number(&model));
        let file = json!({"scenario": 1, "name": "t", "stubs": [{"when": when, "then": {"text": "ok"}}]});
        let mut headers = http::HeaderMap::new();
        headers.insert("x-tenant", tenant.parse().unwrap());
        let uri = "/v1/chat/completions".parse().unwrap();
        let mut request = mynah::request::Request::new(http::Method::POST, &uri, headers);
        request.body = body.to_string().into();
        let server = Server::builder().scenario_text("t", file.to_string());
        let explained = server.explain(request).unwrap_or_else(|error| panic!("{error}"));
        prop_assert!(explained.considered[0].differs.is_empty(), "{:?}", explained.considered);
        prop_assert_eq!(explained.plan.headers["x-mynah-answer"].to_str().unwrap(), "stub");
    }
}

fn is_number(text: &str) -> bool {
    text.trim().parse::<f64>().is_ok()
}

fn errors(scenario: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(&file::schema()).unwrap();
    validator.iter_errors(scenario).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn every_form_of_every_key_is_read_and_known_to_the_schema() {
    let mut files = Vec::new();
    let mut add = |yaml: String| files.push(format!("scenario: 1\n{yaml}"));
    for (key, form) in forms(FILE) {
        add(format!("{key}: {form}\nstubs: {{then: {{text: a}}}}"));
    }
    for (key, form) in forms(STUB) {
        add(format!("stubs: {{then: {{text: a}}, {key}: {form}}}"));
    }
    for (key, form) in forms(WHEN) {
        add(format!("stubs: {{when: {{{key}: {form}}}, then: {{text: a}}}}"));
    }
    for (key, form) in forms(KINDS).chain(forms(BESIDE)) {
        add(format!("stubs: {{then: {{{key}: {form}}}}}"));
    }
    for yaml in files {
        read(&yaml);
        let raw = yaml::read_value(&yaml).unwrap();
        let errors = errors(&raw);
        assert!(errors.is_empty(), "{errors:#?}\n{yaml}");
    }
}

fn forms(
    table: &'static [(&'static str, &'static [&'static str])],
) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.iter().flat_map(|(key, forms)| forms.iter().map(|form| (*key, *form)))
}

#[test]
fn the_schema_knows_what_is_wrong() {
    for yaml in [
        "scenario: 2\nstubs: {then: {text: a}}",
        "scenario: 1",
        "scenario: 1\nstubs: {then: {text: a}, whem: {}}",
        "scenario: 1\nstubs: {when: {promt: x}, then: {text: a}}",
        "scenario: 1\nstubs: {then: {text: a, pace: {first: soon}}}",
        "scenario: 1\nstubs: {then: {error: 200}}",
        "scenario: 1\nstubs: {when: {api: openia}, then: {text: a}}",
    ] {
        assert!(!errors(&yaml::read_value(yaml).unwrap()).is_empty(), "{yaml}");
    }
}

#[test]
fn the_shipped_schema_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/scenario.schema.json");
    let printed = format!("{:#}\n", file::schema());
    if std::env::var_os("MYNAH_BLESS").is_some() {
        fs::write(&path, &printed).unwrap();
    }
    let shipped = fs::read_to_string(&path).unwrap_or_default();
    assert!(shipped == printed, "run MYNAH_BLESS=1 cargo test, and look at what changed");
}

#[test]
fn shared_pieces_are_merged() {
    let file = read(
        "scenario: 1\nlet: {tidy: &tidy {first: 200ms, every: 20ms}}\nstubs:\n- {then: {text: a, pace: {<<: *tidy, first: 2s}}}\n",
    );
    let pace = file.stubs.0[0].then.0[0].pace.clone().unwrap();
    let shown = serde_json::to_value(pace).unwrap();
    assert_eq!(shown, json!({"first": "2s", "every": "20ms"}));
}

#[test]
fn an_integer_is_a_text_as_it_is_written() {
    let file = read("scenario: 1\nname: 007\nstubs: {when: {model: 4}, then: {text: 0x1F}}");
    assert_eq!(file.name.as_deref(), Some("007"));
    assert_eq!(file.stubs.0[0].then.0[0], Then::text("0x1F"));
}

#[test]
fn a_null_is_a_pattern_and_no_missing_key() {
    let file = read("scenario: 1\nstubs: {when: {prompt: null, tools: ~}, then: {text: a}}");
    let when = &file.stubs.0[0].when.as_ref().unwrap().0[0];
    assert_eq!((&when.prompt, &when.tools), (&Some(Pattern::Absent), &Some(Pattern::Absent)));
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let text = "scenario: 1\nname: t\nstubs:\n- {when: {promt: a, modle: b}, then: {txt: a}}\n- {when: {prompt: a}}\n- {then: {text: a, pace: {first: 5}}}\n";
    let source = Arc::new(Source { name: "x.yaml".to_owned(), text: text.to_owned() });
    let input = Input::new(source, Box::new(|_| Err("none".to_owned())));
    let (_, problems) = mynah::scenario::read(&[input]);
    let lines: Vec<_> =
        problems.0.iter().map(|problem| (problem.place.line, problem.message.clone())).collect();
    let told = |line, word: &str| lines.iter().any(|(at, message)| *at == line && message.contains(word));
    for (line, word) in [
        (4, "`promt`, did you mean `prompt`"),
        (4, "`modle`"),
        (4, "`txt`"),
        (5, "`then` is missing"),
        (6, "a duration"),
    ] {
        assert!(told(line, word), "{line} {word}: {lines:#?}");
    }
}
