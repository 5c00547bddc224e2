//! From a tree to the types of the language, telling all that is wrong at once.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{
    error::{Problem, Source},
    file::{File, Stub},
    tree::{Kind, Node, Path},
};
use crate::notation::value::List;

/// Faults that are told of one piece at the most.
const MOST_FAULTS: usize = 20;

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
        if list.items().is_empty() {
            problems.push(Problem::error(source, list.place, "a scenario needs at least one stub"));
        }
        stubs = list.items().iter().map(|stub| read(source, stub, &mut problems)).collect();
    }
    // One anchor with a fault in it is used in many places.
    let mut seen = Vec::new();
    problems.retain(|problem| {
        let key = (problem.place, problem.message.clone());
        !seen.contains(&key) && {
            seen.push(key);
            true
        }
    });
    (Document { source: Arc::clone(source), tree, file, stubs }, problems)
}

/// The document without its stubs, which are read one by one.
fn read_file(source: &Arc<Source>, tree: &Node, problems: &mut Vec<Problem>) -> Option<File> {
    let mut head = tree.clone();
    if let Kind::Map(entries) = &mut head.kind {
        for (key, value) in entries {
            if matches!(&key.kind, Kind::Text(name) if name == "stubs") {
                value.kind = Kind::List(Vec::new());
            }
        }
    }
    read::<File>(source, &head, problems)
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
            for _ in 0..MOST_FAULTS {
                let Some(found) = fault.take() else { break };
                let place = found.place.unwrap_or(node.place);
                let mut problem = Problem::error(source, place, &found.message);
                problem.hint.clone_from(&found.hint);
                problems.push(problem);
                let Some(address) = found.node else { break };
                if !rest.prune(address) {
                    break;
                }
                // What is missing now was taken out.
                fault = T::deserialize(&rest).err().filter(|fault| !fault.is_absence);
            }
            None
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
