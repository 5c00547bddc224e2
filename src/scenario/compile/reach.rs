//! Stubs that can never answer: an earlier one takes all that they would match,
//! and never passes on.

use std::collections::HashMap;

use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use crate::scenario::{
    decode::Document,
    error::Problem,
    file::{AtEnd, When},
    stub::PlaceInLine,
    stub::{Kind, Scenario, Stub},
    tree::{OnKey, Path},
};

/// Unreachable stubs of one scenario: errors.
pub(super) fn within(document: &Document, scenario: &Scenario) -> Vec<Problem> {
    let root = Path::default();
    let stubs_path = root.key("stubs");
    let stubs: Vec<_> = scenario.stubs.iter().collect();
    let mut problems = Vec::new();
    for (index, taker) in takers(&stubs).into_iter().enumerate() {
        let Some(taker) = taker.map(|taker| stubs[taker]) else { continue };
        let name = &taker.name;
        let message = format!(
            "this stub can never answer: {name:?} takes all that it would match, and never passes on"
        );
        let problem = document.problem(&stubs_path.index(index), OnKey::No, message);
        let line = taker.place.rsplit(':').next().unwrap_or_default();
        let hint =
            format!("{name:?} stands in line {line}; put the narrower stub first, or give it `at_end: next`");
        problems.push(problem.hint(hint));
    }
    problems
}

/// Scenarios that a stub of an earlier one leaves a stub less: that stub, and
/// their names.
pub fn between(scenarios: &[Scenario]) -> Vec<(&Stub, Vec<&str>)> {
    let all: Vec<_> = scenarios
        .iter()
        .flat_map(|scenario| scenario.stubs.iter().map(move |stub| (scenario, stub)))
        .collect();
    let stubs: Vec<_> = all.iter().map(|(_, stub)| *stub).collect();
    let mut shadows: IndexMap<usize, IndexSet<&str>> = IndexMap::new();
    for (index, taker) in takers(&stubs).into_iter().enumerate() {
        let Some(taker) = taker else { continue };
        if !std::ptr::eq(all[taker].0, all[index].0) {
            shadows.entry(taker).or_default().insert(all[index].0.name.as_str());
        }
    }
    shadows.into_iter().map(|(taker, names)| (stubs[taker], names.into_iter().collect())).collect()
}

/// For each stub the first of those above that leaves it nothing.
fn takers(stubs: &[&Stub]) -> Vec<Option<usize>> {
    let conditions: Vec<Vec<Vec<Condition>>> =
        stubs.iter().map(|stub| stub.when.iter().map(conditions).collect()).collect();
    let mut frequency: HashMap<&str, usize> = HashMap::new();
    for word in conditions.iter().flatten().flatten().flat_map(|condition| &condition.0) {
        *frequency.entry(word).or_default() += 1;
    }
    // Stubs by the rarest condition of each of their alternatives: only those
    // are looked at that have it too.
    let mut by_rarest: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut without: Vec<usize> = Vec::new();
    let mut found = Vec::with_capacity(stubs.len());
    for (index, stub) in stubs.iter().enumerate() {
        let mut candidates = without.clone();
        for word in conditions[index].iter().flatten().filter_map(|condition| condition.0.first()) {
            candidates.extend(by_rarest.get(word.as_str()).into_iter().flatten());
        }
        candidates.sort_unstable();
        candidates.dedup();
        let takes = |above: &usize| {
            covers(stubs[*above], stub)
                && conditions[index].iter().all(|theirs| {
                    conditions[*above]
                        .iter()
                        .any(|own| own.iter().all(|one| theirs.iter().any(|other| one.is_implied_by(other))))
                })
        };
        let taker = candidates.into_iter().find(takes);
        found.push(taker);
        // What one that is taken would take, its taker takes.
        if taker.is_some() || passes_on(stub) {
            continue;
        }
        for alternative in &conditions[index] {
            let often = |condition: &&Condition| {
                condition.0.iter().filter_map(|word| frequency.get(word.as_str())).sum::<usize>()
            };
            match alternative.iter().min_by_key(often) {
                Some(rarest) => {
                    rarest.0.iter().for_each(|word| by_rarest.entry(word).or_default().push(index));
                }
                None => without.push(index),
            }
        }
    }
    found
}

fn passes_on(stub: &Stub) -> bool {
    let is_counted = |when: &When| when.nth.is_some() || when.chance.is_some() || when.attempt.is_some();
    stub.at_end == AtEnd::Next
        || stub.place_in_line == PlaceInLine::Underneath
        || stub.replies.iter().any(|(reply, _)| matches!(reply.kind, Kind::Below))
        || stub.when.iter().any(is_counted)
}

/// Whether the operations of one are all among the other's.
fn covers(above: &Stub, below: &Stub) -> bool {
    if above.early.is_none() && below.early.is_some() {
        // It is asked first, wherever it stands.
        return false;
    }
    match (&above.operations, &below.operations) {
        (None, _) => true,
        (Some(own), Some(others)) => others.iter().all(|operation| own.contains(operation)),
        // What is open below may be bounded by its conditions.
        (Some(_), None) => false,
    }
}

/// The values of which any suffices, each with its key, in order.
struct Condition(Vec<String>);

impl Condition {
    fn new(key: &str, value: Value) -> Self {
        let mut words: Vec<_> = match value {
            Value::Array(any) => any.into_iter().map(|value| format!("{key} {value}")).collect(),
            value => vec![format!("{key} {value}")],
        };
        if words.iter().any(|word| word == "api \"openai\"") {
            words.extend(["chat", "responses", "completions"].map(|end| format!("api \"openai.{end}\"")));
        }
        words.sort_unstable();
        words.dedup();
        Self(words)
    }

    fn is_implied_by(&self, other: &Self) -> bool {
        other.0.iter().all(|word| self.0.binary_search(word).is_ok())
    }
}

/// Conditions as words that are compared; maps from names to patterns word by
/// word.
fn conditions(when: &When) -> Vec<Condition> {
    let Ok(Value::Object(members)) = serde_json::to_value(when) else { return Vec::new() };
    let mut all = Vec::new();
    for (key, condition) in members {
        match condition {
            Value::Object(names)
                if matches!(key.as_str(), "tool_result" | "query" | "header" | "json" | "state") =>
            {
                all.extend(
                    names.into_iter().map(|(name, value)| Condition::new(&format!("{key} {name}"), value)),
                );
            }
            condition => all.push(Condition::new(&key, condition)),
        }
    }
    all
}
