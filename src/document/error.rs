//! What is wrong with a scenario file, shown where it stands.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

/// A text that was read, and what it is called.
#[derive(Debug)]
pub struct Source {
    /// The path as the user gave it.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// Where something stands in a text. Lines and columns count from 1, columns in
/// characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// 0 where there is none, as with a file that is no text.
    pub line: usize,
    /// In characters.
    pub column: usize,
    /// How many characters; at least one is shown.
    pub length: usize,
}

/// Whether the server can start nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but this is hardly what was meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Whether the server can start nevertheless.
    pub severity: Severity,
    /// In which text.
    pub source: Arc<Source>,
    /// Where in it.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What was expected, or what to do.
    pub hint: Option<String>,
}

impl Problem {
    /// Something that must be mended.
    pub fn error(source: &Arc<Source>, place: Place, message: impl Into<String>) -> Self {
        let source = Arc::clone(source);
        Self { severity: Severity::Error, source, place, message: message.into(), hint: None }
    }

    /// Something that should be looked at.
    pub fn warning(source: &Arc<Source>, place: Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(source, place, message) }
    }

    /// With what was expected, or what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Characters of a line that are shown at the most.
const WIDTH: usize = 100;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.place.line.checked_sub(1).and_then(|line| self.source.text.lines().nth(line));
        self.show(line, f)
    }
}

impl Problem {
    /// Shows it beside its line.
    fn show(&self, text: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let (message, name) = (plain(&self.message), plain(&self.source.name));
        write!(f, "{severity}: {message}")?;
        let Place { line, column, length } = self.place;
        if line == 0 {
            write!(f, "\n  --> {name}")?;
            return self.hint.iter().try_for_each(|hint| write!(f, "\n   = {hint}"));
        }
        write!(f, "\n  --> {name}:{line}:{column}")?;
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        if let Some(text) = text {
            let (shown, column) = window(text, column);
            let room = shown.chars().count().saturating_sub(column - 1).max(1);
            let (indent, marks) = (" ".repeat(column - 1), "^".repeat(length.clamp(1, room)));
            write!(f, "\n {gutter} |\n {number} | {shown}\n {gutter} | {indent}{marks}")?;
        }
        self.hint.iter().try_for_each(|hint| write!(f, "\n {gutter} = {hint}"))
    }
}

/// Whether a character would do something to a terminal, or turn what stands
/// beside it around.
fn is_wild(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text of one line, in which nothing is wild.
fn plain(text: &str) -> String {
    text.chars().map(|character| if is_wild(character) { '\u{fffd}' } else { character }).collect()
}

/// The surroundings of a column in a line, control characters and all that
/// would shift the marks made visible, and the column in them.
fn window(line: &str, column: usize) -> (String, usize) {
    let start = if column > WIDTH * 3 / 4 { column - WIDTH / 2 } else { 1 };
    let mut shown = String::new();
    if start > 1 {
        shown.push('…');
    }
    let marks = usize::from(start > 1);
    let mut rest = line.chars().skip(start - 1);
    shown.extend(rest.by_ref().take(WIDTH).map(|character| match character {
        '\t' => ' ',
        character if is_wild(character) => '\u{fffd}',
        character => character,
    }));
    if rest.next().is_some() {
        shown.push('…');
    }
    (shown, column - start + 1 + marks)
}

/// The problems of one text from top to bottom. What is wrong with an anchor is
/// told once, in however many places it is used.
pub(crate) fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    let mut seen = HashSet::new();
    problems.retain(|problem| seen.insert((problem.place, problem.message.clone())));
    problems.sort_by_key(|problem| (problem.place.line, problem.place.column));
    problems
}

/// All that is wrong with the files that were read.
#[derive(Clone, Debug, Default)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Whether the server cannot start.
    pub fn are_fatal(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// How many are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|problem| problem.severity == severity).count()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every text is cut into its lines once, however many problems it has.
        let mut texts: HashMap<_, Vec<&str>> = HashMap::new();
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n\n")?;
            }
            let lines = texts
                .entry(Arc::as_ptr(&problem.source))
                .or_insert_with(|| problem.source.text.lines().collect());
            let line = problem.place.line.checked_sub(1).and_then(|line| lines.get(line));
            problem.show(line.copied(), f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The word of a list that was probably meant.
pub fn did_you_mean<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // No word of the language comes near to this.
    const LONGEST: usize = 100;
    if word.len() > LONGEST {
        return None;
    }
    let lower = word.to_lowercase();
    let is_near = |known: &str, distance| {
        let length = known.chars().count();
        distance <= (length.max(3) / 3).min(2)
            // A word that was left unfinished, or that has an ending too many.
            || (length.min(lower.len()) > 2 && (known.starts_with(&lower) || lower.starts_with(known)))
    };
    words
        .into_iter()
        .map(|known| (strsim::osa_distance(&lower, &known.to_lowercase()), known))
        .filter(|(distance, known)| is_near(known, *distance))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_place() {
        let source = Arc::new(Source { name: "x.yaml".to_owned(), text: "a: 1\nb: two\n".to_owned() });
        let place = Place { line: 2, column: 4, length: 3 };
        let shown = Problem::error(&source, place, "no number").hint("write 2").to_string();
        assert_eq!(shown, "error: no number\n  --> x.yaml:2:4\n   |\n 2 | b: two\n   |    ^^^\n   = write 2");
    }

    #[test]
    fn a_long_line_is_cut_around_its_place() {
        let (shown, column) = window(&format!("{}X{}", "a".repeat(1000), "b".repeat(1000)), 1001);
        assert_eq!(shown.chars().nth(column - 1), Some('X'));
        assert!(shown.chars().count() <= WIDTH + 2);
    }

    #[test]
    fn a_slip_of_the_finger_is_known() {
        assert_eq!(did_you_mean("promt", ["prompt", "path"]), Some("prompt"));
        assert_eq!(did_you_mean("Model", ["model"]), Some("model"));
        assert_eq!(did_you_mean("streaming", ["stream"]), Some("stream"));
        assert_eq!(did_you_mean("banana", ["prompt", "path"]), None);
        assert_eq!(did_you_mean("arguments", ["fragments"]), None);
    }
}
