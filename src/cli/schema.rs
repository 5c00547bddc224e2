//! `mynah schema`: the JSON Schemas of files, for editors.

use clap::{Args, ValueEnum};

use super::{Exit, output};
use crate::scenario::{expectations, file};

/// Print the JSON Schema of scenario files, for editors
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Of which files
    #[arg(value_enum, default_value_t = Kind::Scenario)]
    of: Kind,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Scenarios
    Scenario,
    /// Files of expectations, for --expect
    Expectations,
}

impl Schema {
    pub(super) fn run(&self) -> Exit {
        let schema = match self.of {
            Kind::Scenario => file::schema(),
            Kind::Expectations => expectations::schema(),
        };
        output::print(&format!("{schema:#}\n"));
        Exit::Ok
    }
}
