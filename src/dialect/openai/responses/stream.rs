//! A response as the events of a stream.

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    items::{Content, Item, Piece, summary_part},
    object::{Response, rewound},
};
use crate::{
    ask::Extra,
    dialect::{
        Occasion,
        event::{Events, Kind},
        openai::{chunks::LONGEST_OBFUSCATION, logprobs::LogprobsOf},
        style::Style,
        template::{Filling, NUMBER_HOLES, TEXT_HOLES, Template},
    },
    identity::Draw,
    reply::{Call, Deltas},
};

pub(super) fn stream(
    response: &Response,
    items: &[Item<'_>],
    whole: &Value,
    (logprobs, obfuscation): (&LogprobsOf<'_>, Extra),
    occasion: &Occasion<'_>,
) -> Events {
    let mut writer = Writer::new(logprobs, obfuscation, occasion);
    writer.begin(whole, |status| response.begun(status));
    writer.items(items, &whole["output"]);
    writer.response(last_event(whole), whole);
    writer.events
}

/// What a stored response said, as a stream.
pub(super) fn again(
    whole: &Value,
    items: &[Item<'_>],
    logprobs: &LogprobsOf<'_>,
    occasion: &Occasion<'_>,
) -> Events {
    let mut writer = Writer::new(logprobs, Extra::Sent, occasion);
    writer.begin(whole, |status| rewound(whole, status));
    writer.items(items, &whole["output"]);
    writer.response(last_event(whole), whole);
    writer.events
}

/// The kind of the event that ends a response's stream.
fn last_event(whole: &Value) -> &'static str {
    match whole["status"].as_str() {
        Some("incomplete") => "response.incomplete",
        Some("failed") => "response.failed",
        _ => "response.completed",
    }
}

struct Writer<'a> {
    events: Events,
    padding: Option<Draw>,
    logprobs: &'a LogprobsOf<'a>,
}

/// The place of what a delta adds to.
#[derive(Clone, Copy)]
struct Place<'a> {
    item_id: &'a str,
    output_index: usize,
    /// The part's name and number, where the item has parts.
    part: Option<(&'static str, usize)>,
}

impl<'a> Writer<'a> {
    fn new(logprobs: &'a LogprobsOf<'a>, obfuscation: Extra, occasion: &Occasion<'_>) -> Self {
        let padding = match obfuscation {
            Extra::Sent => Some(occasion.identity.draw("obfuscation")),
            Extra::Left => None,
        };
        Self { events: Events::new(Style::Compact), padding, logprobs }
    }

    fn number(&self) -> u64 {
        self.events.len() as u64
    }

    /// An event of this kind, with these members.
    fn event(&mut self, kind: &str, members: Value) {
        let mut event = json!({"type": kind, "sequence_number": self.number()});
        if let (Value::Object(event), Value::Object(members)) = (&mut event, members) {
            event.extend(members);
        }
        self.events.json(&event);
    }

    /// How a response begins, of which this will be the whole.
    fn begin(&mut self, whole: &Value, begun: impl Fn(&str) -> Value) {
        if whole["background"] == true {
            let queued = begun("queued");
            self.response("response.created", &queued);
            self.response("response.queued", &queued);
        } else {
            self.response("response.created", &begun("in_progress"));
        }
        self.response("response.in_progress", &begun("in_progress"));
    }

    fn response(&mut self, kind: &'static str, response: &Value) {
        #[derive(Serialize)]
        struct Event<'a> {
            #[serde(rename = "type")]
            kind: &'static str,
            sequence_number: u64,
            response: &'a Value,
        }

        let event = Event { kind, sequence_number: self.number(), response };
        self.events.json(&event);
    }

    /// Each item's events; `output` has the items as they are in the end.
    fn items(&mut self, items: &[Item<'_>], output: &Value) {
        for (at, item) in items.iter().enumerate() {
            let whole = &output[at];
            self.event("response.output_item.added", json!({"output_index": at, "item": item.begun()}));
            let place = Place { item_id: &item.id, output_index: at, part: None };
            match &item.content {
                Content::Message(pieces) => self.message(pieces, &whole["content"], place),
                Content::Reasoning { summary, .. } => {
                    for (part, deltas) in summary.iter().enumerate() {
                        self.summary(deltas, Place { part: Some(("summary_index", part)), ..place });
                    }
                }
                Content::Call { call, .. } => self.call(call, place),
                Content::Image(_) => {
                    for step in ["in_progress", "generating", "completed"] {
                        self.event(&format!("response.image_generation_call.{step}"), place.json());
                    }
                }
            }
            self.event("response.output_item.done", json!({"output_index": at, "item": whole}));
        }
    }

    fn message(&mut self, pieces: &[Piece<'_>], content: &Value, place: Place<'_>) {
        for (part, piece) in pieces.iter().enumerate() {
            let whole = &content[part];
            let place = Place { part: Some(("content_index", part)), ..place };
            self.event("response.content_part.added", place.with(json!({"part": piece.begun()})));
            match piece {
                Piece::Text(deltas) => self.text(deltas, whole, place),
                Piece::Refusal(deltas) => {
                    let pieces = deltas.iter();
                    self.deltas("response.refusal.delta", pieces, place);
                    let done = json!({"refusal": deltas.text()});
                    self.event("response.refusal.done", place.with(done));
                }
            }
            self.event("response.content_part.done", place.with(json!({"part": whole})));
        }
    }

    fn text(&mut self, deltas: &Deltas, whole: &Value, place: Place<'_>) {
        let kind = "response.output_text.delta";
        if self.logprobs.are_wanted() {
            for (at, delta) in deltas.iter().enumerate() {
                let scored = [&whole["logprobs"][at]];
                let members = self.padded(json!({"delta": delta, "logprobs": scored}));
                self.event(kind, place.with(members));
            }
        } else {
            self.deltas(kind, deltas.iter(), place);
        }
        let done = json!({"text": deltas.text(), "logprobs": whole["logprobs"]});
        self.event("response.output_text.done", place.with(done));
    }

    fn summary(&mut self, deltas: &Deltas, place: Place<'_>) {
        let part = |text| place.with(json!({"part": summary_part(text)}));
        self.event("response.reasoning_summary_part.added", part(""));
        self.deltas("response.reasoning_summary_text.delta", deltas.iter(), place);
        let done = json!({"text": deltas.text()});
        self.event("response.reasoning_summary_text.done", place.with(done));
        self.event("response.reasoning_summary_part.done", part(deltas.text()));
    }

    fn call(&mut self, call: &Call, place: Place<'_>) {
        let fragments = call.arguments.fragments();
        let fragments = fragments.iter().map(String::as_str);
        self.deltas("response.function_call_arguments.delta", fragments, place);
        let done = json!({"arguments": call.arguments.text(), "name": call.name});
        self.event("response.function_call_arguments.done", place.with(done));
    }

    /// Many events that are alike but for their number and what they add.
    fn deltas<'d>(&mut self, kind: &'static str, deltas: impl Iterator<Item = &'d str>, place: Place<'_>) {
        let template = self.template(kind, place);
        let kinds = match kind {
            "response.reasoning_summary_text.delta" => &[Kind::Thought],
            "response.function_call_arguments.delta" => &[Kind::Call],
            _ => &[Kind::Text],
        };
        for delta in deltas {
            let Some(template) = &template else {
                let members = self.padded(delta_members(kind, delta));
                self.event(kind, place.with(members));
                continue;
            };
            let (number, delta) = (Filling::Number(self.number()), Filling::Text(delta));
            match self.pad() {
                Some(padding) => {
                    let fillings = [number, delta, Filling::Text(&padding)];
                    self.events.filled_as(kinds, template, &fillings);
                }
                None => self.events.filled_as(kinds, template, &[number, delta]),
            }
        }
    }

    fn template(&self, kind: &'static str, place: Place<'_>) -> Option<Template> {
        let [delta, padding, ..] = TEXT_HOLES;
        let mut members = place.with(delta_members(kind, delta.stand_in));
        let mut holes = vec![NUMBER_HOLES[0].json, delta.json];
        if self.padding.is_some() {
            members["obfuscation"] = padding.stand_in.into();
            holes.push(padding.json);
        }
        let mut event = json!({"type": kind, "sequence_number": NUMBER_HOLES[0].stand_in});
        if let (Value::Object(event), Value::Object(members)) = (&mut event, members) {
            event.extend(members);
        }
        Template::new(Style::Compact, &event, &holes)
    }

    fn padded(&mut self, mut members: Value) -> Value {
        if let Some(padding) = self.pad() {
            members["obfuscation"] = padding.into();
        }
        members
    }

    fn pad(&mut self) -> Option<String> {
        let draw = self.padding.as_mut()?;
        let length = draw.below(LONGEST_OBFUSCATION) + 1;
        Some(draw.alphanumeric("", usize::try_from(length).unwrap_or_default()))
    }
}

fn delta_members(kind: &str, delta: &str) -> Value {
    match kind {
        "response.output_text.delta" => json!({"delta": delta, "logprobs": []}),
        _ => json!({"delta": delta}),
    }
}

impl Place<'_> {
    fn json(self) -> Value {
        let mut json = json!({"item_id": self.item_id, "output_index": self.output_index});
        if let Some((name, number)) = self.part {
            json[name] = number.into();
        }
        json
    }

    fn with(self, members: Value) -> Value {
        let mut json = self.json();
        if let (Value::Object(json), Value::Object(members)) = (&mut json, members) {
            json.extend(members);
        }
        json
    }
}
