//! In what two attempts of a call differ that were to be alike.

use serde_json::Value;

use super::Entry;
use crate::cassette::{
    self, Body, differ,
    key::{Matching, secrets_of},
};

/// Differences that are told.
const MOST: usize = 5;

/// What differs; `None` where nothing does. `name` is `body`, `key`, or a header's.
pub(super) fn differs(name: &str, (before, next): (&Entry, &Entry), matching: &Matching) -> Option<String> {
    let shown =
        |what: &str| Some(format!("{what} of request {} is not that of request {}", next.seq, before.seq));
    match name {
        "body"
            if before.request.body == next.request.body
                && (before.body_length, before.fingerprint) == (next.body_length, next.fingerprint) =>
        {
            None
        }
        "body" => {
            let differences = differ::differences(&compared(before, matching), &compared(next, matching));
            let line = |it: &differ::Difference| {
                let (before, next) = it.shown();
                format!("\n{}: {before} became {next}", it.place)
            };
            let lines: String = differences.iter().take(MOST).map(line).collect();
            Some(format!("the body of request {} is not that of request {}{lines}", next.seq, before.seq))
        }
        "key" => {
            let keys = |entry: &Entry| secrets_of(&entry.request);
            if keys(before) == keys(next) { None } else { shown("the key") }
        }
        header => {
            let values = |entry: &Entry| {
                let values = entry.request.headers.get_all(header).iter();
                values.map(|value| value.as_bytes().to_vec()).collect::<Vec<_>>()
            };
            match (values(before), values(next)) {
                (one, other) if one.is_empty() && other.is_empty() => {
                    Some(format!("request {} and request {} have no `{header}`", before.seq, next.seq))
                }
                (one, other) if one == other => None,
                _ => shown(&format!("`{header}`")),
            }
        }
    }
}

/// The body alone, without secrets.
fn compared(entry: &Entry, matching: &Matching) -> cassette::Asked {
    let body = match serde_json::from_slice::<Value>(&entry.request.body) {
        Ok(json) => Body::Json(json),
        Err(_) => Body::read(entry.request.header("content-type"), &entry.request.body),
    };
    let asked = cassette::Asked { body, ..cassette::Asked::default() };
    matching.compared(asked, &secrets_of(&entry.request))
}
