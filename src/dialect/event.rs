//! What a dialect says: events, the way they are framed, and a head.

use std::{ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::Value;

use super::{
    style::{Style, write},
    template::{Filling, Template},
};
use crate::{shelf::Keep, tokens};

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
    /// What the provider keeps of it.
    pub keep: Option<Box<Keep>>,
}

/// What an event is, in every dialect alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Begins an answer.
    Start,
    /// Carries text.
    Text,
    /// Carries thinking.
    Thought,
    /// Carries a picture or a sound.
    Media,
    /// Carries a call or a piece of one.
    Call,
    /// Marks a part's begin or end.
    Mark,
    /// Tells why it ended.
    Finish,
    /// Tells what was used.
    Usage,
    /// Is an error.
    Error,
    /// Is a sign of life.
    Ping,
    /// Ends the stream.
    Done,
    /// Is none of the dialect's events.
    Raw,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Start,
        Self::Text,
        Self::Thought,
        Self::Media,
        Self::Call,
        Self::Mark,
        Self::Finish,
        Self::Usage,
        Self::Error,
        Self::Ping,
        Self::Done,
        Self::Raw,
    ];

    /// As scenarios write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Text => "text",
            Self::Thought => "thought",
            Self::Media => "media",
            Self::Call => "call",
            Self::Mark => "mark",
            Self::Finish => "finish",
            Self::Usage => "usage",
            Self::Error => "error",
            Self::Ping => "ping",
            Self::Done => "done",
            Self::Raw => "raw",
        }
    }

    /// Whether the user gets to see something of the answer in it.
    pub fn is_output(self) -> bool {
        matches!(self, Self::Text | Self::Thought | Self::Call | Self::Media)
    }
}

/// What an event's payload tells about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// It may be of several kinds.
    pub kinds: Vec<Kind>,
    /// The tokens of the output that it carries.
    pub tokens: u64,
}

impl Reading {
    /// Notes a kind.
    pub fn is(&mut self, kind: Kind) {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
    }

    /// Notes a text of this kind.
    pub fn carries(&mut self, kind: Kind, text: &str) {
        self.is(kind);
        self.tokens += tokens::count(text);
    }
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
    /// The same with the event's `type` in front: `event: ping`.
    NamedSse(Eol),
    /// Google's array: `[` in front of the first, `,` and a CRLF between, `]`
    /// behind the last.
    Array,
    /// The event and this text.
    Document {
        /// What stands behind it.
        tail: &'static str,
    },
}

impl Form {
    /// Whether it is lines.
    pub fn is_lines(self) -> bool {
        matches!(self, Self::Sse(_) | Self::NamedSse(_))
    }
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

/// How an event is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// As the dialect's own: in SSE by `data:`.
    Data,
    /// It is an SSE block of lines itself, and its line ends are the others'.
    Lines,
    /// Not at all.
    Raw,
}

/// An event as it was recorded: its bytes with all that stood around it, and when they
/// came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// All of it.
    pub bytes: Bytes,
    /// Where the event itself lies in it, without what an array has around it.
    pub core: Range<usize>,
    /// Whether it was the first, or the last.
    pub is_edge: (bool, bool),
    /// Which of its bytes came when.
    pub stretches: Vec<Stretch>,
}

/// Bytes of an event that came together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Where they end in the event.
    pub end: usize,
    /// When they came.
    pub at: Duration,
    /// Whether a chunk ends with them, and its size line where that is unusual.
    pub chunk: Option<Option<String>>,
}

impl Frame {
    /// When its first byte came.
    pub fn at(&self) -> Duration {
        self.stretches.first().map_or(Duration::ZERO, |stretch| stretch.at)
    }
}

/// A list of events, their texts in one buffer.
#[derive(Debug)]
pub struct Events {
    style: Style,
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Those that are framed otherwise than as data, by their place.
    special: Vec<(usize, Framing)>,
    /// What some of them are, by their place, so that nobody needs to read them.
    known: Vec<(usize, &'static [Kind])>,
    /// Those that were recorded, by their place.
    frames: Vec<(usize, Arc<Frame>)>,
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
        Self {
            style,
            text: Vec::with_capacity(2048),
            ends: Vec::with_capacity(expected),
            special: Vec::new(),
            known: Vec::new(),
            frames: Vec::new(),
            expected,
        }
    }

    /// A list of one event.
    pub fn one(style: Style, payload: &impl Serialize) -> Self {
        let mut events = Self::new(style);
        events.json(payload);
        events
    }

    /// How its JSON is written.
    pub fn style(&self) -> Style {
        self.style
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

    /// The same, of which it is known what it is: what its dialect would read.
    pub fn filled_as(&mut self, kinds: &'static [Kind], template: &Template, fillings: &[Filling<'_>]) {
        self.known.push((self.ends.len(), kinds));
        self.filled(template, fillings);
    }

    /// Puts so many blanks in front of the brace that closes the last event.
    pub fn pad(&mut self, blanks: usize) {
        if let (Some(end), Some(b'}')) = (self.ends.last_mut(), self.text.last()) {
            self.text.pop();
            self.text.resize(self.text.len() + blanks, b' ');
            self.text.push(b'}');
            *end = self.text.len();
        }
    }

    /// Adds an event that is a text as it stands, such as `[DONE]`.
    pub fn sentinel(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
        self.ends.push(self.text.len());
    }

    /// Adds an event that was recorded: what it says, and how it was written.
    pub fn recorded(&mut self, bytes: &[u8], framing: Framing, frame: Arc<Frame>) {
        self.frames.push((self.ends.len(), frame));
        self.bytes(bytes, framing);
    }

    /// How an event was written, where it was recorded.
    pub fn frame(&self, at: usize) -> Option<&Arc<Frame>> {
        let found = self.frames.binary_search_by_key(&at, |(place, _)| *place).ok()?;
        self.frames.get(found).map(|(_, frame)| frame)
    }

    /// Adds an event of these bytes.
    pub fn bytes(&mut self, bytes: &[u8], framing: Framing) {
        // A line break splits what is framed.
        if framing != Framing::Data || memchr::memchr2(b'\n', b'\r', bytes).is_some() {
            self.special.push((self.ends.len(), framing));
        }
        self.text.extend_from_slice(bytes);
        self.ends.push(self.text.len());
    }

    /// Adds the events of another list behind its own.
    pub fn append(&mut self, other: &Self) {
        for (at, bytes) in other.iter().enumerate() {
            self.bytes(bytes, other.framing(at));
        }
    }

    /// How an event is framed, by its place counted from 0.
    pub fn framing(&self, at: usize) -> Framing {
        let special = self.special.binary_search_by_key(&at, |(place, _)| *place);
        special.ok().and_then(|found| self.special.get(found)).map_or(Framing::Data, |(_, framing)| *framing)
    }

    /// What an event is, where that was known when it was added.
    pub fn known(&self, at: usize) -> Option<&'static [Kind]> {
        let known = self.known.binary_search_by_key(&at, |(place, _)| *place);
        known.ok().and_then(|found| self.known.get(found)).map(|(_, kinds)| *kinds)
    }

    /// Whether all are framed as data, each in one line.
    pub fn are_plain(&self) -> bool {
        self.special.is_empty() && self.frames.is_empty()
    }

    /// The payload of an event that is JSON.
    pub fn payload(&self, at: usize) -> Option<Value> {
        if self.framing(at) != Framing::Data {
            return None;
        }
        let start = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        serde_json::from_slice(self.text.get(start..*self.ends.get(at)?)?).ok()
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
