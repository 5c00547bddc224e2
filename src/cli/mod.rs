//! The command line: one file for each command.

mod banner;
mod health;
mod log;
mod output;
mod serve;
mod signals;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A stand-in for the Gemini and OpenAI APIs, for tests without a network.
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
  3  the address cannot be listened on";

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer API calls until it is told to end
    Serve(serve::Serve),
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
        Command::Health(health) => health.run(),
    };
    exit.into()
}
