//! Why nothing answers: the nearest stub, and what differs.

use std::{collections::HashMap, fmt};

use super::{
    Entry, Luck, Moment, Rules, Who,
    facts::Facts,
    holds::{Go, Mismatch, Shown},
    takes,
};
use crate::{
    notation::pattern::{Pattern, Scalar},
    scenario::stub::{Kind, PlaceInLine},
};

/// Why nothing answers.
#[derive(Clone, Debug, Default)]
pub struct Miss {
    /// What was asked, in one line.
    asked: String,
    /// The stub that came nearest, with its place; `None` where there is none.
    nearest: Option<(String, String)>,
    /// What differs: the condition, what it expects, what it found.
    differences: Vec<Difference>,
}

#[derive(Clone, Debug)]
struct Difference {
    key: String,
    expected: String,
    found: String,
}

impl Difference {
    fn new(key: &str, expected: String, found: String) -> Self {
        Self { key: key.to_owned(), expected, found }
    }
}

/// What came before a request, as far as conditions ask for it.
pub struct Past<'a> {
    /// How often the request came before.
    pub came: u32,
    /// The call that it belongs to, where calls are counted.
    pub call: Option<u64>,
    /// Which attempt of that call it is.
    pub attempt: u64,
    /// State variables that were set.
    pub states: &'a HashMap<String, String>,
    /// The how-manieth it is of those for which all else in these conditions
    /// holds.
    pub count: &'a dyn Fn(Entry, &Who) -> u64,
}

/// A stub that was asked, and what differs where it does not answer.
#[derive(Clone, Debug)]
pub struct Considered {
    /// The scenario's name.
    pub scenario: String,
    /// The stub's name.
    pub stub: String,
    /// Where it stands.
    pub place: String,
    /// What differs, in words; nothing where it answers.
    pub differs: Vec<String>,
}

/// Stubs that are told of at the most.
const MOST_CONSIDERED: usize = 1_000;

/// Characters of a text that are shown.
const WIDTH: usize = 80;

/// Characters of a text that are compared to tell how alike it is.
const COMPARED: usize = 100;

/// Texts that are compared at the most; all others are held to be unlike.
const MOST_COMPARED: usize = 300;

impl Rules {
    /// Why none of the stubs answered this request.
    pub fn miss(&self, facts: &Facts<'_>, luck: Luck<'_>, past: &Past<'_>) -> Miss {
        let moment = Moment { facts, luck, came: past.came, attempt: past.attempt };
        let mut best: Option<(f64, Entry)> = None;
        let mut compared = 0;
        for number in 0..self.stubs.len() {
            if self.stub(number).1.place_in_line == PlaceInLine::Underneath {
                continue;
            }
            for at in 0..self.stub(number).1.when.len() {
                let entry = (number, at);
                let Some(distance) = self.distance(&moment, entry, past, &mut compared) else { continue };
                if best.is_none_or(|(least, _)| distance < least) {
                    best = Some((distance, entry));
                }
            }
        }
        let asked = asked(facts);
        let Some((_, entry)) = best else { return Miss { asked, ..Miss::default() } };
        let stub = self.stub(entry.0).1;
        let mut differences = self.differences(&moment, entry, past);
        if differences.is_empty() {
            let used = format!("all {} are used up (at_end: next)", stub.length());
            let expected = "a reply that is left".to_owned();
            differences.push(Difference { key: "then".to_owned(), expected, found: used });
        }
        Miss { asked, nearest: Some((stub.name.clone(), stub.place.clone())), differences }
    }

    /// How far a stub is from matching; `None` for one that was laid over what
    /// is missing.
    fn distance(
        &self,
        moment: &Moment<'_, '_>,
        entry: Entry,
        past: &Past<'_>,
        compared: &mut usize,
    ) -> Option<f64> {
        let (facts, (_, stub), when) = (moment.facts, self.stub(entry.0), self.when(entry));
        let mut distance = if takes(stub, facts) { 0.0 } else { 3.0 };
        when.each(facts, &mut |mismatch| {
            let compares = *compared < MOST_COMPARED;
            *compared += usize::from(compares);
            distance += 1.0 + if compares { unlikeness_of(mismatch) } else { 1.0 };
            Go::On
        });
        // Nothing is counted for a stub of which other conditions fail.
        if distance == 0.0 && !self.counted(moment, entry, past).is_empty() {
            distance = 0.5;
        }
        let is_below = stub.replies.iter().any(|(reply, _)| matches!(reply.kind, Kind::Below));
        (distance > 0.0 || !is_below).then_some(distance)
    }

    /// The stubs that a request asks, up to the one that answers.
    pub fn considered(&self, facts: &Facts<'_>, luck: Luck<'_>, past: &Past<'_>) -> Vec<Considered> {
        let moment = Moment { facts, luck, came: past.came, attempt: past.attempt };
        let mut all: Vec<Considered> = Vec::new();
        for number in 0..self.stubs.len().min(MOST_CONSIDERED) {
            let (scenario, stub) = self.stub(number);
            let is_over = |one: &Considered| one.differs.is_empty();
            if stub.place_in_line == PlaceInLine::Underneath && !all.iter().any(is_over) {
                continue;
            }
            let each = (0..stub.when.len()).map(|at| self.differences(&moment, (number, at), past));
            let nearest = each.min_by_key(Vec::len).unwrap_or_default();
            let differs: Vec<_> = nearest
                .iter()
                .map(|Difference { key, expected, found }| {
                    format!("{key}: expected {expected}, found {found}")
                })
                .collect();
            let answers = differs.is_empty();
            let (stub_name, place) = (stub.name.clone(), stub.place.clone());
            all.push(Considered { scenario: scenario.name.clone(), stub: stub_name, place, differs });
            if answers && !stub.reply(0).is_some_and(|reply| matches!(reply.kind, Kind::Below)) {
                break;
            }
        }
        all
    }

    fn differences(&self, moment: &Moment<'_, '_>, entry: Entry, past: &Past<'_>) -> Vec<Difference> {
        let (facts, (_, stub), when) = (moment.facts, self.stub(entry.0), self.when(entry));
        let mut all = Vec::new();
        if !takes(stub, facts) {
            let names: Vec<_> = stub.operations.iter().flatten().map(|operation| operation.name()).collect();
            all.push(Difference::new("operation", names.join(" or "), facts.operation.name().to_owned()));
        }
        when.each(facts, &mut |mismatch| {
            all.push(difference(mismatch));
            Go::On
        });
        all.extend(self.counted(moment, entry, past));
        all
    }

    /// What differs of that which depends on the past and on luck.
    fn counted(&self, moment: &Moment<'_, '_>, entry: Entry, past: &Past<'_>) -> Vec<Difference> {
        let ((_, stub), when) = (self.stub(entry.0), self.when(entry));
        let mut all = Vec::new();
        if let Some(attempt) = when.attempt.as_ref().filter(|attempt| !attempt.holds(moment.attempt)) {
            all.push(Difference::new("attempt", Shown(attempt).to_string(), moment.attempt.to_string()));
        }
        if let Some((name, pattern)) = self.states_hold(when, past.states) {
            let found =
                self.state(past.states, name).map_or("nothing".to_owned(), |value| format!("{value:?}"));
            all.push(Difference::new(&format!("state {name}"), pattern.to_string(), found));
        }
        if let Some(nth) = &when.nth {
            let count = (past.count)(entry, &Who::new(&stub.per, moment.facts, past.call));
            // Where other conditions fail, this request was not counted.
            if count > 0 && !nth.holds(count) {
                all.push(Difference::new("nth", Shown(nth).to_string(), count.to_string()));
            }
        }
        if let Some(chance) = when.chance {
            let drawn = self.draw(moment, entry);
            if drawn >= chance.0 {
                all.push(Difference::new("chance", chance.to_string(), format!("{drawn:.1}% was drawn")));
            }
        }
        all
    }
}

fn asked(facts: &Facts<'_>) -> String {
    let mut asked = format!(
        "{} {} ({} {}",
        facts.request.method,
        facts.request.path,
        facts.api(),
        facts.operation.name()
    );
    if facts.is_stream() {
        asked.push_str(" stream");
    }
    for model in facts.models() {
        asked.push_str(&format!(", model {:?}", around(model, 0)));
    }
    asked.push(')');
    asked
}

/// How unlike a text is to the one that is waited for; half where there is no
/// such text.
fn unlikeness_of(mismatch: &Mismatch<'_>) -> f64 {
    match (wanted(mismatch.pattern), mismatch.found) {
        (Some(wanted), [found]) => unlikeness(&wanted, found),
        _ => 0.5,
    }
}

fn difference(mismatch: &Mismatch<'_>) -> Difference {
    let key = mismatch.key.to_string();
    if is_secret(&key) {
        // A key is a secret, be it the right one or not.
        let found = if mismatch.found.is_empty() { "nothing" } else { "another" };
        return Difference::new(&key, "a certain key".to_owned(), found.to_owned());
    }
    let at = match (wanted(mismatch.pattern), mismatch.found) {
        (Some(wanted), [found]) => {
            found.chars().zip(wanted.chars()).take_while(|(found, wanted)| found == wanted).count()
        }
        _ => 0,
    };
    let found: Vec<_> = mismatch.found.iter().take(5).map(|text| format!("{:?}", around(text, at))).collect();
    let more = mismatch.found.len().saturating_sub(found.len());
    let mut shown = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
    if more > 0 {
        shown.push_str(&format!(" and {more} more"));
    }
    let expected = match mismatch.pattern {
        Some(Pattern::Bare(Scalar::Text(text))) => format!("{:?}", around(text, at)),
        _ => around(&mismatch.expected.to_string(), 0),
    };
    Difference::new(&key, expected, shown)
}

/// Whether a condition is about a key, by its name.
fn is_secret(key: &str) -> bool {
    let name = key.to_lowercase();
    SECRETS.contains(&name.as_str())
        || [
            "secret",
            "password",
            "cookie",
            "authorization",
            "api_key",
            "apikey",
            "api-key",
            "-token",
            "_token",
            ".token",
        ]
        .iter()
        .any(|word| name.contains(word) && !name.contains("tokens"))
}

/// Conditions about keys.
const SECRETS: [&str; 6] = [
    "key",
    "query key",
    "header authorization",
    "header x-api-key",
    "header x-goog-api-key",
    "header api-key",
];

/// The text that a pattern waits for, where it waits for just one.
fn wanted(pattern: Option<&Pattern>) -> Option<String> {
    match pattern? {
        Pattern::Bare(scalar) => Some(scalar.text()),
        Pattern::Contains(needle) => Some(needle.clone()),
        Pattern::Glob(glob) => Some(glob.source().to_owned()),
        _ => None,
    }
}

/// From 0 for texts that are alike to 1 for those that have nothing in common.
fn unlikeness(wanted: &str, found: &str) -> f64 {
    let beginning = |text: &str| text.chars().take(COMPARED).collect::<String>().to_lowercase();
    let (wanted, found) = (beginning(wanted), beginning(found));
    // A needle is near if its words are in the text, or words like them.
    let words: Vec<_> = wanted.split_whitespace().collect();
    let others: Vec<_> = found.split_whitespace().collect();
    let apart = |word: &str| {
        let each = others.iter().map(|other| 1.0 - strsim::normalized_damerau_levenshtein(word, other));
        if found.contains(word) { 0.0 } else { each.fold(1.0, f64::min) }
    };
    #[expect(clippy::cast_precision_loss, reason = "a few hundred words")]
    let by_words = words.iter().map(|word| apart(word)).sum::<f64>() / words.len().max(1) as f64;
    let by_words = if words.is_empty() { 1.0 } else { by_words };
    by_words.min(1.0 - strsim::normalized_damerau_levenshtein(&wanted, &found))
}

/// A text around one of its characters, shortened where it is long.
fn around(text: &str, at: usize) -> String {
    let start = if text.chars().nth(WIDTH).is_some() { at.saturating_sub(WIDTH / 3) } else { 0 };
    let mut rest = text.chars().skip(start);
    let middle: String = rest.by_ref().take(WIDTH).collect();
    let (before, after) = (if start > 0 { "…" } else { "" }, if rest.next().is_some() { "…" } else { "" });
    format!("{before}{middle}{after}")
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mynah: no stub matches {}", self.asked)?;
        let Some((name, place)) = &self.nearest else { return Ok(()) };
        write!(f, "\nthe nearest is {name:?} ({place}), but")?;
        let width =
            self.differences.iter().map(|difference| difference.key.chars().count()).max().unwrap_or(0);
        for Difference { key, expected, found } in &self.differences {
            write!(f, "\n  {key:width$}  expected {expected}\n  {:width$}  found    {found}", "")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_shown_around_the_difference() {
        let text = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let shown = around(&text, 500);
        assert!(shown.contains("aX") && shown.starts_with('…') && shown.ends_with('…'), "{shown}");
        assert_eq!(around("short", 3), "short");
    }

    #[test]
    fn texts_that_share_words_are_near() {
        assert!(
            unlikeness("weather in Oslo", "What is the wether in Oslo?")
                < unlikeness("weather in Oslo", "Hello")
        );
        assert!(unlikeness("hello", "helo") < 0.3);
    }
}
