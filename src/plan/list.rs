//! The list of events that the first stages work on.

use std::{
    cell::OnceCell,
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
};

use serde_json::Value;

use super::place::Choice;
use crate::dialect::{
    Dialect,
    event::{Events, Frame, Framing, Kind, Reading},
    style::Style,
};

/// A list of events, each known by what it was at first wherever it stands now.
#[derive(Clone, Debug)]
pub(super) struct EventList {
    entries: Vec<Entry>,
    next_id: u32,
    style: Style,
    dialect: &'static dyn Dialect,
}

/// An event, and the numbers of those that it was made from.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    ids: Vec<u32>,
    content: Rc<Content>,
}

/// What an event is. Its JSON and its kinds are read when they are asked for.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    pub(super) framing: Framing,
    /// What it is, where that is known without reading it.
    known: Option<&'static [Kind]>,
    /// How it was written, where it was recorded and not written anew.
    frame: Option<Arc<Frame>>,
    json: OnceCell<Option<Value>>,
    reading: OnceCell<Reading>,
}

impl Content {
    pub(super) fn new(bytes: Vec<u8>, framing: Framing) -> Self {
        Self { bytes, framing, known: None, frame: None, json: OnceCell::new(), reading: OnceCell::new() }
    }
}

impl EventList {
    pub(super) fn new(events: &Events, dialect: &'static dyn Dialect) -> Self {
        let mut list = Self { entries: Vec::new(), next_id: 0, style: events.style(), dialect };
        list.entries = list.entries_of(events);
        list
    }

    /// Entries for events that were in no list so far.
    pub(super) fn entries_of(&mut self, events: &Events) -> Vec<Entry> {
        let contents = events.iter().enumerate().map(|(at, bytes)| Content {
            known: events.known(at),
            frame: events.frame(at).cloned(),
            ..Content::new(bytes.to_vec(), events.framing(at))
        });
        contents
            .map(|content| {
                let ids = vec![self.next_id];
                self.next_id += 1;
                Entry { ids, content: Rc::new(content) }
            })
            .collect()
    }

    /// How its JSON is written.
    pub(super) fn style(&self) -> Style {
        self.style
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of these events.
    pub(super) fn size(&self, places: &[usize]) -> usize {
        places.iter().map(|at| self.content(*at).bytes.len()).sum()
    }

    pub(super) fn content(&self, at: usize) -> &Content {
        &self.entries[at].content
    }

    /// How an event was written, where it was recorded.
    pub(super) fn frame(&self, at: usize) -> Option<&Frame> {
        self.content(at).frame.as_deref()
    }

    /// The payload of an event that is JSON.
    pub(super) fn payload(&self, at: usize) -> Option<&Value> {
        let content = self.content(at);
        let read = || match content.framing {
            Framing::Data => serde_json::from_slice(&content.bytes).ok(),
            Framing::Lines | Framing::Raw => None,
        };
        content.json.get_or_init(read).as_ref()
    }

    /// The kinds of an event. Reading what is known costs more than all else about
    /// a plan.
    pub(super) fn kinds(&self, at: usize) -> &[Kind] {
        match self.content(at).known {
            Some(known) => {
                debug_assert_eq!(self.reading(at).kinds, known, "what is known is what would be read");
                known
            }
            None => &self.reading(at).kinds,
        }
    }

    /// What an event is.
    pub(super) fn reading(&self, at: usize) -> &Reading {
        let content = self.content(at);
        content.reading.get_or_init(|| match self.payload(at) {
            Some(payload) => self.dialect.read_event(payload),
            None if content.framing == Framing::Data && content.bytes == b"[DONE]" => {
                Reading { kinds: vec![Kind::Done], tokens: 0 }
            }
            None => self.read_raw(&content.bytes),
        })
    }

    /// What an event without a frame is: raw, and an error too where it is one.
    fn read_raw(&self, bytes: &[u8]) -> Reading {
        let mut reading = Reading { kinds: vec![Kind::Raw], tokens: 0 };
        let payload: Option<Value> = serde_json::from_slice(bytes).ok();
        if payload.is_some_and(|payload| self.dialect.read_event(&payload).kinds.contains(&Kind::Error)) {
            reading.is(Kind::Error);
        }
        reading
    }

    /// Those that a choice gives, and a note where it gives none.
    pub(super) fn choose(&self, choice: &Choice, what: &str, missed: &mut Vec<String>) -> Vec<usize> {
        let found = choice.find(self);
        if found.is_empty() {
            missed.push(format!("{what} {choice}"));
        }
        found
    }

    /// Puts something in an event's place.
    pub(super) fn replace(&mut self, at: usize, content: Content) {
        self.entries[at].content = Rc::new(content);
    }

    /// Takes events out, and hands them over in their order.
    pub(super) fn take(&mut self, places: &[usize]) -> Vec<Entry> {
        let places: HashSet<_> = places.iter().copied().collect();
        let mut taken = Vec::with_capacity(places.len());
        let mut kept = Vec::with_capacity(self.entries.len().saturating_sub(places.len()));
        for (at, entry) in std::mem::take(&mut self.entries).into_iter().enumerate() {
            if places.contains(&at) { taken.push(entry) } else { kept.push(entry) }
        }
        self.entries = kept;
        taken
    }

    /// Puts a row of events in front of each of these places; a place behind the
    /// last is the list's end.
    pub(super) fn put(&mut self, places: &[usize], row: impl Fn(usize, &mut Self) -> Vec<Entry>) {
        let mut whole = Vec::with_capacity(self.entries.len() + places.len());
        let mut places = places.iter().copied().enumerate().peekable();
        let old = std::mem::take(&mut self.entries);
        let count = old.len();
        for (at, entry) in old.into_iter().enumerate() {
            while let Some((which, _)) = places.next_if(|(_, place)| *place <= at) {
                whole.extend(row(which, self));
            }
            whole.push(entry);
        }
        for (which, _) in places.filter(|(_, place)| *place >= count) {
            whole.extend(row(which, self));
        }
        self.entries = whole;
    }

    /// Makes one event stand several times in a row.
    pub(super) fn repeat(&mut self, places: &[usize], times: u32) {
        let places: HashSet<_> = places.iter().copied().collect();
        let old = std::mem::take(&mut self.entries);
        for (at, entry) in old.into_iter().enumerate() {
            for _ in 1..if places.contains(&at) { times } else { 1 } {
                self.entries.push(entry.clone());
            }
            if !places.contains(&at) || times > 0 {
                self.entries.push(entry);
            }
        }
    }

    /// Makes these one, at the first's place.
    pub(super) fn join(&mut self, places: &[usize], by: &[u8]) {
        let joined = self.take(places);
        let [first, ..] = joined.as_slice() else { return };
        let parts: Vec<_> = joined.iter().map(|entry| entry.content.bytes.as_slice()).collect();
        let content = Rc::new(Content::new(parts.join(by), first.content.framing));
        let ids = joined.iter().flat_map(|entry| entry.ids.iter().copied()).collect();
        self.entries.insert(places[0].min(self.entries.len()), Entry { ids, content });
    }

    /// As events of a dialect.
    pub(super) fn events(&self) -> Events {
        let mut events = Events::expecting(self.len(), self.style);
        for entry in &self.entries {
            let Content { bytes, framing, frame, .. } = &*entry.content;
            match frame {
                Some(frame) => events.recorded(bytes, *framing, Arc::clone(frame)),
                None => events.bytes(bytes, *framing),
            }
        }
        events
    }

    /// Where the events of each number stand.
    fn places(&self) -> HashMap<u32, Vec<usize>> {
        let mut places: HashMap<u32, Vec<usize>> = HashMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            entry.ids.iter().for_each(|id| places.entry(*id).or_default().push(at));
        }
        places
    }
}

/// The list as a layer's own changes left it, and where its events stand in the
/// finished one.
#[derive(Debug)]
pub(super) struct Lookup {
    list: EventList,
    /// `None`: where they stood.
    finished: Option<HashMap<u32, Vec<usize>>>,
}

impl Lookup {
    /// The list of the uppermost layer, which is the finished one.
    pub(super) fn last(list: EventList) -> Self {
        Self { list, finished: None }
    }

    /// The list of a layer below the finished one.
    pub(super) fn below(list: EventList, finished: &EventList) -> Self {
        Self { list, finished: Some(finished.places()) }
    }

    /// The places in the finished list of what a choice gives.
    pub(super) fn find(&self, choice: &Choice) -> Vec<usize> {
        let found = choice.find(&self.list);
        let Some(finished) = &self.finished else { return found };
        let ids = found.iter().flat_map(|at| &self.list.entries[*at].ids);
        let mut places: Vec<_> = ids.filter_map(|id| finished.get(id)).flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The same, and a note where it is nothing.
    pub(super) fn choose(&self, choice: &Choice, what: &str, missed: &mut Vec<String>) -> Vec<usize> {
        let found = self.find(choice);
        if found.is_empty() {
            missed.push(format!("{what} {choice}"));
        }
        found
    }
}
