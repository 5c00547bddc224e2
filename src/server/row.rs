//! The latest exchanges, and the lanes by which they come.
//!
//! Each thread has a lane of its own, so that threads do not wait for one another. There
//! an exchange is while somebody may have something to add to it; then it is filed, and
//! its record, which is still in the processor's cache, is that of the next.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, MutexGuard},
};

use tokio::time::Instant;

use super::{
    journal::{Bounds, Detail, Journal},
    record::{Known, Record},
    session::Session,
    slab::Slab,
};
use crate::{
    identity::Payload,
    journal::{Entry, Gone},
};

/// Records that wait to be taken again.
const MOST_RECORDS: usize = 32;

/// Bytes of texts that a record may hold while it waits to be taken again.
const MOST_ROOM: usize = 64 << 10;

/// Slabs that wait to be filled again.
const MOST_SPARE: usize = 4;

/// What a thread has entered.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Those to which something may be added.
    pub(super) entered: Vec<Arc<Record>>,
    /// When clients left behind exchanges of these numbers, in whichever lane.
    pub(super) left: Vec<(u64, Left)>,
    /// Bytes of those that were still under way when it was looked which are over.
    open: u64,
    /// Bytes that came since.
    came: u64,
    /// Whether some are over that the slab had no room for.
    is_behind: bool,
    spare: Vec<Arc<Record>>,
    slab: Slab,
}

/// How and when a client left.
type Left = (Gone, Instant);

/// What readers look at.
#[derive(Debug)]
pub(super) struct Row {
    bounds: Bounds,
    /// By their latest exchange.
    slabs: VecDeque<Placed>,
    /// Empty ones for what comes next.
    spare: Vec<Slab>,
    /// The last number of an end.
    pub(super) numbered: u64,
    /// Those before are forgotten.
    first: u64,
    /// When clients left behind exchanges of these numbers.
    left: BTreeMap<u64, Left>,
    /// How many have left to make room, by session.
    pub(super) forgotten: BTreeMap<String, u64>,
}

/// A slab, and what is asked of it for each that comes: to look into all of them would be
/// to wait for memory all the time.
#[derive(Debug)]
struct Placed {
    earliest: u64,
    latest: u64,
    count: usize,
    bytes: u64,
    slab: Arc<Slab>,
}

impl Placed {
    fn new(slab: Slab) -> Self {
        let (earliest, latest) = slab.span();
        Self { earliest, latest, count: slab.len(), bytes: slab.size(), slab: Arc::new(slab) }
    }

    /// How many are later than this one, and their bytes, about.
    fn after(&self, seq: u64) -> (usize, u64) {
        if self.earliest > seq { (self.count, self.bytes) } else { self.slab.after(seq) }
    }
}

/// An exchange, for as long as somebody looks at it.
#[derive(Debug)]
pub(super) struct Seen {
    place: Place,
    gone: Option<Left>,
}

/// Where it is.
#[derive(Debug)]
enum Place {
    /// In a lane.
    Live(Arc<Record>),
    /// In a slab, at this place.
    Filed(Arc<Slab>, usize),
}

impl Lane {
    /// The record of an exchange.
    pub(super) fn enter(&mut self, seq: u64, known: Known<'_>) -> Arc<Record> {
        let record = self.record(seq, known);
        self.came += record.size();
        self.entered.push(Arc::clone(&record));
        record
    }

    fn record(&mut self, seq: u64, known: Known<'_>) -> Arc<Record> {
        if let Some(mut spare) = self.spare.pop()
            && let Some(record) = Arc::get_mut(&mut spare)
        {
            record.renew(seq, known);
            return spare;
        }
        Arc::new(Record::new(seq, known))
    }

    /// Files what is over; whether the row is to take it.
    pub(super) fn is_full(&mut self) -> bool {
        // What is under way for long is looked at in vain: the more of it, the rarer.
        if self.is_behind || self.came >= 2 * self.open {
            self.file();
        }
        self.slab.is_full()
    }

    fn file(&mut self) {
        (self.came, self.open, self.is_behind) = (0, 0, false);
        let Self { entered, open, is_behind, slab, spare, .. } = self;
        let filed = entered.extract_if(.., |record| {
            match Arc::get_mut(record).filter(|record| !record.is_open()) {
                Some(_) if slab.is_full() => *is_behind = true,
                Some(over) => {
                    slab.file(over);
                    return true;
                }
                None => *open += record.size(),
            }
            false
        });
        for record in filed {
            if spare.len() < MOST_RECORDS && record.entered.room() <= MOST_ROOM {
                spare.push(record);
            }
        }
    }
}

impl Row {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            slabs: VecDeque::new(),
            spare: Vec::new(),
            numbered: 0,
            first: 0,
            left: BTreeMap::new(),
            forgotten: BTreeMap::new(),
        }
    }

    /// Takes what a lane has filed, and lets the oldest go.
    pub(super) fn take(&mut self, lane: &mut Lane) {
        self.put(std::mem::take(&mut lane.slab));
        self.take_left(lane);
        while self.slabs.front().is_some_and(|oldest| self.can_go(oldest)) {
            let Some(oldest) = self.slabs.pop_front() else { break };
            oldest.slab.sessions_since(self.first).for_each(|session| self.forget(session));
            // What came before its latest is beyond the bounds, wherever it is.
            self.left = self.left.split_off(&oldest.latest);
            if let Ok(mut slab) = Arc::try_unwrap(oldest.slab)
                && self.spare.len() < MOST_SPARE
            {
                slab.clear();
                self.spare.push(slab);
            }
        }
        lane.slab = self.spare.pop().unwrap_or_default();
    }

    /// Takes what a lane knows of clients that left.
    pub(super) fn take_left(&mut self, lane: &mut Lane) {
        self.left.extend(lane.left.drain(..));
    }

    fn put(&mut self, mut slab: Slab) {
        if slab.is_empty() {
            return;
        }
        self.numbered = slab.number_ends(self.numbered);
        let slab = Placed::new(slab);
        let later = self.slabs.iter().rev().take_while(|other| other.latest > slab.latest).count();
        self.slabs.insert(self.slabs.len() - later, slab);
    }

    /// Whether what came after all of it is as much as there may be.
    fn can_go(&self, oldest: &Placed) -> bool {
        let after = self.slabs.iter().map(|slab| slab.after(oldest.latest));
        let (count, bytes) = after.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        count >= self.bounds.entries || bytes >= self.bounds.bytes
    }

    fn forget(&mut self, session: &Session) {
        match self.forgotten.get_mut(session.name()) {
            Some(count) => *count += 1,
            None => drop(self.forgotten.insert(session.name().to_owned(), 1)),
        }
    }

    /// Takes what all lanes have filed, and tells what else is in them.
    pub(super) fn gather(&mut self, lanes: Vec<MutexGuard<'_, Lane>>) -> Vec<Arc<Record>> {
        let mut live = Vec::new();
        for mut lane in lanes {
            lane.entered.retain(|record| record.entered.facts.seq >= self.first);
            lane.file();
            let mut slab = std::mem::take(&mut lane.slab);
            self.take_left(&mut lane);
            for record in lane.entered.iter().filter(|record| record.number() == 0 && !record.is_open()) {
                self.numbered += 1;
                record.set_number(self.numbered);
            }
            live.extend(lane.entered.iter().cloned());
            drop(lane);
            slab.shrink();
            self.put(slab);
        }
        live
    }

    /// All that there is besides these, in the order of arrival, within the bounds.
    pub(super) fn seen(&mut self, live: Vec<Arc<Record>>) -> Vec<Seen> {
        let mut all: Vec<_> = live.into_iter().map(Seen::live).collect();
        for Placed { slab, .. } in &self.slabs {
            let places = (0..slab.len()).filter(|at| slab.seq(*at) >= self.first);
            all.extend(places.map(|at| Seen::filed(slab, at)));
        }
        all.sort_by_key(Seen::seq);
        let (mut count, mut bytes) = (0, 0);
        let fits = |one: &&Seen| {
            (count, bytes) = (count + 1, bytes + one.size());
            count <= self.bounds.entries && (bytes <= self.bounds.bytes || count == 1)
        };
        let kept = all.iter().rev().take_while(fits).count();
        for one in all.drain(..all.len() - kept) {
            self.forget(one.session());
        }
        self.first = all.first().map_or(self.first, Seen::seq);
        self.slabs.retain(|placed| placed.latest >= self.first);
        self.left = self.left.split_off(&self.first);
        for (seq, left) in &self.left {
            if let Ok(at) = all.binary_search_by_key(seq, Seen::seq) {
                all[at].gone = Some(*left);
            }
        }
        all
    }

    /// Forgets all of a session, or all.
    pub(super) fn clear(&mut self, session: Option<&str>, lanes: Vec<MutexGuard<'_, Lane>>) {
        for mut lane in lanes {
            lane.file();
            self.put(std::mem::take(&mut lane.slab));
            self.take_left(&mut lane);
            lane.entered.retain(|record| session.is_some_and(|name| record.entered.session.name() != name));
        }
        let Some(name) = session else {
            self.slabs.clear();
            self.left.clear();
            self.forgotten.clear();
            return;
        };
        self.forgotten.remove(name);
        for placed in self.slabs.iter_mut().filter(|placed| placed.slab.has(name)) {
            *placed = Placed::new(placed.slab.without(name));
        }
        self.slabs.retain(|placed| placed.count > 0);
    }
}

impl Seen {
    fn live(record: Arc<Record>) -> Self {
        Self { place: Place::Live(record), gone: None }
    }

    fn filed(slab: &Arc<Slab>, at: usize) -> Self {
        Self { place: Place::Filed(Arc::clone(slab), at), gone: None }
    }

    pub(super) fn seq(&self) -> u64 {
        match &self.place {
            Place::Live(record) => record.entered.facts.seq,
            Place::Filed(slab, at) => slab.seq(*at),
        }
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        match &self.place {
            Place::Live(record) => &record.entered.session,
            Place::Filed(slab, at) => slab.session(*at),
        }
    }

    /// Whether it is of this session; of any where none is named.
    pub(super) fn is_of(&self, session: Option<&str>) -> bool {
        session.is_none_or(|name| self.session().name() == name)
    }

    pub(super) fn is_open(&self) -> bool {
        match &self.place {
            Place::Live(record) => record.is_open(),
            Place::Filed(..) => false,
        }
    }

    /// The number of its end; 0 while it has none.
    pub(super) fn number(&self) -> u64 {
        match &self.place {
            Place::Live(record) => record.number(),
            Place::Filed(slab, at) => slab.number(*at),
        }
    }

    /// Bytes that it takes, about.
    pub(super) fn size(&self) -> u64 {
        match &self.place {
            Place::Live(record) => record.size(),
            Place::Filed(slab, at) => slab.size_of(*at),
        }
    }

    /// All that is known of it.
    pub(super) fn entry(&self, journal: &Journal, detail: Detail) -> Entry {
        let mut entry = match &self.place {
            Place::Live(record) => record.view(|view| view.entry(journal, detail)),
            Place::Filed(slab, at) => slab.view(*at, |view| view.entry(journal, detail)),
        };
        entry.gone = self.gone.map(|(gone, at)| (gone, journal.since_start(at)));
        entry
    }

    /// The hash of what it was meant to say.
    pub(super) fn payload(&self) -> Option<Payload> {
        match &self.place {
            Place::Live(record) => record.view(|view| view.payload()),
            Place::Filed(slab, at) => slab.view(*at, |view| view.payload()),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::{
        dialect,
        journal::End,
        request::Request,
        select::{Rules, facts::Connection},
        server::session::{Limits, Sessions},
    };

    fn with_known<T>(session: &Arc<Session>, text: &str, enter: impl FnOnce(Known<'_>) -> T) -> T {
        let uri = "/v1/chat/completions?a=b".parse().unwrap();
        let mut request = Request::new(http::Method::POST, &uri, HeaderMap::new());
        request.body = text.to_owned().into();
        let now = Instant::now();
        enter(Known {
            request: &request,
            query: "a=b",
            route: &dialect::identify(&request),
            session,
            connection: Connection::default(),
            rules: &Arc::new(Rules::new(Vec::new())),
            by: super::super::record::By::default(),
            seed: 7,
            came: now,
            read: now,
            plan: None,
            payload: None,
        })
    }

    fn entered(journal: &Journal, session: &Arc<Session>, text: &str) -> Arc<Record> {
        let record = with_known(session, text, |known| journal.enter(known));
        record.wrote(text.len(), Instant::now());
        record
    }

    fn over(journal: &Journal, session: &Arc<Session>, text: &str) {
        entered(journal, session, text).ends(journal, End::Complete, None);
    }

    fn texts(journal: &Journal, session: Option<&str>) -> Vec<String> {
        let entries = journal.entries(session, Detail::All);
        assert!(entries.is_sorted_by_key(|entry| entry.seq));
        let text = |entry: &Entry| {
            assert_eq!((entry.request.query("a"), entry.sent), (Some("b"), entry.body_length));
            String::from_utf8(entry.request.body.to_vec()).unwrap()
        };
        entries.iter().map(text).collect()
    }

    #[test]
    fn the_latest_are_kept_whichever_thread_they_came_by() {
        let journal = Journal::new(Bounds { entries: 1000, bytes: u64::MAX });
        let session = Arc::default();
        let held: Vec<_> = std::thread::scope(|scope| {
            let threads = (0..4).map(|_| {
                scope.spawn(|| {
                    let enter = |number: usize| {
                        let record = entered(&journal, &session, &"x".repeat(number));
                        record.ends(&journal, End::Complete, None);
                        // A connection that waits for its next request.
                        number.is_multiple_of(50).then_some(record)
                    };
                    (0..2000).filter_map(enter).collect::<Vec<_>>()
                })
            });
            let threads: Vec<_> = threads.collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let entries = journal.entries(None, Detail::Judged);
        let numbers: Vec<_> = entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(numbers, (7001..=8000).collect::<Vec<_>>());
        assert_eq!(journal.forgotten().values().sum::<u64>(), 7000);
        let ends = journal.ended_after(0, None);
        assert_eq!(ends.len(), 1000);
        assert!(ends.is_sorted_by(|(one, _), (other, _)| one < other), "each has a number of its own");
        drop(held);
        assert_eq!(journal.entries(None, Detail::Judged).len(), 1000);
    }

    #[test]
    fn what_is_added_late_is_told_and_what_is_open_stays_open() {
        let journal = Journal::new(Bounds::default());
        let session = Arc::default();
        let first = entered(&journal, &session, "first");
        first.ends(&journal, End::Complete, None);
        let open = entered(&journal, &session, "open");
        (0..500).for_each(|_| over(&journal, &session, "between"));
        assert_eq!(journal.open(None), 1);
        journal.note_left(1, Gone::Closed, Instant::now());
        drop(first);
        assert_eq!(journal.entries(None, Detail::All)[0].gone.unwrap().0, Gone::Closed);
        open.ends(&journal, End::Left, None);
        drop(open);
        let entries = journal.entries(None, Detail::All);
        assert_eq!((journal.open(None), entries[1].end.unwrap().0), (0, End::Left));
        assert_eq!(texts(&journal, None)[..3], ["first", "open", "between"]);
        assert_eq!(journal.ended_after(0, None).len(), 502);
    }

    #[test]
    fn a_session_is_forgotten_and_the_others_stay_as_they_were() {
        let journal = Journal::new(Bounds::default());
        let sessions = Sessions::new(Limits::default());
        let [a, b] = ["a", "b"].map(|name| sessions.named_so(name.to_owned()).unwrap());
        let looked = |session| texts(&journal, session);
        for number in 0..300 {
            over(&journal, &a, &format!("a{number}"));
            over(&journal, &b, &format!("b{number}"));
            if number == 100 {
                assert_eq!((looked(Some("a")).len(), looked(None).len()), (101, 202));
            }
        }
        journal.clear(Some("a"));
        assert!(looked(Some("a")).is_empty());
        let others: Vec<_> = (0..300).map(|number| format!("b{number}")).collect();
        assert_eq!(looked(None), others);
        assert!(journal.forgotten().is_empty(), "to be told to forget is not to run out of room");
        over(&journal, &a, "again");
        assert_eq!((looked(Some("a")).len(), looked(None).len()), (1, 301));
        journal.clear(None);
        assert!(looked(None).is_empty());
    }

    #[test]
    fn a_journal_full_of_bytes_keeps_the_latest_and_one_at_the_least() {
        let journal = Journal::new(Bounds { entries: usize::MAX, bytes: 1 << 20 });
        let session = Arc::default();
        (0..100).for_each(|number| over(&journal, &session, &format!("{number:050000}")));
        let kept = texts(&journal, None);
        assert!((18..=20).contains(&kept.len()), "{}", kept.len());
        assert!(kept.last().unwrap().ends_with("099"));
        let small = Journal::new(Bounds { entries: usize::MAX, bytes: 10 });
        (0..100).for_each(|number| over(&small, &session, &number.to_string()));
        assert_eq!(texts(&small, None), ["99"]);
    }

    #[test]
    fn connections_that_do_nothing_for_long_do_not_keep_what_others_did() {
        let journal = Journal::new(Bounds::default());
        let (mut row, mut lane) = (Row::new(Bounds { entries: usize::MAX, bytes: 1 << 20 }), Lane::default());
        let session = Arc::default();
        let mut held = VecDeque::new();
        for seq in 1..=20_000 {
            let record = with_known(&session, &"x".repeat(500), |known| lane.enter(seq, known));
            record.ends(&journal, End::Complete, None);
            lane.left.push((seq, (Gone::Closed, Instant::now())));
            if seq % 50 == 0 {
                held.push_back(record);
            }
            if held.len() > 200 {
                held.pop_front();
            }
            if lane.is_full() {
                row.take(&mut lane);
            }
        }
        assert!(row.left.len() < 5_000, "who left behind what is forgotten is forgotten too");
        let size: u64 = row.slabs.iter().map(|placed| placed.bytes).sum();
        assert!((1 << 20..3 << 20).contains(&size), "{size}");
    }

    #[test]
    fn what_is_over_is_filed_in_its_order_however_much_is_under_way() {
        let journal = Journal::new(Bounds::default());
        let (mut row, mut lane) = (Row::new(Bounds::default()), Lane::default());
        let session = Arc::default();
        let text = "x".repeat(500);
        let mut enter = |seq| {
            while lane.is_full() {
                row.take(&mut lane);
            }
            let record = with_known(&session, &text, |known| lane.enter(seq, known));
            (record, lane.entered.len())
        };
        let open: Vec<_> = (1..=1000).map(|seq| enter(seq).0).collect();
        for seq in 1001..=20_000 {
            let (record, entered) = enter(seq);
            record.ends(&journal, End::Complete, None);
            assert!(entered < 4 * open.len(), "{entered}");
        }
        let filed = row.slabs.iter().flat_map(|placed| (0..placed.count).map(|at| placed.slab.seq(at)));
        let filed: Vec<_> = filed.collect();
        assert!(filed.len() > 16_000, "{}", filed.len());
        assert_eq!(filed, (1001..=1000 + filed.len() as u64).collect::<Vec<_>>());
    }
}
