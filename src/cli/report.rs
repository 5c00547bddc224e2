//! Reports of a verdict: for people, for programs, for CI.

use std::{fmt::Write, fs, path::PathBuf, str::FromStr};

use serde_json::json;

use super::{Exit, output};
use crate::{
    journal::{Verdict, verdict::Judged},
    store,
};

/// A report that is wanted.
#[derive(Clone, Debug)]
pub(super) struct Report {
    format: Format,
    /// Where it goes; `None`: to standard error, or output.
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// What failed, as a test tells it.
    Text,
    /// All of the verdict.
    Json,
    /// JUnit's XML, as CI systems read it.
    Junit,
    /// GitHub's workflow commands, which mark lines of files.
    Github,
}

impl FromStr for Report {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = match text.split_once('=') {
            Some((format, file)) if !file.is_empty() => (format, Some(PathBuf::from(file))),
            Some(_) => return Err("a file's name is missing behind `=`".to_owned()),
            None => (text, None),
        };
        if let Some(folder) = file.as_ref().filter(|file| file.is_dir()) {
            return Err(format!("{} is a folder, and a report is a file", folder.display()));
        }
        let format = match format {
            "text" => Format::Text,
            "json" => Format::Json,
            "junit" => Format::Junit,
            "github" => Format::Github,
            other => {
                let known = ["text", "json", "junit", "github"];
                let meant = crate::document::error::did_you_mean(other, known);
                let meant = meant.map(|meant| format!(", did you mean {meant}?")).unwrap_or_default();
                return Err(format!("expected text, json, junit or github, alone or as junit=FILE{meant}"));
            }
        };
        Ok(Self { format, file })
    }
}

/// Where reports go that name no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// To standard output.
    Output,
    /// To standard error: the output is a command's own.
    Error,
}

/// Writes the reports that are wanted; the text where none is, and a summary always.
///
/// # Errors
///
/// Where one cannot be written, which is told.
pub(super) fn write(reports: &[Report], verdict: &Verdict, place: Place) -> Result<(), Exit> {
    let text = Report { format: Format::Text, file: None };
    let usual = [text];
    let reports = if reports.is_empty() { &usual[..] } else { reports };
    let mut is_summed_up = false;
    let mut written = Ok(());
    for report in reports {
        let content = report.content(verdict);
        match &report.file {
            Some(file) => {
                // What comes of it, writing tells.
                drop(file.parent().map(fs::create_dir_all));
                if let Err(problem) = store::write(file, &content) {
                    output::complain(&problem.to_string());
                    written = Err(Exit::Failed);
                }
            }
            None => {
                is_summed_up |= report.format == Format::Text;
                match place {
                    Place::Output => output::print(&content),
                    Place::Error => output::tell(&content),
                }
            }
        }
    }
    if !is_summed_up {
        output::tell(&format!("{}\n", verdict.summary()));
    }
    written
}

impl Report {
    fn content(&self, verdict: &Verdict) -> String {
        match self.format {
            Format::Text => format!("{verdict}\n"),
            Format::Json => {
                let mut value = json!(verdict);
                value["summary"] = verdict.summary().into();
                format!("{value:#}\n")
            }
            Format::Junit => junit(verdict),
            Format::Github => github(verdict),
        }
    }
}

/// What is said of one, besides where it stands.
fn message(judged: &Judged) -> String {
    let session =
        if judged.session.is_empty() { String::new() } else { format!(" (session {})", judged.session) };
    format!("expected {}; happened: {}{session}", judged.expected, judged.happened)
}

/// JUnit's XML, as the schema of Jenkins' xUnit plugin has it.
fn junit(verdict: &Verdict) -> String {
    let (count, failures) = (verdict.expectations.len(), verdict.failures().count());
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites tests=\"{count}\" failures=\"{failures}\">\n  \
         <testsuite name=\"mynah\" tests=\"{count}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">\n"
    );
    for judged in &verdict.expectations {
        let session =
            if judged.session.is_empty() { String::new() } else { format!(" [{}]", judged.session) };
        let name = format!("{}{session}", judged.key);
        // Writing into a text cannot fail.
        let _ = write!(
            xml,
            "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\"",
            escaped(&judged.about),
            escaped(&name),
            escaped(&judged.file),
            judged.line
        );
        if judged.passed {
            xml.push_str("/>\n");
        } else {
            let _ = write!(
                xml,
                ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
                escaped(&message(judged)),
                escaped(&judged.to_string())
            );
        }
    }
    let _ = writeln!(xml, "    <system-out>{}</system-out>", escaped(&verdict.summary()));
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// A text within XML 1.0, which has no place for most control characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            other if other.is_control() || matches!(other, '\u{fffe}' | '\u{ffff}') => {
                escaped.push('\u{fffd}');
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// GitHub's workflow commands (docs: "Workflow commands for GitHub Actions").
fn github(verdict: &Verdict) -> String {
    let line = |judged: &Judged| {
        let title = format!("mynah: {} {}", judged.about, judged.key);
        format!(
            "::error file={},line={},title={}::{}\n",
            property(&judged.file),
            judged.line,
            property(&title),
            value(&message(judged))
        )
    };
    let missed = verdict.missed.iter();
    let warnings = missed
        .map(|missed| format!("::warning title=mynah: a fault that did not happen::{}\n", value(missed)));
    verdict.failures().map(line).chain(warnings).collect()
}

fn value(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    value(text).replace(':', "%3A").replace(',', "%2C")
}
