//! A reply as the chunks of a streamed chat completion.

use serde::Serialize;

use super::{
    chat::{Constants, SERVICE_TIER, UsageBlock, call_id, finish_reason},
    logprobs::{Logprobs, LogprobsOf},
};
use crate::{
    ask::{Ask, Extra, Generate},
    dialect::{Occasion, event::Events},
    identity::{Draw, Identity},
    reply::{Candidate, Generation, Part},
    tokens,
};

/// Characters of padding in a chunk at the most.
const LONGEST_OBFUSCATION: u64 = 16;

pub(super) fn stream(ask: &Ask, want: &Generate, said: &Generation, occasion: &Occasion<'_>) -> Events {
    let constants = Constants::new(occasion);
    let mut writer = Writer {
        constants: &constants,
        model: &ask.model,
        usage: want.stream.usage,
        padding: match want.stream.obfuscation {
            Extra::Sent => Some(occasion.identity.draw("obfuscation")),
            Extra::Left => None,
        },
        events: Events::default(),
    };
    let logprobs = LogprobsOf::new(want.logprobs, occasion.identity);
    let mut rows: Vec<_> = (0..)
        .zip(&said.candidates)
        .map(|(index, candidate)| (index, steps(candidate, index, occasion.identity).into_iter()))
        .collect();
    // Each choice's chunks in turns, until all are through.
    while !rows.is_empty() {
        rows.retain_mut(|(index, steps)| {
            let step = steps.next();
            if let Some(step) = step {
                writer.choice(*index, step, &logprobs);
            }
            steps.len() > 0
        });
    }
    if want.stream.usage == Extra::Sent {
        writer.chunk(&[], Some(Some(UsageBlock::new(&said.usage))));
    }
    writer.events.sentinel("[DONE]");
    writer.events
}

struct Writer<'a> {
    constants: &'a Constants,
    model: &'a str,
    usage: Extra,
    padding: Option<Draw>,
    events: Events,
}

impl Writer<'_> {
    fn choice(&mut self, index: u32, step: Step<'_>, logprobs: &LogprobsOf<'_>) {
        let choice = Choice {
            index,
            logprobs: logprobs.of_step(&step.delta),
            delta: step.delta,
            finish_reason: step.finish_reason,
        };
        let usage = (self.usage == Extra::Sent).then_some(None);
        self.chunk(&[choice], usage);
    }

    fn chunk(&mut self, choices: &[Choice<'_>], usage: Option<Option<UsageBlock>>) {
        let obfuscation = self.padding.as_mut().map(|draw| {
            let length = draw.below(LONGEST_OBFUSCATION) + 1;
            draw.alphanumeric("", usize::try_from(length).unwrap_or_default())
        });
        self.events.json(&Chunk {
            id: &self.constants.id,
            object: "chat.completion.chunk",
            created: self.constants.created,
            model: self.model,
            service_tier: SERVICE_TIER,
            system_fingerprint: &self.constants.fingerprint,
            choices,
            usage,
            obfuscation,
        });
    }
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    service_tier: &'static str,
    system_fingerprint: &'a str,
    choices: &'a [Choice<'a>],
    /// Absent where usage was not asked for, else null on all chunks but the
    /// last.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<UsageBlock>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    obfuscation: Option<String>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: Option<Logprobs<'a>>,
    finish_reason: Option<&'static str>,
}

/// What one chunk adds to a choice.
struct Step<'a> {
    delta: Delta<'a>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
pub(super) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    /// Absent, null, or a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCall<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<Option<&'a str>>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: String,
}

/// A choice's chunks: the role, the content, the finish. A call that comes
/// first shares the role's chunk.
fn steps<'a>(candidate: &'a Candidate, choice: u32, identity: &Identity) -> Vec<Step<'a>> {
    let mut deltas = Vec::new();
    let mut calls = 0;
    for part in &candidate.parts {
        match part {
            Part::Text(text) => {
                deltas
                    .extend(text.iter().map(|text| Delta { content: Some(Some(text)), ..Delta::default() }));
            }
            Part::Refusal(text) => {
                deltas
                    .extend(text.iter().map(|text| Delta { refusal: Some(Some(text)), ..Delta::default() }));
            }
            Part::Thought(text) => deltas
                .extend(text.iter().map(|text| Delta { reasoning_content: Some(text), ..Delta::default() })),
            Part::Call(call) => {
                deltas.push(call_start(&call.name, calls, call_id(identity, choice, calls)));
                let arguments = call.arguments.to_string();
                deltas.extend(tokens::tokens(&arguments).map(|fragment| call_fragment(calls, fragment)));
                calls += 1;
            }
            Part::Media(_) => {}
        }
    }
    let role = Some("assistant");
    match deltas.first_mut() {
        Some(first) if first.tool_calls.is_some() => {
            *first = Delta { role, content: Some(None), refusal: Some(None), ..std::mem::take(first) };
        }
        first => {
            let content = match first {
                Some(first) if first.refusal.is_some() => None,
                _ => Some(""),
            };
            let opening = Delta { role, content: Some(content), refusal: Some(None), ..Delta::default() };
            deltas.insert(0, opening);
        }
    }
    let mut steps: Vec<_> = deltas.into_iter().map(|delta| Step { delta, finish_reason: None }).collect();
    steps.push(Step { delta: Delta::default(), finish_reason: Some(finish_reason(candidate.finish)) });
    steps
}

fn call_start(name: &str, index: usize, id: String) -> Delta<'_> {
    Delta {
        tool_calls: Some([ToolCall {
            index,
            id: Some(id),
            kind: Some("function"),
            function: Function { name: Some(name), arguments: String::new() },
        }]),
        ..Delta::default()
    }
}

/// Neither the id nor the name stand here again.
fn call_fragment<'a>(index: usize, fragment: &str) -> Delta<'a> {
    Delta {
        tool_calls: Some([ToolCall {
            index,
            id: None,
            kind: None,
            function: Function { name: None, arguments: fragment.to_owned() },
        }]),
        ..Delta::default()
    }
}
