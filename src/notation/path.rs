//! JSONPath (RFC 9535).

use std::{fmt, hash};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;

/// How often a path may search all that lies below.
const MOST_DESCENTS: usize = 2;

/// A JSONPath and its source.
#[derive(Clone, Debug)]
pub struct JsonPath {
    source: String,
    path: serde_json_path::JsonPath,
}

impl JsonPath {
    /// A path from its source.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn new(source: &str) -> Result<Self, String> {
        // Each multiplies the others: a small body could take all time there is.
        if source.matches("..").count() > MOST_DESCENTS {
            return Err(format!("`..` may stand in a path {MOST_DESCENTS} times at the most"));
        }
        match serde_json_path::JsonPath::parse(source) {
            Ok(path) => Ok(Self { source: source.to_owned(), path }),
            Err(_) if !source.starts_with('$') => Err("it does not begin with `$`".to_owned()),
            Err(error) => {
                let reason = error.to_string();
                let reason = reason.lines().next().unwrap_or_default();
                Err(reason.replace("parser error", "it cannot be read on"))
            }
        }
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The values that it leads to.
    pub fn find<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        self.path.query(value).all()
    }
}

impl PartialEq for JsonPath {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for JsonPath {}

impl hash::Hash for JsonPath {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.source.hash(state);
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl Serialize for JsonPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl<'de> Deserialize<'de> for JsonPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::new(&source).map_err(|reason| {
            let shown = match source.char_indices().nth(60) {
                Some((at, _)) => format!("{}…", &source[..at]),
                None => source,
            };
            D::Error::custom(format!("`{shown}` is no JSONPath (such as $.a.*.b): {reason}"))
        })
    }
}

impl JsonSchema for JsonPath {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "JsonPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^\\$"})
    }
}
