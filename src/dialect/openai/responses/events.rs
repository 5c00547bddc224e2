//! What the events of a response tell about themselves.

use serde_json::Value;

use crate::dialect::{
    event::{Kind, Reading},
    items,
};

/// Whether a payload is a response's.
pub(in crate::dialect::openai) fn is_one(payload: &Value) -> bool {
    payload["object"] == "response" || payload["type"].is_string()
}

pub(in crate::dialect::openai) fn read(payload: &Value) -> Reading {
    let mut reading = Reading::default();
    let kind = payload["type"].as_str().unwrap_or_default();
    let delta = payload["delta"].as_str().unwrap_or_default();
    match kind.strip_prefix("response.").unwrap_or(kind) {
        "" => whole(payload, &mut reading),
        "created" | "queued" | "in_progress" => reading.is(Kind::Start),
        "output_text.delta" | "refusal.delta" => reading.carries(Kind::Text, delta),
        "reasoning_summary_text.delta" | "reasoning_text.delta" => reading.carries(Kind::Thought, delta),
        "function_call_arguments.delta" | "custom_tool_call_input.delta" | "mcp_call_arguments.delta" => {
            reading.carries(Kind::Call, delta);
        }
        "output_item.added" if is_call(&payload["item"]) => {
            reading.carries(Kind::Call, payload["item"]["name"].as_str().unwrap_or_default());
        }
        "image_generation_call.partial_image" => reading.is(Kind::Media),
        "output_item.done" if payload["item"]["type"] == "image_generation_call" => {
            reading.is(Kind::Media);
            reading.is(Kind::Mark);
        }
        "completed" | "incomplete" | "failed" => {
            reading.is(Kind::Finish);
            if !payload["response"]["usage"].is_null() {
                reading.is(Kind::Usage);
            }
        }
        "error" => reading.is(Kind::Error),
        "keepalive" => reading.is(Kind::Ping),
        rest if rest.ends_with(".added") || rest.ends_with(".done") => reading.is(Kind::Mark),
        _ if kind.starts_with("response.") => reading.is(Kind::Mark),
        _ => {}
    }
    reading
}

fn is_call(item: &Value) -> bool {
    item["type"]
        .as_str()
        .is_some_and(|kind| matches!(kind, "function_call" | "custom_tool_call" | "mcp_call"))
}

/// A response in one document is of all the kinds that it holds.
fn whole(response: &Value, reading: &mut Reading) {
    for item in items(&response["output"]) {
        for part in items(&item["content"]) {
            let text = part["text"].as_str().or_else(|| part["refusal"].as_str());
            text.into_iter().for_each(|text| reading.carries(Kind::Text, text));
        }
        for part in items(&item["summary"]) {
            reading.carries(Kind::Thought, part["text"].as_str().unwrap_or_default());
        }
        if is_call(item) {
            reading.carries(Kind::Call, item["name"].as_str().unwrap_or_default());
            reading.carries(Kind::Call, item["arguments"].as_str().unwrap_or_default());
        }
        if item["type"] == "image_generation_call" {
            reading.is(Kind::Media);
        }
    }
    if matches!(response["status"].as_str(), Some("completed" | "incomplete" | "failed")) {
        reading.is(Kind::Finish);
    }
    if !response["usage"].is_null() {
        reading.is(Kind::Usage);
    }
}
