//! The verdict on a client, as a value that travels as JSON.

use serde::{Deserialize, Serialize};

/// What became of all expectations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether all were met.
    pub passed: bool,
    /// What was judged, in the order of the files; of what is expected in several
    /// sessions, each by itself.
    pub expectations: Vec<Judged>,
    /// Requests that were looked at.
    pub requests: u64,
    /// Calls that they make up.
    pub calls: u64,
    /// Sessions that they came in.
    pub sessions: u64,
    /// Requests that nothing answered.
    pub unmatched: u64,
    /// Requests that the real API would refuse, and that were.
    #[serde(default)]
    pub refused: u64,
    /// What is said of the first requests that nothing answered.
    #[serde(default)]
    pub unanswered: Vec<String>,
    /// How often what had happened was forgotten on request.
    #[serde(default)]
    pub resets: u64,
    /// Requests that are still being answered.
    pub open: u64,
    /// Requests that the journal has forgotten, to stay within its bounds.
    pub forgotten: u64,
    /// Faults of scenarios that named no place in the answer, so that they did not
    /// happen.
    #[serde(default)]
    pub missed: Vec<String>,
}

/// One expectation, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// What it is about: `SCENARIO/STUB`, a scenario, or a check's name.
    pub about: String,
    /// Which key of `expect`.
    pub key: String,
    /// The file that says it.
    pub file: String,
    /// The line in it.
    pub line: usize,
    /// The session that was judged; empty for the one that all share.
    pub session: String,
    /// Whether it was met.
    pub passed: bool,
    /// What was expected.
    pub expected: String,
    /// What happened.
    pub happened: String,
    /// The attempts that show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Row>,
    /// How many more there are.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// An attempt, as a table shows it. Times are in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The request's number in the journal.
    pub seq: u64,
    /// The call that it belongs to.
    pub call: u64,
    /// The how-manieth attempt of it.
    pub attempt: u64,
    /// The status that it got; 0 where nothing of the answer left.
    pub status: u16,
    /// When its first byte came, from the server's start.
    pub at: f64,
    /// How long after the end of the attempt before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<f64>,
    /// What its answer said about coming back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Bytes of the answer that left.
    pub sent: u64,
    /// How it ended, in words.
    pub end: String,
    /// The connection that it came on.
    pub connection: u64,
}

impl Verdict {
    /// The expectations that were not met.
    pub fn failures(&self) -> impl Iterator<Item = &Judged> {
        self.expectations.iter().filter(|judged| !judged.passed)
    }

    /// The one line that is always told.
    pub fn summary(&self) -> String {
        let failed = self.failures().count();
        let met = self.expectations.len() - failed;
        let expectations = match (met, failed) {
            (0, 0) => "nothing was expected".to_owned(),
            (met, 0) => format!("{} met", counted(met as u64, "expectation")),
            (met, failed) => format!("{} NOT met, {met} met", counted(failed as u64, "expectation")),
        };
        let mut line = format!(
            "mynah: {expectations}; {} in {}",
            counted(self.requests, "request"),
            counted(self.calls, "call")
        );
        if self.sessions > 1 {
            line.push_str(&format!(", {} sessions", self.sessions));
        }
        line.push_str(&format!(", {} unmatched", self.unmatched));
        if self.refused > 0 {
            line.push_str(&format!(", {} refused", self.refused));
        }
        if self.resets > 0 {
            line.push_str(&format!(", since the last of {}", counted(self.resets, "reset")));
        }
        if self.open > 0 {
            line.push_str(&format!(", {} still open", self.open));
        }
        if self.forgotten > 0 {
            line.push_str(&format!(", {} forgotten by the journal", self.forgotten));
        }
        line
    }
}

/// A number of things, in words.
pub(super) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
