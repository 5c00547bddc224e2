//! A reply as a chat completion, in one document.

use std::borrow::Cow;

use serde::Serialize;

use super::logprobs::{Logprobs, LogprobsOf};
use crate::{
    ask::{Ask, Generate},
    dialect::{
        Occasion,
        event::{Events, Style},
    },
    identity::Identity,
    reply::{Candidate, Finish, Generation, Modality, Part, Usage},
};

/// What is printed with every completion and chunk.
pub(super) struct Constants {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) fingerprint: String,
}

impl Constants {
    pub(super) fn new(occasion: &Occasion<'_>) -> Self {
        Self {
            id: occasion.identity.draw("id").alphanumeric("chatcmpl-", 29),
            created: occasion.now.as_second(),
            fingerprint: occasion.identity.draw_for_server("system_fingerprint").hex("fp_", 10),
        }
    }
}

pub(super) const SERVICE_TIER: &str = "default";

pub(super) fn completion(
    ask: &Ask,
    want: &Generate,
    said: &Generation,
    style: Style,
    occasion: &Occasion<'_>,
) -> Events {
    let constants = Constants::new(occasion);
    let logprobs = LogprobsOf::new(want.logprobs, occasion.identity);
    let completion = Completion {
        id: &constants.id,
        object: "chat.completion",
        created: constants.created,
        model: &ask.model,
        choices: (0..)
            .zip(&said.candidates)
            .map(|(index, candidate)| choice(index, candidate, &logprobs, occasion.identity))
            .collect(),
        usage: UsageBlock::new(&said.usage),
        service_tier: SERVICE_TIER,
        system_fingerprint: &constants.fingerprint,
    };
    Events::one(style, &completion)
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: Vec<Choice<'a>>,
    usage: UsageBlock,
    service_tier: &'static str,
    system_fingerprint: &'a str,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u64,
    message: Message<'a>,
    logprobs: Option<Logprobs<'a>>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<Cow<'a, str>>,
    refusal: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<Cow<'a, str>>,
    annotations: [(); 0],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall<'a>>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: String,
}

fn choice<'a>(
    index: u64,
    candidate: &'a Candidate,
    logprobs: &LogprobsOf<'_>,
    identity: &Identity,
) -> Choice<'a> {
    let (mut content, mut refusal, mut thought): (_, _, Option<Cow<'a, str>>) = (None, None, None);
    let mut tool_calls = Vec::new();
    for part in &candidate.parts {
        let (text, deltas) = match part {
            Part::Text(deltas) => (&mut content, deltas),
            Part::Refusal(deltas) => (&mut refusal, deltas),
            Part::Thought(deltas) => (&mut thought, deltas),
            Part::Call(call) => {
                tool_calls.push(ToolCall {
                    id: call_id(identity, index, tool_calls.len()),
                    kind: "function",
                    function: Function { name: &call.name, arguments: call.arguments.to_string() },
                });
                continue;
            }
            Part::Media(_) => continue,
        };
        match text {
            Some(text) => Cow::to_mut(text).push_str(deltas.text()),
            None => *text = Some(Cow::Borrowed(deltas.text())),
        }
    }
    if candidate.parts.is_empty() {
        content = Some(Cow::Borrowed(""));
    }
    Choice {
        index,
        logprobs: logprobs.of_candidate(candidate),
        message: Message {
            role: "assistant",
            content,
            refusal,
            reasoning_content: thought,
            annotations: [],
            tool_calls,
        },
        finish_reason: finish_reason(candidate.finish),
    }
}

/// The id of the `nth` call of a choice.
pub(super) fn call_id(identity: &Identity, choice: u64, nth: usize) -> String {
    identity.draw(&format!("call {choice} {nth}")).alphanumeric("call_", 24)
}

pub(super) fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Call => "tool_calls",
    }
}

#[derive(Serialize)]
pub(super) struct UsageBlock {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    audio_tokens: u64,
}

#[derive(Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
    accepted_prediction_tokens: u64,
    rejected_prediction_tokens: u64,
}

impl UsageBlock {
    /// OpenAI counts the thoughts into the completion.
    pub(super) fn new(usage: &Usage) -> Self {
        let prompt = usage.input_total();
        let completion = usage.output + usage.thoughts;
        let audio = usage.input.iter().filter(|(modality, _)| *modality == Modality::Audio);
        Self {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: prompt + completion,
            prompt_tokens_details: PromptDetails {
                cached_tokens: 0,
                audio_tokens: audio.map(|(_, tokens)| tokens).sum(),
            },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: usage.thoughts,
                audio_tokens: 0,
                accepted_prediction_tokens: 0,
                rejected_prediction_tokens: 0,
            },
        }
    }
}
