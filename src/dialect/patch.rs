//! What only one dialect can say: members laid over the payload that tells why
//! an answer ended.

use serde_json::{Map, Value};

use super::{
    Dialect,
    event::{Events, Kind},
};

/// The members that a dialect knows, and where they live.
#[derive(Debug)]
pub struct Patches {
    /// Members of the payload itself.
    pub payload: &'static [&'static str],
    /// Members of the candidate that ended.
    pub candidate: &'static [&'static str],
    /// What the list of candidates is called.
    pub candidates: &'static str,
}

impl Patches {
    /// Whether a member is known.
    pub fn know(&self, name: &str) -> bool {
        self.payload.contains(&name) || self.candidate.contains(&name)
    }

    /// All members.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.payload.iter().chain(self.candidate).copied()
    }
}

/// What Anthropic's `message_delta` has.
pub static ANTHROPIC: Patches = Patches {
    payload: &["type", "delta", "usage", "context_management"],
    candidate: &[
        "stop_reason",
        "stop_sequence",
        "container",
        "service_tier",
        "id",
        "model",
        "content",
        "role",
    ],
    candidates: "delta",
};

/// Lays a patch over every payload that tells why an answer ended.
pub fn patch(events: &Events, dialect: &dyn Dialect, patch: &Map<String, Value>) -> Events {
    let mut patched = Events::expecting(events.len(), events.style());
    for (at, bytes) in events.iter().enumerate() {
        let payload = events.payload(at);
        match payload.filter(|payload| dialect.read_event(payload).kinds.contains(&Kind::Finish)) {
            Some(mut payload) => {
                lay_over(&mut payload, dialect.patches(), patch);
                patched.json(&payload);
            }
            None => patched.bytes(bytes, events.framing(at)),
        }
    }
    patched
}

fn lay_over(payload: &mut Value, patches: &Patches, patch: &Map<String, Value>) {
    for (name, value) in patch {
        if patches.payload.contains(&name.as_str()) {
            merge(&mut payload[name], value);
        } else if let Some(candidates) = payload[patches.candidates].as_array_mut() {
            candidates.iter_mut().for_each(|candidate| put(candidate, name, value));
        }
    }
    if let Some(members) = payload.as_object_mut() {
        members.retain(|name, value| !(value.is_null() && patch.get(name).is_some_and(Value::is_null)));
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

    #[test]
    fn members_go_to_where_they_live() {
        let patches = &super::super::gemini::PATCHES;
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
    fn null_takes_away() {
        let mut payload =
            json!({"a": 1, "candidates": [{"finishReason": "STOP"}], "usageMetadata": {"b": 1}});
        let patch = json!({"finishReason": null, "usageMetadata": null});
        lay_over(&mut payload, &super::super::gemini::PATCHES, patch.as_object().unwrap());
        assert_eq!(payload, json!({"a": 1, "candidates": [{}]}));
    }
}
