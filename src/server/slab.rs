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
#[derive(Clone, Debug, Default)]
pub(super) struct Slab {
    filed: Vec<Filed>,
    /// Their numbers.
    seqs: Vec<u64>,
    texts: Vec<u8>,
    writes: Vec<Write>,
    layers: Vec<(usize, u64)>,
    sessions: Vec<Arc<Session>>,
    rules: Vec<Arc<Rules>>,
    earliest: u64,
    /// The number of the latest exchange.
    pub(super) latest: u64,
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
    session: usize,
    rules: Option<usize>,
}

impl Slab {
    /// Takes in what a record has, if it is over.
    pub(super) fn file(&mut self, record: &mut Record) -> bool {
        if record.is_open() {
            return false;
        }
        let places = record.view(|view| self.places(view));
        let (mut facts, progress, number) = record.take();
        facts.by.layers = Vec::new();
        self.add(Filed { facts, progress, number, places });
        true
    }

    /// Copies what is kept elsewhere of one; tells where.
    fn places(&mut self, view: &View<'_>) -> Places {
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
            session: place(&mut self.sessions, view.session),
            rules: view.rules.map(|rules| place(&mut self.rules, rules)),
        }
    }

    fn add(&mut self, filed: Filed) {
        let seq = filed.facts.seq;
        self.earliest = if self.is_empty() { seq } else { self.earliest.min(seq) };
        self.latest = self.latest.max(seq);
        self.seqs.push(seq);
        self.filed.push(filed);
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

    /// How many are later than this one, and their bytes, about. Most lie close together;
    /// some are of connections that did nothing for long.
    pub(super) fn after(&self, seq: u64) -> (usize, u64) {
        if self.earliest > seq {
            return (self.len(), self.size());
        }
        let count = self.seqs.iter().filter(|own| **own > seq).count();
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
        self.seqs[at]
    }

    pub(super) fn session(&self, at: usize) -> &Arc<Session> {
        &self.sessions[self.filed[at].places.session]
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
            let places = self.view(at, |view| others.places(view));
            others.add(Filed { places, ..filed.clone() });
        }
        others
    }

    /// Forgets all, but keeps the memory.
    pub(super) fn clear(&mut self) {
        self.filed.clear();
        self.seqs.clear();
        self.texts.clear();
        self.writes.clear();
        self.layers.clear();
        self.sessions.clear();
        self.rules.clear();
        self.latest = 0;
    }

    /// Gives back the memory that it does not use.
    pub(super) fn shrink(&mut self) {
        self.filed.shrink_to_fit();
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
