//! Texts and bytes: as they stand, or what they are made from.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::{
    path::JsonPath,
    value::{List, Size, TEXT, one_key},
};

/// A text, or what it is made from.
#[derive(Clone, Debug, PartialEq)]
pub enum Text {
    /// As it stands.
    Plain(String),
    /// So many bytes.
    Fill(Fill),
    /// A piece of the request.
    Echo(Echo),
    /// The content of a file in the scenario's folder.
    File(String),
}

/// So many bytes of a text that is repeated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = short_fill)]
pub struct Fill {
    /// How many.
    pub size: Size,
    /// What is repeated: `a…z0…9` where there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

fn short_fill(schema: &mut Schema) {
    let full = schema.clone().to_value();
    *schema = json_schema!({"anyOf": [{"type": ["string", "integer"]}, full]});
}

impl Fill {
    /// The text, exactly so many bytes long; a character that does not fit in
    /// whole at the end is left out and its room filled with blanks.
    pub fn text(&self) -> String {
        let unit = match self.of.as_deref() {
            None | Some("") => "abcdefghijklmnopqrstuvwxyz0123456789",
            Some(unit) => unit,
        };
        let size = usize::try_from(self.size.0).unwrap_or(usize::MAX);
        let mut text = unit.repeat(size / unit.len());
        let rest = size - text.len();
        text.push_str(&unit[..unit.floor_char_boundary(rest)]);
        text.push_str(&" ".repeat(size - text.len()));
        text
    }
}

/// A piece of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Echo {
    /// The last text of the user.
    Prompt,
    /// What stands there in the body.
    Path(JsonPath),
}

/// A text, or the deltas that make one.
#[derive(Clone, Debug, PartialEq)]
pub enum Texts {
    /// Cut into deltas by `split`.
    One(Text),
    /// The deltas.
    Pieces(Vec<Text>),
}

/// Bytes: the pieces put together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Bytes(pub List<BytesPiece>);

/// Some bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum BytesPiece {
    /// A text as UTF-8.
    Plain(String),
    /// Hexadecimal digits.
    Hex(String),
    /// Base64.
    Base64(String),
    /// JSON, compact.
    Json(Value),
    /// A text that is repeated.
    Fill(Fill),
    /// So many, drawn from the seed.
    Random(Size),
    /// The content of a file in the scenario's folder.
    File(String),
}

/// Bytes made ready as far as they can be before a request comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These.
    Bytes(bytes::Bytes),
    /// So many of the seed's.
    Random(usize),
}

/// The forms of a text that are no bare text.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum TextMap {
    Fill(Fill),
    Echo(Echo),
    File(String),
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum BytesMap {
    Hex(String),
    Base64(String),
    Json(Value),
    Fill(Fill),
    Random(Size),
    File(String),
}

impl From<TextMap> for Text {
    fn from(map: TextMap) -> Self {
        match map {
            TextMap::Fill(fill) => Self::Fill(fill),
            TextMap::Echo(echo) => Self::Echo(echo),
            TextMap::File(name) => Self::File(name),
        }
    }
}

impl<'de> Deserialize<'de> for Echo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        if word == "prompt" {
            return Ok(Self::Prompt);
        }
        JsonPath::new(&word).map(Self::Path).map_err(|reason| {
            let reason = reason.lines().next().unwrap_or_default();
            serde::de::Error::custom(format!(
                "expected `prompt` or a JSONPath such as $.messages.*.content, found {word:?}: {reason}"
            ))
        })
    }
}

impl Serialize for Echo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Prompt => "prompt",
            Self::Path(path) => path.source(),
        })
    }
}

impl JsonSchema for Echo {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Echo".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "description": "`prompt`, or a JSONPath into the request"})
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, {fill: size}, {echo: prompt} or {file: name}")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text::Plain(text.to_owned()))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Text, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
        one_key::<A, TextMap>(map).map(Text::from)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(TEXT, TextVisitor)
    }
}

impl Text {
    fn json(&self) -> Value {
        match self {
            Self::Plain(text) => Value::String(text.clone()),
            Self::Fill(fill) => serde_json::json!({"fill": fill}),
            Self::Echo(echo) => serde_json::json!({"echo": echo}),
            Self::File(name) => serde_json::json!({"file": name}),
        }
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

impl JsonSchema for Text {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let map = generator.subschema_for::<TextMap>();
        json_schema!({"anyOf": [{"type": ["string", "integer"]}, map]})
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextsVisitor;

        impl<'de> Visitor<'de> for TextsVisitor {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a list of texts, {fill: size}, {echo: prompt} or {file: name}")
            }

            fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts::One(Text::Plain(text.to_owned())))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Texts, D::Error> {
                inner.deserialize_any(self)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Texts, A::Error> {
                let mut pieces = Vec::new();
                while let Some(piece) = items.next_element()? {
                    pieces.push(piece);
                }
                Ok(Texts::Pieces(pieces))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Texts, A::Error> {
                TextVisitor.visit_map(map).map(Texts::One)
            }
        }

        deserializer.deserialize_newtype_struct(TEXT, TextsVisitor)
    }
}

impl Serialize for Texts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(text) => text.serialize(serializer),
            Self::Pieces(pieces) => pieces.serialize(serializer),
        }
    }
}

impl JsonSchema for Texts {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Texts".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        List::<Text>::json_schema(generator)
    }
}

impl<'de> Deserialize<'de> for BytesPiece {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PieceVisitor;

        impl<'de> Visitor<'de> for PieceVisitor {
            type Value = BytesPiece;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes: a text, {hex}, {base64}, {json}, {fill}, {random: size} or {file: name}")
            }

            fn visit_str<E>(self, text: &str) -> Result<BytesPiece, E> {
                Ok(BytesPiece::Plain(text.to_owned()))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<BytesPiece, D::Error> {
                inner.deserialize_any(self)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<BytesPiece, A::Error> {
                Ok(match one_key::<A, BytesMap>(map)? {
                    BytesMap::Hex(hex) => BytesPiece::Hex(hex),
                    BytesMap::Base64(base64) => BytesPiece::Base64(base64),
                    BytesMap::Json(json) => BytesPiece::Json(json),
                    BytesMap::Fill(fill) => BytesPiece::Fill(fill),
                    BytesMap::Random(size) => BytesPiece::Random(size),
                    BytesMap::File(name) => BytesPiece::File(name),
                })
            }
        }

        deserializer.deserialize_newtype_struct(TEXT, PieceVisitor)
    }
}

impl Serialize for BytesPiece {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = match self {
            Self::Plain(text) => Value::String(text.clone()),
            Self::Hex(hex) => serde_json::json!({"hex": hex}),
            Self::Base64(base64) => serde_json::json!({"base64": base64}),
            Self::Json(json) => serde_json::json!({"json": json}),
            Self::Fill(fill) => serde_json::json!({"fill": fill}),
            Self::Random(size) => serde_json::json!({"random": size}),
            Self::File(name) => serde_json::json!({"file": name}),
        };
        json.serialize(serializer)
    }
}

impl JsonSchema for BytesPiece {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BytesPiece".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let map = generator.subschema_for::<BytesMap>();
        json_schema!({"anyOf": [{"type": ["string", "integer"]}, map]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fill_has_exactly_its_size() {
        let fill = |size, of: Option<&str>| Fill { size: Size(size), of: of.map(str::to_owned) }.text();
        assert_eq!(fill(40, None), "abcdefghijklmnopqrstuvwxyz0123456789abcd");
        assert_eq!(fill(5, Some("\u{e9}")).len(), 5);
        assert_eq!(fill(0, None), "");
    }
}
