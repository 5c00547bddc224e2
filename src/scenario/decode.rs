//! From a tree to the types of the language, stub by stub.

use std::sync::Arc;

use super::file::{File, Stub};
use crate::{
    document::{
        error::{Problem, Source, did_you_mean},
        read::read,
        tree::{Kind, Node, OnKey, Path},
    },
    notation::value::List,
};

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
        Kind::Map(_) if tree.value("cassette").is_some() => {
            let problem = Problem::error(source, tree.place, "this is a cassette, and no scenario");
            problems.push(problem.hint("cassettes are given by `--cassettes`"));
            return (Document { source: Arc::clone(source), tree, file: None, stubs: Vec::new() }, problems);
        }
        Kind::Map(_) if tree.value("expectations").is_some() => {
            let problem = Problem::error(source, tree.place, "these are expectations, and no scenario");
            problems.push(problem.hint("files of expectations are given by `--expect`"));
            return (Document { source: Arc::clone(source), tree, file: None, stubs: Vec::new() }, problems);
        }
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

impl Document {
    /// A problem at the end of a way.
    pub fn problem(&self, path: &Path<'_>, on_key: OnKey, message: impl Into<String>) -> Problem {
        Problem::error(&self.source, self.tree.place_of(path, on_key), message)
    }

    /// The document as it was written, where all of it could be read.
    pub fn whole(&self) -> Option<File> {
        let stubs: Option<Vec<_>> = self.stubs.iter().cloned().collect();
        Some(File { stubs: List(stubs?), ..self.file.clone()? })
    }
}
