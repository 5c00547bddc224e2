//! The journal of a server: its exchanges from the moment at which they are answered,
//! the latest of them.
//!
//! Whoever answers hands a record over without waiting: it goes into a queue, and from
//! there into the row that readers look at by whoever comes next and finds the row free.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{sync::Notify, time::Instant};

use super::record::Record;
use crate::journal::{Entry, calls};

/// Exchanges that a journal keeps, where nothing else is said.
pub const JOURNAL_ENTRIES: usize = 50_000;

/// Bytes that a journal keeps, where nothing else is said: 64 MiB.
pub const JOURNAL_BYTES: u64 = 64 << 20;

/// How often those who enter settle what has come: readers do so before they look.
const SETTLE_EVERY: u64 = 16;

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
    next: AtomicU64,
    entering: Sender<Arc<Record>>,
    row: Mutex<Row>,
    /// How many have ended.
    ended: AtomicU64,
    /// How many connections were closed behind one.
    left: AtomicU64,
    /// Held while an end is numbered.
    ending: Mutex<()>,
    resets: AtomicU64,
    /// Rings when one has ended.
    news: Notify,
}

/// What readers look at.
#[derive(Debug)]
struct Row {
    entering: Receiver<Arc<Record>>,
    records: VecDeque<Arc<Record>>,
    bytes: u64,
    /// How many have left to make room, by session.
    forgotten: BTreeMap<String, u64>,
}

/// How full a journal is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fullness {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) open: u64,
    pub(super) forgotten: u64,
}

impl Journal {
    pub(super) fn new(bounds: Bounds) -> Self {
        let (entering, queue) = channel();
        let row = Row { entering: queue, records: VecDeque::new(), bytes: 0, forgotten: BTreeMap::new() };
        Self {
            bounds,
            start: Instant::now(),
            wall: Timestamp::now(),
            next: AtomicU64::new(1),
            entering,
            row: Mutex::new(row),
            ended: AtomicU64::new(0),
            left: AtomicU64::new(0),
            ending: Mutex::default(),
            resets: AtomicU64::new(0),
            news: Notify::new(),
        }
    }

    /// Whether anything is kept.
    pub(super) fn is_on(&self) -> bool {
        self.bounds.entries > 0
    }

    /// The number of the next exchange.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes an exchange in.
    pub(super) fn enter(&self, record: &Arc<Record>) {
        // Its other end is as old as this one.
        drop(self.entering.send(Arc::clone(record)));
        if !record.seq.is_multiple_of(SETTLE_EVERY) {
            return;
        }
        match self.row.try_lock() {
            Ok(mut row) => row.settle(self.bounds),
            Err(TryLockError::Poisoned(row)) => row.into_inner().settle(self.bounds),
            // Whoever has it settles it, or the next one does.
            Err(TryLockError::WouldBlock) => {}
        }
    }

    /// Numbers an end, and tells those who follow: whoever sees a number sees all below.
    pub(super) fn note_end(&self, own: &AtomicU64) {
        {
            let _one = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
            let number = self.ended.load(Ordering::Acquire) + 1;
            own.store(number, Ordering::Release);
            self.ended.store(number, Ordering::Release);
        }
        self.news.notify_waiters();
    }

    /// Waits until an exchange ends.
    pub(super) fn news(&self) -> &Notify {
        &self.news
    }

    fn row(&self) -> MutexGuard<'_, Row> {
        let mut row = self.row.lock().unwrap_or_else(PoisonError::into_inner);
        row.settle(self.bounds);
        row
    }

    /// What it has of a session, or of all; in the order of arrival.
    pub(super) fn records(&self, session: Option<&str>) -> Vec<Arc<Record>> {
        let is_meant = |record: &&Arc<Record>| session.is_none_or(|name| record.session.name() == name);
        let mut records: Vec<_> = self.row().records.iter().filter(is_meant).cloned().collect();
        records.sort_by_key(|record| record.seq);
        records
    }

    /// The same as values, calls and attempts numbered.
    pub(super) fn entries(&self, session: Option<&str>, detail: Detail) -> Vec<Entry> {
        let mut entries: Vec<_> =
            self.records(session).iter().map(|record| record.entry(self, detail)).collect();
        calls::number(&mut entries);
        entries
    }

    /// Adds what is left out where entries are judged.
    pub(super) fn complete(&self, entry: &mut Entry) {
        let records = self.row().records.iter().find(|record| record.seq == entry.seq).cloned();
        if let Some(record) = records {
            entry.answer.payload = record.payload();
        }
    }

    /// What has ended since the end of this number.
    pub(super) fn ended_after(&self, number: u64, session: Option<&str>) -> Vec<Arc<Record>> {
        let is_new = |record: &Arc<Record>| record.ended().is_some_and(|ended| ended > number);
        let mut records = self.records(session);
        records.retain(is_new);
        records
    }

    /// How many exchanges have ended.
    pub(super) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Acquire)
    }

    /// A number that is another whenever something has changed.
    pub(super) fn changes(&self) -> u64 {
        let all = [&self.next, &self.ended, &self.left];
        all.into_iter().map(|count| count.load(Ordering::Acquire)).fold(0, u64::wrapping_add)
    }

    /// A client closed a connection behind an exchange.
    pub(super) fn note_left(&self) {
        self.left.fetch_add(1, Ordering::AcqRel);
    }

    /// How many entries each session has.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for record in &self.row().records {
            *counts.entry(record.session.name().to_owned()).or_default() += 1;
        }
        counts
    }

    /// How many have left to make room, by session.
    pub(super) fn forgotten(&self) -> BTreeMap<String, u64> {
        self.row().forgotten.clone()
    }

    /// How often it was told to forget.
    pub(super) fn resets(&self) -> u64 {
        self.resets.load(Ordering::Relaxed)
    }

    /// Forgets what it has of a session, or of all.
    pub(super) fn clear(&self, session: Option<&str>) {
        self.resets.fetch_add(1, Ordering::Relaxed);
        let mut row = self.row();
        let Some(name) = session else {
            row.records.clear();
            row.forgotten.clear();
            row.bytes = 0;
            return;
        };
        row.forgotten.remove(name);
        row.records.retain(|record| record.session.name() != name);
        row.bytes = row.records.iter().map(|record| record.size).sum();
    }

    pub(super) fn fullness(&self) -> Fullness {
        let row = self.row();
        Fullness {
            entries: row.records.len() as u64,
            bytes: row.bytes,
            open: row.records.iter().filter(|record| record.is_open()).count() as u64,
            forgotten: row.forgotten.values().sum(),
        }
    }

    /// Whether some exchange is under way.
    pub(super) fn has_open(&self, session: Option<&str>) -> bool {
        let row = self.row();
        let mut records = row.records.iter();
        records.any(|record| session.is_none_or(|name| record.session.name() == name) && record.is_open())
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

impl Row {
    /// Takes in what waits, and lets the oldest go.
    fn settle(&mut self, bounds: Bounds) {
        while let Ok(record) = self.entering.try_recv() {
            self.bytes += record.size;
            self.records.push_back(record);
            while self.records.len() > bounds.entries || (self.bytes > bounds.bytes && self.records.len() > 1)
            {
                let Some(oldest) = self.records.pop_front() else { break };
                self.bytes = self.bytes.saturating_sub(oldest.size);
                let name = oldest.session.name();
                match self.forgotten.get_mut(name) {
                    Some(count) => *count += 1,
                    None => drop(self.forgotten.insert(name.to_owned(), 1)),
                }
            }
        }
    }
}
