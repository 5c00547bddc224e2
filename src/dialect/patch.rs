//! What only one dialect can say: members laid over the payload that tells why
//! an answer ended.

use serde_json::{Map, Value};

use super::{
    Dialect, Endpoint,
    event::{Events, Kind, Said},
};
use crate::shelf::{Keep, Progress};

/// The members that an API's answers have, and where they live.
#[derive(Debug)]
pub struct Patches {
    /// Members of the payload itself.
    pub payload: &'static [&'static str],
    /// Members of what ended: a candidate, a message, a response.
    pub inner: &'static [&'static str],
    /// Where that is.
    pub at: Inner,
}

/// Where in a payload what ended stands.
#[derive(Clone, Copy, Debug)]
pub enum Inner {
    /// It is each item of the list of this name.
    Each(&'static str),
    /// It is the member of this name, or where there is none the payload itself.
    In(&'static str),
}

impl Patches {
    /// Whether a member is known.
    pub fn know(&self, name: &str) -> bool {
        self.payload.contains(&name) || self.inner.contains(&name)
    }

    /// All members.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.payload.iter().chain(self.inner).copied()
    }
}

/// The members that the answers of an endpoint have.
pub fn of(dialect: &dyn Dialect, endpoint: Endpoint) -> Option<&'static Patches> {
    dialect.patches().iter().find(|(known, _)| *known == endpoint).map(|(_, patches)| patches)
}

/// Lays a patch on what is said, and on what is kept of it.
pub fn lay_on(said: &mut Said, dialect: &dyn Dialect, endpoint: Endpoint, members: &Map<String, Value>) {
    let mut is_later = false;
    if let (Some(Keep::Put(stored, progress)), Some(patches)) =
        (said.keep.as_deref_mut(), of(dialect, endpoint))
    {
        lay_over(&mut stored.answer, patches, members);
        is_later = *progress != Progress::Done;
    }
    // What is only queued does not tell yet how it ends.
    if !is_later {
        said.events = patch(&said.events, dialect, endpoint, members);
    }
}

/// Lays a patch over every payload that tells why an answer ended, and where none
/// does (in a document about something else, and at Google where the prompt was
/// blocked) over the last.
fn patch(events: &Events, dialect: &dyn Dialect, endpoint: Endpoint, patch: &Map<String, Value>) -> Events {
    let (mut patched, mut is_over) = (Events::expecting(events.len(), events.style()), false);
    let Some(patches) = of(dialect, endpoint) else {
        patched.append(events);
        return patched;
    };
    let ends = |payload: &Value| dialect.read_event(payload).kinds.contains(&Kind::Finish);
    let last = events.len().checked_sub(1);
    for (at, bytes) in events.iter().enumerate() {
        let is_last_hope = Some(at) == last && !is_over;
        match events.payload(at).filter(|payload| is_last_hope || ends(payload)) {
            Some(mut payload) => {
                lay_over(&mut payload, patches, patch);
                patched.json(&payload);
                is_over = true;
            }
            None => patched.bytes(bytes, events.framing(at)),
        }
    }
    patched
}

fn lay_over(payload: &mut Value, patches: &Patches, patch: &Map<String, Value>) {
    for (name, value) in patch {
        if patches.payload.contains(&name.as_str()) {
            put(payload, name, value);
        } else if patches.inner.contains(&name.as_str()) {
            match patches.at {
                Inner::Each(list) => {
                    let items = payload.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
                    items.for_each(|item| put(item, name, value));
                }
                Inner::In(member) if payload[member].is_object() => put(&mut payload[member], name, value),
                Inner::In(_) => put(payload, name, value),
            }
        }
    }
}

fn put(object: &mut Value, name: &str, value: &Value) {
    match (object.as_object_mut(), value) {
        (Some(members), Value::Null) => drop(members.shift_remove(name)),
        (Some(members), value) => merge(members.entry(name).or_insert(Value::Null), value),
        _ => {}
    }
}

/// RFC 7396, but that lists are merged element by element: what stands in a
/// candidate can be reached without saying all of it again.
fn merge(target: &mut Value, patch: &Value) {
    match patch {
        Value::Object(members) => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            members.iter().for_each(|(name, value)| put(target, name, value));
        }
        Value::Array(items) if target.as_array().is_some_and(|found| found.len() >= items.len()) => {
            let found = target.as_array_mut().into_iter().flatten();
            found.zip(items).for_each(|(found, item)| merge(found, item));
        }
        other => *target = other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::dialect::style::Style;

    #[test]
    fn members_go_to_where_they_live() {
        let patches = of(&super::super::gemini::Gemini, Endpoint::Gemini).unwrap();
        let mut payload =
            json!({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]});
        let patch = json!({"groundingMetadata": {"a": 1}, "candidates": [{"index": 3}], "modelVersion": "x"});
        lay_over(&mut payload, patches, patch.as_object().unwrap());
        let expected = json!({"candidates": [{
            "content": {"parts": [{"text": "a"}]}, "finishReason": "STOP",
            "groundingMetadata": {"a": 1}, "index": 3,
        }], "modelVersion": "x"});
        assert_eq!(payload, expected);
    }

    #[test]
    fn a_blocked_prompt_is_patched_though_nothing_ended() {
        let mut events = Events::new(Style::Compact);
        events.json(&json!({"promptFeedback": {"blockReason": "OTHER"}}));
        let members = json!({"promptFeedback": {"blockReasonMessage": "No."}, "finishMessage": "x"});
        let gemini = &super::super::gemini::Gemini;
        let patched = patch(&events, gemini, Endpoint::Gemini, members.as_object().unwrap());
        let expected = json!({"promptFeedback": {"blockReason": "OTHER", "blockReasonMessage": "No."}});
        assert_eq!(patched.payload(0), Some(expected));
    }

    #[test]
    fn null_takes_away() {
        let mut payload =
            json!({"a": 1, "candidates": [{"finishReason": "STOP"}], "usageMetadata": {"b": 1}});
        let patch = json!({"finishReason": null, "usageMetadata": null});
        let patches = of(&super::super::gemini::Gemini, Endpoint::Gemini).unwrap();
        lay_over(&mut payload, patches, patch.as_object().unwrap());
        assert_eq!(payload, json!({"a": 1, "candidates": [{}]}));
    }
}
