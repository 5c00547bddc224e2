//! A reply as a message, in one document.

use std::{borrow::Cow, sync::LazyLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::Value;

use crate::{
    dialect::{
        Occasion,
        event::Events,
        style::Style,
        template::{Filling, NUMBER_HOLES, TEXT_HOLES, Template},
    },
    identity::Identity,
    reply::{Call, Candidate, Finish, Generation, Part, Usage},
};

/// Bytes of a drawn proof of thinking.
const SIGNATURE: usize = 96;

pub(super) fn message(model: &str, said: &Generation, occasion: &Occasion<'_>) -> Events {
    let id = id(occasion);
    let stop = Stop::new(said);
    let usage = UsageBlock::new(&said.usage);
    if let Some(events) = plain(&id, model, said, &stop, &usage) {
        return events;
    }
    let content =
        parts(said).iter().enumerate().filter_map(|(nth, part)| block(nth, part, occasion.identity));
    Events::one(Style::Compact, &Message::new(model, &id, content.collect(), stop, usage))
}

pub(super) fn id(occasion: &Occasion<'_>) -> String {
    occasion.identity.draw("id").alphanumeric("msg_01", 22)
}

/// What is said: of several candidates the first.
pub(super) fn parts(said: &Generation) -> &[Part] {
    said.candidates.first().map(|candidate| candidate.parts.as_slice()).unwrap_or_default()
}

/// Most messages are one text and nothing else: what never changes in them is
/// written once.
fn plain(id: &str, model: &str, said: &Generation, stop: &Stop<'_>, usage: &UsageBlock) -> Option<Events> {
    let [Candidate { parts, .. }] = said.candidates.as_slice() else { return None };
    let [Part::Text(text)] = parts.as_slice() else { return None };
    let Stop { stop_reason: Some(reason), stop_sequence: None, stop_details: None } = stop else {
        return None;
    };
    if usage.output_tokens_details.is_some() {
        return None;
    }
    let mut events = Events::new(Style::Compact);
    events.filled(
        PLAIN.as_ref()?,
        &[
            Filling::Text(model),
            Filling::Text(id),
            Filling::Text(text.text()),
            Filling::Text(reason),
            Filling::Number(usage.input_tokens),
            Filling::Number(usage.cache_read_input_tokens),
            Filling::Number(usage.output_tokens),
        ],
    );
    Some(events)
}

static PLAIN: LazyLock<Option<Template>> = LazyLock::new(|| {
    let [model, id, text, reason, ..] = TEXT_HOLES;
    let [input, cached, output, ..] = NUMBER_HOLES;
    let mut usage = UsageBlock::new(&Usage::default());
    (usage.input_tokens, usage.cache_read_input_tokens) = (input.stand_in, cached.stand_in);
    usage.output_tokens = output.stand_in;
    let stop = Stop { stop_reason: Some(reason.stand_in), stop_sequence: None, stop_details: None };
    let content = vec![Block::Text { text: Cow::Borrowed(text.stand_in) }];
    let holes = [model.json, id.json, text.json, reason.json, input.json, cached.json, output.json];
    Template::new(Style::Compact, &Message::new(model.stand_in, id.stand_in, content, stop, usage), &holes)
});

#[derive(Serialize)]
pub(super) struct Message<'a> {
    model: &'a str,
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    content: Vec<Block<'a>>,
    #[serde(flatten)]
    stop: Stop<'a>,
    usage: UsageBlock,
}

impl<'a> Message<'a> {
    pub(super) fn new(
        model: &'a str,
        id: &'a str,
        content: Vec<Block<'a>>,
        stop: Stop<'a>,
        usage: UsageBlock,
    ) -> Self {
        Self { model, id, kind: "message", role: "assistant", content, stop, usage }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text { text: Cow<'a, str> },
    Thinking { thinking: Cow<'a, str>, signature: Cow<'a, str> },
    ToolUse { id: String, name: &'a str, input: Cow<'a, Value> },
}

/// What the `nth` part is in a document; nothing where there is no word for it.
fn block<'a>(nth: usize, part: &'a Part, identity: &Identity) -> Option<Block<'a>> {
    Some(match part.unsigned() {
        Part::Text(deltas) | Part::Refusal(deltas) | Part::Code(deltas) | Part::CodeResult(deltas) => {
            Block::Text { text: Cow::Borrowed(deltas.text()) }
        }
        Part::Thought(deltas) => Block::Thinking {
            thinking: Cow::Borrowed(deltas.text()),
            signature: signature(nth, part, identity),
        },
        Part::Call(call) => Block::ToolUse {
            id: call_id(nth, call, identity),
            name: &call.name,
            input: call.arguments.object(),
        },
        Part::Media(_) | Part::Signature(_) | Part::Signed(..) => return None,
    })
}

/// The proof of the thinking that is the `nth` part.
pub(super) fn signature<'a>(nth: usize, part: &'a Part, identity: &Identity) -> Cow<'a, str> {
    match part {
        Part::Signed(_, signature) => Cow::Borrowed(signature),
        _ => Cow::Owned(STANDARD.encode(identity.draw(&format!("signature {nth}")).bytes::<SIGNATURE>())),
    }
}

/// The id of the call that is the `nth` part.
pub(super) fn call_id(nth: usize, call: &Call, identity: &Identity) -> String {
    match &call.id {
        Some(id) => id.clone(),
        None => identity.draw(&format!("call {nth}")).alphanumeric("toolu_01", 22),
    }
}

/// Why a message ended; all null before it has.
#[derive(Clone, Copy, Default, Serialize)]
pub(super) struct Stop<'a> {
    stop_reason: Option<&'a str>,
    stop_sequence: Option<&'a str>,
    stop_details: Option<StopDetails>,
}

/// What stands beside a refusal. Anthropic may leave open what it was about.
#[derive(Clone, Copy, Serialize)]
struct StopDetails {
    #[serde(rename = "type")]
    kind: &'static str,
    category: Option<&'static str>,
    explanation: Option<&'static str>,
}

const REFUSAL: &str = "refusal";

impl<'a> Stop<'a> {
    pub(super) fn new(said: &'a Generation) -> Self {
        let finish = said.candidates.first().map_or(&Finish::Stop, |candidate| &candidate.finish);
        // A prompt that is blocked gets nothing but that.
        let reason = if said.block.is_some() { REFUSAL } else { stop_reason(finish) };
        let details = StopDetails { kind: REFUSAL, category: None, explanation: None };
        Self {
            stop_reason: Some(reason),
            stop_sequence: match finish {
                Finish::Sequence(text) => Some(text),
                _ => None,
            },
            stop_details: (reason == REFUSAL).then_some(details),
        }
    }
}

fn stop_reason(finish: &Finish) -> &str {
    match finish {
        // A call that cannot be read is none.
        Finish::Stop | Finish::MalformedCall => "end_turn",
        Finish::Sequence(_) => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::Call => "tool_use",
        Finish::Filter | Finish::Refusal | Finish::Recitation => REFUSAL,
        Finish::Pause => "pause_turn",
        Finish::Exact(reason) => reason,
    }
}

#[derive(Serialize)]
pub(super) struct UsageBlock {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    /// A stream tells it at its start alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation: Option<CacheCreation>,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<OutputDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
}

#[derive(Serialize)]
struct CacheCreation {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetails {
    thinking_tokens: u64,
}

impl UsageBlock {
    /// Anthropic counts the thoughts into the output, and what was remembered
    /// apart from the input.
    pub(super) fn new(usage: &Usage) -> Self {
        let input = usage.input_total() + usage.tool;
        Self {
            input_tokens: input.saturating_sub(usage.cached),
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: usage.cached,
            cache_creation: Some(CacheCreation {
                ephemeral_5m_input_tokens: 0,
                ephemeral_1h_input_tokens: 0,
            }),
            output_tokens: usage.output + usage.thoughts,
            output_tokens_details: (usage.thoughts > 0)
                .then_some(OutputDetails { thinking_tokens: usage.thoughts }),
            service_tier: Some("standard"),
        }
    }

    /// As a stream begins: it has said next to nothing.
    pub(super) fn at_start(usage: &Usage) -> Self {
        Self { output_tokens: 1, output_tokens_details: None, ..Self::new(usage) }
    }

    /// As a stream ends.
    pub(super) fn at_end(usage: &Usage) -> Self {
        Self { cache_creation: None, service_tier: None, ..Self::new(usage) }
    }
}
