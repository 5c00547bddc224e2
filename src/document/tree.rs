//! A document as a tree that knows its places, and a serde deserializer over
//! it: types are derived, and every error knows its node.

use std::{fmt, ops::Range};

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde_json::Number;

pub use super::path::{OnKey, Path, Step};

use super::error::{Place, did_you_mean};
use crate::notation::value::{LIST, TEXT};

/// A node of a document.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins; of a scalar, all of it.
    pub place: Place,
    /// The same in bytes of the text.
    pub(crate) bytes: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, and how it is spelt.
    Number {
        /// Its value.
        number: Number,
        /// As it stands in the text.
        spelling: String,
    },
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in its order.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Where the way leads: to the key where the last step is one and `on_key`,
    /// else to the value; to the last node there is, where the way goes on.
    pub fn place_of(&self, path: &Path<'_>, on_key: OnKey) -> Place {
        let (mut node, mut place) = (self, self.place);
        for step in path.steps() {
            match (step, &node.kind) {
                (Step::Key(name), Kind::Map(entries)) => {
                    let Some((key, value)) = entries.iter().find(|(key, _)| key.is_text(name)) else {
                        return place;
                    };
                    node = value;
                    place = if on_key == OnKey::Yes { key.place } else { value.place };
                }
                (Step::Index(index), Kind::List(items)) => {
                    let Some(item) = items.get(index) else { return place };
                    (node, place) = (item, item.place);
                }
                // A shorthand: what it stands for is the node itself.
                _ => {}
            }
        }
        place
    }

    /// The node to which the way leads, where there is one.
    pub fn at(&self, path: &Path<'_>) -> Option<&Self> {
        path.steps().iter().try_fold(self, |node, step| match (step, &node.kind) {
            (Step::Index(index), Kind::List(items)) => items.get(*index),
            (Step::Key(name), Kind::Map(_)) => node.value(name),
            _ => Some(node),
        })
    }

    /// The value of a key, where the node is a map that has it.
    pub fn value(&self, name: &str) -> Option<&Self> {
        let Kind::Map(entries) = &self.kind else { return None };
        entries.iter().find(|(key, _)| key.is_text(name)).map(|(_, value)| value)
    }

    /// The items of a list, or the node alone.
    pub fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    fn is_text(&self, name: &str) -> bool {
        matches!(&self.kind, Kind::Text(text) if text == name)
    }

    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Notes how numbers are spelt.
    pub(crate) fn keep_spelling(&mut self, text: &str) {
        let bytes = self.bytes.clone();
        match &mut self.kind {
            Kind::Number { number, spelling } => {
                *spelling = text.get(bytes).map_or_else(|| number.to_string(), str::to_owned);
            }
            Kind::List(items) => items.iter_mut().for_each(|item| item.keep_spelling(text)),
            Kind::Map(entries) => entries.iter_mut().for_each(|(key, value)| {
                key.keep_spelling(text);
                value.keep_spelling(text);
            }),
            _ => {}
        }
    }

    /// What it is, in a message.
    fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing (null)".to_owned(),
            Kind::Bool(value) => format!("the boolean `{value}`"),
            Kind::Number { spelling, .. } => format!("the number `{spelling}`"),
            Kind::Text(text) => format!("the text {:?}", shortened(text)),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
        }
    }
}

/// Why a node is not what it should be.
#[derive(Clone, Debug)]
pub struct Fault {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) place: Option<Place>,
    /// The node, by its address.
    pub(crate) node: Option<usize>,
    /// The key that is missing, which may be a consequence of another fault.
    pub(crate) missing: Option<&'static str>,
}

impl Fault {
    fn new(message: String, hint: Option<String>) -> Self {
        Self { message, hint, place: None, node: None, missing: None }
    }

    fn at(mut self, node: &Node) -> Self {
        if self.node.is_none() {
            (self.node, self.place) = (Some(node.address()), Some(node.place));
        }
        self
    }

    /// What is wrong is a key, whatever serde takes it for.
    fn of_key(mut self) -> Self {
        if let Some(rest) = self.message.strip_prefix("unknown word ") {
            self.message = format!("unknown key {rest}");
        }
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string(), None)
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let found = match unexpected {
            Unexpected::Unit | Unexpected::Option => "nothing (null)".to_owned(),
            Unexpected::Bool(value) => format!("the boolean `{value}`"),
            Unexpected::Unsigned(value) => format!("the number `{value}`"),
            Unexpected::Signed(value) => format!("the number `{value}`"),
            Unexpected::Float(value) if value.abs() >= 1e15 => {
                format!("the number `{value:e}`: it is too large")
            }
            Unexpected::Float(value) => format!("the number `{value}`"),
            Unexpected::Str(text) => format!("the text {:?}", shortened(text)),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Map => "a map".to_owned(),
            other => other.to_string(),
        };
        let expected = expected.to_string();
        let expected = match expected.as_str() {
            "u16" => "a whole number from 0 to 65535",
            "u32" => "a whole number from 0 to 4294967295",
            "u64" | "usize" => "a whole number from 0 on",
            "i64" => "a whole number",
            "f32" | "f64" => "a number",
            "a string" => "a text",
            "a boolean" => "`true` or `false`",
            "a nonzero u32" => "a whole number from 1 to 4294967295",
            "a nonzero u64" | "a nonzero usize" => "a whole number from 1 on",
            "a sequence" => "a list",
            "enum" => return Self::new("this map is empty, and needs a key".to_owned(), None),
            other => other,
        };
        let is_text = expected.starts_with("a text") || expected.starts_with("bytes: a text");
        let advice = match unexpected {
            Unexpected::Bool(_) | Unexpected::Float(_) if is_text => ": quote it",
            Unexpected::Str(text)
                if text.parse::<f64>().is_ok() && expected.starts_with("a whole number from") =>
            {
                ": take off its quotes"
            }
            Unexpected::Str("true" | "false") if expected.starts_with("`true`") => ": take off its quotes",
            Unexpected::Unsigned(_) | Unexpected::Float(_) if expected.starts_with("a duration with") => {
                ": its unit is missing"
            }
            _ => "",
        };
        Self::new(format!("expected {expected}, found {found}{advice}"), None)
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        unknown("key", field, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        unknown("word", variant, expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self { missing: Some(field), ..Self::new(format!("the key `{field}` is missing"), None) }
    }
}

fn unknown(what: &str, word: &str, known: &'static [&'static str]) -> Fault {
    // Without a blank behind its colon, a pair is a word.
    let meant = match word.split_once(':') {
        Some((key, value)) if known.contains(&key) => Some(format!("{key}: {}", shortened(value))),
        _ => did_you_mean(word, known.iter().copied()).map(str::to_owned),
    };
    let meant = meant.map(|meant| format!(", did you mean `{meant}`?")).unwrap_or_default();
    Fault::new(format!("unknown {what} `{}`{meant}", shortened(word)), Some(expected_words(known)))
}

/// `expected one of …`.
pub(crate) fn expected_words(known: &[&str]) -> String {
    let words: Vec<_> = known.iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [] => "no key is expected here".to_owned(),
        [only] => format!("expected {only}"),
        words => format!("expected one of {}", words.join(", ")),
    }
}

/// The beginning of a text, for a message.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Whether a number is spelt as an integer.
fn is_whole(spelling: &str) -> bool {
    let digits = spelling.trim_start_matches(['-', '+']);
    digits.starts_with("0x") || !digits.contains(['.', 'e', 'E'])
}

/// Structs that may be written as the value of their first key.
const SHORTHANDS: [(&str, &str); 8] = [
    ("ErrorReply", "status"),
    ("Fill", "size"),
    ("CassetteReply", "file"),
    ("Drop", "at"),
    ("Encode", "as"),
    ("Carry", "as"),
    ("RetryAfter", "after"),
    ("Limit", "requests"),
];

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Number { number, .. } => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (.., Some(number)) => visitor.visit_f64(number),
                _ => visitor.visit_unit(),
            },
            Kind::Text(text) => visitor.visit_borrowed_str(text),
            Kind::List(items) => visitor.visit_seq(Items(items.iter())),
            Kind::Map(entries) => visitor.visit_map(Entries { rest: entries.iter(), value: None }),
        }
        .map_err(|fault| fault.at(self))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.kind {
            Kind::Number { spelling, .. } if is_whole(spelling) => visitor.visit_borrowed_str(spelling),
            Kind::Text(text) => visitor.visit_borrowed_str(text),
            Kind::Bool(_) | Kind::Number { .. } => {
                let message = format!("expected a text, found {}: quote it", self.describe());
                Err(Fault::new(message, None))
            }
            _ => Err(Fault::new(format!("expected a text, found {}", self.describe()), None)),
        }
        .map_err(|fault| fault.at(self))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    /// What is absent is not there at all; a null that stands in the file is
    /// for the type to judge.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name == LIST {
            return visitor.visit_seq(Items(self.items().iter())).map_err(|fault| fault.at(self));
        }
        match &self.kind {
            Kind::Number { spelling, .. } if name == TEXT && is_whole(spelling) => {
                visitor.visit_borrowed_str(spelling).map_err(|fault: Fault| fault.at(self))
            }
            _ if name == TEXT => self.deserialize_any(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let first = SHORTHANDS.iter().find(|(known, _)| *known == name);
        match (&self.kind, first) {
            (Kind::Map(_), _) => self.deserialize_any(visitor),
            (_, Some((_, key))) => {
                visitor.visit_map(FirstKey { key, value: Some(self) }).map_err(|fault| fault.at(self))
            }
            _ => {
                let message = format!("expected a map, found {}", self.describe());
                Err(Fault::new(message, Some(expected_words(fields))).at(self))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.kind {
            Kind::Text(_) => visitor.visit_enum(Variant { tag: self, content: None }),
            Kind::Map(entries) => match entries.as_slice() {
                [(tag, content)] => visitor.visit_enum(Variant { tag, content: Some(content) }),
                [] => Err(Fault::new("this map is empty".to_owned(), Some(expected_words(variants)))),
                [.., (second, _)] => {
                    let message = "a map of one key was expected, this is one key too many".to_owned();
                    Err(Fault::new(message, Some(expected_words(variants))).at(second))
                }
            },
            _ => {
                let message = format!("a word was expected, found {}", self.describe());
                Err(Fault::new(message, Some(expected_words(variants))))
            }
        }
        .map_err(|fault| fault.at(self))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf
        unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.0.next().map(|item| seed.deserialize(item).map_err(|fault| fault.at(item))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries<'de> {
    rest: std::slice::Iter<'de, (Node, Node)>,
    value: Option<&'de Node>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(Key(key)).map(Some).map_err(|fault| fault.at(key).of_key())
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        match self.value.take() {
            Some(value) => seed.deserialize(value).map_err(|fault| fault.at(value)),
            None => Err(de::Error::custom("a value was asked for before its key")),
        }
    }
}

/// A key: always a text, as it is spelt.
struct Key<'de>(&'de Node);

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.kind {
            Kind::Text(text) => visitor.visit_borrowed_str(text),
            Kind::Number { spelling, .. } => visitor.visit_borrowed_str(spelling),
            Kind::Bool(value) => visitor.visit_str(if *value { "true" } else { "false" }),
            _ => Err(Fault::new(format!("a key must be a text, found {}", self.0.describe()), None)),
        }
        .map_err(|fault| fault.at(self.0))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.0.kind {
            Kind::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            _ => Err(Fault::new(format!("a key must be a text, found {}", self.0.describe()), None)),
        }
        .map_err(|fault: Fault| fault.at(self.0))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A struct that was written as the value of its first key.
struct FirstKey<'de> {
    key: &'static str,
    value: Option<&'de Node>,
}

impl<'de> MapAccess<'de> for FirstKey<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        self.value.map(|_| seed.deserialize(self.key.into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        match self.value.take() {
            Some(value) => seed.deserialize(value),
            None => Err(de::Error::custom("a value was asked for before its key")),
        }
    }
}

struct Variant<'de> {
    tag: &'de Node,
    content: Option<&'de Node>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        match seed.deserialize(Key(self.tag)) {
            Ok(value) => Ok((value, self)),
            Err(fault) if self.content.is_some() => Err(fault.of_key()),
            Err(fault) => Err(fault),
        }
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.content {
            None => Ok(()),
            Some(content) => {
                Err(Fault::new("this word stands alone, without a value".to_owned(), None).at(content))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        match self.content {
            Some(content) => seed.deserialize(content).map_err(|fault| fault.at(content)),
            None => {
                let word = if let Kind::Text(word) = &self.tag.kind { word } else { "word" };
                let message = format!("this word needs a value: `{{{word}: …}}`");
                Err(Fault::new(message, None).at(self.tag))
            }
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        match self.content {
            Some(content) => content.deserialize_any(visitor),
            None => self.unit_variant().and_then(|()| visitor.visit_unit()),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.content {
            Some(content) => content.deserialize_struct("", fields, visitor),
            None => {
                Err(Fault::new("this word needs a map".to_owned(), Some(expected_words(fields))).at(self.tag))
            }
        }
    }
}
