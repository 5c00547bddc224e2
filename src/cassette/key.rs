//! What requests share that are equal: a hash of all that is asked, whatever the
//! order of members, spacing, the spelling of numbers and names, and secrets.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

use super::{
    Asked, Body,
    redact::request_body,
    secret::{Detector, Put, is_secret_head, is_secret_header, secrets_in},
};
use crate::{
    dialect::{self, Heard, Route},
    identity::{put_json, put_text},
    notation::path::JsonPath,
    request::Request,
};

/// What equal requests share.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 12]);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Key {
    /// As it is written.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut key = Self::default();
        if text.len() != key.0.len() * 2 || !text.is_ascii() {
            return None;
        }
        for (at, byte) in key.0.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
        }
        Some(key)
    }
}

/// By what requests are compared.
#[derive(Clone, Debug, Default)]
pub struct Matching {
    /// Tells what is a secret.
    pub detector: Detector,
    /// What stands there in JSON may differ.
    pub ignored_json: Vec<JsonPath>,
    /// These parameters may differ.
    pub ignored_query: Vec<String>,
}

impl Matching {
    /// A request as it is compared: secrets all alike, parameters in order, JSON as
    /// its API spells it. `known` are the secrets that it was sent with.
    pub fn canonical(&self, mut asked: Asked, known: &[String]) -> Asked {
        if let Body::Json(json) = &mut asked.body {
            let mut request = as_request(&asked.method, &asked.path, &asked.query, &asked.headers);
            if let Some(base) = dialect::base_path(&request) {
                request.path.drain(..base);
            }
            spell(&dialect::identify(&request), &request, json);
        }
        self.compared(asked, known)
    }

    /// The same for one whose JSON is spelt as its API spells it.
    pub fn compared(&self, mut asked: Asked, known: &[String]) -> Asked {
        if let Some(path) = self.detector.text(&asked.path, known, &mut Put::Alike) {
            asked.path = path;
        }
        // A key may come in a header as well.
        asked.query.retain(|(name, _)| {
            !is_secret_head(name) && !self.ignored_query.iter().any(|ignored| ignored == name)
        });
        for (name, value) in &mut asked.query {
            if let Some(redacted) = self.detector.parameter(name, value, known, &mut Put::Alike) {
                *value = redacted;
            }
        }
        asked.query.sort();
        asked.headers.clear();
        request_body(&mut asked.body, &self.detector, known, &mut Put::Alike);
        if let Body::Json(json) = &mut asked.body {
            for path in &self.ignored_json {
                path.unset(json);
            }
        }
        asked
    }

    /// What tells this matching from others: what was recorded by another is to be
    /// hashed anew.
    pub fn fingerprint(&self) -> String {
        let own = self.detector.own();
        let paths =
            |paths: &[JsonPath]| paths.iter().map(|path| path.source().to_owned()).collect::<Vec<_>>();
        let regex: Vec<_> = own.regex.iter().map(|regex| regex.as_str().to_owned()).collect();
        let all = [
            own.query.clone(),
            paths(&own.json),
            regex,
            paths(&self.ignored_json),
            self.ignored_query.clone(),
        ];
        format!("{all:?}")
    }
}

/// The key of a request as it is compared.
pub fn key(asked: &Asked) -> Key {
    let mut canonical = Vec::with_capacity(256 + asked.body.size());
    put_text(&mut canonical, &asked.method);
    put_text(&mut canonical, &asked.path);
    canonical.extend_from_slice(&(asked.query.len() as u64).to_le_bytes());
    for (name, value) in &asked.query {
        put_text(&mut canonical, name);
        put_text(&mut canonical, value);
    }
    match &asked.body {
        Body::None => canonical.push(b'-'),
        Body::Json(json) => put_json(&mut canonical, json),
        Body::Text(text) => {
            canonical.push(b't');
            canonical.extend_from_slice(text.as_bytes());
        }
        Body::Bytes(bytes) => {
            canonical.push(b'b');
            canonical.extend_from_slice(bytes);
        }
        Body::Form(fields) => {
            canonical.push(b'm');
            for field in fields {
                put_text(&mut canonical, &field.name);
                put_text(&mut canonical, field.filename.as_deref().unwrap_or_default());
                put_text(&mut canonical, field.content_type.as_deref().unwrap_or_default());
                canonical.extend_from_slice(&(field.content.len() as u64).to_le_bytes());
                canonical.extend_from_slice(&field.content);
            }
        }
    }
    let mut key = Key::default();
    let length = key.0.len();
    key.0.copy_from_slice(&blake3::hash(&canonical).as_bytes()[..length]);
    key
}

/// Brings JSON into the spelling of its API, as far as the API would read it.
fn spell(route: &Route, request: &Request, json: &mut Value) {
    if route.operation.takes_json() {
        // What it would refuse is spelt as far as it was read.
        drop(route.dialect.read(&Heard::new(route, request), json));
    }
}

/// A recorded request, as far as its dialect is told by it.
pub fn as_request(
    method: &str,
    path: &str,
    query: &[(String, String)],
    headers: &[(String, String)],
) -> Request {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) =
            (http::HeaderName::try_from(name.as_str()), http::HeaderValue::try_from(value.as_str()))
        {
            map.append(name, value);
        }
    }
    Request {
        method: Method::from_bytes(method.as_bytes()).unwrap_or_default(),
        path: path.to_owned(),
        query: query.to_vec(),
        headers: map,
        body: Bytes::new(),
        ..Request::default()
    }
}

impl Asked {
    /// A request as it came.
    pub fn new(request: &Request, body: Body) -> Self {
        let headers = request.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Self {
            method: request.method.as_str().to_owned(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers: headers.collect(),
            body,
        }
    }
}

/// The secrets that a request was sent with, for them to be found wherever else they
/// stand.
pub fn secrets_of(request: &Request) -> Vec<String> {
    let headers = request.headers.iter().filter(|(name, _)| is_secret_header(name.as_str()));
    let headers = headers.filter_map(|(name, value)| Some(secrets_in(name.as_str(), value.to_str().ok()?)));
    let query = request.query.iter().filter(|(name, _)| is_secret_head(name)).map(|(_, value)| value.clone());
    headers.flatten().chain(query).filter(|secret| !secret.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn key_of(path: &str, query: &[(&str, &str)], body: Body) -> Key {
        let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let asked =
            Asked { method: "POST".to_owned(), path: path.to_owned(), query, body, ..Asked::default() };
        let known = ["my-real-key".to_owned()];
        key(&Matching::default().canonical(asked, &known))
    }

    fn gemini(body: Value) -> Key {
        key_of("/v1beta/models/gemini-2.5-flash:generateContent", &[], Body::Json(body))
    }

    #[test]
    fn spelling_does_not_matter_where_the_api_reads_both() {
        let one =
            json!({"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": {"maxOutputTokens": 40}});
        let two = json!({"generation_config": {"max_output_tokens": 40.0}, "contents": [{"parts": [{"text": "hi"}]}]});
        assert_eq!(gemini(one), gemini(two));
        // Names of the user's own are what they are.
        let args = |name: &str| json!({"contents": [{"parts": [{"functionCall": {"name": "f", "args": {name: 1}}}]}]});
        assert_ne!(gemini(args("max_tokens")), gemini(args("maxTokens")));
    }

    #[test]
    fn secrets_do_not_matter_and_all_else_does() {
        let path = "/v1/chat/completions";
        let body =
            |text: &str| Body::Json(json!({"model": "m", "messages": [{"role": "user", "content": text}]}));
        let plain = key_of(path, &[], body("rec G"));
        assert_ne!(plain, key_of(path, &[], body("rec GS")));
        assert_eq!(plain, key_of(path, &[("key", "AIza123")], body("rec G")));
        assert_ne!(plain, key_of(path, &[("alt", "sse")], body("rec G")));
        assert_eq!(key_of(path, &[], body("by sk-1234567890")), key_of(path, &[], body("by my-real-key")));
        assert_eq!(key_of(path, &[], body("by sk-1234567890")), key_of(path, &[], body("by REDACTED-7")));
    }

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let key = gemini(json!({}));
        assert_eq!(Key::from_text(&key.to_string()), Some(key));
        assert_eq!(Key::from_text("zz"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn order_and_spelling_never_matter(
            members in proptest::collection::btree_map("[a-z]{1,6}", any::<i32>(), 0..6),
            text in ".{0,20}",
        ) {
            let forwards: serde_json::Map<_, _> =
                members.iter().map(|(name, number)| (name.clone(), json!(*number))).collect();
            let backwards: serde_json::Map<_, _> =
                members.iter().rev().map(|(name, number)| (name.clone(), json!(f64::from(*number)))).collect();
            let of = |members: serde_json::Map<String, Value>| {
                key_of("/v1/x", &[], Body::Json(json!({"m": members, "t": text})))
            };
            prop_assert_eq!(of(forwards), of(backwards));
        }
    }
}
