//! How Anthropic speaks of what is wrong with a field: in Pydantic's words,
//! places written with dots, the types of what may be several things among them.

use serde_json::Value;

use super::refuse;
use crate::{
    dialect::{
        UnknownFields,
        check::{self, Noun, Problem, Wording},
        fields::{Field, Kind},
        path::Path,
        shortened,
    },
    reply::ApiError,
};

/// Checks a request's body.
pub(super) fn check(value: &Value, fields: &[Field], unknown: UnknownFields) -> Result<(), ApiError> {
    check_at("", value, fields, unknown)
}

/// Checks what stands at a place in it.
pub(super) fn check_at(
    place: &str,
    value: &Value,
    fields: &[Field],
    unknown: UnknownFields,
) -> Result<(), ApiError> {
    check::body(value, fields, &Words { place }, unknown)
}

/// Words such as `'a', 'b' or 'c'`.
pub(super) fn any_of(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        all => all.concat(),
    }
}

struct Words<'a> {
    /// Where the checked value stands.
    place: &'a str,
}

impl Wording for Words<'_> {
    fn place(&self, path: &Path<'_>) -> String {
        let mut place = self.place.to_owned();
        spell(path, &mut place);
        place
    }

    fn refuse(&self, place: &str, problem: &Problem<'_>) -> ApiError {
        let (place, what) = match problem {
            Problem::UnknownTag(tag, tags) => {
                // It is the object that is unknown, not its type.
                (place.strip_suffix(".type").unwrap_or(place), unknown_tag(tag, tags))
            }
            problem => (place, what(problem)),
        };
        refuse::at(&shortened(place), &what)
    }
}

fn spell(path: &Path<'_>, place: &mut String) {
    let (parent, step) = match path {
        Path::Root => return,
        Path::Name(parent, name) | Path::Tag(parent, name) => (parent, (*name).to_owned()),
        Path::Index(parent, index) => (parent, index.to_string()),
    };
    spell(parent, place);
    if !place.is_empty() {
        place.push('.');
    }
    place.push_str(&step);
}

/// What is said of a `type` that is none of these.
pub(super) fn unknown_tag(tag: &str, tags: &[&str]) -> String {
    let tags: Vec<_> = tags.iter().map(|tag| format!("'{tag}'")).collect();
    let (tag, tags) = (shortened(tag), tags.join(", "));
    format!("Input tag '{tag}' found using 'type' does not match any of the expected tags: {tags}")
}

fn what(problem: &Problem<'_>) -> String {
    match problem {
        Problem::Missing => "Field required".to_owned(),
        Problem::WrongType(kind, _) => format!("Input should be {}", noun(kind)),
        Problem::UnknownWord(_, words) => format!("Input should be {}", any_of(words)),
        Problem::UnknownTag(tag, tags) => unknown_tag(tag, tags),
        Problem::NotAName(usize::MAX) => "String should match pattern '^[a-zA-Z0-9_-]+$'".to_owned(),
        Problem::NotAName(longest) => {
            format!("String should match pattern '^[a-zA-Z0-9_-]{{1,{longest}}}$'")
        }
        // All that are no whole numbers have these bounds.
        Problem::Below(Noun::Decimal, ..) | Problem::Above(Noun::Decimal, ..) => "range: 0..1".to_owned(),
        Problem::Below(Noun::Integer, least, _) => {
            format!("Input should be greater than or equal to {least}")
        }
        Problem::Above(Noun::Integer, most, _) => format!("Input should be less than or equal to {most}"),
        Problem::TooShort(least) => format!("List should have at least {least} items after validation"),
        Problem::TooLong(most, length) => {
            format!("List should have at most {most} items after validation, not {length}")
        }
        Problem::UnknownField => "Extra inputs are not permitted".to_owned(),
    }
}

fn noun(kind: &Kind) -> String {
    let noun = match kind {
        Kind::Word(words) => return any_of(words),
        Kind::Either([.., last]) => return noun(last),
        Kind::Text | Kind::Name(_) => "a valid string",
        Kind::Bool => "a valid boolean",
        Kind::Int(..) => "a valid integer",
        Kind::Number(..) => "a valid number",
        Kind::List(..) => "a valid list",
        Kind::Object(_) | Kind::Tagged(_) | Kind::TaggedOrFirst(_) | Kind::AnyObject => "an object",
        Kind::Either([]) | Kind::Any => "valid",
    };
    noun.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::fields::MESSAGES, *};

    fn refusal(extra: &Value, unknown: UnknownFields) -> String {
        let mut body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        check(&body, MESSAGES, unknown).unwrap_err().message
    }

    fn of_block(block: &Value) -> String {
        refusal(&json!({"messages": [{"role": "user", "content": [block]}]}), UnknownFields::Ignored)
    }

    #[test]
    fn each_mistake_is_worded_as_anthropic_words_it() {
        for (extra, message) in [
            (json!({"max_tokens": "9"}), "max_tokens: Input should be a valid integer"),
            (json!({"max_tokens": -1}), "max_tokens: Input should be greater than or equal to 0"),
            (json!({"temperature": 1.5}), "temperature: range: 0..1"),
            (json!({"stream": "yes"}), "stream: Input should be a valid boolean"),
            (json!({"messages": {}}), "messages: Input should be a valid list"),
            (json!({"messages": ["x"]}), "messages.0: Input should be an object"),
            (json!({"messages": [{"role": "user"}]}), "messages.0.content: Field required"),
            (
                json!({"messages": [{"role": "user", "content": 5}]}),
                "messages.0.content: Input should be a valid list",
            ),
            (json!({"tool_choice": "auto"}), "tool_choice: Input should be an object"),
            (json!({"service_tier": "flex"}), "service_tier: Input should be 'auto' or 'standard_only'"),
            (
                json!({"thinking": {"type": "enabled", "budget_tokens": 512}}),
                "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
            ),
            (json!({"system": [{"type": "text"}]}), "system.0.text: Field required"),
        ] {
            assert_eq!(refusal(&extra, UnknownFields::Ignored), message);
        }
    }

    #[test]
    fn the_types_of_blocks_stand_in_their_places() {
        for (block, message) in [
            (json!({"type": "text"}), "messages.0.content.0.text.text: Field required"),
            (json!({"text": "x"}), "messages.0.content.0.type: Field required"),
            (
                json!({"type": "tool_use", "id": "a", "name": "f", "input": "{}"}),
                "messages.0.content.0.tool_use.input: Input should be an object",
            ),
            (
                json!({"type": "tool_use", "id": "a.b", "name": "f", "input": {}}),
                "messages.0.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
            ),
            (
                json!({"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": ""}}),
                "messages.0.content.0.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', \
                 'image/gif' or 'image/webp'",
            ),
            (
                json!({"type": "tool_result", "tool_use_id": "a", "content": [{"type": "image_url"}]}),
                "messages.0.content.0.tool_result.content.0: Input tag 'image_url' found using 'type' does not match \
                 any of the expected tags: 'browser_state', 'document', 'image', 'search_result', 'text', \
                 'tool_reference'",
            ),
        ] {
            assert_eq!(of_block(&block), message);
        }
    }

    #[test]
    fn unknown_fields_are_refused_where_that_is_asked_for() {
        for (extra, message) in [
            (json!({"n": 1}), "n: Extra inputs are not permitted"),
            (
                json!({"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "scope": "x"}}]}),
                "system.0.cache_control.ephemeral.scope: Extra inputs are not permitted",
            ),
            (
                json!({"messages": [{"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "x", "signature": "x", "cache_control": {"type": "ephemeral"}},
                ]}]}),
                "messages.0.content.0.thinking.cache_control: Extra inputs are not permitted",
            ),
        ] {
            assert_eq!(refusal(&extra, UnknownFields::Refused), message);
        }
    }
}
