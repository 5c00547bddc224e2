//! Places: choices of events, and points between two bytes.

use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::list::EventList;
use crate::{
    dialect::event::Kind,
    notation::{
        path::JsonPath,
        pattern::Pattern,
        value::{List, one_key},
    },
};

/// A choice of events.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// All of them.
    All,
    /// By their numbers.
    Numbers(Span),
    /// All of a kind.
    Kind(Kind),
    /// Some of a kind, counted within it.
    KindNumbers(Kind, Span),
    /// Those whose payload has this.
    Where(IndexMap<JsonPath, Pattern>),
    /// Several choices.
    Several(Vec<Choice>),
}

/// Numbers from 1, or from -1 backwards; both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Just this one.
    One(i64),
    /// From one to another; open where there is none.
    Range(Option<i64>, Option<i64>),
}

const EXPECTED: &str = "a choice of events: a number such as 2 or -1, a range such as 2..4, `all`, a kind such as \
                        text or finish, one of a kind such as text.2, {where: {$.a: value}}, or a list of these";

impl Span {
    fn from_text(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number != 0);
        let Some((low, high)) = text.split_once("..") else { return number(text).map(Self::One) };
        let bound = |text: &str| if text.is_empty() { Some(None) } else { number(text).map(Some) };
        let (low, high) = (bound(low)?, bound(high)?);
        (low.is_some() || high.is_some()).then_some(Self::Range(low, high))
    }

    /// Whether the n-th of so many, counted from 1, is in it.
    pub fn holds(self, n: usize, count: usize) -> bool {
        let absolute = |number: i64| match number {
            number if number < 0 => i64::try_from(count).unwrap_or(i64::MAX) + 1 + number,
            number => number,
        };
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        match self {
            Self::One(number) => absolute(number) == n,
            Self::Range(low, high) => {
                low.is_none_or(|low| absolute(low) <= n) && high.is_none_or(|high| n <= absolute(high))
            }
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |bound: Option<i64>| bound.map(|number| number.to_string()).unwrap_or_default();
        match self {
            Self::One(number) => write!(f, "{number}"),
            Self::Range(low, high) => write!(f, "{}..{}", bound(*low), bound(*high)),
        }
    }
}

impl Choice {
    fn from_text(text: &str) -> Option<Self> {
        if text == "all" {
            return Some(Self::All);
        }
        if let Some(span) = Span::from_text(text) {
            return Some(Self::Numbers(span));
        }
        let (name, span) = text.split_once('.').map_or((text, None), |(name, span)| (name, Some(span)));
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name)?;
        match span {
            None => Some(Self::Kind(kind)),
            Some(span) => Span::from_text(span).map(|span| Self::KindNumbers(kind, span)),
        }
    }

    /// The places of the events that it gives, counted from 0.
    pub(super) fn find(&self, list: &EventList) -> Vec<usize> {
        let count = list.len();
        let of_kind =
            |kind: &Kind| (0..count).filter(|at| list.kinds(*at).contains(kind)).collect::<Vec<_>>();
        match self {
            Self::All => (0..count).collect(),
            Self::Numbers(span) => (0..count).filter(|at| span.holds(at + 1, count)).collect(),
            Self::Kind(kind) => of_kind(kind),
            Self::KindNumbers(kind, span) => {
                let all = of_kind(kind);
                let held = (0..all.len()).filter(|at| span.holds(at + 1, all.len()));
                held.map(|at| all[at]).collect()
            }
            Self::Where(conditions) => {
                let holds = |value: &Value| {
                    conditions.iter().all(|(path, pattern)| pattern.holds_for_nodes(&path.find(value)))
                };
                (0..count).filter(|at| list.payload(*at).is_some_and(holds)).collect()
            }
            Self::Several(choices) => {
                let mut all: Vec<_> = choices.iter().flat_map(|choice| choice.find(list)).collect();
                all.sort_unstable();
                all.dedup();
                all
            }
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::All => Value::from("all"),
            Self::Numbers(Span::One(number)) => Value::from(*number),
            Self::Numbers(span) => Value::from(span.to_string()),
            Self::Kind(kind) => Value::from(kind.name()),
            Self::KindNumbers(kind, span) => Value::from(format!("{}.{span}", kind.name())),
            Self::Where(conditions) => serde_json::json!({"where": conditions}),
            Self::Several(choices) => choices.iter().map(Self::json).collect(),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.json() {
            Value::String(text) => f.write_str(&text),
            json => write!(f, "{json}"),
        }
    }
}

impl Serialize for Choice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ChoiceMap {
    Where(IndexMap<JsonPath, Pattern>),
}

struct ChoiceVisitor;

impl<'de> Visitor<'de> for ChoiceVisitor {
    type Value = Choice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Choice, E> {
        Choice::from_text(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Choice, E> {
        match number {
            0 => Err(E::custom("events are numbered from 1, and from -1 backwards")),
            number => Ok(Choice::Numbers(Span::One(number))),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Choice, E> {
        self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Choice, E> {
        Err(E::invalid_type(serde::de::Unexpected::Float(number), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Choice, A::Error> {
        let mut choices = Vec::new();
        while let Some(choice) = items.next_element()? {
            choices.push(choice);
        }
        if choices.is_empty() {
            return Err(A::Error::custom("this list of events is empty"));
        }
        Ok(Choice::Several(choices))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Choice, A::Error> {
        one_key::<A, ChoiceMap>(map).map(|ChoiceMap::Where(conditions)| Choice::Where(conditions))
    }
}

impl<'de> Deserialize<'de> for Choice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoiceVisitor)
    }
}

impl JsonSchema for Choice {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Choice".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (map, choice) = (generator.subschema_for::<ChoiceMap>(), generator.subschema_for::<Self>());
        json_schema!({"anyOf": [
            {"type": "integer"}, {"type": "string"}, map, {"type": "array", "items": choice},
        ], "description": EXPECTED})
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Body => f.write_str("body"),
            Self::Wire => f.write_str("wire"),
            Self::Events(choice) => choice.fmt(f),
        }
    }
}

impl fmt::Display for Nth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::One(number) => number.fmt(f),
        }
    }
}

/// Where a point lies: events, or a stretch of the answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// From the status line to the blank line.
    Head,
    /// All of the body, its terminator included.
    Body,
    /// Every byte on the connection.
    Wire,
    /// These events.
    Events(Choice),
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Head => serializer.serialize_str("head"),
            Self::Body => serializer.serialize_str("body"),
            Self::Wire => serializer.serialize_str("wire"),
            Self::Events(choice) => choice.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TargetVisitor;

        impl<'de> Visitor<'de> for TargetVisitor {
            type Value = Target;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "`head`, `body`, `wire`, or {EXPECTED}")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Target, E> {
                match text {
                    "head" => Ok(Target::Head),
                    "body" => Ok(Target::Body),
                    "wire" => Ok(Target::Wire),
                    text => Choice::from_text(text)
                        .map(Target::Events)
                        .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Target, E> {
                ChoiceVisitor.visit_i64(number).map(Target::Events)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Target, E> {
                ChoiceVisitor.visit_u64(number).map(Target::Events)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Target, A::Error> {
                ChoiceVisitor.visit_seq(items).map(Target::Events)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Target, A::Error> {
                ChoiceVisitor.visit_map(map).map(Target::Events)
            }
        }

        deserializer.deserialize_any(TargetVisitor)
    }
}

impl JsonSchema for Target {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Target".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Choice>()
    }
}

/// Which one, or every one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nth {
    /// Every one.
    All,
    /// This one, counted from 1.
    One(u64),
}

impl Serialize for Nth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::One(number) => serializer.serialize_u64(*number),
        }
    }
}

impl<'de> Deserialize<'de> for Nth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(word) if word == "all" => Ok(Self::All),
            Value::Number(number) => match number.as_u64() {
                Some(number) if number > 0 => Ok(Self::One(number)),
                _ => Err(D::Error::custom(format!("expected a whole number from 1 on, found {number}"))),
            },
            other => {
                Err(D::Error::custom(format!("expected a whole number from 1 on, or `all`, found {other}")))
            }
        }
    }
}

impl JsonSchema for Nth {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Nth".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"const": "all"}, {"type": "integer", "minimum": 1}]})
    }
}

/// The keys of a point. They stand in the same map as the keys of what is done
/// there, so each such map has them for itself.
macro_rules! with_point {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            /// In front of this.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub before: Option<$crate::plan::place::Target>,
            /// Behind this.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub after: Option<$crate::plan::place::Target>,
            /// Inside this.
            #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
            pub inside: Option<$crate::plan::place::Target>,
            /// Behind so many bytes; negative: in front of the last so many.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub byte: Option<i64>,
            /// Behind this text.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub find: Option<String>,
            /// Which finding.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub nth: Option<$crate::plan::place::Nth>,
            /// Behind the end of this line.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub line: Option<$crate::plan::place::Nth>,
            /// Between CR and LF of this line end.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub eol: Option<$crate::plan::place::Nth>,
            /// Behind the first byte of this character of several bytes.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub char: Option<$crate::plan::place::Nth>,
            /// Every so many bytes.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub every: Option<$crate::notation::value::Size>,
            /// So many seeded places.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub random: Option<u64>,
            /// Moves the place by so many bytes.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub offset: Option<i64>,
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $name {
            /// The place.
            ///
            /// # Errors
            ///
            /// What is wrong with it.
            pub fn site(&self) -> Result<$crate::plan::point::Site, &'static str> {
                use $crate::plan::{place::Nth, point::{Measure, Place, Site}};

                let measures: Vec<_> = [
                    self.byte.map(Measure::Byte),
                    self.find.clone().map(|text| Measure::Find(text, self.nth.unwrap_or(Nth::One(1)))),
                    self.line.map(Measure::Line),
                    self.eol.map(Measure::Eol),
                    self.char.map(Measure::Char),
                    self.every.map(|size| Measure::Every(size.0)),
                    self.random.map(Measure::Random),
                ].into_iter().flatten().collect();
                let place = match (&self.before, &self.after, &self.inside, measures.as_slice()) {
                    (None, None, None, _) => {
                        return Err("a place is missing: `before`, `after`, or `in` with `byte`, `find`, `line`, …");
                    }
                    (None, None, Some(_), []) => {
                        return Err("`in` needs one of `byte`, `find`, `line`, `eol`, `char`, `every`, `random`");
                    }
                    (None, None, Some(_), [_]) if self.nth.is_some() && self.find.is_none() => {
                        return Err("`nth` belongs to `find`");
                    }
                    (None, None, Some(_), [Measure::Every(0)]) => return Err("`every` needs a size above 0"),
                    (None, None, Some(_), [Measure::Find(text, _)]) if text.is_empty() => {
                        return Err("`find` needs a text");
                    }
                    (None, None, Some(target), [measure]) => Place::In(target.clone(), measure.clone()),
                    (None, None, Some(_), _) => {
                        return Err("only one of `byte`, `find`, `line`, `eol`, `char`, `every`, `random` can be given");
                    }
                    (Some(target), None, None, []) if self.nth.is_none() => Place::Before(target.clone()),
                    (None, Some(target), None, []) if self.nth.is_none() => Place::After(target.clone()),
                    (Some(_), None, None, _) | (None, Some(_), None, _) => {
                        return Err("`byte`, `find`, `nth`, `line`, `eol`, `char`, `every`, `random` belong to `in`");
                    }
                    _ => return Err("only one of `before`, `after` and `in` can be given"),
                };
                Ok(Site { place, offset: self.offset.unwrap_or(0) })
            }
        }
    };
}

pub(crate) use with_point;

with_point! {
    /// A place between two bytes.
    pub struct Point {}
}

/// A list of places.
pub type Points = List<Point>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_and_printed_alike() {
        for text in ["all", "2..4", "3..", "..-2", "text", "text.2", "text.-1", "text.2..", "finish"] {
            assert_eq!(Choice::from_text(text).unwrap().to_string(), text);
        }
        for text in ["", "0", "text.", "tex", "1..x", "..", "text.0"] {
            assert_eq!(Choice::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_count_from_both_ends() {
        assert!(Span::One(-1).holds(5, 5));
        assert!(Span::Range(Some(2), Some(-2)).holds(4, 5));
        assert!(!Span::Range(Some(2), Some(-2)).holds(5, 5));
        assert!(Span::Range(None, Some(1)).holds(1, 5));
    }
}
