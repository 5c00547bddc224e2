//! Replies made by hand, said by a dialect: what the built-in answer has no
//! reason to say.

use bytes::Bytes;
use http::{HeaderMap, Method};
use mynah::{
    dialect::{self, Heard, Occasion},
    identity::{Fingerprint, Identity},
    plan::{self, Marks, Origin, WirePlan},
    reply::{Call, Candidate, Deltas, Embeddings, Finish, Generation, Media, Modality, Part, Reply, Usage},
    request::Request,
};
use serde_json::{Value, json};

/// The plan for this reply to such a request.
pub(crate) fn said(path: &str, mut body: Value, reply: &Reply) -> WirePlan {
    let mut request = Request::new(Method::POST, &path.parse().unwrap(), HeaderMap::new());
    request.body = Bytes::from(body.to_string());
    let route = dialect::identify(&request);
    let ask = route.dialect.read(&Heard::new(&route, &request), &mut body).unwrap();
    let identity = Identity::new(7, Fingerprint::new(route.dialect.name(), &request, Some(&body)), 0);
    let date = http::HeaderValue::from_static("Thu, 01 Jan 2026 00:00:00 GMT");
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let occasion = Occasion { identity: &identity, now, date: &date };
    plan::plan(route.dialect.say(&route, &ask, reply, &occasion), &Origin::new("test"), Marks::Hidden)
}

/// The JSON of each event of a stream of server-sent events.
pub(crate) fn events(plan: &WirePlan) -> Vec<Value> {
    let body = std::str::from_utf8(&plan.body).unwrap();
    body.split("data: ")
        .skip(1)
        .filter(|data| !data.starts_with("[DONE]"))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

pub(crate) fn chat(extra: &str) -> Value {
    let body = format!(r#"{{"model": "m", "messages": [{{"role": "user", "content": "x"}}]{extra}}}"#);
    serde_json::from_str(&body).unwrap()
}

pub(crate) fn reply(parts: Vec<Part>, finish: Finish) -> Reply {
    Reply::Generation(Generation {
        candidates: vec![Candidate { parts, finish, ..Candidate::default() }],
        ..Generation::default()
    })
}

const PLAIN: &str = r#", "stream_options": {"include_obfuscation": false}, "stream": true"#;

fn deltas(plan: &WirePlan) -> Vec<Value> {
    events(plan).iter().map(|event| event["choices"][0]["delta"].clone()).collect()
}

#[test]
fn a_refusal_takes_the_place_of_the_content() {
    let reply = reply(vec![Part::Refusal(Deltas::pieces(["I will", " not."]))], Finish::Stop);
    let whole: Value = serde_json::from_slice(&said("/v1/chat/completions", chat(""), &reply).body).unwrap();
    let message = &whole["choices"][0]["message"];
    assert_eq!((&message["content"], &message["refusal"]), (&json!(null), &json!("I will not.")));
    assert_eq!(
        deltas(&said("/v1/chat/completions", chat(PLAIN), &reply)),
        [
            json!({"role": "assistant", "content": null, "refusal": null}),
            json!({"refusal": "I will"}),
            json!({"refusal": " not."}),
            json!({}),
        ]
    );
}

#[test]
fn parallel_calls_have_an_index_each_and_their_id_once() {
    let call = |name: &str, arguments| Part::Call(Call::new(name, arguments));
    let parts = vec![
        Part::Text(Deltas::pieces(["Let me see."])),
        call("one", json!({"city": "Zürich"})),
        call("two", json!({})),
    ];
    let deltas = deltas(&said("/v1/chat/completions", chat(PLAIN), &reply(parts, Finish::Call)));
    let calls: Vec<_> =
        deltas.iter().filter_map(|delta| delta.get("tool_calls")).map(|calls| &calls[0]).collect();
    assert_eq!(deltas[0], json!({"role": "assistant", "content": "", "refusal": null}));
    for (index, name, arguments) in [(0, "one", r#"{"city":"Zürich"}"#), (1, "two", "{}")] {
        let own: Vec<_> = calls.iter().filter(|call| call["index"] == index).collect();
        assert_eq!((&own[0]["function"]["name"], &own[0]["type"]), (&json!(name), &json!("function")));
        assert!(own[0]["id"].as_str().unwrap().starts_with("call_"));
        assert!(
            own[1..].iter().all(|call| call.get("id").is_none() && call["function"].get("name").is_none())
        );
        let joined: String = own.iter().map(|call| call["function"]["arguments"].as_str().unwrap()).collect();
        assert_eq!(joined, arguments);
    }
}

#[test]
fn a_call_that_comes_first_shares_the_role_s_chunk() {
    let parts = vec![Part::Call(Call::new("f", json!({})))];
    let first = deltas(&said("/v1/chat/completions", chat(PLAIN), &reply(parts, Finish::Call))).remove(0);
    assert_eq!(
        (&first["role"], &first["content"], &first["refusal"]),
        (&json!("assistant"), &json!(null), &json!(null))
    );
    assert_eq!(first["tool_calls"][0]["function"], json!({"name": "f", "arguments": ""}));
}

#[test]
fn gemini_says_thoughts_first_and_counts_them_apart() {
    let parts = vec![Part::Thought(Deltas::pieces(["Hm"])), Part::Text(Deltas::pieces(["Well", ""]))];
    let mut reply = reply(parts, Finish::Length);
    if let Reply::Generation(said) = &mut reply {
        said.usage.thoughts = 1;
        said.usage.output = 9;
    }
    let body = json!({"contents": [{"parts": [{"text": "x"}]}]});
    let events = events(&said("/v1/models/m:streamGenerateContent?alt=sse", body, &reply));
    let part = |at: usize| &events[at]["candidates"][0]["content"]["parts"][0];
    let usage = |at: usize| &events[at]["usageMetadata"];
    assert_eq!(part(0), &json!({"text": "Hm", "thought": true}));
    assert_eq!(
        (usage(0)["thoughtsTokenCount"].clone(), usage(0).get("candidatesTokenCount")),
        (json!(1), None)
    );
    assert_eq!((part(1), &usage(1)["candidatesTokenCount"]), (&json!({"text": "Well"}), &json!(1)));
    assert_eq!((part(2), &usage(2)["candidatesTokenCount"]), (&json!({"text": ""}), &json!(9)));
    let finish: Vec<_> = events.iter().map(|event| event["candidates"][0]["finishReason"].as_str()).collect();
    assert_eq!(finish, [None, None, Some("MAX_TOKENS")]);
}

#[test]
fn an_empty_answer_still_ends() {
    let nothing = reply(Vec::new(), Finish::Length);
    let body = json!({"contents": [{"parts": [{"text": "x"}]}]});
    let gemini = events(&said("/v1/models/m:streamGenerateContent?alt=sse", body, &nothing));
    assert_eq!(
        gemini[0]["candidates"],
        json!([{"content": {"role": "model"}, "finishReason": "MAX_TOKENS", "index": 0}])
    );
    let openai = deltas(&said("/v1/chat/completions", chat(PLAIN), &nothing));
    assert_eq!(openai, [json!({"role": "assistant", "content": "", "refusal": null}), json!({})]);
}

#[test]
fn the_plainest_answer_is_written_like_all_others() {
    let text = "a \"quote\"\n4242424242424242";
    let plain = || vec![Part::Text(Deltas::pieces([text]))];
    let generate = json!({"contents": [{"parts": [{"text": "x"}]}]});
    for (path, body, pointer) in [
        ("/v1/chat/completions", chat(""), "/choices"),
        ("/v1/models/m:generateContent", generate, "/candidates"),
    ] {
        let one = said(path, body.clone(), &reply_of(vec![plain()]));
        let two = said(path, body, &reply_of(vec![plain(), plain()]));
        let (one, mut two) = (json_of(&one), json_of(&two));
        two.pointer_mut(pointer).unwrap().as_array_mut().unwrap().pop();
        assert_eq!(one, two);
        assert_eq!(one.to_string(), two.to_string(), "in another order");
    }
}

fn reply_of(candidates: Vec<Vec<Part>>) -> Reply {
    let candidates = candidates
        .into_iter()
        .map(|parts| Candidate { parts, finish: Finish::Length, ..Candidate::default() })
        .collect();
    let usage = Usage { input: vec![(Modality::Text, 3)], output: 2, ..Usage::default() };
    Reply::Generation(Generation { candidates, usage, ..Generation::default() })
}

fn json_of(plan: &WirePlan) -> Value {
    let body = std::str::from_utf8(&plan.body).unwrap();
    let value: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, serde_json::to_string_pretty(&value).unwrap() + "\n");
    value
}

#[test]
fn gemini_3_signs_the_first_of_its_calls() {
    let call = || Part::Call(Call::new("f", json!({})));
    let body = json!({"contents": [{"parts": [{"text": "x"}]}]});
    let reply = reply(vec![call(), call()], Finish::Call);
    let signed = |model: &str| {
        let whole = json_of(&said(&format!("/v1/models/{model}:generateContent"), body.clone(), &reply));
        let parts = whole["candidates"][0]["content"]["parts"].clone();
        let path = format!("/v1/models/{model}:streamGenerateContent?alt=sse");
        let events = events(&said(&path, body.clone(), &reply));
        for (event, part) in events.iter().zip(parts.as_array().unwrap()) {
            let keys = |part: &Value| part.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(&event["candidates"][0]["content"]["parts"][0]), keys(part));
        }
        [0, 1].map(|at| parts[at]["thoughtSignature"].is_string())
    };
    assert_eq!(signed("gemini-3-pro-preview"), [true, false]);
    assert_eq!(signed("gemini-2.5-pro"), [false, false]);
}

#[test]
fn vectors_are_said_as_they_are() {
    let reply = Reply::Embeddings(Embeddings { vectors: vec![vec![1.0, -0.5], Vec::new()], tokens: 7 });
    let body = |extra: &str| {
        let body = format!(r#"{{"model": "m", "input": "x", "dimensions": 3{extra}}}"#);
        serde_json::from_str(&body).unwrap()
    };
    let floats = json_of(&said("/v1/embeddings", body(""), &reply));
    assert_eq!([0, 1].map(|at| &floats["data"][at]["embedding"]), [&json!([1.0, -0.5]), &json!([])]);
    assert_eq!(floats["usage"], json!({"prompt_tokens": 7, "total_tokens": 7}));
    let base64 = json_of(&said("/v1/embeddings", body(r#", "encoding_format": "base64""#), &reply));
    assert_eq!([0, 1].map(|at| &base64["data"][at]["embedding"]), [&json!("AACAPwAAAL8="), &json!("")]);

    let content = json!({"content": {"parts": [{"text": "x"}]}, "outputDimensionality": 3});
    let one = json_of(&said("/v1/models/m:embedContent", content.clone(), &reply));
    assert_eq!(one, json!({"embedding": {"values": [1.0, -0.5]}}));
    let batch = json!({"requests": [content]});
    let several = json_of(&said("/v1/models/m:batchEmbedContents", batch, &reply));
    assert_eq!(several["embeddings"], json!([{"values": [1.0, -0.5]}, {"values": []}]));
    assert_eq!(several["usageMetadata"]["promptTokenCount"], 7);
}

#[test]
fn a_picture_keeps_its_type() {
    let reply = Reply::Images(vec![Media { mime: "image/webp".into(), content: Bytes::from_static(b"abc") }]);
    let drawn = json_of(&said("/v1/images/generations", json!({"prompt": "x"}), &reply));
    assert_eq!(drawn["data"], json!([{"url": "data:image/webp;base64,YWJj"}]));
    let predicted = json_of(&said("/v1/models/m:predict", json!({"instances": [{"prompt": "x"}]}), &reply));
    assert_eq!(predicted, json!({"predictions": [{"mimeType": "image/webp", "bytesBase64Encoded": "YWJj"}]}));
}
