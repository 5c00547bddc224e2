//! What a dialect says: events, the way they are framed, and a head.

use std::io;

use http::{HeaderMap, StatusCode};
use memchr::memmem;
use serde::Serialize;
use serde_json::{
    Serializer,
    ser::{Formatter, PrettyFormatter},
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
}

impl Events {
    /// An empty list, its JSON to be written in this style.
    pub fn new(style: Style) -> Self {
        // Enough for most documents, and for a start of most streams.
        Self { style, text: Vec::with_capacity(2048), ends: Vec::new() }
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
        self.ends.push(self.text.len());
    }

    /// Adds an event that a template makes, its holes filled in their order.
    pub fn filled(&mut self, template: &Template, fillings: &[Filling<'_>]) {
        for (at, piece) in template.pieces.iter().enumerate() {
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

/// An event of which many are said that are alike but for a few holes: it is
/// written once, and what stands between the holes is copied from then on.
#[derive(Debug)]
pub struct Template {
    pieces: Vec<Vec<u8>>,
}

/// A place in a template that is filled for each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole<T: 'static> {
    /// What the template's payload has there.
    pub stand_in: T,
    /// How that is found in its JSON.
    pub json: &'static str,
}

/// The holes for texts.
pub const TEXT_HOLES: [Hole<&str>; 2] = [
    Hole { stand_in: "\u{1}text\u{1}", json: r#""\u0001text\u0001""# },
    Hole { stand_in: "\u{1}text\u{2}", json: r#""\u0001text\u0002""# },
];

/// The holes for numbers.
pub const NUMBER_HOLES: [Hole<u64>; 3] = [
    Hole { stand_in: 4_242_424_242_424_241, json: "4242424242424241" },
    Hole { stand_in: 4_242_424_242_424_242, json: "4242424242424242" },
    Hole { stand_in: 4_242_424_242_424_243, json: "4242424242424243" },
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
    /// A template from an event with these holes, named as they are found, in
    /// their order; `None` where one is not found just once, since something
    /// else looks like it.
    pub fn new(style: Style, payload: &impl Serialize, holes: &[&str]) -> Option<Self> {
        let mut text = Vec::new();
        write(style, payload, &mut text);
        let mut start = 0;
        let mut pieces = Vec::with_capacity(holes.len() + 1);
        for hole in holes {
            let mut found = memmem::find_iter(&text, hole);
            match (found.next(), found.next()) {
                (Some(at), None) if at >= start => pieces.push(text[start..at].to_vec()),
                _ => return None,
            }
            start += pieces.last().map_or(0, Vec::len) + hole.len();
        }
        pieces.push(text[start..].to_vec());
        Some(Self { pieces })
    }
}

fn write(style: Style, payload: &impl Serialize, out: &mut Vec<u8>) {
    // Writing to memory does not fail, and no payload of ours has keys that are
    // not strings: there is nothing to hand on.
    let written = match style {
        Style::Compact => serde_json::to_writer(out, payload),
        Style::Google => payload.serialize(&mut Serializer::with_formatter(out, Google)),
        Style::Pretty { indent } => {
            let blanks = PrettyFormatter::with_indent(&BLANKS[..indent.min(BLANKS.len())]);
            payload.serialize(&mut Serializer::with_formatter(out, blanks))
        }
    };
    debug_assert!(written.is_ok(), "{written:?}");
}

const BLANKS: &[u8] = b"        ";

/// A blank behind every colon, none behind commas.
struct Google;

impl Formatter for Google {
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
        assert_eq!(
            written(&json!({"a": [1]}), Style::Pretty { indent: 4 }),
            "{\n    \"a\": [\n        1\n    ]\n}"
        );
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
    }
}
