//! One expectation at a time: whether it was met, and what shows it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    End, Entry, Judge,
    gaps::{Bounds, bounds, gap, is_so, obedient, time},
    judge::{NO_JOURNAL, rows},
    show::graced,
    verdict::{Judged, counted},
};
use crate::{
    cassette::{
        key::{Matching, secrets_of},
        secret::Put,
    },
    notation::value::{List, Range},
    scenario::{
        expect::{Expect, ExpectAll, Gaps, Group, Left, Obedience},
        expectations::{Expected, Name},
        file::When,
        stub::Scenario,
    },
};

/// What is judged: some requests of one session.
pub(super) struct Subject<'a> {
    pub(super) about: &'a str,
    pub(super) session: &'a str,
    /// All of the session.
    pub(super) entries: &'a [&'a Entry],
    /// Those that it is about.
    pub(super) own: &'a [&'a Entry],
    pub(super) expect: &'a Expected<Expect>,
    /// How many the journal has forgotten.
    pub(super) forgotten: u64,
    /// What is a secret.
    pub(super) matching: &'a Matching,
}

/// What came out: `Err` with what happened instead, and what shows it.
type Found<'a> = Result<String, (String, Vec<&'a Entry>)>;

/// A range of numbers, in words.
fn in_words(range: &Range<u64>, what: &str) -> String {
    match (range.low, range.high) {
        (Some(low), Some(high)) if low == high => counted(low, what),
        (Some(low), Some(high)) => format!("{low} to {}", counted(high, what)),
        (Some(low), None) => format!("{} or more", counted(low, what)),
        (None, Some(high)) => format!("{} at the most", counted(high, what)),
        (None, None) => what.to_owned(),
    }
}

/// What a key expects, in words.
pub(super) fn wanted(expect: &Expect, key: &str) -> String {
    let shown =
        |range: Option<&Range<u64>>, what: &str| range.map(|range| in_words(range, what)).unwrap_or_default();
    match key {
        "requests" => shown(expect.requests.as_ref(), "request"),
        "calls" => shown(expect.calls.as_ref(), "call"),
        "attempts" => format!("{} of each call", shown(expect.attempts.as_ref(), "attempt")),
        "gaps" => match &expect.gaps {
            Some(Gaps::Ranges(ranges)) => {
                let shown: Vec<_> = ranges.iter().map(|range| Bounds::from(range).to_string()).collect();
                graced(format!("gaps of {}", shown.join(", then ")))
            }
            Some(gaps @ Gaps::Backoff(_)) => {
                let shown: Vec<_> = (1..=3).map(|n| bounds(gaps, n).to_string()).collect();
                graced(format!("gaps of {}, and so on", shown.join(", then ")))
            }
            None => String::new(),
        },
        "retry_after" => match expect.retry_after {
            Some(Obedience::Obeyed) => {
                graced("to wait as long as it was asked to, and at most a quarter or a second longer")
            }
            _ => "not to wait as it was asked to".to_owned(),
        },
        "same" => {
            let names = expect.same.as_ref().map(|List(names)| names.join(", ")).unwrap_or_default();
            format!("the same {names} in all attempts of a call")
        }
        "left" => match &expect.left {
            Some(Left::After(range)) => {
                graced(format!("to leave {} after the last byte", Bounds::from(range)))
            }
            _ => "to stay to the end of the answer".to_owned(),
        },
        "connections" => shown(expect.connections.as_ref(), "connection"),
        "concurrent" => format!("{} open at once", shown(expect.concurrent.as_ref(), "request")),
        "sent" => "every request to be as `sent` says".to_owned(),
        other => other.to_owned(),
    }
}

impl<'a> Subject<'a> {
    /// Judges each key.
    pub(super) fn judge(&self) -> Vec<Judged> {
        let Expect {
            requests,
            calls,
            attempts,
            gaps,
            retry_after,
            same,
            left,
            connections,
            concurrent,
            sent,
            group: _,
        } = &self.expect.expect;
        let own = self.calls();
        let mut found: Vec<(&str, Found<'a>)> = Vec::new();
        if let Some(range) = requests {
            found.push(("requests", self.counted(range, self.own.len() as u64, "request")));
        }
        if let Some(range) = calls {
            found.push(("calls", self.counted(range, own.len() as u64, "call")));
        }
        if let Some(range) = attempts {
            found.push(("attempts", attempts_of(&own, range)));
        }
        if let Some(gaps) = gaps {
            found.push(("gaps", gaps_of(&own, gaps)));
        }
        if let Some(obedience) = retry_after {
            found.push(("retry_after", hints_of(&own, *obedience)));
        }
        if let Some(List(names)) = same {
            found.push(("same", same_in(&own, names, self.matching)));
        }
        if let Some(left) = left {
            found.push(("left", self.left(&own, left)));
        }
        if let Some(range) = connections {
            let count = self.own.iter().map(|entry| entry.connection.id).collect::<BTreeSet<_>>().len();
            found.push(("connections", self.counted(range, count as u64, "connection")));
        }
        if let Some(range) = concurrent {
            found.push(("concurrent", self.at_once(range)));
        }
        if let Some(List(whens)) = sent {
            found.push(("sent", self.sent(whens)));
        }
        found.into_iter().map(|(key, found)| self.judged(key, found)).collect()
    }

    fn judged(&self, key: &str, found: Found<'_>) -> Judged {
        let mut judged = Judged {
            about: self.about.to_owned(),
            key: key.to_owned(),
            file: self.expect.file.clone(),
            line: self.expect.line(key),
            session: self.session.to_owned(),
            expected: wanted(&self.expect.expect, key),
            ..Judged::default()
        };
        match found {
            Ok(happened) if self.forgotten == 0 => (judged.passed, judged.happened) = (true, happened),
            Ok(happened) => {
                let forgotten = self.forgotten;
                judged.happened = format!(
                    "{happened}, but the journal has forgotten {} of this session: \
                     start with more --journal-entries or --journal-bytes",
                    counted(forgotten, "request")
                );
            }
            Err((happened, entries)) => {
                judged.happened = happened;
                (judged.attempts, judged.more) = rows(&entries);
            }
        }
        judged
    }

    /// The calls that it is about, each with all of its attempts.
    fn calls(&self) -> Vec<Vec<&'a Entry>> {
        if self.expect.expect.group == Some(Group::Stub) {
            return vec![self.own.to_vec()];
        }
        let ids: BTreeSet<_> = self.own.iter().map(|entry| entry.call).collect();
        let mut calls: BTreeMap<u64, Vec<&Entry>> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| ids.contains(&entry.call)) {
            calls.entry(entry.call).or_default().push(entry);
        }
        calls.into_values().collect()
    }

    fn counted(&self, range: &Range<u64>, count: u64, what: &str) -> Found<'a> {
        let happened = counted(count, what);
        if range.contains(count) { Ok(happened) } else { Err((happened, self.own.to_vec())) }
    }

    fn sent(&self, whens: &[When]) -> Found<'a> {
        let is_other =
            |entry: &&&Entry| !entry.with_facts(|facts| whens.iter().any(|when| when.holds(facts)));
        let odd: Vec<_> = self.own.iter().filter(is_other).copied().collect();
        let Some(first) = odd.first() else { return Ok("they were".to_owned()) };
        let differs = first.with_facts(|facts| {
            whens.iter().map(|when| when.differences(facts)).collect::<Vec<_>>().join("\nor ")
        });
        let secrets = secrets_of(&first.request);
        let differs = self.matching.detector.text(&differs, &secrets, &mut Put::Alike).unwrap_or(differs);
        let happened =
            format!("{} of {} were not; of request {}: {differs}", odd.len(), self.own.len(), first.seq);
        Err((happened, odd))
    }

    fn at_once(&self, range: &Range<u64>) -> Found<'a> {
        let most = most_at_once(self.own);
        let happened = format!("{most} at once");
        if range.contains(most) { Ok(happened) } else { Err((happened, self.own.to_vec())) }
    }

    fn left(&self, calls: &[Vec<&'a Entry>], left: &Left) -> Found<'a> {
        let is_own = |entry: &&&Entry| self.own.iter().any(|own| own.seq == entry.seq);
        for call in calls {
            let own: Vec<_> = call.iter().filter(is_own).copied().collect();
            for (at, entry) in own.iter().enumerate() {
                let wrong = match left {
                    Left::Never => stayed(entry),
                    Left::After(range) => leaves(entry, &Bounds::from(range), at + 1 == own.len()),
                };
                if let Some(wrong) = wrong {
                    return Err((wrong, own));
                }
            }
        }
        Ok(if *left == Left::Never { "it stayed" } else { "it left then" }.to_owned())
    }
}

/// What is wrong with a client that was to stay.
fn stayed(entry: &Entry) -> Option<String> {
    match entry.end {
        Some((End::Left, at)) => {
            let waited = time(at.saturating_sub(entry.last.unwrap_or(entry.read)));
            Some(format!(
                "request {} was left {waited} after the last byte, with {} bytes sent",
                entry.seq, entry.sent
            ))
        }
        None => Some(format!("request {} is still being answered", entry.seq)),
        _ => None,
    }
}

/// What is wrong with when a client left; where it is no call's last attempt, it may
/// have stayed.
fn leaves(entry: &Entry, bounds: &Bounds, is_last: bool) -> Option<String> {
    let at = match (entry.end, entry.gone) {
        (Some((End::Left, at)), _) | (Some((End::Complete | End::Cut(_), _)), Some((_, at))) => Some(at),
        _ => None,
    };
    let Some(at) = at else {
        return is_last.then(|| match entry.end {
            Some((End::Cut(how), _)) => {
                format!("request {} was cut off ({how}) before the client left", entry.seq)
            }
            Some(_) => format!(
                "the client took the answer of request {} to its end, and kept the connection",
                entry.seq
            ),
            None => format!("the client has not left request {} yet", entry.seq),
        });
    };
    let waited = at.saturating_sub(entry.last.unwrap_or(entry.read));
    let is_wrong = !bounds.hold(waited);
    is_wrong.then(|| format!("request {} was left {} after the last byte", entry.seq, time(waited)))
}

/// How many were under way at one time, at the most.
fn most_at_once(entries: &[&Entry]) -> u64 {
    let mut moments: Vec<(Duration, i64)> = Vec::new();
    for entry in entries {
        moments.push((entry.came, 1));
        if let Some(over) = entry.over().filter(|_| entry.end.is_some()) {
            moments.push((over, -1));
        }
    }
    // What ends when another begins was over by then.
    moments.sort_unstable();
    let (mut open, mut most) = (0_i64, 0);
    for (_, change) in moments {
        open += change;
        most = most.max(open);
    }
    u64::try_from(most).unwrap_or_default()
}

/// What is said of what was met.
fn all_so(count: u64, what: &str) -> String {
    match count {
        0 => format!("there was no {what}"),
        1 => format!("1 {what}, and it was so"),
        count => format!("{count} times a {what}, all so"),
    }
}

fn attempts_of<'a>(calls: &[Vec<&'a Entry>], range: &Range<u64>) -> Found<'a> {
    let is_wrong = |call: &&Vec<&Entry>| !range.contains(call.len() as u64);
    let wrong: Vec<_> = calls.iter().filter(is_wrong).collect();
    let tried = |count: usize| if count == 1 { "once".to_owned() } else { format!("{count} times") };
    match wrong.first() {
        None => Ok(format!("{}, all so", counted(calls.len() as u64, "call"))),
        Some(first) if calls.len() == 1 => {
            Err((format!("the call was tried {}", tried(first.len())), first.to_vec()))
        }
        Some(first) => {
            let id = first.first().map_or(0, |attempt| attempt.call);
            let wrong_calls: Vec<_> = wrong.iter().map(|call| call.to_vec()).collect();
            let (wrong, all) = (wrong.len(), calls.len());
            let happened = format!(
                "{wrong} of {all} calls were tried otherwise; call {id} was tried {}",
                tried(first.len())
            );
            Err((happened, wrong_calls.concat()))
        }
    }
}

fn gaps_of<'a>(calls: &[Vec<&'a Entry>], gaps: &Gaps) -> Found<'a> {
    let mut count = 0;
    for call in calls {
        for (at, pair) in call.windows(2).enumerate() {
            let [before, next] = pair else { continue };
            let (bounds, gap) = (bounds(gaps, at + 1), gap(before, next));
            count += 1;
            if !bounds.hold(gap) {
                let happened = format!(
                    "gap {} of call {} was {}, where {bounds} was expected",
                    at + 1,
                    next.call,
                    time(gap)
                );
                return Err((happened, call.clone()));
            }
        }
    }
    Ok(all_so(count, "gap"))
}

fn hints_of<'a>(calls: &[Vec<&'a Entry>], obedience: Obedience) -> Found<'a> {
    let mut count = 0;
    for call in calls {
        for pair in call.windows(2) {
            let [before, next] = pair else { continue };
            let Some(hint) = &before.answer.hint else { continue };
            count += 1;
            let waited = gap(before, next);
            if !is_so(obedience, hint.wait, waited) {
                let happened = match obedience {
                    Obedience::Obeyed => format!(
                        "it waited {} after `{}`, where {} was expected",
                        time(waited),
                        hint.said,
                        obedient(hint.wait)
                    ),
                    Obedience::Ignored => {
                        format!("it waited {} after `{}`, as asked", time(waited), hint.said)
                    }
                };
                return Err((happened, call.clone()));
            }
        }
    }
    Ok(all_so(count, "retry after a hint"))
}

fn same_in<'a>(calls: &[Vec<&'a Entry>], names: &[String], matching: &Matching) -> Found<'a> {
    for call in calls {
        for pair in call.windows(2) {
            let [before, next] = pair else { continue };
            for name in names {
                if let Some(differs) = super::same::differs(name, (before, next), matching) {
                    return Err((differs, call.clone()));
                }
            }
        }
    }
    Ok("they were the same".to_owned())
}

/// What is expected of the whole run, in one session.
pub(super) fn of_run<'a>(
    (about, session): (&str, &str),
    entries: &[&'a Entry],
    (expect, scenario, all): (&Expected<ExpectAll>, Option<&Scenario>, &Judge<'_>),
) -> Vec<Judged> {
    let ExpectAll { requests, calls, concurrent, unmatched, unused, order } = &expect.expect;
    let misses: Vec<_> = entries.iter().filter(|entry| entry.is_unmatched()).copied().collect();
    let distinct: BTreeSet<_> = entries.iter().map(|entry| entry.call).collect();
    let ranges = [
        ("requests", requests, entries.len() as u64, entries.to_vec()),
        ("calls", calls, distinct.len() as u64, entries.to_vec()),
        ("concurrent", concurrent, most_at_once(entries), entries.to_vec()),
        ("unmatched", unmatched, misses.len() as u64, misses),
    ];
    let mut found: Vec<(&str, String, Found<'a>)> = Vec::new();
    for (key, range, count, shown) in ranges {
        let Some(range) = range else { continue };
        let why = shown.first().filter(|_| key == "unmatched").map(|miss| format!("\n{}", miss.answer.why));
        let happened = format!("{count}{}", why.unwrap_or_default());
        let outcome = if range.contains(count) { Ok(happened) } else { Err((happened, shown)) };
        let what = match key {
            "calls" => "call",
            "unmatched" => "unmatched request",
            _ => "request",
        };
        found.push((key, in_words(range, what), outcome));
    }
    if let Some(range) = unused {
        let idle = unused_stubs(entries, scenario, all);
        let happened = match idle.len() {
            0 => "0".to_owned(),
            count => format!("{count}: {}", idle.join(", ")),
        };
        let outcome =
            if range.contains(idle.len() as u64) { Ok(happened) } else { Err((happened, Vec::new())) };
        found.push(("unused", format!("{} that answered nobody", in_words(range, "stub")), outcome));
    }
    if let Some(List(names)) = order {
        found.push(("order", names.join(", then "), in_order(entries, names, scenario)));
    }
    let forgotten = all.forgotten.get(session).copied().unwrap_or_default();
    found
        .into_iter()
        .map(|(key, expected, outcome)| {
            let (passed, mut happened, shown) = match outcome {
                Ok(happened) => (true, happened, Vec::new()),
                Err((happened, shown)) => (false, happened, shown),
            };
            if forgotten > 0 {
                let forgotten = counted(forgotten, "request");
                happened.push_str(&format!(", and the journal has forgotten {forgotten}"));
            }
            if !all.has_journal {
                happened = NO_JOURNAL.to_owned();
            }
            let (attempts, more) = rows(&shown);
            let (about, session) = (about.to_owned(), session.to_owned());
            let (key, line, file) = (key.to_owned(), expect.line(key), expect.file.clone());
            let passed = passed && forgotten == 0 && all.has_journal;
            Judged { about, key, file, line, session, passed, expected, happened, attempts, more }
        })
        .collect()
}

fn unused_stubs(entries: &[&Entry], scenario: Option<&Scenario>, all: &Judge<'_>) -> Vec<String> {
    let own = scenario.map_or(all.scenarios, std::slice::from_ref);
    let stubs = own.iter().flat_map(|scenario| scenario.stubs.iter().map(move |stub| (scenario, stub)));
    stubs
        .filter(|(scenario, stub)| !entries.iter().any(|entry| entry.is_by(Some(&scenario.name), &stub.name)))
        .map(|(scenario, stub)| format!("{}/{}", scenario.name, stub.name))
        .collect()
}

/// Whether the stubs that are named answered one after the other, each as often as it
/// likes while it is its turn.
fn in_order<'a>(entries: &[&'a Entry], names: &[String], scenario: Option<&Scenario>) -> Found<'a> {
    let is_it = |entry: &Entry, text: &str| match scenario {
        Some(scenario) => entry.is_by(Some(&scenario.name), text),
        None => {
            let name = Name::from_text(text);
            entry.is_by(name.scenario.as_deref(), &name.stub)
        }
    };
    let mut turns: Vec<&str> = Vec::new();
    let mut shown = Vec::new();
    for entry in entries {
        let Some(name) = names.iter().find(|name| is_it(entry, name)) else { continue };
        shown.push(*entry);
        if turns.last() != Some(&name.as_str()) {
            turns.push(name);
        }
    }
    let mut wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    wanted.dedup();
    let happened = if turns.is_empty() { "none of them answered".to_owned() } else { turns.join(", then ") };
    if turns == wanted { Ok(happened) } else { Err((happened, shown)) }
}
