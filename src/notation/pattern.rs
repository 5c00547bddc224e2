//! Patterns: what a condition expects of a text, of several, or of JSON.

use std::{fmt, sync::Arc};

use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Value, json};

use super::value::{Range, Word};

/// What is expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// `null`: nothing is there.
    Absent,
    /// A bare value: this, whole and with case. For models and paths a glob.
    Bare(Scalar),
    /// A list: any of these.
    Any(Vec<Pattern>),
    /// The text stands somewhere in it.
    Contains(String),
    /// A regular expression finds something in it.
    Regex(Expression),
    /// A glob fits the whole of it.
    Glob(Glob),
    /// A number, or a text that is one, in this range.
    Range(Range<f64>),
    /// Equal as JSON.
    Is(Value),
    /// Contains this JSON: maps by member, lists element by element.
    Like(Value),
    /// Each of these holds.
    All(Vec<Pattern>),
    /// This does not hold.
    Not(Box<Pattern>),
}

/// A bare value.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// A text, and the glob that it is for models and paths.
    Text(String),
    /// A number.
    Number(serde_json::Number),
    /// A boolean.
    Bool(bool),
}

impl Scalar {
    /// As a text: numbers as they are spelt in JSON.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
        }
    }
}

/// A regular expression and its source.
#[derive(Clone, Debug)]
pub struct Expression(pub Regex);

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// A glob and its source: `*` is any text, slashes included.
#[derive(Clone, Debug)]
pub struct Glob(Arc<GlobMatcher>);

impl Glob {
    /// A glob from its source.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn new(source: &str) -> Result<Self, String> {
        let glob = GlobBuilder::new(source).literal_separator(false).backslash_escape(true).build();
        glob.map(|glob| Self(Arc::new(glob.compile_matcher()))).map_err(|error| error.kind().to_string())
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        self.0.glob().glob()
    }

    /// Whether it fits the whole text.
    pub fn fits(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

/// Whether a text has characters that a glob takes for more than themselves.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

impl Pattern {
    /// Holds for this text alone.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Bare(Scalar::Text(text.into()))
    }

    /// The same pattern with its bare values taken as globs.
    ///
    /// # Errors
    ///
    /// Where one is no glob.
    pub fn with_globs(self) -> Result<Self, String> {
        let all =
            |patterns: Vec<Self>| patterns.into_iter().map(Self::with_globs).collect::<Result<Vec<_>, _>>();
        Ok(match self {
            Self::Bare(Scalar::Text(text)) if is_glob(&text) => {
                Self::Glob(Glob::new(&text).map_err(|reason| format!("{text:?} is no glob: {reason}"))?)
            }
            Self::Any(patterns) => Self::Any(all(patterns)?),
            Self::All(patterns) => Self::All(all(patterns)?),
            Self::Not(pattern) => Self::Not(Box::new(pattern.with_globs()?)),
            other => other,
        })
    }

    /// Whether it holds for several texts: if one of them fits.
    pub fn holds_for_texts(&self, texts: &[&str]) -> bool {
        match self {
            Self::Absent => texts.is_empty(),
            Self::Any(patterns) => patterns.iter().any(|pattern| pattern.holds_for_texts(texts)),
            Self::All(patterns) => patterns.iter().all(|pattern| pattern.holds_for_texts(texts)),
            Self::Not(pattern) => !pattern.holds_for_texts(texts),
            leaf => texts.iter().any(|text| leaf.fits_text(text)),
        }
    }

    /// Whether it holds for several JSON values: if one of them fits.
    pub fn holds_for_nodes(&self, nodes: &[&Value]) -> bool {
        match self {
            Self::Absent => nodes.is_empty() || nodes.iter().any(|node| node.is_null()),
            Self::Any(patterns) => patterns.iter().any(|pattern| pattern.holds_for_nodes(nodes)),
            Self::All(patterns) => patterns.iter().all(|pattern| pattern.holds_for_nodes(nodes)),
            Self::Not(pattern) => !pattern.holds_for_nodes(nodes),
            leaf => nodes.iter().any(|node| leaf.fits_node(node)),
        }
    }

    fn fits_text(&self, text: &str) -> bool {
        match self {
            Self::Bare(Scalar::Text(expected)) => expected == text,
            Self::Bare(scalar) => scalar.text() == text,
            Self::Contains(needle) => text.contains(needle.as_str()),
            Self::Regex(expression) => expression.0.is_match(text),
            Self::Glob(glob) => glob.fits(text),
            Self::Range(range) => text.trim().parse().is_ok_and(|number: f64| range.contains(number)),
            Self::Is(expected) => {
                json_of(text).is_some_and(|json| equal(expected, &json)) || expected == text
            }
            Self::Like(expected) => {
                json_of(text).is_some_and(|json| is_like(expected, &json)) || expected == text
            }
            Self::Absent | Self::Any(_) | Self::All(_) | Self::Not(_) => self.holds_for_texts(&[text]),
        }
    }

    fn fits_node(&self, node: &Value) -> bool {
        match (self, node) {
            (Self::Bare(Scalar::Text(expected)), Value::String(text)) => expected == text,
            (Self::Bare(Scalar::Number(expected)), Value::Number(number)) => same_number(expected, number),
            (Self::Bare(Scalar::Bool(expected)), Value::Bool(value)) => expected == value,
            (Self::Bare(_), _) => false,
            (Self::Range(range), Value::Number(number)) => number.as_f64().is_some_and(|n| range.contains(n)),
            (Self::Is(expected), node) => equal(expected, node),
            (Self::Like(expected), node) => is_like(expected, node),
            (_, Value::String(text)) => self.fits_text(text),
            _ => false,
        }
    }
}

fn json_of(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn same_number(one: &serde_json::Number, other: &serde_json::Number) -> bool {
    one == other || (one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64()
}

/// Equal as JSON: the order of members and the spelling of numbers aside.
pub fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => same_number(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| equal(value, other)))
        }
        _ => one == other,
    }
}

/// Whether `found` contains `expected`: maps by member, lists element by
/// element.
pub fn is_like(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() <= found.len()
                && expected.iter().zip(found).all(|(expected, found)| is_like(expected, found))
        }
        (Value::Object(expected), Value::Object(found)) => {
            expected.iter().all(|(name, value)| found.get(name).is_some_and(|found| is_like(value, found)))
        }
        _ => equal(expected, found),
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, patterns: &[Self], word: &str| {
            patterns.iter().enumerate().try_for_each(|(at, pattern)| {
                if at > 0 {
                    write!(f, " {word} ")?;
                }
                write!(f, "{pattern}")
            })
        };
        match self {
            Self::Absent => f.write_str("nothing"),
            Self::Bare(Scalar::Text(text)) => write!(f, "{text:?}"),
            Self::Bare(scalar) => f.write_str(&scalar.text()),
            Self::Any(patterns) => list(f, patterns, "or"),
            Self::All(patterns) => list(f, patterns, "and"),
            Self::Contains(needle) => write!(f, "a text with {needle:?} in it"),
            Self::Regex(expression) => write!(f, "a text that matches /{}/", expression.0),
            Self::Glob(glob) => write!(f, "a text like {}", glob.source()),
            Self::Range(range) => write!(f, "a number in {range}"),
            Self::Is(json) => write!(f, "{json}"),
            Self::Like(json) => write!(f, "something like {json}"),
            Self::Not(pattern) if **pattern == Self::Absent => f.write_str("anything"),
            Self::Not(pattern) => write!(f, "not {pattern}"),
        }
    }
}

struct PatternVisitor;

const KEYS: &[&str] = &["contains", "regex", "glob", "range", "is", "like", "all", "not"];

impl<'de> Visitor<'de> for PatternVisitor {
    type Value = Pattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pattern: a value, null, a list, or a map such as {contains: text}")
    }

    fn visit_unit<E>(self) -> Result<Pattern, E> {
        Ok(Pattern::Absent)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Pattern, E> {
        Ok(Pattern::Bare(Scalar::Bool(value)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Pattern, E> {
        Ok(Pattern::Bare(Scalar::Number(number.into())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Pattern, E> {
        Ok(Pattern::Bare(Scalar::Number(number.into())))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Pattern, E> {
        let number =
            serde_json::Number::from_f64(number).ok_or_else(|| E::custom("JSON has no such number"))?;
        Ok(Pattern::Bare(Scalar::Number(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Pattern, E> {
        Ok(Pattern::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Pattern, A::Error> {
        let mut patterns = Vec::new();
        while let Some(pattern) = items.next_element()? {
            patterns.push(pattern);
        }
        filled(patterns).map(Pattern::Any)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pattern, A::Error> {
        let Some(Tag(key)) = map.next_key::<Tag>()? else {
            return Err(A::Error::custom("this map is empty: a pattern is one of contains, regex, glob, …"));
        };
        let pattern = match key {
            "contains" => Pattern::Contains(map.next_value()?),
            "regex" => Pattern::Regex(map.next_value()?),
            "glob" => Pattern::Glob(map.next_value()?),
            "range" => Pattern::Range(map.next_value()?),
            "is" => Pattern::Is(map.next_value()?),
            "like" => Pattern::Like(map.next_value()?),
            "all" => Pattern::All(map.next_value::<Patterns>()?.0),
            _ => Pattern::Not(map.next_value()?),
        };
        map.next_key::<NoTag>()?;
        Ok(pattern)
    }
}

/// One of the patterns' keys.
struct Tag(&'static str);

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = KEYS.iter().copied().find(|known| *known == name);
        known.map(Tag).ok_or_else(|| D::Error::unknown_field(&name, KEYS))
    }
}

/// A list with something in it.
struct Patterns(Vec<Pattern>);

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        filled(Vec::deserialize(deserializer)?).map(Self)
    }
}

fn filled<E: Error>(patterns: Vec<Pattern>) -> Result<Vec<Pattern>, E> {
    if patterns.is_empty() { Err(E::custom("this list of patterns is empty")) } else { Ok(patterns) }
}

/// A second key, where there should be none.
struct NoTag;

impl<'de> Deserialize<'de> for NoTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Tag::deserialize(deserializer)?;
        Err(D::Error::custom("a pattern has one key; put several into {all: [{…}, {…}]}"))
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PatternVisitor)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

impl Pattern {
    fn json(&self) -> Value {
        let list = |patterns: &[Self]| patterns.iter().map(Self::json).collect::<Value>();
        match self {
            Self::Absent => Value::Null,
            Self::Bare(Scalar::Text(text)) => json!(text),
            Self::Bare(Scalar::Number(number)) => json!(number),
            Self::Bare(Scalar::Bool(value)) => json!(value),
            Self::Any(patterns) => list(patterns),
            Self::Contains(needle) => json!({"contains": needle}),
            Self::Regex(expression) => json!({"regex": expression.0.as_str()}),
            Self::Glob(glob) => json!({"glob": glob.source()}),
            Self::Range(range) => json!({"range": range.to_string()}),
            Self::Is(expected) => json!({"is": expected}),
            Self::Like(expected) => json!({"like": expected}),
            Self::All(patterns) => json!({"all": list(patterns)}),
            Self::Not(pattern) => json!({"not": pattern.json()}),
        }
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Regex::new(&source).map(Self).map_err(|error| {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            D::Error::custom(format!("this is no regular expression: {reason}"))
        })
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::new(&source).map_err(|reason| D::Error::custom(format!("this is no glob: {reason}")))
    }
}

impl JsonSchema for Pattern {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let pattern = generator.subschema_for::<Self>();
        let one = |key: &str, schema: Value| {
            let mut object =
                json_schema!({"type": "object", "additionalProperties": false, "required": [key]});
            object.insert("properties".to_owned(), json!({key: schema}));
            object.to_value()
        };
        let text = json!({"type": ["string", "integer"]});
        let any = json!(true);
        let list = json!({"type": "array", "items": pattern});
        let maps = [
            one("contains", text.clone()),
            one("regex", text.clone()),
            one("glob", text),
            one("range", json!({"type": ["string", "number"], "description": f64::EXPECTED})),
            one("is", any.clone()),
            one("like", any),
            one("all", list.clone()),
            one("not", pattern.to_value()),
        ];
        let mut options = vec![
            json!({"type": ["string", "number", "boolean", "null"]}),
            json!({"type": "array", "minItems": 1, "items": list["items"]}),
        ];
        options.extend(maps);
        json_schema!({"anyOf": options})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(json: Value) -> Pattern {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn over_several_things_one_is_enough() {
        let texts = ["get_weather", "get_time"];
        assert!(pattern(json!("get_time")).holds_for_texts(&texts));
        assert!(!pattern(json!({"not": "get_time"})).holds_for_texts(&texts));
        assert!(pattern(json!({"all": ["get_time", "get_weather"]})).holds_for_texts(&texts));
        assert!(!pattern(json!({"all": ["get_time", "other"]})).holds_for_texts(&texts));
    }

    #[test]
    fn null_is_absent() {
        assert!(pattern(json!(null)).holds_for_texts(&[]));
        assert!(pattern(json!({"not": null})).holds_for_texts(&[""]));
        assert!(pattern(json!(null)).holds_for_nodes(&[&Value::Null]));
        assert!(pattern(json!({"is": null})).holds_for_nodes(&[&Value::Null]));
        assert!(!pattern(json!({"is": null})).holds_for_nodes(&[]));
    }

    #[test]
    fn json_is_compared_as_json() {
        assert!(pattern(json!(40)).holds_for_nodes(&[&json!(40.0)]));
        assert!(!pattern(json!("40")).holds_for_nodes(&[&json!(40)]));
        assert!(pattern(json!({"like": {"a": [1]}})).holds_for_nodes(&[&json!({"a": [1, 2], "b": 3})]));
        assert!(!pattern(json!({"is": {"a": [1]}})).holds_for_nodes(&[&json!({"a": [1, 2]})]));
        assert!(pattern(json!({"like": {"a": 1}})).holds_for_texts(&["{\"a\": 1.0, \"b\": 2}"]));
    }

    #[test]
    fn a_glob_crosses_slashes() {
        let glob = pattern(json!("*/messages")).with_globs().unwrap();
        assert!(glob.holds_for_texts(&["/v1/messages"]));
        assert!(!glob.holds_for_texts(&["/v1/messages/1"]));
    }
}
