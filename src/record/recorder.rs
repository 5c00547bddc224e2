//! Writes interactions into cassettes, without their secrets.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    cassette::{
        Asked, Body, Interaction,
        key::{Key, Matching, key},
        redact::redact,
        scan::Scanner,
        secret::{Placeholders, Put},
        write::{Aside, write},
    },
    plan::recorded::End,
    request::Request,
    store::{StoreError, cassettes::Appender},
};

/// Bytes of a request and its answer that are kept in memory until they are written.
const LARGEST: u64 = 256 << 20;

/// The same of all that are under way together; what does not fit is passed on, and not
/// recorded.
const MOST_HELD: u64 = 1 << 30;

/// Bytes of an interaction that is written at once, on the thread that serves.
const SMALL: u64 = 256 << 10;

/// Bytes that recordings hold.
static HELD: AtomicU64 = AtomicU64::new(0);

/// A share of the memory that recordings may hold.
#[derive(Debug, Default)]
struct Share(u64);

impl Share {
    /// Takes room for so many bytes more; whether there is any.
    fn grow(&mut self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.0 += bytes;
        held <= MOST_HELD && self.0 <= LARGEST
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// Cassettes that are open at once.
const MOST_OPEN: usize = 100;

/// Keys whose last outcome is remembered.
const MOST_OUTCOMES: usize = 100_000;

/// Writes into the cassettes of a folder.
#[derive(Debug)]
pub(crate) struct Recorder {
    folder: PathBuf,
    matching: Matching,
    mark: String,
    /// Which process it is.
    run: String,
    seq: AtomicU64,
    placeholders: Mutex<Placeholders>,
    /// The cassettes that are open, by their names.
    appenders: Mutex<HashMap<String, Arc<Mutex<Appender>>>>,
    /// How the last attempt of each request ended, by cassette, and which it was.
    outcomes: Mutex<HashMap<(String, Key), (bool, u32)>>,
    tally: Tally,
}

/// What was recorded so far.
#[derive(Debug, Default)]
struct Tally {
    interactions: AtomicU64,
    bytes: AtomicU64,
    redactions: AtomicU64,
    failures: AtomicU64,
}

/// What was recorded so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Interactions that were written.
    pub interactions: u64,
    /// Bytes of answers.
    pub bytes: u64,
    /// Secrets that were taken out.
    pub redactions: u64,
    /// Interactions that could not be written.
    pub failures: u64,
}

impl Recorder {
    /// Writes into this folder. Placeholders with a number up to `taken` stand in its
    /// cassettes already.
    pub(crate) fn new(folder: &Path, matching: Matching, taken: u32) -> Self {
        let now = Timestamp::now();
        let name = format!("{} {now} {}", folder.display(), std::process::id());
        Self {
            folder: folder.to_owned(),
            mark: matching.fingerprint(),
            matching,
            run: blake3::hash(name.as_bytes()).to_hex()[..8].to_owned(),
            seq: AtomicU64::new(0),
            placeholders: Mutex::new(Placeholders::above(taken)),
            appenders: Mutex::default(),
            outcomes: Mutex::default(),
            tally: Tally::default(),
        }
    }

    /// What was recorded so far.
    pub(crate) fn recorded(&self) -> Recorded {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Tally { interactions, bytes, redactions, failures } = &self.tally;
        Recorded {
            interactions: of(interactions),
            bytes: of(bytes),
            redactions: of(redactions),
            failures: of(failures),
        }
    }

    /// Which attempt this is, where nobody counted: one more, if the last failed.
    fn attempt(&self, cassette: &str, key: Key, asked: &Asked, succeeds: bool) -> u32 {
        let retries = asked.header("x-stainless-retry-count").and_then(|count| count.parse::<u32>().ok());
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        if outcomes.len() >= MOST_OUTCOMES {
            outcomes.clear();
        }
        let (has_succeeded, last) = outcomes.get(&(cassette.to_owned(), key)).copied().unwrap_or((true, 0));
        let attempt = match retries {
            Some(retries) => retries.saturating_add(1),
            None if has_succeeded => 1,
            None => last.saturating_add(1),
        };
        outcomes.insert((cassette.to_owned(), key), (succeeds, attempt));
        attempt
    }

    /// Appends to a cassette; one interaction after the other.
    fn append(&self, cassette: &str, document: &str, asides: &[Aside]) -> Result<(), StoreError> {
        let appender = {
            let mut appenders = self.appenders.lock().unwrap_or_else(PoisonError::into_inner);
            if appenders.len() >= MOST_OPEN {
                appenders.clear();
            }
            let new = || Mutex::new(Appender::new(self.folder.join(format!("{cassette}.yaml")))).into();
            Arc::clone(appenders.entry(cassette.to_owned()).or_insert_with(new))
        };
        appender.lock().unwrap_or_else(PoisonError::into_inner).append(document, asides)
    }

    fn write(&self, mut interaction: Interaction, cassette: &str, known: &[String]) {
        let bytes = interaction.response.length() as u64;
        let (before, after) = {
            let mut placeholders = self.placeholders.lock().unwrap_or_else(PoisonError::into_inner);
            let before = placeholders.put;
            let put = &mut Put::Numbered(&mut placeholders);
            redact(&mut interaction, &self.matching.detector, known, put);
            (before, placeholders.put)
        };
        let aside = format!("{cassette}.bodies/{}-{}", self.run, interaction.seq);
        let (document, asides) = write(&interaction, &aside, &self.mark);
        match self.append(cassette, &document, &asides) {
            Ok(()) => {
                self.tally.interactions.fetch_add(1, Ordering::Relaxed);
                self.tally.bytes.fetch_add(bytes, Ordering::Relaxed);
                self.tally.redactions.fetch_add(after - before, Ordering::Relaxed);
            }
            Err(error) => {
                self.tally.failures.fetch_add(1, Ordering::Relaxed);
                tracing::error!("an interaction is not recorded: {error}");
            }
        }
    }
}

/// A request's body, as far as it came: of who sends it on, and who writes it down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    share: Share,
    is_too_large: bool,
    has_failed: bool,
    ended: Option<Instant>,
}

impl Kept {
    fn push(&mut self, bytes: &[u8]) {
        if !self.is_too_large && self.share.grow(bytes.len()) {
            self.bytes.extend_from_slice(bytes);
        } else {
            (self.is_too_large, self.bytes, self.share) = (true, Vec::new(), Share::default());
        }
    }
}

impl Shared {
    /// A body that came already.
    pub(crate) fn whole(bytes: &Bytes, ended: Instant) -> Self {
        let mut kept = Kept { ended: Some(ended), ..Kept::default() };
        kept.push(bytes);
        Self(Arc::new(Mutex::new(kept)))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a piece of it.
    pub(crate) fn push(&self, bytes: &[u8]) {
        self.kept().push(bytes);
    }

    /// It was cut off, or is none.
    pub(crate) fn fail(&self) {
        self.kept().has_failed = true;
    }

    /// Whether it was cut off, or is none.
    pub(crate) fn has_failed(&self) -> bool {
        self.kept().has_failed
    }

    /// It came in full.
    pub(crate) fn end(&self) {
        self.kept().ended.get_or_insert_with(Instant::now);
    }

    /// When it had come in full; now, where it has not.
    pub(crate) fn ended(&self) -> Instant {
        self.kept().ended.unwrap_or_else(Instant::now)
    }
}

/// An interaction that is being recorded. It is written when it ends, or when it is
/// dropped since its client went away.
#[derive(Debug)]
pub(crate) struct Recording {
    recorder: Arc<Recorder>,
    cassette: String,
    asked: Asked,
    kept: Shared,
    known: Vec<String>,
    upstream: String,
    recorded: Timestamp,
    seq: u64,
    attempt: Option<u32>,
    begun: Instant,
    scanner: Option<Scanner>,
    share: Share,
    is_too_large: bool,
}

impl Recording {
    /// Begins to record what comes for a request. `attempt`: which of its call it is,
    /// where that was counted.
    pub(crate) fn new(
        recorder: &Arc<Recorder>,
        cassette: String,
        request: &Request,
        (kept, attempt): (Shared, Option<u32>),
        (upstream, known): (String, Vec<String>),
    ) -> Self {
        Self {
            cassette,
            asked: asked(request),
            kept,
            known,
            upstream,
            recorded: Timestamp::now(),
            seq: recorder.seq.fetch_add(1, Ordering::Relaxed) + 1,
            attempt,
            begun: Instant::now(),
            scanner: Some(Scanner::new(request.method == http::Method::HEAD)),
            share: Share::default(),
            is_too_large: false,
            recorder: Arc::clone(recorder),
        }
    }

    /// Its path is to be recorded as this.
    pub(crate) fn is_at(&mut self, path: String) {
        self.asked.path = path;
    }

    /// Takes what came at a time.
    pub(crate) fn push(&mut self, at: Instant, bytes: &[u8]) {
        let at = self.since(at);
        let is_fit = !self.is_too_large && self.share.grow(bytes.len());
        match &mut self.scanner {
            Some(scanner) if is_fit => scanner.push(at, bytes),
            Some(scanner) => {
                // What is held so far is let go.
                *scanner = Scanner::without_body(false);
                (self.is_too_large, self.share) = (true, Share::default());
            }
            None => {}
        }
    }

    /// So long after the request was read in full.
    fn since(&self, at: Instant) -> Duration {
        let ended = self.kept.kept().ended;
        at.saturating_duration_since(ended.unwrap_or(self.begun))
    }

    /// Whether writing it takes no time to speak of.
    pub(crate) fn is_small(&self) -> bool {
        self.share.0 + self.kept.kept().share.0 <= SMALL
    }

    /// Lets go of it: nothing came.
    pub(crate) fn forget(mut self) {
        self.scanner = None;
    }

    /// Writes it, as far as it came.
    pub(crate) fn finish(&mut self, at: Instant, end: End) {
        let at = self.since(at);
        let Some(scanner) = self.scanner.take() else { return };
        let bytes = {
            let mut kept = self.kept.kept();
            if kept.is_too_large || self.is_too_large {
                self.recorder.tally.failures.fetch_add(1, Ordering::Relaxed);
                tracing::error!("an interaction is too large to be kept: it is passed on, and not recorded");
                return;
            }
            Bytes::from(std::mem::take(&mut kept.bytes))
        };
        let mut request = std::mem::take(&mut self.asked);
        request.body = Body::read(request.header("content-type"), &bytes);
        let response = scanner.finish(at, end);
        let key = key(&self.recorder.matching.canonical(request.clone(), &self.known));
        let counted = self.recorder.attempt(&self.cassette, key, &request, response.succeeds());
        let interaction = Interaction {
            seq: self.seq,
            key,
            run: self.recorder.run.clone(),
            recorded: format!("{:.6}", self.recorded),
            upstream: std::mem::take(&mut self.upstream),
            attempt: self.attempt.unwrap_or(counted),
            is_redacted: false,
            request,
            response,
        };
        self.recorder.write(interaction, &self.cassette, &self.known);
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.finish(Instant::now(), End::ClientLeft);
    }
}

/// A request as it is recorded, without what is only for this server.
fn asked(request: &Request) -> Asked {
    let mut asked = Asked::new(request, Body::None);
    asked.headers.retain(|(name, _)| !name.starts_with("x-mynah-"));
    asked
}
