//! A cassette's text and the interactions in it: found at once, read when they are
//! needed.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use super::{
    Interaction,
    key::{Key, Matching, key, secrets_of},
    read::{self, ReadFile},
    write::checksum,
};
use crate::{
    document::error::{Place, Problem, Source},
    plan::script::Script,
};

/// A cassette, as far as it was needed so far.
pub struct Tape {
    /// Its text.
    pub source: Arc<Source>,
    /// What it is called: the file's name without its ending.
    pub name: String,
    /// In their order.
    pub entries: Vec<Entry>,
    files: Box<ReadFile>,
}

/// An interaction of a cassette.
pub struct Entry {
    /// Where its document lies in the text.
    pub range: Range<usize>,
    /// The number of its first line.
    pub line: usize,
    /// What requests that are equal to its own share.
    pub key: Key,
    /// Which process recorded it.
    pub run: String,
    /// When.
    pub recorded: String,
    /// Which attempt of its call it was.
    pub attempt: u32,
    /// Its number.
    pub seq: u64,
    /// Its request's path, as written.
    pub path: String,
    read: OnceLock<Result<Arc<Interaction>, String>>,
    /// How it is played.
    pub(super) script: OnceLock<Script>,
}

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with {} interactions", self.source.name, self.entries.len())
    }
}

impl Tape {
    /// Finds the interactions of a text, and tells what is wrong with it.
    pub fn new(
        name: String,
        source: Arc<Source>,
        files: Box<ReadFile>,
        matching: &Matching,
    ) -> (Self, Vec<Problem>) {
        let mut tape = Self { source, name, entries: Vec::new(), files };
        let mark = matching.fingerprint();
        let mut problems = Vec::new();
        let documents = documents(&tape.source.text);
        let has_words =
            tape.source.text.lines().any(|line| !line.trim().is_empty() && !line.starts_with('#'));
        if documents.iter().all(|document| !tape.source.text[document.range.clone()].contains("cassette:"))
            && has_words
        {
            let source = Arc::new(Source { name: tape.source.name.clone(), text: String::new() });
            let problem =
                Problem::error(&source, Place { line: 1, column: 1, length: 1 }, "this is no cassette");
            return (
                tape,
                vec![problem.hint("a cassette has interactions, each of which begins with `cassette: 1`")],
            );
        }
        for document in documents {
            let document = &document;
            match tape.entry(document, matching, &mark) {
                Ok(entry) => tape.entries.push(entry),
                // A process that was killed leaves its last interaction torn.
                Err(_) if !document.is_closed && is_torn(&tape.source.text[document.range.clone()]) => {
                    let place = Place { line: document.line, column: 1, length: 3 };
                    let message = "this interaction is torn, as by a process that was killed: it is left out";
                    problems.push(Problem::warning(&tape.source, place, message));
                }
                Err(found) => problems.extend(found),
            }
        }
        (tape, problems)
    }

    fn entry(&self, document: &Document, matching: &Matching, mark: &str) -> Result<Entry, Vec<Problem>> {
        let text = &self.source.text[document.range.clone()];
        let parts = Parts::of(text);
        // What somebody edited is read at once, so that all that is wrong is told.
        let trusted = parts.value("id").filter(|_| document.is_closed).and_then(|id| {
            let (key, sum) = id.split_once('-')?;
            (checksum(text, mark) == sum).then(|| Key::from_text(key)).flatten()
        });
        let mut entry = Entry {
            range: document.range.clone(),
            line: document.line,
            key: Key::default(),
            run: parts.value("run").unwrap_or_default().to_owned(),
            recorded: parts.value("recorded").unwrap_or_default().to_owned(),
            attempt: parts.value("attempt").and_then(|attempt| attempt.parse().ok()).unwrap_or(1),
            seq: parts.value("seq").and_then(|seq| seq.parse().ok()).unwrap_or_default(),
            path: parts.path().unwrap_or_default().to_owned(),
            read: OnceLock::new(),
            script: OnceLock::new(),
        };
        if let Some(key) = trusted {
            return Ok(Entry { key, ..entry });
        }
        let interaction = self.parse(&entry)?;
        let asked = interaction.request.clone();
        let request = super::key::as_request(&asked.method, &asked.path, &asked.query, &asked.headers);
        entry.key = key(&matching.canonical(asked, &secrets_of(&request)));
        (entry.run, entry.recorded) = (interaction.run.clone(), interaction.recorded.clone());
        (entry.attempt, entry.seq) = (interaction.attempt, interaction.seq);
        entry.path.clone_from(&interaction.request.path);
        entry.read = Ok(Arc::new(interaction)).into();
        Ok(entry)
    }

    fn parse(&self, entry: &Entry) -> Result<Interaction, Vec<Problem>> {
        let text = &self.source.text[entry.range.clone()];
        let part = Arc::new(Source { name: self.source.name.clone(), text: text.to_owned() });
        let interaction = read::interaction(&part, &*self.files).map_err(|problems| {
            // The line may have a secret in it, and so may what is told of it.
            let source = Arc::new(Source { name: self.source.name.clone(), text: String::new() });
            let placed = problems.into_iter().map(|mut problem| {
                problem.place.line += entry.line - 1;
                problem.source = Arc::clone(&source);
                problem.message = harmless(&problem.message);
                problem
            });
            placed.collect::<Vec<_>>()
        })?;
        Ok(Interaction { key: entry.key, ..interaction })
    }

    /// What is wrong with one of its interactions.
    pub fn faults(&self, entry: &Entry) -> Vec<Problem> {
        self.parse(entry).err().unwrap_or_default()
    }

    /// One of its interactions, read now where it was not before.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn interaction(&self, entry: &Entry) -> Result<Arc<Interaction>, String> {
        let read = || match self.parse(entry) {
            Ok(interaction) => Ok(Arc::new(interaction)),
            Err(problems) => {
                let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
                Err(problems.join("\n"))
            }
        };
        entry.read.get_or_init(read).clone()
    }

    /// Where an interaction stands, for people.
    pub fn place(&self, entry: &Entry) -> String {
        format!("{}:{}", self.source.name, entry.line)
    }

    /// What stands in front of the first interaction: the words of whoever made it.
    pub fn preamble(&self) -> &str {
        let end = documents(&self.source.text).first().map_or(self.source.text.len(), |it| it.range.start);
        &self.source.text[..end]
    }
}

/// A message without what it quotes of a long text.
fn harmless(message: &str) -> String {
    let is_long = |word: &str| word.len() > 12 && !word.contains('`');
    let words = message.split('"').enumerate().map(|(at, part)| match at % 2 {
        1 if is_long(part) => "…",
        _ => part,
    });
    words.collect::<Vec<_>>().join("\"")
}

/// Where a document lies.
struct Document {
    range: Range<usize>,
    line: usize,
    /// Whether it has its end.
    is_closed: bool,
}

/// The documents of a text, by the lines that begin and end them: whatever is wrong
/// with one, the others are found.
fn documents(text: &str) -> Vec<Document> {
    let mut found: Vec<Document> = Vec::new();
    let (mut at, mut is_open) = (0, false);
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let end = at + line.len();
        match line.trim_end() {
            "---" => {
                found.push(Document { range: at..end, line: number, is_closed: false });
                is_open = true;
            }
            "..." => {
                if let Some(last) = found.last_mut().filter(|_| is_open) {
                    last.is_closed = true;
                }
                is_open = false;
            }
            // The first may do without.
            word if !is_open && found.is_empty() && word.starts_with("cassette:") => {
                found.push(Document { range: at..end, line: number, is_closed: false });
                is_open = true;
            }
            _ => {
                if let Some(last) = found.last_mut().filter(|_| is_open) {
                    last.range.end = end;
                }
            }
        }
        at = end;
    }
    found
}

/// Whether a document that has no end is one that was not written in full.
fn is_torn(document: &str) -> bool {
    !(document.ends_with('\n') && document.lines().any(|line| line.trim_start().starts_with("end:")))
}

/// Whether a text is a cassette, as its first key tells.
pub fn is_cassette(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    let mut words = text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
    words.find(|line| *line != "---").is_some_and(|line| line.starts_with("cassette:"))
}

/// A document's own keys, and the lines of its request.
struct Parts<'t> {
    own: &'t str,
    request: Option<&'t str>,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Self {
        let Some(start) = text.find("\nrequest:").map(|at| at + 1) else {
            return Self { own: text, request: None };
        };
        let end = text[start..].find("\nresponse:").map(|at| start + at + 1);
        Self { own: &text[..start], request: end.map(|end| &text[start..end]) }
    }

    /// The value of a key on one line.
    fn value(&self, key: &str) -> Option<&'t str> {
        let value = |line: &'t str| line.strip_prefix(key)?.strip_prefix(": ");
        let found = self.own.lines().find_map(value)?;
        // Behind a value there may be a comment.
        let bare = found.split(" #").next().unwrap_or(found);
        Some(bare.trim().trim_matches('"'))
    }

    fn path(&self) -> Option<&'t str> {
        let path = self.request?.lines().find_map(|line| line.strip_prefix("  path: "))?;
        Some(path.trim().trim_matches('"'))
    }
}
