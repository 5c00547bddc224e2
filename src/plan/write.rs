//! The write stage: how JSON becomes text.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Scene,
    list::{Content, EventList, Lookup},
    place::Choice,
};
use crate::{
    dialect::style,
    notation::{
        path::JsonPath,
        text::{Fill, Piece},
        value::Size,
    },
};

/// How the JSON of some events becomes text. Later rules win key by key.
#[derive(Clone, Debug)]
pub struct WriteRule {
    /// Of which events.
    pub at: Choice,
    /// Where blanks and line breaks stand.
    pub style: Option<Style>,
    /// What is written as `\uXXXX`.
    pub escape: Option<Escape>,
    /// The order of members.
    pub order: Option<Order>,
    /// Bytes in place of values.
    pub literal: Vec<(JsonPath, Vec<Piece>)>,
    /// Texts that are lengthened until the payload has this size.
    pub pad: Vec<(JsonPath, u64)>,
}

/// Where blanks and line breaks stand in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// `{"a":1,"b":2}`
    Compact,
    /// `{"a": 1, "b": 2}`
    Spaced,
    /// `{"a": 1,"b": 2}`
    Google,
    /// Indented by two blanks.
    Pretty,
}

impl From<Style> for style::Style {
    fn from(style: Style) -> Self {
        match style {
            Style::Compact => Self::Compact,
            Style::Spaced => Self::Spaced,
            Style::Google => Self::Google,
            Style::Pretty => Self::Pretty { indent: 2 },
        }
    }
}

/// What is written as `\uXXXX`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Escape {
    /// All that is not ASCII.
    Ascii,
    /// These characters.
    Chars(String),
}

/// The order of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The dialect's.
    Dialect,
    /// By the alphabet.
    Sorted,
    /// The dialect's, backwards.
    Reversed,
}

/// Bytes in place of values, by their paths.
type Literals = [(JsonPath, Vec<Piece>)];

/// Bytes that all rules may write.
const MOST_BYTES: usize = 256 << 20;

/// What several rules say about one event.
#[derive(Clone, Default)]
struct Manner<'a> {
    style: Option<Style>,
    escape: Option<&'a Escape>,
    order: Option<Order>,
    /// With the luck's name.
    literal: Option<(&'a Literals, String)>,
    pad: Option<&'a [(JsonPath, u64)]>,
}

/// Writes anew what the rules name; all else keeps its bytes.
pub(super) fn write(
    list: &mut EventList,
    rules: &[(&WriteRule, &Lookup)],
    scene: &dyn Scene,
    missed: &mut Vec<String>,
) {
    let mut manners: Vec<Option<Manner<'_>>> = vec![None; list.len()];
    for (number, (rule, lookup)) in rules.iter().enumerate() {
        let found = lookup.choose(&rule.at, "write", missed);
        if !found.is_empty() && found.iter().all(|at| list.payload(*at).is_none()) {
            missed.push(format!("write {}: no JSON", rule.at));
        }
        for at in found {
            let Some(slot) = manners.get_mut(at) else { continue };
            let manner = slot.get_or_insert_default();
            manner.style = rule.style.or(manner.style);
            manner.escape = rule.escape.as_ref().or(manner.escape);
            manner.order = rule.order.or(manner.order);
            if !rule.literal.is_empty() {
                manner.literal = Some((&rule.literal, format!("write.{number}.literal")));
            }
            if !rule.pad.is_empty() {
                manner.pad = Some(&rule.pad);
            }
        }
    }
    let mut unfound = Unfound::new(rules);
    let mut bytes = 0;
    for (at, manner) in manners.into_iter().enumerate() {
        let Some(manner) = manner else { continue };
        let Some(payload) = list.payload(at).cloned() else { continue };
        let text = manner.text(payload, list.style(), scene, &mut unfound);
        bytes += text.len();
        if bytes > MOST_BYTES {
            missed.push(format!("write {}..: more than {MOST_BYTES} bytes", at + 1));
            break;
        }
        list.replace(at, Content::new(text, list.content(at).framing));
    }
    missed.extend(unfound.0.into_iter().map(|(what, path)| format!("{what} {path}")));
}

/// Paths that have led nowhere so far.
struct Unfound<'a>(Vec<(&'static str, &'a str)>);

impl<'a> Unfound<'a> {
    fn new(rules: &[(&'a WriteRule, &Lookup)]) -> Self {
        let paths = rules.iter().flat_map(|(rule, _)| {
            let literal = rule.literal.iter().map(|(path, _)| ("literal", path.source()));
            literal.chain(rule.pad.iter().map(|(path, _)| ("pad", path.source())))
        });
        Self(paths.collect())
    }

    fn found(&mut self, what: &str, path: &JsonPath) {
        self.0.retain(|(kind, source)| *kind != what || *source != path.source());
    }
}

impl Manner<'_> {
    fn text(
        &self,
        mut payload: Value,
        usual: style::Style,
        scene: &dyn Scene,
        unfound: &mut Unfound<'_>,
    ) -> Vec<u8> {
        match self.order {
            None | Some(Order::Dialect) => {}
            Some(Order::Sorted) => reorder(&mut payload, &|members| members.sort_keys()),
            Some(Order::Reversed) => reorder(&mut payload, &|members| {
                *members = std::mem::take(members).into_iter().rev().collect();
            }),
        }
        let (mut literals, mut marks) = (Vec::new(), Vec::new());
        if let Some((rules, key)) = &self.literal {
            let mark = free_mark(&payload);
            for (number, (path, pieces)) in rules.iter().enumerate() {
                let mark = format!("{mark}{number}~");
                if path.set(&mut payload, &Value::from(mark.as_str())) > 0 {
                    unfound.found("literal", path);
                    let written = format!("\"{mark}\"").into_bytes();
                    let written = self.escape.map_or(written.clone(), |escape| escaped(&written, escape));
                    literals.push((written, scene.bytes(pieces, &format!("{key}.{number}"))));
                    marks.push(mark);
                }
            }
        }
        let written = |payload: &Value| {
            let text = self.style.map_or(usual, Into::into).text(payload);
            let text = self.escape.map_or_else(|| text.clone(), |escape| escaped(&text, escape));
            with_literals(text, &literals)
        };
        let mut text = written(&payload);
        for (path, size) in self.pad.into_iter().flatten() {
            let size = usize::try_from(*size).unwrap_or(usize::MAX);
            let missing = size.saturating_sub(text.len()) as u64;
            let mut is_padded = false;
            path.texts_mut(&mut payload, |text| {
                // What a literal stands for is no string any more.
                if !marks.contains(text) && !std::mem::replace(&mut is_padded, true) {
                    text.push_str(&Fill { size: Size(missing), of: Some(filler(self.escape)) }.text());
                }
            });
            if is_padded {
                text = written(&payload);
            }
            if is_padded && text.len() == size {
                unfound.found("pad", path);
            }
        }
        text
    }
}

/// What a text is lengthened by: nothing that is escaped, as each of its
/// characters counts for one byte.
fn filler(escape: Option<&Escape>) -> String {
    let is_plain = |c: &char| match escape {
        Some(Escape::Chars(chars)) => !chars.contains(*c),
        Some(Escape::Ascii) | None => true,
    };
    let usual: String = ('a'..='z').chain('0'..='9').filter(is_plain).collect();
    if !usual.is_empty() {
        return usual;
    }
    (' '..='~').filter(|c| is_plain(c) && !matches!(c, '"' | '\\')).collect()
}

fn reorder(value: &mut Value, order: &impl Fn(&mut Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            order(members);
            members.values_mut().for_each(|value| reorder(value, order));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| reorder(value, order)),
        _ => {}
    }
}

/// A text that no string of the payload has in it.
fn free_mark(payload: &Value) -> String {
    let text = payload.to_string();
    let free = (0..).map(|number: u32| format!("~{number}~")).find(|mark| !text.contains(mark));
    free.unwrap_or_default()
}

fn with_literals(text: Vec<u8>, literals: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut places: Vec<_> = literals
        .iter()
        .flat_map(|(mark, bytes)| {
            let found = memchr::memmem::find_iter(&text, mark);
            found.map(|at| (at, mark.len(), bytes)).collect::<Vec<_>>()
        })
        .collect();
    places.sort_by_key(|(at, ..)| Reverse(*at));
    let mut text = text;
    for (at, length, bytes) in places {
        drop(text.splice(at..at + length, bytes.iter().copied()));
    }
    text
}

/// JSON with some of its characters written by their numbers; only inside of
/// strings, where such a number means the same.
fn escaped(text: &[u8], escape: &Escape) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(text) else { return text.to_vec() };
    let chosen = |c: char| match escape {
        Escape::Ascii => !c.is_ascii(),
        Escape::Chars(chars) => chars.contains(c),
    };
    let number = |c: char, out: &mut String| {
        c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
    };
    let mut out = String::with_capacity(text.len());
    let mut is_inside = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(meant @ ('"' | '\\' | '/')) if chosen(meant) => number(meant, &mut out),
                next => out.extend([Some('\\'), next].into_iter().flatten()),
            },
            '"' => {
                is_inside = !is_inside;
                out.push('"');
            }
            c if is_inside && chosen(c) => number(c, &mut out),
            c => out.push(c),
        }
    }
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_escaped_in_strings_only() {
        let text = r#"{"a{":"<\"ü😀\\n\n>","b":{}}"#.as_bytes();
        let of = |escape: &Escape| String::from_utf8(escaped(text, escape)).unwrap();
        assert_eq!(of(&Escape::Ascii), r#"{"a{":"<\"\u00fc\ud83d\ude00\\n\n>","b":{}}"#);
        let chars = Escape::Chars("<{\"n\\".to_owned());
        assert_eq!(of(&chars), r#"{"a\u007b":"\u003c\u0022ü😀\u005c\u006e\n>","b":{}}"#);
        let same: Value = serde_json::from_slice(&escaped(text, &chars)).unwrap();
        assert_eq!(same, serde_json::from_slice::<Value>(text).unwrap());
    }
}
