//! `mynah record`: the real API, written down.

use clap::Args;

use super::{Exit, serve::Serve};

/// Pass requests on to the real API, and write down what comes
///
/// All options of `serve` are understood as well. Where nothing else is said, everything is
/// passed on (`--mode all`) and written into `cassettes/`; what needs an answer of its own gets it
/// from scenarios, as in `serve`.
#[derive(Debug, Args)]
pub(super) struct Record {
    #[command(flatten)]
    serve: Serve,
}

impl Record {
    pub(super) fn run(mut self) -> Exit {
        self.serve.recordings.are_made = true;
        self.serve.run()
    }
}
