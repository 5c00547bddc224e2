//! `mynah health`: for a container's health check, and for waiting in scripts.

use std::{fmt, time::Duration};

use clap::Args;

use super::{
    Exit,
    client::{Place, Question, place},
    output,
};

/// How long to wait for the connection, and for the answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Ask a running server whether it is well
#[derive(Debug, Args)]
pub(super) struct Health {
    /// Where it listens, such as http://127.0.0.1:4100
    #[arg(value_parser = place)]
    url: Place,
}

impl Health {
    pub(super) fn run(&self) -> Exit {
        match ask(&self.url, PATIENCE) {
            Ok(()) => {
                output::print("ok\n");
                Exit::Ok
            }
            Err(problem) => {
                output::complain(&format!("{} is not healthy: {problem}", self.url));
                Exit::Failed
            }
        }
    }
}

/// Why a server is not well.
pub(super) enum Unwell {
    /// Nobody answers, for this reason: it may not be there yet.
    Nobody(String),
    /// Somebody else answers.
    Stranger(String),
}

impl fmt::Display for Unwell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody(problem) | Self::Stranger(problem) => f.write_str(problem),
        }
    }
}

/// Whether a server is well.
pub(super) fn ask(place: &Place, patience: Duration) -> Result<(), Unwell> {
    let question = Question { path: "/__mynah/health", ..Question::default() };
    match place.ask(&question, patience).map_err(Unwell::Nobody)? {
        (200, body) if body.contains(r#""name":"mynah""#) => Ok(()),
        (status, _) => {
            let problem = format!("something else answers there, with the status {status}");
            Err(Unwell::Stranger(problem))
        }
    }
}
