//! What Google's payloads tell about themselves.

use serde_json::Value;

use crate::{
    dialect::event::{Kind, Reading},
    tokens,
};

pub(super) fn read(payload: &Value) -> Reading {
    let mut reading = Reading::default();
    // On an array stream an error is the only element of a list.
    let payload = payload.get(0).unwrap_or(payload);
    if !payload["error"].is_null() {
        reading.is(Kind::Error);
    }
    if !payload["usageMetadata"].is_null() {
        reading.is(Kind::Usage);
    }
    for candidate in payload["candidates"].as_array().into_iter().flatten() {
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            read_part(part, &mut reading);
        }
        if !candidate["finishReason"].is_null() {
            reading.is(Kind::Finish);
        }
    }
    reading
}

fn read_part(part: &Value, reading: &mut Reading) {
    if let Some(text) = part["text"].as_str() {
        reading.carries(if part["thought"] == true { Kind::Thought } else { Kind::Text }, text);
    }
    if part["functionCall"].is_object() {
        reading.carries(Kind::Call, &part["functionCall"].to_string());
    }
    if part["inlineData"].is_object() {
        reading.is(Kind::Media);
        reading.tokens += tokens::ATTACHMENT_TOKENS;
    }
    for (name, text) in [("executableCode", "code"), ("codeExecutionResult", "output")] {
        if let Some(text) = part[name][text].as_str() {
            reading.carries(Kind::Text, text);
        }
    }
}
