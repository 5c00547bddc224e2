//! All recordings of a server, and which of them a request gets: calls take their
//! groups (failures, and the success after them) in the order in which they were
//! recorded.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    Asked, Interaction,
    differ::{self, Difference},
    file::{Entry, Tape},
    key::{Key, Matching},
    secret::highest_number,
};
use crate::plan::script::Script;

/// What a call gets when all that was recorded for it was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// The last again.
    #[default]
    Last,
    /// All of it from its start.
    Cycle,
    /// Nothing: it is a miss.
    Miss,
}

/// All recordings of a server.
#[derive(Debug, Default)]
pub struct Deck {
    tapes: Vec<Tape>,
    /// For each key the groups of each tape that has some.
    groups: HashMap<Key, Vec<(usize, Vec<Group>)>>,
    /// By what requests are compared.
    pub matching: Matching,
    repeat: Repeat,
    /// The cassette of those who name no session.
    usual: String,
    /// Whether each was played, tape by tape.
    played: Vec<Vec<AtomicBool>>,
}

/// The attempts of one call: entries of a tape.
type Group = Vec<usize>;

/// Which recording it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    tape: usize,
    entry: usize,
}

/// What was chosen for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This recording.
    Plays(Card),
    /// There is none of such a request.
    Unknown,
    /// All of them were played.
    Exhausted,
}

/// How far the recordings of one session are, deck by deck.
#[derive(Debug, Default)]
pub struct Turns(HashMap<(usize, Key), Turn>);

#[derive(Debug, Default)]
struct Turn {
    /// How many calls took a group.
    begun: usize,
    /// The group of each call, and how many of its attempts it had.
    calls: HashMap<u64, (usize, usize)>,
}

/// Calls of one key whose groups are remembered; who tries longer gets a new one.
const MOST_CALLS: usize = 1_000;

impl Deck {
    /// A deck of these tapes; `usual` is that of those who name no session.
    pub fn new(tapes: Vec<Tape>, matching: Matching, repeat: Repeat, usual: String) -> Self {
        let mut groups: HashMap<Key, Vec<(usize, Vec<Group>)>> = HashMap::new();
        for (number, tape) in tapes.iter().enumerate() {
            let mut by_key: HashMap<Key, Vec<usize>> = HashMap::new();
            for (at, entry) in tape.entries.iter().enumerate() {
                by_key.entry(entry.key).or_default().push(at);
            }
            for (key, entries) in by_key {
                groups.entry(key).or_default().push((number, grouped(tape, entries)));
            }
        }
        groups.values_mut().for_each(|tapes| tapes.sort_unstable_by_key(|(tape, _)| *tape));
        let played =
            tapes.iter().map(|tape| tape.entries.iter().map(|_| AtomicBool::new(false)).collect()).collect();
        Self { tapes, groups, matching, repeat, usual, played }
    }

    /// Whether there is no recording at all.
    pub fn is_empty(&self) -> bool {
        self.tapes.iter().all(|tape| tape.entries.is_empty())
    }

    /// The cassettes.
    pub fn tapes(&self) -> &[Tape] {
        &self.tapes
    }

    /// Whether a session has a cassette of its own with something in it.
    pub fn has_own(&self, session: &str) -> bool {
        let own = cassette_of(session, &self.usual);
        self.tapes.iter().any(|tape| tape.name == own && !tape.entries.is_empty())
    }

    /// The highest number of a placeholder in them.
    pub fn placeholders(&self) -> u32 {
        let numbers = self.tapes.iter().flat_map(|tape| highest_number(&tape.source.text));
        numbers.max().unwrap_or_default()
    }

    /// Whether there is a recording of such a request.
    pub fn knows(&self, key: Key) -> bool {
        self.groups.contains_key(&key)
    }

    /// Chooses for an attempt of a call. A session's own cassette goes before the
    /// others.
    pub fn choose(&self, key: Key, session: &str, call: u64, turns: &mut Turns) -> Choice {
        let Some(tapes) = self.groups.get(&key) else { return Choice::Unknown };
        let name = cassette_of(session, &self.usual);
        let own = tapes.iter().find(|(tape, _)| self.tapes[*tape].name == name);
        let all: Vec<(usize, &Group)> = match own {
            Some((tape, groups)) => groups.iter().map(|group| (*tape, group)).collect(),
            None => {
                tapes.iter().flat_map(|(tape, groups)| groups.iter().map(|group| (*tape, group))).collect()
            }
        };
        // A deck stays where it is as long as its server runs.
        let own = std::ptr::from_ref(self).addr();
        let turn = turns.0.entry((own, key)).or_default();
        if turn.calls.len() >= MOST_CALLS {
            turn.calls.clear();
        }
        let begun = &mut turn.begun;
        let (group, given) = turn.calls.entry(call).or_insert_with(|| {
            *begun += 1;
            (*begun - 1, 0)
        });
        let number = match self.repeat {
            Repeat::Last => (*group).min(all.len() - 1),
            Repeat::Cycle => *group % all.len(),
            Repeat::Miss => *group,
        };
        let Some((tape, group)) = all.get(number) else { return Choice::Exhausted };
        let Some(entry) = group.get((*given).min(group.len() - 1)) else { return Choice::Exhausted };
        *given += 1;
        Choice::Plays(Card { tape: *tape, entry: *entry })
    }

    /// What was recorded, read now where it was not before; it counts as played.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn take(&self, card: Card) -> Result<Arc<Interaction>, String> {
        self.played[card.tape][card.entry].store(true, Ordering::Relaxed);
        let (tape, entry) = self.at(card);
        tape.interaction(entry)
    }

    /// The script of a recording, laid out once for all who get it. Factor and settle
    /// time are the server's own.
    pub fn script(&self, card: Card, interaction: &Interaction, factor: f64, settle: Duration) -> Script {
        let (_, entry) = self.at(card);
        entry.script.get_or_init(|| interaction.response.script(factor, settle)).clone()
    }

    /// Where a recording stands, for people.
    pub fn place(&self, card: Card) -> String {
        let (tape, entry) = self.at(card);
        tape.place(entry)
    }

    /// The first recording whose id begins so.
    pub fn find(&self, id: &str) -> Option<Card> {
        let id = id.split('-').next().filter(|id| !id.is_empty())?;
        let all = self.tapes.iter().enumerate().flat_map(|(tape, all)| {
            all.entries.iter().enumerate().map(move |(entry, it)| (Card { tape, entry }, it.key))
        });
        let found = all.filter(|(_, key)| key.to_string().starts_with(id)).map(|(card, _)| card);
        found.min_by_key(|card| (card.tape, card.entry))
    }

    /// The ids of all recordings.
    pub fn ids(&self) -> Vec<String> {
        let mut ids: Vec<_> =
            self.tapes.iter().flat_map(|tape| &tape.entries).map(|entry| entry.key.to_string()).collect();
        ids.dedup();
        ids
    }

    fn at(&self, card: Card) -> (&Tape, &Entry) {
        let tape = &self.tapes[card.tape];
        (tape, &tape.entries[card.entry])
    }

    /// The recordings that nobody asked for, of those that could be: where they stand.
    pub fn unused(&self) -> Vec<String> {
        let current = self.groups.values().flatten();
        let mut unused: Vec<(usize, usize)> = current
            .flat_map(|(tape, groups)| groups.iter().flatten().map(|entry| (*tape, *entry)))
            .filter(|(tape, entry)| !self.played[*tape][*entry].load(Ordering::Relaxed))
            .collect();
        unused.sort_unstable();
        unused.into_iter().map(|(tape, entry)| self.place(Card { tape, entry })).collect()
    }

    /// When each was recorded, in RFC 3339, and where it stands.
    pub fn dates(&self) -> impl Iterator<Item = (&str, String)> {
        let all = self.tapes.iter().flat_map(|tape| tape.entries.iter().map(move |entry| (tape, entry)));
        all.map(|(tape, entry)| (entry.recorded.as_str(), tape.place(entry)))
    }

    /// The recording whose request is nearest to one that has none, and in what they
    /// differ.
    pub fn nearest(&self, asked: &Asked) -> Option<(String, Vec<Difference>)> {
        const MOST: usize = 500;
        let all = self.tapes.iter().flat_map(|tape| tape.entries.iter().map(move |entry| (tape, entry)));
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|(_, entry)| entry.path != asked.path);
        let compared = all.into_iter().take(MOST).filter_map(|(tape, entry)| {
            let interaction = tape.interaction(entry).ok()?;
            let recorded = self.matching.canonical(interaction.request.clone(), &[]);
            let differences = differ::differences(&recorded, asked);
            Some((differ::weight(&differences), tape.place(entry), differences))
        });
        let (_, place, differences) = compared.min_by_key(|(weight, ..)| *weight)?;
        Some((place, differences))
    }
}

/// The groups of one key: of the process that recorded it last, in the order in which
/// the requests came.
fn grouped(tape: &Tape, mut entries: Vec<usize>) -> Vec<Group> {
    let of = |at: &usize| &tape.entries[*at];
    entries.sort_by(|one, other| of(one).recorded.cmp(&of(other).recorded).then(one.cmp(other)));
    let last = entries.last().map(|at| of(at).run.clone()).unwrap_or_default();
    entries.retain(|at| of(at).run == last);
    let mut groups: Vec<Group> = Vec::new();
    for at in entries {
        // Calls at the same time take turns: an attempt belongs behind the one before it.
        let before = usize::try_from(of(&at).attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        let own = groups.iter().position(|group| before > 0 && group.len() == before);
        let own = own.or_else(|| (before > 0).then(|| groups.len().checked_sub(1)).flatten());
        match own {
            Some(number) => groups[number].push(at),
            None => groups.push(vec![at]),
        }
    }
    groups
}

/// The name of a session's cassette: what a file's name cannot hold is written by its
/// number.
pub fn cassette_of<'s>(session: &str, usual: &'s str) -> Cow<'s, str> {
    if session.is_empty() {
        return usual.into();
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut name = String::with_capacity(session.len());
    for (at, byte) in session.bytes().enumerate() {
        if plain(byte) || (byte == b'.' && at > 0) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_session_cannot_lead_elsewhere() {
        assert_eq!(cassette_of("", "recording"), "recording");
        assert_eq!(cassette_of("test-1.a", "x"), "test-1.a");
        assert_eq!(cassette_of("../../etc", "x"), "%2E.%2F..%2Fetc");
        assert_ne!(cassette_of("a/b", "x"), cassette_of("a%2Fb", "x"));
    }
}
