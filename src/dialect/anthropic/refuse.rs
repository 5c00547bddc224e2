//! What Anthropic refuses, in its words.

use std::fmt::Write;

use serde_json::Value;

use super::words;
use crate::{dialect::shortened, reply::ApiError, request::Credential};

/// The `type` that Anthropic's errors with this status have.
pub(super) fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        // Those that have none of their own.
        _ => "invalid_request_error",
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, message)
}

/// What is wrong at a place in the request.
pub(super) fn at(place: &str, what: &str) -> ApiError {
    match place {
        "" => invalid(what),
        place => invalid(format!("{place}: {what}")),
    }
}

pub(super) fn not_an_object() -> ApiError {
    invalid("Input should be an object")
}

pub(super) fn empty_model() -> ApiError {
    at("model", "String should have at least 1 character")
}

pub(super) fn no_such_model(model: &str) -> ApiError {
    ApiError::new(404, format!("model: {}", shortened(model)))
}

pub(super) fn no_messages() -> ApiError {
    at("messages", "at least one message is required")
}

pub(super) fn unknown_role(index: usize) -> ApiError {
    let roles = words::any_of(&["user", "assistant"]);
    at(&format!("messages.{index}.role"), &format!("Input should be {roles}"))
}

pub(super) fn system_first() -> ApiError {
    at(
        "messages.0",
        "use the top-level 'system' parameter for the initial system prompt; the directive-only form (content: [] \
         with output_config) is accepted at any position",
    )
}

pub(super) fn system_behind(index: usize) -> ApiError {
    at(
        &format!("messages.{index}"),
        "role 'system' must follow a 'user' message or an 'assistant' message ending in a server tool result",
    )
}

pub(super) fn system_before(index: usize) -> ApiError {
    let what = "role 'system' must precede an 'assistant' message or end the array";
    at(&format!("messages.{index}"), what)
}

pub(super) fn no_user_content(index: usize) -> ApiError {
    at(&format!("messages.{index}"), "user messages must have non-empty content")
}

pub(super) fn no_content(index: usize) -> ApiError {
    at(
        &format!("messages.{index}"),
        "all messages must have non-empty content except for the optional final assistant message",
    )
}

pub(super) fn empty_text(place: &str) -> ApiError {
    at(place, "text content blocks must be non-empty")
}

pub(super) fn blank_text(place: &str) -> ApiError {
    at(place, "text content blocks must contain non-whitespace text")
}

pub(super) fn trailing_whitespace() -> ApiError {
    at("messages", "final assistant content cannot end with trailing whitespace")
}

pub(super) fn calls_unanswered(index: usize, ids: &[&str]) -> ApiError {
    let mut list = String::new();
    for id in ids {
        let _ = write!(list, "{}{id}", if list.is_empty() { "" } else { ", " });
    }
    at(
        &format!("messages.{index}"),
        &format!(
            "`tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` block \
             must have a corresponding `tool_result` block in the next message.",
            shortened(&list)
        ),
    )
}

pub(super) fn result_alone(place: &str, id: &str) -> ApiError {
    at(
        place,
        &format!(
            "unexpected `tool_use_id` found in `tool_result` blocks: {}. Each `tool_result` block must have a \
             corresponding `tool_use` block in the previous message.",
            shortened(id)
        ),
    )
}

pub(super) fn result_twice(place: &str, id: &str) -> ApiError {
    let id = shortened(id);
    at(
        place,
        &format!(
            "each tool_use must have a single result. Found multiple `tool_result` blocks with id: {id}"
        ),
    )
}

pub(super) fn call_twice(place: &str) -> ApiError {
    at(place, "`tool_use` ids must be unique")
}

pub(super) fn same_names() -> ApiError {
    at("tools", "Tool names must be unique.")
}

pub(super) fn choice_without_tools() -> ApiError {
    invalid("tool_choice may only be specified while providing tools.")
}

pub(super) fn unknown_choice(name: &str) -> ApiError {
    invalid(format!("Tool '{}' not found in provided tools", shortened(name)))
}

pub(super) fn blank_stop() -> ApiError {
    at("stop_sequences", "each stop sequence must contain non-whitespace")
}

pub(super) fn too_much_cached(found: usize, most: usize) -> ApiError {
    invalid(format!("A maximum of {most} blocks with cache_control may be provided. Found {found}."))
}

const ON_THINKING: &str = "Please consult our documentation at \
    https://docs.claude.com/en/docs/build-with-claude/extended-thinking";

pub(super) fn budget_too_large() -> ApiError {
    invalid(format!(
        "`max_tokens` must be greater than `thinking.budget_tokens`. {ON_THINKING}#max-tokens-and-context-window-size"
    ))
}

pub(super) fn temperature_of_thinking() -> ApiError {
    invalid(format!(
        "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode. \
         {ON_THINKING}#important-considerations-when-using-extended-thinking"
    ))
}

pub(super) fn thinking_and_force() -> ApiError {
    invalid("Thinking may not be enabled when tool_choice forces tool use.")
}

pub(super) fn not_json(body: &[u8], error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    let before: usize =
        body.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    let what = if error.is_eof() { "unexpected end of data" } else { "unexpected character" };
    let at = (before + column).saturating_sub(1);
    invalid(format!("The request body is not valid JSON: {what}: line {line} column {column} (char {at})"))
}

pub(super) fn too_large() -> ApiError {
    ApiError::new(413, "Request exceeds the maximum size")
}

pub(super) fn unknown_path() -> ApiError {
    ApiError::new(404, "Not Found")
}

pub(super) fn wrong_method() -> ApiError {
    ApiError::new(405, "Method Not Allowed")
}

pub(super) fn wrong_key(key: Option<Credential<'_>>) -> ApiError {
    let message = match key {
        None => "x-api-key header is required",
        Some(Credential::Bearer(_)) => "Invalid bearer token",
        Some(_) => "invalid x-api-key",
    };
    ApiError::new(401, message)
}

/// What Anthropic says with this status.
pub(super) fn typical(status: u16, model: &str) -> ApiError {
    let message = match status {
        400 => "Invalid request.",
        401 => "invalid x-api-key",
        402 => {
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or \
             purchase credits."
        }
        403 => "Your API key does not have permission to use the specified resource.",
        404 if !model.is_empty() => return no_such_model(model),
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request timed out.",
        409 => "The resource was changed by another request.",
        413 => "Request exceeds the maximum size",
        429 => "This request would exceed your account's rate limit. Please try again later.",
        500 => "Internal server error",
        501 => "Not implemented",
        502 => "Bad gateway",
        503 => "Service unavailable",
        504 => "Request timed out.",
        529 => "Overloaded",
        505.. => "Internal server error",
        _ => "The request could not be served.",
    };
    ApiError::new(status, message)
}

/// Anthropic's error object, in its envelope. A stream's error tells no request.
pub(super) fn envelope(error: &ApiError, request_id: Option<String>) -> Value {
    let mut object = serde_json::json!({"type": kind(error.status), "message": error.message});
    for (name, value) in &error.members {
        object[name] = value.clone();
    }
    let mut envelope = serde_json::json!({"type": "error", "error": object});
    if let Some(id) = request_id {
        envelope["request_id"] = id.into();
    }
    envelope
}
