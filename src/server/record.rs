//! One exchange while it goes on: what came is known, what leaves is noted.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    compact::{Compact, Kept, LONGEST_BODY},
    journal::{Detail, Journal},
    session::Session,
};
use crate::{
    cassette::scan::Scanner,
    dialect::{self, Operation, Route},
    identity::Fingerprint,
    journal::{Answer, End, Entry, Gone, Named, Source, hint::hint},
    plan::{WirePlan, recorded::Recorded},
    request::Request,
    select::{Layer, Rules, facts::Connection},
};

/// Writes that are listed of one exchange; the others are counted.
const MOST_WRITES: usize = 1_000;

/// Bytes of an upstream's refusal that are kept, for the hint in it.
const LONGEST_REFUSAL: usize = 64 << 10;

/// Bytes that an exchange takes besides its texts, about.
const OVERHEAD: usize = 600;

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
}

/// One exchange.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) seq: u64,
    pub(super) session: Arc<Session>,
    /// Bytes that it takes, about.
    pub(super) size: u64,
    kept: Compact,
    body_length: u64,
    /// Of a request whose body is not kept.
    fingerprint: Option<Fingerprint>,
    /// Whether its path leads somewhere.
    is_known: bool,
    status: u16,
    missed: Vec<String>,
    connection: Connection,
    rules: Option<Arc<Rules>>,
    by: By,
    seed: u64,
    came: Instant,
    read: Instant,
    /// Short: one writes, and readers are rare.
    progress: Mutex<Progress>,
    /// The how-manieth it was to end; 0 while it is under way.
    ended: AtomicU64,
}

/// What was said, where that was not known when the exchange was entered.
#[derive(Debug)]
pub(super) struct Said {
    status: u16,
    missed: Vec<String>,
    /// The body's, where the body itself is not kept.
    hash: Option<String>,
    looked_at: LookedAt,
}

/// What is looked at of an answer: its headers, and its body with the transfer coding
/// left out, where it is kept.
#[derive(Clone, Debug, Default)]
struct LookedAt {
    headers: Vec<(String, String)>,
    body: Option<Bytes>,
}

#[derive(Debug, Default)]
struct Progress {
    /// What was said at last.
    said: Option<Box<Said>>,
    /// Most answers leave in one write, which needs no room of its own.
    first: Option<(Instant, u32)>,
    writes: Vec<(Instant, u32)>,
    more_writes: u64,
    sent: u64,
    last: Option<Instant>,
    end: Option<(End, Instant)>,
    gone: Option<(Gone, Instant)>,
}

impl Said {
    /// What is kept of a plan that was made late.
    pub(super) fn of(plan: &WirePlan) -> Self {
        let compact = Compact::new(&Request::default(), "", Some(plan));
        Self {
            status: plan.status.as_u16(),
            missed: plan.missed.clone(),
            hash: None,
            looked_at: looked_at(&compact),
        }
    }

    /// What is kept of what an upstream said.
    pub(super) fn relayed(status: u16, answer: &Recorded) -> Self {
        let headers = answer.head.iter().flat_map(|head| &head.headers);
        let headers = headers.map(|(name, value)| (name.clone(), text(value))).collect();
        let body: Bytes = answer.body().into();
        let hash = Some(blake3::hash(&body).to_hex().to_string());
        // Only who failed is told when to come back.
        let is_looked_at = status >= 300 && body.len() <= LONGEST_REFUSAL;
        let body = is_looked_at.then(|| Bytes::copy_from_slice(&body));
        Self { status, missed: Vec::new(), hash, looked_at: LookedAt { headers, body } }
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

fn looked_at(kept: &Compact) -> LookedAt {
    match kept.kept {
        Kept::Nothing => LookedAt::default(),
        Kept::Body => {
            let headers = kept.answer_headers();
            let headers =
                headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())));
            LookedAt { headers: headers.collect(), body: Some(Bytes::copy_from_slice(kept.answer())) }
        }
        Kept::Script | Kept::Beginning => {
            let mut scanner = Scanner::new(false);
            scanner.push(Duration::ZERO, kept.answer());
            let read = scanner.so_far();
            let headers = read.head.iter().flat_map(|head| &head.headers);
            let headers = headers.map(|(name, value)| (name.clone(), text(value))).collect();
            LookedAt { headers, body: (kept.kept == Kept::Script).then(|| read.body().into()) }
        }
    }
}

impl Record {
    pub(super) fn enter(journal: &Journal, known: Known<'_>) -> Arc<Self> {
        let Known { request, query, route, session, connection, rules, by, seed, came, read, plan } = known;
        let body_length = request.body.len();
        let fingerprint =
            (body_length > LONGEST_BODY).then(|| Fingerprint::new(route.dialect.name(), request, None));
        let kept = Compact::new(request, query, plan);
        let size = OVERHEAD + kept.size() + by.why.len();
        Arc::new(Self {
            seq: journal.number(),
            session: Arc::clone(session),
            size: size as u64,
            body_length: body_length as u64,
            fingerprint,
            is_known: route.operation != Operation::Unknown,
            status: plan.map_or(0, |plan| plan.status.as_u16()),
            missed: plan.map(|plan| plan.missed.clone()).unwrap_or_default(),
            kept,
            connection,
            rules: (!by.layers.is_empty()).then(|| Arc::clone(rules)),
            by,
            seed,
            came,
            read,
            progress: Mutex::default(),
            ended: AtomicU64::new(0),
        })
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many bytes left at this moment.
    pub(super) fn wrote(&self, bytes: usize, now: Instant) {
        let mut progress = self.progress();
        progress.sent += bytes as u64;
        progress.last = Some(now);
        let write = (now, u32::try_from(bytes).unwrap_or(u32::MAX));
        if progress.first.is_none() {
            progress.first = Some(write);
        } else if progress.writes.len() < MOST_WRITES {
            progress.writes.push(write);
        } else {
            progress.more_writes += 1;
        }
    }

    /// What an upstream said, which is known when all of it has come.
    pub(super) fn said(&self, said: Said) {
        self.progress().said = Some(Box::new(said));
    }

    /// It ended so.
    pub(super) fn ends(&self, journal: &Journal, end: End, at: Option<Instant>) {
        {
            let mut progress = self.progress();
            if progress.end.is_some() {
                return;
            }
            let at = at.or(progress.last).unwrap_or_else(Instant::now);
            progress.end = Some((end, at));
        }
        journal.note_end(&self.ended);
    }

    /// The client closed the connection behind it.
    pub(super) fn is_gone(&self, journal: &Journal, gone: Gone, at: Instant) {
        self.progress().gone = Some((gone, at));
        journal.note_left();
    }

    /// The hash of what it was meant to say.
    pub(super) fn payload(&self) -> Option<String> {
        let progress = self.progress();
        let known = progress.said.as_ref().and_then(|said| said.hash.clone());
        let hash = |body: Bytes| blake3::hash(&body).to_hex().to_string();
        known.or_else(|| self.looked_at(&progress).body.map(hash))
    }

    pub(super) fn is_open(&self) -> bool {
        self.ended.load(Ordering::Acquire) == 0
    }

    /// The how-manieth it was to end, where it has.
    pub(super) fn ended(&self) -> Option<u64> {
        Some(self.ended.load(Ordering::Acquire)).filter(|number| *number > 0)
    }

    /// All that is known of it. Calls are numbered where all entries are known.
    pub(super) fn entry(&self, journal: &Journal, detail: Detail) -> Entry {
        let at = |moment: Instant| journal.since_start(moment);
        let progress = self.progress();
        let over = progress.last.max(progress.end.map(|(_, at)| at)).unwrap_or_else(Instant::now);
        let looked_at = self.looked_at(&progress);
        let header = |name: &str| {
            let is_it = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
            looked_at.headers.iter().find(is_it).map(|(_, value)| value.as_str())
        };
        let body = looked_at.body.clone().unwrap_or_default();
        let said = progress.said.as_ref();
        let status = said.map_or(self.status, |said| said.status);
        let hint = (status >= 300).then(|| hint(header, &body, journal.by_wall(over))).flatten();
        let known = said.and_then(|said| said.hash.clone());
        let hash =
            || known.or_else(|| looked_at.body.as_ref().map(|body| blake3::hash(body).to_hex().to_string()));
        let answer = Answer {
            source: self.by.source,
            why: self.why(),
            stubs: self.stubs(),
            seed: self.seed,
            status,
            hint,
            missed: said.map_or(&self.missed, |said| &said.missed).clone(),
            payload: if detail == Detail::All { hash() } else { None },
        };
        let request = self.kept.request();
        let mut route = dialect::identify(&request);
        if !self.is_known {
            route.operation = Operation::Unknown;
        }
        Entry {
            seq: self.seq,
            session: self.session.name().to_owned(),
            began: journal.by_wall(self.came),
            came: at(self.came),
            read: at(self.read),
            connection: self.connection,
            request,
            body_length: self.body_length,
            fingerprint: self.fingerprint,
            route,
            answer,
            writes: progress
                .first
                .iter()
                .chain(&progress.writes)
                .map(|(moment, bytes)| (at(*moment), u64::from(*bytes)))
                .collect(),
            more_writes: progress.more_writes,
            sent: progress.sent,
            last: progress.last.map(at),
            end: progress.end.map(|(end, moment)| (end, at(moment))),
            gone: progress.gone.map(|(gone, moment)| (gone, at(moment))),
            call: 0,
            attempt: 0,
        }
    }

    fn looked_at(&self, progress: &Progress) -> LookedAt {
        match &progress.said {
            Some(said) => said.looked_at.clone(),
            None => looked_at(&self.kept),
        }
    }

    fn stubs(&self) -> Vec<Named> {
        let Some(rules) = &self.rules else { return Vec::new() };
        let named = |(number, given): &(usize, u64)| {
            let (scenario, stub) = rules.stub(*number);
            Named {
                scenario: scenario.name.clone(),
                stub: stub.name.clone(),
                place: stub.place.clone(),
                reply: stub.number(*given),
            }
        };
        self.by.layers.iter().map(named).collect()
    }

    fn why(&self) -> String {
        if !self.by.why.is_empty() {
            return self.by.why.clone();
        }
        match (self.by.source, self.stubs().first()) {
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
