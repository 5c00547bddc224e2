//! The rules about who may speak behind whom, and about calls and their results.

use std::collections::HashSet;

use serde_json::Value;

use super::refuse;
use crate::{dialect::items, reply::ApiError};

/// Checks what the tables of fields cannot.
pub(super) fn check(messages: &[Value]) -> Result<(), ApiError> {
    if messages.is_empty() {
        return Err(refuse::no_messages());
    }
    for (index, message) in messages.iter().enumerate() {
        role(messages, index)?;
        content(message, index, index + 1 == messages.len())?;
    }
    calls(&turns(messages))
}

/// Whether a message only says how the answer is to be made.
fn is_directive(message: &Value) -> bool {
    message["role"] == "system"
        && message["output_config"].is_object()
        && items(&message["content"]).is_empty()
}

fn role(messages: &[Value], index: usize) -> Result<(), ApiError> {
    let message = &messages[index];
    match message["role"].as_str() {
        Some("user" | "assistant") => return Ok(()),
        Some("system") if is_directive(message) => return Ok(()),
        Some("system") => {}
        _ => return Err(refuse::unknown_role(index)),
    }
    let before = index.checked_sub(1).and_then(|before| messages.get(before));
    let Some(before) = before else { return Err(refuse::system_first()) };
    let last = items(&before["content"]).last().and_then(|block| block["type"].as_str());
    let ends_in_result = last.is_some_and(|kind| kind.ends_with("_tool_result"));
    if before["role"] != "user" && !(before["role"] == "assistant" && ends_in_result) {
        return Err(refuse::system_behind(index));
    }
    match messages.get(index + 1) {
        Some(behind) if behind["role"] != "assistant" => Err(refuse::system_before(index)),
        _ => Ok(()),
    }
}

fn content(message: &Value, index: usize, is_last: bool) -> Result<(), ApiError> {
    if is_directive(message) {
        return Ok(());
    }
    let content = &message["content"];
    let is_final_answer = is_last && message["role"] == "assistant";
    if content.as_str() == Some("") || content.as_array().is_some_and(Vec::is_empty) {
        return match message["role"].as_str() {
            Some("user") => Err(refuse::no_user_content(index)),
            _ if is_final_answer => Ok(()),
            _ => Err(refuse::no_content(index)),
        };
    }
    texts("messages", content)?;
    let last = content.as_str().or_else(|| items(content).last()?["text"].as_str());
    match last {
        Some(text) if is_final_answer && text.ends_with(char::is_whitespace) => {
            Err(refuse::trailing_whitespace())
        }
        _ => Ok(()),
    }
}

/// Texts must say something.
pub(super) fn texts(place: &str, content: &Value) -> Result<(), ApiError> {
    let blocks = items(content).iter().filter(|block| block["type"] == "text");
    for text in content.as_str().into_iter().chain(blocks.filter_map(|block| block["text"].as_str())) {
        if text.is_empty() {
            return Err(refuse::empty_text(place));
        }
        if text.trim().is_empty() {
            return Err(refuse::blank_text(place));
        }
    }
    Ok(())
}

/// What one side said until the other spoke: its blocks, each with its place.
struct Turn<'a> {
    role: &'a str,
    /// The last message of it.
    index: usize,
    blocks: Vec<(usize, usize, &'a Value)>,
}

impl<'a> Turn<'a> {
    /// The blocks of a type, each with its message, its place there and the id in
    /// this field.
    fn ids(
        &self,
        kind: &'static str,
        field: &'static str,
    ) -> impl Iterator<Item = ((usize, usize), &'a str)> {
        let blocks = self.blocks.iter().filter(move |(_, _, block)| block["type"] == kind);
        blocks.filter_map(move |(message, at, block)| Some(((*message, *at), block[field].as_str()?)))
    }
}

/// Where a block stands.
fn place((message, at): (usize, usize)) -> String {
    format!("messages.{message}.content.{at}")
}

/// Messages of one role in a row are one turn.
fn turns(messages: &[Value]) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if role == "system" {
            continue;
        }
        let blocks = items(&message["content"]).iter().enumerate().map(|(at, block)| (index, at, block));
        match turns.last_mut() {
            Some(turn) if turn.role == role => {
                turn.index = index;
                turn.blocks.extend(blocks);
            }
            _ => turns.push(Turn { role, index, blocks: blocks.collect() }),
        }
    }
    turns
}

fn calls(turns: &[Turn<'_>]) -> Result<(), ApiError> {
    let mut all: HashSet<&str> = HashSet::new();
    let mut open: Vec<&str> = Vec::new();
    for (number, turn) in turns.iter().enumerate() {
        let asked: HashSet<&str> = open.drain(..).collect();
        let mut answered: HashSet<&str> = HashSet::new();
        for (at, id) in turn.ids("tool_result", "tool_use_id") {
            if !answered.insert(id) {
                return Err(refuse::result_twice(&place(at), id));
            }
            if !asked.contains(id) {
                return Err(refuse::result_alone(&place(at), id));
            }
        }
        for (at, id) in turn.ids("tool_use", "id") {
            if !all.insert(id) {
                return Err(refuse::call_twice(&place(at)));
            }
            open.push(id);
        }
        let behind =
            turns.get(number + 1).into_iter().flat_map(|turn| turn.ids("tool_result", "tool_use_id"));
        let behind: HashSet<_> = behind.map(|(_, id)| id).collect();
        let unanswered: Vec<_> = open.iter().copied().filter(|id| !behind.contains(id)).collect();
        if !unanswered.is_empty() {
            return Err(refuse::calls_unanswered(turn.index, &unanswered));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(messages: &Value) -> String {
        check(items(messages)).map(|()| String::new()).unwrap_or_else(|error| error.message)
    }

    fn call(id: &str) -> Value {
        json!({"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "f", "input": {}}]})
    }

    fn result(id: &str) -> Value {
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "x"}]})
    }

    #[test]
    fn a_talk_may_have_several_messages_of_one_side_in_a_row() {
        let user = json!({"role": "user", "content": "x"});
        for messages in [
            json!([user, user]),
            json!([user, call("a"), call("b"), result("b"), result("a"), user]),
            json!([user, {"role": "system", "content": "x"}, {"role": "assistant", "content": "x"}, user]),
            json!([{"role": "system", "content": [], "output_config": {"effort": "low"}}, user]),
            json!([user, {"role": "assistant", "content": ""}]),
        ] {
            assert_eq!(refusal(&messages), "", "{messages}");
        }
    }

    #[test]
    fn each_breach_is_told_where_it_is() {
        let user = json!({"role": "user", "content": "x"});
        for (messages, start) in [
            (json!([]), "messages: at least one message is required"),
            (
                json!([{"role": "robot", "content": "x"}]),
                "messages.0.role: Input should be 'user' or 'assistant'",
            ),
            (
                json!([{"role": "system", "content": "x"}, user]),
                "messages.0: use the top-level 'system' parameter",
            ),
            (
                json!([user, {"role": "system", "content": "x"}, user]),
                "messages.1: role 'system' must precede an",
            ),
            (
                json!([user, {"role": "assistant", "content": "x"}, {"role": "system", "content": "x"}]),
                "messages.2: role 'system' must follow a 'user' message",
            ),
            (
                json!([{"role": "user", "content": ""}]),
                "messages.0: user messages must have non-empty content",
            ),
            (
                json!([{"role": "assistant", "content": []}, user]),
                "messages.0: all messages must have non-empty",
            ),
            (
                json!([{"role": "user", "content": [{"type": "text", "text": ""}]}]),
                "messages: text content blocks must be non-empty",
            ),
            (
                json!([{"role": "user", "content": " \n"}]),
                "messages: text content blocks must contain non-whitespace text",
            ),
            (
                json!([user, {"role": "assistant", "content": "So "}]),
                "messages: final assistant content cannot end with trailing whitespace",
            ),
            (
                json!([user, call("a"), user]),
                "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: a. Each",
            ),
            (json!([user, call("a")]), "messages.1: `tool_use` ids were found without"),
            (
                json!([result("a")]),
                "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: a. Each",
            ),
            (
                json!([user, call("a"), result("a"), result("a")]),
                "messages.3.content.0: each tool_use must have a single result. Found multiple",
            ),
            (
                json!([user, call("a"), result("a"), call("a"), result("a")]),
                "messages.3.content.0: `tool_use` ids must be unique",
            ),
        ] {
            let message = refusal(&messages);
            assert!(message.starts_with(start), "{message}");
        }
    }
}
