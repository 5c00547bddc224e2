//! What a dialect says: events, the way they are framed, and a head.

use http::{HeaderMap, StatusCode};
use serde::Serialize;

/// A dialect's whole answer, before it becomes bytes on the wire.
#[derive(Debug)]
pub struct Said {
    /// The HTTP status.
    pub status: StatusCode,
    /// All headers but those that tell the body's length.
    pub headers: HeaderMap,
    /// In their order.
    pub events: Events,
    /// How the events become lines.
    pub frame: Frame,
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

/// How events become lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// How JSON is spaced.
    pub style: Style,
    /// What stands around it.
    pub form: Form,
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

/// How JSON is spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `{"a":1,"b":2}`
    Compact,
    /// `{"a": 1,"b": 2}`, as Google's streams.
    Google,
    /// One member a line, indented by so many blanks.
    Pretty {
        /// Blanks for each level.
        indent: usize,
    },
}

/// A list of events, their texts in one buffer.
#[derive(Debug, Default)]
pub struct Events {
    text: Vec<u8>,
    ends: Vec<(usize, Kind)>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Json,
    Sentinel,
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// Compact JSON.
    Json(&'a [u8]),
    /// A text that is not JSON, such as `[DONE]`.
    Sentinel(&'a [u8]),
}

impl Events {
    /// A list of one event.
    pub fn one(payload: &impl Serialize) -> Self {
        let mut events = Self::default();
        events.json(payload);
        events
    }

    /// Adds an event that is JSON.
    pub fn json(&mut self, payload: &impl Serialize) {
        // Writing to memory does not fail, and no payload of ours has keys
        // that are not strings: there is nothing to hand on.
        let written = serde_json::to_writer(&mut self.text, payload);
        debug_assert!(written.is_ok(), "{written:?}");
        self.ends.push((self.text.len(), Kind::Json));
    }

    /// Adds an event that is a text as it stands.
    pub fn sentinel(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
        self.ends.push((self.text.len(), Kind::Sentinel));
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

    /// In their order.
    pub fn iter(&self) -> impl Iterator<Item = Payload<'_>> {
        let mut start = 0;
        self.ends.iter().map(move |(end, kind)| {
            let text = &self.text[start..*end];
            start = *end;
            match kind {
                Kind::Json => Payload::Json(text),
                Kind::Sentinel => Payload::Sentinel(text),
            }
        })
    }
}
