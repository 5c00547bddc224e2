//! Exchanges that are over, or copied to be looked at, one behind the other in one piece
//! of memory.
//!
//! An exchange that stays where it came to be would lie wherever there was room, and so
//! would the next: to write there, a processor waits for memory each time. In a row it
//! need not wait, and what goes is given back, or written over, as a whole.

use std::{mem::size_of, sync::Arc};

use super::{
    compact::Compact,
    record::{Facts, Progress, Record, Write},
    session::Session,
    view::View,
};
use crate::select::Rules;

/// Bytes of texts and writes at which a slab is full.
const FULL: usize = 256 << 10;

/// Bytes of texts that a slab has room for, unless one of them is long.
const ROOM: usize = FULL + (64 << 10);

/// Bytes that an exchange takes besides its texts, about.
const OVERHEAD: usize = size_of::<Filed>() + size_of::<Arrival>();

/// How far back it is looked for a session that is there already.
const LOOK_BACK: usize = 4;

/// Exchanges that change no more.
#[derive(Debug, Default)]
pub(super) struct Slab {
    filed: Vec<Filed>,
    /// What is asked of all of them.
    arrivals: Vec<Arrival>,
    texts: Vec<u8>,
    writes: Vec<Write>,
    layers: Vec<(usize, u64)>,
    sessions: Vec<Arc<Session>>,
    /// How many are of each of these.
    counts: Vec<u64>,
    rules: Vec<Arc<Rules>>,
}

/// One of them, as it is looked for.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    seq: u64,
    /// The number of its end among all; 0 while it has none.
    end: u64,
    /// Which of the sessions it is of.
    session: u32,
}

/// One of them.
#[derive(Clone, Debug)]
struct Filed {
    facts: Facts,
    progress: Progress,
    places: Places,
}

/// Where something is in a slab's lists.
#[derive(Clone, Copy, Debug)]
struct Places {
    /// The request, and the answer's head.
    request: Place,
    answer: Place,
    writes: Place,
    layers: Place,
    /// Which of the rules.
    rules: Option<u32>,
}

/// From here to there; a slab is far smaller than four gigabytes.
#[derive(Clone, Copy, Debug)]
struct Place(u32, u32);

impl Place {
    /// The place of these at the end of a list.
    fn add<T: Copy>(list: &mut Vec<T>, more: &[T]) -> Self {
        let start = list.len();
        // Most have none of most things.
        if !more.is_empty() {
            list.extend_from_slice(more);
        }
        Self(number(start), number(list.len()))
    }

    fn of<T>(self, list: &[T]) -> &[T] {
        &list[self.0 as usize..self.1 as usize]
    }

    fn len(self) -> usize {
        (self.1 - self.0) as usize
    }
}

impl Slab {
    /// With what a record has.
    pub(super) fn of(record: &Record) -> Self {
        let mut slab = Self::default();
        slab.file(record);
        slab
    }

    /// Takes in what a record has.
    pub(super) fn file(&mut self, record: &Record) {
        self.put(&record.view(), 0);
    }

    /// Takes in an exchange whose end has this number, or none.
    fn put(&mut self, view: &View<'_>, number: u64) {
        let session = place(&mut self.sessions, view.session);
        self.counts.resize(self.sessions.len(), 0);
        self.counts[session as usize] += 1;
        self.arrivals.push(Arrival { seq: view.facts.seq, end: number, session });
        if self.texts.capacity() == 0 {
            self.texts.reserve_exact(ROOM);
        }
        let places = Places {
            request: Place::add(&mut self.texts, view.kept.bytes),
            answer: Place::add(&mut self.texts, view.kept.answer),
            writes: Place::add(&mut self.writes, view.writes),
            layers: Place::add(&mut self.layers, view.layers),
            rules: view.rules.map(|rules| place(&mut self.rules, rules)),
        };
        self.filed.push(Filed { facts: view.facts.clone(), progress: view.progress.clone(), places });
    }

    pub(super) fn is_full(&self) -> bool {
        self.texts.len() + self.writes.len() * size_of::<Write>() >= FULL
    }

    pub(super) fn len(&self) -> usize {
        self.filed.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.filed.is_empty()
    }

    /// The numbers of the earliest and the latest exchange. Most lie close together; some
    /// are of connections that did nothing for long.
    pub(super) fn span(&self) -> (u64, u64) {
        let seqs = self.arrivals.iter().map(|one| one.seq);
        (seqs.clone().min().unwrap_or_default(), seqs.max().unwrap_or_default())
    }

    /// How many are later than this one, and their bytes, about.
    pub(super) fn after(&self, seq: u64) -> (usize, u64) {
        let count = self.arrivals.iter().filter(|one| one.seq > seq).count();
        (count, self.size() * count as u64 / self.len().max(1) as u64)
    }

    /// Bytes that it takes, about.
    pub(super) fn size(&self) -> u64 {
        (self.texts.len() + self.writes.len() * size_of::<Write>() + self.filed.len() * OVERHEAD) as u64
    }

    /// Bytes that one of them takes, about.
    pub(super) fn size_of(&self, at: usize) -> u64 {
        let Places { request, answer, writes, .. } = self.filed[at].places;
        (request.len() + answer.len() + writes.len() * size_of::<Write>() + OVERHEAD) as u64
    }

    pub(super) fn seq(&self, at: usize) -> u64 {
        self.arrivals[at].seq
    }

    pub(super) fn session(&self, at: usize) -> &Arc<Session> {
        &self.sessions[self.arrivals[at].session as usize]
    }

    /// The number of its end.
    pub(super) fn number(&self, at: usize) -> u64 {
        self.arrivals[at].end
    }

    /// Numbers the ends that have no number, from behind this one; gives back the last.
    pub(super) fn number_ends(&mut self, mut last: u64) -> u64 {
        for arrival in self.arrivals.iter_mut().filter(|arrival| arrival.end == 0) {
            last += 1;
            arrival.end = last;
        }
        last
    }

    /// Whether it had not ended when it was taken in.
    pub(super) fn is_open(&self, at: usize) -> bool {
        self.filed[at].progress.end.is_none()
    }

    pub(super) fn view(&self, at: usize) -> View<'_> {
        let Filed { facts, progress, places } = &self.filed[at];
        View {
            facts,
            session: self.session(at),
            rules: places.rules.map(|at| &self.rules[at as usize]),
            kept: Compact {
                bytes: places.request.of(&self.texts),
                answer: places.answer.of(&self.texts),
                shape: facts.shape,
            },
            progress,
            writes: places.writes.of(&self.writes),
            layers: places.layers.of(&self.layers),
        }
    }

    /// The sessions, and how many are of each.
    pub(super) fn sessions(&self) -> impl Iterator<Item = (&Session, u64)> {
        self.sessions.iter().map(AsRef::as_ref).zip(self.counts.iter().copied())
    }

    /// The session of each from this number on.
    pub(super) fn sessions_since(&self, first: u64) -> impl Iterator<Item = &Session> {
        let since = self.arrivals.iter().filter(move |one| one.seq >= first);
        since.map(|one| self.sessions[one.session as usize].as_ref())
    }

    /// The numbers of this session's.
    pub(super) fn numbers_of(&self, session: &str) -> impl Iterator<Item = u64> {
        let own = (0..self.len()).filter(move |at| self.session(*at).name() == session);
        own.map(|at| self.seq(at))
    }

    /// Whether it has something of this session.
    pub(super) fn has(&self, session: &str) -> bool {
        self.sessions.iter().any(|own| own.name() == session)
    }

    /// The same without this session.
    pub(super) fn without(&self, session: &str) -> Self {
        let mut others = Self::default();
        for at in (0..self.len()).filter(|at| self.session(*at).name() != session) {
            others.put(&self.view(at), self.number(at));
        }
        others
    }

    /// Forgets all, but keeps the memory that most need.
    pub(super) fn clear(&mut self) {
        self.filed.clear();
        self.arrivals.clear();
        self.texts.clear();
        self.texts.shrink_to(ROOM);
        self.writes.clear();
        self.layers.clear();
        self.sessions.clear();
        self.counts.clear();
        self.rules.clear();
    }

    /// Gives back the memory that it does not use.
    pub(super) fn shrink(&mut self) {
        self.filed.shrink_to_fit();
        self.arrivals.shrink_to_fit();
        self.texts.shrink_to_fit();
        self.writes.shrink_to_fit();
        self.layers.shrink_to_fit();
    }
}

/// Where this stands in a list, at the end of which it is added if it was not there of
/// late.
fn place<T>(list: &mut Vec<Arc<T>>, one: &Arc<T>) -> u32 {
    let from = list.len().saturating_sub(LOOK_BACK);
    let known = list[from..].iter().rposition(|other| Arc::ptr_eq(other, one));
    let at = known.map_or(list.len(), |at| from + at);
    if known.is_none() {
        list.push(Arc::clone(one));
    }
    number(at)
}

fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
