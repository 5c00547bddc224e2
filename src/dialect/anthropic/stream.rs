//! A reply as the events of a stream.

use std::{borrow::Cow, sync::LazyLock};

use serde::Serialize;
use serde_json::{Map, Value};

use super::message::{Block, Message, Stop, UsageBlock, call_id, id, parts, signature};
use crate::{
    dialect::{
        Occasion,
        event::{Events, Framing, Kind},
        style::Style,
        template::{Filling, NUMBER_HOLES, TEXT_HOLES, Template},
    },
    identity::{Draw, Identity},
    reply::{Call, Deltas, Generation, Part},
};

/// A sign of life, as it stands in recordings: the only event with blanks in it.
const PING: &[u8] = b"{\"type\": \"ping\"}";

/// Blanks in front of a payload's last brace, up to this many: so nobody who
/// listens in learns how long the words are.
const MOST_BLANKS: u64 = 15;

pub(super) fn stream(model: &str, said: &Generation, occasion: &Occasion<'_>) -> Events {
    let deltas: usize = parts(said).iter().map(|part| expected(part.unsigned())).sum();
    let mut writer = Writer {
        events: Events::expecting(deltas + 4, Style::Compact),
        padding: occasion.identity.draw("padding"),
        blocks: 0,
    };
    let id = id(occasion);
    let usage = UsageBlock::at_start(&said.usage);
    let message = Message::new(model, &id, Vec::new(), Stop::default(), usage);
    writer.event(&Event::MessageStart { message });
    for (nth, part) in parts(said).iter().enumerate() {
        writer.part(nth, part, occasion.identity);
    }
    let usage = UsageBlock::at_end(&said.usage);
    writer.event(&Event::MessageDelta { delta: Stop::new(said), usage });
    writer.event(&Event::MessageStop);
    writer.events
}

/// About how many events a part makes. No more than a hint.
fn expected(part: &Part) -> usize {
    match part {
        Part::Text(deltas) | Part::Thought(deltas) => deltas.iter().count() + 3,
        _ => 4,
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event<'a> {
    MessageStart { message: Message<'a> },
    ContentBlockStart { index: u64, content_block: Block<'a> },
    ContentBlockDelta { index: u64, delta: Delta<'a> },
    ContentBlockStop { index: u64 },
    MessageDelta { delta: Stop<'a>, usage: UsageBlock },
    MessageStop,
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Delta<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: &'a str },
}

/// Most events are pieces of text.
static TEXT: LazyLock<Option<Template>> = LazyLock::new(|| {
    let (index, text) = (&NUMBER_HOLES[0], &TEXT_HOLES[0]);
    let delta = Delta::Text { text: text.stand_in };
    let event = Event::ContentBlockDelta { index: index.stand_in, delta };
    Template::new(Style::Compact, &event, &[index.json, text.json])
});

struct Writer {
    events: Events,
    padding: Draw,
    /// How many have begun.
    blocks: u64,
}

impl Writer {
    fn part(&mut self, nth: usize, part: &Part, identity: &Identity) {
        match part.unsigned() {
            Part::Text(deltas) | Part::Refusal(deltas) | Part::Code(deltas) | Part::CodeResult(deltas) => {
                self.text(deltas);
            }
            Part::Thought(deltas) => self.thinking(deltas, &signature(nth, part, identity)),
            Part::Call(call) => self.call(call, call_id(nth, call, identity)),
            Part::Media(_) | Part::Signature(_) | Part::Signed(..) => {}
        }
    }

    fn text(&mut self, deltas: &Deltas) {
        let index = self.start(Block::Text { text: Cow::Borrowed("") });
        for text in deltas.iter() {
            match TEXT.as_ref() {
                Some(template) => {
                    let fillings = [Filling::Number(index), Filling::Text(text)];
                    self.events.filled_as(&[Kind::Text], template, &fillings);
                    self.pad();
                }
                None => self.delta(index, Delta::Text { text }),
            }
        }
        self.stop(index);
    }

    fn thinking(&mut self, deltas: &Deltas, signature: &str) {
        let block = Block::Thinking { thinking: Cow::Borrowed(""), signature: Cow::Borrowed("") };
        let index = self.start(block);
        for thinking in deltas.iter() {
            self.delta(index, Delta::Thinking { thinking });
        }
        self.delta(index, Delta::Signature { signature });
        self.stop(index);
    }

    fn call(&mut self, call: &Call, id: String) {
        let input = Cow::Owned(Value::Object(Map::new()));
        let index = self.start(Block::ToolUse { id, name: &call.name, input });
        self.delta(index, Delta::InputJson { partial_json: "" });
        for fragment in call.arguments.fragments() {
            self.delta(index, Delta::InputJson { partial_json: &fragment });
        }
        self.stop(index);
    }

    /// Begins a block, and tells its index. Behind the first comes a sign of life.
    fn start(&mut self, content_block: Block<'_>) -> u64 {
        let index = self.blocks;
        self.blocks += 1;
        self.event(&Event::ContentBlockStart { index, content_block });
        if index == 0 {
            self.events.bytes(PING, Framing::Data);
        }
        index
    }

    fn delta(&mut self, index: u64, delta: Delta<'_>) {
        self.event(&Event::ContentBlockDelta { index, delta });
    }

    fn stop(&mut self, index: u64) {
        self.event(&Event::ContentBlockStop { index });
    }

    fn event(&mut self, event: &Event<'_>) {
        self.events.json(event);
        self.pad();
    }

    fn pad(&mut self) {
        let blanks = self.padding.below(MOST_BLANKS + 1);
        self.events.pad(usize::try_from(blanks).unwrap_or_default());
    }
}
