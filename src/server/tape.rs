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

use super::{
    journal::Journal,
    record::{Known, Record, Said},
    slab::Slab,
};
use crate::journal::{End, Gone};

/// The notes of one connection.
#[derive(Debug)]
pub(super) struct Tape {
    journal: Arc<Journal>,
    /// Which of the journal's it is.
    number: u64,
    /// Whether all of the answer was handed over, and only has to be flushed.
    is_handed_over: AtomicBool,
    /// One connection's alone, but for readers, who are rare.
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    /// When the next request began, and those behind it that wait as well.
    begun: Option<Instant>,
    waiting: VecDeque<Instant>,
    /// The exchange that is under way. What is over is the journal's.
    current: Option<Box<Record>>,
    /// The number of that, or of the last, if it is the journal's.
    latest: Option<u64>,
    /// When the client closed.
    gone: Option<(Gone, Instant)>,
}

/// Requests that may wait on one connection; a client that sends more does not read.
const MOST_WAITING: usize = 1_000;

impl Notes {
    /// When the next request began.
    fn next_began(&mut self) -> Option<Instant> {
        std::mem::replace(&mut self.begun, self.waiting.pop_front())
    }
}

impl Tape {
    pub(super) fn new(journal: &Arc<Journal>) -> Arc<Self> {
        journal.tape(|number| Self {
            journal: Arc::clone(journal),
            number,
            is_handed_over: AtomicBool::new(false),
            notes: Mutex::default(),
        })
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many requests began, one at the least.
    pub(super) fn begin(&self, count: u64) {
        let now = Instant::now();
        let mut notes = self.notes();
        let behind = if notes.begun.is_none() { count - 1 } else { count };
        notes.begun.get_or_insert(now);
        for _ in 0..behind {
            if notes.waiting.len() < MOST_WAITING {
                notes.waiting.push_back(now);
            }
        }
    }

    /// This is under way from now on.
    pub(super) fn enter(&self, known: &mut Known<'_>) {
        self.is_handed_over.store(false, Ordering::Release);
        let mut notes = self.notes();
        self.file(&mut notes, End::Complete, None);
        let came = notes.next_began().unwrap_or(known.read);
        let record = self.journal.record(known, came);
        notes.latest = Some(record.seq());
        notes.current = Some(record);
    }

    /// So many bytes left.
    pub(super) fn wrote(&self, bytes: usize, at: Instant) {
        if let Some(record) = &mut self.notes().current {
            record.wrote(bytes, at);
        }
    }

    /// What an upstream said, which is known when all of it has come.
    pub(super) fn said(&self, said: impl FnOnce() -> Said) {
        if !self.is_open(None) {
            return;
        }
        // It may be long: who looks does not wait for it.
        let said = said();
        if let Some(record) = &mut self.notes().current {
            record.said(said);
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
        self.file(&mut self.notes(), end, at);
    }

    /// Files what is under way, if anything is, while the notes are held: who looks finds
    /// it here, or there.
    ///
    /// That may be so when the next request comes: HTTP may read it before it has flushed
    /// the answer to the last, the rest of which then counts as the next one's.
    fn file(&self, notes: &mut Notes, end: End, at: Option<Instant>) {
        if let Some(mut record) = notes.current.take() {
            record.ends(end, at);
            self.journal.file(record);
        }
    }

    /// Copies what is under way.
    pub(super) fn copy(&self, to: &mut Vec<Slab>) {
        if let Some(record) = &self.notes().current {
            match to.last_mut().filter(|slab| !slab.is_full()) {
                Some(slab) => slab.file(record),
                None => to.push(Slab::of(record)),
            }
        }
    }

    /// Whether something is under way; in this session, if one is named.
    pub(super) fn is_open(&self, session: Option<&str>) -> bool {
        self.notes().current.as_ref().is_some_and(|record| record.is_of(session))
    }

    /// Forgets what is under way; only in this session, if one is named.
    pub(super) fn forget(&self, session: Option<&str>) {
        drop(self.notes().current.take_if(|record| record.is_of(session)));
    }

    /// What comes next on the connection is none of the journal's.
    pub(super) fn leave(&self) {
        let mut notes = self.notes();
        self.file(&mut notes, End::Complete, None);
        notes.next_began();
        notes.latest = None;
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
        let (latest, gone) = {
            let mut notes = self.notes();
            (notes.latest.take(), notes.gone.take())
        };
        if let (Some(latest), Some((gone, at))) = (latest, gone) {
            self.journal.note_left(latest, gone, at);
        }
        self.end(End::Left, Some(gone.map_or_else(Instant::now, |(_, at)| at)));
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        // A task that is given up, as when the runtime ends, has closed nothing.
        self.end(End::Cut("close"), Some(Instant::now()));
        self.journal.tape_is_gone(self.number);
    }
}
