//! What OpenAI refuses, in its words.

use std::fmt::Display;

use serde_json::Value;

use crate::{dialect::shortened, reply::ApiError, request::Credential};

fn invalid_request(status: u16, message: impl Into<String>) -> ApiError {
    ApiError::new(status, message).with("type", "invalid_request_error")
}

fn invalid(message: String, param: &str, code: &str) -> ApiError {
    invalid_request(400, message).with("param", param).with("code", code)
}

pub(super) fn missing(path: &str) -> ApiError {
    invalid(format!("Missing required parameter: '{path}'."), path, "missing_required_parameter")
}

pub(super) fn missing_model() -> ApiError {
    invalid_request(400, "you must provide a model parameter")
}

pub(super) fn no_such_model(model: &str) -> ApiError {
    let message = format!("The model `{}` does not exist or you do not have access to it.", shortened(model));
    invalid_request(404, message).with("code", "model_not_found")
}

/// What `/responses` says where chats say 404.
pub(super) fn no_requested_model(model: &str) -> ApiError {
    invalid(format!("The requested model '{}' does not exist.", shortened(model)), "model", "model_not_found")
}

pub(super) fn no_previous_response(id: &str) -> ApiError {
    let message = format!("Previous response with id '{}' not found.", shortened(id));
    invalid(message, "previous_response_id", "previous_response_not_found")
}

pub(super) fn no_such_response(id: &str) -> ApiError {
    invalid_request(404, format!("Response with id '{}' not found.", shortened(id)))
}

pub(super) fn nothing_to_answer() -> ApiError {
    invalid_request(
        400,
        "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided.",
    )
    .with("param", "input")
    .with("code", "missing_required_parameter")
}

pub(super) fn no_such_call(id: &str) -> ApiError {
    let message = format!("No tool call found for function call output with call_id {}.", shortened(id));
    invalid_request(400, message).with("param", "input")
}

pub(super) fn call_unanswered(id: &str) -> ApiError {
    let message = format!("No tool output found for function call {}.", shortened(id));
    invalid_request(400, message).with("param", "input")
}

pub(super) fn background_unstored() -> ApiError {
    let message = "Background mode requires 'store' to be true.";
    invalid_request(400, message).with("param", "background")
}

pub(super) fn not_to_be_cancelled() -> ApiError {
    invalid_request(400, "Cannot cancel a synchronous response.")
}

pub(super) fn not_to_be_streamed() -> ApiError {
    invalid_request(400, "This response was cancelled: it cannot be streamed.")
}

pub(super) fn wrong_type(path: &str, expected: &str, got: &str) -> ApiError {
    let message = format!("Invalid type for '{path}': expected {expected}, but got {got} instead.");
    invalid(message, path, "invalid_type")
}

pub(super) fn unknown_word(path: &str, word: &str, words: &[&str]) -> ApiError {
    let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let list = match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [one, other] => format!("{one} and {other}"),
        [first @ .., last] => format!("{}, and {last}", first.join(", ")),
    };
    let word = shortened(word);
    invalid(format!("Invalid value: '{word}'. Supported values are: {list}."), path, "invalid_value")
}

/// What the real API says of any field that it does not know.
pub(super) fn unknown_field(path: &str) -> ApiError {
    invalid(format!("Unknown parameter: '{}'.", shortened(path)), path, "unknown_parameter")
}

pub(super) fn not_a_name(path: &str) -> ApiError {
    let message = format!(
        "Invalid '{path}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
    );
    invalid(message, path, "invalid_value")
}

/// `noun` is `integer` or `decimal`.
pub(super) fn below(path: &str, noun: &str, least: &dyn Display, got: &Value) -> ApiError {
    let message = format!(
        "Invalid '{path}': {noun} below minimum value. Expected a value >= {least}, but got {got} instead."
    );
    invalid(message, path, &format!("{noun}_below_min_value"))
}

/// `noun` is `integer` or `decimal`.
pub(super) fn above(path: &str, noun: &str, most: &dyn Display, got: &Value) -> ApiError {
    let message = format!(
        "Invalid '{path}': {noun} above maximum value. Expected a value <= {most}, but got {got} instead."
    );
    invalid(message, path, &format!("{noun}_above_max_value"))
}

pub(super) fn list_too_short(path: &str, least: usize) -> ApiError {
    let message = format!(
        "Invalid '{path}': empty array. Expected an array with minimum length {least}, but got an empty array instead."
    );
    invalid(message, path, "empty_array")
}

pub(super) fn list_too_long(path: &str, most: usize, length: usize) -> ApiError {
    let message = format!(
        "Invalid '{path}': array too long. Expected an array with maximum length {most}, but got an array with length {length} instead."
    );
    invalid(message, path, "array_above_max_length")
}

/// What is said of inputs to embed that are neither texts nor tokens.
pub(super) fn invalid_input() -> ApiError {
    let reference = "https://platform.openai.com/docs/api-reference";
    invalid_request(400, format!("'$.input' is invalid. Please check the API reference: {reference}."))
}

pub(super) fn invalid_prompt() -> ApiError {
    let reference = "https://platform.openai.com/docs/api-reference";
    invalid_request(400, format!("'$.prompt' is invalid. Please check the API reference: {reference}."))
}

/// A bound of our own: so many completions at once.
pub(super) fn too_many_choices(most: usize, count: usize) -> ApiError {
    let message =
        format!("Too many completions: {count} prompts times 'n', where {most} are answered at the most.");
    invalid_request(400, message).with("param", "n")
}

pub(super) fn best_of_below_n() -> ApiError {
    invalid_request(400, "best_of must be greater than or equal to n").with("param", "best_of")
}

pub(super) fn empty_input(path: &str) -> ApiError {
    invalid_request(400, format!("Invalid '{path}': input cannot be an empty string."))
}

pub(super) fn too_many_inputs(most: usize) -> ApiError {
    invalid_request(400, format!("Invalid 'input': array length must be {most} or less."))
}

pub(super) fn too_many_dimensions(got: u64, most: u64) -> ApiError {
    let message = format!("Invalid value for 'dimensions' = {got}. Must be less than or equal to {most}.");
    invalid_request(400, message)
}

pub(super) fn fixed_dimensions() -> ApiError {
    invalid_request(400, "This model does not support specifying dimensions.")
}

pub(super) fn empty_text(path: &str) -> ApiError {
    let message = format!(
        "Invalid '{path}': empty string. Expected a string with minimum length 1, but got an empty string instead."
    );
    invalid(message, path, "empty_string")
}

pub(super) fn only_with(param: &str, other: &str, state: &str) -> ApiError {
    let message = format!("The '{param}' parameter is only allowed when '{other}' is {state}.");
    invalid_request(400, message).with("param", param)
}

pub(super) fn tool_choice_without_tools() -> ApiError {
    let message =
        "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.";
    invalid_request(400, message).with("param", "tool_choice")
}

pub(super) fn tool_choice_unknown(name: &str) -> ApiError {
    let message = format!("Tool choice '{}' not found in 'tools' parameter.", shortened(name));
    invalid_request(400, message).with("param", "tool_choice")
}

pub(super) fn no_content(index: usize) -> ApiError {
    let message = "Invalid value for 'content': expected a string, got null.";
    invalid_request(400, message).with("param", format!("messages.[{index}].content"))
}

pub(super) fn tool_message_alone(index: usize) -> ApiError {
    let message = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
    invalid_request(400, message).with("param", format!("messages.[{index}].role"))
}

pub(super) fn tool_calls_unanswered(index: usize, ids: &[&str]) -> ApiError {
    let message = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
         'tool_call_id'. The following tool_call_ids did not have response messages: {}",
        ids.join(", ")
    );
    invalid_request(400, message).with("param", format!("messages.[{index}].role"))
}

pub(super) fn not_json() -> ApiError {
    invalid_request(
        400,
        "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP \
         library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have \
         trouble figuring out how to fix this, please contact us through our help center at help.openai.com.)",
    )
}

pub(super) fn not_an_object(got: &str) -> ApiError {
    let message = format!("Invalid type for request body: expected an object, but got {got} instead.");
    invalid_request(400, message).with("code", "invalid_type")
}

pub(super) fn too_large(limit: u64) -> ApiError {
    invalid_request(413, format!("Maximum content size limit ({limit}) exceeded."))
}

pub(super) fn unknown_path(method: &str, path: &str) -> ApiError {
    invalid_request(404, format!("Invalid URL ({method} {path})"))
}

pub(super) fn wrong_method(method: &str, path: &str) -> ApiError {
    let message = format!(
        "Not allowed to {method} on {path}. (HINT: Perhaps you meant to use a different HTTP method?)"
    );
    invalid_request(405, message).with("code", "method_not_supported")
}

/// What OpenAI says with this status.
pub(super) fn typical(status: u16, model: &str) -> ApiError {
    let error = |message: &str| ApiError::new(status, message);
    match status {
        400 => error("Invalid request."),
        401 => wrong_key(Some(Credential::Bearer("sk-mynah-0000"))),
        402 => error("You have insufficient balance. Please check your plan and billing details.")
            .with("type", "insufficient_quota")
            .with("code", "insufficient_quota"),
        403 => error("Country, region, or territory not supported")
            .with("code", "unsupported_country_region_territory"),
        404 => no_such_model(model),
        408 => error("Request timed out."),
        409 => error("The resource was changed by another request. Please try again."),
        413 => error("Maximum content size limit exceeded."),
        422 => error("The request was well-formed, but could not be followed."),
        429 => error(&format!(
            "Rate limit reached for {} in organization org-mynah0000000000000000000 on requests per min (RPM): \
             Limit 10000, Used 10000, Requested 1. Please try again in 6ms. Visit \
             https://platform.openai.com/account/rate-limits to learn more.",
            shortened(model)
        ))
        .with("type", "requests")
        .with("code", "rate_limit_exceeded"),
        500 => error(
            "The server had an error while processing your request. Sorry about that! You can retry your request, \
             or contact us through our help center at help.openai.com if the error persists.",
        ),
        501 => error("This is not implemented."),
        502 => error("Bad gateway."),
        503 => error("The server is overloaded or not ready yet."),
        504 => error("Gateway timed out."),
        529 => error("The engine is currently overloaded, please try again later."),
        505.. => error("The server could not answer this request."),
        _ => error("The request could not be served."),
    }
}

/// The wrong key is shown, all but its ends masked.
pub(super) fn wrong_key(key: Option<Credential<'_>>) -> ApiError {
    match key {
        None => invalid_request(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer \
             auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're \
             accessing the API from your browser and are prompted for a username and password. You can obtain an API \
             key from https://platform.openai.com/account/api-keys.",
        ),
        Some(key) => invalid_request(
            401,
            format!(
                "Incorrect API key provided: {}. You can find your API key at https://platform.openai.com/account/api-keys.",
                masked(key.secret())
            ),
        )
        .with("code", "invalid_api_key"),
    }
}

/// At Google, OpenAI's callers are refused in Google's words.
pub(super) fn wrong_key_at_google(key: Option<Credential<'_>>) -> ApiError {
    match key {
        None => ApiError::new(400, "Missing or invalid Authorization header."),
        Some(_) => ApiError::new(400, "API key not valid. Please pass a valid API key."),
    }
}

/// The first eight and the last four characters stay readable, of short keys
/// none.
fn masked(key: &str) -> String {
    let characters: Vec<_> = key.chars().collect();
    let shown = if characters.len() > 16 { (8, characters.len() - 4) } else { (0, characters.len()) };
    characters
        .iter()
        .enumerate()
        .map(|(at, character)| if (shown.0..shown.1).contains(&at) { '*' } else { *character })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_key_is_masked() {
        assert_eq!(masked("sk-abc123xxxxxxxxxxwxyz"), "sk-abc12***********wxyz");
        assert_eq!(masked("secret"), "******");
    }
}
