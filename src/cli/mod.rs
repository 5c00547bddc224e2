//! The command line: one file for each command.

mod banner;
mod cassette;
mod check;
mod client;
mod control;
mod health;
mod log;
mod output;
mod plan;
mod record;
mod recordings;
mod report;
mod run;
mod scenarios;
mod schema;
mod serve;
mod shared;
mod signals;
mod size;
mod verify;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::notation::value::{Period, Word};

/// How the program ended, as its exit code tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All is well.
    Ok = 0,
    /// The answer is no: an unhealthy server, a file that cannot be written.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The address cannot be listened on.
    Address = 3,
    /// A scenario file or a cassette is wrong, or has a secret in it.
    Files = 4,
    /// An upstream is told wrongly, or cannot be found.
    Upstream = 5,
    /// A request was a miss, where none was to be.
    Unmatched = 6,
    /// Recordings were not used, or are too old.
    Stale = 7,
    /// The client did not do what was expected of it.
    Expectations = 8,
    /// The command of `run` cannot be started.
    NoCommand = 127,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A stand-in for the Gemini, OpenAI and Anthropic APIs, for tests without a network.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  all is well
  1  the answer is no: an unhealthy server, a file that cannot be written
  2  the command line is wrong
  3  the address cannot be listened on
  4  a scenario file or a cassette is wrong, or has a secret in it
  5  an upstream is told wrongly, or cannot be found
  6  --strict: a request was answered by nothing
  7  --strict: recordings were not used, or are older than --max-age
  8  the client did not do what was expected of it (run, verify; serve with --strict)
run ends with its command's own code (128 and the signal's number where a signal ended it), unless
that is 0 and its own is not; with 127 where the command cannot be started";

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer API calls until it is told to end
    Serve(serve::Serve),
    /// Run a command, such as your tests, against a server of its own, and judge what it did
    Run(run::Run),
    /// Judge what the clients of a running server did
    Verify(verify::Verify),
    /// Pass requests on to the real API, and write down what comes
    Record(record::Record),
    /// Tell all that is wrong with scenario files and cassettes, secrets among it
    Check(check::Check),
    /// Look at cassettes, take secrets out of them, make scenarios of them
    Cassette(cassette::Cassette),
    /// Print what a request would get, and why
    Plan(plan::Plan),
    /// List the scenarios that ship with mynah: streaming failures met in the wild
    Scenarios(scenarios::Scenarios),
    /// Print the JSON Schema of scenario files, for editors
    Schema(schema::Schema),
    /// Ask a running server whether it is well
    Health(health::Health),
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nobody is left to tell if this cannot be printed.
            drop(error.print());
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Ok.into() };
        }
    };
    let exit = match arguments.command {
        Command::Serve(serve) => serve.run(),
        Command::Run(run) => return run.run(),
        Command::Verify(verify) => verify.run(),
        Command::Record(record) => record.run(),
        Command::Check(check) => check.run(),
        Command::Cassette(cassette) => cassette.run(),
        Command::Plan(plan) => plan.run(),
        Command::Scenarios(scenarios) => scenarios.run(),
        Command::Schema(schema) => schema.run(),
        Command::Health(health) => health.run(),
    };
    exit.into()
}

/// A time on the command line.
fn period(text: &str) -> Result<Period, String> {
    Period::from_text(text).ok_or_else(|| format!("expected {}", Period::EXPECTED))
}

/// The time of `--clock`.
fn clock(text: &str) -> Result<jiff::Timestamp, String> {
    let expected = "expected a time in RFC 3339 such as 2026-01-01T00:00:00Z";
    let time: jiff::Timestamp = text.parse().map_err(|error| format!("{expected}: {error}"))?;
    if time < jiff::Timestamp::UNIX_EPOCH {
        return Err(format!("{expected}, from 1970 on"));
    }
    Ok(time)
}
