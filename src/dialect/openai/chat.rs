//! A reply as a chat completion, in one document.

use std::{borrow::Cow, sync::LazyLock};

use serde::Serialize;

use super::logprobs::{Logprobs, LogprobsOf};
use crate::{
    ask::{Ask, Generate},
    dialect::{
        Occasion,
        event::Events,
        style::Style,
        template::{Filling, NUMBER_HOLES, TEXT_HOLES, Template},
    },
    identity::Identity,
    reply::{Call, Candidate, Finish, Generation, Modality, Part, Usage},
};

/// What is printed with every completion and chunk.
pub(super) struct Constants {
    pub(super) id: String,
    /// In Unix seconds.
    pub(super) created: u64,
    pub(super) fingerprint: String,
}

impl Constants {
    pub(super) fn new(occasion: &Occasion<'_>) -> Self {
        Self {
            id: occasion.identity.draw("id").alphanumeric("chatcmpl-", 29),
            created: created(occasion),
            fingerprint: occasion.identity.draw_for_server("system_fingerprint").hex("fp_", 10),
        }
    }
}

/// In Unix seconds.
pub(super) fn created(occasion: &Occasion<'_>) -> u64 {
    // The clock does not go back behind 1970.
    u64::try_from(occasion.now.as_second()).unwrap_or_default()
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
    let usage = UsageBlock::new(&said.usage);
    if let Some(events) = plain(ask, want, said, style, &constants, &usage) {
        return events;
    }
    let logprobs = LogprobsOf::new(want.logprobs, occasion.identity);
    let choices = (0..)
        .zip(&said.candidates)
        .map(|(index, candidate)| choice(index, candidate, &logprobs, occasion.identity))
        .collect();
    Events::one(style, &Completion::new(&constants, &ask.model, choices, usage))
}

/// Most completions are one text and nothing else: what never changes in them
/// is written once.
fn plain(
    ask: &Ask,
    want: &Generate,
    said: &Generation,
    style: Style,
    constants: &Constants,
    usage: &UsageBlock,
) -> Option<Events> {
    let [Candidate { parts, finish, .. }] = said.candidates.as_slice() else { return None };
    let [Part::Text(text)] = parts.as_slice() else { return None };
    if want.logprobs.is_some()
        || usage.prompt_tokens_details.audio_tokens > 0
        || said.usage.cached > 0
        || style != PLAIN_STYLE
    {
        return None;
    }
    let template = PLAIN.as_ref()?;
    let mut events = Events::new(style);
    events.filled(
        template,
        &[
            Filling::Text(&constants.id),
            Filling::Number(constants.created),
            Filling::Text(&ask.model),
            Filling::Text(text.text()),
            Filling::Text(finish_reason(finish)),
            Filling::Number(usage.prompt_tokens),
            Filling::Number(usage.completion_tokens),
            Filling::Number(usage.total_tokens),
            Filling::Number(usage.completion_tokens_details.reasoning_tokens),
            Filling::Text(&constants.fingerprint),
        ],
    );
    Some(events)
}

const PLAIN_STYLE: Style = Style::Pretty { indent: 2 };

static PLAIN: LazyLock<Option<Template>> = LazyLock::new(|| {
    let [id, model, content, finish, fingerprint] = TEXT_HOLES;
    let [created, prompt, completion, total, reasoning] = NUMBER_HOLES;
    let constants = Constants {
        id: id.stand_in.to_owned(),
        created: created.stand_in,
        fingerprint: fingerprint.stand_in.to_owned(),
    };
    let mut usage = UsageBlock::new(&Usage::default());
    (usage.prompt_tokens, usage.completion_tokens) = (prompt.stand_in, completion.stand_in);
    usage.total_tokens = total.stand_in;
    usage.completion_tokens_details.reasoning_tokens = reasoning.stand_in;
    let message = Message { content: Some(content.stand_in.into()), ..Message::default() };
    let choice = Choice { index: 0, message, logprobs: None, finish_reason: finish.stand_in };
    let completion_holes = [prompt.json, completion.json, total.json, reasoning.json];
    let head = [id.json, created.json, model.json, content.json, finish.json];
    let holes: Vec<_> = head.into_iter().chain(completion_holes).chain([fingerprint.json]).collect();
    Template::new(PLAIN_STYLE, &Completion::new(&constants, model.stand_in, vec![choice], usage), &holes)
});

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<Choice<'a>>,
    usage: UsageBlock,
    service_tier: &'static str,
    system_fingerprint: &'a str,
}

impl<'a> Completion<'a> {
    fn new(constants: &'a Constants, model: &'a str, choices: Vec<Choice<'a>>, usage: UsageBlock) -> Self {
        Self {
            id: &constants.id,
            object: "chat.completion",
            created: constants.created,
            model,
            choices,
            usage,
            service_tier: SERVICE_TIER,
            system_fingerprint: &constants.fingerprint,
        }
    }
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u64,
    message: Message<'a>,
    logprobs: Option<Logprobs<'a>>,
    finish_reason: &'a str,
}

#[derive(Default, Serialize)]
struct Message<'a> {
    role: Role,
    content: Option<Cow<'a, str>>,
    refusal: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<Cow<'a, str>>,
    annotations: [(); 0],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall<'a>>,
}

/// Who speaks in an answer.
#[derive(Default, Serialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    #[default]
    Assistant,
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
        let (text, deltas) = match part.unsigned() {
            Part::Text(deltas) | Part::Code(deltas) | Part::CodeResult(deltas) => (&mut content, deltas),
            Part::Refusal(deltas) => (&mut refusal, deltas),
            Part::Thought(deltas) => (&mut thought, deltas),
            Part::Call(call) => {
                tool_calls.push(ToolCall {
                    id: call_id(identity, call, index, tool_calls.len()),
                    kind: "function",
                    function: Function { name: &call.name, arguments: call.arguments.text() },
                });
                continue;
            }
            Part::Media(_) | Part::Signature(_) | Part::Signed(..) => continue,
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
            role: Role::Assistant,
            content,
            refusal,
            reasoning_content: thought,
            annotations: [],
            tool_calls,
        },
        finish_reason: finish_reason(&candidate.finish),
    }
}

/// The id of the `nth` call of a choice.
pub(super) fn call_id(identity: &Identity, call: &Call, choice: u64, nth: usize) -> String {
    match &call.id {
        Some(id) => id.clone(),
        None => identity.draw(&format!("call {choice} {nth}")).alphanumeric("call_", 24),
    }
}

pub(super) fn finish_reason(finish: &Finish) -> &str {
    match finish {
        // A refusal is told by its own field, and what cannot be read by nothing.
        Finish::Stop | Finish::Sequence(_) | Finish::Refusal | Finish::MalformedCall | Finish::Pause => {
            "stop"
        }
        Finish::Length => "length",
        Finish::Call => "tool_calls",
        Finish::Filter | Finish::Recitation => "content_filter",
        Finish::Exact(reason) => reason,
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
        let prompt = usage.input_total() + usage.tool;
        let completion = usage.output + usage.thoughts;
        let audio = usage.input.iter().filter(|(modality, _)| *modality == Modality::Audio);
        Self {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: prompt + completion,
            prompt_tokens_details: PromptDetails {
                cached_tokens: usage.cached,
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
