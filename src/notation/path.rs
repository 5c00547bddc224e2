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
    /// What it leads to, as a step from its parents.
    last: Option<Box<(serde_json_path::JsonPath, Step)>>,
}

/// The last step of a path, where it can be added to a parent.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
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
            Ok(path) => Ok(Self { source: source.to_owned(), path, last: last_step(source).map(Box::new) }),
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

    /// The plain name that it ends in.
    pub fn last_name(&self) -> Option<&str> {
        match &self.last.as_deref()?.1 {
            Step::Name(name) => Some(name),
            Step::Index(_) => None,
        }
    }

    /// The values that it leads to.
    pub fn find<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        self.path.query(value).all()
    }

    /// Puts something in place of each value that it leads to. One that ends in
    /// a plain name or index is also added to the parents that lack it. Tells
    /// how many values were set.
    pub fn set(&self, value: &mut Value, new: &Value) -> usize {
        let mut places = pointers(&self.path, value);
        if let Some((parents, step)) = self.last.as_deref() {
            for parent in pointers(parents, value) {
                let place = match (value.pointer_mut(&parent), step) {
                    (Some(Value::Object(members)), Step::Name(name)) => {
                        members.entry(name.clone()).or_insert(Value::Null);
                        format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
                    }
                    (Some(Value::Array(items)), Step::Index(index)) if *index <= items.len() => {
                        if *index == items.len() {
                            items.push(Value::Null);
                        }
                        format!("{parent}/{index}")
                    }
                    _ => continue,
                };
                if !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        for place in &places {
            if let Some(node) = value.pointer_mut(place) {
                *node = new.clone();
            }
        }
        places.len()
    }

    /// Takes away each value that it leads to; tells how many there were. The
    /// whole document cannot be taken away.
    pub fn unset(&self, value: &mut Value) -> usize {
        let mut places = pointers(&self.path, value);
        // From the back, so that the places of list items hold, in whatever order
        // the path names them: the shorter of two numbers is the lower.
        let words =
            |place: &str| place.split('/').map(|word| (word.len(), word.to_owned())).collect::<Vec<_>>();
        places.sort_by_cached_key(|place| words(place));
        places.dedup();
        for place in places.iter().rev() {
            let Some((parent, last)) = place.rsplit_once('/') else { continue };
            match value.pointer_mut(parent) {
                Some(Value::Object(members)) => {
                    drop(members.shift_remove(&last.replace("~1", "/").replace("~0", "~")));
                }
                Some(Value::Array(items)) => {
                    if let Some(index) = last.parse().ok().filter(|index| *index < items.len()) {
                        items.remove(index);
                    }
                }
                _ => {}
            }
        }
        places.iter().filter(|place| !place.is_empty()).count()
    }

    /// The values that it leads to, to be changed.
    pub fn values_mut(&self, value: &mut Value, mut change: impl FnMut(&mut Value)) {
        for place in pointers(&self.path, value) {
            if let Some(value) = value.pointer_mut(&place) {
                change(value);
            }
        }
    }

    /// The texts that it leads to, to be changed.
    pub fn texts_mut(&self, value: &mut Value, mut change: impl FnMut(&mut String)) {
        self.values_mut(value, |value| {
            if let Value::String(text) = value {
                change(text);
            }
        });
    }
}

/// The JSON pointers (RFC 6901) of what a path leads to.
fn pointers(path: &serde_json_path::JsonPath, value: &Value) -> Vec<String> {
    path.query_located(value).locations().map(serde_json_path::NormalizedPath::to_json_pointer).collect()
}

/// The parents of what a path leads to, and the last step, where that is a plain
/// name or index.
fn last_step(source: &str) -> Option<(serde_json_path::JsonPath, Step)> {
    let source = source.trim_end();
    let (parents, step) = if let Some(inner) = source.strip_suffix(']') {
        let (parents, word) = inner.rsplit_once('[')?;
        let word = word.trim();
        let quoted = ['\'', '"'].iter().find_map(|quote| word.strip_prefix(*quote)?.strip_suffix(*quote));
        let step = match quoted {
            Some(name) if !name.contains(['\\', '\'', '"']) => Step::Name(name.to_owned()),
            Some(_) => return None,
            None => Step::Index(word.parse().ok()?),
        };
        (parents, step)
    } else {
        let (parents, name) = source.rsplit_once('.')?;
        let is_plain = |c: char| c.is_alphanumeric() || c == '_' || !c.is_ascii();
        let is_name = !name.is_empty() && name.chars().all(is_plain);
        (parents, is_name.then(|| Step::Name(name.to_owned()))?)
    };
    // Behind `..` anything may be the parent, and nothing is added.
    let parents = serde_json_path::JsonPath::parse(parents).ok().filter(|_| !parents.ends_with('.'))?;
    Some((parents, step))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(path: &str, mut value: Value, new: &Value) -> (Value, usize) {
        let count = JsonPath::new(path).unwrap().set(&mut value, new);
        (value, count)
    }

    #[test]
    fn a_plain_name_or_index_is_added_where_it_is_missing() {
        let choices = json!({"c": [{"d": {"a": 1}}, {"d": {}}]});
        let (set_there, count) = set("$.c.*.d.a", choices.clone(), &json!(2));
        assert_eq!((set_there, count), (json!({"c": [{"d": {"a": 2}}, {"d": {"a": 2}}]}), 2));
        assert_eq!(set("$.c[2]", json!({"c": [0, 1]}), &json!(7)).0, json!({"c": [0, 1, 7]}));
        assert_eq!(set("$.c[9]", json!({"c": [0]}), &json!(7)).1, 0);
        assert_eq!(set("$['a/b']", json!({}), &json!(null)).0, json!({"a/b": null}));
        assert_eq!(set("$..x", json!({"a": {}}), &json!(1)).1, 0);
        assert_eq!(set("$.a.b", json!({"a": 3}), &json!(1)).1, 0);
        assert_eq!(set("$", json!(1), &json!([])).0, json!([]));
    }

    #[test]
    fn what_is_unset_is_gone_and_order_is_kept() {
        let mut value = json!({"a": 1, "b": [1, 2, 3], "c": 2});
        assert_eq!(JsonPath::new("$.b[0,2]").unwrap().unset(&mut value), 2);
        assert_eq!(JsonPath::new("$.a").unwrap().unset(&mut value), 1);
        assert_eq!(value.to_string(), r#"{"b":[2],"c":2}"#);
        assert_eq!(JsonPath::new("$").unwrap().unset(&mut value), 0);
        for (path, left) in
            [("$[2,0]", "[1,3]"), ("$[0,0]", "[1,2,3]"), ("$[::-1]", "[]"), ("$[-1,1]", "[0,2]")]
        {
            let mut items = json!([0, 1, 2, 3]);
            JsonPath::new(path).unwrap().unset(&mut items);
            assert_eq!(items.to_string(), left, "{path}");
        }
    }
}
