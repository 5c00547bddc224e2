//! A plan as text, for people and for golden tests.

use std::{fmt, time::Duration};

use super::WirePlan;
use crate::notation::value::Period;

/// Bytes of an event that are shown.
const WIDTH: usize = 240;

impl WirePlan {
    /// The bytes of each piece of the body, and when it leaves.
    pub fn pieces(&self) -> impl Iterator<Item = (Duration, &[u8])> {
        let mut start = 0;
        self.ends.iter().enumerate().map(move |(at, end)| {
            let piece = &self.body[start..*end];
            start = *end;
            (self.times.get(at).copied().unwrap_or(self.head_at), piece)
        })
    }

    /// The reason phrase as it goes out.
    pub fn reason_phrase(&self) -> &'static str {
        self.reason.or(self.status.canonical_reason()).unwrap_or_default()
    }
}

impl fmt::Display for WirePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "HTTP/1.1 {} {}", self.status.as_u16(), self.reason_phrase())?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        if self.head_at > Duration::ZERO {
            writeln!(f, "      {:>10}  head", Period(self.head_at).to_string())?;
        }
        for (number, (time, piece)) in (1..).zip(self.pieces()) {
            writeln!(f, "{number:>4}  {:>10}  {}", Period(time).to_string(), shown(piece))?;
        }
        let end = self.end_at.max(self.head_at);
        write!(f, "      {:>10}  complete", Period(end).to_string())
    }
}

/// The beginning of some bytes, line ends made visible.
fn shown(piece: &[u8]) -> String {
    let text = String::from_utf8_lossy(piece);
    let text = text.replace('\r', "\\r").replace('\n', "\\n");
    match text.char_indices().nth(WIDTH) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
