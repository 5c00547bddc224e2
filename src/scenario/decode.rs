//! From a tree to the types of the language, telling all that is wrong at once.

use std::{collections::HashMap, sync::Arc};

use serde::de::DeserializeOwned;

use super::{
    error::{Place, Problem, Source, did_you_mean},
    file::{File, Stub},
    tree::{Fault, Kind, Node, Path},
};
use crate::notation::value::List;

/// Faults that are told of one piece at the most.
const MOST_FAULTS: usize = 20;

/// Times that one piece is read at the most, what follows from faults included.
const MOST_READINGS: usize = 3 * MOST_FAULTS;

/// A document as far as it could be read.
#[derive(Debug)]
pub struct Document {
    /// The text that it stands in.
    pub source: Arc<Source>,
    /// It as a tree, which knows where everything stands.
    pub tree: Node,
    /// It without its stubs; `None` where something about it is wrong.
    pub file: Option<File>,
    /// Its stubs; `None` for those with something wrong.
    pub stubs: Vec<Option<Stub>>,
}

/// Reads a document, and tells all that is wrong with it.
pub fn document(source: &Arc<Source>, tree: Node) -> (Document, Vec<Problem>) {
    let mut problems = Vec::new();
    let file = match &tree.kind {
        Kind::Map(_) => read_file(source, &tree, &mut problems),
        _ => {
            let problem =
                Problem::error(source, tree.place, "a scenario is a map: `scenario: 1`, `stubs: […]`");
            problems.push(problem);
            None
        }
    };
    let mut stubs = Vec::new();
    if let Some(list) = tree.value("stubs") {
        let items = if matches!(list.kind, Kind::Null) { &[] } else { list.items() };
        if items.is_empty() {
            problems.push(Problem::error(source, list.place, "a scenario needs at least one stub"));
        }
        stubs = items.iter().map(|stub| read(source, stub, &mut problems)).collect();
    }
    (Document { source: Arc::clone(source), tree, file, stubs }, problems)
}

/// The document without its stubs, which are read one by one.
fn read_file(source: &Arc<Source>, tree: &Node, problems: &mut Vec<Problem>) -> Option<File> {
    let mut head = tree.clone();
    let stubs = Node { place: tree.place, bytes: 0..0, kind: Kind::List(Vec::new()) };
    let mut is_told = false;
    if let Kind::Map(entries) = &mut head.kind {
        let mut is_there = false;
        for (key, value) in &mut *entries {
            let Kind::Text(name) = &key.kind else { continue };
            if name == "stubs" {
                value.kind = Kind::List(Vec::new());
                is_there = true;
            }
            is_told |= did_you_mean(name, ["stubs"]).is_some();
        }
        if !is_there {
            entries.push((Node { kind: Kind::Text("stubs".to_owned()), ..stubs.clone() }, stubs));
        }
    }
    let file = read::<File>(source, &head, problems);
    if !is_told {
        problems.push(Problem::error(source, tree.place, "the key `stubs` is missing"));
    }
    file.filter(|_| tree.value("stubs").is_some())
}

/// Reads one piece. Where something is wrong in it, that is taken out and the
/// rest read again, so that all faults are told.
pub(super) fn read<T: DeserializeOwned>(
    source: &Arc<Source>,
    node: &Node,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    match T::deserialize(node) {
        Ok(value) => Some(value),
        Err(first) => {
            let mut rest = node.clone();
            // The clone has addresses of its own.
            let mut fault = T::deserialize(&rest).err();
            drop(first);
            let (mut holes, mut told) = (Holes::new(), 0);
            for _ in 0..MOST_READINGS {
                let Some(found) = fault.take() else { break };
                let place = found.place.unwrap_or(node.place);
                if !follows(&found, place, &holes) {
                    let mut problem = Problem::error(source, place, &found.message);
                    problem.hint.clone_from(&found.hint);
                    told += 1;
                    if told == MOST_FAULTS {
                        problem.message.push_str("; this is fault 20 here, and the last that is told");
                    }
                    problems.push(problem);
                }
                let Some(address) = found.node else { break };
                if told == MOST_FAULTS || !rest.prune(address, &mut holes) {
                    break;
                }
                fault = T::deserialize(&rest).err();
            }
            None
        }
    }
}

/// Where something was taken out, and by which keys.
type Holes = HashMap<Place, Vec<String>>;

/// Whether a fault is there only because something was taken out: what is empty
/// now, and what is missing now.
fn follows(fault: &Fault, place: Place, holes: &Holes) -> bool {
    let Some(keys) = holes.get(&place) else { return false };
    fault.missing.is_none_or(|missing| keys.iter().any(|key| did_you_mean(key, [missing]).is_some()))
}

impl Node {
    /// Takes a node and all in it out, the key with its value; `false` if there
    /// is no such node.
    fn prune(&mut self, address: usize, holes: &mut Holes) -> bool {
        match &mut self.kind {
            Kind::List(items) => match items.iter().position(|item| item.address() == address) {
                Some(at) => {
                    items.remove(at);
                    holes.entry(self.place).or_default();
                    true
                }
                None => items.iter_mut().any(|item| item.prune(address, holes)),
            },
            Kind::Map(entries) => {
                let is_it = |(key, value): &(Self, Self)| [key, value].iter().any(|n| n.address() == address);
                match entries.iter().position(is_it) {
                    Some(at) => {
                        let (key, _) = entries.remove(at);
                        let name = if let Kind::Text(name) = key.kind { name } else { String::new() };
                        holes.entry(self.place).or_default().push(name);
                        true
                    }
                    None => entries.iter_mut().any(|(_, value)| value.prune(address, holes)),
                }
            }
            _ => false,
        }
    }
}

impl Document {
    /// A problem at the end of a way.
    pub fn problem(
        &self,
        path: &Path<'_>,
        on_key: super::tree::OnKey,
        message: impl Into<String>,
    ) -> Problem {
        Problem::error(&self.source, self.tree.place_of(path, on_key), message)
    }

    /// The document as it was written, where all of it could be read.
    pub fn whole(&self) -> Option<File> {
        let stubs: Option<Vec<_>> = self.stubs.iter().cloned().collect();
        Some(File { stubs: List(stubs?), ..self.file.clone()? })
    }
}
