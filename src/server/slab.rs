//! Exchanges that are over, one behind the other in one piece of memory.
//!
//! An exchange that stays where it came to be would lie wherever there was room, and so
//! would the next: to write there, a processor waits for memory each time. In a row it
//! need not wait, and what goes is given back, or written over, as a whole.

use std::{mem::size_of, ops::Range, sync::Arc};

use super::{
    compact::Compact,
    record::{Facts, Progress, Record, Write},
    session::Session,
    view::View,
};
use crate::select::Rules;

/// Bytes of texts at which a slab is full.
const FULL: usize = 256 << 10;

/// Bytes of texts that a slab has room for, unless one of them is long.
const ROOM: usize = FULL + (64 << 10);

/// Bytes that an exchange takes besides its texts, about.
const OVERHEAD: usize = size_of::<Filed>();

/// How far back it is looked for a session that is there already.
const LOOK_BACK: usize = 4;

/// Exchanges that are over.
#[derive(Debug, Default)]
pub(super) struct Slab {
    filed: Vec<Filed>,
    /// Whose they are, and their numbers: what is asked of all of them.
    arrivals: Vec<Arrival>,
    texts: Vec<u8>,
    writes: Vec<Write>,
    layers: Vec<(usize, u64)>,
    sessions: Vec<Arc<Session>>,
    rules: Vec<Arc<Rules>>,
}

/// One of them, as it is looked for.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    seq: u64,
    /// Where its session is in the list.
    session: usize,
}

/// One of them.
#[derive(Clone, Debug)]
struct Filed {
    facts: Facts,
    progress: Progress,
    /// The number of its end among all; 0 while it has none.
    number: u64,
    places: Places,
}

/// Where something is in a slab's lists.
#[derive(Clone, Debug)]
struct Places {
    texts: Range<usize>,
    /// Where the answer begins in the texts.
    answer: usize,
    writes: Range<usize>,
    layers: Range<usize>,
    rules: Option<usize>,
}

impl Slab {
    /// Takes in what a record has, which is over.
    pub(super) fn file(&mut self, record: &mut Record) {
        let places = record.view_own(|view| self.arrived(view));
        let (mut facts, progress, number) = record.take();
        facts.by.layers = Vec::new();
        self.filed.push(Filed { facts, progress, number, places });
    }

    /// Lists one, and copies what is kept elsewhere of it; tells where.
    fn arrived(&mut self, view: &View<'_>) -> Places {
        let session = place(&mut self.sessions, view.session);
        self.arrivals.push(Arrival { seq: view.facts.seq, session });
        if self.texts.capacity() == 0 {
            self.texts.reserve_exact(ROOM);
        }
        let (texts, writes, layers) = (self.texts.len(), self.writes.len(), self.layers.len());
        self.texts.extend_from_slice(view.kept.bytes);
        let answer = self.texts.len();
        self.texts.extend_from_slice(view.kept.answer);
        self.writes.extend_from_slice(view.writes);
        self.layers.extend_from_slice(view.layers);
        Places {
            texts: texts..self.texts.len(),
            answer,
            writes: writes..self.writes.len(),
            layers: layers..self.layers.len(),
            rules: view.rules.map(|rules| place(&mut self.rules, rules)),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.texts.len() >= FULL
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
        (self.texts.len() + self.filed.len() * OVERHEAD) as u64
    }

    /// Bytes that one of them takes, about.
    pub(super) fn size_of(&self, at: usize) -> u64 {
        (self.filed[at].places.texts.len() + OVERHEAD) as u64
    }

    pub(super) fn seq(&self, at: usize) -> u64 {
        self.arrivals[at].seq
    }

    pub(super) fn session(&self, at: usize) -> &Arc<Session> {
        &self.sessions[self.arrivals[at].session]
    }

    /// The number of its end.
    pub(super) fn number(&self, at: usize) -> u64 {
        self.filed[at].number
    }

    /// Numbers the ends that have no number, from behind this one; gives back the last.
    pub(super) fn number_ends(&mut self, mut last: u64) -> u64 {
        for filed in self.filed.iter_mut().filter(|filed| filed.number == 0) {
            last += 1;
            filed.number = last;
        }
        last
    }

    pub(super) fn view<T>(&self, at: usize, look: impl FnOnce(&View<'_>) -> T) -> T {
        let filed = &self.filed[at];
        let Places { texts, answer, .. } = &filed.places;
        look(&View {
            facts: &filed.facts,
            session: self.session(at),
            rules: filed.places.rules.map(|at| &self.rules[at]),
            kept: Compact {
                bytes: &self.texts[texts.start..*answer],
                answer: &self.texts[*answer..texts.end],
                shape: filed.facts.shape,
            },
            progress: &filed.progress,
            writes: &self.writes[filed.places.writes.clone()],
            layers: &self.layers[filed.places.layers.clone()],
        })
    }

    /// The session of each from this number on.
    pub(super) fn sessions_since(&self, first: u64) -> impl Iterator<Item = &Session> {
        let since = self.arrivals.iter().filter(move |one| one.seq >= first);
        since.map(|one| self.sessions[one.session].as_ref())
    }

    /// Whether it has something of this session.
    pub(super) fn has(&self, session: &str) -> bool {
        self.sessions.iter().any(|own| own.name() == session)
    }

    /// The same without this session.
    pub(super) fn without(&self, session: &str) -> Self {
        let mut others = Self::default();
        for (at, filed) in self.filed.iter().enumerate() {
            if self.session(at).name() == session {
                continue;
            }
            let places = self.view(at, |view| others.arrived(view));
            others.filed.push(Filed { places, ..filed.clone() });
        }
        others
    }

    /// Forgets all, but keeps the memory.
    pub(super) fn clear(&mut self) {
        self.filed.clear();
        self.arrivals.clear();
        self.texts.clear();
        self.writes.clear();
        self.layers.clear();
        self.sessions.clear();
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
fn place<T>(list: &mut Vec<Arc<T>>, one: &Arc<T>) -> usize {
    let from = list.len().saturating_sub(LOOK_BACK);
    let known = list[from..].iter().rposition(|other| Arc::ptr_eq(other, one));
    known.map_or_else(
        || {
            list.push(Arc::clone(one));
            list.len() - 1
        },
        |at| from + at,
    )
}
