//! One exchange while it goes on: what came is known, what leaves is noted.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    compact::{Compact, LONGEST_BODY, Shape},
    journal::Journal,
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
    pub(super) came: Instant,
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
    /// Of a request whose body is not kept.
    pub(super) fingerprint: Option<Fingerprint>,
    /// Whether its path leads somewhere.
    pub(super) is_known: bool,
    pub(super) status: u16,
    pub(super) missed: Vec<String>,
    /// The hash of what is said, where it is not read from what is kept of it.
    pub(super) payload: Option<Payload>,
    pub(super) connection: Connection,
    pub(super) by: By,
    pub(super) seed: u64,
    pub(super) came: Instant,
    pub(super) read: Instant,
}

/// One exchange.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) entered: Entered,
    /// Short: one writes, and readers are rare.
    going: Mutex<Going>,
    is_over: AtomicBool,
    /// The number of its end among all; 0 while it has none.
    number: AtomicU64,
}

/// An exchange as it was entered.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) facts: Facts,
    pub(super) session: Arc<Session>,
    /// Those that its stubs are from.
    rules: Option<Arc<Rules>>,
    bytes: Vec<u8>,
    /// What is kept of the answer.
    answer: Bytes,
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

/// When bytes left, and how many.
pub(super) type Write = (Instant, u32);

/// What happens to an exchange.
#[derive(Debug, Default)]
struct Going {
    progress: Progress,
    writes: Vec<Write>,
}

impl Facts {
    /// The facts of an exchange, whose texts go here; what is kept of the answer; and those
    /// that its stubs are from.
    fn of<'a>(seq: u64, known: Known<'a>, bytes: &mut Vec<u8>) -> (Self, Bytes, Option<&'a Arc<Rules>>) {
        let Known {
            request,
            query,
            route,
            session: _,
            connection,
            rules,
            by,
            seed,
            came,
            read,
            plan,
            payload,
        } = known;
        let is_long = request.body.len() > LONGEST_BODY;
        let (shape, answer) = Shape::write(bytes, request, query, plan);
        let facts = Self {
            seq,
            shape,
            body_length: request.body.len() as u64,
            fingerprint: is_long.then(|| Fingerprint::new(route.dialect.name(), request, None)),
            is_known: route.operation != Operation::Unknown,
            status: plan.map_or(0, |plan| plan.status.as_u16()),
            missed: plan.map(|plan| plan.missed.clone()).unwrap_or_default(),
            payload,
            connection,
            by,
            seed,
            came,
            read,
        };
        let rules = (!facts.by.layers.is_empty()).then_some(rules);
        (facts, answer, rules)
    }
}

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

impl Entered {
    fn new(seq: u64, known: Known<'_>) -> Self {
        let session = Arc::clone(known.session);
        let mut bytes = Vec::new();
        let (facts, answer, rules) = Facts::of(seq, known, &mut bytes);
        Self { facts, session, rules: rules.cloned(), bytes, answer }
    }

    /// Makes it that of another exchange, in the same memory.
    fn renew(&mut self, seq: u64, known: Known<'_>) {
        // Who counts its holders is in another processor's cache, as often as not.
        if !Arc::ptr_eq(&self.session, known.session) {
            self.session = Arc::clone(known.session);
        }
        let (facts, answer, rules) = Facts::of(seq, known, &mut self.bytes);
        match (&self.rules, rules) {
            (Some(old), Some(new)) if Arc::ptr_eq(old, new) => {}
            (_, new) => self.rules = new.cloned(),
        }
        (self.facts, self.answer) = (facts, answer);
    }

    /// Bytes of texts that it holds, or has room for.
    pub(super) fn room(&self) -> usize {
        self.bytes.capacity() + self.answer.len()
    }

    fn view<'a>(&'a self, going: &'a Going) -> View<'a> {
        View {
            facts: &self.facts,
            session: &self.session,
            rules: self.rules.as_ref(),
            kept: Compact { bytes: &self.bytes, answer: &self.answer, shape: self.facts.shape },
            progress: &going.progress,
            writes: &going.writes,
            layers: &self.facts.by.layers,
        }
    }
}

impl Record {
    pub(super) fn new(seq: u64, known: Known<'_>) -> Self {
        Self {
            entered: Entered::new(seq, known),
            going: Mutex::default(),
            is_over: AtomicBool::new(false),
            number: AtomicU64::new(0),
        }
    }

    /// Makes what was taken out the record of another exchange.
    pub(super) fn renew(&mut self, seq: u64, known: Known<'_>) {
        self.entered.renew(seq, known);
        *self.is_over.get_mut() = false;
        *self.number.get_mut() = 0;
    }

    /// Takes out what it was, but for what it is kept in: the facts, what happened, and
    /// its end's number.
    pub(super) fn take(&mut self) -> (Facts, Progress, u64) {
        let facts = &mut self.entered.facts;
        let (missed, by) = (std::mem::take(&mut facts.missed), std::mem::take(&mut facts.by));
        let facts = Facts { missed, by, ..*facts };
        let going = self.going.get_mut().unwrap_or_else(PoisonError::into_inner);
        going.writes.clear();
        (facts, std::mem::take(&mut going.progress), *self.number.get_mut())
    }

    fn going(&self) -> MutexGuard<'_, Going> {
        self.going.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many bytes left at this moment.
    pub(super) fn wrote(&self, bytes: usize, now: Instant) {
        let going = &mut *self.going();
        going.progress.sent += bytes as u64;
        going.progress.last = Some(now);
        if going.writes.len() < MOST_WRITES {
            going.writes.push((now, u32::try_from(bytes).unwrap_or(u32::MAX)));
        } else {
            going.progress.more_writes += 1;
        }
    }

    /// What an upstream said, which is known when all of it has come.
    pub(super) fn said(&self, said: Said) {
        self.going().progress.said = Some(Box::new(said));
    }

    /// It ended so.
    pub(super) fn ends(&self, journal: &Journal, end: End, at: Option<Instant>) {
        {
            let progress = &mut self.going().progress;
            if progress.end.is_some() {
                return;
            }
            let at = at.or(progress.last).unwrap_or_else(Instant::now);
            progress.end = Some((end, at));
        }
        self.is_over.store(true, Ordering::SeqCst);
        journal.note_end();
    }

    /// Bytes that it takes, about.
    pub(super) fn size(&self) -> u64 {
        (size_of::<Self>() + self.texts()) as u64
    }

    /// Bytes of its texts.
    pub(super) fn texts(&self) -> usize {
        self.entered.bytes.len() + self.entered.answer.len()
    }

    pub(super) fn is_open(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst)
    }

    /// The number of its end; 0 while it has none.
    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }

    /// Numbers its end, under the lock of the row that it is in.
    pub(super) fn set_number(&self, number: u64) {
        self.number.store(number, Ordering::Relaxed);
    }

    /// What is to be told of it.
    pub(super) fn view<T>(&self, look: impl FnOnce(&View<'_>) -> T) -> T {
        look(&self.entered.view(&self.going()))
    }

    /// The same where nobody else has it.
    pub(super) fn view_own<T>(&mut self, look: impl FnOnce(&View<'_>) -> T) -> T {
        look(&self.entered.view(self.going.get_mut().unwrap_or_else(PoisonError::into_inner)))
    }
}
