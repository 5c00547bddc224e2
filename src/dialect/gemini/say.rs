//! A reply in Gemini's words: the whole response, or the chunks of a stream.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    ask::{Ask, Shape},
    dialect::{Occasion, event::Events},
    reply::{self, Candidate, Finish, Generation, Modality, Usage},
    tokens,
};

/// Bytes of randomness in a `responseId`; 17 make the 23 characters of today's.
const RESPONSE_ID_BYTES: usize = 17;

pub(super) fn generation(ask: &Ask, said: &Generation, occasion: &Occasion<'_>) -> Events {
    let response_id = occasion.identity.draw("responseId").base64url::<RESPONSE_ID_BYTES>();
    let constants = (ask.model.as_str(), response_id.as_str());
    if ask.shape == Shape::Document {
        let candidates: Vec<_> = (0..).zip(&said.candidates).map(whole).collect();
        let usage = UsageMetadata::new(&said.usage, said.usage.output, said.usage.thoughts);
        return Events::one(&Response::new(&candidates, usage, constants));
    }
    let mut events = Events::default();
    let (mut output, mut thoughts) = (0, 0);
    let chunks = interleave(said);
    let last = chunks.len().saturating_sub(1);
    for (at, chunk) in chunks.into_iter().enumerate() {
        if chunk.is_thought {
            thoughts += chunk.tokens;
        } else {
            output += chunk.tokens;
        }
        if at == last {
            (output, thoughts) = (said.usage.output, said.usage.thoughts);
        }
        let usage = UsageMetadata::new(&said.usage, output, thoughts);
        let candidates = [chunk.candidate];
        events.json(&Response::new(&candidates, usage, constants));
    }
    events
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    candidates: &'a [CandidateChunk<'a>],
    usage_metadata: UsageMetadata<'a>,
    model_version: &'a str,
    response_id: &'a str,
}

impl<'a> Response<'a> {
    fn new(
        candidates: &'a [CandidateChunk<'a>],
        usage_metadata: UsageMetadata<'a>,
        (model_version, response_id): (&'a str, &'a str),
    ) -> Self {
        Self { candidates, usage_metadata, model_version, response_id }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CandidateChunk<'a> {
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<&'static str>,
    index: u32,
}

#[derive(Serialize)]
struct Content<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Part<'a>>,
    role: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", untagged)]
enum Part<'a> {
    Text {
        text: &'a str,
    },
    Thought {
        text: &'a str,
        thought: bool,
    },
    #[serde(rename_all = "camelCase")]
    Call {
        function_call: FunctionCall<'a>,
    },
    #[serde(rename_all = "camelCase")]
    Media {
        inline_data: InlineData,
    },
}

#[derive(Serialize)]
struct FunctionCall<'a> {
    name: &'a str,
    args: &'a Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InlineData {
    mime_type: &'static str,
    data: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageMetadata<'a> {
    prompt_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    candidates_token_count: u64,
    total_token_count: u64,
    #[serde(skip_serializing_if = "no_details", serialize_with = "details")]
    prompt_tokens_details: &'a [(Modality, u64)],
    #[serde(skip_serializing_if = "is_zero")]
    thoughts_token_count: u64,
}

impl<'a> UsageMetadata<'a> {
    /// Zero counts are left out, and the total holds the thoughts.
    fn new(usage: &'a Usage, output: u64, thoughts: u64) -> Self {
        let input = usage.input_total();
        Self {
            prompt_token_count: input,
            candidates_token_count: output,
            total_token_count: input + output + thoughts,
            prompt_tokens_details: &usage.input,
            thoughts_token_count: thoughts,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn no_details(details: &[(Modality, u64)]) -> bool {
    details.is_empty()
}

fn details<S: serde::Serializer>(details: &[(Modality, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(details.iter().map(modality_count))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModalityCount {
    modality: &'static str,
    token_count: u64,
}

fn modality_count((modality, tokens): &(Modality, u64)) -> ModalityCount {
    ModalityCount {
        modality: match modality {
            Modality::Text => "TEXT",
            Modality::Image => "IMAGE",
            Modality::Video => "VIDEO",
            Modality::Audio => "AUDIO",
            Modality::Document => "DOCUMENT",
        },
        token_count: *tokens,
    }
}

/// The answer of `countTokens`.
pub(super) fn count(tokens: &[(Modality, u64)]) -> Value {
    let total: u64 = tokens.iter().map(|(_, count)| count).sum();
    let mut body = json!({"totalTokens": total});
    if !tokens.is_empty() {
        body["promptTokensDetails"] = json!(tokens.iter().map(modality_count).collect::<Vec<_>>());
    }
    body
}

/// A function call ends with `STOP` at Google, too.
fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Call => "STOP",
        Finish::Length => "MAX_TOKENS",
    }
}

fn whole((index, candidate): (u32, &Candidate)) -> CandidateChunk<'_> {
    let parts = candidate.parts.iter().map(|part| match part {
        reply::Part::Text(deltas) | reply::Part::Refusal(deltas) => Part::Text { text: deltas.text() },
        reply::Part::Thought(deltas) => Part::Thought { text: deltas.text(), thought: true },
        reply::Part::Call(call) => function_call(call),
        reply::Part::Media(media) => inline_data(media),
    });
    CandidateChunk {
        content: Content { parts: parts.collect(), role: "model" },
        finish_reason: Some(finish_reason(candidate.finish)),
        index,
    }
}

fn function_call(call: &reply::Call) -> Part<'_> {
    Part::Call { function_call: FunctionCall { name: &call.name, args: &call.arguments } }
}

fn inline_data(media: &reply::Media) -> Part<'static> {
    Part::Media { inline_data: InlineData { mime_type: media.mime, data: STANDARD.encode(media.content) } }
}

/// One chunk of a stream and what it adds to the usage.
struct Chunk<'a> {
    candidate: CandidateChunk<'a>,
    tokens: u64,
    is_thought: bool,
}

/// The candidates' chunks in turns, each candidate's last with its finish.
fn interleave(said: &Generation) -> Vec<Chunk<'_>> {
    let mut rows: Vec<_> = (0..).zip(&said.candidates).map(|numbered| chunks(numbered).into_iter()).collect();
    let mut all = Vec::with_capacity(rows.iter().map(ExactSizeIterator::len).sum());
    while all.len() < all.capacity() {
        all.extend(rows.iter_mut().filter_map(Iterator::next));
    }
    all
}

fn chunks((index, candidate): (u32, &Candidate)) -> Vec<Chunk<'_>> {
    let mut chunks: Vec<_> = candidate.parts.iter().flat_map(|part| deltas(index, part)).collect();
    let finish = Some(finish_reason(candidate.finish));
    match chunks.last_mut() {
        Some(last) => last.candidate.finish_reason = finish,
        None => chunks.push(Chunk {
            candidate: CandidateChunk {
                content: Content { parts: Vec::new(), role: "model" },
                finish_reason: finish,
                index,
            },
            tokens: 0,
            is_thought: false,
        }),
    }
    chunks
}

fn deltas(index: u32, part: &reply::Part) -> Vec<Chunk<'_>> {
    let chunk = |part, tokens, is_thought| Chunk {
        candidate: CandidateChunk {
            content: Content { parts: vec![part], role: "model" },
            finish_reason: None,
            index,
        },
        tokens,
        is_thought,
    };
    match part {
        reply::Part::Text(deltas) | reply::Part::Refusal(deltas) => {
            deltas.iter().map(|text| chunk(Part::Text { text }, tokens::count(text), false)).collect()
        }
        reply::Part::Thought(deltas) => deltas
            .iter()
            .map(|text| chunk(Part::Thought { text, thought: true }, tokens::count(text), true))
            .collect(),
        reply::Part::Call(call) => vec![chunk(function_call(call), call.tokens(), false)],
        reply::Part::Media(media) => vec![chunk(inline_data(media), tokens::ATTACHMENT_TOKENS, false)],
    }
}
