//! What Anthropic's payloads tell about themselves.

use serde_json::Value;

use crate::dialect::{
    event::{Kind, Reading},
    items,
};

pub(super) fn read(payload: &Value) -> Reading {
    let mut reading = Reading::default();
    match payload["type"].as_str() {
        Some("message_start") => reading.is(Kind::Start),
        Some("content_block_start") => match payload["content_block"]["type"].as_str() {
            Some("tool_use") => block(&payload["content_block"], &mut reading),
            _ => reading.is(Kind::Mark),
        },
        Some("content_block_delta") => delta(&payload["delta"], &mut reading),
        Some("content_block_stop") => reading.is(Kind::Mark),
        Some("message_delta") => end(&payload["delta"]["stop_reason"], &payload["usage"], &mut reading),
        Some("message_stop") => reading.is(Kind::Done),
        Some("ping") => reading.is(Kind::Ping),
        Some("error") => reading.is(Kind::Error),
        Some("message") => {
            items(&payload["content"]).iter().for_each(|part| block(part, &mut reading));
            end(&payload["stop_reason"], &payload["usage"], &mut reading);
        }
        _ => {}
    }
    reading
}

fn end(reason: &Value, usage: &Value, reading: &mut Reading) {
    if !reason.is_null() {
        reading.is(Kind::Finish);
    }
    if !usage.is_null() {
        reading.is(Kind::Usage);
    }
}

fn delta(delta: &Value, reading: &mut Reading) {
    let text = |name: &str| delta[name].as_str().unwrap_or_default();
    match delta["type"].as_str() {
        Some("text_delta") => reading.carries(Kind::Text, text("text")),
        Some("thinking_delta") => reading.carries(Kind::Thought, text("thinking")),
        Some("input_json_delta") => reading.carries(Kind::Call, text("partial_json")),
        // Proofs and sources stand beside what is said.
        _ => reading.is(Kind::Mark),
    }
}

fn block(block: &Value, reading: &mut Reading) {
    let text = |name: &str| block[name].as_str().unwrap_or_default();
    match block["type"].as_str() {
        Some("text") => reading.carries(Kind::Text, text("text")),
        Some("thinking") => reading.carries(Kind::Thought, text("thinking")),
        Some("tool_use") => {
            reading.carries(Kind::Call, text("name"));
            // A stream begins with none.
            if block["input"].as_object().is_some_and(|input| !input.is_empty()) {
                reading.carries(Kind::Call, &block["input"].to_string());
            }
        }
        _ => reading.is(Kind::Mark),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_event_is_of_its_kinds() {
        for (payload, kinds) in [
            (json!({"type": "message_start", "message": {"usage": {}}}), vec![Kind::Start]),
            (json!({"type": "content_block_start", "content_block": {"type": "text"}}), vec![Kind::Mark]),
            (json!({"type": "content_block_start", "content_block": {"type": "tool_use"}}), vec![Kind::Call]),
            (json!({"type": "content_block_delta", "delta": {"type": "signature_delta"}}), vec![Kind::Mark]),
            (
                json!({"type": "content_block_delta", "delta": {"type": "thinking_delta"}}),
                vec![Kind::Thought],
            ),
            (
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}}),
                vec![Kind::Finish, Kind::Usage],
            ),
            (json!({"type": "message_stop"}), vec![Kind::Done]),
            (json!({"type": "ping"}), vec![Kind::Ping]),
            (json!({"type": "error", "error": {}}), vec![Kind::Error]),
            (json!({"input_tokens": 9}), vec![]),
        ] {
            assert_eq!(read(&payload).kinds, kinds, "{payload}");
        }
    }

    #[test]
    fn a_message_is_of_all_kinds_that_it_holds() {
        let message = json!({
            "type": "message",
            "content": [
                {"type": "thinking", "thinking": "Well"},
                {"type": "text", "text": "Hello there"},
                {"type": "tool_use", "name": "f", "input": {"a": 1}},
            ],
            "stop_reason": "tool_use",
            "usage": {},
        });
        let reading = read(&message);
        assert_eq!(reading.kinds, [Kind::Thought, Kind::Text, Kind::Call, Kind::Finish, Kind::Usage]);
        assert_eq!(reading.tokens, 1 + 2 + 1 + 2);
    }
}
