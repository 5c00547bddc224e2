//! What is told of an exchange, from what is kept of it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    compact::{Compact, Kept},
    journal::Journal,
    record::{Facts, LookedAt, Progress, Write},
    session::Session,
};
use crate::{
    cassette::scan::Scanner,
    dialect::{self, Operation},
    identity::Payload,
    journal::{Answer, Entry, Named, Source, hint::hint},
    select::Rules,
};

/// An exchange, wherever it is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) facts: &'a Facts,
    pub(super) session: &'a Arc<Session>,
    /// Those that its stubs are from.
    pub(super) rules: Option<&'a Arc<Rules>>,
    pub(super) kept: Compact<'a>,
    pub(super) progress: &'a Progress,
    /// Where there is more than one.
    pub(super) writes: &'a [Write],
    /// The stubs that took part, from above, each with how many replies of its
    /// list were given before.
    pub(super) layers: &'a [(usize, u64)],
}

impl View<'_> {
    /// All that is known of it. Calls are numbered where all entries are known, and
    /// [`super::row::Seen`] knows when the client left.
    pub(super) fn entry(&self, journal: &Journal) -> Entry {
        let (facts, rare, progress) = (self.facts, self.facts.rare.as_deref(), self.progress);
        let at = |moment: Instant| journal.since_start(moment);
        let over = progress.last.max(progress.end.map(|(_, at)| at)).unwrap_or_else(Instant::now);
        let looked_at = self.looked_at();
        let header = |name: &str| {
            let is_it = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
            looked_at.headers.iter().find(is_it).map(|(_, value)| value.as_str())
        };
        let body = looked_at.body.clone().unwrap_or_default();
        let said = progress.said.as_ref();
        let payload = said.map_or(facts.payload, |said| said.payload);
        let status = said.map_or(facts.status, |said| said.status);
        let hint = (status >= 300).then(|| hint(header, &body, journal.by_wall(over))).flatten();
        let answer = Answer {
            source: facts.source,
            why: self.why(),
            stubs: self.stubs(),
            seed: facts.seed,
            status,
            hint,
            missed: said
                .map(|said| &said.missed)
                .or(rare.map(|rare| &rare.missed))
                .cloned()
                .unwrap_or_default(),
            payload: payload.or_else(|| looked_at.body.as_deref().map(Payload::of)),
        };
        let request = self.kept.request();
        let mut route = dialect::identify(&request);
        if !facts.is_known {
            route.operation = Operation::Unknown;
        }
        Entry {
            seq: facts.seq,
            session: self.session.name().to_owned(),
            began: journal.by_wall(facts.came),
            came: at(facts.came),
            read: at(facts.read),
            connection: facts.connection,
            request,
            body_length: facts.body_length,
            fingerprint: rare.and_then(|rare| rare.fingerprint),
            route,
            answer,
            writes: self.writes(journal),
            more_writes: progress.more_writes,
            sent: progress.sent,
            last: progress.last.map(at),
            end: progress.end.map(|(end, moment)| (end, at(moment))),
            gone: None,
            call: 0,
            attempt: 0,
        }
    }

    fn writes(&self, journal: &Journal) -> Vec<(Duration, u64)> {
        let only = self.progress.last.filter(|_| self.writes.is_empty());
        let only = only.map(|moment| (moment, self.progress.sent));
        let all = self.writes.iter().map(|(moment, bytes)| (*moment, u64::from(*bytes))).chain(only);
        all.map(|(moment, bytes)| (journal.since_start(moment), bytes)).collect()
    }

    fn looked_at(&self) -> LookedAt {
        match &self.progress.said {
            Some(said) => said.looked_at.clone(),
            None => looked_at(&self.kept),
        }
    }

    fn stubs(&self) -> Vec<Named> {
        let Some(rules) = self.rules else { return Vec::new() };
        let named = |(number, given): &(usize, u64)| {
            let (scenario, stub) = rules.stub(*number);
            Named {
                scenario: scenario.name.clone(),
                stub: stub.name.clone(),
                place: stub.place.clone(),
                reply: stub.number(*given),
            }
        };
        self.layers.iter().map(named).collect()
    }

    fn why(&self) -> String {
        if let Some(rare) = self.facts.rare.as_ref().filter(|rare| !rare.why.is_empty()) {
            return rare.why.clone();
        }
        match (self.facts.source, self.stubs().first()) {
            (Source::Stub, Some(named)) => {
                format!(
                    "reply {} of {:?} ({}), the first stub whose conditions hold",
                    named.reply, named.stub, named.place
                )
            }
            (Source::BuiltIn, _) => "no stub and no recording is about it".to_owned(),
            _ => String::new(),
        }
    }
}

pub(super) fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

/// What is looked at of an answer that is kept so.
pub(super) fn looked_at(kept: &Compact<'_>) -> LookedAt {
    match kept.shape.kept {
        Kept::Nothing => LookedAt::default(),
        Kept::Body => {
            let headers = kept.answer_headers();
            let headers =
                headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())));
            LookedAt { headers: headers.collect(), body: Some(Bytes::copy_from_slice(kept.answer)) }
        }
        Kept::Script | Kept::Beginning => {
            let mut scanner = Scanner::new(false);
            scanner.push(Duration::ZERO, kept.answer);
            let read = scanner.so_far();
            let headers = read.head.iter().flat_map(|head| &head.headers);
            let headers = headers.map(|(name, value)| (name.clone(), text(value))).collect();
            LookedAt { headers, body: (kept.shape.kept == Kept::Script).then(|| read.body().into()) }
        }
    }
}
