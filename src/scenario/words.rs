//! How the single words of the language are read and printed that no derive
//! can know.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;

use super::{
    file::{EarlyAfter, Version},
    wire::HeaderValues,
};
use crate::notation::{
    text::Text,
    value::{List, Period, Range, Size, TEXT, Word},
};
use crate::plan::{carry::Chunks, end::Hold};

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(1)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Number(number) if number.as_u64() == Some(1) => Ok(Self),
            Value::Number(other) => {
                Err(D::Error::custom(format!("this is scenario format {other}; this program reads format 1")))
            }
            _ => Err(D::Error::custom("expected the number 1, the version of the format")),
        }
    }
}

impl JsonSchema for Version {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"const": 1})
    }
}

impl Serialize for EarlyAfter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Head => serializer.serialize_str("head"),
            Self::Bytes(size) => size.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for EarlyAfter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.as_str() {
            "head" => Ok(Self::Head),
            size => Size::from_text(size).map(Self::Bytes).ok_or_else(|| {
                D::Error::custom(format!("expected `head` or {}, found {size:?}", Size::EXPECTED))
            }),
        }
    }
}

impl JsonSchema for EarlyAfter {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EarlyAfter".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"const": "head"}, Size::json_schema(generator)]})
    }
}

impl Serialize for Chunks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Range(range) => range.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Chunks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.as_str() {
            "all" => Ok(Self::All),
            text => Range::from_text(text).map(Self::Range).ok_or_else(|| {
                D::Error::custom(format!("expected `all`, a number or a range, found {text:?}"))
            }),
        }
    }
}

impl JsonSchema for Chunks {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Chunks".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "integer"]})
    }
}

impl Serialize for HeaderValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Removed => serializer.serialize_unit(),
            Self::Lines(lines) => lines.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for HeaderValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneVisitor;

        /// A text, or nothing.
        struct One(Option<Text>);

        impl<'de> serde::de::Visitor<'de> for OneVisitor {
            type Value = One;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, an integer, null, or a list of texts")
            }

            fn visit_unit<E>(self) -> Result<One, E> {
                Ok(One(None))
            }

            fn visit_str<E>(self, text: &str) -> Result<One, E> {
                Ok(One(Some(Text::Plain(text.to_owned()))))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<One, D::Error> {
                inner.deserialize_any(self)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<One, A::Error> {
                Text::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    .map(|text| One(Some(text)))
            }
        }

        impl<'de> Deserialize<'de> for One {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_newtype_struct(TEXT, OneVisitor)
            }
        }

        let List(values) = List::<One>::deserialize(deserializer)?;
        if let [One(None)] = values.as_slice() {
            return Ok(Self::Removed);
        }
        let lines = values.into_iter().map(|One(text)| text).collect::<Option<_>>();
        lines.map(Self::Lines).ok_or_else(|| Error::custom("null removes a header and stands alone"))
    }
}

impl JsonSchema for HeaderValues {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HeaderValues".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let texts = generator.subschema_for::<List<Text>>();
        json_schema!({"anyOf": [{"type": "null"}, texts]})
    }
}

impl Serialize for Hold {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::For(period) => period.serialize(serializer),
            Self::Forever => serializer.serialize_str("forever"),
        }
    }
}

impl<'de> Deserialize<'de> for Hold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.as_str() {
            "forever" => Ok(Self::Forever),
            text => Period::from_text(text).map(Self::For).ok_or_else(|| {
                D::Error::custom(format!("expected `forever` or {}, found {text:?}", Period::EXPECTED))
            }),
        }
    }
}

impl JsonSchema for Hold {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Hold".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"const": "forever"}, Period::json_schema(generator)]})
    }
}
