//! One exchange while it goes on: what came is known, what leaves is noted.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    compact::{Compact, LONGEST_BODY, Shape},
    session::Session,
    view::{View, looked_at, text},
};
use crate::{
    dialect::{Operation, Route},
    identity::{Fingerprint, Payload},
    journal::{End, Source},
    plan::{WirePlan, recorded::Recorded},
    request::Request,
    select::{Layer, Rules, facts::Connection},
};

/// Writes that are listed of one exchange; the others are counted.
const MOST_WRITES: usize = 1_000;

/// Bytes of an upstream's refusal that are kept, for the hint in it.
const LONGEST_REFUSAL: usize = 64 << 10;

/// What gave an answer, and why.
#[derive(Clone, Debug, Default)]
pub(super) struct By {
    pub(super) source: Source,
    /// In words, where there is something to say.
    pub(super) why: String,
    /// The stubs that took part, from above, with how many replies of their list were
    /// given before.
    pub(super) layers: Vec<(usize, u64)>,
}

impl By {
    pub(super) fn new(source: Source) -> Self {
        Self { source, ..Self::default() }
    }

    /// For this reason.
    pub(super) fn why(self, why: impl Into<String>) -> Self {
        Self { why: why.into(), ..self }
    }

    /// With these stubs laid over it.
    pub(super) fn under(self, layers: &[Layer<'_>]) -> Self {
        Self { layers: layers.iter().map(|layer| (layer.number, layer.given)).collect(), ..self }
    }
}

/// What is known of an exchange when it is answered.
pub(super) struct Known<'a> {
    pub(super) request: &'a Request,
    /// Its query as it was sent.
    pub(super) query: &'a str,
    pub(super) route: &'a Route,
    pub(super) session: &'a Arc<Session>,
    pub(super) connection: Connection,
    pub(super) rules: &'a Arc<Rules>,
    pub(super) by: By,
    pub(super) seed: u64,
    /// When all of it had come.
    pub(super) read: Instant,
    /// What is said to it; `None` where an upstream does that.
    pub(super) plan: Option<&'a WirePlan>,
    /// The hash of that, where it is not read from what is kept of it.
    pub(super) payload: Option<Payload>,
}

/// What does not change of an exchange that was entered.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) seq: u64,
    pub(super) shape: Shape,
    pub(super) body_length: u64,
    /// The hash of what is said, where it is not read from what is kept of it.
    pub(super) payload: Option<Payload>,
    pub(super) connection: Connection,
    pub(super) seed: u64,
    pub(super) came: Instant,
    pub(super) read: Instant,
    pub(super) status: u16,
    pub(super) source: Source,
    /// Whether its path leads somewhere.
    pub(super) is_known: bool,
    /// What few have.
    pub(super) rare: Option<Box<Rare>>,
}

/// What few exchanges have.
#[derive(Clone, Debug)]
pub(super) struct Rare {
    /// Why it was answered so, in words.
    pub(super) why: String,
    /// What its plan was to do and found no place for.
    pub(super) missed: Vec<String>,
    /// Of a request whose body is not kept.
    pub(super) fingerprint: Option<Fingerprint>,
}

/// One exchange.
#[derive(Debug)]
pub(super) struct Record {
    facts: Facts,
    session: Arc<Session>,
    /// Those that its stubs are from, or another's were.
    rules: Option<Arc<Rules>>,
    layers: Vec<(usize, u64)>,
    bytes: Vec<u8>,
    /// What is kept of the answer.
    answer: Bytes,
    progress: Progress,
    /// Where there is more than one: of that all is in the progress.
    writes: Vec<Write>,
}

/// What was said, where that was not known when the exchange was entered.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) missed: Vec<String>,
    /// The body's hash, where it is not read from what is looked at.
    pub(super) payload: Option<Payload>,
    pub(super) looked_at: LookedAt,
}

/// What is looked at of an answer: its headers, and its body with the transfer coding
/// left out, where it is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct LookedAt {
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Bytes>,
}

/// What happened to an exchange since it was entered.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// What was said at last.
    pub(super) said: Option<Box<Said>>,
    pub(super) more_writes: u64,
    pub(super) sent: u64,
    pub(super) last: Option<Instant>,
    pub(super) end: Option<(End, Instant)>,
}

/// An exchange's number, and when it began to come.
type Arrival = (u64, Instant);

/// When bytes left, and how many.
pub(super) type Write = (Instant, u32);

/// The hash of what a plan says, but for what is written past HTTP's library: that is
/// kept, and read when somebody asks.
pub(super) fn payload(plan: &WirePlan) -> Option<Payload> {
    plan.script.is_none().then(|| plan.payload())
}

impl Said {
    /// What is kept of a plan that was made late.
    pub(super) fn of(plan: &WirePlan) -> Self {
        let mut bytes = Vec::new();
        let (shape, answer) = Shape::write(&mut bytes, &Request::default(), "", Some(plan));
        Self {
            status: plan.status.as_u16(),
            missed: plan.missed.clone(),
            payload: payload(plan),
            looked_at: looked_at(&Compact { bytes: &bytes, answer: &answer, shape }),
        }
    }

    /// What is kept of what an upstream said.
    pub(super) fn relayed(status: u16, answer: &Recorded) -> Self {
        let headers = answer.head.iter().flat_map(|head| &head.headers);
        let headers = headers.map(|(name, value)| (name.clone(), text(value))).collect();
        let body: Bytes = answer.body().into();
        let payload = Some(Payload::of(&body));
        // Only who failed is told when to come back.
        let is_looked_at = status >= 300 && body.len() <= LONGEST_REFUSAL;
        let body = is_looked_at.then(|| Bytes::copy_from_slice(&body));
        Self { status, missed: Vec::new(), payload, looked_at: LookedAt { headers, body } }
    }
}

impl Rare {
    fn of(why: String, missed: &[String], long: Option<Fingerprint>) -> Option<Box<Self>> {
        let is_there = !why.is_empty() || !missed.is_empty() || long.is_some();
        is_there.then(|| Box::new(Self { why, missed: missed.to_vec(), fingerprint: long }))
    }
}

impl Facts {
    /// The facts of an exchange, whose texts go here; and what is kept of its answer.
    fn of((seq, came): Arrival, known: &mut Known<'_>, bytes: &mut Vec<u8>) -> (Self, Bytes) {
        let Known { request, plan, .. } = *known;
        let (shape, answer) = Shape::write(bytes, request, known.query, plan);
        let is_long = request.body.len() > LONGEST_BODY;
        let name = known.route.dialect.name();
        let fingerprint = is_long.then(|| Fingerprint::new(name, request, None));
        let missed = plan.map(|plan| plan.missed.as_slice()).unwrap_or_default();
        let facts = Self {
            seq,
            shape,
            body_length: request.body.len() as u64,
            payload: known.payload,
            connection: known.connection,
            seed: known.seed,
            came,
            read: known.read,
            status: plan.map_or(0, |plan| plan.status.as_u16()),
            source: known.by.source,
            is_known: known.route.operation != Operation::Unknown,
            rare: Rare::of(std::mem::take(&mut known.by.why), missed, fingerprint),
        };
        (facts, answer)
    }
}

impl Record {
    fn new(arrival: Arrival, known: &mut Known<'_>) -> Self {
        let mut bytes = Vec::new();
        let (facts, answer) = Facts::of(arrival, known, &mut bytes);
        let layers = std::mem::take(&mut known.by.layers);
        Self {
            facts,
            session: Arc::clone(known.session),
            rules: (!layers.is_empty()).then(|| Arc::clone(known.rules)),
            layers,
            bytes,
            answer,
            progress: Progress::default(),
            writes: Vec::new(),
        }
    }

    /// The record of an exchange, in the memory of one that is filed.
    pub(super) fn of(spare: Option<Box<Self>>, arrival: Arrival, known: &mut Known<'_>) -> Box<Self> {
        let Some(mut own) = spare else { return Box::new(Self::new(arrival, known)) };
        (own.facts, own.answer) = Facts::of(arrival, known, &mut own.bytes);
        // Who counts its holders is in another processor's cache, as often as not.
        if !Arc::ptr_eq(&own.session, known.session) {
            own.session = Arc::clone(known.session);
        }
        own.layers = std::mem::take(&mut known.by.layers);
        if !own.layers.is_empty() && !own.rules.as_ref().is_some_and(|old| Arc::ptr_eq(old, known.rules)) {
            own.rules = Some(Arc::clone(known.rules));
        }
        own
    }

    /// So many bytes left at this moment.
    pub(super) fn wrote(&mut self, bytes: usize, now: Instant) {
        let count = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
        if let Some(last) = self.progress.last {
            if self.writes.is_empty() {
                self.writes.push((last, count(self.progress.sent)));
            }
            if self.writes.len() < MOST_WRITES {
                self.writes.push((now, count(bytes as u64)));
            } else {
                self.progress.more_writes += 1;
            }
        }
        self.progress.sent += bytes as u64;
        self.progress.last = Some(now);
    }

    /// What an upstream said, which is known when all of it has come.
    pub(super) fn said(&mut self, said: Said) {
        self.progress.said = Some(Box::new(said));
    }

    /// It ended so: at this moment, or with its last byte.
    pub(super) fn ends(&mut self, end: End, at: Option<Instant>) {
        self.progress.end = Some((end, at.or(self.progress.last).unwrap_or_else(Instant::now)));
    }

    /// Gives back what the next exchange does not need.
    pub(super) fn rest(&mut self) {
        self.facts.rare = None;
        self.progress = Progress::default();
        self.answer = Bytes::new();
        self.writes.clear();
    }

    /// Bytes that it has room for.
    pub(super) fn room(&self) -> usize {
        self.bytes.capacity() + self.writes.capacity() * size_of::<Write>()
    }

    pub(super) fn seq(&self) -> u64 {
        self.facts.seq
    }

    /// Whether it is of this session; of any where none is named.
    pub(super) fn is_of(&self, session: Option<&str>) -> bool {
        session.is_none_or(|name| self.session.name() == name)
    }

    /// What is to be told of it.
    pub(super) fn view(&self) -> View<'_> {
        View {
            facts: &self.facts,
            session: &self.session,
            rules: self.rules.as_ref().filter(|_| !self.layers.is_empty()),
            kept: Compact { bytes: &self.bytes, answer: &self.answer, shape: self.facts.shape },
            progress: &self.progress,
            writes: &self.writes,
            layers: &self.layers,
        }
    }
}
