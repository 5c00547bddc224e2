//! A verdict as text, for people; and an entry as JSON, without secrets.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{
    Entry,
    gaps::{GRACE, time},
    verdict::{Judged, Row, Verdict},
};
use crate::cassette::{
    self, Body,
    key::{Matching, secrets_of},
    redact::request_body,
    secret::Put,
};

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut failures = self.failures().peekable();
        while let Some(judged) = failures.next() {
            // What shows several of them stands once, behind the last.
            let is_shown_next = failures
                .peek()
                .is_some_and(|next| !next.attempts.is_empty() && next.attempts == judged.attempts);
            judged.show(!is_shown_next, f)?;
            writeln!(f)?;
        }
        for unanswered in &self.unanswered {
            writeln!(f, "{}\n", unanswered.trim_end())?;
        }
        for missed in &self.missed {
            writeln!(f, "A fault that did not happen: {missed}\n")?;
        }
        f.write_str(&self.summary())
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(true, f)
    }
}

impl Judged {
    fn show(&self, with_attempts: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { about, key, file, line, session, .. } = self;
        let session = if session.is_empty() { String::new() } else { format!(" in session {session}") };
        writeln!(f, "{} {about}: {key}{session}", if self.passed { "met" } else { "NOT MET" })?;
        writeln!(f, "  at        {file}:{line}")?;
        writeln!(f, "  expected  {}", indented(&self.expected))?;
        writeln!(f, "  happened  {}", indented(&self.happened))?;
        if self.attempts.is_empty() || !with_attempts {
            return Ok(());
        }
        writeln!(f)?;
        table(&self.attempts, f)?;
        if self.more > 0 {
            writeln!(f, "  and {} more", self.more)?;
        }
        Ok(())
    }
}

/// A text of several lines, behind a heading.
fn indented(text: &str) -> String {
    text.replace('\n', "\n            ")
}

const HEADS: [&str; 9] =
    ["request", "call", "attempt", "at", "gap", "status", "asked to wait", "bytes", "ended"];

fn table(rows: &[Row], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let cells = |row: &Row| {
        [
            row.seq.to_string(),
            row.call.to_string(),
            row.attempt.to_string(),
            format!("{:.3} s", row.at),
            row.gap.map_or_else(|| "-".to_owned(), |gap| format!("{gap:.3} s")),
            if row.status == 0 { "-".to_owned() } else { row.status.to_string() },
            row.hint.clone().unwrap_or_else(|| "-".to_owned()),
            row.sent.to_string(),
            row.end.clone(),
        ]
    };
    let lines: Vec<_> = rows.iter().map(cells).collect();
    let mut widths = HEADS.map(str::len);
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut write = |cells: &[String]| {
        let line: String =
            cells.iter().zip(widths).map(|(cell, width)| format!("  {cell:<width$}")).collect();
        writeln!(f, "{}", line.trim_end())
    };
    write(&HEADS.map(str::to_owned))?;
    lines.iter().try_for_each(|line| write(line))
}

/// What is said of the grace beside bounds of time.
pub(super) fn graced(bounds: impl fmt::Display) -> String {
    format!("{bounds} (give or take {})", time(GRACE))
}

/// Bytes of a body that are shown.
const LONGEST_BODY: usize = 64 * 1024;

impl Entry {
    /// The request as it may be shown: its secrets taken out. `keys` are further ones.
    fn shown_request(&self, matching: &Matching, keys: &[String]) -> Value {
        let request = &self.request;
        let mut known = secrets_of(request);
        known.extend(keys.iter().cloned());
        let (detector, put) = (&matching.detector, &mut Put::Alike);
        let text =
            |text: &str| detector.text(text, &known, &mut Put::Alike).unwrap_or_else(|| text.to_owned());
        let query: Vec<_> = request
            .query
            .iter()
            .map(|(name, value)| {
                let shown = detector.parameter(name, value, &known, &mut Put::Alike);
                json!([name, shown.unwrap_or_else(|| value.clone())])
            })
            .collect();
        let headers: Vec<_> = request
            .headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                let shown = detector.header(name.as_str(), &value, &known, &mut Put::Alike);
                json!([name.as_str(), shown.unwrap_or_else(|| value.into_owned())])
            })
            .collect();
        let mut shown = Map::new();
        shown.insert("method".to_owned(), request.method.as_str().into());
        shown.insert("path".to_owned(), text(&request.path).into());
        shown.insert("query".to_owned(), query.into());
        shown.insert("headers".to_owned(), headers.into());
        shown.insert("body_bytes".to_owned(), self.body_length.into());
        if request.body.is_empty() {
            return shown.into();
        }
        let mut body = Body::read(request.header("content-type"), &request.body);
        request_body(&mut body, detector, &known, put);
        let (name, value) = match body {
            Body::None => return shown.into(),
            Body::Json(json) => ("json", json),
            Body::Text(mut text) => {
                let end = text.floor_char_boundary(LONGEST_BODY);
                text.truncate(end);
                ("text", text.into())
            }
            Body::Bytes(bytes) => ("base64", STANDARD.encode(&bytes[..bytes.len().min(LONGEST_BODY)]).into()),
            Body::Form(fields) => ("form", fields.iter().map(field).collect::<Vec<_>>().into()),
        };
        shown.insert(name.to_owned(), value);
        shown.into()
    }

    /// All of it, without secrets. Times are in seconds from the server's start.
    pub fn json(&self, matching: &Matching, keys: &[String]) -> Value {
        let answer = &self.answer;
        let text = |text: &str| {
            matching.detector.text(text, keys, &mut Put::Alike).unwrap_or_else(|| text.to_owned())
        };
        let stubs: Vec<_> = answer
            .stubs
            .iter()
            .map(|named| {
                json!({
                    "scenario": named.scenario, "stub": named.stub, "place": named.place, "reply": named.reply,
                })
            })
            .collect();
        let writes: Vec<_> = self.writes.iter().map(|(at, bytes)| json!([seconds(*at), bytes])).collect();
        let hint = answer.hint.as_ref();
        json!({
            "seq": self.seq,
            "session": self.session,
            "began": self.began.to_string(),
            "came": seconds(self.came),
            "read": seconds(self.read),
            "connection": {"id": self.connection.id, "request": self.connection.request},
            "dialect": self.route.dialect.name(),
            "api": self.route.endpoint.api(),
            "operation": self.operation(),
            "call": self.call,
            "attempt": self.attempt,
            "request": self.shown_request(matching, keys),
            "answer": {
                "source": answer.source.name(),
                "why": text(&answer.why),
                "stubs": stubs,
                "seed": answer.seed,
                "status": answer.status,
                "retry": hint.map(|hint| json!({"wait": seconds(hint.wait), "said": hint.said})),
                "missed": answer.missed,
                "payload": answer.payload.map(|payload| payload.to_string()),
            },
            "writes": writes,
            "more_writes": self.more_writes,
            "sent": self.sent,
            "last": self.last.map(seconds),
            "end": self.end.map(|(end, at)| json!({
                "how": end.name(), "at": seconds(at),
                "by": match end { super::End::Cut(how) => Some(how), _ => None },
            })),
            "gone": self.gone.map(|(gone, at)| json!({"how": gone.name(), "at": seconds(at)})),
        })
    }
}

/// To the microsecond.
pub(super) fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}

fn field(field: &cassette::Field) -> Value {
    json!({
        "name": field.name, "filename": field.filename, "content_type": field.content_type,
        "bytes": field.content.len(),
    })
}
