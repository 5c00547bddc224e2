//! The journal of a server: its exchanges from the moment at which they are answered,
//! the latest of them.
//!
//! What is under way is on the tape of its connection. When it is over, whoever answers
//! files it without waiting for the row that readers look at: into the lane of the own
//! thread, from where it comes into that.

use std::{
    cell::Cell,
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak,
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
    tape::Tape,
};
use crate::journal::{Entry, Gone, calls};

/// Exchanges that a journal keeps, where nothing else is said.
pub const JOURNAL_ENTRIES: usize = 50_000;

/// Bytes that a journal keeps, where nothing else is said: 64 MiB.
pub const JOURNAL_BYTES: u64 = 64 << 20;

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

/// The exchanges of a server.
#[derive(Debug)]
pub(super) struct Journal {
    bounds: Bounds,
    start: Instant,
    wall: Timestamp,
    next: Apart<AtomicU64>,
    lanes: Box<[Apart<Mutex<Lane>>]>,
    tapes: Mutex<Tapes>,
    row: Mutex<Row>,
    /// How many connections were closed behind one.
    left: AtomicU64,
    resets: AtomicU64,
    /// How many wait for the next end: where nobody does, nothing rings.
    followers: AtomicUsize,
    /// Rings when one has ended.
    news: Notify,
}

/// Those who have what is under way, each by a number that no other had.
#[derive(Debug, Default)]
struct Tapes {
    count: u64,
    all: BTreeMap<u64, Weak<Tape>>,
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
            tapes: Mutex::default(),
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

    /// The tape that is made with this number.
    pub(super) fn tape(&self, make: impl FnOnce(u64) -> Tape) -> Arc<Tape> {
        let mut tapes = hold(&self.tapes);
        tapes.count += 1;
        let number = tapes.count;
        let tape = Arc::new(make(number));
        tapes.all.insert(number, Arc::downgrade(&tape));
        tape
    }

    /// The tape of this number is no more.
    pub(super) fn tape_is_gone(&self, number: u64) {
        hold(&self.tapes).all.remove(&number);
    }

    /// The record of an exchange that begins. Whoever asks holds the tape that it is for,
    /// so that a reader who has seen this number given away finds it there.
    pub(super) fn record(&self, known: &mut Known<'_>, came: Instant) -> Box<Record> {
        let spare = hold(self.own_lane()).spare.pop();
        Record::of(spare, (self.next.0.fetch_add(1, Ordering::Relaxed), came), known)
    }

    /// Files what is over, and tells those who wait for that.
    pub(super) fn file(&self, record: Box<Record>) {
        let mut lane = hold(self.own_lane());
        if lane.file(record) {
            self.relieve(&mut lane);
        }
        drop(lane);
        if self.followers.load(Ordering::SeqCst) > 0 {
            self.news.notify_waiters();
        }
    }

    /// Has the row take what fills a lane, unless somebody has it: then that one takes it,
    /// or the next does.
    fn relieve(&self, lane: &mut Lane) {
        match self.row.try_lock() {
            Ok(mut row) => row.take_full(lane),
            Err(TryLockError::Poisoned(row)) => row.into_inner().take_full(lane),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    fn own_lane(&self) -> &Mutex<Lane> {
        &self.lanes[own_lane()].0
    }

    /// Those of the connections that there are.
    fn tapes(&self) -> Vec<Arc<Tape>> {
        hold(&self.tapes).all.values().filter_map(Weak::upgrade).collect()
    }

    /// Has the row take what lanes have.
    fn gather(&self, row: &mut Row) {
        for lane in &self.lanes {
            // Who files waits for no more than this.
            let lane = hold(&lane.0).take();
            row.take(lane);
        }
    }

    /// All that it has, in the order of arrival; and a number below which none is missed
    /// that is not forgotten.
    fn all(&self) -> (Vec<Seen>, u64) {
        let mut row = hold(&self.row);
        // What has a number is under way, and seen there; or filed, and seen then; or both.
        // What gets one from now on may be seen or not.
        let next = self.next.0.load(Ordering::Relaxed);
        let mut live = Vec::new();
        self.tapes().iter().for_each(|tape| tape.copy(&mut live));
        self.gather(&mut row);
        (row.seen(live, next), next)
    }

    /// What it has of a session, or of all; in the order of arrival.
    fn seen(&self, session: Option<&str>) -> Vec<Seen> {
        let (mut all, next) = self.all();
        all.retain(|one| one.seq() < next && one.is_of(session));
        all
    }

    /// The same as values, calls and attempts numbered.
    pub(super) fn entries(&self, session: Option<&str>) -> Vec<Entry> {
        let mut entries: Vec<_> = self.seen(session).iter().map(|one| one.entry(self)).collect();
        calls::number(&mut entries);
        entries
    }

    /// What has ended since the end of this number, with its numbers in their order. It is
    /// numbered by whoever looks.
    pub(super) fn ended_after(&self, number: u64, session: Option<&str>) -> Vec<(u64, Seen)> {
        let numbered = self.all().0.into_iter().map(|one| (one.number(), one));
        let mut ended: Vec<_> = numbered.filter(|(own, one)| *own > number && one.is_of(session)).collect();
        ended.sort_by_key(|(number, _)| *number);
        ended
    }

    /// The number of the latest end.
    pub(super) fn latest_end(&self) -> u64 {
        let mut row = hold(&self.row);
        self.gather(&mut row);
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
        self.tapes().iter().filter(|tape| tape.is_open(session)).count()
    }

    /// The client closed the connection behind the exchange of this number.
    pub(super) fn note_left(&self, seq: u64, gone: Gone, at: Instant) {
        let mut lane = hold(self.own_lane());
        if lane.note_left(seq, (gone, at)) {
            self.relieve(&mut lane);
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
        let mut row = hold(&self.row);
        self.tapes().iter().for_each(|tape| tape.forget(session));
        self.gather(&mut row);
        row.clear(session);
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, u64) {
        hold(&self.row).held()
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
