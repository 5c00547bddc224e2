//! A plan as text, for people and for golden tests, and as JSON without loss.

use std::{collections::HashMap, fmt, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    WirePlan,
    end::{Hold, How, TELLS_ACKNOWLEDGED},
    script::Script,
};
use crate::{dialect::event::Carry, identity::Payload, notation::value::Period};

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

    /// The body's hash, by which the same body is known however it is cut.
    pub fn payload(&self) -> Payload {
        Payload::of(&self.body)
    }

    /// The number of each event and what it is, by its end in the body. What is cut
    /// off ends where the last that is sent does.
    fn events(&self) -> HashMap<usize, (usize, Vec<&'static str>)> {
        let kinds = self.kinds.iter().map(|kinds| kinds.iter().map(|kind| kind.name()).collect());
        let ends = self.spans.iter().map(|span| span.end);
        let mut events = HashMap::new();
        for (end, event) in ends.zip((1..).zip(kinds)) {
            events.entry(end).or_insert(event);
        }
        events
    }

    /// All of it, without loss.
    pub fn json(&self) -> Value {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| json!([name.as_str(), bytes(value.as_bytes())]))
            .collect();
        let events = self.events();
        let pieces: Vec<_> = self
            .pieces()
            .zip(&self.ends)
            .map(|((time, piece), end)| {
                let (number, kinds) = events.get(end).cloned().unzip();
                json!({"at": at(time), "number": number, "kinds": kinds, "bytes": bytes(piece)})
            })
            .collect();
        let carry = match self.carry {
            Carry::Chunked => "chunked",
            Carry::Length => "length",
        };
        json!({
            "status": self.status.as_u16(), "reason": self.reason_phrase(), "headers": headers,
            "carry": carry, "head_at": at(self.head_at),
            "missed": self.missed, "pieces": pieces, "length": self.body.len(),
            "payload": self.payload().to_string(),
            "end_at": at(self.end_at.max(self.head_at)),
            "socket": self.script.as_ref().map(|script| script.json()),
        })
    }
}

impl Script {
    /// Every write, and the end.
    fn json(&self) -> Value {
        let mut start = 0;
        let writes: Vec<_> = self
            .writes
            .iter()
            .map(|write| {
                let own = &self.bytes[start..write.end];
                start = write.end;
                json!({
                    "at": at(write.at),
                    "gap": write.gap.map(at), "bytes": bytes(own),
                })
            })
            .collect();
        let ending = &self.ending;
        let hold = match ending.hold {
            Hold::For(period) => period.to_string(),
            Hold::Forever => "forever".to_owned(),
        };
        let completes = if ending.how == How::Complete { &self.bytes[start..] } else { &[] };
        json!({
            "writes": writes, "rate": self.rate, "closes": self.closes,
            "end": {
                "how": ending.how.name(), "hold": hold, "is_idle": ending.is_idle,
                "put": bytes(&ending.put), "then": bytes(completes),
                "heartbeat": ending.beat.as_ref().map(|beat| json!({
                    "every": at(beat.every), "bytes": bytes(&beat.bytes),
                })),
                "waits_for_acknowledgement": TELLS_ACKNOWLEDGED,
            },
        })
    }
}

fn at(time: Duration) -> String {
    Period(time).to_string()
}

/// Bytes as text, where they are one.
fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({"base64": STANDARD.encode(bytes)}),
    }
}

impl fmt::Display for WirePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "HTTP/1.1 {} {}", self.status.as_u16(), self.reason_phrase())?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        if self.head_at > Duration::ZERO {
            writeln!(f, "      {:>10}  head", at(self.head_at))?;
        }
        let events = self.events();
        for (number, ((time, piece), end)) in (1..).zip(self.pieces().zip(&self.ends)) {
            match (events.get(end), events.is_empty()) {
                (Some((number, kinds)), _) => {
                    write!(f, "{number:>4}  {:>10}  {:<14}", at(time), kinds.join(" "))?;
                }
                // A heartbeat, or what belongs to no event.
                (None, false) => write!(f, "   -  {:>10}  {:<14}", at(time), "")?,
                (None, true) => write!(f, "{number:>4}  {:>10}", at(time))?,
            }
            writeln!(f, "  {}", shown(piece))?;
        }
        for missed in &self.missed {
            writeln!(f, "      missed: {missed}")?;
        }
        match &self.script {
            None => write!(f, "      {:>10}  complete", at(self.end_at.max(self.head_at))),
            Some(script) => {
                writeln!(f, "onto the socket:")?;
                script.fmt(f)
            }
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut start = 0;
        for write in &self.writes {
            if let Some(gap) = write.gap {
                writeln!(f, "      {:>10}  at least, once that was acknowledged", format!("+{}", at(gap)))?;
            }
            let own = &self.bytes[start..write.end];
            writeln!(f, "      {:>10}  {:>6} B  {}", at(write.at), own.len(), shown(own))?;
            start = write.end;
        }
        if let Some(rate) = self.rate {
            writeln!(f, "                  no faster than {rate} B/s")?;
        }
        let ending = &self.ending;
        let silence = if ending.is_idle { "without a new request" } else { "of silence" };
        match ending.hold {
            Hold::For(Period(Duration::ZERO)) => {}
            Hold::For(period) => writeln!(f, "      {:>10}  {silence}", format!("+{period}"))?,
            Hold::Forever => return write!(f, "      silence for ever"),
        }
        if let Some(beat) = &ending.beat {
            writeln!(f, "                  every {}: {}", at(beat.every), shown(&beat.bytes))?;
        }
        if !ending.put.is_empty() {
            writeln!(f, "                  {:>6} B  {}", ending.put.len(), shown(&ending.put))?;
        }
        if ending.how == How::Complete && start < self.bytes.len() {
            writeln!(
                f,
                "                  {:>6} B  {}",
                self.bytes.len() - start,
                shown(&self.bytes[start..])
            )?;
        }
        write!(f, "                  {}", ending.how.name())?;
        match ending.how {
            How::Complete if self.closes => write!(f, ", and the connection ends"),
            How::Complete => Ok(()),
            _ if ending.is_idle => Ok(()),
            _ if TELLS_ACKNOWLEDGED => write!(f, ", once all was acknowledged"),
            _ => write!(f, " (this platform does not tell what was acknowledged)"),
        }
    }
}

/// The beginning of some bytes, line ends made visible.
fn shown(piece: &[u8]) -> String {
    let mut text = String::new();
    for chunk in piece.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\r', "\\r").replace('\n', "\\n"));
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
        if text.len() > 4 * WIDTH {
            break;
        }
    }
    match text.char_indices().nth(WIDTH) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
