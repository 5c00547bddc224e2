//! Holds what was expected against what happened.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    End, Entry, Source,
    check::Subject,
    gaps::gap,
    show::seconds,
    verdict::{Judged, Row, Verdict, counted},
};
use crate::{
    cassette::key::Matching,
    scenario::{
        expect::{Expect, ExpectAll},
        expectations::{Check, Expectations, Expected, Of},
        stub::Scenario,
    },
};

/// Requests that nothing answered and that are told of.
const MOST_UNANSWERED: usize = 3;

/// Attempts that are shown of one expectation.
const MOST_ROWS: usize = 20;

/// What there is to judge.
pub struct Judge<'a> {
    /// The exchanges in the order of arrival, with calls and attempts numbered.
    pub entries: &'a [Entry],
    /// Exchanges that the journal has forgotten, by session.
    pub forgotten: &'a BTreeMap<String, u64>,
    /// The scenarios that are served.
    pub scenarios: &'a [Scenario],
    /// What is expected besides: in one session, or in all of them.
    pub more: &'a [(Option<String>, Expectations)],
    /// The session to be judged; all, where none is named.
    pub session: Option<&'a str>,
    /// What is a secret.
    pub matching: &'a Matching,
    /// Whether there is a journal at all.
    pub has_journal: bool,
    /// How often what had happened was forgotten on request.
    pub resets: u64,
}

/// What is said where there is nothing to judge by.
pub(super) const NO_JOURNAL: &str = "there is no journal to judge by (--journal-entries 0)";

impl Judge<'_> {
    /// How many exchanges the journal has forgotten of what is judged.
    fn forgotten(&self) -> u64 {
        let is_judged = |name: &String| self.session.is_none_or(|only| only == name);
        self.forgotten.iter().filter(|(name, _)| is_judged(name)).map(|(_, count)| count).sum()
    }
}

/// What is known of a session.
pub(super) type Sessions<'a> = BTreeMap<&'a str, Vec<&'a Entry>>;

/// Judges.
pub fn judge(all: &Judge<'_>) -> Verdict {
    let is_judged = |session: &str| all.session.is_none_or(|only| only == session);
    let mut sessions = Sessions::new();
    for entry in all.entries.iter().filter(|entry| is_judged(&entry.session)) {
        sessions.entry(&entry.session).or_default().push(entry);
    }
    let mut found = Vec::new();
    for scenario in all.scenarios {
        for stub in &scenario.stubs {
            let Some(expect) = &stub.expect else { continue };
            let about = format!("{}/{}", scenario.name, stub.name);
            let is_own = |entry: &Entry| entry.is_by(Some(&scenario.name), &stub.name);
            found.extend(of_requests(all, &sessions, (&about, expect), &is_own));
        }
        if let Some(expect) = &scenario.expect {
            found.extend(of_run(all, &sessions, (&scenario.name, expect), Some(scenario)));
        }
    }
    let is_meant = |session: &Option<String>| session.as_deref().is_none_or(is_judged);
    for (session, expectations) in all.more.iter().filter(|(session, _)| is_meant(session)) {
        let only: Sessions<'_>;
        let known = found.len();
        let sessions = match session {
            None => &sessions,
            Some(name) => {
                let own = sessions.iter().filter(|(known, _)| **known == name.as_str());
                only = own.map(|(name, entries)| (*name, entries.clone())).collect();
                &only
            }
        };
        for Check { name, of, expect } in &expectations.checks {
            let is_own = |entry: &Entry| match of {
                Of::Stub(name) => entry.is_by(name.scenario.as_deref(), &name.stub),
                Of::When(whens) => {
                    whens.is_empty() || entry.with_facts(|facts| whens.iter().any(|when| when.holds(facts)))
                }
            };
            found.extend(of_requests(all, sessions, (name, expect), &is_own));
        }
        if let Some(expect) = &expectations.all {
            found.extend(of_run(all, sessions, ("the run", expect), None));
        }
        // What is expected of a session in which nothing came is still its own.
        for judged in found.iter_mut().skip(known).filter(|judged| judged.session.is_empty()) {
            judged.session = session.clone().unwrap_or_default();
        }
    }
    told(all, &sessions, found)
}

fn told(all: &Judge<'_>, sessions: &Sessions<'_>, expectations: Vec<Judged>) -> Verdict {
    let entries = || sessions.values().flatten();
    let calls: BTreeSet<_> = entries().map(|entry| (&entry.session, entry.call)).collect();
    let mut missed = BTreeSet::new();
    for entry in entries() {
        for fault in &entry.answer.missed {
            let place = entry.answer.stubs.first().map(|named| format!("{} {}: ", named.place, named.stub));
            missed.insert(format!("{}nothing is named by `{fault}`", place.unwrap_or_default()));
        }
    }
    Verdict {
        passed: expectations.iter().all(|judged| judged.passed),
        expectations,
        requests: entries().count() as u64,
        calls: calls.len() as u64,
        sessions: sessions.len() as u64,
        unmatched: entries().filter(|entry| entry.is_unmatched()).count() as u64,
        refused: entries()
            .filter(|entry| entry.answer.source == Source::Refusal && !entry.is_unmatched())
            .count() as u64,
        unanswered: entries()
            .filter(|entry| entry.is_unmatched())
            .take(MOST_UNANSWERED)
            .map(|entry| format!("Nothing answered request {}: {}", entry.seq, entry.answer.why))
            .collect(),
        resets: all.resets,
        open: entries().filter(|entry| entry.end.is_none()).count() as u64,
        forgotten: all.forgotten(),
        missed: missed.into_iter().collect(),
    }
}

/// What is expected of some requests, judged in every session that has any.
fn of_requests(
    all: &Judge<'_>,
    sessions: &Sessions<'_>,
    (about, expect): (&str, &Expected<Expect>),
    is_own: &dyn Fn(&Entry) -> bool,
) -> Vec<Judged> {
    let mut found = Vec::new();
    for (session, entries) in sessions {
        let own: Vec<_> = entries.iter().copied().filter(|entry| is_own(entry)).collect();
        if own.is_empty() {
            continue;
        }
        let forgotten = all.forgotten.get(*session).copied().unwrap_or_default();
        let matching = all.matching;
        let subject = Subject { about, session, entries, own: &own, expect, forgotten, matching };
        found.extend(subject.judge());
    }
    // Where one session is judged, what was answered in another is not its matter.
    if found.is_empty() && !all.entries.iter().any(is_own) {
        found.extend(of_nobody(all, about, expect));
    }
    found
}

/// What is expected of requests that never came.
fn of_nobody(all: &Judge<'_>, about: &str, expect: &Expected<Expect>) -> Vec<Judged> {
    let Expect { requests, calls, .. } = &expect.expect;
    let allows = |range: &Option<crate::notation::value::Range<u64>>| {
        range.as_ref().is_some_and(|range| range.contains(0))
    };
    let is_allowed = (allows(requests) || calls.is_some())
        && (requests.is_none() || allows(requests))
        && (calls.is_none() || allows(calls));
    let session = all.session.unwrap_or_default().to_owned();
    let forgotten = all.forgotten();
    let keys = expect.lines.iter().map(|(key, line)| (key.as_str(), *line));
    keys.filter(|(key, _)| *key != "group")
        .map(|(key, line)| Judged {
            about: about.to_owned(),
            key: key.to_owned(),
            file: expect.file.clone(),
            line,
            session: session.clone(),
            passed: is_allowed && all.has_journal && forgotten == 0,
            expected: super::check::wanted(&expect.expect, key),
            happened: match (all.has_journal, forgotten) {
                (true, 0) => "no request came that it is about".to_owned(),
                (true, _) => format!("the journal has forgotten {}", counted(forgotten, "request")),
                (false, _) => NO_JOURNAL.to_owned(),
            },
            ..Judged::default()
        })
        .collect()
}

/// What is expected of the whole run: in every session in which one of the file's stubs
/// answered, and in those with misses.
fn of_run(
    all: &Judge<'_>,
    sessions: &Sessions<'_>,
    (about, expect): (&str, &Expected<ExpectAll>),
    scenario: Option<&Scenario>,
) -> Vec<Judged> {
    let is_concerned = |entry: &Entry| {
        let Some(scenario) = scenario else { return true };
        entry.is_unmatched() || entry.answer.stubs.iter().any(|named| named.scenario == scenario.name)
    };
    let mut found = Vec::new();
    for (session, entries) in sessions {
        if entries.iter().any(|entry| is_concerned(entry)) {
            let judged = super::check::of_run((about, session), entries, (expect, scenario, all));
            // A session that has none of the file's own is judged by what nobody answered.
            let is_own = |named: &super::Named| scenario.is_none_or(|own| own.name == named.scenario);
            let has_own =
                scenario.is_none() || entries.iter().any(|entry| entry.answer.stubs.iter().any(is_own));
            found.extend(judged.into_iter().filter(|judged| has_own || judged.key == "unmatched"));
        }
    }
    if found.is_empty() && !all.entries.iter().any(is_concerned) {
        let session = all.session.unwrap_or_default();
        found.extend(super::check::of_run((about, session), &[], (expect, scenario, all)));
    }
    found
}

/// The attempts as a table shows them, with how many are left out.
pub(super) fn rows(entries: &[&Entry]) -> (Vec<Row>, u64) {
    let mut rows = Vec::new();
    for (at, entry) in entries.iter().enumerate().take(MOST_ROWS) {
        let before = at.checked_sub(1).and_then(|at| entries.get(at));
        let is_next = |before: &&&Entry| before.call == entry.call;
        rows.push(Row {
            seq: entry.seq,
            call: entry.call,
            attempt: entry.attempt,
            // What was to be said is no answer while nothing of it has left.
            status: if entry.sent > 0 { entry.answer.status } else { 0 },
            at: seconds(entry.came),
            gap: before.filter(is_next).map(|before| seconds(gap(before, entry))),
            hint: entry.answer.hint.as_ref().map(|hint| hint.said.clone()),
            sent: entry.sent,
            end: ended(entry),
            connection: entry.connection.id,
        });
    }
    (rows, entries.len().saturating_sub(MOST_ROWS) as u64)
}

/// How an exchange ended, in words.
pub(super) fn ended(entry: &Entry) -> String {
    let after =
        |at: std::time::Duration| super::gaps::time(at.saturating_sub(entry.last.unwrap_or(entry.read)));
    match (entry.end, entry.gone) {
        (None, _) => "still open".to_owned(),
        (Some((End::Complete, _)), Some((_, at))) => format!("complete; closed {} later", after(at)),
        (Some((End::Complete, _)), None) => "complete".to_owned(),
        (Some((End::Cut(how), _)), _) => format!("cut off ({how})"),
        (Some((End::Left, at)), _) => format!("client left after {}", after(at)),
    }
}
