//! In what two requests differ, field by field.

use std::fmt;

use serde_json::Value;

use super::{Asked, Body};

/// Characters of a value that are shown.
const WIDTH: usize = 60;

/// Differences that are told.
const MOST: usize = 12;

/// Something that is otherwise than it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where: `method`, `path`, `query.alt`, `$.messages[0].content`.
    pub place: String,
    /// What was recorded; `None`: nothing.
    pub recorded: Option<String>,
    /// What is asked; `None`: nothing.
    pub asked: Option<String>,
}

impl Difference {
    /// Both values as they are shown.
    pub fn shown(&self) -> (String, String) {
        let (recorded, asked) = (self.recorded.as_deref(), self.asked.as_deref());
        // Long texts are shown from where they part.
        let same = match (recorded, asked) {
            (Some(one), Some(other)) => {
                let alike = one.chars().zip(other.chars()).take_while(|(one, other)| one == other);
                alike.count().saturating_sub(WIDTH / 3)
            }
            _ => 0,
        };
        let shown =
            |value: Option<&str>| value.map_or_else(|| "nothing".to_owned(), |value| window(value, same));
        (shown(recorded), shown(asked))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (recorded, asked) = self.shown();
        write!(f, "{}: recorded {recorded}, asked {asked}", self.place)
    }
}

fn window(text: &str, from: usize) -> String {
    let length = text.chars().count();
    if length <= WIDTH {
        return text.to_owned();
    }
    let shown: String = text.chars().skip(from).take(WIDTH).collect();
    let (before, after) = (if from > 0 { "…" } else { "" }, if from + WIDTH < length { "…" } else { "" });
    format!("{before}{shown}{after}")
}

/// All of them as lines; the last tells how many more there are.
pub fn lines(differences: &[Difference]) -> String {
    let mut lines: Vec<_> = differences.iter().take(MOST).map(|it| format!("  {it}")).collect();
    let more = differences.len().saturating_sub(MOST);
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines.join("\n")
}

/// How far apart two requests are: another path counts for more than any text.
pub fn weight(differences: &[Difference]) -> usize {
    let of = |difference: &Difference| match difference.place.as_str() {
        "path" | "method" => 1_000,
        "$.model" => 20,
        "$" => 200,
        _ => 1,
    };
    differences.iter().map(of).sum()
}

/// In what a request differs from a recorded one, both as they are compared.
pub fn differences(recorded: &Asked, asked: &Asked) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |place: &str, one: Option<&str>, other: Option<&str>| {
        if one != other {
            let (recorded, asked) = (one.map(str::to_owned), other.map(str::to_owned));
            found.push(Difference { place: place.to_owned(), recorded, asked });
        }
    };
    compare("method", Some(&recorded.method), Some(&asked.method));
    compare("path", Some(&recorded.path), Some(&asked.path));
    let mut names: Vec<&str> =
        recorded.query.iter().chain(&asked.query).map(|(name, _)| name.as_str()).collect();
    names.dedup();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let value = |query: &[(String, String)]| {
            let own: Vec<_> =
                query.iter().filter(|(known, _)| known == name).map(|(_, v)| v.clone()).collect();
            (!own.is_empty()).then(|| own.join(", "))
        };
        let (one, other) = (value(&recorded.query), value(&asked.query));
        compare(&format!("query.{name}"), one.as_deref(), other.as_deref());
    }
    match (&recorded.body, &asked.body) {
        (Body::Json(one), Body::Json(other)) => compare_json("$", one, other, &mut found),
        (Body::Form(one), Body::Form(other)) => {
            for at in 0..one.len().max(other.len()) {
                let shown = |fields: &[super::Field]| {
                    let field = fields.get(at)?;
                    Some(format!("{} = {}", field.name, String::from_utf8_lossy(&field.content)))
                };
                let (one, other) = (shown(one), shown(other));
                if one != other {
                    found.push(Difference { place: format!("form[{at}]"), recorded: one, asked: other });
                }
            }
        }
        (one, other) if one != other => {
            found.push(Difference { place: "$".to_owned(), recorded: shown(one), asked: shown(other) });
        }
        _ => {}
    }
    found
}

fn shown(body: &Body) -> Option<String> {
    match body {
        Body::None => None,
        Body::Json(json) => Some(json.to_string()),
        Body::Text(text) => Some(text.clone()),
        Body::Bytes(bytes) => Some(format!("{} bytes", bytes.len())),
        Body::Form(fields) => Some(format!("a form of {} fields", fields.len())),
    }
}

fn compare_json(place: &str, one: &Value, other: &Value, found: &mut Vec<Difference>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            for name in names {
                let place = format!("{place}.{name}");
                compare_given(&place, one.get(name), other.get(name), found);
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            for at in 0..one.len().max(other.len()) {
                compare_given(&format!("{place}[{at}]"), one.get(at), other.get(at), found);
            }
        }
        (one, other) if crate::notation::pattern::equal(one, other) => {}
        (one, other) => found.push(Difference {
            place: place.to_owned(),
            recorded: Some(one.to_string()),
            asked: Some(other.to_string()),
        }),
    }
}

fn compare_given(place: &str, one: Option<&Value>, other: Option<&Value>, found: &mut Vec<Difference>) {
    match (one, other) {
        (Some(one), Some(other)) => compare_json(place, one, other, found),
        (one, other) => found.push(Difference {
            place: place.to_owned(),
            recorded: one.map(ToString::to_string),
            asked: other.map(ToString::to_string),
        }),
    }
}
