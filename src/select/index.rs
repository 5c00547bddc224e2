//! Which stubs need to be looked at: what is literal in their conditions is
//! looked up, so that a thousand stubs cost no more than one.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

use super::facts::Facts;
use crate::{
    notation::{
        path::JsonPath,
        pattern::{Pattern, Scalar},
    },
    scenario::file::When,
};

/// A map of conditions: the stub's number and its place in the stub's list.
pub type Entry = (usize, usize);

/// Stubs by a literal of theirs.
#[derive(Debug, Default)]
pub(super) struct Index {
    prompts: HashMap<String, Vec<Entry>>,
    models: HashMap<String, Vec<Entry>>,
    paths: HashMap<String, Vec<Entry>>,
    keys: HashMap<String, Vec<Entry>>,
    headers: Vec<(String, HashMap<String, Vec<Entry>>)>,
    nodes: Vec<(JsonPath, HashMap<String, Vec<Entry>>)>,
    /// Pieces of prompts, and the entries of each.
    pieces: Option<AhoCorasick>,
    by_piece: Vec<Vec<Entry>>,
    /// Those without a literal, in their order.
    rest: Vec<Entry>,
}

/// A literal that must be there for a condition to hold.
enum Literal<'a> {
    Prompt(Vec<String>),
    Piece(Vec<String>),
    Node(&'a JsonPath, Vec<String>),
    Header(&'a str, Vec<String>),
    Key(Vec<String>),
    Model(Vec<String>),
    Path(Vec<String>),
}

impl Index {
    /// An index of all maps of conditions, in their order.
    pub(super) fn new<'a>(entries: impl Iterator<Item = (Entry, &'a When)>) -> Self {
        let mut index = Self::default();
        let mut pieces: HashMap<String, Vec<Entry>> = HashMap::new();
        for (entry, when) in entries {
            let (map, texts) = match literal(when) {
                None => {
                    index.rest.push(entry);
                    continue;
                }
                Some(Literal::Prompt(texts)) => (&mut index.prompts, texts),
                Some(Literal::Piece(texts)) => (&mut pieces, texts),
                Some(Literal::Key(texts)) => (&mut index.keys, texts),
                Some(Literal::Model(texts)) => (&mut index.models, texts),
                Some(Literal::Path(texts)) => (&mut index.paths, texts),
                Some(Literal::Header(name, texts)) => (named(&mut index.headers, &name.to_owned()), texts),
                Some(Literal::Node(path, texts)) => (named(&mut index.nodes, path), texts),
            };
            for text in texts {
                map.entry(text).or_default().push(entry);
            }
        }
        let (texts, entries): (Vec<_>, Vec<_>) = pieces.into_iter().unzip();
        if !texts.is_empty() {
            match AhoCorasick::builder().match_kind(MatchKind::Standard).build(&texts) {
                Ok(automaton) => (index.pieces, index.by_piece) = (Some(automaton), entries),
                // Too many pieces for one automaton: they are looked at one by one.
                Err(_) => {
                    index.rest.extend(entries.into_iter().flatten());
                    index.rest.sort_unstable();
                }
            }
        }
        index
    }

    /// The entries whose literal is there, and those without one, in their
    /// order.
    pub(super) fn look_up(&self, facts: &Facts<'_>) -> impl Iterator<Item = Entry> {
        let mut found = Vec::new();
        let mut add =
            |map: &HashMap<String, Vec<Entry>>, text: &str| found.extend(map.get(text).into_iter().flatten());
        if !self.models.is_empty() {
            facts.models().into_iter().for_each(|model| add(&self.models, model));
        }
        if !self.prompts.is_empty() {
            facts.prompts().into_iter().for_each(|prompt| add(&self.prompts, prompt));
        }
        if !self.keys.is_empty() {
            facts.keys().into_iter().for_each(|key| add(&self.keys, key));
        }
        add(&self.paths, &facts.request.path);
        for (name, map) in &self.headers {
            facts.header(name).into_iter().for_each(|value| add(map, value));
        }
        for (path, map) in &self.nodes {
            let texts = path.find(facts.json).into_iter().filter_map(Value::as_str);
            texts.for_each(|text| add(map, text));
        }
        if let Some(pieces) = &self.pieces {
            for prompt in facts.prompts() {
                // A piece may stand in a prompt a million times.
                let mut seen = vec![false; self.by_piece.len()];
                for hit in pieces.find_overlapping_iter(prompt) {
                    let piece = hit.pattern().as_usize();
                    if !std::mem::replace(&mut seen[piece], true) {
                        found.extend(&self.by_piece[piece]);
                    }
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        Merged { found: found.into_iter().peekable(), rest: self.rest.iter().copied().peekable() }
    }
}

fn named<'m, N: PartialEq + Clone>(
    maps: &'m mut Vec<(N, HashMap<String, Vec<Entry>>)>,
    name: &N,
) -> &'m mut HashMap<String, Vec<Entry>> {
    let at = maps.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
        maps.push((name.clone(), HashMap::new()));
        maps.len() - 1
    });
    &mut maps[at].1
}

/// Two rows in order, as one.
struct Merged<A: Iterator<Item = Entry>, B: Iterator<Item = Entry>> {
    found: std::iter::Peekable<A>,
    rest: std::iter::Peekable<B>,
}

impl<A: Iterator<Item = Entry>, B: Iterator<Item = Entry>> Iterator for Merged<A, B> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        match (self.found.peek(), self.rest.peek()) {
            (Some(found), Some(rest)) if rest < found => self.rest.next(),
            (Some(_), _) => self.found.next(),
            (None, _) => self.rest.next(),
        }
    }
}

/// The literal by which a map of conditions is found: that which fewest
/// requests have, as far as keys tell.
fn literal(when: &When) -> Option<Literal<'_>> {
    let exact = |pattern: &Option<Pattern>| pattern.as_ref().and_then(texts);
    if let Some(texts) = exact(&when.prompt) {
        return Some(Literal::Prompt(texts));
    }
    let node = when.json.iter().flatten().find_map(|(path, pattern)| {
        let is_text = |pattern: &Pattern| matches!(pattern, Pattern::Bare(Scalar::Text(_)));
        let all_texts = match pattern {
            Pattern::Any(patterns) => patterns.iter().all(is_text),
            pattern => is_text(pattern),
        };
        if all_texts { texts(pattern).map(|texts| Literal::Node(path, texts)) } else { None }
    });
    let header = || {
        let named = when.header.iter().flatten();
        named.into_iter().find_map(|(name, pattern)| texts(pattern).map(|texts| Literal::Header(name, texts)))
    };
    node.or_else(header)
        .or_else(|| when.prompt.as_ref().and_then(pieces).map(Literal::Piece))
        .or_else(|| exact(&when.key).map(Literal::Key))
        .or_else(|| exact(&when.model).map(Literal::Model))
        .or_else(|| exact(&when.path).map(Literal::Path))
}

/// The texts one of which is equal, where the pattern says just that.
fn texts(pattern: &Pattern) -> Option<Vec<String>> {
    match pattern {
        Pattern::Bare(scalar) => Some(vec![scalar.text()]),
        Pattern::Any(patterns) => {
            let each: Option<Vec<_>> = patterns.iter().map(texts).collect();
            each.map(|each| each.concat())
        }
        Pattern::All(patterns) => patterns.iter().find_map(texts),
        _ => None,
    }
}

/// The texts one of which stands in it, where the pattern says so. An empty one
/// stands everywhere and helps nobody.
fn pieces(pattern: &Pattern) -> Option<Vec<String>> {
    match pattern {
        Pattern::Contains(needle) if !needle.is_empty() => Some(vec![needle.clone()]),
        Pattern::Bare(_) => texts(pattern).filter(|texts| texts.iter().all(|text| !text.is_empty())),
        Pattern::Any(patterns) => {
            let each: Option<Vec<_>> = patterns.iter().map(pieces).collect();
            each.map(|each| each.concat())
        }
        Pattern::All(patterns) => patterns.iter().find_map(pieces),
        _ => None,
    }
}
