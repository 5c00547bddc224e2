//! Events that are alike but for a few places.

use std::{ops::Range, sync::LazyLock};

use memchr::memmem::Finder;
use serde::Serialize;

use super::style::{Style, write};

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
pub const TEXT_HOLES: [Hole<&str>; 5] = [
    Hole { stand_in: "4242424242424240", json: "\"4242424242424240\"" },
    Hole { stand_in: "4242424242424241", json: "\"4242424242424241\"" },
    Hole { stand_in: "4242424242424242", json: "\"4242424242424242\"" },
    Hole { stand_in: "4242424242424243", json: "\"4242424242424243\"" },
    Hole { stand_in: "4242424242424244", json: "\"4242424242424244\"" },
];

/// The holes for numbers.
pub const NUMBER_HOLES: [Hole<u64>; 5] = [
    Hole { stand_in: 4_242_424_242_424_245, json: "4242424242424245" },
    Hole { stand_in: 4_242_424_242_424_246, json: "4242424242424246" },
    Hole { stand_in: 4_242_424_242_424_247, json: "4242424242424247" },
    Hole { stand_in: 4_242_424_242_424_248, json: "4242424242424248" },
    Hole { stand_in: 4_242_424_242_424_249, json: "4242424242424249" },
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
    /// What stands between the holes.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(|piece| &self.text[piece.clone()])
    }

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::dialect::event::Events;

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
