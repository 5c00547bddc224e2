//! What an API keeps on its callers' behalf, such as OpenAI's stored responses.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use serde_json::Value;

/// Entries of a shelf at the most.
const MOST_ENTRIES: usize = 2000;

/// Bytes on a shelf, and on all shelves of a server together, about.
const MOST_BYTES: usize = 16 << 20;
const MOST_ROOM: usize = 256 << 20;

/// Something that was answered once and can be asked for again.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What it is asked for by.
    pub id: String,
    /// As the provider shows it once it is done.
    pub answer: Value,
    /// What it was the answer to, item by item.
    pub input: Vec<Value>,
    /// The one that it goes on from.
    pub before: Option<String>,
    /// The events that it was streamed in, where it was.
    pub events: Vec<Bytes>,
}

/// Something stored, and how far it is.
#[derive(Clone, Debug)]
pub struct Shelved {
    /// What is stored.
    pub stored: Arc<Stored>,
    /// How far it is.
    pub progress: Progress,
}

/// How far an answer is that nobody waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Its turn has not come.
    Queued,
    /// It is being worked on.
    Working,
    /// It is there.
    #[default]
    Done,
    /// Nobody wants it any more.
    Cancelled,
}

/// What an answer leaves on the shelf.
#[derive(Debug)]
pub enum Keep {
    /// This, so far along, in place of what has its id.
    Put(Stored, Progress),
    /// What has this id goes on, unless that happened already.
    Advance {
        /// The id.
        id: String,
        /// How far it was.
        from: Progress,
        /// How far it is.
        to: Progress,
    },
    /// No longer what has this id.
    Drop(String),
}

/// All that is kept for one session. The oldest leave first.
#[derive(Debug, Default)]
pub struct Shelf {
    entries: HashMap<String, (Shelved, usize)>,
    /// Ids in the order in which they came.
    order: VecDeque<String>,
    bytes: usize,
    room: Room,
}

/// The room that all shelves of a server share.
#[derive(Clone, Debug, Default)]
pub struct Room(Arc<AtomicUsize>);

impl Shelf {
    /// What has this id, behind all that it goes on from, as far as that is still
    /// there. Empty if there is no such thing.
    pub fn chain(&self, id: &str) -> Vec<Shelved> {
        let mut chain = Vec::new();
        let mut next = Some(id);
        // Nothing goes on from itself, but ids can be drawn again.
        while let Some((shelved, _)) = next.and_then(|id| self.entries.get(id))
            && chain.len() < MOST_ENTRIES
        {
            chain.push(shelved.clone());
            next = shelved.stored.before.as_deref();
        }
        chain.reverse();
        chain
    }

    /// An empty shelf in a room with others.
    pub fn new(room: Room) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), bytes: 0, room }
    }

    /// Keeps something, or drops it.
    pub fn keep(&mut self, keep: Keep) {
        match keep {
            Keep::Put(stored, progress) => self.put(stored, progress),
            Keep::Advance { id, from, to } => match self.entries.get_mut(&id) {
                Some((shelved, _)) if shelved.progress == from => shelved.progress = to,
                _ => {}
            },
            Keep::Drop(id) => self.remove(&id),
        }
    }

    fn put(&mut self, stored: Stored, progress: Progress) {
        let id = stored.id.clone();
        self.remove(&id);
        let size = stored.size();
        self.bytes += size;
        self.room.0.fetch_add(size, Ordering::Relaxed);
        self.entries.insert(id.clone(), (Shelved { stored: Arc::new(stored), progress }, size));
        self.order.push_back(id);
        while self.order.len() > MOST_ENTRIES || self.bytes > MOST_BYTES || self.room.is_full() {
            let Some(oldest) = self.order.front().cloned() else { return };
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, id: &str) {
        if let Some((_, size)) = self.entries.remove(id) {
            self.bytes -= size;
            self.room.0.fetch_sub(size, Ordering::Relaxed);
            self.order.retain(|known| known != id);
        }
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Room {
    fn is_full(&self) -> bool {
        self.0.load(Ordering::Relaxed) > MOST_ROOM
    }
}

impl Stored {
    /// Bytes in memory, about.
    fn size(&self) -> usize {
        let events: usize = self.events.iter().map(|event| event.len() + EACH).sum();
        EACH + self.id.len() + size(&self.answer) + self.input.iter().map(size).sum::<usize>() + events
    }
}

/// What each value takes besides its content, about.
const EACH: usize = 64;

/// Bytes of a value in memory, about.
fn size(value: &Value) -> usize {
    EACH + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + size(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(id: &str, before: Option<&str>, text: &str) -> Stored {
        Stored {
            id: id.to_owned(),
            answer: text.into(),
            input: Vec::new(),
            before: before.map(str::to_owned),
            events: Vec::new(),
        }
    }

    fn put(id: &str, before: Option<&str>) -> Keep {
        Keep::Put(stored(id, before, ""), Progress::Queued)
    }

    fn ids(shelf: &Shelf, id: &str) -> Vec<String> {
        shelf.chain(id).iter().map(|shelved| shelved.stored.id.clone()).collect()
    }

    #[test]
    fn a_chain_begins_with_its_oldest() {
        let mut shelf = Shelf::default();
        shelf.keep(put("a", None));
        shelf.keep(put("b", Some("a")));
        shelf.keep(put("c", Some("b")));
        assert_eq!(ids(&shelf, "c"), ["a", "b", "c"]);
        shelf.keep(Keep::Drop("b".to_owned()));
        assert_eq!(ids(&shelf, "c"), ["c"]);
        assert!(ids(&shelf, "b").is_empty());
    }

    #[test]
    fn what_goes_on_from_itself_ends() {
        let mut shelf = Shelf::default();
        shelf.keep(put("a", Some("a")));
        assert_eq!(ids(&shelf, "a").len(), MOST_ENTRIES);
    }

    #[test]
    fn the_oldest_leave_first_and_what_was_dropped_takes_no_place() {
        let mut shelf = Shelf::default();
        shelf.keep(put("first", None));
        for number in 0..2 * MOST_ENTRIES {
            shelf.keep(put(&number.to_string(), None));
            shelf.keep(Keep::Drop(number.to_string()));
        }
        assert_eq!(ids(&shelf, "first"), ["first"]);
        for number in 0..MOST_ENTRIES {
            shelf.keep(put(&number.to_string(), None));
        }
        assert!(ids(&shelf, "first").is_empty());
        assert_eq!(ids(&shelf, "0"), ["0"]);
        let text = "x".repeat(MOST_BYTES - 1000);
        shelf.keep(Keep::Put(stored("large", None, &text), Progress::Done));
        assert!(ids(&shelf, "1").is_empty());
        assert_eq!(ids(&shelf, "large"), ["large"]);
    }

    #[test]
    fn nothing_goes_on_that_is_gone_or_went_another_way() {
        let mut shelf = Shelf::default();
        let advance = |from, to| Keep::Advance { id: "a".to_owned(), from, to };
        shelf.keep(put("a", None));
        shelf.keep(advance(Progress::Queued, Progress::Cancelled));
        shelf.keep(advance(Progress::Queued, Progress::Working));
        assert_eq!(shelf.chain("a")[0].progress, Progress::Cancelled);
        shelf.keep(Keep::Drop("a".to_owned()));
        shelf.keep(advance(Progress::Cancelled, Progress::Done));
        assert!(shelf.chain("a").is_empty());
    }

    #[test]
    fn shelves_share_their_room_and_give_it_back() {
        let room = Room::default();
        let text = "x".repeat(MOST_BYTES / 2);
        let fill = || {
            let mut shelf = Shelf::new(room.clone());
            shelf.keep(Keep::Put(stored("a", None, &text), Progress::Done));
            shelf
        };
        let shelves: Vec<_> = (0..=MOST_ROOM / (MOST_BYTES / 2)).map(|_| fill()).collect();
        assert!(shelves[0].chain("a").len() == 1 && shelves.last().unwrap().chain("a").is_empty());
        drop(shelves);
        assert_eq!(fill().chain("a").len(), 1);
    }
}
