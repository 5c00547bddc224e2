//! The edit stage: the list of events, changed.

use serde_json::Value;

use super::{
    Scene,
    list::{Content, Entry, EventList},
    place::Choice,
};
use crate::{
    dialect::event::{Events, Framing},
    notation::{path::JsonPath, text::Piece},
};

/// A change of the list of events.
#[derive(Clone, Debug)]
pub enum Edit {
    /// What the scenario says for this change is put at these bounds.
    Insert(Bound, Choice),
    /// Taken out.
    Drop(Choice),
    /// Each stands so many times in a row.
    Repeat(Choice, u32),
    /// Taken to the bound of an event that does not move.
    Move(Choice, Bound, Choice),
    /// Made one, with this between their payloads.
    Join(Choice, Vec<Piece>),
    /// Changed in their JSON.
    Patch(Choice, Vec<(JsonPath, Value)>, Vec<JsonPath>),
}

/// A side of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// In front of it.
    Before,
    /// Behind it.
    After,
}

impl Bound {
    /// As scenarios write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }

    /// The place in front of which this bound of an event lies.
    fn of(self, at: usize) -> usize {
        match self {
            Self::Before => at,
            Self::After => at + 1,
        }
    }
}

/// Events that a list may grow to, and bytes that one change may add to it.
const MOST_EVENTS: usize = 1_000_000;
const MOST_BYTES: usize = 256 << 20;

const TOO_MUCH: &str = "more than a million events, or 256MiB";

/// Changes the list. `inserted` has what each insert puts in, by its number
/// among the edits.
pub(super) fn edit(
    list: &mut EventList,
    edits: &[Edit],
    inserted: &[Events],
    scene: &dyn Scene,
    missed: &mut Vec<String>,
) {
    let mut inserted = inserted.iter();
    for (number, edit) in edits.iter().enumerate() {
        match edit {
            Edit::Insert(bound, choice) => {
                let nothing = Events::new(list.style());
                let events = inserted.next().unwrap_or(&nothing);
                insert(list, *bound, choice, events, missed);
            }
            Edit::Drop(choice) => {
                let found = list.choose(choice, "drop", missed);
                drop(list.take(&found));
            }
            Edit::Repeat(choice, times) => {
                let found = list.choose(choice, "repeat", missed);
                let copies = found.len().saturating_mul(usize::try_from(*times).unwrap_or(usize::MAX));
                let bytes = list.size(&found).saturating_mul(usize::try_from(*times).unwrap_or(usize::MAX));
                if list.len().saturating_add(copies) > MOST_EVENTS || bytes > MOST_BYTES {
                    missed.push(format!("repeat {choice}: {TOO_MUCH}"));
                } else {
                    list.repeat(&found, *times);
                }
            }
            Edit::Move(choice, bound, to) => move_events(list, choice, *bound, to, missed),
            Edit::Join(choice, by) => {
                let found = list.choose(choice, "join", missed);
                if found.len() > 1 {
                    let by = scene.bytes(by, &format!("edit.{number}.join.by"));
                    list.join(&found, &by);
                } else if !found.is_empty() {
                    missed.push(format!("join {choice}: only one event"));
                }
            }
            Edit::Patch(choice, set, unset) => patch(list, choice, set, unset, missed),
        }
    }
}

fn insert(list: &mut EventList, bound: Bound, choice: &Choice, events: &Events, missed: &mut Vec<String>) {
    let places: Vec<_> = if list.len() == 0 {
        vec![0]
    } else {
        let found = list.choose(choice, &format!("insert {}", bound.name()), missed);
        found.into_iter().map(|at| bound.of(at)).collect()
    };
    let added = |each: usize| places.len().saturating_mul(each);
    if list.len().saturating_add(added(events.len())) > MOST_EVENTS || added(events.size()) > MOST_BYTES {
        missed.push(format!("insert {} {choice}: {TOO_MUCH}", bound.name()));
        return;
    }
    list.put(&places, |_, list| list.entries_of(events));
}

fn move_events(list: &mut EventList, choice: &Choice, bound: Bound, to: &Choice, missed: &mut Vec<String>) {
    let moved = list.choose(choice, "move", missed);
    if moved.is_empty() {
        return;
    }
    let target = match list.choose(to, &format!("move {}", bound.name()), missed).as_slice() {
        [target] if !moved.contains(target) => *target,
        [] => return,
        [_] => return missed.push(format!("move {} {to}: it moves itself", bound.name())),
        _ => return missed.push(format!("move {} {to}: not one event", bound.name())),
    };
    let before = moved.iter().filter(|at| **at < target).count();
    let taken: Vec<Entry> = list.take(&moved);
    list.put(&[bound.of(target - before)], |_, _| taken.clone());
}

fn patch(
    list: &mut EventList,
    choice: &Choice,
    set: &[(JsonPath, Value)],
    unset: &[JsonPath],
    missed: &mut Vec<String>,
) {
    let chosen = list.choose(choice, "patch", missed);
    if chosen.is_empty() {
        return;
    }
    let mut count = 0;
    for at in chosen {
        let Some(mut payload) = list.payload(at).cloned() else { continue };
        let mut changes = 0;
        for (path, value) in set {
            changes += path.set(&mut payload, value);
        }
        for path in unset {
            changes += path.unset(&mut payload);
        }
        if changes > 0 {
            list.replace(at, Content::new(list.style().text(&payload), Framing::Data));
        }
        count += changes;
    }
    if count == 0 {
        let first = set.iter().map(|(path, _)| path).chain(unset).next();
        missed.push(format!("patch {}", first.map_or("", JsonPath::source)));
    }
}
