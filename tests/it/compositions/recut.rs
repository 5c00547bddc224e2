//! Seeded re-chunking: the same body, cut differently.

use std::{collections::BTreeSet, fs, path::Path};

use mynah::{Server, Unmatched, plan::WirePlan, request::Request, scenario::yaml, server::Builder};
use serde_json::{Value, json};

use super::harmless::unwired;

const SEEDS: [u64; 3] = [1, 2, 99];

/// All shipped scenarios, by their names.
pub(crate) fn shipped() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    all.sort();
    assert!(all.len() > 20);
    all
}

/// All texts that prompts are compared with.
fn prompts(value: &Value, is_prompt: bool, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if is_prompt => drop(into.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| prompts(item, is_prompt, into)),
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| prompts(member, is_prompt || name == "prompt", into));
        }
        _ => {}
    }
}

fn requests(yaml: &str) -> Vec<Request> {
    let mut texts = BTreeSet::from(["Hello".to_owned()]);
    prompts(&yaml::read_value(yaml).unwrap(), false, &mut texts);
    let ask = |target: &str, body: &Value| {
        let mut request = Request::new(http::Method::POST, &target.parse().unwrap(), http::HeaderMap::new());
        request.body = body.to_string().into();
        request
    };
    let all = texts.iter().flat_map(|text| {
        let chat = |stream| {
            let messages = json!([{"role": "user", "content": text}]);
            json!({"model": "gpt-4o", "stream": stream, "messages": messages})
        };
        let contents = json!({"contents": [{"role": "user", "parts": [{"text": text}]}]});
        let gemini = "/v1beta/models/gemini-2.5-flash";
        [
            ask("/v1/chat/completions", &chat(true)),
            ask("/v1/chat/completions", &chat(false)),
            ask("/v1/embeddings", &json!({"model": "text-embedding-3-small", "input": text})),
            ask(&format!("{gemini}:streamGenerateContent?alt=sse"), &contents),
            ask(&format!("{gemini}:streamGenerateContent"), &contents),
            ask(&format!("{gemini}:generateContent"), &contents),
        ]
    });
    // Of the first prompt all, of the others every third: the time is limited.
    all.enumerate().filter(|(at, _)| *at < 6 || at % 5 == 0).map(|(_, request)| request).collect()
}

fn builder(name: &str, yaml: &str) -> Builder {
    Server::builder()
        .seed(7)
        .clock("2026-01-01T00:00:00Z".parse().unwrap())
        .unmatched(Unmatched::BuiltIn)
        .scenario_text(name, yaml)
}

/// Where chunks and writes end.
fn cuts(plan: &WirePlan) -> (Vec<usize>, Vec<usize>) {
    let script = plan.script.as_ref().unwrap();
    (unwired(&script.bytes).1, script.writes.iter().map(|write| write.end).collect())
}

#[test]
fn recut_answers_of_every_shipped_scenario_have_the_same_body() {
    let mut count = 0;
    for (name, yaml) in shipped() {
        for request in requests(&yaml) {
            let plain = builder(&name, &yaml).explain(request.clone()).unwrap().plan;
            let mut ways = BTreeSet::new();
            for seed in SEEDS {
                let recut = builder(&name, &yaml).rechunk(seed).explain(request.clone()).unwrap().plan;
                let place = format!("{name}, {seed}, {}", request.target());
                assert_eq!(recut.payload(), plain.payload(), "{place}");
                let (mut headers, hash) = (recut.headers.clone(), plain.payload().to_string());
                // Refusals and raw answers are not marked by their bodies.
                if let Some(payload) = headers.remove("x-mynah-payload") {
                    assert_eq!(payload, hash.as_str(), "{place}");
                }
                assert_eq!((recut.status, &headers), (plain.status, &plain.headers), "{place}");
                // Refusals and misses are no scripted answers.
                if recut.script.is_none() {
                    continue;
                }
                if plain.script.is_none() {
                    assert_eq!(unwired(&recut.script.as_ref().unwrap().bytes).0, plain.body, "{place}");
                    ways.insert(cuts(&recut));
                    count += 1;
                }
            }
            let is_long = plain.body.len() > 400 && plain.ends.len() > 2;
            assert!(
                ways.len() > 1 || ways.is_empty() || !is_long,
                "{name} {} is never cut",
                request.target()
            );
        }
    }
    assert!(count > 300, "{count}");
}
