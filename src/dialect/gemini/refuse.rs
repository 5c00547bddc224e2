//! What Google refuses, in its words.

use serde_json::{Value, json};

use super::conform::{bad_request, snake_case};
use crate::{dialect::shortened, reply::ApiError, request::Credential};

/// The canonical status string for an HTTP status, as `google.rpc.Code` and its
/// HTTP mapping have it.
pub(crate) fn status_name(status: u16) -> &'static str {
    match status {
        400 | 413 | 417 | 422 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        402 => "FAILED_PRECONDITION",
        403 => "PERMISSION_DENIED",
        404 | 405 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        502 | 503 | 529 => "UNAVAILABLE",
        500 | 505.. => "INTERNAL",
        _ => "UNKNOWN",
    }
}

/// The rules that a request for content must keep beyond its types.
pub(super) fn generate(body: &Value, message: &str) -> Result<(), ApiError> {
    contents(body, message)?;
    config(&body["generationConfig"])
        .map_err(|(field, reason)| invalid(&format!("{message}.generation_config"), &field, &reason))?;
    tools(body, message)
}

/// What is wrong with a configuration: the field, and why.
fn config(config: &Value) -> Result<(), (String, String)> {
    if config.is_null() {
        return Ok(());
    }
    for (name, low, high, decimals) in [
        ("temperature", 0.0, 2.0, 1),
        ("topP", 0.0, 1.0, 1),
        ("candidateCount", 1.0, 8.0, 0),
        ("logprobs", 0.0, 20.0, 0),
    ] {
        if let Some(value) = config[name].as_f64()
            && !(low..=high).contains(&value)
        {
            let name = snake_case(name);
            let reason = format!("{name} must be in the range [{low:.decimals$}, {high:.decimals$}].");
            return Err((name, reason));
        }
    }
    if !config["logprobs"].is_null() && config["responseLogprobs"] != true {
        // No source tells Google's own words.
        let reason = "logprobs can only be set where response_logprobs is true.";
        return Err(("logprobs".to_owned(), reason.to_owned()));
    }
    for name in ["maxOutputTokens", "topK"] {
        if config[name].as_i64().is_some_and(|value| value < 1) {
            let name = snake_case(name);
            let reason = format!("{name} must be positive.");
            return Err((name, reason));
        }
    }
    if config["stopSequences"].as_array().is_some_and(|list| list.len() > 5) {
        let reason = "the number of stop_sequences must not exceed 5.";
        return Err(("stop_sequences".to_owned(), reason.to_owned()));
    }
    Ok(())
}

/// The rules about functions: their names, and which must be called.
fn tools(body: &Value, message: &str) -> Result<(), ApiError> {
    let mut names = Vec::new();
    for (tool, declarations) in body["tools"].as_array().into_iter().flatten().enumerate() {
        for (at, declaration) in
            declarations["functionDeclarations"].as_array().into_iter().flatten().enumerate()
        {
            let name = declaration["name"].as_str().unwrap_or_default();
            if !is_function_name(name) {
                let place = format!("{message}.tools[{tool}].function_declarations[{at}]");
                return Err(invalid(&place, "name", FUNCTION_NAME));
            }
            names.push(name);
        }
    }
    if names.len() > MOST_FUNCTIONS {
        let reason = format!("the number of function declarations must not exceed {MOST_FUNCTIONS}.");
        return Err(invalid(message, "tools", &reason));
    }
    let config = &body["toolConfig"]["functionCallingConfig"];
    if config["mode"] == "ANY" && names.is_empty() {
        return Err(ApiError::new(400, "Function calling config is set without function_declarations."));
    }
    for allowed in config["allowedFunctionNames"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !names.contains(&allowed) {
            let place = format!("{message}.tool_config.function_calling_config");
            let reason = format!("'{}' is not among the function declarations.", shortened(allowed));
            return Err(invalid(&place, "allowed_function_names", &reason));
        }
    }
    Ok(())
}

const MOST_FUNCTIONS: usize = 512;

const FUNCTION_NAME: &str = "Invalid function name. Must start with a letter or an underscore. Must be alphameric \
                             (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum \
                             length of 64.";

fn is_function_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte))
}

/// The rules about what is said to the model.
pub(super) fn contents(body: &Value, message: &str) -> Result<(), ApiError> {
    let contents = match body["contents"].as_array() {
        Some(contents) if !contents.is_empty() => contents,
        _ => return Err(invalid(message, "contents", "contents is not specified")),
    };
    for (index, content) in contents.iter().enumerate() {
        let place = || format!("{message}.contents[{index}]");
        if let Some(role) = content["role"].as_str()
            && !["", "user", "model", "function"].contains(&role)
        {
            return Err(ApiError::new(400, "Please use a valid role: user, model."));
        }
        let parts = match content["parts"].as_array() {
            Some(parts) if !parts.is_empty() => parts,
            _ => return Err(invalid(&place(), "parts", "contents.parts must not be empty.")),
        };
        if let Some(index) = parts.iter().position(|part| !has_content(part)) {
            let reason = "required oneof field 'data' must have one initialized field";
            return Err(invalid(&format!("{}.parts[{index}]", place()), "data", reason));
        }
    }
    Ok(())
}

/// The requests of a batch of contents to embed.
pub(super) fn batch(body: &Value) -> Result<&[Value], ApiError> {
    let message = "BatchEmbedContentsRequest";
    match body["requests"].as_array() {
        Some(requests) if requests.len() > MOST_EMBEDDED => {
            let reason = format!("at most {MOST_EMBEDDED} requests can be in one batch");
            Err(invalid(message, "requests", &reason))
        }
        Some(requests) if !requests.is_empty() => Ok(requests),
        _ => Err(invalid(message, "requests", "requests is not specified")),
    }
}

const MOST_EMBEDDED: usize = 100;

/// The parts of a content to embed.
pub(super) fn embedded<'a>(request: &'a Value, message: &str) -> Result<&'a [Value], ApiError> {
    let parts = match request["content"]["parts"].as_array() {
        Some(parts) if !parts.is_empty() => parts,
        _ => return Err(invalid(message, "content", "content is not specified")),
    };
    if parts.iter().any(|part| part["text"] == "" || !has_content(part)) {
        return Err(ApiError::new(400, "EmbedContentRequest.content contains an empty Part."));
    }
    Ok(parts)
}

/// How many numbers a vector is to have.
pub(super) fn dimensions(request: &Value, message: &str) -> Result<Option<usize>, ApiError> {
    let places = [request, &request["embedContentConfig"]];
    let Some(wanted) = places.iter().find_map(|place| place["outputDimensionality"].as_i64()) else {
        return Ok(None);
    };
    match usize::try_from(wanted) {
        Ok(wanted) if (1..=MOST_DIMENSIONS).contains(&wanted) => Ok(Some(wanted)),
        _ => {
            let reason = format!("output_dimensionality must be in the range [1, {MOST_DIMENSIONS}].");
            Err(invalid(message, "output_dimensionality", &reason))
        }
    }
}

const MOST_DIMENSIONS: usize = 3072;

/// What is to be drawn.
pub(super) fn drawn(body: &Value) -> Result<&str, ApiError> {
    let message = "PredictRequest";
    let Some(instance) = body["instances"].get(0) else {
        return Err(invalid(message, "instances", "instances is not specified"));
    };
    let count = &body["parameters"]["sampleCount"];
    if !count.is_null() && !count.as_u64().is_some_and(|count| (1..=4).contains(&count)) {
        return Err(invalid(message, "parameters", "sampleCount must be in the range [1, 4]."));
    }
    match instance["prompt"].as_str() {
        Some(prompt) if !prompt.is_empty() => Ok(prompt),
        _ => Err(invalid(&format!("{message}.instances[0]"), "prompt", "prompt is not specified")),
    }
}

/// Whether a part says anything; a signature may stand alone.
fn has_content(part: &Value) -> bool {
    [
        "text",
        "inlineData",
        "fileData",
        "functionCall",
        "functionResponse",
        "executableCode",
        "codeExecutionResult",
        "toolCall",
        "toolResponse",
        "thoughtSignature",
    ]
    .iter()
    .any(|name| !part[*name].is_null())
}

fn invalid(place: &str, field: &str, reason: &str) -> ApiError {
    ApiError::new(400, format!("* {place}.{field}: {reason}\n"))
}

pub(super) fn page_size(text: &str) -> ApiError {
    let reason = format!("Invalid value at 'page_size' (TYPE_INT32), {}", Value::from(shortened(text)));
    bad_request(reason.clone(), &[json!({"field": "page_size", "description": reason})])
}

pub(super) fn page_token() -> ApiError {
    let reason = "Invalid page token.";
    bad_request(reason.to_owned(), &[json!({"field": "page_token", "description": reason})])
}

/// Google's reader shows the line and points at the place.
pub(super) fn not_json(body: &[u8], error: &serde_json::Error) -> ApiError {
    let Ok(text) = std::str::from_utf8(body) else {
        let reason = "Invalid JSON payload received. Encountered non UTF-8 code points.";
        return bad_request(reason.to_owned(), &[json!({"description": reason})]);
    };
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    let what = if error.is_eof() { "Unexpected end of string." } else { "Unexpected token." };
    let (shown, column) = window(line, error.column().saturating_sub(1));
    let reason = format!("Invalid JSON payload received. {what}\n{shown}\n{}^", " ".repeat(column));
    bad_request(reason.clone(), &[json!({"description": reason})])
}

/// The surroundings of a byte in a line, and the column of that byte in them.
fn window(line: &str, byte: usize) -> (&str, usize) {
    const EITHER_SIDE: usize = 20;
    let byte = line.floor_char_boundary(byte.min(line.len()));
    let start = line[..byte].char_indices().rev().nth(EITHER_SIDE - 1).map_or(0, |(at, _)| at);
    let end = line[byte..].char_indices().nth(EITHER_SIDE).map_or(line.len(), |(at, _)| byte + at);
    (&line[start..end], line[start..byte].chars().count())
}

pub(super) fn too_large(limit: u64) -> ApiError {
    ApiError::new(413, format!("Request payload size exceeds the limit: {limit} bytes."))
}

pub(super) fn no_such_model(model: &str, version: &str, method: &str) -> ApiError {
    let model = shortened(model);
    ApiError::new(
        404,
        format!(
            "models/{model} is not found for API version {version}, or is not supported for {method}. Call \
             ModelService.ListModels to see the list of available models and their supported methods."
        ),
    )
}

pub(super) fn unknown_path(path: &str) -> ApiError {
    ApiError::new(404, format!("The requested URL {} was not found on this server.", shortened(path)))
}

/// What Google says with this status.
pub(super) fn typical(status: u16, model: &str, version: &str, verb: &str, method: &str) -> ApiError {
    let message = match status {
        400 => "Request contains an invalid argument.",
        401 => return ApiError { status, ..wrong_key(Some(Credential::Bearer("")), method) },
        402 => "Insufficient balance. Please top up your account and try again.",
        403 => "The caller does not have permission",
        404 => return no_such_model(model, version, verb),
        408 | 504 => "Deadline expired before operation could complete.",
        409 => "The operation was aborted.",
        413 => "Request payload size exceeds the limit.",
        422 => "Request contains an invalid argument.",
        429 => "Resource has been exhausted (e.g. check quota).",
        499 => "The operation was cancelled.",
        500 => {
            "An internal error has occurred. Please retry or report in \
             https://developers.generativeai.google/guide/troubleshooting"
        }
        501 => "Operation is not implemented, or supported, or enabled.",
        502 => "The upstream service could not be reached.",
        503 | 529 => "The model is overloaded. Please try again later.",
        505.. => "The service is currently unavailable.",
        _ => "The request could not be served.",
    };
    ApiError::new(status, message)
}

/// A missing key is a matter of permission, a wrong one an invalid argument,
/// and a wrong bearer token one of authentication.
pub(super) fn wrong_key(key: Option<Credential<'_>>, method: &str) -> ApiError {
    match key {
        None => ApiError::new(
            403,
            "Method doesn't allow unregistered callers (callers without established identity). \
             Please use API Key or other form of API consumer identity to call this API.",
        ),
        Some(Credential::Bearer(_)) => ApiError::new(
            401,
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login \
             cookie or other valid authentication credential. See \
             https://developers.google.com/identity/sign-in/web/devconsole-project.",
        )
        .with(
            "details",
            json!([error_info(
                "ACCESS_TOKEN_TYPE_UNSUPPORTED",
                json!({"method": method, "service": SERVICE})
            )]),
        ),
        Some(_) => {
            let message = "API key not valid. Please pass a valid API key.";
            ApiError::new(400, message).with(
                "details",
                json!([
                    error_info("API_KEY_INVALID", json!({"service": SERVICE})),
                    {
                        "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
                        "locale": "en-US",
                        "message": message,
                    },
                ]),
            )
        }
    }
}

const SERVICE: &str = "generativelanguage.googleapis.com";

fn error_info(reason: &str, metadata: Value) -> Value {
    let mut info = json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
    });
    info["metadata"] = metadata;
    info
}
