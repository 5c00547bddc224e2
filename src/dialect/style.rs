//! How JSON is spaced.

use std::io;

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

/// How JSON is spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `{"a":1,"b":2}`
    Compact,
    /// `{"a": 1, "b": 2}`
    Spaced,
    /// `{"a": 1,"b": 2}`, as Google's streams.
    Google,
    /// One member a line, indented by so many blanks.
    Pretty {
        /// Blanks for each level.
        indent: usize,
    },
}

impl Style {
    /// A payload as JSON.
    pub fn text(self, payload: &impl Serialize) -> Vec<u8> {
        let mut text = Vec::new();
        write(self, payload, &mut text);
        text
    }
}

/// Adds a payload as JSON.
pub(super) fn write(style: Style, payload: &impl Serialize, out: &mut Vec<u8>) {
    // Writing to memory does not fail, and no payload of ours has keys that are
    // not strings: there is nothing to hand on.
    let written = match style {
        Style::Compact => serde_json::to_writer(out, payload),
        Style::Spaced => payload.serialize(&mut Serializer::with_formatter(out, Spaced)),
        Style::Google => payload.serialize(&mut Serializer::with_formatter(out, Google)),
        Style::Pretty { indent } => {
            let pretty = Pretty { indent, level: 0, is_empty: true };
            payload.serialize(&mut Serializer::with_formatter(out, pretty))
        }
    };
    debug_assert!(written.is_ok(), "{written:?}");
}

/// A blank behind every colon and every comma.
struct Spaced;

impl Spaced {
    fn item<W: io::Write + ?Sized>(writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }
}

impl Formatter for Spaced {
    fn begin_array_value<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        Self::item(writer, first)
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        Self::item(writer, first)
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
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
        let mut text = Vec::new();
        write(style, payload, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn each_style_spaces_its_json() {
        let payload = json!({"a": "x:y,{", "b": [1, 2], "c": {}});
        assert_eq!(written(&payload, Style::Compact), r#"{"a":"x:y,{","b":[1,2],"c":{}}"#);
        assert_eq!(written(&payload, Style::Spaced), r#"{"a": "x:y,{", "b": [1, 2], "c": {}}"#);
        assert_eq!(written(&payload, Style::Google), r#"{"a": "x:y,{","b": [1,2],"c": {}}"#);
        let nested = json!({"a": [[], {}, {"b": [[[[[[[[[[[[[[[[[[[1, "}"]]]]]]]]]]]]]]]]]]]}], "c": {}});
        let pretty = written(&nested, Style::Pretty { indent: 2 });
        assert_eq!(pretty, serde_json::to_string_pretty(&nested).unwrap());
        let wide = written(&json!({"a": [1]}), Style::Pretty { indent: 4 });
        assert_eq!(wide, "{\n    \"a\": [\n        1\n    ]\n}");
    }
}
