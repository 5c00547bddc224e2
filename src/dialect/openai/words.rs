//! How OpenAI speaks of what is wrong with a field.

use std::fmt::Write;

use serde_json::Value;

use super::refuse;
use crate::{
    dialect::{
        UnknownFields,
        check::{self, Noun, Problem, Wording},
        fields::{Field, Kind},
        path::Path,
    },
    reply::ApiError,
};

/// Checks a request's body.
pub(super) fn check(value: &Value, fields: &[Field], unknown: UnknownFields) -> Result<(), ApiError> {
    check::body(value, fields, &Words, unknown)
}

struct Words;

impl Wording for Words {
    fn place(&self, path: &Path<'_>) -> String {
        path.spell(str::to_owned)
    }

    fn refuse(&self, place: &str, problem: &Problem<'_>) -> ApiError {
        match problem {
            Problem::Missing => refuse::missing(place),
            Problem::WrongType(kind, value) => refuse::wrong_type(place, &expected(kind), got(value)),
            Problem::UnknownWord(word, words) | Problem::UnknownTag(word, words) => {
                refuse::unknown_word(place, word, words)
            }
            Problem::NotAName(_) => refuse::not_a_name(place),
            Problem::Below(noun, least, value) => refuse::below(place, spell(*noun), least, value),
            Problem::Above(noun, most, value) => refuse::above(place, spell(*noun), most, value),
            Problem::TooShort(least) => refuse::list_too_short(place, *least),
            Problem::TooLong(most, length) => refuse::list_too_long(place, *most, *length),
            Problem::UnknownField => refuse::unknown_field(place),
        }
    }
}

fn spell(noun: Noun) -> &'static str {
    match noun {
        Noun::Integer => "integer",
        Noun::Decimal => "decimal",
    }
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
        Kind::Text | Kind::Name(_) | Kind::Word(_) => ("a", "string"),
        Kind::Bool => ("a", "boolean"),
        Kind::Int(..) => ("an", "integer"),
        Kind::Number(..) => ("a", "decimal"),
        Kind::List(of, ..) => match of {
            Kind::Text | Kind::Word(_) => ("an", "array of strings"),
            Kind::Int(..) => ("an", "array of integers"),
            _ => ("an", "array of objects"),
        },
        Kind::Object(_) | Kind::Tagged(_) | Kind::TaggedOrFirst(_) | Kind::AnyObject => ("an", "object"),
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
        let error = check(body, CHAT, UnknownFields::Ignored).unwrap_err();
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
        check(&body, CHAT, UnknownFields::Ignored).unwrap();
    }
}
