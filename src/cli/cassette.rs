//! `mynah cassette`: what is on them, and what is to be done with them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{Exit, output};
use crate::{
    cassette::{
        Interaction,
        file::{Entry, Tape},
        key::Matching,
        redact::redact,
        secret::{Detector, Placeholders, Put, highest_number},
        timeline::timeline,
        write::{Aside, write},
    },
    document::error::{Problems, Severity},
    scenario::from_cassette,
    server::matching,
    store,
};

/// Look at cassettes, take secrets out of them, make scenarios of them
#[derive(Debug, Args)]
pub(super) struct Cassette {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the interactions: what was asked, and what came
    List(List),
    /// Draw when each piece of an answer came
    Show(Chosen),
    /// Take secrets out, as recording does
    Redact(Redact),
    /// Print a scenario that answers the same, to be edited
    ToScenario(Chosen),
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    files: Files,

    /// How they are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A line each
    Text,
    /// A list of objects
    Json,
}

#[derive(Debug, Args)]
struct Files {
    /// Cassettes, and folders of them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
struct Chosen {
    #[command(flatten)]
    files: Files,

    /// Only the interactions whose id begins so
    #[arg(long, value_name = "ID")]
    id: Vec<String>,
}

#[derive(Debug, Args)]
struct Redact {
    #[command(flatten)]
    files: Files,

    /// Rules of your own: what else is a secret
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Cassette {
    pub(super) fn run(self) -> Exit {
        match self.action {
            Action::List(list) => list.run(),
            Action::Show(chosen) => chosen.show(),
            Action::Redact(redact) => redact.run(),
            Action::ToScenario(chosen) => chosen.to_scenario(),
        }
    }
}

impl Files {
    /// Reads them; all that is wrong is told.
    fn read(&self, matching: &Matching) -> Result<Vec<Tape>, Exit> {
        let (tapes, problems) = store::cassettes::read(&self.paths, matching);
        let problems = Problems(problems);
        if !problems.0.is_empty() {
            output::complain_at_length(&problems.to_string());
        }
        if problems.count(Severity::Error) > 0 { Err(Exit::Files) } else { Ok(tapes) }
    }
}

/// Calls this for each interaction; what cannot be read is told.
fn each(tapes: &[Tape], mut call: impl FnMut(&Tape, &Entry, &Interaction)) -> Exit {
    let mut exit = Exit::Ok;
    for tape in tapes {
        for entry in &tape.entries {
            match tape.interaction(entry) {
                Ok(interaction) => call(tape, entry, &interaction),
                Err(problem) => {
                    output::complain_at_length(&problem);
                    exit = Exit::Files;
                }
            }
        }
    }
    exit
}

impl List {
    fn run(self) -> Exit {
        let tapes = match self.files.read(&Matching::default()) {
            Ok(tapes) => tapes,
            Err(exit) => return exit,
        };
        let (mut lines, mut objects) = (String::new(), Vec::new());
        let exit = each(&tapes, |tape, entry, interaction| {
            let (asked, response) = (&interaction.request, &interaction.response);
            let (place, id) = (tape.place(entry), entry.key.to_string());
            let milliseconds = response.end_at.as_secs_f64() * 1000.0;
            let status = response.status().map_or_else(|| "-".to_owned(), |status| status.to_string());
            lines.push_str(&format!(
                "{place}  {}  {} {} -> {status}  {} B in {milliseconds:.1} ms, {}{}\n",
                &id[..8],
                asked.method,
                asked.path,
                response.length(),
                response.end.name(),
                if interaction.attempt > 1 {
                    format!(", attempt {}", interaction.attempt)
                } else {
                    String::new()
                },
            ));
            objects.push(json!({
                "file": tape.source.name, "line": entry.line, "id": id, "seq": interaction.seq,
                "recorded": interaction.recorded, "upstream": interaction.upstream,
                "attempt": interaction.attempt, "method": asked.method, "path": asked.path,
                "status": response.status(), "bytes": response.length(), "pieces": response.pieces.len(),
                "milliseconds": milliseconds, "end": response.end.name(), "redacted": interaction.is_redacted,
            }));
        });
        output::print(&match self.format {
            Format::Text => lines,
            Format::Json => format!("{:#}\n", serde_json::Value::from(objects)),
        });
        exit
    }
}

impl Chosen {
    fn is_chosen(&self, entry: &Entry) -> bool {
        let key = entry.key.to_string();
        let short =
            |id: &String| id.split('-').next().is_some_and(|id| !id.is_empty() && key.starts_with(id));
        self.id.is_empty() || self.id.iter().any(short)
    }

    fn chosen(&self) -> Result<Vec<(String, Interaction)>, Exit> {
        let tapes = self.files.read(&Matching::default())?;
        let mut chosen = Vec::new();
        let exit = each(&tapes, |tape, entry, interaction| {
            if self.is_chosen(entry) {
                chosen.push((tape.place(entry), interaction.clone()));
            }
        });
        if exit != Exit::Ok {
            return Err(exit);
        }
        if chosen.is_empty() {
            output::complain("there is no such interaction; `mynah cassette list` lists their ids");
            return Err(Exit::Failed);
        }
        Ok(chosen)
    }

    fn show(&self) -> Exit {
        match self.chosen() {
            Ok(chosen) => {
                let all: Vec<_> = chosen.iter().map(|(place, it)| timeline(it, place)).collect();
                output::print(&all.join("\n"));
                Exit::Ok
            }
            Err(exit) => exit,
        }
    }

    fn to_scenario(&self) -> Exit {
        let chosen = match self.chosen() {
            Ok(chosen) => chosen,
            Err(exit) => return exit,
        };
        let interactions: Vec<_> = chosen.into_iter().map(|(_, interaction)| interaction).collect();
        output::print(&from_cassette::scenario(&interactions));
        Exit::Ok
    }
}

impl Redact {
    fn run(self) -> Exit {
        let matching = match self.config.as_deref().map(matching).transpose() {
            Ok(matching) => matching.unwrap_or_default(),
            Err(problems) => {
                output::complain_at_length(&problems.to_string());
                return Exit::Files;
            }
        };
        let tapes = match self.files.read(&matching) {
            Ok(tapes) => tapes,
            Err(exit) => return exit,
        };
        let numbers = tapes.iter().filter_map(|tape| highest_number(&tape.source.text));
        let mut placeholders = Placeholders::above(numbers.max().unwrap_or_default());
        for tape in &tapes {
            let before = placeholders.put;
            if let Err(problem) = redact_tape(tape, &matching, &mut placeholders) {
                output::complain(&problem);
                return Exit::Failed;
            }
            let found = placeholders.put - before;
            output::print(&format!("{}: {found} redactions\n", tape.source.name));
        }
        Exit::Ok
    }
}

/// Writes the interactions anew that have secrets in them; all else stays as it stands.
fn redact_tape(tape: &Tape, matching: &Matching, placeholders: &mut Placeholders) -> Result<(), String> {
    let (text, mark) = (&tape.source.text, matching.fingerprint());
    let path = PathBuf::from(&tape.source.name);
    let mut asides: Vec<Aside> = Vec::new();
    let (mut new, mut at, mut old_asides) = (String::with_capacity(text.len()), 0, Vec::new());
    for entry in &tape.entries {
        let interaction = tape.interaction(entry)?;
        let mut copy = (*interaction).clone();
        redact(&mut copy, &matching.detector, &[], &mut Put::Numbered(placeholders));
        if copy == *interaction {
            continue;
        }
        let folder = format!("{}.bodies/", tape.name);
        let aside = format!("{folder}{}-{}-{}-redacted", copy.run, copy.seq, entry.line);
        let (document, beside) = write(&copy, &aside, &mark);
        let own = &text[entry.range.clone()];
        new.push_str(&text[at..entry.range.start]);
        // Its end stands behind it already.
        new.push_str(document.strip_suffix("...\n").unwrap_or(&document));
        at = entry.range.end;
        let named = own.lines().filter_map(|line| line.trim_start().strip_prefix("file: "));
        let named = named.map(|name| name.trim().trim_matches('"'));
        // A line of the request may look the same.
        let is_aside = |name: &&str| name.starts_with(&folder) && !name.contains("..");
        old_asides.extend(named.filter(is_aside).map(str::to_owned));
        asides.extend(beside);
    }
    new.push_str(&text[at..]);
    let new = without_comments(&new, &matching.detector, placeholders);
    if new == *text {
        return Ok(());
    }
    store::cassettes::replace(&path, (text, &new), &asides, &old_asides).map_err(|error| error.to_string())
}

/// The same with no secret in its comments.
fn without_comments(text: &str, detector: &Detector, placeholders: &mut Placeholders) -> String {
    let lines = text.split_inclusive('\n').map(|line| match line.trim_start().starts_with('#') {
        true => detector.text(line, &[], &mut Put::Numbered(placeholders)).unwrap_or_else(|| line.to_owned()),
        false => line.to_owned(),
    });
    lines.collect()
}
