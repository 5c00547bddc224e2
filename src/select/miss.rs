//! Why nothing answers: the nearest stub, and what differs.

use std::fmt;

use super::{
    Counts, Entry, Luck, Rules, Who,
    facts::Facts,
    holds::{Go, Mismatch, Shown},
    takes,
};
use crate::notation::pattern::{Pattern, Scalar};

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
    /// How far apart, from 0 to 1: texts that are alike are nearer than others.
    distance: f64,
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

/// Stubs whose texts are compared at the most: so many are alike in all else.
const MOST_COMPARED: usize = 300;

impl Rules {
    /// Why none of the stubs answered this request. The counts are as that
    /// request left them.
    pub fn miss(&self, facts: &Facts<'_>, luck: Luck<'_>, came: u32, counts: &Counts) -> Miss {
        let moment = super::Moment { facts, luck, came, attempt: 1 };
        let mut best: Option<(f64, Entry, Vec<Difference>)> = None;
        let mut compared = 0;
        for number in 0..self.stubs.len() {
            for at in 0..self.stub(number).1.when.len() {
                let entry = (number, at);
                let differences = self.differences(&moment, entry, counts, compared < MOST_COMPARED);
                compared += 1;
                let distance = differences.iter().map(|difference| 1.0 + difference.distance).sum();
                if best.as_ref().is_none_or(|(least, ..)| distance < *least) {
                    best = Some((distance, entry, differences));
                }
            }
        }
        let asked = asked(facts);
        match best {
            None => Miss { asked, ..Miss::default() },
            Some((_, (number, _), differences)) => {
                let stub = self.stub(number).1;
                Miss { asked, nearest: Some((stub.name.clone(), stub.place.clone())), differences }
            }
        }
    }

    /// The stubs that a request asks, up to the one that answers, before
    /// anything is counted for it.
    pub fn considered(&self, facts: &Facts<'_>, luck: Luck<'_>, counts: &Counts) -> Vec<Considered> {
        let moment = super::Moment { facts, luck, came: 0, attempt: 1 };
        let mut all = Vec::new();
        for number in 0..self.stubs.len().min(MOST_CONSIDERED) {
            let (scenario, stub) = self.stub(number);
            let mut nearest: Option<Vec<Difference>> = None;
            for at in 0..stub.when.len() {
                let differences = self.plain_differences(&moment, (number, at), counts, false);
                if nearest.as_ref().is_none_or(|nearest| differences.len() < nearest.len()) {
                    nearest = Some(differences);
                }
            }
            let differs: Vec<_> = nearest
                .iter()
                .flatten()
                .map(|Difference { key, expected, found, .. }| {
                    format!("{key}: expected {expected}, found {found}")
                })
                .collect();
            let answers = differs.is_empty();
            let (stub_name, place) = (stub.name.clone(), stub.place.clone());
            all.push(Considered { scenario: scenario.name.clone(), stub: stub_name, place, differs });
            let passes_on =
                stub.reply(0).is_some_and(|reply| matches!(reply.kind, crate::scenario::stub::Kind::Below));
            if answers && !passes_on {
                break;
            }
        }
        all
    }

    /// What differs, and where nothing does, what is used up.
    fn differences(
        &self,
        moment: &super::Moment<'_, '_>,
        entry: Entry,
        counts: &Counts,
        compares: bool,
    ) -> Vec<Difference> {
        let mut all = self.plain_differences(moment, entry, counts, compares);
        if all.is_empty() {
            let stub = self.stub(entry.0).1;
            let used = format!("all {} are used up (at_end: next)", stub.length());
            let expected = "a reply that is left".to_owned();
            all.push(Difference { key: "then".to_owned(), expected, found: used, distance: 0.0 });
        }
        all
    }

    fn plain_differences(
        &self,
        moment: &super::Moment<'_, '_>,
        entry: Entry,
        counts: &Counts,
        compares: bool,
    ) -> Vec<Difference> {
        let (facts, (_, stub), when) = (moment.facts, self.stub(entry.0), self.when(entry));
        let mut all = Vec::new();
        let plain = |key: &str, expected: String, found: String, distance| {
            let key = key.to_owned();
            Difference { key, expected, found, distance }
        };
        if !takes(stub, facts) {
            let names: Vec<_> = stub.operations.iter().flatten().map(|operation| operation.name()).collect();
            all.push(plain("operation", names.join(" or "), facts.operation.name().to_owned(), 2.0));
        }
        when.each(facts, &mut |mismatch| {
            all.push(difference(mismatch, compares));
            Go::On
        });
        if let Some(attempt) = when.attempt.as_ref().filter(|attempt| !attempt.holds(moment.attempt)) {
            all.push(plain("attempt", Shown(attempt).to_string(), moment.attempt.to_string(), 0.0));
        }
        if let Some((name, pattern)) = self.states_hold(when, counts) {
            let found = self.state(counts, name).map_or("nothing".to_owned(), |value| format!("{value:?}"));
            all.push(plain(&format!("state {name}"), pattern.to_string(), found, 0.0));
        }
        if !all.is_empty() {
            return all;
        }
        let who = Who::new(&stub.per, facts, None);
        if let Some(nth) = &when.nth {
            let count = counts.next_count(entry.0, entry.1, &who);
            if !nth.holds(count) {
                all.push(plain("nth", Shown(nth).to_string(), count.to_string(), 0.0));
            }
        }
        if let Some(chance) = when.chance {
            let drawn = self.draw(moment, entry);
            if drawn >= chance.0 {
                all.push(plain("chance", chance.to_string(), format!("{drawn:.1}% was drawn"), 0.0));
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

fn difference(mismatch: &Mismatch<'_>, compares: bool) -> Difference {
    let wanted = wanted(mismatch.pattern);
    let (mut distance, mut at) = (0.5, 0);
    if let (Some(wanted), [found]) = (&wanted, mismatch.found) {
        at = found.chars().zip(wanted.chars()).take_while(|(found, wanted)| found == wanted).count();
        if compares {
            distance = unlikeness(wanted, found);
        }
    }
    let found: Vec<_> = mismatch.found.iter().take(5).map(|text| format!("{:?}", around(text, at))).collect();
    let more = mismatch.found.len().saturating_sub(found.len());
    let mut shown = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
    if more > 0 {
        shown.push_str(&format!(" and {more} more"));
    }
    let key = mismatch.key.to_string();
    if matches!(key.as_str(), "key" | "header authorization" | "header x-api-key" | "header x-goog-api-key") {
        // A key is a secret, be it the right one or not.
        let found = if mismatch.found.is_empty() { "nothing" } else { "another" };
        return Difference { key, expected: "a certain key".to_owned(), found: found.to_owned(), distance };
    }
    let expected = match mismatch.pattern {
        Some(Pattern::Bare(Scalar::Text(text))) => format!("{:?}", around(text, at)),
        _ => around(&mismatch.expected.to_string(), 0),
    };
    Difference { key, expected, found: shown, distance }
}

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
    // A needle is near if its words are in the text.
    let words: Vec<_> = wanted.split_whitespace().collect();
    let here = words.iter().filter(|word| found.contains(**word)).count();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred words")]
    let by_words = if words.is_empty() { 1.0 } else { 1.0 - here as f64 / words.len() as f64 };
    by_words.min(1.0 - strsim::normalized_damerau_levenshtein(&wanted, &found))
}

/// A text around one of its characters, shortened where it is long.
fn around(text: &str, at: usize) -> String {
    let length = text.chars().count();
    if length <= WIDTH {
        return text.to_owned();
    }
    let start = at.saturating_sub(WIDTH / 3).min(length - WIDTH);
    let middle: String = text.chars().skip(start).take(WIDTH).collect();
    let (before, after) = (if start > 0 { "…" } else { "" }, if start + WIDTH < length { "…" } else { "" });
    format!("{before}{middle}{after}")
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mynah: no stub matches {}", self.asked)?;
        let Some((name, place)) = &self.nearest else { return Ok(()) };
        write!(f, "\nthe nearest is {name:?} ({place}), but")?;
        let width =
            self.differences.iter().map(|difference| difference.key.chars().count()).max().unwrap_or(0);
        for Difference { key, expected, found, .. } in &self.differences {
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
