//! The `mynah` program: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    mynah::cli::main()
}
