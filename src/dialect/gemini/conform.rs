//! Brings a request into canonical proto3 JSON: camelCase names, numbers as
//! numbers, enums by name, nulls gone. What cannot be brought there is
//! reported in the words of Google's own reader.
//!
//! Source: the proto3 JSON mapping (protobuf.dev/programming-guides/json), and
//! the mixtures that real clients send.

use serde_json::{Number, Value, json};

use super::fields::{Enum, Kind, Message};
use crate::{
    dialect::{UnknownFields, path::Path, shortened},
    reply::ApiError,
};

/// Violations that are reported at the most.
const MOST_VIOLATIONS: usize = 100;

/// Something that a field cannot hold.
#[derive(Debug)]
struct Violation {
    field: String,
    description: String,
}

/// Brings `value` into the canonical form of `message`.
///
/// # Errors
///
/// One `INVALID_ARGUMENT` for all violations together, with a `BadRequest`
/// in its details.
pub(super) fn conform(
    value: &mut Value,
    message: &'static Message,
    version: &str,
    unknown: UnknownFields,
) -> Result<(), ApiError> {
    if !value.is_object() {
        let reason = "Invalid JSON payload received. Unknown name \"\": Root element must be a message.";
        return Err(bad_request(reason.to_owned(), &[json!({"description": reason})]));
    }
    let mut reader = Reader { version, unknown, violations: Vec::new() };
    reader.message(value, message, &Path::Root);
    match reader.violations.as_slice() {
        [] => Ok(()),
        violations => Err(refusal(violations)),
    }
}

fn refusal(violations: &[Violation]) -> ApiError {
    let message: Vec<_> = violations.iter().map(|found| found.description.as_str()).collect();
    let fields: Vec<_> = violations
        .iter()
        .map(|found| {
            if found.field.is_empty() {
                json!({"description": found.description})
            } else {
                json!({"field": found.field, "description": found.description})
            }
        })
        .collect();
    bad_request(message.join("\n"), &fields)
}

/// An `INVALID_ARGUMENT` with a `google.rpc.BadRequest`.
pub(super) fn bad_request(message: String, violations: &[Value]) -> ApiError {
    ApiError::new(400, message).with(
        "details",
        json!([{
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": violations,
        }]),
    )
}

struct Reader<'a> {
    version: &'a str,
    unknown: UnknownFields,
    violations: Vec<Violation>,
}

impl Reader<'_> {
    fn message(&mut self, value: &mut Value, message: &'static Message, path: &Path<'_>) {
        let Value::Object(members) = value else {
            let what = self.type_name(message.name);
            return self.wrong(value, &what, path);
        };
        if members.iter().any(|(name, value)| needs_rewriting(message, name, value)) {
            let refuses = self.unknown == UnknownFields::Refused;
            *members = std::mem::take(members)
                .into_iter()
                // A null is as good as nothing, but for the name that it has.
                .filter(|(name, value)| !value.is_null() || (refuses && field(message, name).is_none()))
                .map(|(name, value)| match field(message, &name) {
                    Some((canonical, _)) => ((*canonical).to_owned(), value),
                    None => (name, value),
                })
                .collect();
        }
        for (name, value) in members {
            if self.violations.len() >= MOST_VIOLATIONS {
                return;
            }
            match field(message, name) {
                Some((_, kind)) => self.value(value, kind, &Path::Name(path, name)),
                None if self.unknown == UnknownFields::Refused => self.no_such_field(path, name),
                None => {}
            }
        }
    }

    fn value(&mut self, value: &mut Value, kind: &'static Kind, path: &Path<'_>) {
        match kind {
            Kind::Any => {}
            Kind::List(kind) => self.list(value, kind, path),
            Kind::Map(kind) => self.map(value, kind, path),
            _ if value.is_array() => self.not_repeating(path),
            Kind::Message(message) => self.message(value, message, path),
            Kind::Enum(values) => self.enumeration(value, values, path),
            _ if value.is_object() => {
                let what = self.scalar_name(kind);
                self.invalid(path, |place| {
                    format!("Invalid value at '{place}' ({what}), Starting an object on a scalar field")
                });
            }
            _ if is_scalar(value, kind) => {}
            Kind::Bytes if value.is_string() => {
                let shown = excerpt(value);
                self.invalid(path, |place| {
                    format!("Invalid value at '{place}' (TYPE_BYTES), Base64 decoding failed for {shown}")
                });
            }
            _ => {
                let what = self.scalar_name(kind);
                self.wrong(value, &what, path);
            }
        }
    }

    /// A repeated field. Google's reader takes a single value for a list of one.
    fn list(&mut self, value: &mut Value, kind: &'static Kind, path: &Path<'_>) {
        if !value.is_array() {
            *value = Value::Array(vec![value.take()]);
        }
        let Value::Array(items) = value else { return };
        for (index, item) in items.iter_mut().enumerate() {
            if self.violations.len() >= MOST_VIOLATIONS {
                return;
            }
            self.value(item, kind, &Path::Index(path, index));
        }
    }

    fn map(&mut self, value: &mut Value, kind: &'static Kind, path: &Path<'_>) {
        let Value::Object(members) = value else {
            return self.wrong(value, "Map", path);
        };
        for (index, (_, value)) in members.iter_mut().enumerate() {
            if self.violations.len() >= MOST_VIOLATIONS {
                return;
            }
            self.value(value, kind, &Path::Name(&Path::Index(path, index), "value"));
        }
    }

    fn enumeration(&mut self, value: &mut Value, values: &'static Enum, path: &Path<'_>) {
        let found = match &*value {
            Value::String(name) => values.values.iter().find(|known| known.eq_ignore_ascii_case(name)),
            Value::Number(number) => {
                number.as_u64().and_then(|number| values.values.get(usize::try_from(number).ok()?))
            }
            _ => None,
        };
        match found {
            Some(name) => *value = Value::from(*name),
            None => {
                let what = self.type_name(values.name);
                self.wrong(value, &what, path);
            }
        }
    }

    fn wrong(&mut self, value: &Value, what: &str, path: &Path<'_>) {
        self.invalid(path, |place| format!("Invalid value at '{place}' ({what}), {}", excerpt(value)));
    }

    fn invalid(&mut self, path: &Path<'_>, reason: impl FnOnce(&str) -> String) {
        let field = path.spell(snake_case);
        let description = reason(&field);
        self.violations.push(Violation { field, description });
    }

    fn not_repeating(&mut self, path: &Path<'_>) {
        let (field, name) = match path {
            Path::Name(parent, name) => (parent.spell(snake_case), snake_case(name)),
            _ => (path.spell(snake_case), String::new()),
        };
        self.unknown_name(field, &name, "Proto field is not repeating, cannot start list.");
    }

    /// A member of `path` that its message does not have. It is named as it was
    /// sent.
    fn no_such_field(&mut self, path: &Path<'_>, name: &str) {
        self.unknown_name(path.spell(snake_case), &shortened(name), "Cannot find field.");
    }

    fn unknown_name(&mut self, field: String, name: &str, why: &str) {
        let place = if field.is_empty() { String::new() } else { format!(" at '{field}'") };
        let description = format!("Invalid JSON payload received. Unknown name \"{name}\"{place}: {why}");
        self.violations.push(Violation { field, description });
    }

    fn type_name(&self, name: &str) -> String {
        format!("type.googleapis.com/google.ai.generativelanguage.{}.{name}", self.version)
    }

    fn scalar_name(&self, kind: &Kind) -> String {
        match kind {
            Kind::Text => "TYPE_STRING".to_owned(),
            Kind::Bool => "TYPE_BOOL".to_owned(),
            Kind::Int32 => "TYPE_INT32".to_owned(),
            Kind::Int64 => "TYPE_INT64".to_owned(),
            Kind::Float => "TYPE_FLOAT".to_owned(),
            Kind::Bytes => "TYPE_BYTES".to_owned(),
            Kind::Enum(values) => self.type_name(values.name),
            Kind::Message(message) => self.type_name(message.name),
            Kind::Any | Kind::List(_) | Kind::Map(_) => String::new(),
        }
    }
}

fn field(message: &'static Message, name: &str) -> Option<&'static (&'static str, Kind)> {
    message.fields.iter().find(|(canonical, _)| is_spelling(canonical, name))
}

fn needs_rewriting(message: &'static Message, name: &str, value: &Value) -> bool {
    value.is_null() || field(message, name).is_some_and(|(canonical, _)| *canonical != name)
}

/// Whether `name` is `canonical` or its snake_case.
fn is_spelling(canonical: &str, name: &str) -> bool {
    if canonical == name {
        return true;
    }
    let mut upper = false;
    let mut expected = canonical.bytes();
    for byte in name.bytes() {
        if byte == b'_' && !upper {
            upper = true;
            continue;
        }
        let byte = if std::mem::take(&mut upper) { byte.to_ascii_uppercase() } else { byte };
        if expected.next() != Some(byte) {
            return false;
        }
    }
    !upper && expected.next().is_none()
}

/// `maxOutputTokens` as `max_output_tokens`, as Google's errors name it.
pub(super) fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

/// Brings a scalar into its canonical form; `false` if it has none.
fn is_scalar(value: &mut Value, kind: &Kind) -> bool {
    let canonical = match (kind, &*value) {
        (Kind::Text, Value::String(_)) | (Kind::Bool, Value::Bool(_)) => return true,
        (Kind::Float, Value::Number(_)) => return true,
        (Kind::Bytes, Value::String(text)) => return is_base64(text),
        (Kind::Bool, Value::String(text)) => text.parse().ok().map(Value::Bool),
        (Kind::Int32, _) => whole(value).filter(|number| i32::try_from(*number).is_ok()).map(Value::from),
        (Kind::Int64, _) => whole(value).map(Value::from),
        (Kind::Float, Value::String(text)) => text.parse().ok().and_then(Number::from_f64).map(Value::Number),
        _ => None,
    };
    canonical.map(|canonical| *value = canonical).is_some()
}

/// A whole number, be it written `40`, `40.0` or `"40"`.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| from_float(number.as_f64()?)),
        Value::String(text) => text.parse().ok().or_else(|| from_float(text.parse().ok()?)),
        _ => None,
    }
}

fn from_float(float: f64) -> Option<i64> {
    // 2^53: up to there a float names one whole number.
    let exact = float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0;
    exact.then_some(float as i64)
}

/// Base64 in the standard or the URL-safe alphabet, padded or not.
fn is_base64(text: &str) -> bool {
    let unpadded = text.trim_end_matches('=');
    text.len() - unpadded.len() <= 2
        && unpadded.len() % 4 != 1
        && unpadded
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_'))
}

/// The value as JSON, shortened.
fn excerpt(value: &Value) -> String {
    shortened(&value.to_string())
}

#[cfg(test)]
mod tests {
    use super::{super::fields, *};

    fn conformed(mut value: Value) -> Value {
        conform(&mut value, &fields::GENERATE, "v1beta", UnknownFields::Ignored).unwrap();
        value
    }

    fn refused(mut value: Value) -> ApiError {
        conform(&mut value, &fields::GENERATE, "v1beta", UnknownFields::Ignored).unwrap_err()
    }

    #[test]
    fn mixed_spellings_become_one() {
        let mixed = json!({
            "contents": {"parts": {"inline_data": {"mime_type": "image/png", "data": "_-8="}}},
            "system_instruction": {"parts": [{"text": "x"}]},
            "generationConfig": {
                "max_output_tokens": "40", "topK": 40.0, "temperature": "0.5",
                "response_modalities": ["image", 1], "seed": null,
            },
        });
        assert_eq!(
            conformed(mixed),
            json!({
                "contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "_-8="}}]}],
                "systemInstruction": {"parts": [{"text": "x"}]},
                "generationConfig": {
                    "maxOutputTokens": 40, "topK": 40, "temperature": 0.5,
                    "responseModalities": ["IMAGE", "TEXT"],
                },
            })
        );
    }

    #[test]
    fn the_caller_s_own_names_stay_as_they_are() {
        let request = json!({
            "contents": [{"parts": [{"functionCall": {"name": "f", "args": {"snake_name": null}}}]}],
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": {
                "type": "OBJECT", "properties": {"user_id": {"type": "STRING"}},
            }}]}],
        });
        assert_eq!(conformed(request.clone()), request);
    }

    #[test]
    fn all_violations_are_reported_together() {
        let error = refused(json!({
            "contents": ["hi"],
            "generationConfig": {"maxOutputTokens": "many", "temperature": {}, "topP": []},
        }));
        assert_eq!(
            error.message,
            "Invalid value at 'contents[0]' (type.googleapis.com/google.ai.generativelanguage.v1beta.Content), \"hi\"\n\
             Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32), \"many\"\n\
             Invalid value at 'generation_config.temperature' (TYPE_FLOAT), Starting an object on a scalar field\n\
             Invalid JSON payload received. Unknown name \"top_p\" at 'generation_config': Proto field is not repeating, cannot start list."
        );
        assert_eq!(error.members["details"][0]["fieldViolations"].as_array().unwrap().len(), 4);
    }

    #[test]
    fn unknown_fields_are_passed_over_or_refused_all_at_once() {
        let request = json!({
            "contents": [{"parts": [{"text": "x", "colour": null}]}],
            "generation_config": {"effortLevel": "high", "temperature": "hot", "topK": null},
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": {
                "type": "OBJECT", "properties": {"a": {"type": "STRING"}, "b": {"type": "STRING", "const": 1}},
            }}]}],
            "google": {"deep": {}},
        });
        let lenient = refused(request.clone());
        assert_eq!(lenient.message.lines().count(), 1, "{}", lenient.message);
        let mut strict = request;
        let error = conform(&mut strict, &fields::GENERATE, "v1beta", UnknownFields::Refused).unwrap_err();
        let start = "Invalid JSON payload received. Unknown name";
        assert_eq!(
            error.message,
            [
                format!("{start} \"colour\" at 'contents[0].parts[0]': Cannot find field."),
                format!("{start} \"effortLevel\" at 'generation_config': Cannot find field."),
                "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"hot\"".to_owned(),
                format!(
                    "{start} \"const\" at 'tools[0].function_declarations[0].parameters.properties[1].value': Cannot find field."
                ),
                format!("{start} \"google\": Cannot find field."),
            ]
            .join("\n")
        );
        let violations = &error.members["details"][0]["fieldViolations"];
        assert_eq!(violations[1]["field"], "generation_config");
        assert_eq!(violations[4].get("field"), None);
    }

    #[test]
    fn base64_is_checked() {
        let part = |data: &str| json!({"contents": [{"parts": [{"inlineData": {"mimeType": "a/b", "data": data}}]}]});
        let error = refused(part("!!!"));
        assert_eq!(
            error.message,
            "Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES), Base64 decoding failed for \"!!!\""
        );
        conformed(part("QUJD"));
    }
}
