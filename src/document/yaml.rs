//! YAML texts, read into trees that know their places. The only file that
//! knows the YAML library.

use std::{fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Options, Spanned};

use super::{
    error::{Place, Problem, Source},
    tree::{Kind, Node},
};

/// Bytes that a file may have: 32 MiB. A tree takes about thirty times as much.
pub const LONGEST_FILE: usize = 32 << 20;

/// Nodes that the documents of a file may have.
const MOST_NODES: usize = 4_000_000;

/// Nodes that aliases may add to a document: enough to share pieces, too few
/// to fill the memory.
const MOST_REPLAYED: usize = 200_000;

/// Documents that a file may have.
const MOST_DOCUMENTS: usize = 100_000;

/// The documents of a text. Empty ones are left out.
///
/// # Errors
///
/// The first thing that is no YAML.
pub fn read(source: &Arc<Source>) -> Result<Vec<Node>, Problem> {
    if source.text.len() > LONGEST_FILE {
        let message = format!("the file has {} bytes; it may have {LONGEST_FILE}", source.text.len());
        return Err(Problem::error(source, Place::default(), message));
    }
    let read = serde_saphyr::from_multiple_with_options::<Tree>(&source.text, options());
    match read {
        Ok(documents) => {
            let mut nodes: Vec<_> = documents.into_iter().map(|tree| tree.0).collect();
            nodes.iter_mut().for_each(|node| node.keep_spelling(&source.text));
            Ok(nodes)
        }
        Err(error) => Err(problem(source, &error)),
    }
}

/// One value, be it YAML or JSON.
///
/// # Errors
///
/// What is no YAML, and where.
pub fn read_value(text: &str) -> Result<serde_json::Value, String> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| error.to_string())
}

/// A value as YAML.
///
/// # Errors
///
/// Where the value cannot be written, such as a map with lists as keys.
pub fn write(value: &impl serde::Serialize) -> Result<String, fmt::Error> {
    serde_saphyr::to_string(value).map_err(|_| fmt::Error)
}

fn options() -> Options {
    let mut options = Options::default();
    options.strict_booleans = true;
    options.with_snippet = false;
    options.reject_unsupported_tags = true;
    options.alias_limits.max_total_replayed_events = MOST_REPLAYED;
    if let Some(budget) = &mut options.budget {
        budget.max_nodes = MOST_NODES;
        budget.max_events = MOST_NODES * 2;
        budget.max_documents = MOST_DOCUMENTS;
        budget.max_total_scalar_bytes = LONGEST_FILE;
        budget.max_reader_input_bytes = None;
        // One anchor may well serve every stub; what aliases add is bounded above.
        budget.enforce_alias_anchor_ratio = false;
        budget.max_aliases = MOST_REPLAYED;
        budget.max_merge_keys = MOST_REPLAYED;
    }
    options
}

fn problem(source: &Arc<Source>, error: &serde_saphyr::Error) -> Problem {
    let place = error.location().map_or(Place::default(), |location| Place {
        line: usize::try_from(location.line()).unwrap_or_default(),
        column: usize::try_from(location.column()).unwrap_or_default(),
        length: 1,
    });
    let text = error.without_snippet().to_string();
    // The place is told beside the message.
    let message = match text.split_once(": ") {
        Some((head, rest)) if head.starts_with("error: line") || head.starts_with("line ") => rest,
        _ => text.strip_prefix("error: ").unwrap_or(&text),
    };
    let message = strip_place(message.lines().next().unwrap_or_default());
    let problem = Problem::error(source, place, explain(message));
    let hint = match is_bare_bracket(source, place) {
        true => Some(
            "inside {…} a `[` ends a YAML word: write `.*` for `[0]`, or quote the path, as in {\"$.a[0]\": 1}",
        ),
        false => ADVICE.iter().find(|(words, _)| message.contains(words)).map(|(_, advice)| *advice),
    };
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

/// Words of the library's messages, and what was probably forgotten.
const ADVICE: [(&str, &str); 11] = [
    (
        "mapping values are not allowed",
        "is the line indented too far? a text with a colon and a blank in it needs quotes",
    ),
    ("expected '-' indicator", "is the line indented like those that it belongs to?"),
    ("did not find expected key", "is the line indented like those that it belongs to?"),
    ("tabs disallowed", "indent with blanks"),
    ("expected ',' or", "is a comma, a brace, a bracket or a quote missing in front of this?"),
    ("expected ':'", "is a colon missing behind this word?"),
    ("unknown escape", "inside \"…\" a backslash begins an escape; inside '…' it stands for itself"),
    ("after single-quoted", "inside '…' a quote is written twice: ''"),
    (
        "unknown anchor",
        "an anchor stands above its use, as `&name`; a text that begins with `*` needs quotes",
    ),
    ("anchor or alias", "a text that begins with `*` or `&` needs quotes"),
    ("unexpected character: `", "a text that begins with this character needs quotes"),
];

fn strip_place(message: &str) -> &str {
    match message.rfind(" at line ") {
        Some(at) => &message[..at],
        None => message,
    }
}

/// The library's words for what its limits are about, in ours.
fn explain(message: &str) -> String {
    if let Some(key) = message.strip_prefix("duplicate mapping key: ") {
        let key = key.split(", set ").next().unwrap_or(key);
        return format!("the key `{key}` stands twice in one map");
    }
    if message.starts_with("non-finite float") {
        let number = message.split('`').nth(1).unwrap_or_default();
        return format!("JSON has no such number as `{number}`");
    }
    if message.contains("recursion limit") || message.contains("Depth") {
        return "the file is nested too deeply".to_owned();
    }
    if let Some(breach) = message.strip_prefix("budget breached: ") {
        // Such as `Nodes { nodes: 5000000 }`.
        let what: String = breach.chars().take_while(|character| character.is_alphanumeric()).collect();
        return format!("the file is too large: it has too many {}", what.to_lowercase());
    }
    if message.contains("alias") && message.contains("limit") {
        return format!("the aliases of this file stand for more than {MOST_REPLAYED} values");
    }
    if message.starts_with("recursive references") {
        return "an anchor cannot be used inside itself".to_owned();
    }
    message.to_owned()
}

/// A path such as `$.a[0]` that stands without quotes between braces.
fn is_bare_bracket(source: &Source, place: Place) -> bool {
    let Some(line) = place.line.checked_sub(1).and_then(|line| source.text.lines().nth(line)) else {
        return false;
    };
    let before: Vec<char> = line.chars().take(place.column).collect();
    let word = before.rsplit(|c: &char| "{, ".contains(*c)).find(|word| !word.is_empty());
    word.is_some_and(|word| word.first() == Some(&'$') && (word.contains(&'[') || line.contains('[')))
}

struct Tree(Node);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<TreeKind>::deserialize(deserializer)?;
        let at = spanned.defined;
        let number = |number: u64| usize::try_from(number).unwrap_or_default();
        let place =
            Place { line: number(at.line()), column: number(at.column()), length: number(at.span().len()) };
        let start = at.span().byte_offset().map(number);
        let length = at.span().byte_len().map(number);
        let bytes = start.zip(length).map(|(start, length)| start..start + length);
        Ok(Self(Node { place, bytes: bytes.unwrap_or_default(), kind: spanned.value.0 }))
    }
}

struct TreeKind(Kind);

impl<'de> Deserialize<'de> for TreeKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor).map(TreeKind)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Number { number: value.into(), spelling: String::new() })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::Number { number: value.into(), spelling: String::new() })
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Kind, E> {
        let number =
            serde_json::Number::from_f64(value).ok_or_else(|| E::custom("JSON has no such number"))?;
        Ok(Kind::Number { number, spelling: String::new() })
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Kind, E> {
        Ok(Kind::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Kind, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Tree>()? {
            list.push(item.0);
        }
        Ok(Kind::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Kind, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Tree, Tree>()? {
            map.push((key.0, value.0));
        }
        Ok(Kind::Map(map))
    }
}
