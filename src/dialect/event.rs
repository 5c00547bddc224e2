//! What a dialect says: events, the way they are framed, and a head.

use std::{io, ops::Range, sync::LazyLock};

use http::{HeaderMap, StatusCode};
use memchr::memmem::Finder;
use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

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
            // The others will be about as long as the first.
            self.text.reserve(self.text.len() * self.expected.saturating_sub(1));
        }
        self.ends.push(self.text.len());
    }

    /// Adds an event that a template makes, its holes filled in their order.
    pub fn filled(&mut self, template: &Template, fillings: &[Filling<'_>]) {
        for (at, piece) in template.pieces.iter().enumerate() {
            self.text.extend_from_slice(&template.text[piece.clone()]);
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

/// An event of which many are said that are alike but for a few holes: it is
/// written once, and what stands between the holes is copied from then on.
#[derive(Debug)]
pub struct Template {
    text: Vec<u8>,
    /// What stands between the holes.
    pieces: Vec<Range<usize>>,
}

/// A place in a template that is filled for each event.
#[derive(Clone, Copy, Debug)]
pub struct Hole<T: 'static> {
    /// What the template's payload has there.
    pub stand_in: T,
    /// The same as JSON.
    pub json: &'static str,
}

/// What all stand-ins have in common, and nothing else is likely to have.
const MARK: &str = "424242424242424";

static MARKS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(MARK));

/// The holes for texts.
pub const TEXT_HOLES: [Hole<&str>; 2] = [
    Hole { stand_in: "4242424242424241", json: "\"4242424242424241\"" },
    Hole { stand_in: "4242424242424242", json: "\"4242424242424242\"" },
];

/// The holes for numbers.
pub const NUMBER_HOLES: [Hole<u64>; 3] = [
    Hole { stand_in: 4_242_424_242_424_243, json: "4242424242424243" },
    Hole { stand_in: 4_242_424_242_424_244, json: "4242424242424244" },
    Hole { stand_in: 4_242_424_242_424_245, json: "4242424242424245" },
];

/// What a hole is filled with.
#[derive(Clone, Copy, Debug)]
pub enum Filling<'a> {
    /// A text, in a hole for texts.
    Text(&'a str),
    /// A number, in a hole for numbers.
    Number(u64),
}

impl Template {
    /// A template from an event with these holes (as JSON) in their order;
    /// `None` where not just they are found, since something else looks alike.
    pub fn new(style: Style, payload: &impl Serialize, holes: &[&str]) -> Option<Self> {
        let mut text = Vec::new();
        write(style, payload, &mut text);
        let mut pieces = Vec::with_capacity(holes.len() + 1);
        let mut start = 0;
        let mut holes = holes.iter();
        for mark in MARKS.find_iter(&text) {
            let hole = holes.next()?;
            let end = mark.checked_sub(hole.find(MARK)?)?;
            if end < start || !text[end..].starts_with(hole.as_bytes()) {
                return None;
            }
            pieces.push(start..end);
            start = end + hole.len();
        }
        pieces.push(start..text.len());
        holes.next().is_none().then_some(Self { text, pieces })
    }
}

fn write(style: Style, payload: &impl Serialize, out: &mut Vec<u8>) {
    // Writing to memory does not fail, and no payload of ours has keys that are
    // not strings: there is nothing to hand on.
    let written = match style {
        Style::Compact => serde_json::to_writer(out, payload),
        Style::Google => payload.serialize(&mut Serializer::with_formatter(out, Google)),
        Style::Pretty { indent } => {
            let pretty = Pretty { indent, level: 0, is_empty: true };
            payload.serialize(&mut Serializer::with_formatter(out, pretty))
        }
    };
    debug_assert!(written.is_ok(), "{written:?}");
}

/// A blank behind every colon, none behind commas.
struct Google;

impl Formatter for Google {
    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// A member a line. serde_json's own does the same in many small writes, which
/// is a tenth of what an answer costs.
struct Pretty {
    indent: usize,
    level: usize,
    is_empty: bool,
}

impl Pretty {
    fn open<W: io::Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.level += 1;
        self.is_empty = true;
        writer.write_all(bracket)
    }

    fn close<W: io::Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.level -= 1;
        if !std::mem::take(&mut self.is_empty) {
            self.line(writer)?;
        }
        writer.write_all(bracket)
    }

    fn item<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.is_empty = false;
        if !first {
            writer.write_all(b",")?;
        }
        self.line(writer)
    }

    fn line<W: io::Write + ?Sized>(&self, writer: &mut W) -> io::Result<()> {
        const LINE: &[u8; 33] = b"\n                                ";
        let blanks = self.indent * self.level;
        match LINE.get(..=blanks) {
            Some(line) => writer.write_all(line),
            None => writer.write_all(format!("\n{:blanks$}", "").as_bytes()),
        }
    }
}

impl Formatter for Pretty {
    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"[")
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_array_value<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.item(writer, first)
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"{")
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.item(writer, first)
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(payload: &serde_json::Value, style: Style) -> String {
        String::from_utf8(Events::one(style, payload).text).unwrap()
    }

    #[test]
    fn each_style_spaces_its_json() {
        let payload = json!({"a": "x:y,{", "b": [1, 2], "c": {}});
        assert_eq!(written(&payload, Style::Compact), r#"{"a":"x:y,{","b":[1,2],"c":{}}"#);
        assert_eq!(written(&payload, Style::Google), r#"{"a": "x:y,{","b": [1,2],"c": {}}"#);
        let nested = json!({"a": [[], {}, {"b": [[[[[[[[[[[[[[[[[[[1, "}"]]]]]]]]]]]]]]]]]]]}], "c": {}});
        let pretty = written(&nested, Style::Pretty { indent: 2 });
        assert_eq!(pretty, serde_json::to_string_pretty(&nested).unwrap());
        let wide = written(&json!({"a": [1]}), Style::Pretty { indent: 4 });
        assert_eq!(wide, "{\n    \"a\": [\n        1\n    ]\n}");
    }

    #[test]
    fn a_filled_template_is_what_writing_it_would_give() {
        for style in [Style::Compact, Style::Google, Style::Pretty { indent: 2 }] {
            let payload = |text: &str, number: u64| json!({"a": [text, {"b": number}], "c": "\n"});
            let holes = payload(TEXT_HOLES[0].stand_in, NUMBER_HOLES[0].stand_in);
            let template = Template::new(style, &holes, &[TEXT_HOLES[0].json, NUMBER_HOLES[0].json]).unwrap();
            let mut events = Events::new(style);
            events.filled(&template, &[Filling::Text("x\"\u{2028}\n"), Filling::Number(7)]);
            events.json(&payload("x\"\u{2028}\n", 7));
            let texts: Vec<_> = events.iter().collect();
            assert_eq!(texts[0], texts[1]);
        }
    }

    #[test]
    fn a_text_that_looks_like_a_hole_makes_no_template() {
        let hole = TEXT_HOLES[0].stand_in;
        assert!(Template::new(Style::Compact, &json!([hole, hole]), &[TEXT_HOLES[0].json]).is_none());
        assert!(Template::new(Style::Compact, &json!([hole]), &[TEXT_HOLES[1].json]).is_none());
        let inside = format!("x{hole}");
        assert!(Template::new(Style::Compact, &json!([inside]), &[TEXT_HOLES[0].json]).is_none());
    }
}
