//! A reply as the chunks of a streamed chat completion.

use serde::Serialize;

use super::{
    chat::{Constants, SERVICE_TIER, UsageBlock, call_id, finish_reason},
    logprobs::{Logprobs, LogprobsOf},
};
use crate::{
    ask::{Ask, Extra, Generate, Shape},
    dialect::{
        Occasion,
        event::{Events, Kind},
        style::Style,
        template::{Filling, NUMBER_HOLES, TEXT_HOLES, Template},
    },
    identity::{Draw, Identity},
    reply::{Call, Candidate, Finish, Generation, Part},
};

/// Characters of padding in a chunk at the most.
pub(super) const LONGEST_OBFUSCATION: u64 = 16;

pub(super) fn stream(ask: &Ask, want: &Generate, said: &Generation, occasion: &Occasion<'_>) -> Events {
    let constants = Constants::new(occasion);
    let mut rows: Vec<_> =
        (0..).zip(&said.candidates).map(|(index, candidate)| (index, steps(candidate).into_iter())).collect();
    // Besides the steps, the usage and the sentinel.
    let expected = rows.iter().map(|(_, steps)| steps.len()).sum::<usize>() + 2;
    let mut writer = Writer {
        constants: &constants,
        model: &ask.model,
        usage: want.stream.usage,
        padding: match want.stream.obfuscation {
            Extra::Sent => Some(occasion.identity.draw("obfuscation")),
            Extra::Left => None,
        },
        identity: occasion.identity,
        logprobs: LogprobsOf::new(want.logprobs, occasion.identity),
        template: None,
        events: Events::expecting(expected, Style::Compact),
    };
    writer.template = writer.text_template();
    // Each choice's chunks in turns, until all are through.
    while !rows.is_empty() {
        rows.retain_mut(|(index, steps)| {
            if let Some(step) = steps.next() {
                writer.step(*index, &step);
            }
            steps.len() > 0
        });
    }
    if want.stream.usage == Extra::Sent {
        let padding = writer.pad();
        let tail = writer.chunk(&[], Some(Some(UsageBlock::new(&said.usage))), padding.as_deref());
        let events = &mut writer.events;
        events.json(&tail);
    }
    if ask.shape == Shape::Sse {
        writer.events.sentinel("[DONE]");
    }
    writer.events
}

struct Writer<'a> {
    constants: &'a Constants,
    model: &'a str,
    usage: Extra,
    padding: Option<Draw>,
    identity: &'a Identity,
    logprobs: LogprobsOf<'a>,
    /// For chunks of text alone.
    template: Option<Template>,
    events: Events,
}

impl<'a> Writer<'a> {
    fn step(&mut self, index: u64, step: &Step<'_>) {
        let padding = self.pad();
        if let (Step::Text(text), Some(template)) = (step, &self.template) {
            let (index, text) = (Filling::Number(index), Filling::Text(text));
            return match &padding {
                Some(padding) => {
                    self.events.filled_as(&[Kind::Text], template, &[index, text, Filling::Text(padding)]);
                }
                None => self.events.filled_as(&[Kind::Text], template, &[index, text]),
            };
        }
        let choice = Choice {
            index,
            delta: step.delta(index, self.identity),
            logprobs: self.logprobs.of_step(step),
            finish_reason: match step {
                Step::Finish(finish) => Some(finish_reason(finish)),
                _ => None,
            },
        };
        let choices = [choice];
        let chunk = self.chunk(&choices, self.no_usage(), padding.as_deref());
        self.events.json(&chunk);
    }

    fn chunk<'c>(
        &self,
        choices: &'c [Choice<'c>],
        usage: Option<Option<UsageBlock>>,
        obfuscation: Option<&'c str>,
    ) -> Chunk<'c>
    where
        'a: 'c,
    {
        Chunk {
            id: &self.constants.id,
            object: "chat.completion.chunk",
            created: self.constants.created,
            model: self.model,
            service_tier: SERVICE_TIER,
            system_fingerprint: &self.constants.fingerprint,
            choices,
            usage,
            obfuscation,
        }
    }

    fn no_usage(&self) -> Option<Option<UsageBlock>> {
        (self.usage == Extra::Sent).then_some(None)
    }

    fn pad(&mut self) -> Option<String> {
        let draw = self.padding.as_mut()?;
        let length = draw.below(LONGEST_OBFUSCATION) + 1;
        Some(draw.alphanumeric("", usize::try_from(length).unwrap_or_default()))
    }

    fn text_template(&self) -> Option<Template> {
        if self.logprobs.are_wanted() {
            return None;
        }
        let [text, padding, ..] = TEXT_HOLES;
        let choice = Choice {
            index: NUMBER_HOLES[0].stand_in,
            delta: Delta { content: Some(Some(text.stand_in)), ..Delta::default() },
            logprobs: None,
            finish_reason: None,
        };
        let is_padded = self.padding.is_some();
        let holes = [NUMBER_HOLES[0].json, text.json, padding.json];
        let chunk = [choice];
        let chunk = self.chunk(&chunk, self.no_usage(), is_padded.then_some(padding.stand_in));
        Template::new(Style::Compact, &chunk, if is_padded { &holes } else { &holes[..2] })
    }
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    service_tier: &'static str,
    system_fingerprint: &'a str,
    choices: &'a [Choice<'a>],
    /// Absent where usage was not asked for, else null on all chunks but the
    /// last.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<UsageBlock>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    obfuscation: Option<&'a str>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u64,
    delta: Delta<'a>,
    logprobs: Option<Logprobs<'a>>,
    finish_reason: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    /// Absent, null, or a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCall<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Option<&'a str>>,
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
    arguments: &'a str,
}

/// What one chunk adds to a choice.
pub(super) enum Step<'a> {
    /// The role, with an empty content or none.
    Role(Option<&'a str>),
    Text(&'a str),
    Refusal(&'a str),
    Thought(&'a str),
    /// The `nth` call begins; a call that comes first shares the role's chunk.
    Call {
        nth: usize,
        call: &'a Call,
        is_first: bool,
    },
    /// More of its arguments. Neither its id nor its name stand here again.
    Arguments {
        nth: usize,
        fragment: String,
    },
    Finish(&'a Finish),
}

impl Step<'_> {
    fn delta(&self, choice: u64, identity: &Identity) -> Delta<'_> {
        let role = Some("assistant");
        match self {
            Self::Role(content) => {
                Delta { role, content: Some(*content), refusal: Some(None), ..Delta::default() }
            }
            Self::Text(text) => Delta { content: Some(Some(text)), ..Delta::default() },
            Self::Refusal(text) => Delta { refusal: Some(Some(text)), ..Delta::default() },
            Self::Thought(text) => Delta { reasoning_content: Some(text), ..Delta::default() },
            Self::Call { nth, call, is_first } => {
                let function = Function { name: Some(&call.name), arguments: "" };
                let id = Some(call_id(identity, call, choice, *nth));
                let tool_calls = Some([ToolCall { index: *nth, id, kind: Some("function"), function }]);
                match is_first {
                    true => Delta {
                        role,
                        content: Some(None),
                        refusal: Some(None),
                        tool_calls,
                        ..Delta::default()
                    },
                    false => Delta { tool_calls, ..Delta::default() },
                }
            }
            Self::Arguments { nth, fragment } => {
                let function = Function { name: None, arguments: fragment };
                let tool_calls = Some([ToolCall { index: *nth, id: None, kind: None, function }]);
                Delta { tool_calls, ..Delta::default() }
            }
            Self::Finish(_) => Delta::default(),
        }
    }
}

/// A choice's chunks: the role, the content, the finish.
fn steps(candidate: &Candidate) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    match candidate.parts.first().map(Part::unsigned) {
        Some(Part::Call(_)) => {}
        Some(Part::Refusal(_)) => steps.push(Step::Role(None)),
        _ => steps.push(Step::Role(Some(""))),
    }
    let mut nth = 0;
    for part in &candidate.parts {
        match part.unsigned() {
            Part::Text(deltas) | Part::Code(deltas) | Part::CodeResult(deltas) => {
                steps.extend(deltas.iter().map(Step::Text));
            }
            Part::Refusal(deltas) => steps.extend(deltas.iter().map(Step::Refusal)),
            Part::Thought(deltas) => steps.extend(deltas.iter().map(Step::Thought)),
            Part::Call(call) => {
                steps.push(Step::Call { nth, call, is_first: steps.is_empty() });
                let fragments = call.arguments.fragments().into_iter();
                steps.extend(fragments.map(|fragment| Step::Arguments { nth, fragment }));
                nth += 1;
            }
            Part::Media(_) | Part::Signature(_) | Part::Signed(..) => {}
        }
    }
    steps.push(Step::Finish(&candidate.finish));
    steps
}
