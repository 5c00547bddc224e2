//! JSON Schema, as far as samples need it: looking up references, laying
//! schemas over each other, and whether a value is valid.
//!
//! Source: JSON Schema 2020-12 (with draft 7's spellings), and the OpenAPI
//! subset that Gemini's `Schema` is: types in capitals, counts as strings.

use serde_json::{Map, Value, json};

use super::{pattern, work::Work};

/// Schemas within one another at the most.
pub(super) const DEEPEST: usize = 64;

/// The schema that a reference names, within the document `root`.
pub(super) fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let fragment = reference.strip_prefix('#')?;
    if fragment.is_empty() || fragment.starts_with('/') {
        let pointer = percent_encoding::percent_decode_str(fragment).decode_utf8_lossy();
        return root.pointer(&pointer);
    }
    find_anchor(root, fragment)
}

fn find_anchor<'a>(schema: &'a Value, anchor: &str) -> Option<&'a Value> {
    match schema {
        Value::Object(members) if members.get("$anchor").is_some_and(|name| name == anchor) => Some(schema),
        Value::Object(members) => members.values().find_map(|member| find_anchor(member, anchor)),
        Value::Array(items) => items.iter().find_map(|item| find_anchor(item, anchor)),
        _ => None,
    }
}

/// Types by their lower-case names, in their order.
pub(super) fn types(schema: &Map<String, Value>) -> Vec<String> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name.to_ascii_lowercase()],
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).map(str::to_ascii_lowercase).collect()
        }
        _ => Vec::new(),
    }
}

/// A keyword's number, be it a number or (at Gemini) a text.
pub(super) fn number(schema: &Map<String, Value>, keyword: &str) -> Option<f64> {
    match schema.get(keyword)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A keyword that counts something.
pub(super) fn count(schema: &Map<String, Value>, keyword: &str) -> Option<usize> {
    number(schema, keyword).filter(|number| *number >= 0.0).map(|number| number as usize)
}

/// The schemas of a keyword that holds a list of them.
pub(super) fn list<'a>(schema: &'a Map<String, Value>, keyword: &str) -> &'a [Value] {
    schema.get(keyword).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The members of a keyword that holds a map of schemas.
pub(super) fn map<'a>(
    schema: &'a Map<String, Value>,
    keyword: &str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    schema.get(keyword).and_then(Value::as_object).into_iter().flatten()
}

/// Schemas by position: `prefixItems`, or draft 7's `items` as a list.
pub(super) fn prefix_items(schema: &Map<String, Value>) -> &[Value] {
    match list(schema, "prefixItems") {
        [] => list(schema, "items"),
        prefix => prefix,
    }
}

/// The schema of the items behind those by position.
pub(super) fn rest_items(schema: &Map<String, Value>) -> Option<&Value> {
    match schema.get("items") {
        Some(Value::Array(_)) => schema.get("additionalItems"),
        items => items,
    }
}

/// Lays `upper` over `base`, so that what is valid under the result is valid
/// under both, as far as one schema can say it.
pub(super) fn merge(base: &mut Map<String, Value>, upper: &Map<String, Value>) {
    let mut more = Vec::new();
    for (keyword, value) in upper {
        let Some(known) = base.get_mut(keyword) else {
            base.insert(keyword.clone(), value.clone());
            continue;
        };
        match keyword.as_str() {
            "properties" => merge_properties(known, value),
            "required" | "allOf" => {
                if let (Value::Array(known), Value::Array(more)) = (known, value) {
                    let new: Vec<_> = more.iter().filter(|item| !known.contains(item)).cloned().collect();
                    known.extend(new);
                }
            }
            "enum" => retain_in(known, value),
            "type" => {
                let mut kept = json!(types(&Map::from_iter([("type".to_owned(), known.take())])));
                retain_in(&mut kept, &json!(types(&Map::from_iter([("type".to_owned(), value.clone())]))));
                *known = kept;
            }
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" => {
                pick(known, value, |known, new| new > known);
            }
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" => {
                pick(known, value, |known, new| new < known);
            }
            "pattern" if known != value => more.push(value.clone()),
            PATTERNS => more.extend(value.as_array().into_iter().flatten().cloned()),
            "items" | "additionalProperties" | "contains" | "propertyNames" if known != value => {
                *known = json!({"allOf": [known.take(), value]});
            }
            _ => {}
        }
    }
    if !more.is_empty()
        && let Value::Array(patterns) = base.entry(PATTERNS).or_insert_with(|| json!([]))
    {
        patterns.extend(more);
    }
}

/// Not a keyword of JSON Schema: the patterns that one `pattern` has no room
/// for when schemas are merged.
const PATTERNS: &str = "$patterns";

/// All patterns that a text must fit.
pub(super) fn patterns(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    schema.get("pattern").into_iter().chain(list(schema, PATTERNS)).filter_map(Value::as_str)
}

fn merge_properties(known: &mut Value, more: &Value) {
    let (Value::Object(known), Value::Object(more)) = (known, more) else { return };
    for (name, schema) in more {
        match known.get_mut(name) {
            Some(property) if property != schema => *property = json!({"allOf": [property.take(), schema]}),
            Some(_) => {}
            None => drop(known.insert(name.clone(), schema.clone())),
        }
    }
}

fn retain_in(known: &mut Value, other: &Value) {
    if let (Value::Array(known), Value::Array(other)) = (known, other) {
        known.retain(|item| other.contains(item) || (item == "integer" && other.contains(&json!("number"))));
    }
}

fn pick(known: &mut Value, new: &Value, is_better: impl Fn(f64, f64) -> bool) {
    if let (Some(old), Some(number)) = (known.as_f64(), new.as_f64())
        && is_better(old, number)
    {
        *known = new.clone();
    }
}

/// Whether a value is valid under a schema of the document `root`.
/// What there is no work left for counts as valid.
pub(super) fn is_valid(work: &Work, root: &Value, schema: &Map<String, Value>, value: &Value) -> bool {
    Validator { root, depth: 0, work }.check_members(schema, value)
}

struct Validator<'a> {
    root: &'a Value,
    depth: usize,
    work: &'a Work,
}

impl Validator<'_> {
    fn check(&self, schema: &Value, value: &Value) -> bool {
        let schema = match schema {
            Value::Bool(accepts) => return *accepts,
            Value::Object(schema) => schema,
            _ => return true,
        };
        self.check_members(schema, value)
    }

    fn check_members(&self, schema: &Map<String, Value>, value: &Value) -> bool {
        if value.is_null() && schema.get("nullable") == Some(&Value::Bool(true)) {
            return true;
        }
        if self.depth > DEEPEST || self.work.spend(1 + schema.len()).is_none() {
            return true;
        }
        let deeper = Validator { root: self.root, depth: self.depth + 1, work: self.work };
        deeper.check_type(schema, value)
            && deeper.check_combinations(schema, value)
            && match value {
                Value::String(text) => check_text(self.work, schema, text),
                Value::Number(number) => number.as_f64().is_none_or(|number| check_number(schema, number)),
                Value::Array(items) => deeper.check_array(schema, items),
                Value::Object(members) => deeper.check_object(schema, members),
                _ => true,
            }
    }

    fn check_type(&self, schema: &Map<String, Value>, value: &Value) -> bool {
        let types = types(schema);
        types.is_empty() || types.iter().any(|name| has_type(name, value))
    }

    fn check_combinations(&self, schema: &Map<String, Value>, value: &Value) -> bool {
        let holds = |schema: &Value| self.check(schema, value);
        let some = |keyword, enough: fn(usize) -> bool| match list(schema, keyword) {
            [] => true,
            any => enough(any.iter().filter(|schema| holds(schema)).count()),
        };
        let reference = schema.get("$ref").and_then(Value::as_str);
        reference.and_then(|name| resolve(self.root, name)).is_none_or(holds)
            && schema.get("const").is_none_or(|only| only == value)
            && (list(schema, "enum").is_empty() || self.is_among(list(schema, "enum"), value))
            && list(schema, "allOf").iter().all(holds)
            && some("anyOf", |count| count > 0)
            && some("oneOf", |count| count == 1)
            && schema.get("not").is_none_or(|not| !holds(not))
            && match schema.get("if") {
                Some(condition) if holds(condition) => schema.get("then").is_none_or(holds),
                Some(_) => schema.get("else").is_none_or(holds),
                None => true,
            }
    }

    fn is_among(&self, values: &[Value], value: &Value) -> bool {
        // Where nothing is left to spend, nothing is looked for either.
        self.work.spend(values.len()).is_some() && values.contains(value)
    }

    fn check_array(&self, schema: &Map<String, Value>, items: &[Value]) -> bool {
        let prefix = prefix_items(schema);
        let rest = items.get(prefix.len()..).unwrap_or_default();
        count(schema, "minItems").is_none_or(|least| items.len() >= least)
            && count(schema, "maxItems").is_none_or(|most| items.len() <= most)
            && prefix.iter().zip(items).all(|(schema, item)| self.check(schema, item))
            && rest_items(schema).is_none_or(|schema| rest.iter().all(|item| self.check(schema, item)))
            && (schema.get("uniqueItems") != Some(&Value::Bool(true))
                || items.iter().enumerate().all(|(at, item)| !self.is_among(&items[..at], item)))
            && schema.get("contains").is_none_or(|wanted| {
                let least = count(schema, "minContains").unwrap_or(1);
                items.iter().filter(|item| self.check(wanted, item)).count() >= least
            })
    }

    fn check_object(&self, schema: &Map<String, Value>, members: &Map<String, Value>) -> bool {
        let required = list(schema, "required").iter().filter_map(Value::as_str);
        count(schema, "minProperties").is_none_or(|least| members.len() >= least)
            && count(schema, "maxProperties").is_none_or(|most| members.len() <= most)
            && required.into_iter().all(|name| members.contains_key(name))
            && members.iter().all(|(name, value)| self.check_member(schema, name, value))
            && map(schema, "dependentRequired").all(|(name, more)| {
                let more = more.as_array().into_iter().flatten().filter_map(Value::as_str);
                !members.contains_key(name) || more.into_iter().all(|name| members.contains_key(name))
            })
    }

    fn check_member(&self, schema: &Map<String, Value>, name: &str, value: &Value) -> bool {
        let declared = schema.get("properties").and_then(|properties| properties.get(name));
        let fits = |text: &str| pattern::fits(self.work, text, name);
        let mut patterns = map(schema, "patternProperties").filter(|(text, _)| fits(text)).peekable();
        let is_known = declared.is_some() || patterns.peek().is_some();
        schema.get("propertyNames").is_none_or(|names| self.check(names, &json!(name)))
            && declared.is_none_or(|schema| self.check(schema, value))
            && patterns.all(|(_, schema)| self.check(schema, value))
            && (is_known || schema.get("additionalProperties").is_none_or(|schema| self.check(schema, value)))
    }
}

fn has_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

/// Whether a text keeps the keywords about texts, formats aside.
pub(super) fn check_text(work: &Work, schema: &Map<String, Value>, text: &str) -> bool {
    let length = text.chars().count();
    count(schema, "minLength").is_none_or(|least| length >= least)
        && count(schema, "maxLength").is_none_or(|most| length <= most)
        && patterns(schema).all(|wanted| pattern::fits(work, wanted, text))
}

fn check_number(schema: &Map<String, Value>, value: f64) -> bool {
    let bounds = Bounds::new(schema);
    bounds.low.is_none_or(|low| value > low || (value == low && !bounds.low_is_out))
        && bounds.high.is_none_or(|high| value < high || (value == high && !bounds.high_is_out))
        && number(schema, "multipleOf").is_none_or(|step| {
            let times = value / step;
            (times - times.round()).abs() < 1e-9
        })
}

/// What a number has to lie between.
pub(super) struct Bounds {
    pub(super) low: Option<f64>,
    pub(super) low_is_out: bool,
    pub(super) high: Option<f64>,
    pub(super) high_is_out: bool,
}

impl Bounds {
    /// Both spellings of exclusive bounds: a number of their own, and draft 4's
    /// switch beside the inclusive ones.
    pub(super) fn new(schema: &Map<String, Value>) -> Self {
        let side = |inclusive, exclusive, is_tighter: fn(f64, f64) -> bool| {
            let is_switched = schema.get(exclusive) == Some(&Value::Bool(true));
            match (number(schema, inclusive), number(schema, exclusive)) {
                (Some(bound), Some(out)) if is_tighter(bound, out) => (Some(bound), false),
                (_, Some(out)) => (Some(out), true),
                (bound, None) => (bound, is_switched),
            }
        };
        let (low, low_is_out) = side("minimum", "exclusiveMinimum", |bound, out| bound > out);
        let (high, high_is_out) = side("maximum", "exclusiveMaximum", |bound, out| bound < out);
        Self { low, low_is_out, high, high_is_out }
    }
}
