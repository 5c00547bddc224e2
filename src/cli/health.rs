//! `mynah health`: for a container's health check, and for waiting in scripts.

use std::time::Duration;

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

/// Whether a server is well; in words why not.
pub(super) fn ask(place: &Place, patience: Duration) -> Result<(), String> {
    let question = Question { path: "/__mynah/health", ..Question::default() };
    match place.ask(&question, patience)? {
        (200, body) if body.contains(r#""name":"mynah""#) => Ok(()),
        (status, _) => Err(format!("something else answers there, with the status {status}")),
    }
}
