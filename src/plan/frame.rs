//! The frame stage: what stands around each event.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Scene, list::Lookup, place::Choice};
use crate::{
    dialect::event::{self, Events, Form, Frame, Framing},
    notation::text::Piece,
};

/// What stands around some events. Later rules win key by key.
#[derive(Clone, Debug)]
pub struct FrameRule {
    /// Of which events.
    pub at: Choice,
    /// The block's lines: `event` and `data` are the dialect's own.
    pub lines: Option<Vec<String>>,
    /// The name in place of `data`.
    pub field: Option<String>,
    /// What stands between name and value.
    pub colon: Option<String>,
    /// The lines' ends, line by line; the last repeats.
    pub eol: Option<Vec<Eol>>,
    /// Blank lines behind it.
    pub blank: Option<u32>,
    /// What a line break in the payload does.
    pub newlines: Option<Newlines>,
    /// In front of the event.
    pub lead: Option<Vec<Piece>>,
    /// Behind it.
    pub tail: Option<Vec<Piece>>,
}

/// A line's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Eol {
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
    /// `\r`
    Cr,
    /// Nothing.
    None,
}

/// What a line break in a payload does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Newlines {
    /// It begins a new data line.
    Split,
    /// It stands as it is.
    Keep,
}

impl Eol {
    fn text(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
            Self::Cr => b"\r",
            Self::None => b"",
        }
    }
}

impl From<event::Eol> for Eol {
    fn from(eol: event::Eol) -> Self {
        match eol {
            event::Eol::Lf => Self::Lf,
            event::Eol::CrLf => Self::CrLf,
        }
    }
}

/// Bytes around an event at the most.
const LONGEST_FRAME: usize = 64;

/// Blank lines behind an event at the most.
pub const MOST_BLANKS: u32 = 10_000;

/// The body, and where each event ends in it.
pub(super) fn frame(events: Events, form: Form) -> (Vec<u8>, Vec<usize>) {
    match form {
        Form::Document { tail } if events.len() < 2 && events.frame(0).is_none() => {
            let mut body = events.into_text();
            body.extend_from_slice(tail.as_bytes());
            let ends = vec![body.len()];
            (body, ends)
        }
        Form::Sse(eol) | Form::NamedSse(eol) if events.are_plain() => {
            let eol = Eol::from(eol).text();
            let mut body = Vec::with_capacity(events.size() + events.len() * LONGEST_FRAME);
            let mut ends = Vec::with_capacity(events.len());
            for event in events.iter() {
                if let Some(name) = name(form, event) {
                    body.extend_from_slice(b"event: ");
                    body.extend_from_slice(name.as_bytes());
                    body.extend_from_slice(eol);
                }
                body.extend_from_slice(b"data: ");
                body.extend_from_slice(event);
                body.extend_from_slice(eol);
                body.extend_from_slice(eol);
                ends.push(body.len());
            }
            (body, ends)
        }
        Form::NamedSse(_) => {
            let named = |event| Manner { name: name(form, event), ..Manner::default() };
            let manners: Vec<_> = events.iter().map(named).collect();
            framed(&events, form, &manners)
        }
        _ => framed(&events, form, &[Manner::default()]),
    }
}

/// What stands in an event's line of its name, where its dialect has one: its
/// `type`.
pub(super) fn name(form: Form, event: &[u8]) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }

    const FIRST: &[u8] = b"{\"type\":\"";
    if !matches!(form, Form::NamedSse(_)) {
        return None;
    }
    // Most say it first.
    if let Some(rest) = event.strip_prefix(FIRST)
        && let Some(end) = memchr::memchr2(b'"', b'\\', rest)
        && rest.get(end) == Some(&b'"')
    {
        return std::str::from_utf8(&rest[..end]).ok().map(Cow::Borrowed);
    }
    let Typed { kind } = serde_json::from_slice(event).ok()?;
    // A name of several lines would be several lines.
    (!kind.contains(['\r', '\n'])).then_some(kind)
}

/// The same with rules laid over it.
pub(super) fn frame_by(
    events: Events,
    form: Form,
    (rules, names): (&[(&FrameRule, &Lookup)], Vec<Option<String>>),
    scene: &dyn Scene,
    missed: &mut Vec<String>,
) -> (Vec<u8>, Vec<usize>) {
    if events.is_empty() {
        missed.extend(rules.iter().map(|(rule, _)| format!("frame {}", rule.at)));
    }
    if (rules.is_empty() && names.is_empty()) || events.is_empty() {
        return frame(events, form);
    }
    let mut manners = vec![Manner::default(); events.len()];
    for (manner, name) in manners.iter_mut().zip(names) {
        manner.name = name.map(Cow::Owned);
    }
    for (number, (rule, lookup)) in rules.iter().enumerate() {
        if !form.is_lines() && rule.frames_lines() {
            missed.push(format!("frame {}: not a stream of lines", rule.at));
        }
        let lead = rule.lead.as_ref().map(|pieces| scene.bytes(pieces, &format!("frame.{number}.lead")));
        let tail = rule.tail.as_ref().map(|pieces| scene.bytes(pieces, &format!("frame.{number}.tail")));
        let found = lookup.choose(&rule.at, "frame", missed);
        let is_raw = |at: &usize| events.framing(*at) == Framing::Raw;
        if rule.frames_lines() && !found.is_empty() && found.iter().all(is_raw) {
            missed.push(format!("frame {}: raw bytes have no lines", rule.at));
        }
        for at in found {
            if let Some(manner) = manners.get_mut(at) {
                manner.take(rule, lead.as_ref(), tail.as_ref());
            }
        }
    }
    framed(&events, form, &manners)
}

/// One event that stands in no list, such as a heartbeat.
pub(super) fn lone(event: &[u8], framing: Framing, form: Form) -> Vec<u8> {
    let mut bytes = Vec::new();
    match form {
        Form::Sse(eol) | Form::NamedSse(eol) => {
            let manner = Manner { name: name(form, event), ..Manner::default() };
            manner.sse_event(event, framing, eol, &mut bytes);
        }
        Form::Document { .. } | Form::Array => bytes.extend_from_slice(event),
    }
    bytes
}

/// What several rules say about one event.
#[derive(Clone, Default)]
struct Manner<'a> {
    /// What stands in the line of its name, where it has one.
    name: Option<Cow<'a, str>>,
    lines: Option<&'a [String]>,
    field: Option<&'a str>,
    colon: Option<&'a str>,
    eol: Option<&'a [Eol]>,
    blank: Option<u32>,
    newlines: Option<Newlines>,
    lead: Option<Vec<u8>>,
    tail: Option<Vec<u8>>,
    /// Whether a rule is about it.
    is_touched: bool,
}

impl FrameRule {
    /// Whether it says something that only streams of lines have.
    fn frames_lines(&self) -> bool {
        let has_texts = self.lines.is_some() || self.field.is_some() || self.colon.is_some();
        has_texts || self.eol.is_some() || self.blank.is_some() || self.newlines.is_some()
    }
}

impl<'a> Manner<'a> {
    /// Whether an event that was recorded is written as it was.
    fn keeps_frame(&self) -> bool {
        !self.is_touched
    }

    fn take(&mut self, rule: &'a FrameRule, lead: Option<&Vec<u8>>, tail: Option<&Vec<u8>>) {
        self.is_touched = true;
        self.lines = rule.lines.as_deref().or(self.lines);
        self.field = rule.field.as_deref().or(self.field);
        self.colon = rule.colon.as_deref().or(self.colon);
        self.eol = rule.eol.as_deref().or(self.eol);
        self.blank = rule.blank.or(self.blank);
        self.newlines = rule.newlines.or(self.newlines);
        self.lead = lead.cloned().or(self.lead.take());
        self.tail = tail.cloned().or(self.tail.take());
    }

    fn sse_event(&self, event: &[u8], framing: Framing, eol: event::Eol, body: &mut Vec<u8>) {
        let usual = [Eol::from(eol)];
        let eols = self.eol.unwrap_or(&usual);
        let mut number = 0;
        let mut end_line = |body: &mut Vec<u8>| {
            let eol = eols.get(number).or(eols.last()).copied().unwrap_or(Eol::None);
            number += 1;
            body.extend_from_slice(eol.text());
        };
        match framing {
            Framing::Raw => return body.extend_from_slice(event),
            Framing::Lines => {
                for line in event.split(|byte| *byte == b'\n') {
                    body.extend_from_slice(line);
                    end_line(body);
                }
            }
            Framing::Data => {
                let told = |lines: &'a [String]| lines.iter().map(String::as_str).collect();
                let lines: Vec<_> = self.lines.map_or_else(|| vec!["event", "data"], told);
                for line in lines {
                    match (line, &self.name) {
                        ("data", _) => self.data_lines(event, body, &mut end_line),
                        ("event", None) => {}
                        ("event", Some(name)) => {
                            body.extend_from_slice(b"event: ");
                            body.extend_from_slice(name.as_bytes());
                            end_line(body);
                        }
                        (line, _) => {
                            body.extend_from_slice(line.as_bytes());
                            end_line(body);
                        }
                    }
                }
            }
        }
        for _ in 0..self.blank.unwrap_or(1).min(MOST_BLANKS) {
            end_line(body);
        }
    }

    fn data_lines(&self, event: &[u8], body: &mut Vec<u8>, end_line: &mut impl FnMut(&mut Vec<u8>)) {
        let (field, colon) = (self.field.unwrap_or("data"), self.colon.unwrap_or(": "));
        let values = match self.newlines {
            Some(Newlines::Keep) => vec![event],
            Some(Newlines::Split) | None => lines_of(event),
        };
        for value in values {
            body.extend_from_slice(field.as_bytes());
            body.extend_from_slice(colon.as_bytes());
            body.extend_from_slice(value);
            end_line(body);
        }
    }
}

/// The lines of a text; CR, LF and both together end one.
fn lines_of(text: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b'\r', b'\n', rest) {
        lines.push(&rest[..at]);
        let length = if rest[at..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = &rest[at + length..];
    }
    lines.push(rest);
    lines
}

/// The events with what stands around them; the last manner repeats.
fn framed(events: &Events, form: Form, manners: &[Manner<'_>]) -> (Vec<u8>, Vec<usize>) {
    let usual = Manner::default();
    let last = events.len().saturating_sub(1);
    // The separator belongs to the event behind it.
    let first = (0..events.len()).find(|at| events.framing(*at) == Framing::Data);
    let (mut body, mut ends) = (Vec::with_capacity(events.size()), Vec::with_capacity(events.len()));
    for (at, event) in events.iter().enumerate() {
        let (manner, framing) = (manners.get(at).or(manners.last()).unwrap_or(&usual), events.framing(at));
        let (lead, tail): (&[u8], &[u8]) = match form {
            Form::Array => {
                let lead: &[u8] = match framing {
                    Framing::Data if first == Some(at) => b"[",
                    Framing::Data => b"\n,\r\n",
                    Framing::Lines | Framing::Raw => b"",
                };
                (lead, if at == last { b"\n]" } else { b"" })
            }
            Form::Sse(_) | Form::NamedSse(_) | Form::Document { .. } => (b"", b""),
        };
        if let Some(frame) = events.frame(at).filter(|_| manner.keeps_frame()) {
            put_frame(frame, (first == Some(at), at == last), (lead, tail), &mut body);
            ends.push(body.len());
            continue;
        }
        body.extend_from_slice(manner.lead.as_deref().unwrap_or(lead));
        match form {
            Form::Sse(eol) | Form::NamedSse(eol) => manner.sse_event(event, framing, eol, &mut body),
            Form::Array => body.extend_from_slice(event),
            Form::Document { tail } => {
                body.extend_from_slice(event);
                body.extend_from_slice(if at == last { tail.as_bytes() } else { b"" });
            }
        }
        body.extend_from_slice(manner.tail.as_deref().unwrap_or(tail));
        ends.push(body.len());
    }
    (body, ends)
}

/// Writes an event as it was recorded. What stands around it in an array is another
/// where it has become the first or the last, or no longer is.
fn put_frame(frame: &Frame, is_edge: (bool, bool), (lead, tail): (&[u8], &[u8]), body: &mut Vec<u8>) {
    let Frame { bytes, core, is_edge: was_edge, .. } = frame;
    body.extend_from_slice(if is_edge.0 == was_edge.0 { &bytes[..core.start] } else { lead });
    body.extend_from_slice(&bytes[core.clone()]);
    body.extend_from_slice(if is_edge.1 == was_edge.1 { &bytes[core.end..] } else { tail });
}
