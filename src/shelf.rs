//! What an API keeps on its callers' behalf, such as OpenAI's stored responses.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use serde_json::Value;

/// Entries of a shelf at the most.
const MOST_ENTRIES: usize = 2000;

/// Bytes of JSON on a shelf, about.
const MOST_BYTES: usize = 16 << 20;

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
    /// This, in place of what has its id.
    Put(Stored),
    /// No longer what has this id.
    Drop(String),
}

/// All that is kept for one session. The oldest leave first.
#[derive(Debug, Default)]
pub struct Shelf {
    entries: HashMap<String, (Arc<Stored>, usize)>,
    /// Ids in the order in which they came. Some may be gone already.
    order: VecDeque<String>,
    bytes: usize,
}

impl Shelf {
    /// What has this id, behind all that it goes on from, as far as that is still
    /// there. Empty if there is no such thing.
    pub fn chain(&self, id: &str) -> Vec<Arc<Stored>> {
        let mut chain = Vec::new();
        let mut next = Some(id);
        // Nothing goes on from itself, but ids can be drawn again.
        while let Some((stored, _)) = next.and_then(|id| self.entries.get(id))
            && chain.len() < MOST_ENTRIES
        {
            chain.push(Arc::clone(stored));
            next = stored.before.as_deref();
        }
        chain.reverse();
        chain
    }

    /// Keeps something, or drops it.
    pub fn keep(&mut self, keep: Keep) {
        match keep {
            Keep::Put(stored) => self.put(stored),
            Keep::Drop(id) => self.remove(&id),
        }
    }

    fn put(&mut self, stored: Stored) {
        let size = size(&stored.answer) + stored.input.iter().map(size).sum::<usize>();
        self.bytes += size;
        let id = stored.id.clone();
        match self.entries.insert(id.clone(), (Arc::new(stored), size)) {
            Some((_, before)) => self.bytes -= before,
            None => self.order.push_back(id),
        }
        while self.order.len() > MOST_ENTRIES || self.bytes > MOST_BYTES {
            let Some(oldest) = self.order.pop_front() else { return };
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, id: &str) {
        if let Some((_, size)) = self.entries.remove(id) {
            self.bytes -= size;
        }
    }
}

/// Bytes of a value in memory, about.
fn size(value: &Value) -> usize {
    const EACH: usize = 64;
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

    fn stored(id: &str, before: Option<&str>) -> Keep {
        Keep::Put(Stored {
            id: id.to_owned(),
            answer: Value::Null,
            input: Vec::new(),
            before: before.map(str::to_owned),
            progress: Progress::Done,
        })
    }

    fn ids(shelf: &Shelf, id: &str) -> Vec<String> {
        shelf.chain(id).iter().map(|stored| stored.id.clone()).collect()
    }

    #[test]
    fn a_chain_begins_with_its_oldest() {
        let mut shelf = Shelf::default();
        shelf.keep(stored("a", None));
        shelf.keep(stored("b", Some("a")));
        shelf.keep(stored("c", Some("b")));
        assert_eq!(ids(&shelf, "c"), ["a", "b", "c"]);
        shelf.keep(Keep::Drop("b".to_owned()));
        assert_eq!(ids(&shelf, "c"), ["c"]);
        assert!(ids(&shelf, "b").is_empty());
    }

    #[test]
    fn what_goes_on_from_itself_ends() {
        let mut shelf = Shelf::default();
        shelf.keep(stored("a", Some("a")));
        assert_eq!(ids(&shelf, "a").len(), MOST_ENTRIES);
    }

    #[test]
    fn the_oldest_leave_first() {
        let mut shelf = Shelf::default();
        for number in 0..=MOST_ENTRIES {
            shelf.keep(stored(&number.to_string(), None));
        }
        assert!(ids(&shelf, "0").is_empty());
        assert_eq!(ids(&shelf, "1"), ["1"]);
        let large = Stored {
            id: "large".to_owned(),
            answer: Value::String("x".repeat(MOST_BYTES - 100)),
            input: Vec::new(),
            before: None,
            progress: Progress::Done,
        };
        shelf.keep(Keep::Put(large));
        assert!(ids(&shelf, "1").is_empty());
        assert_eq!(ids(&shelf, "large"), ["large"]);
    }
}
