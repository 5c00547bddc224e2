//! What a dialect says: events, the way they are framed, and a head.

use http::{HeaderMap, StatusCode};
use serde::Serialize;

use super::{
    style::{Style, write},
    template::{Filling, Template},
};

/// A dialect's whole answer, before it becomes bytes on the wire.
#[derive(Debug)]
pub struct Said {
    /// The HTTP status.
    pub status: StatusCode,
    /// All headers but those that tell the body's length.
    pub headers: HeaderMap,
    /// In their order.
    pub events: Events,
    /// What stands around each event.
    pub form: Form,
    /// How the body's length is told.
    pub carry: Carry,
}

/// How the body's length is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carry {
    /// In chunks, one for each event.
    Chunked,
    /// By content-length.
    Length,
}

/// What stands around each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `data: `, the event, and two line ends of this kind.
    Sse(Eol),
    /// Google's array: `[` in front of the first, `,` and a CRLF between, `]`
    /// behind the last.
    Array,
    /// The event and this text.
    Document {
        /// What stands behind it.
        tail: &'static str,
    },
}

/// A line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eol {
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
}

/// Bytes that are made room for at once.
const LARGEST_RESERVE: usize = 1 << 20;

/// A list of events, their texts in one buffer.
#[derive(Debug)]
pub struct Events {
    style: Style,
    text: Vec<u8>,
    ends: Vec<usize>,
    expected: usize,
}

impl Events {
    /// An empty list, its JSON to be written in this style.
    pub fn new(style: Style) -> Self {
        Self::expecting(1, style)
    }

    /// The same, about so many events being expected.
    pub fn expecting(expected: usize, style: Style) -> Self {
        // Enough for most documents, and for a start of most streams.
        Self { style, text: Vec::with_capacity(2048), ends: Vec::with_capacity(expected), expected }
    }

    /// A list of one event.
    pub fn one(style: Style, payload: &impl Serialize) -> Self {
        let mut events = Self::new(style);
        events.json(payload);
        events
    }

    /// Adds an event that is JSON.
    pub fn json(&mut self, payload: &impl Serialize) {
        write(self.style, payload, &mut self.text);
        if self.ends.is_empty() {
            // The others will be about as long as the first. No more than a hint.
            let rest = self.text.len().saturating_mul(self.expected.saturating_sub(1));
            self.text.reserve(rest.min(LARGEST_RESERVE));
        }
        self.ends.push(self.text.len());
    }

    /// Adds an event that a template makes, its holes filled in their order.
    pub fn filled(&mut self, template: &Template, fillings: &[Filling<'_>]) {
        for (at, piece) in template.pieces().enumerate() {
            self.text.extend_from_slice(piece);
            match fillings.get(at) {
                Some(Filling::Text(text)) => write(Style::Compact, text, &mut self.text),
                Some(Filling::Number(number)) => write(Style::Compact, number, &mut self.text),
                None => {}
            }
        }
        self.ends.push(self.text.len());
    }

    /// Adds an event that is a text as it stands, such as `[DONE]`.
    pub fn sentinel(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
        self.ends.push(self.text.len());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all of them, without any framing.
    pub fn size(&self) -> usize {
        self.text.len()
    }

    /// The text of a single event.
    pub fn into_text(self) -> Vec<u8> {
        self.text
    }

    /// Their texts, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let text = &self.text[start..*end];
            start = *end;
            text
        })
    }
}
