//! What is a secret: by the name that it stands behind, by its shape, and by the
//! user's own rules. And what takes its place.

use std::{borrow::Cow, collections::HashMap, ops::Range, sync::LazyLock};

use regex::Regex;
use serde_json::Value;

use crate::{notation::path::JsonPath, redact::SHAPES};

/// What takes a secret's place, with a number behind it in recordings.
pub const PLACEHOLDER: &str = "REDACTED";

/// Characters that a secret must have to be looked for wherever it may stand: the
/// `test` that many send for a key is a word like others.
pub const SHORTEST_KNOWN: usize = 8;

/// Bytes of the shortest text in which a shape or a name with a secret is found.
const SHORTEST: usize = 8;

/// Names of headers, parameters and JSON members behind which secrets stand: small
/// letters and digits alone, as the end of the name.
const NAMES: [&str; 22] = [
    "encryptionkey",
    "pwd",
    "apikey",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "authtoken",
    "sessiontoken",
    "securitytoken",
    "bearertoken",
    "apitoken",
    "clientsecret",
    "secretkey",
    "accesskey",
    "privatekey",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "authorization",
    "credential",
    "credentials",
];

/// More of them, where only headers or parameters are so called.
const HEADS: [&str; 8] = ["key", "token", "cookie", "setcookie", "signature", "sig", "auth", "xtoken"];

/// How the names of more headers end.
const ENDS: [&str; 5] = ["key", "token", "auth", "cookie", "signature"];

/// Names in a text that is no JSON, or JSON inside of a text: `api_key=…`,
/// `"password": "…"`, with any backslashes in front of the quotes.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?i)([\w-]*?(?:api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|encryption[_-]?key|secret|token|password|passwd|passphrase"#,
        r#"|credentials?|authorization|signature|x-[\w-]*key|cookie))"#,
        r#"(?:(?:\\*["']\s*[:=]\s*|\s*[:=]\s*)\\*["']([^"'\\\r\n]{4,})|(?:=|\s*:\s+)([^\s"'\\&,;<>$(){}\[\]]{6,}))"#,
    ))
    .ok()
});

static SHAPED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(SHAPES).ok());

/// A placeholder with its number.
static NUMBERED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"REDACTED-\d+").ok());

/// Makes the expressions ready, which takes a while: before anybody waits for them.
pub fn prepare() {
    for expression in [&SHAPED, &NAMED, &NUMBERED] {
        LazyLock::force(expression).as_ref().map(|regex| regex.is_match("sk-0"));
    }
}

/// Whether secrets stand behind this name of a JSON member.
pub fn is_secret_member(name: &str) -> bool {
    let plain = plain(name);
    NAMES.iter().any(|secret| plain.ends_with(secret))
}

/// Whether secrets stand behind this name of a header.
pub fn is_secret_header(name: &str) -> bool {
    let plain = plain(name);
    let is_so_called = ENDS.iter().any(|end| plain.ends_with(end)) && plain != "idempotencykey";
    is_so_called || is_secret_head(name)
}

/// Whether secrets stand behind this name of a parameter.
pub fn is_secret_head(name: &str) -> bool {
    let plain = plain(name);
    NAMES.iter().any(|secret| plain.ends_with(secret))
        || HEADS.contains(&plain.as_str())
        || plain.ends_with("signature")
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// A user's own rules.
#[derive(Clone, Debug, Default)]
pub struct OwnRules {
    /// Headers, by their names in small letters.
    pub headers: Vec<String>,
    /// Parameters of the query.
    pub query: Vec<String>,
    /// What stands there in JSON.
    pub json: Vec<JsonPath>,
    /// What looks so; a group of the expression is the secret, or all of it.
    pub regex: Vec<Regex>,
}

/// What takes the place of secrets, each its own.
#[derive(Debug, Default)]
pub struct Placeholders {
    numbers: HashMap<String, u32>,
    taken: u32,
    /// How often one was put.
    pub put: u64,
}

impl Placeholders {
    /// Numbers that are taken already.
    pub fn above(taken: u32) -> Self {
        Self { taken, ..Self::default() }
    }

    /// What stands for this secret.
    pub fn of(&mut self, secret: &str) -> String {
        self.put += 1;
        let next = self.taken + 1;
        let number = *self.numbers.entry(secret.to_owned()).or_insert(next);
        self.taken = self.taken.max(number);
        format!("{PLACEHOLDER}-{number}")
    }
}

/// Where placeholders come from.
pub enum Put<'a> {
    /// Each secret has its own.
    Numbered(&'a mut Placeholders),
    /// All are the same, for requests to be compared by.
    Alike,
    /// None is put: what is found is told.
    Collect(&'a mut Vec<String>),
}

impl Put<'_> {
    fn of(&mut self, secret: &str) -> String {
        match self {
            Put::Numbered(placeholders) => placeholders.of(secret),
            Put::Alike => PLACEHOLDER.to_owned(),
            Put::Collect(found) => {
                found.push(secret.to_owned());
                PLACEHOLDER.to_owned()
            }
        }
    }

    /// A text that is a secret as a whole; `None` where it is a placeholder already.
    fn whole<'t>(&mut self, text: &'t str) -> Option<Cow<'t, str>> {
        if text.is_empty() {
            return None;
        }
        if is_placeholder(text) {
            return matches!(self, Put::Alike).then(|| PLACEHOLDER.into());
        }
        Some(self.of(text).into())
    }
}

/// The highest number of a placeholder in a text.
pub fn highest_number(text: &str) -> Option<u32> {
    let numbered = NUMBERED.as_ref()?.find_iter(text);
    numbered.filter_map(|found| found.as_str().rsplit('-').next()?.parse().ok()).max()
}

/// Whether a text is a placeholder and nothing else.
pub fn is_placeholder(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(PLACEHOLDER) else { return false };
    rest.is_empty()
        || rest.strip_prefix('-').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Tells what is a secret.
#[derive(Clone, Debug, Default)]
pub struct Detector {
    own: OwnRules,
}

impl Detector {
    /// With a user's own rules beside the usual ones.
    pub fn new(own: OwnRules) -> Self {
        Self { own }
    }

    /// The user's own rules.
    pub fn own(&self) -> &OwnRules {
        &self.own
    }

    /// Where the secrets lie in a text, in their order; those that overlap are one.
    pub fn spans(&self, text: &str, known: &[String]) -> Vec<Range<usize>> {
        let mut spans = self.sure_spans(text, known);
        // Nothing shorter is found by the rest.
        let is_long = text.len() >= SHORTEST;
        if let Some(shaped) = SHAPED.as_ref().filter(|_| is_long) {
            spans.extend(groups(shaped, text).filter(|span| is_random(&text[span.clone()])));
        }
        if let Some(named) = NAMED.as_ref().filter(|_| is_long) {
            // Without quotes it may be any word.
            let found = named.captures_iter(text).filter(|found| !is_mark(&found[1]));
            let found = found.filter_map(|found| match (found.get(2), found.get(3)) {
                (Some(quoted), _) => Some(quoted.range()),
                (_, bare) => bare.map(|bare| bare.range()).filter(|span| has_digit(&text[span.clone()])),
            });
            spans.extend(found);
        }
        joined(spans, text)
    }

    /// Those that are known, or that the user's own rules name.
    fn sure_spans(&self, text: &str, known: &[String]) -> Vec<Range<usize>> {
        let mut spans = Vec::new();
        for secret in known.iter().filter(|secret| secret.len() >= SHORTEST_KNOWN) {
            spans.extend(text.match_indices(secret.as_str()).map(|(at, found)| at..at + found.len()));
        }
        for regex in &self.own.regex {
            spans.extend(groups(regex, text));
        }
        spans
    }

    /// A text without its secrets; `None` where it has none.
    pub fn text(&self, text: &str, known: &[String], put: &mut Put<'_>) -> Option<String> {
        let spans = if text.len() < 4 { Vec::new() } else { self.spans(text, known) };
        without(text, &spans, put)
    }

    /// A value that stands behind a name of a header.
    pub fn header(&self, name: &str, value: &str, known: &[String], put: &mut Put<'_>) -> Option<String> {
        let is_own = self.own.headers.iter().any(|known| known.eq_ignore_ascii_case(name));
        if !is_own && !is_secret_header(name) {
            return self.text(value, known, put);
        }
        let (scheme, secret) = scheme_of(name, value);
        put.whole(secret).map(|placeholder| format!("{scheme}{placeholder}"))
    }

    /// A value that stands behind a name of a parameter.
    pub fn parameter(&self, name: &str, value: &str, known: &[String], put: &mut Put<'_>) -> Option<String> {
        let is_own = self.own.query.iter().any(|known| known.eq_ignore_ascii_case(name));
        if !is_own && !is_secret_head(name) {
            return self.text(value, known, put);
        }
        put.whole(value).map(Cow::into_owned)
    }

    /// JSON without its secrets; whether there were any.
    pub fn json(&self, json: &mut Value, known: &[String], put: &mut Put<'_>) -> bool {
        let mut found = false;
        for path in &self.own.json {
            path.values_mut(json, |value| {
                let text = match &*value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                if let Some(placeholder) = put.whole(&text) {
                    *value = Value::from(&*placeholder);
                    found = true;
                }
            });
        }
        // All of them are to be replaced, whatever was found before.
        self.leaves(json, None, known, put) | found
    }

    fn leaves(&self, json: &mut Value, name: Option<&str>, known: &[String], put: &mut Put<'_>) -> bool {
        match json {
            Value::String(text) => {
                let redacted = self.leaf(name, text, known, put);
                let is_found = redacted.is_some();
                if let Some(redacted) = redacted {
                    *text = redacted;
                }
                is_found
            }
            Value::Number(number) if name.is_some_and(is_secret_member) => {
                let text = number.to_string();
                put.whole(&text).map(|placeholder| *json = Value::from(&*placeholder)).is_some()
            }
            // The schema of a secret says what it is, and not which.
            Value::Object(members) if name.is_some_and(is_secret_member) && !members.contains_key("type") => {
                let mut found = false;
                for value in members.values_mut() {
                    found |= self.leaves(value, name, known, put);
                }
                found
            }
            Value::Array(items) => {
                let mut found = false;
                for item in items {
                    found |= self.leaves(item, name, known, put);
                }
                found
            }
            Value::Object(members) => {
                let mut found = false;
                for (name, value) in members {
                    found |= self.leaves(value, Some(name), known, put);
                }
                found
            }
            _ => false,
        }
    }

    /// A text behind a member's name.
    pub fn leaf(
        &self,
        name: Option<&str>,
        text: &str,
        known: &[String],
        put: &mut Put<'_>,
    ) -> Option<String> {
        let is_secret =
            name.is_some_and(|name| is_secret_member(name) || (name == "token" && is_token(text)));
        if is_secret {
            return put.whole(text).map(Cow::into_owned);
        }
        if is_base64(text) {
            return without(text, &joined(self.sure_spans(text, known), text), put);
        }
        self.text(text, known, put)
    }
}

/// `Bearer`, `Basic`: what stands in front of the secret of an authorization.
fn scheme_of<'v>(name: &str, value: &'v str) -> (&'v str, &'v str) {
    let plain = plain(name);
    match value.split_once(' ') {
        Some((scheme, rest))
            if (plain.ends_with("authorization") || plain.ends_with("auth"))
                && scheme.chars().all(|c| c.is_ascii_alphabetic()) =>
        {
            (&value[..=scheme.len()], rest.trim())
        }
        _ => ("", value.trim()),
    }
}

/// The secrets in a header's value: all of it, or each of its cookies.
pub fn secrets_in(name: &str, value: &str) -> Vec<String> {
    if plain(name).ends_with("cookie") {
        let values = value.split(';').filter_map(|pair| pair.split_once('='));
        return values.map(|(_, value)| value.trim().to_owned()).collect();
    }
    vec![scheme_of(name, value).1.to_owned()]
}

/// A text with placeholders in these places.
fn without(text: &str, spans: &[Range<usize>], put: &mut Put<'_>) -> Option<String> {
    let numbered = if matches!(put, Put::Alike) && text.contains(PLACEHOLDER) {
        NUMBERED.as_ref().filter(|numbered| numbered.is_match(text))
    } else {
        None
    };
    if spans.is_empty() && numbered.is_none() {
        return None;
    }
    let (mut out, mut start) = (String::with_capacity(text.len()), 0);
    for span in spans {
        out.push_str(&text[start..span.start]);
        out.push_str(&put.of(&text[span.clone()]));
        start = span.end;
    }
    out.push_str(&text[start..]);
    Some(
        numbered.map_or_else(|| out.clone(), |numbered| numbered.replace_all(&out, PLACEHOLDER).into_owned()),
    )
}

/// Spans in their order, those that overlap as one; what is a placeholder already is
/// none.
fn joined(mut spans: Vec<Range<usize>>, text: &str) -> Vec<Range<usize>> {
    // A scheme may stand in front of a placeholder.
    let is_put = |span: &Range<usize>| text[span.clone()].rsplit(' ').next().is_some_and(is_placeholder);
    spans.retain(|span| !span.is_empty() && !is_put(span));
    spans.sort_by_key(|span| (span.start, span.end));
    let mut joined: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match joined.last_mut().filter(|last| span.start < last.end) {
            Some(last) => last.end = last.end.max(span.end),
            None => joined.push(span),
        }
    }
    joined
}

/// The matches of an expression: their groups, or all of them.
fn groups<'a>(regex: &'a Regex, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    regex.captures_iter(text).filter_map(|found| {
        let group = found.iter().skip(1).flatten().next();
        group.or(found.get(0)).map(|found| found.range())
    })
}

/// Whether it is drawn by luck rather than written by hand: words have no digits.
fn is_random(text: &str) -> bool {
    text.len() >= 24 || text.bytes().any(|byte| byte.is_ascii_digit()) || text.contains("PRIVATE")
}

/// Whether a name is that of a token that marks a place and opens no door.
fn is_mark(name: &str) -> bool {
    let plain = plain(name);
    ["pagetoken", "continuationtoken", "synctoken", "nexttoken"].iter().any(|mark| plain.ends_with(mark))
}

/// Whether what is called a token is one that opens doors, and none that a model
/// speaks in.
fn is_token(text: &str) -> bool {
    text.len() >= 16 && has_digit(text) && !text.contains(char::is_whitespace)
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Bytes of a text that is base64 and nothing else at the least.
const SHORTEST_BASE64: usize = 256;

/// Whether a text is a picture, a sound or a signature: in so many letters anything
/// may be found by chance.
pub fn is_base64(text: &str) -> bool {
    text.len() >= SHORTEST_BASE64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'='))
        && !text.starts_with("sk-")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redacted(text: &str) -> String {
        let mut placeholders = Placeholders::default();
        let known = ["hunter2-hunter2".to_owned()];
        let put = &mut Put::Numbered(&mut placeholders);
        Detector::default().text(text, &known, put).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn secrets_of_every_shape_are_found_in_a_text() {
        for secret in [
            "AIzaSyA1234567890abcdefghijklmnopqrstuv",
            "sk-proj-S3CRET0123456789",
            "sk-ant-api03-S3CRET_abc-123",
            "ya29.a0AfH6SMB",
            "AQ.Ab8RN6IabcdefghijklmNOPQ",
            "gsk_1234567890abcdefghij",
            "hf_1234567890abcdefghijKL",
            "ghp_1234567890abcdefghijKL",
            "xoxb-1234567890-abcdef",
            "AKIAIOSFODNN7EXAMPLE",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF_1",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
            "hunter2-hunter2",
        ] {
            assert_eq!(redacted(&format!("a {secret} b")), "a REDACTED-1 b", "{secret}");
        }
        assert_eq!(redacted("with Bearer abc123def"), "with Bearer REDACTED-1");
        assert_eq!(redacted("https://me:pa55word@host/"), "https://me:REDACTED-1@host/");
        assert_eq!(redacted(r#"{"password": "hunter2"}"#), r#"{"password": "REDACTED-1"}"#);
        assert_eq!(redacted("http://x/y?id_token=hunter2cQ7"), "http://x/y?id_token=REDACTED-1");
        assert_eq!(redacted("x-api-key: abcdef1234567890"), "x-api-key: REDACTED-1");
        assert_eq!(redacted("Authorization: Basic dXNlcjpwYXNzd29yZA=="), "Authorization: Basic REDACTED-1");
        assert_eq!(redacted(r#"{\"api_key\":\"abcdef\"}"#), r#"{\"api_key\":\"REDACTED-1\"}"#);
    }

    #[test]
    fn words_are_no_secrets() {
        for text in [
            "a task-force with sk-learn, a risk_assessment",
            "Bearer authentication is used",
            "the secret: be kind; password: see below",
            r#"{\"nextPageToken\": \"CAEQmAE1\"} page_token=CAEQmAE1"#,
            "client = OpenAI(api_key=os.environ[\"OPENAI_API_KEY\"])",
            "password = input(\"Password: \")",
            "api_key=YOUR_API_KEY password=<password> OPENAI_API_KEY=$OPENAI_API_KEY",
            "max_tokens=17 and 3 tokens",
            "http://localhost:8080/a@b",
        ] {
            assert_eq!(redacted(text), text);
        }
        assert!(!is_secret_member("max_tokens") && !is_secret_member("nextPageToken"));
        assert!(!is_secret_member("token") && !is_secret_head("x-ratelimit-remaining-tokens"));
        assert!(is_secret_head("X-Goog-Api-Key") && is_secret_head("Set-Cookie") && is_secret_head("key"));
        assert!(!is_secret_header("idempotency-key") && !is_secret_header("x-ratelimit-limit-tokens"));
        assert!(is_secret_header("Ocp-Apim-Subscription-Key") && is_secret_header("helicone-auth"));
    }

    #[test]
    fn one_secret_has_one_placeholder() {
        let mut placeholders = Placeholders::above(3);
        let mut body =
            json!({"api_key": "abc", "n": ["sk-12345678", {"token": "The"}], "text": "is sk-12345678"});
        let found = Detector::default().json(&mut body, &[], &mut Put::Numbered(&mut placeholders));
        assert!(found);
        assert_eq!(
            body,
            json!({"api_key": "REDACTED-4", "n": ["REDACTED-5", {"token": "The"}], "text": "is REDACTED-5"})
        );
        let mut again = body.clone();
        assert!(!Detector::default().json(&mut again, &[], &mut Put::Numbered(&mut placeholders)));
        Detector::default().json(&mut again, &[], &mut Put::Alike);
        assert_eq!(again["text"], "is REDACTED");
    }

    #[test]
    fn own_rules_reach_any_value() {
        let own = OwnRules {
            json: vec![JsonPath::new("$.users[*].id").unwrap()],
            regex: vec![Regex::new("acct=([a-z]+)").unwrap()],
            ..OwnRules::default()
        };
        let mut body = json!({"users": [{"id": 7}, {"id": "me"}, {"id": 7}], "text": "acct=abc"});
        Detector::new(own).json(&mut body, &[], &mut Put::Numbered(&mut Placeholders::default()));
        assert_eq!(
            body,
            json!({"users": [{"id": "REDACTED-1"}, {"id": "REDACTED-2"}, {"id": "REDACTED-1"}], "text": "acct=REDACTED-3"})
        );
    }
}
