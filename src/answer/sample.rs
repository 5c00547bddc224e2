//! A value that is valid under a JSON Schema: the same one every time, with
//! every property filled, and no deeper than it must be where a schema
//! contains itself.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Number, Value, json};

use super::{
    pattern,
    schema::{self, Bounds, count, list, map},
    work::{Work, weight},
};

/// Values that an array or a map is filled with at the most.
const MOST_VALUES: usize = 10_000;

/// Characters of a text at the most.
const LONGEST_TEXT: usize = 100_000;

/// Values tried where a schema says what is *not* wanted.
const TRIES: usize = 8;

/// A value that is valid under `schema`, which is also the document that its
/// references are looked up in; null if there is none, or none of reasonable
/// size.
pub fn value(schema: &Value) -> Value {
    value_within(&Work::new(), schema)
}

/// The same where an object is wanted whatever the schema says: a call's
/// arguments.
pub(super) fn object(work: &Work, schema: &Value) -> Value {
    match value_within(work, schema) {
        object @ Value::Object(_) => object,
        _ => json!({}),
    }
}

fn value_within(work: &Work, schema: &Value) -> Value {
    let mut sampler = Sampler { root: schema, open: vec!["#".to_owned()], depth: 0, work };
    sampler.sample(schema, "text", 0).unwrap_or_default()
}

struct Sampler<'a> {
    root: &'a Value,
    /// References that are being filled; one of them again would go on for ever.
    open: Vec<String>,
    /// Schemas within one another.
    depth: usize,
    work: &'a Work,
}

impl Sampler<'_> {
    /// The `nth` of the values that fit, or `None` if there is no finite one.
    /// Texts are called `name`.
    fn sample(&mut self, schema: &Value, name: &str, nth: usize) -> Option<Value> {
        self.work.spend(1)?;
        match schema {
            Value::Object(members) => self.within(|sampler| sampler.sample_members(members, name, nth)),
            Value::Bool(false) => None,
            _ => Some(json!(numbered(name, nth))),
        }
    }

    fn sample_members(&mut self, schema: &Map<String, Value>, name: &str, nth: usize) -> Option<Value> {
        if !schema.contains_key("$ref") && !schema.contains_key("allOf") {
            return self.choose(schema, name, nth);
        }
        let open = self.open.len();
        let flat = self.copy(schema).and_then(|copy| self.flatten(copy));
        let found = flat.and_then(|flat| self.choose(&flat, name, nth));
        self.open.truncate(open);
        found
    }

    /// A level deeper, if that is not too deep.
    fn within<T>(&mut self, step: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth == schema::DEEPEST {
            return None;
        }
        self.depth += 1;
        let done = step(self);
        self.depth -= 1;
        done
    }

    fn copy(&self, schema: &Map<String, Value>) -> Option<Map<String, Value>> {
        self.work.spend(schema.values().map(weight).sum())?;
        Some(schema.clone())
    }

    /// With references and `allOf` taken in. Opened references stay open.
    fn flatten(&mut self, mut schema: Map<String, Value>) -> Option<Map<String, Value>> {
        loop {
            if let Some(Value::String(reference)) = schema.remove("$ref") {
                self.work.spend(self.open.len())?;
                if self.open.contains(&reference) {
                    return None;
                }
                if let Some(Value::Object(target)) = schema::resolve(self.root, &reference) {
                    schema::merge(&mut schema, &self.copy(target)?);
                }
                self.open.push(reference);
            } else if let Some(Value::Array(all)) = schema.remove("allOf") {
                let open = self.open.len();
                let mut opened = Vec::new();
                for upper in all {
                    if let Value::Object(upper) = upper {
                        // A reference inside is taken in at once: two of them
                        // would not fit into one schema. That its siblings open
                        // the same is no recursion.
                        let upper = self.within(|sampler| sampler.flatten(upper))?;
                        opened.extend(self.open.drain(open..));
                        schema::merge(&mut schema, &upper);
                    }
                }
                self.open.extend(opened);
            } else {
                return Some(schema);
            }
            self.work.spend(1)?;
        }
    }

    fn choose(&mut self, schema: &Map<String, Value>, name: &str, nth: usize) -> Option<Value> {
        if let Some(only) = schema.get("const") {
            return Some(only.clone());
        }
        let fits = |sampler: &Self, schema: &Map<String, Value>, value: &Value| {
            schema::is_valid(sampler.work, sampler.root, schema, value)
        };
        if !list(schema, "enum").is_empty() {
            let mut rest = self.copy(schema)?;
            let Some(Value::Array(choices)) = rest.remove("enum") else { return None };
            let valid: Vec<_> =
                choices.into_iter().filter(|choice| fits(self, &rest, choice)).take(nth + 1).collect();
            let last = valid.len().checked_sub(1)?;
            return valid.into_iter().nth(nth % (last + 1));
        }
        let mut fallback = None;
        for variant in self.variants(schema)? {
            if let Some(value) = self.sample(&Value::Object(variant), name, nth) {
                if fits(self, schema, &value) {
                    return Some(value);
                }
                fallback.get_or_insert(value);
            }
        }
        if fallback.is_some() || is_split(schema) {
            return fallback;
        }
        let types = schema::types(schema);
        let mut kinds: Vec<_> = types.iter().map(String::as_str).filter(|kind| *kind != "null").collect();
        let is_negated = schema.contains_key("not");
        if types.is_empty() {
            kinds.push(implied_type(schema));
            if is_negated {
                kinds.extend(["integer", "boolean", "object", "array", "string"]);
            }
        }
        let tries = if is_negated { TRIES } else { 1 };
        for (kind, more) in kinds.into_iter().flat_map(|kind| (0..tries).map(move |more| (kind, more))) {
            if let Some(value) = self.of_type(kind, schema, name, nth + more)
                && (tries == 1 || fits(self, schema, &value))
            {
                return Some(value);
            }
        }
        let is_nullable =
            types.iter().any(|kind| kind == "null") || schema.get("nullable") == Some(&json!(true));
        fallback.or_else(|| is_nullable.then_some(Value::Null))
    }

    /// The `nth` value of one type.
    fn of_type(&mut self, kind: &str, schema: &Map<String, Value>, name: &str, nth: usize) -> Option<Value> {
        match kind {
            "object" => self.object(schema, nth),
            "array" => self.array(schema, name, nth),
            "integer" => Some(integer(schema, nth)),
            "number" => Some(float(schema, nth)),
            "boolean" => Some(json!(nth.is_multiple_of(2))),
            _ => text(self.work, schema, name, nth).map(Value::String),
        }
    }

    /// Every property that there is a finite value for, in their order.
    fn object(&mut self, schema: &Map<String, Value>, nth: usize) -> Option<Value> {
        let required: HashSet<_> = list(schema, "required").iter().filter_map(Value::as_str).collect();
        let most = count(schema, "maxProperties").unwrap_or(usize::MAX).max(required.len());
        let mut members = Map::new();
        let mut still_needed = required.len();
        for (name, property) in ordered_properties(schema) {
            let is_required = required.contains(name.as_str());
            if !is_required && members.len().saturating_add(still_needed) >= most {
                continue;
            }
            match self.sample(property, name, nth) {
                Some(value) => drop(members.insert(name.clone(), value)),
                None if is_required => return None,
                None => {}
            }
            still_needed -= usize::from(is_required);
        }
        let dependent = map(schema, "dependentRequired")
            .filter(|(name, _)| members.contains_key(*name))
            .flat_map(|(_, more)| more.as_array().into_iter().flatten().filter_map(Value::as_str));
        // In their order, not in the set's.
        let required = list(schema, "required").iter().filter_map(Value::as_str);
        let missing: Vec<_> = required.chain(dependent.collect::<Vec<_>>()).collect();
        for name in missing {
            if !members.contains_key(name) {
                let property = self.undeclared(schema, name);
                members.insert(name.to_owned(), self.sample(&property, name, nth)?);
            }
        }
        let is_map = members.is_empty() && schema.get("additionalProperties").is_some_and(Value::is_object);
        let least = count(schema, "minProperties").unwrap_or(usize::from(is_map)).min(MOST_VALUES);
        for more in 0..least {
            if members.len() >= least {
                break;
            }
            let name = self.property_name(schema, more)?;
            let property = self.undeclared(schema, &name);
            match self.sample(&property, &name, more) {
                Some(value) => drop(members.insert(name, value)),
                None if is_map => break,
                None => return None,
            }
        }
        Some(Value::Object(members))
    }

    fn property_name(&mut self, schema: &Map<String, Value>, nth: usize) -> Option<String> {
        if let Some(names) = schema.get("propertyNames") {
            let mut names = names.clone();
            names["type"] = json!("string");
            return Some(self.sample(&names, "key", nth)?.as_str()?.to_owned());
        }
        match map(schema, "patternProperties").next() {
            Some((wanted, _)) if schema.get("additionalProperties") == Some(&json!(false)) => {
                pattern::sample(self.work, wanted, 0..=usize::MAX, nth)
            }
            _ => Some(numbered("key", nth)),
        }
    }

    fn array(&mut self, schema: &Map<String, Value>, name: &str, nth: usize) -> Option<Value> {
        let most = count(schema, "maxItems").unwrap_or(usize::MAX);
        let least = count(schema, "minItems").unwrap_or(0).min(MOST_VALUES);
        let is_set = schema.get("uniqueItems") == Some(&json!(true));
        let mut items = Vec::new();
        for item in schema::prefix_items(schema).iter().take(most) {
            match self.sample(item, name, nth) {
                Some(value) => items.push(value),
                None if items.len() < least => return None,
                None => return Some(Value::Array(items)),
            }
        }
        let rest = schema::rest_items(schema);
        if let Some(wanted) = schema.get("contains") {
            let both = json!({"allOf": [wanted, rest.unwrap_or(&Value::Bool(true))]});
            for more in 0..count(schema, "minContains").unwrap_or(1).min(MOST_VALUES) {
                items.push(self.sample(&both, name, if is_set { more } else { 0 })?);
            }
        }
        // Where nothing is said of the items, none is as good as any.
        let says_nothing = rest.is_none_or(|rest| *rest == json!({}) || rest.is_boolean());
        let nice = if items.is_empty() && !says_nothing { 1 } else { items.len() };
        let wanted = least.max(nice).min(most.max(least));
        let anything = Value::Bool(true);
        // In a set each value is another; where it has too few, it ends.
        for more in 0..wanted * 2 + TRIES {
            if items.len() >= wanted {
                break;
            }
            let number = if is_set { more } else { nth };
            self.work.spend(if is_set { items.len() } else { 0 })?;
            match self.sample(rest.unwrap_or(&anything), name, number) {
                Some(value) if is_set && items.contains(&value) => {}
                Some(value) => items.push(value),
                None if items.len() >= least => break,
                None => return None,
            }
        }
        Some(Value::Array(items))
    }

    /// The schemas of which one is to be filled: the alternatives, each laid
    /// over what stands beside them.
    fn variants(&self, schema: &Map<String, Value>) -> Option<Vec<Map<String, Value>>> {
        if !is_split(schema) {
            return Some(Vec::new());
        }
        let mut base = self.copy(schema)?;
        let keyword = ["anyOf", "oneOf"].into_iter().find(|keyword| !list(schema, keyword).is_empty());
        if let Some(keyword) = keyword {
            let alternatives = base.remove(keyword).unwrap_or_default();
            let alternatives = alternatives.as_array().into_iter().flatten();
            return alternatives.map(|upper| self.over(&base, &[upper])).collect();
        }
        let condition = base.remove("if").unwrap_or_default();
        let then = base.remove("then").unwrap_or_default();
        let or_else = base.remove("else").unwrap_or_default();
        Some(vec![self.over(&base, &[&condition, &then])?, self.over(&base, &[&or_else])?])
    }

    fn over(&self, base: &Map<String, Value>, uppers: &[&Value]) -> Option<Map<String, Value>> {
        let mut variant = self.copy(base)?;
        for upper in uppers.iter().filter_map(|upper| upper.as_object()) {
            // A reference and what stands beside it are merged when it is
            // looked up.
            if variant.contains_key("$ref") && upper.contains_key("$ref") {
                variant.insert("allOf".to_owned(), json!([upper]));
            } else {
                schema::merge(&mut variant, &self.copy(upper)?);
            }
        }
        Some(variant)
    }

    /// The schema of a property that `properties` does not name.
    fn undeclared(&self, schema: &Map<String, Value>, name: &str) -> Value {
        let fits = |wanted: &str| pattern::fits(self.work, wanted, name);
        let by_pattern = map(schema, "patternProperties").find(|(wanted, _)| fits(wanted));
        match (by_pattern, schema.get("additionalProperties")) {
            (Some((_, schema)), _) | (None, Some(schema)) => schema.clone(),
            (None, None) => Value::Bool(true),
        }
    }
}

fn is_split(schema: &Map<String, Value>) -> bool {
    ["anyOf", "oneOf"].into_iter().any(|keyword| !list(schema, keyword).is_empty())
        || schema.contains_key("if")
}

fn implied_type(schema: &Map<String, Value>) -> &'static str {
    let has = |keywords: &[&str]| keywords.iter().any(|keyword| schema.contains_key(*keyword));
    if has(&["properties", "required", "additionalProperties", "minProperties", "patternProperties"]) {
        "object"
    } else if has(&["items", "prefixItems", "minItems", "contains", "uniqueItems"]) {
        "array"
    } else if has(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]) {
        "number"
    } else {
        "string"
    }
}

/// In the order that Gemini's `propertyOrdering` gives, else as they stand.
fn ordered_properties(schema: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let order: HashMap<_, _> =
        list(schema, "propertyOrdering").iter().filter_map(Value::as_str).zip(0_usize..).collect();
    let mut properties: Vec<_> = map(schema, "properties").collect();
    properties.sort_by_key(|(name, _)| order.get(name.as_str()).copied().unwrap_or(usize::MAX));
    properties
}

fn numbered(name: &str, nth: usize) -> String {
    if nth == 0 { name.to_owned() } else { format!("{name} {}", nth + 1) }
}

/// The plainest text that fits: the format's own, else the name, else one made
/// from the pattern, or from two of them.
fn text(work: &Work, schema: &Map<String, Value>, name: &str, nth: usize) -> Option<String> {
    let least = count(schema, "minLength").unwrap_or(0).min(LONGEST_TEXT);
    let most = count(schema, "maxLength").unwrap_or(usize::MAX);
    work.spend(least)?;
    let format = schema.get("format").and_then(Value::as_str);
    let plain =
        format.and_then(|format| formatted(format, nth)).unwrap_or_else(|| sized(name, least, most, nth));
    if schema::check_text(work, schema, &plain) {
        return Some(plain);
    }
    let made: Vec<_> = schema::patterns(schema)
        .filter_map(|wanted| pattern::sample(work, wanted, least..=most, nth))
        .collect();
    let pairs = made.iter().flat_map(|one| made.iter().map(move |other| format!("{one}{other}")));
    let mut texts = made.iter().cloned().chain(pairs);
    let found = texts.find(|text| schema::check_text(work, schema, text));
    found.or_else(|| made.first().cloned()).or(Some(plain))
}

/// The name, repeated or cut to a length.
fn sized(name: &str, least: usize, most: usize, nth: usize) -> String {
    let mut text = numbered(name, nth);
    let length = text.chars().count();
    if length < least {
        text.extend(text.clone().chars().cycle().take(least - length));
    } else if length > most {
        let number = if nth == 0 { String::new() } else { (nth + 1).to_string() };
        text = name.chars().take(most.saturating_sub(number.len())).collect();
        text.extend(number.chars().take(most));
    }
    text
}

fn formatted(format: &str, nth: usize) -> Option<String> {
    let day = nth % 28 + 1;
    let number = nth % 250 + 1;
    Some(match format {
        "date-time" => format!("2026-01-{day:02}T00:00:00Z"),
        "date" => format!("2026-01-{day:02}"),
        "time" => format!("00:00:{:02}Z", nth % 60),
        "duration" => format!("P{number}D"),
        "email" | "idn-email" => format!("user{number}@example.com"),
        "hostname" | "idn-hostname" => format!("host{number}.example.com"),
        "ipv4" => format!("192.0.2.{number}"),
        "ipv6" => format!("2001:db8::{number:x}"),
        "uri" | "url" | "iri" | "uri-reference" | "iri-reference" => format!("https://example.com/{number}"),
        "uri-template" => format!("https://example.com/{number}/{{id}}"),
        "uuid" => format!("00000000-0000-4000-8000-{number:012x}"),
        "json-pointer" => format!("/{number}"),
        "relative-json-pointer" => number.to_string(),
        "regex" => format!("a{{{number}}}"),
        "byte" | "base64" => "dGV4dA==".to_owned(),
        _ => return None,
    })
}

fn integer(schema: &Map<String, Value>, nth: usize) -> Value {
    let step = schema::number(schema, "multipleOf").filter(|step| *step > 0.0).unwrap_or(1.0);
    // The least whole number that is a multiple of both steps is at most their
    // product; fractions of 1 divide it already.
    let step = if step.fract() == 0.0 { step } else { 1.0_f64.max(step * 10.0).round() };
    whole_number(stepped(schema, step, nth))
}

fn float(schema: &Map<String, Value>, nth: usize) -> Value {
    if let Some(step) = schema::number(schema, "multipleOf").filter(|step| *step > 0.0) {
        return whole_number(stepped(schema, step, nth));
    }
    let bounds = Bounds::new(schema);
    let shift = nth as f64;
    let usual = 1.5 + shift;
    let number = match (bounds.low, bounds.high) {
        (low, high) if low.is_none_or(|low| low < usual) && high.is_none_or(|high| usual < high) => usual,
        (Some(low), None) => low + if bounds.low_is_out { 1.0 } else { 0.0 } + shift,
        (None, Some(high)) => high - if bounds.high_is_out { 1.0 } else { 0.0 } - shift,
        (Some(low), Some(high)) if low == high => low,
        // Inside, and another for each `nth`.
        (Some(low), Some(high)) => low + (high - low) / (2.0 + shift),
        (None, None) => usual,
    };
    whole_number(number)
}

/// The `nth` multiple of `step` within the bounds; near 1 where there are none.
fn stepped(schema: &Map<String, Value>, step: f64, nth: usize) -> f64 {
    let bounds = Bounds::new(schema);
    let lowest = bounds.low.map(|low| {
        let times = (low / step).ceil();
        if bounds.low_is_out && times * step == low { times + 1.0 } else { times }
    });
    let highest = bounds.high.map(|high| {
        let times = (high / step).floor();
        if bounds.high_is_out && times * step == high { times - 1.0 } else { times }
    });
    let shift = nth as f64;
    let first = 1.0_f64.max(lowest.unwrap_or(1.0)).min(highest.unwrap_or(f64::MAX));
    let times = match highest {
        Some(highest) if first + shift > highest => {
            // Through, and on from the lowest, or downwards.
            let over = first + shift - highest;
            lowest.map_or(first - over, |lowest| lowest + (over - 1.0) % (highest - lowest + 1.0).max(1.0))
        }
        _ => first + shift,
    };
    times * step
}

/// Without a fraction where it has none.
fn whole_number(number: f64) -> Value {
    // Up to 2^53 a float names one whole number.
    if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 {
        Value::from(number as i64)
    } else {
        Number::from_f64(number).map_or_else(|| json!(0), Value::Number)
    }
}
