//! The journal of a server: its exchanges from the moment at which they are answered,
//! the latest of them.
//!
//! Whoever answers enters without waiting: into the lane of the own thread, from where
//! it comes into the row that readers look at.

use std::{
    cell::Cell,
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{Notify, futures::Notified},
    time::Instant,
};

use super::{
    record::{Known, Record},
    row::{Lane, Row, Seen},
};
use crate::journal::{Entry, Gone, calls};

/// Exchanges that a journal keeps, where nothing else is said.
pub const JOURNAL_ENTRIES: usize = 50_000;

/// Bytes that a journal keeps, where nothing else is said: 64 MiB.
pub const JOURNAL_BYTES: u64 = 64 << 20;

/// Clients that left whom a lane remembers before the row does.
const MOST_LEFT: usize = 256;

/// Threads that do not share a lane.
const LANES: usize = 16;

/// How much a journal keeps; the oldest leave first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) entries: usize,
    pub(super) bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { entries: JOURNAL_ENTRIES, bytes: JOURNAL_BYTES }
    }
}

/// How much of an exchange is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// All but what takes long and is never judged.
    Judged,
    /// All.
    All,
}

/// The exchanges of a server.
#[derive(Debug)]
pub(super) struct Journal {
    bounds: Bounds,
    start: Instant,
    wall: Timestamp,
    next: Apart<AtomicU64>,
    lanes: Box<[Apart<Mutex<Lane>>]>,
    row: Mutex<Row>,
    /// How many connections were closed behind one.
    left: AtomicU64,
    resets: AtomicU64,
    /// How many wait for the next end: where nobody does, nothing rings.
    followers: AtomicUsize,
    /// Rings when one has ended.
    news: Notify,
}

/// What threads write to: in a line of a processor's cache, with its neighbour, that
/// nothing else is in.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart<T>(T);

/// Somebody who waits for ends.
#[derive(Debug)]
pub(super) struct Following {
    journal: Arc<Journal>,
}

impl Following {
    pub(super) fn new(journal: &Arc<Journal>) -> Self {
        // Whoever ends an exchange from now on sees it, or is seen by the first look.
        journal.followers.fetch_add(1, Ordering::SeqCst);
        Self { journal: Arc::clone(journal) }
    }

    /// Rings when an exchange ends.
    pub(super) fn news(&self) -> Notified<'_> {
        self.journal.news.notified()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.journal.followers.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How full a journal is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fullness {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) open: u64,
    pub(super) forgotten: u64,
}

/// The lane of the thread that asks.
fn own_lane() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<Option<usize>> = const { Cell::new(None) };
    }
    OWN.get().unwrap_or_else(|| {
        let own = NEXT.fetch_add(1, Ordering::Relaxed) % LANES;
        OWN.set(Some(own));
        own
    })
}

fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            start: Instant::now(),
            wall: Timestamp::now(),
            next: Apart(AtomicU64::new(1)),
            lanes: (0..LANES).map(|_| Apart::default()).collect(),
            row: Mutex::new(Row::new(bounds)),
            left: AtomicU64::new(0),
            resets: AtomicU64::new(0),
            followers: AtomicUsize::new(0),
            news: Notify::new(),
        }
    }

    /// Whether anything is kept.
    pub(super) fn is_on(&self) -> bool {
        self.bounds.entries > 0
    }

    /// Takes an exchange in.
    pub(super) fn enter(&self, known: Known<'_>) -> Arc<Record> {
        let mut lane = hold(&self.lanes[own_lane()].0);
        // Numbered while the lane is held: who holds all lanes misses none below another.
        let seq = self.next.0.fetch_add(1, Ordering::Relaxed);
        while lane.is_full() {
            match self.row.try_lock() {
                Ok(mut row) => row.take(&mut lane),
                Err(TryLockError::Poisoned(row)) => row.into_inner().take(&mut lane),
                // Whoever has it takes it, or the next one does.
                Err(TryLockError::WouldBlock) => break,
            }
        }
        lane.enter(seq, known)
    }

    /// An exchange has ended: tells those who wait for that.
    pub(super) fn note_end(&self) {
        if self.followers.load(Ordering::SeqCst) > 0 {
            self.news.notify_waiters();
        }
    }

    /// All lanes, held. Who has one does not wait for the row.
    fn lanes(&self) -> Vec<MutexGuard<'_, Lane>> {
        self.lanes.iter().map(|lane| hold(&lane.0)).collect()
    }

    /// What it has of a session, or of all; in the order of arrival.
    fn seen(&self, session: Option<&str>) -> Vec<Seen> {
        let mut row = hold(&self.row);
        let live = row.gather(self.lanes());
        let mut all = row.seen(live);
        all.retain(|one| one.is_of(session));
        all
    }

    /// The same as values, calls and attempts numbered.
    pub(super) fn entries(&self, session: Option<&str>, detail: Detail) -> Vec<Entry> {
        let mut entries: Vec<_> = self.seen(session).iter().map(|one| one.entry(self, detail)).collect();
        calls::number(&mut entries);
        entries
    }

    /// Adds what is left out where entries are judged.
    pub(super) fn complete(&self, entries: &mut [Entry]) {
        let seen = self.seen(None);
        for entry in entries {
            if let Ok(at) = seen.binary_search_by_key(&entry.seq, Seen::seq) {
                entry.answer.payload = seen[at].payload();
            }
        }
    }

    /// What has ended since the end of this number, with its numbers in their order. It is
    /// numbered by whoever looks.
    pub(super) fn ended_after(&self, number: u64, session: Option<&str>) -> Vec<(u64, Seen)> {
        let numbered = self.seen(session).into_iter().map(|one| (one.number(), one));
        let mut ended: Vec<_> = numbered.filter(|(own, _)| *own > number).collect();
        ended.sort_by_key(|(number, _)| *number);
        ended
    }

    /// The number of the latest end.
    pub(super) fn latest_end(&self) -> u64 {
        let mut row = hold(&self.row);
        row.gather(self.lanes());
        row.numbered
    }

    /// What is different whenever something has changed: how many have come, how many are
    /// under way, and behind how many the client closed.
    pub(super) fn changes(&self) -> (u64, usize, u64) {
        let open = self.open(None);
        (self.next.0.load(Ordering::Relaxed), open, self.left.load(Ordering::Acquire))
    }

    /// How many are under way.
    pub(super) fn open(&self, session: Option<&str>) -> usize {
        let is_meant = |record: &&Arc<Record>| {
            record.is_open() && session.is_none_or(|name| record.entered.session.name() == name)
        };
        self.lanes().iter().map(|lane| lane.entered.iter().filter(is_meant).count()).sum()
    }

    /// The client closed the connection behind the exchange of this number.
    pub(super) fn note_left(&self, seq: u64, gone: Gone, at: Instant) {
        let mut lane = hold(&self.lanes[own_lane()].0);
        lane.left.push((seq, (gone, at)));
        // A thread where connections end need not be one where exchanges are entered.
        if lane.left.len() >= MOST_LEFT
            && let Ok(mut row) = self.row.try_lock()
        {
            row.take_left(&mut lane);
        }
        self.left.fetch_add(1, Ordering::AcqRel);
    }

    /// How many entries each session has.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for one in self.seen(None) {
            *counts.entry(one.session().name().to_owned()).or_default() += 1;
        }
        counts
    }

    /// How many have left to make room, by session.
    pub(super) fn forgotten(&self) -> BTreeMap<String, u64> {
        // Who looks is who counts.
        self.seen(None);
        hold(&self.row).forgotten.clone()
    }

    /// How often it was told to forget.
    pub(super) fn resets(&self) -> u64 {
        self.resets.load(Ordering::Relaxed)
    }

    /// Forgets what it has of a session, or of all.
    pub(super) fn clear(&self, session: Option<&str>) {
        self.resets.fetch_add(1, Ordering::Relaxed);
        hold(&self.row).clear(session, self.lanes());
    }

    pub(super) fn fullness(&self) -> Fullness {
        let seen = self.seen(None);
        Fullness {
            entries: seen.len() as u64,
            bytes: seen.iter().map(Seen::size).sum(),
            open: seen.iter().filter(|one| one.is_open()).count() as u64,
            forgotten: hold(&self.row).forgotten.values().sum(),
        }
    }

    /// A moment as it is told: from the start.
    pub(super) fn since_start(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.start)
    }

    /// A moment by the wall clock.
    pub(super) fn by_wall(&self, moment: Instant) -> Timestamp {
        let since = SignedDuration::try_from(self.since_start(moment)).unwrap_or_default();
        self.wall.checked_add(since).unwrap_or(self.wall)
    }
}
