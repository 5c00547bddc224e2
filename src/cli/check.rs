//! `mynah check`: all that is wrong with scenario files.

use std::path::PathBuf;

use clap::Args;

use super::{Exit, output};
use crate::{
    scenario::{self, error::Severity},
    store,
};

/// Tell all that is wrong with scenario files, and what is suspicious
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Scenario files, and folders of them
    #[arg(required = true, value_name = "FILES")]
    files: Vec<PathBuf>,
}

impl Check {
    pub(super) fn run(self) -> Exit {
        let (inputs, unread) = store::scenarios(&self.files);
        let (scenarios, mut problems) = scenario::read(&inputs);
        problems.0.splice(0..0, unread);
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
        output::print(&format!("{found}: {files}, {scenarios}, {stubs}\n"));
        if errors > 0 { Exit::Files } else { Exit::Ok }
    }
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
