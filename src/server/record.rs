//! One exchange while it goes on: what came is known, what leaves is noted.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use http::HeaderMap;
use tokio::time::Instant;

use super::{
    journal::{Detail, Journal},
    session::Session,
};
use crate::{
    dialect::Route,
    identity::Fingerprint,
    journal::{Answer, End, Entry, Gone, Named, Source, hint::hint},
    plan::{WirePlan, recorded::Recorded},
    request::Request,
    select::{Layer, Rules, facts::Connection},
};

/// Bytes of a request's body that are kept at the most; of a longer one only its hash.
const LONGEST_BODY: usize = 1 << 20;

/// Bytes of an answer's body that are kept at the most, until its hash is asked for.
const LONGEST_PAYLOAD: usize = 1 << 20;

/// Writes that are listed of one exchange; the others are counted.
const MOST_WRITES: usize = 10_000;

/// Bytes that an exchange takes besides its texts, about.
const OVERHEAD: usize = 1_000;

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
    pub(super) request: Request,
    pub(super) route: &'a Route,
    pub(super) session: &'a Arc<Session>,
    pub(super) connection: Connection,
    pub(super) rules: &'a Arc<Rules>,
    pub(super) by: By,
    pub(super) seed: u64,
    pub(super) came: Instant,
    pub(super) read: Instant,
    pub(super) said: Said,
}

/// One exchange.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) seq: u64,
    pub(super) session: Arc<Session>,
    /// Bytes that it takes, about.
    pub(super) size: u64,
    request: Request,
    body_length: u64,
    /// Of a request whose body is not kept.
    fingerprint: Option<Fingerprint>,
    route: Route,
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

/// What is said, as far as it is looked at later.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) missed: Vec<String>,
    pub(super) payload: Payload,
}

/// What an answer consists of.
#[derive(Debug, Default)]
pub(super) enum Payload {
    /// It is not kept.
    #[default]
    Unknown,
    /// A body, and the headers where there may be a hint among them.
    Body(Bytes, HeaderMap),
    /// All that was written past HTTP's library, head and framing included.
    Script(Bytes),
    /// What came from an upstream.
    Relayed { headers: Vec<(String, Bytes)>, body: Bytes },
}

#[derive(Debug, Default)]
struct Progress {
    said: Said,
    writes: Vec<(Instant, u32)>,
    more_writes: u64,
    sent: u64,
    last: Option<Instant>,
    end: Option<(End, Instant)>,
    gone: Option<(Gone, Instant)>,
}

impl Said {
    /// What is to be kept of a plan.
    pub(super) fn of(plan: &WirePlan) -> Self {
        let status = plan.status.as_u16();
        let payload = match &plan.script {
            Some(script) if script.bytes.len() <= LONGEST_PAYLOAD => Payload::Script(script.bytes.clone()),
            Some(script) => Payload::Script(script.bytes.slice(..script.bytes.len().min(8192))),
            None if plan.body.len() > LONGEST_PAYLOAD => Payload::Unknown,
            None => {
                let headers = if status >= 400 { plan.headers.clone() } else { HeaderMap::new() };
                Payload::Body(plan.body.clone(), headers)
            }
        };
        Self { status, missed: plan.missed.clone(), payload }
    }

    /// What is to be kept of what an upstream said.
    pub(super) fn relayed(status: u16, answer: &Recorded) -> Self {
        let headers = answer.head.as_ref().map(|head| head.headers.clone()).unwrap_or_default();
        let payload = match answer.length() {
            0..=LONGEST_PAYLOAD => Payload::Relayed { headers, body: answer.body().into() },
            _ => Payload::Unknown,
        };
        Self { status, missed: Vec::new(), payload }
    }

    fn size(&self) -> usize {
        match &self.payload {
            Payload::Unknown => 0,
            Payload::Body(bytes, _) | Payload::Script(bytes) | Payload::Relayed { body: bytes, .. } => {
                bytes.len()
            }
        }
    }
}

impl Record {
    pub(super) fn new(journal: &Journal, known: Known<'_>) -> Arc<Self> {
        let Known { mut request, route, session, connection, rules, by, seed, came, read, said } = known;
        let body_length = request.body.len();
        let fingerprint = (body_length > LONGEST_BODY).then(|| {
            let own = Fingerprint::new(route.dialect.name(), &request, None);
            request.body = Bytes::new();
            own
        });
        let size = OVERHEAD + request.body.len() + said.size() + by.why.len();
        Arc::new(Self {
            seq: journal.number(),
            session: Arc::clone(session),
            size: size as u64,
            body_length: body_length as u64,
            fingerprint,
            route: route.clone(),
            connection,
            rules: (!by.layers.is_empty()).then(|| Arc::clone(rules)),
            request,
            by,
            seed,
            came,
            read,
            progress: Mutex::new(Progress { said, ..Progress::default() }),
            ended: AtomicU64::new(0),
        })
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many bytes left.
    pub(super) fn wrote(&self, bytes: usize) {
        let now = Instant::now();
        let mut progress = self.progress();
        progress.sent += bytes as u64;
        progress.last = Some(now);
        if progress.writes.len() < MOST_WRITES {
            progress.writes.push((now, u32::try_from(bytes).unwrap_or(u32::MAX)));
        } else {
            progress.more_writes += 1;
        }
    }

    /// What an upstream said, which is known when all of it has come.
    pub(super) fn said(&self, said: Said) {
        self.progress().said = said;
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
        self.ended.store(journal.note_end(), Ordering::Release);
    }

    /// The client closed the connection behind it.
    pub(super) fn is_gone(&self, journal: &Journal, gone: Gone, at: Instant) {
        self.progress().gone = Some((gone, at));
        journal.change();
    }

    /// The hash of what it was meant to say.
    pub(super) fn payload(&self) -> Option<String> {
        self.progress().said.hash()
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
        let (headers, body) = progress.said.looked_at();
        let header = |name: &str| {
            let is_it = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
            headers.iter().find(is_it).map(|(_, value)| value.as_str())
        };
        let payload = if detail == Detail::All { progress.said.hash() } else { None };
        let answer = Answer {
            source: self.by.source,
            why: self.why(),
            stubs: self.stubs(),
            seed: self.seed,
            status: progress.said.status,
            hint: hint(header, &body, journal.by_wall(over)).filter(|_| progress.said.status >= 300),
            missed: progress.said.missed.clone(),
            payload,
        };
        Entry {
            seq: self.seq,
            session: self.session.name().to_owned(),
            began: journal.by_wall(self.came),
            came: at(self.came),
            read: at(self.read),
            connection: self.connection,
            request: self.request.clone(),
            body_length: self.body_length,
            fingerprint: self.fingerprint,
            route: self.route.clone(),
            answer,
            writes: progress.writes.iter().map(|(moment, bytes)| (at(*moment), u64::from(*bytes))).collect(),
            more_writes: progress.more_writes,
            sent: progress.sent,
            last: progress.last.map(at),
            end: progress.end.map(|(end, moment)| (end, at(moment))),
            gone: progress.gone.map(|(gone, moment)| (gone, at(moment))),
            call: 0,
            attempt: 0,
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

impl Said {
    /// The hash of its body, where that is known.
    fn hash(&self) -> Option<String> {
        if matches!(self.payload, Payload::Unknown) {
            return None;
        }
        Some(blake3::hash(&self.looked_at().1).to_hex().to_string())
    }

    /// Its headers, and its body with the transfer coding left out.
    fn looked_at(&self) -> (Vec<(String, String)>, Bytes) {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        match &self.payload {
            Payload::Unknown => (Vec::new(), Bytes::new()),
            Payload::Body(body, headers) => {
                let headers =
                    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())));
                (headers.collect(), body.clone())
            }
            Payload::Relayed { headers, body } => {
                (headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(), body.clone())
            }
            Payload::Script(bytes) => {
                let mut scanner = crate::cassette::scan::Scanner::new(false);
                scanner.push(std::time::Duration::ZERO, bytes);
                let read = scanner.so_far();
                let headers = read.head.iter().flat_map(|head| &head.headers);
                let headers = headers.map(|(name, value)| (name.clone(), text(value))).collect();
                (headers, read.body().into())
            }
        }
    }
}
