//! The tools of a request: those of the caller's own, and Anthropic's, whose
//! types have dates in their names.

use serde_json::Value;

use super::{fields, refuse, words};
use crate::{
    ask::{Allowed, Tool, ToolChoice},
    dialect::UnknownFields,
    dialect::items,
    reply::ApiError,
};

/// Tools that Anthropic runs itself, without their dates.
const SERVER: [&str; 5] =
    ["code_execution", "web_fetch", "web_search", "tool_search_tool_bm25", "tool_search_tool_regex"];

/// Tools that Anthropic describes and the caller runs, without their dates.
const CLIENT: [&str; 6] = ["advisor", "bash", "browser_toolset", "computer_toolset", "memory", "text_editor"];

/// Those whose types have no date.
const UNDATED: [&str; 3] = ["mcp_toolset", "tool_search_tool_bm25", "tool_search_tool_regex"];

/// Checks what the tables of fields cannot.
pub(super) fn check(body: &Value, unknown: UnknownFields) -> Result<(), ApiError> {
    let tools = items(&body["tools"]);
    for (index, tool) in tools.iter().enumerate() {
        match tool["type"].as_str() {
            Some(kind) if kind != "custom" => dated(index, kind)?,
            _ => custom(index, tool, unknown)?,
        }
    }
    let mut names: Vec<_> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    if names.len() < count {
        return Err(refuse::same_names());
    }
    let choice = &body["tool_choice"];
    if tools.is_empty() && choice.is_object() && choice["type"] != "none" {
        return Err(refuse::choice_without_tools());
    }
    match choice["name"].as_str() {
        Some(name) if choice["type"] == "tool" && !names.contains(&name) => Err(refuse::unknown_choice(name)),
        _ => Ok(()),
    }
}

/// A type with a date is taken for one of Anthropic's, for there are new ones
/// every few months.
fn dated(index: usize, kind: &str) -> Result<(), ApiError> {
    let is_dated = kind
        .rsplit_once('_')
        .is_some_and(|(_, date)| date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()));
    if is_dated || UNDATED.contains(&kind) {
        return Ok(());
    }
    let mut tags = vec!["custom"];
    tags.extend(CLIENT.iter().chain(&SERVER).chain(&UNDATED));
    tags.sort_unstable();
    tags.dedup();
    Err(refuse::at(&format!("tools.{index}"), &words::unknown_tag(kind, &tags)))
}

fn custom(index: usize, tool: &Value, unknown: UnknownFields) -> Result<(), ApiError> {
    let place = format!("tools.{index}.custom");
    words::check_at(&place, tool, fields::CUSTOM_TOOL, unknown)?;
    match tool["input_schema"].get("type") {
        Some(kind) if kind == "object" => Ok(()),
        Some(_) => Err(refuse::at(&format!("{place}.input_schema.type"), "Input should be 'object'")),
        None => Err(refuse::at(&format!("{place}.input_schema.type"), "Field required")),
    }
}

/// All tools that have a name.
pub(super) fn on_offer(body: &Value) -> Vec<Tool> {
    let tools = items(&body["tools"]).iter();
    tools
        .filter_map(|tool| {
            Some(Tool { name: tool["name"].as_str()?.to_owned(), parameters: tool["input_schema"].clone() })
        })
        .collect()
}

/// Whether tools are to be called. What Anthropic runs itself the caller is not
/// asked to.
pub(super) fn choice(body: &Value) -> ToolChoice {
    let choice = &body["tool_choice"];
    let allowed = match choice["type"].as_str() {
        Some("any") => {
            let tools = items(&body["tools"]);
            if tools.iter().any(is_server) {
                let own = tools.iter().filter(|tool| !is_server(tool));
                Allowed::Only(own.filter_map(|tool| tool["name"].as_str()).map(str::to_owned).collect())
            } else {
                Allowed::All
            }
        }
        Some("tool") => {
            let named = items(&body["tools"]).iter().find(|tool| tool["name"] == choice["name"]);
            let own = named.filter(|tool| !is_server(tool)).and_then(|tool| tool["name"].as_str());
            Allowed::Only(own.map(str::to_owned).into_iter().collect())
        }
        _ => return ToolChoice::Free,
    };
    match (choice["type"].as_str(), choice["disable_parallel_tool_use"].as_bool()) {
        (Some("tool"), _) | (_, Some(true)) => ToolChoice::One(allowed),
        _ => ToolChoice::Every(allowed),
    }
}

/// Whether Anthropic runs a tool itself.
fn is_server(tool: &Value) -> bool {
    let kind = tool["type"].as_str().unwrap_or_default();
    SERVER.iter().any(|name| kind.starts_with(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tools_are_refused_by_their_index_and_type() {
        let tool = json!({"name": "f", "input_schema": {"type": "object"}});
        for (tools, choice, message) in [
            (json!([{"name": "f"}]), json!(null), "tools.0.custom.input_schema: Field required"),
            (
                json!([tool, {"name": "g.h", "input_schema": {"type": "object"}}]),
                json!(null),
                "tools.1.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
            ),
            (
                json!([{"name": "f", "input_schema": {}}]),
                json!(null),
                "tools.0.custom.input_schema.type: Field required",
            ),
            (
                json!([{"type": "function", "function": {"name": "f"}}]),
                json!(null),
                "tools.0: Input tag 'function' found using 'type' does not match any of the expected tags: 'advisor', \
                 'bash', 'browser_toolset', 'code_execution', 'computer_toolset', 'custom', 'mcp_toolset', 'memory', \
                 'text_editor', 'tool_search_tool_bm25', 'tool_search_tool_regex', 'web_fetch', 'web_search'",
            ),
            (json!([tool, tool]), json!(null), "tools: Tool names must be unique."),
            (json!([tool]), json!({"type": "tool", "name": "g"}), "Tool 'g' not found in provided tools"),
            (json!([]), json!({"type": "any"}), "tool_choice may only be specified while providing tools."),
        ] {
            let body = json!({"tools": tools, "tool_choice": choice});
            assert_eq!(check(&body, UnknownFields::Ignored).unwrap_err().message, message);
        }
    }

    #[test]
    fn the_caller_is_not_asked_to_search_the_web() {
        let tool = json!({"name": "f", "input_schema": {"type": "object"}});
        let search = json!({"name": "web_search", "type": "web_search_20250305"});
        let body = json!({"tools": [search, tool], "tool_choice": {"type": "any"}});
        check(&body, UnknownFields::Refused).unwrap();
        assert_eq!(choice(&body), ToolChoice::Every(Allowed::Only(vec!["f".to_owned()])));
        let body = json!({"tools": [search, tool], "tool_choice": {"type": "tool", "name": "web_search"}});
        assert_eq!(choice(&body), ToolChoice::One(Allowed::Only(Vec::new())));
        let body =
            json!({"tools": [tool], "tool_choice": {"type": "any", "disable_parallel_tool_use": true}});
        assert_eq!(choice(&body), ToolChoice::One(Allowed::All));
        let body = json!({"tools": [tool], "tool_choice": {"type": "none"}});
        assert_eq!(choice(&body), ToolChoice::Free);
    }
}
