//! Holds a request's JSON against the tables of its fields. The first thing
//! that is wrong is reported, in the provider's words.

use std::fmt::Display;

use serde_json::Value;

use super::{
    UnknownFields,
    fields::{Field, Kind, Need, OTHERS},
    path::Path,
};
use crate::reply::ApiError;

/// How a provider speaks of a mistake.
pub(super) trait Wording {
    /// A place in the request, such as `messages[0].content`.
    fn place(&self, path: &Path<'_>) -> String;

    /// What is wrong there.
    fn refuse(&self, place: &str, problem: &Problem<'_>) -> ApiError;
}

/// What is wrong with a value.
pub(super) enum Problem<'a> {
    /// It is not there.
    Missing,
    /// It has another type than this.
    WrongType(&'a Kind, &'a Value),
    /// It is none of these words.
    UnknownWord(&'a str, &'a [&'a str]),
    /// Its `type` is none of these.
    UnknownTag(&'a str, &'a [&'a str]),
    /// It is no name of up to so many characters.
    NotAName(usize),
    /// It is lower than this.
    Below(Noun, &'a dyn Display, &'a Value),
    /// It is higher than this.
    Above(Noun, &'a dyn Display, &'a Value),
    /// Fewer items than this.
    TooShort(usize),
    /// More items than this: the most, and how many there are.
    TooLong(usize, usize),
    /// Nobody knows this field.
    UnknownField,
}

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noun {
    /// It is whole.
    Integer,
    /// It may have a fraction.
    Decimal,
}

/// Checks a request's body.
pub(super) fn body(
    value: &Value,
    fields: &[Field],
    wording: &dyn Wording,
    unknown: UnknownFields,
) -> Result<(), ApiError> {
    Check { wording, unknown }.object(value, fields, &Path::Root, &[])
}

struct Check<'w> {
    wording: &'w dyn Wording,
    unknown: UnknownFields,
}

impl Check<'_> {
    /// First what is missing, then the members in their order. Members that are
    /// `told` were looked at already.
    fn object(
        &self,
        value: &Value,
        fields: &[Field],
        path: &Path<'_>,
        told: &[&str],
    ) -> Result<(), ApiError> {
        for field in fields.iter().filter(|field| field.need == Need::Required) {
            if value.get(field.name).is_none() {
                return Err(self.refuse(&Path::Name(path, field.name), &Problem::Missing));
            }
        }
        for (name, member) in value.as_object().into_iter().flatten() {
            let place = Path::Name(path, name);
            match fields.iter().find(|field| field.name == name) {
                Some(field) if member.is_null() && field.need == Need::Optional => {}
                Some(field) => self.check(member, &field.kind, &place)?,
                None if self.unknown == UnknownFields::Ignored || told.contains(&name.as_str()) => {}
                None if fields.iter().any(|field| field.name == OTHERS) => {}
                None => return Err(self.refuse(&place, &Problem::UnknownField)),
            }
        }
        Ok(())
    }

    fn refuse(&self, path: &Path<'_>, problem: &Problem<'_>) -> ApiError {
        self.wording.refuse(&self.wording.place(path), problem)
    }

    fn check(&self, value: &Value, kind: &Kind, path: &Path<'_>) -> Result<(), ApiError> {
        let refuse = |problem: &Problem<'_>| Err(self.refuse(path, problem));
        if !has_type(value, kind) {
            return refuse(&Problem::WrongType(kind, value));
        }
        match (kind, value) {
            (Kind::Name(longest), Value::String(name)) if !is_name(name, *longest) => {
                refuse(&Problem::NotAName(*longest))
            }
            (Kind::Word(words), Value::String(word)) if !words.contains(&word.as_str()) => {
                refuse(&Problem::UnknownWord(word, words))
            }
            (Kind::Int(low, high), Value::Number(number)) => match number.as_i128() {
                Some(number) if number < i128::from(*low) => {
                    refuse(&Problem::Below(Noun::Integer, low, value))
                }
                Some(number) if number > i128::from(*high) => {
                    refuse(&Problem::Above(Noun::Integer, high, value))
                }
                _ => Ok(()),
            },
            (Kind::Number(low, high), _) => match value.as_f64() {
                Some(number) if number < *low => refuse(&Problem::Below(Noun::Decimal, low, value)),
                Some(number) if number > *high => refuse(&Problem::Above(Noun::Decimal, high, value)),
                _ => Ok(()),
            },
            (Kind::List(_, least, _), Value::Array(items)) if items.len() < *least => {
                refuse(&Problem::TooShort(*least))
            }
            (Kind::List(_, _, most), Value::Array(items)) if items.len() > *most => {
                refuse(&Problem::TooLong(*most, items.len()))
            }
            (Kind::List(of, ..), Value::Array(items)) => items
                .iter()
                .enumerate()
                .try_for_each(|(index, item)| self.check(item, of, &Path::Index(path, index))),
            (Kind::Object(fields), _) => self.object(value, fields, path, &[]),
            (Kind::TaggedOrFirst([(_, fields), ..]), _) if value.get("type").is_none() => {
                self.object(value, fields, path, &[])
            }
            (Kind::Tagged(variants) | Kind::TaggedOrFirst(variants), _) => self.tagged(value, variants, path),
            (Kind::Either(kinds), _) => match kinds.iter().find(|kind| has_type(value, kind)) {
                Some(kind) => self.check(value, kind, path),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn tagged(&self, value: &Value, variants: &[(&str, &[Field])], path: &Path<'_>) -> Result<(), ApiError> {
        let place = Path::Name(path, "type");
        let tag = match value.get("type") {
            None => return Err(self.refuse(&place, &Problem::Missing)),
            Some(Value::String(tag)) => tag,
            Some(other) => return Err(self.refuse(&place, &Problem::WrongType(&Kind::Text, other))),
        };
        match variants.iter().find(|(name, _)| name == tag) {
            Some((_, fields)) => self.object(value, fields, &Path::Tag(path, tag), &["type"]),
            None => {
                let names: Vec<_> = variants.iter().map(|(name, _)| *name).collect();
                Err(self.refuse(&place, &Problem::UnknownTag(tag, &names)))
            }
        }
    }
}

fn has_type(value: &Value, kind: &Kind) -> bool {
    match kind {
        Kind::Text | Kind::Name(_) | Kind::Word(_) => value.is_string(),
        Kind::Bool => value.is_boolean(),
        Kind::Int(..) => value.is_i64() || value.is_u64(),
        Kind::Number(..) => value.is_number(),
        Kind::List(..) => value.is_array(),
        Kind::Object(_) | Kind::Tagged(_) | Kind::TaggedOrFirst(_) | Kind::AnyObject => value.is_object(),
        Kind::Either(kinds) => kinds.iter().any(|kind| has_type(value, kind)),
        Kind::Any => true,
    }
}

fn is_name(name: &str, longest: usize) -> bool {
    (1..=longest).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
