//! Which exchanges are attempts of one call, by the one rule that scenarios count by.

use std::collections::BTreeMap;

use super::Entry;
use crate::select::counts::{Calls, Outcome};

/// Numbers the calls of each session, and the attempts of each call. The entries are in
/// the order in which they came.
pub fn number(entries: &mut [Entry]) {
    let mut sessions: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        sessions.entry(entry.session.clone()).or_default().push(at);
    }
    for own in sessions.values() {
        number_session(entries, own);
    }
}

fn number_session(entries: &mut [Entry], own: &[usize]) {
    let mut calls = Calls::default();
    // Those under way, by when they end.
    let mut open: Vec<usize> = Vec::new();
    for at in own.iter().copied() {
        let now = entries[at].read;
        open.retain(|other| {
            let Some((_, ended)) = entries[*other].end else { return true };
            if ended > now {
                return true;
            }
            calls.end(entries[*other].call, outcome(&entries[*other]));
            false
        });
        (entries[at].call, entries[at].attempt, _) = calls.begin(&entries[at].signs());
        open.push(at);
    }
}

fn outcome(entry: &Entry) -> Outcome {
    if entry.succeeded() { Outcome::Answered } else { Outcome::Failed }
}
