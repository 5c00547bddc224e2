//! What is printed: results to standard output, problems to standard error.

use std::io::Write;

/// Prints a result. A reader that has left is no problem of ours.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Prints to standard error as it is.
pub(super) fn tell(text: &str) {
    drop(std::io::stderr().lock().write_all(text.as_bytes()));
}

/// Prints a problem.
pub(super) fn complain(problem: &str) {
    drop(writeln!(std::io::stderr(), "mynah: {problem}"));
}

/// Prints problems that tell for themselves where they stand.
pub(super) fn complain_at_length(problems: &str) {
    drop(writeln!(std::io::stderr(), "{problems}\n"));
}
