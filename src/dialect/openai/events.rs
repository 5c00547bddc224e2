//! What OpenAI's payloads tell about themselves.

use serde_json::Value;

use super::responses;
use crate::dialect::event::{Kind, Reading};

pub(super) fn read(payload: &Value) -> Reading {
    if responses::events::is_one(payload) {
        return responses::events::read(payload);
    }
    let mut reading = Reading::default();
    if !payload["error"].is_null() {
        reading.is(Kind::Error);
    }
    if !payload["usage"].is_null() {
        reading.is(Kind::Usage);
    }
    for choice in payload["choices"].as_array().into_iter().flatten() {
        let said = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
        let text = said["content"].as_str();
        if !said["role"].is_null() && text.unwrap_or_default().is_empty() {
            reading.is(Kind::Start);
        } else if let Some(text) = text {
            reading.carries(Kind::Text, text);
        }
        if let Some(text) = said["refusal"].as_str() {
            reading.carries(Kind::Text, text);
        }
        for name in ["reasoning_content", "reasoning"] {
            if let Some(text) = said[name].as_str() {
                reading.carries(Kind::Thought, text);
            }
        }
        for call in said["tool_calls"].as_array().into_iter().flatten() {
            let function = &call["function"];
            reading.carries(Kind::Call, function["name"].as_str().unwrap_or_default());
            reading.carries(Kind::Call, function["arguments"].as_str().unwrap_or_default());
        }
        if said["audio"].is_object() || said["images"].is_array() {
            reading.is(Kind::Media);
        }
        if let Some(text) = choice["text"].as_str()
            && !text.is_empty()
        {
            reading.carries(Kind::Text, text);
        }
        if !choice["finish_reason"].is_null() {
            reading.is(Kind::Finish);
        }
    }
    reading
}
