//! What the client is to do, as it stands in YAML.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::file::When;
use crate::notation::value::{List, Percent, Period, Range, Word, one_key};

/// What the client is to do about a stub.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// It sent so many requests that this stub answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Range<u64>>,
    /// It made so many calls, retries not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<Range<u64>>,
    /// It tried each call so often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Range<u64>>,
    /// It let so much time pass between attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gaps: Option<Gaps>,
    /// It waited as asked, or did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Obedience>,
    /// It sent these alike in all attempts: `body`, `key`, or names of headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same: Option<List<String>>,
    /// It closed so long after the last byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
    /// It used so many connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<Range<u64>>,
    /// It had so many requests open at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent: Option<Range<u64>>,
    /// For each of its requests these conditions hold; of a list of maps, one suffices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<List<When>>,
    /// What is taken for one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
}

/// What is taken for one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// A request and its retries, as they show it by a retry count, an idempotency key
    /// or the same body.
    #[default]
    Call,
    /// All of a session's requests that the stub answered.
    Stub,
}

/// Times between attempts.
#[derive(Clone, Debug, PartialEq)]
pub enum Gaps {
    /// Gap by gap; the last holds for all that follow.
    Ranges(Vec<Range<Period>>),
    /// Growing.
    Backoff(Backoff),
}

/// Bounds of times that grow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// The first.
    pub base: Period,
    /// By how much each is longer than the one before; 2 where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// The longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Period>,
    /// By how much each may be off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Range<Percent>>,
}

/// Whether a client waited as it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Obedience {
    /// It did.
    Obeyed,
    /// It did not.
    Ignored,
}

/// When a client closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Left {
    /// So long after the last byte.
    After(Range<Period>),
    /// It did not.
    Never,
}

/// What the client is to do in the whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectAll {
    /// It sent so many requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Range<u64>>,
    /// It made so many calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<Range<u64>>,
    /// It had so many requests open at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent: Option<Range<u64>>,
    /// So many requests had no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmatched: Option<Range<u64>>,
    /// So many of the file's stubs answered nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unused: Option<Range<u64>>,
    /// Names of stubs, in the order in which they answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<List<String>>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum BackoffMap {
    Backoff(Backoff),
}

impl Serialize for Gaps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Ranges(ranges) => ranges.serialize(serializer),
            Self::Backoff(backoff) => BackoffMap::Backoff(backoff.clone()).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Gaps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct GapsVisitor;

        impl<'de> serde::de::Visitor<'de> for GapsVisitor {
            type Value = Gaps;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a range of durations such as 0.4s..0.6s or 1s.., a list of them, or {backoff: {base: 500ms}}")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Gaps, E> {
                let range = Range::from_text(text)
                    .ok_or_else(|| E::invalid_type(serde::de::Unexpected::Str(text), &self))?;
                Ok(Gaps::Ranges(vec![range]))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Gaps, A::Error> {
                let mut ranges = Vec::new();
                while let Some(range) = items.next_element()? {
                    ranges.push(range);
                }
                Ok(Gaps::Ranges(ranges))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Gaps, A::Error> {
                one_key::<A, BackoffMap>(map).map(|BackoffMap::Backoff(backoff)| Gaps::Backoff(backoff))
            }
        }

        deserializer.deserialize_any(GapsVisitor)
    }
}

impl JsonSchema for Gaps {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Gaps".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let ranges = generator.subschema_for::<List<Range<Period>>>();
        let backoff = generator.subschema_for::<BackoffMap>();
        json_schema!({"anyOf": [ranges, backoff]})
    }
}

impl Serialize for Left {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::After(range) => range.serialize(serializer),
            Self::Never => serializer.serialize_str("never"),
        }
    }
}

impl<'de> Deserialize<'de> for Left {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.as_str() {
            "never" => Ok(Self::Never),
            text => Range::from_text(text).map(Self::After).ok_or_else(|| {
                D::Error::custom(format!(
                    "expected `never` or a range of durations such as ..5s, found {text:?}"
                ))
            }),
        }
    }
}

impl JsonSchema for Left {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Left".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "description": "`never`, or a range of durations such as ..5s"})
    }
}
