//! A reply in Gemini's words: the whole response, or the chunks of a stream.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    chunks::{self, Chunk, Delta},
    enums::{self, word},
    findings,
    logprobs::{Average, LogprobsOf},
    payload::{Blocked, Candidate, Content, Details, Part, Response, UsageMetadata, safety_ratings},
    stream::Stream,
};
use crate::{
    ask::{Ask, Shape, Want},
    dialect::{
        Enums, Occasion, Route,
        event::Events,
        style::Style,
        template::{Filling, NUMBER_HOLES, TEXT_HOLES, Template},
    },
    identity::Identity,
    reply::{self, Deltas, Findings, Finish, Generation, Modality, Usage},
};

/// Bytes of randomness in a `responseId`; 17 make the 23 characters of today's.
const RESPONSE_ID_BYTES: usize = 17;

/// Bytes of a `thoughtSignature`; real ones have hundreds.
const SIGNATURE_BYTES: usize = 96;

/// Bytes of a `continuationToken`.
const CONTINUATION_BYTES: usize = 48;

/// What all of an answer has in common.
pub(super) struct Manner<'a> {
    /// The model, and the answer's id.
    pub(super) constants: (&'a str, &'a str),
    pub(super) enums: Enums,
    pub(super) style: Style,
    /// Where log probabilities come from, if they were asked for.
    pub(super) logprobs: Option<LogprobsOf<'a>>,
    identity: &'a Identity,
}

pub(super) fn generation(
    route: &Route,
    ask: &Ask,
    said: &Generation,
    style: Style,
    occasion: &Occasion<'_>,
) -> Events {
    let response_id = occasion.identity.draw("responseId").base64url::<RESPONSE_ID_BYTES>();
    let constants = (ask.model.as_str(), response_id.as_str());
    let enums = route.enums;
    if let Some(reason) = &said.block {
        return Events::one(style, &Blocked::new(reason, &said.usage, constants, enums));
    }
    // Its callers have to send it back, and SDKs warn where there is none.
    let signs = ask.model.starts_with("gemini-3");
    let signature =
        signs.then(|| STANDARD.encode(occasion.identity.draw("thoughtSignature").bytes::<SIGNATURE_BYTES>()));
    let top = match &ask.want {
        Want::Generate(want) => want.logprobs,
        _ => None,
    };
    let identity = occasion.identity;
    let manner = Manner { constants, enums, style, logprobs: LogprobsOf::new(top, identity), identity };
    if ask.shape == Shape::Document {
        return plain(said, &manner).unwrap_or_else(|| document(said, signature.as_deref(), &manner));
    }
    Stream::say(chunks::interleave(said, signature.as_deref()), &said.usage, &manner)
}

fn document(said: &Generation, signature: Option<&str>, manner: &Manner<'_>) -> Events {
    let candidates: Vec<_> = (0..)
        .zip(&said.candidates)
        .map(|(index, candidate)| manner.whole(index, candidate, signature))
        .collect();
    let usage = UsageMetadata::new(&said.usage, said.usage.output, said.usage.thoughts, manner.enums);
    Events::one(manner.style, &Response::new(&candidates, usage, manner.constants))
}

impl<'a> Manner<'a> {
    fn whole<'c>(
        &self,
        index: u64,
        candidate: &'c reply::Candidate,
        signature: Option<&'c str>,
    ) -> Candidate<'c> {
        let said = chunks::deltas(candidate, signature, |deltas| Box::new(std::iter::once(deltas.text())));
        let parts = said.into_iter().map(|(said, signature)| said.part(signature, self.enums)).collect();
        let mut average = Average::default();
        let pieces = chunks::texts(candidate).flat_map(Deltas::iter);
        let logprobs_result = self.logprobs.as_ref().and_then(|logprobs| logprobs.of(pieces, &mut average));
        let begun = Candidate { index, logprobs_result, ..Candidate::default() };
        self.ending(parts, candidate, average, begun)
    }

    /// `average` is that of the candidate's tokens so far.
    pub(super) fn chunk<'c>(&self, chunk: &Chunk<'c>, average: &mut Average) -> Candidate<'c> {
        let part = chunk.said.map(|said| said.part(chunk.signature, self.enums));
        let parts = part.into_iter().collect();
        let text = match chunk.said {
            Some(Delta::Text(text)) => Some(text),
            _ => None,
        };
        let logprobs = self.logprobs.as_ref();
        let logprobs_result = logprobs.and_then(|logprobs| logprobs.of(text.into_iter(), average));
        let begun = Candidate { index: chunk.index, logprobs_result, ..Candidate::default() };
        match chunk.ends {
            Some(candidate) => self.ending(parts, candidate, *average, begun),
            None => Candidate { content: Some(Content::of(parts)), ..begun },
        }
    }

    /// With what is told where a candidate ends.
    fn ending<'c>(
        &self,
        parts: Vec<Part<'c>>,
        candidate: &'c reply::Candidate,
        average: Average,
        begun: Candidate<'c>,
    ) -> Candidate<'c> {
        let reason = finish_reason(&candidate.finish);
        // What is not over can be asked for.
        let continuation_token = (reason == "CONTINUATION").then(|| {
            let mut draw = self.identity.draw(&format!("continuationToken {}", begun.index));
            STANDARD.encode(draw.bytes::<CONTINUATION_BYTES>())
        });
        Candidate {
            content: content(parts, reason),
            finish_reason: Some(word(self.enums, &enums::FINISH_REASON, reason)),
            safety_ratings: safety_ratings(reason, self.enums),
            avg_logprobs: average.value(),
            grounding_metadata: candidate.findings.search.as_ref().map(|search| {
                let text: String = chunks::texts(candidate).map(Deltas::text).collect();
                findings::grounding(search, &text)
            }),
            url_context_metadata: findings::pages(&candidate.findings, self.enums),
            continuation_token,
            ..begun
        }
    }
}

/// What a candidate that ended for this reason has for a content: where nothing
/// was said, some reasons leave less of it than others.
fn content<'a>(parts: Vec<Part<'a>>, reason: &str) -> Option<Content<'a>> {
    let is_nothing = |part: &Part<'_>| part.text == Some("") && part.thought_signature.is_none();
    if !parts.iter().all(is_nothing) {
        return Some(Content::of(parts));
    }
    match reason {
        "SAFETY"
        | "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MALFORMED_RESPONSE"
        | "MISSING_THOUGHT_SIGNATURE" => Some(Content::default()),
        "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_OTHER"
        | "NO_IMAGE"
        | "IMAGE_RECITATION" => None,
        _ => Some(Content::of(parts)),
    }
}

/// A function call ends with `STOP` at Google, too.
pub(super) fn finish_reason(finish: &Finish) -> &str {
    match finish {
        Finish::Stop | Finish::Sequence(_) | Finish::Call => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Filter => "SAFETY",
        Finish::Refusal => "PROHIBITED_CONTENT",
        Finish::Recitation => "RECITATION",
        Finish::MalformedCall => "MALFORMED_FUNCTION_CALL",
        Finish::Pause => "CONTINUATION",
        Finish::Exact(reason) => reason,
    }
}

/// Most responses are one text and nothing else: what never changes in them is
/// written once.
fn plain(said: &Generation, manner: &Manner<'_>) -> Option<Events> {
    let [reply::Candidate { parts, finish, findings }] = said.candidates.as_slice() else { return None };
    let [reply::Part::Text(text)] = parts.as_slice() else { return None };
    let Usage { input, output, thoughts: 0, cached: 0, tool: 0 } = &said.usage else { return None };
    let [(Modality::Text, input)] = input.as_slice() else { return None };
    let reason = finish_reason(finish);
    let Findings { search: None, pages } = findings else { return None };
    let is_plain =
        pages.is_empty() && matches!(reason, "STOP" | "MAX_TOKENS") && manner.enums == Enums::Names;
    if *output == 0 || !is_plain || manner.logprobs.is_some() || manner.style != PLAIN_STYLE {
        return None;
    }
    let (model, response_id) = manner.constants;
    let mut events = Events::new(manner.style);
    events.filled(
        PLAIN.as_ref()?,
        &[
            Filling::Text(text.text()),
            Filling::Text(reason),
            Filling::Number(*input),
            Filling::Number(*output),
            Filling::Number(input + output),
            Filling::Number(*input),
            Filling::Text(model),
            Filling::Text(response_id),
        ],
    );
    Some(events)
}

const PLAIN_STYLE: Style = Style::Pretty { indent: 2 };

static PLAIN: LazyLock<Option<Template>> = LazyLock::new(|| {
    let [text, finish, model, response_id, ..] = TEXT_HOLES;
    let [input, output, total, details, ..] = NUMBER_HOLES;
    let enums = Enums::Names;
    let candidate = Candidate {
        content: Some(Content::of(vec![Part { text: Some(text.stand_in), ..Part::default() }])),
        finish_reason: Some(word(enums, &enums::FINISH_REASON, finish.stand_in)),
        ..Candidate::default()
    };
    let usage = UsageMetadata {
        prompt_token_count: input.stand_in,
        total_token_count: total.stand_in,
        prompt_tokens_details: Details { counts: &[(Modality::Text, details.stand_in)], enums },
        ..UsageMetadata::new(&NOTHING, output.stand_in, 0, enums)
    };
    let constants = (model.stand_in, response_id.stand_in);
    let numbers = [input.json, output.json, total.json, details.json];
    let holes = [text.json, finish.json].into_iter().chain(numbers).chain([model.json, response_id.json]);
    Template::new(PLAIN_STYLE, &Response::new(&[candidate], usage, constants), &holes.collect::<Vec<_>>())
});

static NOTHING: Usage = Usage { input: Vec::new(), output: 0, thoughts: 0, cached: 0, tool: 0 };
