//! `mynah schema`: the JSON Schema of scenario files, for editors.

use clap::Args;

use super::{Exit, output};
use crate::scenario::file;

/// Print the JSON Schema of scenario files, for editors
#[derive(Debug, Args)]
pub(super) struct Schema {}

impl Schema {
    pub(super) fn run(&self) -> Exit {
        output::print(&format!("{:#}\n", file::schema()));
        Exit::Ok
    }
}
