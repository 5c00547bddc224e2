//! An interaction as YAML: whatever an editor does to the ends of lines and of the
//! file, all texts stay what they are, since each stands in quotes on one line.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::Value;

use super::{Body, Field, Interaction};
use crate::plan::recorded::{Chunk, End, Head, Recorded, SizeLine};

/// Bytes that a body may have in the document itself.
pub const LARGEST_INSIDE: usize = 256 << 10;

/// Characters of JSON that stands on one line.
const WIDTH: usize = 88;

/// A body that lies in a file of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// Which, as the document names it.
    pub name: String,
    /// What it holds.
    pub content: Bytes,
}

/// The document of an interaction, and the large bodies that lie beside it under
/// names that begin so. `mark` tells that its key need not be computed anew.
pub fn write(interaction: &Interaction, aside: &str, mark: &str) -> (String, Vec<Aside>) {
    let mut asides = Vec::new();
    let request = request(interaction, aside, &mut asides);
    let mut out = Lines::default();
    out.line(0, "---");
    out.pair(0, "cassette", "1");
    out.pair(0, "seq", &interaction.seq.to_string());
    let id_at = out.0.len();
    if !interaction.run.is_empty() {
        out.pair(0, "run", &text(&interaction.run));
    }
    out.pair(0, "recorded", &text(&interaction.recorded));
    if !interaction.upstream.is_empty() {
        out.pair(0, "upstream", &text(&interaction.upstream));
    }
    if interaction.attempt > 1 {
        out.pair(0, "attempt", &interaction.attempt.to_string());
    }
    if interaction.is_redacted {
        out.pair(0, "redacted", "true");
    }
    out.0.push_str(&request);
    response(&interaction.response, aside, &mut out, &mut asides);
    let sum = checksum(&out.0, mark);
    out.0.insert_str(id_at, &format!("id: {}-{sum}\n", interaction.key));
    out.line(0, "...");
    (out.0, asides)
}

/// JSON as YAML that editors leave as it is.
pub fn yaml(json: &Value) -> String {
    let mut out = Lines::default();
    match json {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| out.json(0, &format!("{}:", text(name)), value));
        }
        other => out.line(0, &flow(other)),
    }
    out.0
}

/// What tells whether a document is still as it was written; its id and its end do not
/// count.
pub fn checksum(document: &str, mark: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    // Ends of lines and of the text are the editor's.
    for line in document.lines().map(str::trim_end) {
        if !line.starts_with("id: ") && !line.is_empty() && line != "..." {
            hasher.update(line.as_bytes()).update(b"\n");
        }
    }
    hasher.update(mark.as_bytes()).finalize().to_hex()[..8].to_owned()
}

fn request(interaction: &Interaction, aside: &str, asides: &mut Vec<Aside>) -> String {
    let asked = &interaction.request;
    let mut out = Lines::default();
    out.line(0, "request:");
    out.pair(1, "method", &text(&asked.method));
    out.pair(1, "path", &text(&asked.path));
    if !asked.query.is_empty() {
        out.line(1, "query:");
        out.pairs(2, &asked.query);
    }
    if !asked.headers.is_empty() {
        out.line(1, "headers:");
        out.pairs(2, &asked.headers);
    }
    let is_large = asked.body.size() > LARGEST_INSIDE;
    match &asked.body {
        Body::None => {}
        Body::Json(json) if is_large => {
            let name = format!("{aside}-request.json");
            out.pair(1, "file", &text(&name));
            asides.push(Aside { name, content: json.to_string().into() });
        }
        Body::Json(json) => out.json(1, "json:", json),
        Body::Text(body) if !is_large => out.pair(1, "text", &text(body)),
        Body::Text(body) => {
            let name = format!("{aside}-request.txt");
            out.pair(1, "file", &text(&name));
            asides.push(Aside { name, content: body.clone().into() });
        }
        Body::Bytes(bytes) if !is_large => out.pair(1, "base64", &STANDARD.encode(bytes)),
        Body::Bytes(bytes) => {
            let name = format!("{aside}-request.bin");
            out.pair(1, "file", &text(&name));
            asides.push(Aside { name, content: bytes.clone() });
        }
        Body::Form(fields) => {
            out.line(1, "form:");
            for (number, field) in fields.iter().enumerate() {
                form_field(field, &format!("{aside}-field{}", number + 1), &mut out, asides);
            }
        }
    }
    out.0
}

fn form_field(field: &Field, aside: &str, out: &mut Lines, asides: &mut Vec<Aside>) {
    out.line(2, &format!("- name: {}", text(&field.name)));
    for (key, value) in [("filename", &field.filename), ("type", &field.content_type)] {
        if let Some(value) = value {
            out.pair(3, key, &text(value));
        }
    }
    match std::str::from_utf8(&field.content) {
        _ if field.content.len() > LARGEST_INSIDE => {
            let name = format!("{aside}.bin");
            out.pair(3, "file", &text(&name));
            asides.push(Aside { name, content: field.content.clone() });
        }
        Ok(content) => out.pair(3, "text", &text(content)),
        Err(_) => out.pair(3, "base64", &STANDARD.encode(&field.content)),
    }
}

fn response(recorded: &Recorded, aside: &str, out: &mut Lines, asides: &mut Vec<Aside>) {
    out.line(0, "response:");
    if !recorded.interim.is_empty() {
        out.timed(1, "interim:", &recorded.interim);
    }
    if let Some(head) = &recorded.head {
        self::head(head, out);
    }
    if recorded.line == SizeLine::Capital {
        out.pair(1, "sizes", "capital");
    }
    let is_large = recorded.length() > LARGEST_INSIDE;
    if is_large {
        let name = format!("{aside}-response.bin");
        out.pair(1, "file", &text(&name));
        asides.push(Aside { name, content: recorded.body().into() });
    }
    if !recorded.pieces.is_empty() {
        out.line(1, "body:");
    }
    for piece in &recorded.pieces {
        let what = if is_large { piece.bytes.len().to_string() } else { bytes(&piece.bytes) };
        let mut extras = Vec::new();
        match piece.chunk {
            Chunk::Ends => {}
            Chunk::GoesOn => extras.push("chunk: goes_on".to_owned()),
            Chunk::Cut => extras.push("chunk: cut".to_owned()),
        }
        extras.extend(piece.line.as_ref().map(|line| format!("line: {}", text(line))));
        let extras = if extras.is_empty() { String::new() } else { format!(", {{{}}}", extras.join(", ")) };
        out.line(2, &format!("- [{}, {what}{extras}]", time(piece.at)));
    }
    // The usual one is understood where the answer came in full.
    let is_usual = |bytes: &&Bytes| recorded.end == End::Complete && &bytes[..] == b"0\r\n\r\n";
    if let Some(terminator) = recorded.terminator.as_ref().filter(|bytes| !is_usual(bytes)) {
        out.pair(1, "terminator", &bytes(terminator));
    }
    if !recorded.rest.is_empty() {
        out.timed(1, "rest:", &recorded.rest);
    }
    out.pair(1, "ended", &time(recorded.end_at));
    out.pair(1, "end", recorded.end.name());
}

fn head(head: &Head, out: &mut Lines) {
    out.pair(1, "status", &head.status.to_string());
    let usual = http::StatusCode::from_u16(head.status).ok().and_then(|status| status.canonical_reason());
    if usual.unwrap_or_default() != head.reason {
        out.pair(1, "reason", &text(&head.reason));
    }
    if head.version != "1.1" {
        out.pair(1, "version", &quoted(&head.version));
    }
    out.pair(1, "head", &time(head.at));
    out.line(1, if head.headers.is_empty() { "headers: []" } else { "headers:" });
    for (name, value) in &head.headers {
        out.line(2, &format!("- [{}, {}]", text(name), bytes(value)));
    }
    if let Some(raw) = &head.raw {
        out.pair(1, "raw", &bytes(raw));
    }
}

/// Lines of a document.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, depth: usize, text: &str) {
        self.0.extend(std::iter::repeat_n("  ", depth));
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn pair(&mut self, depth: usize, key: &str, value: &str) {
        self.line(depth, &format!("{key}: {value}"));
    }

    /// A map; what stands there several times is a list.
    fn pairs(&mut self, depth: usize, pairs: &[(String, String)]) {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in pairs {
            if names.contains(&name.as_str()) {
                continue;
            }
            names.push(name);
            let values: Vec<_> = pairs.iter().filter(|(own, _)| own == name).map(|(_, v)| text(v)).collect();
            match values.as_slice() {
                [only] => self.pair(depth, &text(name), only),
                several => self.pair(depth, &text(name), &format!("[{}]", several.join(", "))),
            }
        }
    }

    fn timed(&mut self, depth: usize, key: &str, pieces: &[(Duration, Bytes)]) {
        self.line(depth, key);
        for (at, piece) in pieces {
            self.line(depth + 1, &format!("- [{}, {}]", time(*at), bytes(piece)));
        }
    }

    /// JSON as blocks where it is long, and on one line where it is not.
    fn json(&mut self, depth: usize, lead: &str, json: &Value) {
        let flow = flow(json);
        let is_short = flow.chars().count() + lead.len() + 2 * depth <= WIDTH;
        match json {
            Value::Object(members) if !members.is_empty() && !is_short => {
                self.line(depth, lead);
                for (name, value) in members {
                    self.json(depth + 1, &format!("{}:", text(name)), value);
                }
            }
            Value::Array(items) if !items.is_empty() && !is_short => {
                self.line(depth, lead);
                for item in items {
                    self.item(depth + 1, item);
                }
            }
            _ => self.line(depth, &format!("{lead} {flow}")),
        }
    }

    fn item(&mut self, depth: usize, item: &Value) {
        let flow = flow(item);
        let is_short = flow.chars().count() + 2 * depth + 2 <= WIDTH;
        match item {
            Value::Object(members) if !members.is_empty() && !is_short => {
                for (at, (name, value)) in members.iter().enumerate() {
                    let start = self.0.len();
                    self.json(depth + 1, &format!("{}:", text(name)), value);
                    if at == 0 {
                        // The dash stands in the first member's indent.
                        self.0.replace_range(start + 2 * depth..start + 2 * depth + 1, "-");
                    }
                }
            }
            Value::Array(items) if !items.is_empty() && !is_short => {
                self.line(depth, "-");
                for item in items {
                    self.item(depth + 1, item);
                }
            }
            _ => self.line(depth, &format!("- {flow}")),
        }
    }
}

/// JSON on one line, as YAML reads it.
fn flow(json: &Value) -> String {
    match json {
        Value::String(string) => text(string),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{}: {}", text(name), flow(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => json.to_string(),
    }
}

fn time(at: Duration) -> String {
    match at.as_micros() {
        0 => "0s".to_owned(),
        microseconds => format!("{}.{:03}ms", microseconds / 1000, microseconds % 1000),
    }
}

/// Bytes as a text, or in base64 where they are none.
fn bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(string) => text(string),
        Err(_) => format!("{{base64: {}}}", STANDARD.encode(bytes)),
    }
}

/// A text: bare where it means nothing else to YAML, in quotes otherwise.
fn text(text: &str) -> String {
    const WORDS: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"];
    let is_bare = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./+;=".contains(c))
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is_bare { text.to_owned() } else { quoted(text) }
}

/// A text in quotes, on one line, nothing in it that an editor would change.
fn quoted(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap_or_default();
    let is_odd = |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{a0}' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2066}'..='\u{2069}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}');
    if !json.contains(is_odd) {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_odd(c) { out.push_str(&format!("\\u{:04x}", u32::from(c))) } else { out.push(c) }
    }
    out
}
