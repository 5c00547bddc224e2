//! The latest exchanges, and the lanes by which they come.
//!
//! Each thread has a lane of its own, so that threads do not wait for one another. There
//! an exchange is filed when it is over, and its record, which is still in the
//! processor's cache, is that of the next.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use tokio::time::Instant;

use super::{
    journal::{Bounds, Journal},
    record::Record,
    session::Session,
    slab::Slab,
};
use crate::journal::{Entry, Gone};

/// Records that wait to be taken again.
const MOST_RECORDS: usize = 32;

/// Bytes that a record may hold while it waits to be taken again.
const MOST_ROOM: usize = 64 << 10;

/// Slabs that wait to be filled again.
const MOST_SPARE: usize = 4;

/// Clients that left whom a lane remembers before the row does.
const MOST_LEFT: usize = 256;

/// What a thread has filed.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Records whose exchanges are filed.
    #[expect(clippy::vec_box, reason = "a record is handed on where it is, and not copied")]
    pub(super) spare: Vec<Box<Record>>,
    /// When clients left behind exchanges of these numbers, in whichever lane.
    left: Vec<(u64, Left)>,
    slab: Slab,
    /// Slabs that are to go to the row.
    full: Vec<Slab>,
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
    slab: Arc<Slab>,
    /// Where it is there.
    at: usize,
    gone: Option<Left>,
}

impl Lane {
    /// Files what is over; whether the row is to take something.
    pub(super) fn file(&mut self, mut record: Box<Record>) -> bool {
        self.slab.file(&record);
        record.rest();
        if self.spare.len() < MOST_RECORDS && record.room() <= MOST_ROOM {
            self.spare.push(record);
        }
        if self.slab.is_full() {
            self.full.push(std::mem::take(&mut self.slab));
        }
        !self.full.is_empty()
    }

    /// A client left behind an exchange of this number; whether the row is to take that.
    pub(super) fn note_left(&mut self, seq: u64, left: Left) -> bool {
        self.left.push((seq, left));
        // A thread where connections end need not be one where exchanges are filed.
        self.left.len() >= MOST_LEFT
    }

    /// Takes out all that is filed.
    pub(super) fn take(&mut self) -> Self {
        let spare = std::mem::take(&mut self.spare);
        std::mem::replace(self, Self { spare, ..Self::default() })
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

    /// Takes what fills a lane, and lets the oldest go.
    pub(super) fn take_full(&mut self, lane: &mut Lane) {
        lane.full.drain(..).for_each(|slab| self.put(slab));
        self.left.extend(lane.left.drain(..));
        while self.slabs.front().is_some_and(|oldest| self.can_go(oldest)) {
            let Some(oldest) = self.slabs.pop_front() else { break };
            self.forget_all(&oldest);
            // What came before its latest is beyond the bounds, wherever it is.
            self.left = self.left.split_off(&oldest.latest);
            if let Ok(mut slab) = Arc::try_unwrap(oldest.slab)
                && self.spare.len() < MOST_SPARE
            {
                slab.clear();
                self.spare.push(slab);
            }
        }
        if lane.slab.is_empty() {
            lane.slab = self.spare.pop().unwrap_or_default();
        }
    }

    /// Takes all that a lane had.
    pub(super) fn take(&mut self, mut lane: Lane) {
        lane.slab.shrink();
        lane.full.into_iter().chain([lane.slab]).for_each(|slab| self.put(slab));
        self.left.extend(lane.left);
    }

    /// How many clients it knows of that left, and bytes of what it keeps.
    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, u64) {
        (self.left.len(), self.slabs.iter().map(|placed| placed.bytes).sum())
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

    /// Counts those of a slab that are not counted as forgotten already.
    fn forget_all(&mut self, placed: &Placed) {
        if placed.earliest >= self.first {
            placed.slab.sessions().for_each(|(session, count)| self.forget(session, count));
        } else {
            placed.slab.sessions_since(self.first).for_each(|session| self.forget(session, 1));
        }
    }

    fn forget(&mut self, session: &Session, more: u64) {
        match self.forgotten.get_mut(session.name()) {
            Some(count) => *count += more,
            None => drop(self.forgotten.insert(session.name().to_owned(), more)),
        }
    }

    /// All that there is, in the order of arrival, within the bounds: what lanes have
    /// filed, and what is under way. From this number on some may be missing, so that none
    /// of these is forgotten.
    pub(super) fn seen(&mut self, live: Vec<Slab>, next: u64) -> Vec<Seen> {
        let live: Vec<_> = live.into_iter().map(Arc::new).collect();
        let mut all = Vec::new();
        for slab in self.slabs.iter().map(|placed| &placed.slab).chain(&live) {
            let places = (0..slab.len()).filter(|at| slab.seq(*at) >= self.first);
            all.extend(places.map(|at| Seen { slab: Arc::clone(slab), at, gone: None }));
        }
        all.sort_by_key(Seen::seq);
        // What has ended meanwhile is there twice, and filed first.
        all.dedup_by_key(|one| one.seq());
        let (mut count, mut bytes) = (0, 0);
        let fits = |one: &&Seen| {
            (count, bytes) = (count + 1, bytes + one.size());
            count <= self.bounds.entries && (bytes <= self.bounds.bytes || count == 1)
        };
        let kept = all.iter().rev().take_while(fits).count();
        let too_many = (all.len() - kept).min(all.partition_point(|one| one.seq() < next));
        for one in all.drain(..too_many) {
            self.forget(one.session(), 1);
        }
        self.first = all.first().map_or(next, Seen::seq).min(next);
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
    pub(super) fn clear(&mut self, session: Option<&str>) {
        let Some(name) = session else {
            self.slabs.clear();
            self.left.clear();
            self.forgotten.clear();
            return;
        };
        self.forgotten.remove(name);
        for placed in self.slabs.iter_mut().filter(|placed| placed.slab.has(name)) {
            for seq in placed.slab.numbers_of(name) {
                self.left.remove(&seq);
            }
            *placed = Placed::new(placed.slab.without(name));
        }
        self.slabs.retain(|placed| placed.count > 0);
    }
}

impl Seen {
    pub(super) fn seq(&self) -> u64 {
        self.slab.seq(self.at)
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        self.slab.session(self.at)
    }

    /// Whether it is of this session; of any where none is named.
    pub(super) fn is_of(&self, session: Option<&str>) -> bool {
        session.is_none_or(|name| self.session().name() == name)
    }

    pub(super) fn is_open(&self) -> bool {
        self.slab.is_open(self.at)
    }

    /// The number of its end; 0 while it has none.
    pub(super) fn number(&self) -> u64 {
        self.slab.number(self.at)
    }

    /// Bytes that it takes, about.
    pub(super) fn size(&self) -> u64 {
        self.slab.size_of(self.at)
    }

    /// All that is known of it.
    pub(super) fn entry(&self, journal: &Journal) -> Entry {
        let gone = self.gone.map(|(gone, at)| (gone, journal.since_start(at)));
        Entry { gone, ..self.slab.view(self.at).entry(journal) }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{self, AssertUnwindSafe},
        sync::atomic::{AtomicBool, Ordering},
        time::Duration,
    };

    use http::HeaderMap;

    use super::*;
    use crate::{
        dialect,
        journal::End,
        request::Request,
        select::{Rules, facts::Connection},
        server::{
            record::{By, Known},
            session::{Limits, Sessions},
            tape::Tape,
        },
    };

    fn enter(tape: &Tape, session: &Arc<Session>, text: &str) {
        let uri = "/v1/chat/completions?a=b".parse().unwrap();
        let mut request = Request::new(http::Method::POST, &uri, HeaderMap::new());
        request.body = text.to_owned().into();
        let now = Instant::now();
        tape.enter(&mut Known {
            request: &request,
            query: "a=b",
            route: &dialect::identify(&request),
            session,
            connection: Connection::default(),
            rules: &Arc::new(Rules::new(Vec::new())),
            by: By::default(),
            seed: 7,
            read: now,
            plan: None,
            payload: None,
        });
        tape.wrote(text.len(), now);
    }

    fn entered(journal: &Arc<Journal>, session: &Arc<Session>, text: &str) -> Arc<Tape> {
        let tape = Tape::new(journal);
        enter(&tape, session, text);
        tape
    }

    fn over(journal: &Arc<Journal>, session: &Arc<Session>, text: &str) {
        entered(journal, session, text).end(End::Complete, None);
    }

    fn journal(entries: usize, bytes: u64) -> Arc<Journal> {
        Arc::new(Journal::new(Bounds { entries, bytes }))
    }

    fn numbers(journal: &Journal) -> Vec<u64> {
        journal.entries(None).iter().map(|entry| entry.seq).collect()
    }

    fn texts(journal: &Journal, session: Option<&str>) -> Vec<String> {
        let entries = journal.entries(session);
        assert!(entries.is_sorted_by_key(|entry| entry.seq));
        let text = |entry: &Entry| {
            assert_eq!((entry.request.query("a"), entry.sent), (Some("b"), entry.body_length));
            String::from_utf8(entry.request.body.to_vec()).unwrap()
        };
        entries.iter().map(text).collect()
    }

    #[test]
    fn the_latest_are_kept_whichever_thread_they_came_by() {
        let journal = journal(1000, u64::MAX);
        let session = Arc::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..2000).for_each(|number| over(&journal, &session, &"x".repeat(number))));
            }
        });
        assert_eq!(numbers(&journal), (7001..=8000).collect::<Vec<_>>());
        assert_eq!(journal.forgotten().values().sum::<u64>(), 7000);
        let ends = journal.ended_after(0, None);
        assert_eq!(ends.len(), 1000);
        assert!(ends.is_sorted_by(|(one, _), (other, _)| one < other), "each has a number of its own");
    }

    /// Looks again and again while exchanges come and end on three threads.
    fn look_while_they_come(journal: &Arc<Journal>, looks: usize, mut look: impl FnMut()) {
        let (session, is_over) = (Arc::default(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let tape = Tape::new(journal);
                    while !is_over.load(Ordering::Relaxed) {
                        enter(&tape, &session, "text");
                        tape.end(End::Complete, None);
                    }
                });
            }
            let looked = panic::catch_unwind(AssertUnwindSafe(|| (0..looks).for_each(|_| look())));
            is_over.store(true, Ordering::Relaxed);
            looked.unwrap();
        });
    }

    #[test]
    fn whoever_looks_misses_none_below_another_and_sees_none_twice() {
        let journal = journal(100, u64::MAX);
        look_while_they_come(&journal, 300, || {
            let seen = numbers(&journal);
            let first = seen.first().copied().unwrap_or_default();
            assert!(seen.iter().copied().eq((first..).take(seen.len())), "{seen:?}");
        });
        let told = numbers(&journal).len() as u64 + journal.forgotten().values().sum::<u64>();
        assert_eq!(told, journal.changes().0 - 1, "each is kept or forgotten");
    }

    #[test]
    fn every_end_is_told_once_to_who_asks_for_those_behind_the_last() {
        let journal = journal(usize::MAX, u64::MAX);
        let (mut last, mut told) = (0, Vec::new());
        let mut look = || {
            let news = journal.ended_after(last, None);
            assert!(news.iter().map(|(number, _)| *number).eq((last + 1..).take(news.len())));
            last += news.len() as u64;
            told.extend(news.iter().map(|(_, one)| one.seq()));
        };
        look_while_they_come(&journal, 20, &mut look);
        look();
        told.sort_unstable();
        assert!(told.iter().copied().eq(1..=journal.entries(None).len() as u64));
    }

    #[test]
    fn what_is_under_way_is_told_and_what_its_client_did_behind_it() {
        let journal = Arc::new(Journal::new(Bounds::default()));
        let session = Arc::default();
        let first = entered(&journal, &session, "first");
        first.end(End::Complete, None);
        let open = entered(&journal, &session, "open");
        (0..500).for_each(|_| over(&journal, &session, "between"));
        assert_eq!((journal.open(None), journal.open(Some("other"))), (1, 0));
        assert_eq!(journal.entries(None)[1].end, None);
        open.wrote(7, Instant::now());
        first.client_left(Gone::Closed);
        first.close();
        assert_eq!(journal.entries(None)[0].gone.unwrap().0, Gone::Closed);
        open.client_left(Gone::Reset);
        open.close();
        let entries = journal.entries(None);
        assert_eq!((journal.open(None), entries[1].end.unwrap().0), (0, End::Left));
        let written = entries[..3].iter().map(|entry| {
            assert_eq!(entry.sent, entry.writes.iter().map(|(_, bytes)| bytes).sum::<u64>());
            entry.writes.iter().map(|(_, bytes)| *bytes).collect::<Vec<_>>()
        });
        assert_eq!(written.collect::<Vec<_>>(), [vec![5], vec![4, 7], vec![7]]);
        let bodies = entries[..3].iter().map(|entry| entry.request.body.to_vec());
        assert!(bodies.eq(["first", "open", "between"].map(Vec::from)));
        assert_eq!(journal.ended_after(0, None).len(), 502);
    }

    #[test]
    fn an_answer_that_is_flushed_with_the_next_has_ended_before_it() {
        let journal = Arc::new(Journal::new(Bounds::default()));
        let session = Arc::default();
        let tape = entered(&journal, &session, "one");
        tape.hand_over();
        enter(&tape, &session, "two");
        tape.flushed();
        assert_eq!(journal.open(None), 1);
        tape.hand_over();
        tape.flushed();
        assert_eq!(journal.open(None), 0);
        let ends: Vec<_> = journal.entries(None).iter().map(|entry| entry.end.map(|(end, _)| end)).collect();
        assert_eq!(ends, [Some(End::Complete); 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_not_noted_takes_its_beginning_along() {
        let journal = Arc::new(Journal::new(Bounds::default()));
        let tape = Tape::new(&journal);
        for _ in 0..3 {
            tape.begin(1);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        tape.leave();
        enter(&tape, &Arc::default(), "second");
        enter(&tape, &Arc::default(), "third");
        let came: Vec<_> = journal.entries(None).iter().map(|entry| entry.came.as_secs()).collect();
        assert_eq!(came, [1, 2]);
    }

    #[test]
    fn a_session_is_forgotten_and_the_others_stay_as_they_were() {
        let journal = Arc::new(Journal::new(Bounds::default()));
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
        let open = [&a, &b].map(|session| entered(&journal, session, "open"));
        let gone = entered(&journal, &a, "gone");
        gone.client_left(Gone::Closed);
        gone.close();
        journal.clear(Some("a"));
        assert_eq!(journal.held().0, 0);
        assert!(looked(Some("a")).is_empty());
        open.iter().for_each(|tape| tape.end(End::Complete, None));
        let others = (0..300).map(|number| format!("b{number}")).chain(["open".to_owned()]);
        assert_eq!(looked(None), others.collect::<Vec<_>>());
        assert!(journal.forgotten().is_empty(), "to be told to forget is not to run out of room");
        over(&journal, &a, "again");
        assert_eq!((looked(Some("a")).len(), looked(None).len()), (1, 302));
        journal.clear(None);
        assert!(looked(None).is_empty());
    }

    #[test]
    fn a_journal_full_of_bytes_keeps_the_latest_and_one_at_the_least() {
        let journal = journal(usize::MAX, 1 << 20);
        let session = Arc::default();
        (0..100).for_each(|number| over(&journal, &session, &format!("{number:050000}")));
        let kept = texts(&journal, None);
        assert!((18..=20).contains(&kept.len()), "{}", kept.len());
        assert!(kept.last().unwrap().ends_with("099"));
        let small = Arc::new(Journal::new(Bounds { entries: usize::MAX, bytes: 10 }));
        (0..100).for_each(|number| over(&small, &session, &number.to_string()));
        assert_eq!(texts(&small, None), ["99"]);
    }

    #[test]
    fn who_left_behind_what_is_forgotten_is_forgotten_too() {
        let journal = journal(usize::MAX, 1 << 20);
        let session = Arc::default();
        let open: Vec<_> = (0..1000).map(|_| entered(&journal, &session, "open")).collect();
        for _ in 0..20_000 {
            let tape = entered(&journal, &session, &"x".repeat(500));
            tape.end(End::Complete, None);
            tape.client_left(Gone::Closed);
            tape.close();
        }
        let (left, size) = journal.held();
        assert!(left < 5_000, "{left}");
        assert!((1 << 20..3 << 20).contains(&size), "{size}");
        open.iter().for_each(|tape| tape.end(End::Complete, None));
        assert_eq!(journal.open(None), 0);
        let told = journal.entries(None).len() as u64 + journal.forgotten().values().sum::<u64>();
        assert_eq!(told, 21_000, "each is kept or forgotten");
    }

    #[test]
    fn what_a_connection_that_is_given_up_had_under_way_is_told() {
        let journal = Arc::new(Journal::new(Bounds::default()));
        drop(entered(&journal, &Arc::default(), "text"));
        let entries = journal.entries(None);
        assert_eq!(entries[0].end.map(|(end, _)| end), Some(End::Cut("close")));
        assert_eq!(journal.open(None), 0);
    }

    #[test]
    fn a_thread_where_connections_only_end_hands_over_who_left() {
        let journal = Arc::new(Journal::new(Bounds::default()));
        let session = Arc::default();
        let tapes: Vec<_> = (0..1000).map(|_| entered(&journal, &session, "")).collect();
        tapes.iter().for_each(|tape| tape.end(End::Complete, None));
        for tape in tapes {
            tape.client_left(Gone::Closed);
            tape.close();
        }
        assert!(journal.held().0 >= 1000 - MOST_LEFT, "{}", journal.held().0);
    }
}
