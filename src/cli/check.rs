//! `mynah check`: all that is wrong with scenario files and cassettes.

use std::path::PathBuf;

use clap::Args;

use super::{Exit, output};
use crate::{
    cassette::{file::Tape, key::Matching, suspect::suspects},
    document::{
        error::{Problem, Severity},
        yaml,
    },
    scenario::{self, Input, compile},
    server::matching,
    store,
};

/// Tell all that is wrong with scenario files, expectations and cassettes, secrets among it
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Scenario files, files of expectations and cassettes, and folders of them
    #[arg(required = true, value_name = "FILES")]
    files: Vec<PathBuf>,

    /// Rules of your own: what else is a secret in cassettes
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Check {
    pub(super) fn run(self) -> Exit {
        let matching = match self.config.as_deref().map(matching).transpose() {
            Ok(matching) => matching.unwrap_or_default(),
            Err(problems) => {
                output::complain_at_length(&problems.to_string());
                return Exit::Files;
            }
        };
        let (found, mut unread) = store::find(&self.files);
        let (cassettes, found): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(path, _)| store::cassettes::is_cassette(path));
        let (inputs, more) = store::inputs(&found);
        let (expected, mut inputs): (Vec<_>, Vec<_>) = inputs.into_iter().partition(are_expectations);
        inputs.iter_mut().for_each(|input| input.matching = matching.clone());
        unread.extend(more);
        let (scenarios, mut problems) = scenario::read(&inputs);
        problems.0.splice(0..0, unread);
        let read: Vec<_> = expected.iter().map(|input| compile::expectations(&input.source)).collect();
        problems.0.extend(read.into_iter().filter_map(Result::err).flatten());
        let (tapes, more) = store::cassettes::tapes(&cassettes, &matching);
        problems.0.extend(more);
        problems.0.extend(tapes.iter().flat_map(|tape| checked(tape, &matching)));
        if !problems.0.is_empty() {
            output::complain_at_length(&problems.to_string());
        }
        let (errors, warnings) = (problems.count(Severity::Error), problems.count(Severity::Warning));
        let stubs = scenarios.iter().map(|scenario| scenario.stubs.len()).sum();
        let found = match (errors, warnings) {
            (0, 0) => "all is well".to_owned(),
            (0, warnings) => plural(warnings, "warning"),
            (errors, 0) => plural(errors, "error"),
            (errors, warnings) => format!("{}, {}", plural(errors, "error"), plural(warnings, "warning")),
        };
        let (files, scenarios, stubs) =
            (plural(inputs.len(), "file"), plural(scenarios.len(), "sound scenario"), plural(stubs, "stub"));
        let mut told = format!("{found}: {files}, {scenarios}, {stubs}");
        if !expected.is_empty() {
            told.push_str(&format!(", {} of expectations", plural(expected.len(), "file")));
        }
        if !tapes.is_empty() {
            let interactions = tapes.iter().map(|tape| tape.entries.len()).sum();
            told.push_str(&format!(
                ", {}, {}",
                plural(tapes.len(), "cassette"),
                plural(interactions, "interaction")
            ));
        }
        output::print(&format!("{told}\n"));
        if errors > 0 { Exit::Files } else { Exit::Ok }
    }
}

/// Whether a text says what is expected, and not what is answered.
fn are_expectations(input: &Input) -> bool {
    let trees = yaml::read(&input.source).unwrap_or_default();
    trees.first().is_some_and(|tree| tree.value("expectations").is_some())
}

/// All that is wrong with the interactions of a cassette, and the secrets in them.
fn checked(tape: &Tape, matching: &Matching) -> Vec<Problem> {
    let unread = tape.entries.iter().flat_map(|entry| tape.faults(entry));
    unread.chain(suspects(tape, &matching.detector)).collect()
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
