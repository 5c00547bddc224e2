//! What is counted between requests: how far lists are, which attempt of a call
//! it is, and what state variables hold.

use std::collections::{HashMap, HashSet, VecDeque};

use super::facts::Facts;
use crate::{cassette::deck::Turns, identity::Fingerprint, request::Request, scenario::file::Per};

/// Calls that are remembered at the most; the oldest are forgotten first.
const MOST_CALLS: usize = 10_000;

/// All that a session counts.
#[derive(Debug, Default)]
pub struct Counts {
    came: HashMap<Fingerprint, u32>,
    said: HashMap<Fingerprint, u32>,
    lists: HashMap<(StubKey, Who), u64>,
    nths: HashMap<(StubKey, usize, Who), u64>,
    calls: Calls,
    /// How far its recordings are.
    pub turns: Turns,
    /// State variables that were set.
    pub states: HashMap<String, String>,
}

/// A stub, whatever other scenarios are served beside its own: its scenario by what
/// stands in it, and its place there.
pub type StubKey = (u64, usize);

/// What is kept of a text that may be long, or secret.
pub type Digest = [u8; 16];

fn digest(text: &str) -> Digest {
    let mut digest = Digest::default();
    digest.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..16]);
    digest
}

/// Whom a list counts by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// Everybody in the session.
    All,
    /// Those with this text, by its hash: a key, a model, a header.
    Text(Digest),
    /// Those with this number: a call, a connection.
    Number(u64),
}

impl Who {
    /// Of a request, by what a stub counts by.
    pub fn new(per: &Per, facts: &Facts<'_>, call: Option<u64>) -> Self {
        let text = |texts: Vec<&str>| Self::Text(digest(texts.first().copied().unwrap_or_default()));
        match per {
            Per::Session => Self::All,
            Per::Call => call.map_or(Self::All, Self::Number),
            Per::Key => text(facts.keys()),
            Per::Model => Self::Text(digest(&facts.ask.model)),
            Per::Connection => Self::Number(facts.connection.id),
            Per::Header(name) => text(facts.header(name)),
        }
    }
}

impl Counts {
    /// How often this request came before.
    pub fn came(&mut self, request: Fingerprint) -> u32 {
        let count = self.came.entry(request).or_default();
        let before = *count;
        *count = count.saturating_add(1);
        before
    }

    /// How often an answer that no stub gave was given before.
    pub fn said(&mut self, answer: Fingerprint) -> u32 {
        let count = self.said.entry(answer).or_default();
        let before = *count;
        *count = count.saturating_add(1);
        before
    }

    /// How many replies of a stub's list were given before.
    pub fn given(&self, stub: StubKey, who: &Who) -> u64 {
        self.lists.get(&(stub, who.clone())).copied().unwrap_or_default()
    }

    /// Gives the next one.
    pub fn give(&mut self, stub: StubKey, who: Who) {
        *self.lists.entry((stub, who)).or_default() += 1;
    }

    /// Counts one more request for which all else in these conditions holds.
    pub fn count(&mut self, (stub, when): (StubKey, usize), who: Who) -> u64 {
        let count = self.nths.entry((stub, when, who)).or_default();
        *count += 1;
        *count
    }

    /// What that count would be.
    pub fn next_count(&self, (stub, when): (StubKey, usize), who: &Who) -> u64 {
        self.nths.get(&(stub, when, who.clone())).copied().unwrap_or_default() + 1
    }

    /// Forgets all but what tells calls that are under way from those to come.
    pub fn reset(&mut self) {
        let calls = Calls { last: self.calls.last, ..Calls::default() };
        *self = Self { calls, ..Self::default() };
    }

    /// Which call a request belongs to, the how-manieth attempt it is, and a
    /// number that no other attempt with this request has, whatever the order in
    /// which they come.
    pub fn begin(&mut self, facts: &Facts<'_>) -> (u64, u64, u32) {
        let signs = Signs::new(facts.request, facts.fingerprint);
        let (id, attempt, forgotten) = self.calls.begin(&signs);
        let own = self.calls.ordinal(id).wrapping_mul(MOST_ATTEMPTS);
        let number = own.wrapping_add(u32::try_from(attempt - 1).unwrap_or_default());
        if !forgotten.is_empty() {
            let is_kept = |who: &Who| !matches!(who, Who::Number(call) if forgotten.contains(call));
            self.lists.retain(|(_, who), _| is_kept(who));
            self.nths.retain(|(_, _, who), _| is_kept(who));
        }
        (id, attempt, number)
    }

    /// Notes how an attempt ended.
    pub fn end(&mut self, call: u64, outcome: Outcome) {
        self.calls.end(call, outcome);
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered in full, with success.
    Answered,
    /// It was not.
    Failed,
}

/// One logical call: a request and its retries.
#[derive(Debug)]
struct Call {
    request: Fingerprint,
    key: Option<Digest>,
    attempts: u64,
    /// How many calls with this request came before.
    ordinal: u32,
    /// The last attempt's; `None` while it is under way.
    outcome: Option<Outcome>,
}

/// By what a request shows which call it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signs {
    /// What equal requests share.
    pub request: Fingerprint,
    /// Its idempotency key, by its hash.
    pub key: Option<Digest>,
    /// How often it says that it was tried before.
    pub retries: Option<u32>,
}

impl Signs {
    /// The signs of a request.
    pub fn new(request: &Request, fingerprint: Fingerprint) -> Self {
        let retries = request.header(RETRY_COUNT).and_then(|count| count.trim().parse().ok());
        Self { request: fingerprint, key: request.header(IDEMPOTENCY_KEY).map(digest), retries }
    }
}

/// Calls, and how far each has come. One rule for all: a retry count above 0 goes on
/// with a call and 0 begins one; without it an equal idempotency key goes on; without
/// that the same canonical body, after an attempt that was not answered in full with
/// success.
#[derive(Debug, Default)]
pub struct Calls {
    last: u64,
    calls: HashMap<u64, Call>,
    order: VecDeque<u64>,
    by_request: HashMap<Fingerprint, Vec<u64>>,
    by_key: HashMap<Digest, u64>,
    ordinals: HashMap<Fingerprint, u32>,
}

/// Attempts of a call that are told apart from those of the next.
const MOST_ATTEMPTS: u32 = 1 << 12;

/// Calls among which one with another body is looked for.
const LATEST: usize = 100;

/// Where OpenAI's and Anthropic's SDKs count their retries.
const RETRY_COUNT: &str = "x-stainless-retry-count";

const IDEMPOTENCY_KEY: &str = "idempotency-key";

impl Calls {
    /// The call of a request that comes now, the how-manieth attempt of it this is,
    /// and the calls that are forgotten for it.
    pub fn begin(&mut self, signs: &Signs) -> (u64, u64, HashSet<u64>) {
        let Signs { request, key, retries } = signs;
        let known = match (retries, key) {
            (Some(0), _) => None,
            (Some(retries), key) => self.retried(*request, key.as_ref(), (*retries).into()),
            (None, Some(key)) => self.by_key.get(key).copied(),
            (None, None) => self.of(*request).find(|id| self.outcome(*id) == Some(Outcome::Failed)),
        };
        let id = match known {
            Some(id) => id,
            // Whoever counts retries and is not known came from before a start.
            None => self.start(*request, *key, retries.unwrap_or_default().into()),
        };
        let mut attempt = 1;
        if let Some(call) = self.calls.get_mut(&id) {
            call.attempts += 1;
            call.outcome = None;
            attempt = call.attempts;
        }
        (id, attempt, self.forget())
    }

    /// The call that such a retry continues: by its key, else one with the same
    /// request that was tried so often, else the latest that is not answered.
    fn retried(&self, request: Fingerprint, key: Option<&Digest>, retries: u64) -> Option<u64> {
        let by_key = key.and_then(|key| self.by_key.get(key).copied());
        let is_open = |id: &u64| self.outcome(*id) != Some(Outcome::Answered);
        let attempts = |id: &u64| self.calls.get(id).map(|call| call.attempts);
        // One that was sent with another body is still the same call: the last
        // that failed, if that is not long ago.
        let failed = |id: &u64| self.outcome(*id) == Some(Outcome::Failed);
        by_key
            .or_else(|| self.of(request).find(|id| is_open(id) && attempts(id) == Some(retries)))
            .or_else(|| self.of(request).find(is_open))
            .or_else(|| self.order.iter().rev().take(LATEST).copied().find(failed))
    }

    /// The calls with this request, the oldest first.
    fn of(&self, request: Fingerprint) -> impl Iterator<Item = u64> + '_ {
        self.by_request.get(&request).into_iter().flatten().copied()
    }

    fn outcome(&self, id: u64) -> Option<Outcome> {
        self.calls.get(&id).and_then(|call| call.outcome)
    }

    fn start(&mut self, request: Fingerprint, key: Option<Digest>, attempts: u64) -> u64 {
        self.last += 1;
        let id = self.last;
        if let Some(key) = &key {
            self.by_key.insert(*key, id);
        }
        self.by_request.entry(request).or_default().push(id);
        self.order.push_back(id);
        let count = self.ordinals.entry(request).or_default();
        let ordinal = *count;
        *count = count.wrapping_add(1);
        self.calls.insert(id, Call { request, key, attempts, ordinal, outcome: None });
        id
    }

    fn ordinal(&self, id: u64) -> u32 {
        self.calls.get(&id).map_or(0, |call| call.ordinal)
    }

    /// Notes how the last attempt of a call ended.
    pub fn end(&mut self, id: u64, outcome: Outcome) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.outcome = Some(outcome);
        if outcome == Outcome::Answered {
            // The same request again is another call.
            let request = call.request;
            self.leave(request, id);
        }
    }

    fn leave(&mut self, request: Fingerprint, id: u64) {
        if let Some(ids) = self.by_request.get_mut(&request) {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.by_request.remove(&request);
            }
        }
    }

    /// Forgets the oldest calls, a good many at once.
    fn forget(&mut self) -> HashSet<u64> {
        let mut forgotten = HashSet::new();
        if self.order.len() <= MOST_CALLS + MOST_CALLS / 10 {
            return forgotten;
        }
        while self.order.len() > MOST_CALLS
            && let Some(id) = self.order.pop_front()
        {
            if let Some(call) = self.calls.remove(&id) {
                self.leave(call.request, id);
                if let Some(key) = call.key.filter(|key| self.by_key.get(key) == Some(&id)) {
                    self.by_key.remove(&key);
                }
            }
            forgotten.insert(id);
        }
        forgotten
    }
}
