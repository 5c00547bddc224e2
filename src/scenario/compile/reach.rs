//! Stubs that can never answer: an earlier one takes all that they would match,
//! and never passes on.

use std::collections::HashMap;

use serde_json::Value;

use crate::scenario::{
    decode::Document,
    error::Problem,
    file::{AtEnd, When},
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
    let mut shadows: Vec<(&Stub, Vec<&str>)> = Vec::new();
    for (index, taker) in takers(&stubs).into_iter().enumerate() {
        let Some(taker) = taker.map(|taker| all[taker]) else { continue };
        if std::ptr::eq(taker.0, all[index].0) {
            continue;
        }
        let name = all[index].0.name.as_str();
        match shadows.iter_mut().find(|(stub, _)| std::ptr::eq(*stub, taker.1)) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => shadows.push((taker.1, vec![name])),
        }
    }
    shadows
}

/// For each stub the first of those above that leaves it nothing.
fn takers(stubs: &[&Stub]) -> Vec<Option<usize>> {
    let conditions: Vec<Vec<Vec<String>>> =
        stubs.iter().map(|stub| stub.when.iter().map(conditions).collect()).collect();
    let mut frequency: HashMap<&str, usize> = HashMap::new();
    for condition in conditions.iter().flatten().flatten() {
        *frequency.entry(condition).or_default() += 1;
    }
    // Stubs by the rarest condition of each of their alternatives: only those
    // are looked at that have it too.
    let mut by_rarest: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut without: Vec<usize> = Vec::new();
    let mut found = Vec::with_capacity(stubs.len());
    for (index, stub) in stubs.iter().enumerate() {
        let mut candidates = without.clone();
        for condition in conditions[index].iter().flatten() {
            candidates.extend(by_rarest.get(condition.as_str()).into_iter().flatten());
        }
        candidates.sort_unstable();
        let takes = |above: &usize| {
            covers(stubs[*above], stub)
                && conditions[index].iter().all(|theirs| {
                    conditions[*above].iter().any(|own| own.iter().all(|one| theirs.contains(one)))
                })
        };
        found.push(candidates.into_iter().find(takes));
        if passes_on(stub) {
            continue;
        }
        for alternative in &conditions[index] {
            match alternative.iter().min_by_key(|condition| frequency.get(condition.as_str())) {
                Some(rarest) => by_rarest.entry(rarest).or_default().push(index),
                None => without.push(index),
            }
        }
    }
    found
}

fn passes_on(stub: &Stub) -> bool {
    let is_counted = |when: &When| when.nth.is_some() || when.chance.is_some() || when.attempt.is_some();
    stub.at_end == AtEnd::Next
        || stub.replies.iter().any(|(reply, _)| matches!(reply.kind, Kind::Below))
        || stub.when.iter().any(is_counted)
}

/// Whether the operations of one are all among the other's.
fn covers(above: &Stub, below: &Stub) -> bool {
    match (&above.operations, &below.operations) {
        (None, _) => true,
        (Some(own), Some(others)) => others.iter().all(|operation| own.contains(operation)),
        // What is open below may be bounded by its conditions.
        (Some(_), None) => false,
    }
}

/// Conditions as words that are compared; maps from names to patterns word by
/// word.
fn conditions(when: &When) -> Vec<String> {
    let Ok(Value::Object(members)) = serde_json::to_value(when) else { return Vec::new() };
    let mut words = Vec::new();
    for (key, condition) in members {
        match condition {
            Value::Object(names)
                if matches!(key.as_str(), "tool_result" | "query" | "header" | "json" | "state") =>
            {
                words.extend(names.into_iter().map(|(name, pattern)| format!("{key} {name} {pattern}")));
            }
            condition => words.push(format!("{key} {condition}")),
        }
    }
    words
}
