//! What a reply consists of, in the order in which Gemini says it: delta by
//! delta, or part by part.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::payload::{CodeExecutionResult, ExecutableCode, FunctionCall, InlineData, Part};
use crate::{
    dialect::Enums,
    reply::{self, Candidate, Deltas, Generation},
    tokens,
};

/// What one chunk says.
#[derive(Clone, Copy)]
pub(super) enum Delta<'a> {
    Text(&'a str),
    Thought(&'a str),
    Call(&'a reply::Call),
    Media(&'a reply::Media),
    Code(&'a str),
    CodeResult(&'a str),
    /// Nothing but the signature beside it.
    Signature,
}

/// One chunk of a stream.
pub(super) struct Chunk<'a> {
    pub(super) index: u64,
    pub(super) said: Option<Delta<'a>>,
    pub(super) signature: Option<&'a str>,
    /// The candidate that ends with it.
    pub(super) ends: Option<&'a Candidate>,
}

impl<'a> Delta<'a> {
    /// As a part of a content, with this signature.
    pub(super) fn part(self, thought_signature: Option<&'a str>, enums: Enums) -> Part<'a> {
        let part = Part { thought_signature, ..Part::default() };
        match self {
            Self::Text(text) => Part { text: Some(text), ..part },
            Self::Thought(text) => Part { text: Some(text), thought: Some(true), ..part },
            Self::Call(call) => {
                let id = call.id.as_deref();
                let call = FunctionCall { id, name: &call.name, args: call.arguments.object() };
                Part { function_call: Some(call), ..part }
            }
            Self::Media(media) => {
                let data = InlineData { mime_type: &media.mime, data: STANDARD.encode(&media.content) };
                Part { inline_data: Some(data), ..part }
            }
            Self::Code(code) => Part { executable_code: Some(ExecutableCode::new(code, enums)), ..part },
            Self::CodeResult(output) => {
                Part { code_execution_result: Some(CodeExecutionResult::new(output, enums)), ..part }
            }
            Self::Signature => part,
        }
    }

    /// What of it the user gets to see, and what is thought, in tokens.
    pub(super) fn tokens(self) -> (u64, u64) {
        match self {
            Self::Text(text) | Self::Code(text) | Self::CodeResult(text) => (tokens::count(text), 0),
            Self::Thought(text) => (0, tokens::count(text)),
            Self::Call(call) => (call.tokens(), 0),
            Self::Media(_) => (tokens::ATTACHMENT_TOKENS, 0),
            Self::Signature => (0, 0),
        }
    }
}

/// The candidates' chunks in turns, each candidate's last with its end.
pub(super) fn interleave<'a>(said: &'a Generation, signature: Option<&'a str>) -> Vec<Chunk<'a>> {
    let mut rows: Vec<_> = (0..)
        .zip(&said.candidates)
        .map(|(index, candidate)| chunks(index, candidate, signature).into_iter())
        .collect();
    let count = rows.iter().map(ExactSizeIterator::len).sum();
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        all.extend(rows.iter_mut().filter_map(Iterator::next));
    }
    all
}

fn chunks<'a>(index: u64, candidate: &'a Candidate, signature: Option<&'a str>) -> Vec<Chunk<'a>> {
    let mut chunks: Vec<_> = deltas(candidate, signature, Deltas::iter)
        .into_iter()
        .map(|(said, signature)| Chunk { index, said: Some(said), signature, ends: None })
        .collect();
    if chunks.is_empty() {
        chunks.push(Chunk { index, said: None, signature: None, ends: None });
    }
    if let Some(last) = chunks.last_mut() {
        last.ends = Some(candidate);
    }
    chunks
}

/// What a candidate says to the user in words.
pub(super) fn texts(candidate: &Candidate) -> impl Iterator<Item = &Deltas> {
    candidate.parts.iter().filter_map(|part| match part {
        reply::Part::Signed(part, _) => text(part),
        part => text(part),
    })
}

fn text(part: &reply::Part) -> Option<&Deltas> {
    match part {
        reply::Part::Text(deltas) | reply::Part::Refusal(deltas) => Some(deltas),
        _ => None,
    }
}

type Pieces<'a> = Box<dyn Iterator<Item = &'a str> + 'a>;

/// What a candidate says, piece by piece, each with its signature. `signature`
/// is the one that Gemini 3 puts on the first call, if that has none.
pub(super) fn deltas<'a>(
    candidate: &'a Candidate,
    mut signature: Option<&'a str>,
    cut: impl Fn(&'a Deltas) -> Pieces<'a>,
) -> Vec<(Delta<'a>, Option<&'a str>)> {
    let mut said = Vec::with_capacity(candidate.parts.len());
    for part in &candidate.parts {
        let (part, own) = match part {
            reply::Part::Signed(part, signature) => (&**part, Some(signature.as_str())),
            part => (part, None),
        };
        let pieces = |deltas: &'a Deltas, say: fn(&'a str) -> Delta<'a>| {
            cut(deltas).map(move |piece| (say(piece), None)).collect::<Vec<_>>()
        };
        match part {
            reply::Part::Text(deltas) | reply::Part::Refusal(deltas) => {
                said.extend(pieces(deltas, Delta::Text));
            }
            reply::Part::Thought(deltas) => said.extend(pieces(deltas, Delta::Thought)),
            reply::Part::Code(deltas) => said.push((Delta::Code(deltas.text()), None)),
            reply::Part::CodeResult(deltas) => said.push((Delta::CodeResult(deltas.text()), None)),
            reply::Part::Call(call) => said.push((Delta::Call(call), signature.take())),
            reply::Part::Media(media) => said.push((Delta::Media(media), None)),
            reply::Part::Signature(signature) => said.push((Delta::Signature, Some(signature))),
            // A signature is not signed.
            reply::Part::Signed(..) => {}
        }
        if let (Some(own), Some((_, last))) = (own, said.last_mut()) {
            *last = Some(own);
        }
    }
    said
}
