//! What a connection notes for the journal: when requests began, what left, and when
//! the client went.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::time::Instant;

use super::{journal::Journal, record::Record};
use crate::journal::{End, Gone};

/// The notes of one connection.
#[derive(Debug)]
pub(super) struct Tape {
    journal: Arc<Journal>,
    /// Whether all of the answer was handed over, and only has to be flushed.
    is_handed_over: AtomicBool,
    /// One connection's alone: nobody waits for it.
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    /// When requests began that are not answered yet.
    begun: VecDeque<Instant>,
    /// The exchange that is under way.
    current: Option<Arc<Record>>,
    /// The number of that, or of the last, if it is the journal's.
    latest: Option<u64>,
    /// When the client closed.
    gone: Option<(Gone, Instant)>,
}

/// Requests that may wait on one connection; a client that sends more does not read.
const MOST_WAITING: usize = 1_000;

impl Tape {
    pub(super) fn new(journal: &Arc<Journal>) -> Arc<Self> {
        let journal = Arc::clone(journal);
        Arc::new(Self { journal, is_handed_over: AtomicBool::new(false), notes: Mutex::default() })
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many requests began.
    pub(super) fn begin(&self, count: u64) {
        let now = Instant::now();
        let mut notes = self.notes();
        for _ in 0..count {
            if notes.begun.len() < MOST_WAITING {
                notes.begun.push_back(now);
            }
        }
    }

    /// When the next request began.
    pub(super) fn next_began(&self) -> Option<Instant> {
        self.notes().begun.pop_front()
    }

    /// This is under way from now on.
    pub(super) fn enter(&self, record: Arc<Record>) {
        self.is_handed_over.store(false, Ordering::Release);
        let mut notes = self.notes();
        notes.latest = Some(record.entered.facts.seq);
        notes.current = Some(record);
    }

    /// So many bytes left.
    pub(super) fn wrote(&self, bytes: usize, at: Instant) {
        if let Some(record) = &self.notes().current {
            record.wrote(bytes, at);
        }
    }

    /// All of the answer is handed over to HTTP.
    pub(super) fn hand_over(&self) {
        self.is_handed_over.store(true, Ordering::Release);
    }

    /// All that HTTP had was written.
    pub(super) fn flushed(&self) {
        if self.is_handed_over.load(Ordering::Acquire) {
            self.is_handed_over.store(false, Ordering::Release);
            self.end(End::Complete, None);
        }
    }

    /// The exchange that is under way ends so: now, or with the last byte.
    pub(super) fn end(&self, end: End, at: Option<Instant>) {
        // Nobody but the journal has what is over: it is filed the sooner.
        if let Some(record) = self.notes().current.take() {
            record.ends(&self.journal, end, at);
        }
    }

    /// What is under way.
    pub(super) fn current(&self) -> Option<Arc<Record>> {
        self.notes().current.clone()
    }

    /// What comes next on the connection is none of the journal's.
    pub(super) fn leave(&self) {
        let mut notes = self.notes();
        (notes.current, notes.latest) = (None, None);
    }

    /// The client closed.
    pub(super) fn client_left(&self, gone: Gone) {
        let mut notes = self.notes();
        if notes.gone.is_none() {
            notes.gone = Some((gone, Instant::now()));
        }
    }

    /// The connection is over: by the client, unless the exchange had ended before.
    pub(super) fn close(&self) {
        let Notes { current, latest, gone, .. } = std::mem::take(&mut *self.notes());
        if let (Some(latest), Some((gone, at))) = (latest, gone) {
            self.journal.note_left(latest, gone, at);
        }
        if let Some(record) = current {
            let at = gone.map_or_else(Instant::now, |(_, at)| at);
            record.ends(&self.journal, End::Left, Some(at));
        }
    }
}
