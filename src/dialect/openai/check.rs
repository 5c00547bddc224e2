//! Holds a request against the tables of its fields. The first thing that is
//! wrong is reported, in OpenAI's words.

use std::fmt::Write;

use serde_json::Value;

use super::{
    fields::{Field, Kind, Need},
    refuse,
};
use crate::{dialect::path::Path, reply::ApiError};

/// Checks a request's body.
pub(super) fn body(value: &Value, fields: &[Field]) -> Result<(), ApiError> {
    object(value, fields, &Path::Root)
}

/// First what is missing, then the members in their order.
fn object(value: &Value, fields: &[Field], path: &Path<'_>) -> Result<(), ApiError> {
    for field in fields.iter().filter(|field| field.need == Need::Required) {
        if value.get(field.name).is_none() {
            return Err(refuse::missing(&spell(&Path::Name(path, field.name))));
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let Some(field) = fields.iter().find(|field| field.name == name) else { continue };
        if !(member.is_null() && field.need == Need::Optional) {
            check(member, &field.kind, &Path::Name(path, name))?;
        }
    }
    Ok(())
}

fn spell(path: &Path<'_>) -> String {
    path.spell(str::to_owned)
}

fn check(value: &Value, kind: &Kind, path: &Path<'_>) -> Result<(), ApiError> {
    if !has_type(value, kind) {
        return Err(refuse::wrong_type(&spell(path), &expected(kind), got(value)));
    }
    match (kind, value) {
        (Kind::Name, Value::String(name)) if !is_name(name) => Err(refuse::not_a_name(&spell(path))),
        (Kind::Word(words), Value::String(word)) if !words.contains(&word.as_str()) => {
            Err(refuse::unknown_word(&spell(path), word, words))
        }
        (Kind::Int(low, high), Value::Number(number)) => match number.as_i128() {
            Some(number) if number < i128::from(*low) => {
                Err(refuse::below(&spell(path), "integer", low, value))
            }
            Some(number) if number > i128::from(*high) => {
                Err(refuse::above(&spell(path), "integer", high, value))
            }
            _ => Ok(()),
        },
        (Kind::Number(low, high), _) => match value.as_f64() {
            Some(number) if number < *low => Err(refuse::below(&spell(path), "decimal", low, value)),
            Some(number) if number > *high => Err(refuse::above(&spell(path), "decimal", high, value)),
            _ => Ok(()),
        },
        (Kind::List(of, least, most), Value::Array(items)) => list(items, of, (*least, *most), path),
        (Kind::Object(fields), _) => object(value, fields, path),
        (Kind::Tagged(variants), _) => tagged(value, variants, path),
        (Kind::Either(kinds), _) => match kinds.iter().find(|kind| has_type(value, kind)) {
            Some(kind) => check(value, kind, path),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn list(items: &[Value], of: &Kind, (least, most): (usize, usize), path: &Path<'_>) -> Result<(), ApiError> {
    if items.len() < least {
        return Err(refuse::list_too_short(&spell(path), least));
    }
    if items.len() > most {
        return Err(refuse::list_too_long(&spell(path), most, items.len()));
    }
    items.iter().enumerate().try_for_each(|(index, item)| check(item, of, &Path::Index(path, index)))
}

fn tagged(value: &Value, variants: &[(&str, &[Field])], path: &Path<'_>) -> Result<(), ApiError> {
    let place = Path::Name(path, "type");
    let tag = match value.get("type") {
        None => return Err(refuse::missing(&spell(&place))),
        Some(Value::String(tag)) => tag,
        Some(other) => return Err(refuse::wrong_type(&spell(&place), "a string", got(other))),
    };
    match variants.iter().find(|(name, _)| name == tag) {
        Some((_, fields)) => object(value, fields, path),
        None => {
            let names: Vec<_> = variants.iter().map(|(name, _)| *name).collect();
            Err(refuse::unknown_word(&spell(&place), tag, &names))
        }
    }
}

fn has_type(value: &Value, kind: &Kind) -> bool {
    match kind {
        Kind::Text | Kind::Name | Kind::Word(_) => value.is_string(),
        Kind::Bool => value.is_boolean(),
        Kind::Int(..) => value.is_i64() || value.is_u64(),
        Kind::Number(..) => value.is_number(),
        Kind::List(..) => value.is_array(),
        Kind::Object(_) | Kind::Tagged(_) | Kind::AnyObject => value.is_object(),
        Kind::Either(kinds) => kinds.iter().any(|kind| has_type(value, kind)),
        Kind::Any => true,
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn expected(kind: &Kind) -> String {
    match kind {
        Kind::Either(kinds) => {
            let mut text = "one of ".to_owned();
            for (index, kind) in kinds.iter().enumerate() {
                let (article, noun) = noun(kind);
                let _ = match index {
                    0 => write!(text, "{article} {noun}"),
                    _ => write!(text, " or {noun}"),
                };
            }
            text
        }
        kind => {
            let (article, noun) = noun(kind);
            format!("{article} {noun}")
        }
    }
}

fn noun(kind: &Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Text | Kind::Name | Kind::Word(_) => ("a", "string"),
        Kind::Bool => ("a", "boolean"),
        Kind::Int(..) => ("an", "integer"),
        Kind::Number(..) => ("a", "decimal"),
        Kind::List(of, ..) => match of {
            Kind::Text | Kind::Word(_) => ("an", "array of strings"),
            _ => ("an", "array of objects"),
        },
        Kind::Object(_) | Kind::Tagged(_) | Kind::AnyObject => ("an", "object"),
        Kind::Either(_) | Kind::Any => ("a", "value"),
    }
}

/// What a value is, in a message.
pub(super) fn got(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::fields::CHAT, *};

    fn refusal(body: &Value) -> (String, Value, Value) {
        let error = super::body(body, CHAT).unwrap_err();
        (error.message, error.members["param"].clone(), error.members["code"].clone())
    }

    #[test]
    fn each_mistake_is_worded_as_openai_words_it() {
        let user = json!({"role": "user", "content": "x"});
        for (body, message, param, code) in [
            (json!({}), "Missing required parameter: 'messages'.", "messages", "missing_required_parameter"),
            (
                json!({"messages": "hi"}),
                "Invalid type for 'messages': expected an array of objects, but got a string instead.",
                "messages",
                "invalid_type",
            ),
            (
                json!({"messages": [{"role": "user", "content": 5}]}),
                "Invalid type for 'messages[0].content': expected one of a string or array of objects, but got an integer instead.",
                "messages[0].content",
                "invalid_type",
            ),
            (
                json!({"messages": [{"role": "robot", "content": "x"}]}),
                "Invalid value: 'robot'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.",
                "messages[0].role",
                "invalid_value",
            ),
            (
                json!({"messages": [user], "temperature": 3}),
                "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
                "temperature",
                "decimal_above_max_value",
            ),
            (
                json!({"messages": [user], "n": 0}),
                "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead.",
                "n",
                "integer_below_min_value",
            ),
            (
                json!({"messages": []}),
                "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
                "messages",
                "empty_array",
            ),
            (
                json!({"messages": [{"role": "user", "content": [{"text": "x"}]}]}),
                "Missing required parameter: 'messages[0].content[0].type'.",
                "messages[0].content[0].type",
                "missing_required_parameter",
            ),
        ] {
            assert_eq!(refusal(&body), (message.to_owned(), json!(param), json!(code)));
        }
    }

    #[test]
    fn a_null_stands_for_an_absent_option() {
        let body = json!({"messages": [{"role": "assistant", "content": null}], "stop": null, "n": null});
        super::body(&body, CHAT).unwrap();
    }
}
