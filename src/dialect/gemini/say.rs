//! A reply in Gemini's words: the whole response, or the chunks of a stream.

use std::{borrow::Cow, sync::LazyLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    ask::{Ask, Shape},
    dialect::{
        Occasion,
        event::{Events, Kind},
        style::Style,
        template::{Filling, NUMBER_HOLES, TEXT_HOLES, Template},
    },
    reply::{self, Candidate, Deltas, Finish, Generation, Modality, Usage},
    tokens,
};

/// Bytes of randomness in a `responseId`; 17 make the 23 characters of today's.
const RESPONSE_ID_BYTES: usize = 17;

/// Bytes of a `thoughtSignature`; real ones have hundreds.
const SIGNATURE_BYTES: usize = 96;

pub(super) fn generation(ask: &Ask, said: &Generation, style: Style, occasion: &Occasion<'_>) -> Events {
    let response_id = occasion.identity.draw("responseId").base64url::<RESPONSE_ID_BYTES>();
    let constants = (ask.model.as_str(), response_id.as_str());
    if let Some(reason) = &said.block {
        return Events::one(style, &blocked(reason, &said.usage, constants));
    }
    // Its callers have to send it back, and SDKs warn where there is none.
    let signs = ask.model.starts_with("gemini-3");
    let signature =
        signs.then(|| STANDARD.encode(occasion.identity.draw("thoughtSignature").bytes::<SIGNATURE_BYTES>()));
    if ask.shape == Shape::Document {
        if let Some(events) = plain(said, style, constants) {
            return events;
        }
        let candidates: Vec<_> = (0..)
            .zip(&said.candidates)
            .map(|(index, candidate)| whole(index, candidate, signature.as_deref()))
            .collect();
        let usage = UsageMetadata::new(&said.usage, said.usage.output, said.usage.thoughts);
        return Events::one(style, &Response::new(&candidates, usage, constants));
    }
    let chunks = interleave(said, signature.as_deref());
    let mut stream = Stream {
        constants,
        usage: &said.usage,
        output: 0,
        thoughts: 0,
        style,
        template: None,
        events: Events::expecting(chunks.len(), style),
    };
    let last = chunks.len().saturating_sub(1);
    for (at, chunk) in chunks.into_iter().enumerate() {
        stream.count(&chunk);
        if at == last {
            (stream.output, stream.thoughts) = (said.usage.output, said.usage.thoughts);
        }
        stream.chunk(&chunk);
    }
    stream.events
}

/// Most responses are one text and nothing else: what never changes in them is
/// written once.
fn plain(said: &Generation, style: Style, (model, response_id): (&str, &str)) -> Option<Events> {
    let [Candidate { parts, finish }] = said.candidates.as_slice() else { return None };
    let [reply::Part::Text(text)] = parts.as_slice() else { return None };
    let Usage { input, output, thoughts: 0, cached: 0, tool: 0 } = &said.usage else { return None };
    let [(Modality::Text, input)] = input.as_slice() else { return None };
    if *output == 0 || *finish == Finish::Filter || style != PLAIN_STYLE {
        return None;
    }
    let mut events = Events::new(style);
    events.filled(
        PLAIN.as_ref()?,
        &[
            Filling::Text(text.text()),
            Filling::Text(finish_reason(finish)),
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
    let candidate = CandidateChunk {
        content: Content {
            parts: vec![Part { text: Some(text.stand_in), ..Part::default() }],
            role: "model",
        },
        finish_reason: Some(finish.stand_in),
        index: 0,
        safety_ratings: None,
    };
    let usage = UsageMetadata {
        prompt_token_count: input.stand_in,
        cached_content_token_count: 0,
        candidates_token_count: output.stand_in,
        total_token_count: total.stand_in,
        prompt_tokens_details: &[(Modality::Text, details.stand_in)],
        tool_use_prompt_token_count: 0,
        thoughts_token_count: 0,
    };
    let constants = (model.stand_in, response_id.stand_in);
    let numbers = [input.json, output.json, total.json, details.json];
    let holes = [text.json, finish.json].into_iter().chain(numbers).chain([model.json, response_id.json]);
    Template::new(PLAIN_STYLE, &Response::new(&[candidate], usage, constants), &holes.collect::<Vec<_>>())
});

/// A stream of chunks, each with the usage so far.
struct Stream<'a> {
    constants: (&'a str, &'a str),
    usage: &'a Usage,
    output: u64,
    thoughts: u64,
    style: Style,
    /// For chunks of text alone, behind so many thoughts.
    template: Option<(u64, Option<Template>)>,
    events: Events,
}

impl Stream<'_> {
    fn count(&mut self, chunk: &Chunk<'_>) {
        match chunk.said {
            Some(Delta::Text(text)) => self.output += tokens::count(text),
            Some(Delta::Thought(text)) => self.thoughts += tokens::count(text),
            Some(Delta::Call(call)) => self.output += call.tokens(),
            Some(Delta::Media(_)) => self.output += tokens::ATTACHMENT_TOKENS,
            Some(Delta::Code(text) | Delta::CodeResult(text)) => self.output += tokens::count(text),
            Some(Delta::Signature) | None => {}
        }
    }

    fn chunk(&mut self, chunk: &Chunk<'_>) {
        if let (Some(Delta::Text(text)), None, None) = (chunk.said, chunk.finish, chunk.signature)
            && self.output > 0
        {
            if self.template.as_ref().is_none_or(|(thoughts, _)| *thoughts != self.thoughts) {
                self.template = Some((self.thoughts, self.text_template()));
            }
            if let Some((_, Some(template))) = &self.template {
                let total = self.usage.input_total() + self.usage.tool + self.output + self.thoughts;
                let numbers = [chunk.index, self.output, total].map(Filling::Number);
                let fillings = [Filling::Text(text), numbers[0], numbers[1], numbers[2]];
                return self.events.filled_as(&[Kind::Usage, Kind::Text], template, &fillings);
            }
        }
        let usage = UsageMetadata::new(self.usage, self.output, self.thoughts);
        self.events.json(&Response::new(&[candidate(chunk)], usage, self.constants));
    }

    fn text_template(&self) -> Option<Template> {
        let [index, output, total, ..] = NUMBER_HOLES.map(|hole| hole.stand_in);
        let chunk =
            Chunk { index, said: Some(Delta::Text(TEXT_HOLES[0].stand_in)), signature: None, finish: None };
        let usage = UsageMetadata {
            total_token_count: total,
            ..UsageMetadata::new(self.usage, output, self.thoughts)
        };
        let response = [candidate(&chunk)];
        let [index, output, total, ..] = NUMBER_HOLES.map(|hole| hole.json);
        let holes = [TEXT_HOLES[0].json, index, output, total];
        Template::new(self.style, &Response::new(&response, usage, self.constants), &holes)
    }
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
    finish_reason: Option<&'a str>,
    index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_ratings: Option<[SafetyRating; 4]>,
}

#[derive(Serialize)]
struct Content<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Part<'a>>,
    role: &'static str,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<FunctionCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inline_data: Option<InlineData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executable_code: Option<ExecutableCode<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_execution_result: Option<CodeExecutionResult<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<&'a str>,
}

#[derive(Serialize)]
struct FunctionCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: &'a str,
    args: Cow<'a, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InlineData<'a> {
    mime_type: &'a str,
    data: String,
}

#[derive(Serialize)]
struct ExecutableCode<'a> {
    language: &'static str,
    code: &'a str,
}

#[derive(Serialize)]
struct CodeExecutionResult<'a> {
    outcome: &'static str,
    output: &'a str,
}

/// A prompt that was refused: there are no candidates.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Blocked<'a> {
    prompt_feedback: PromptFeedback<'a>,
    usage_metadata: UsageMetadata<'a>,
    model_version: &'a str,
    response_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback<'a> {
    block_reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_ratings: Option<[SafetyRating; 4]>,
}

fn blocked<'a>(
    reason: &'a str,
    usage: &'a Usage,
    (model_version, response_id): (&'a str, &'a str),
) -> Blocked<'a> {
    Blocked {
        prompt_feedback: PromptFeedback {
            block_reason: reason,
            safety_ratings: (reason == "SAFETY").then(unsafe_ratings),
        },
        usage_metadata: UsageMetadata::new(usage, 0, 0),
        model_version,
        response_id,
    }
}

#[derive(Serialize)]
struct SafetyRating {
    category: &'static str,
    probability: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<bool>,
}

/// What Google tells about content that it holds to be dangerous.
fn unsafe_ratings() -> [SafetyRating; 4] {
    let harmless = |category| SafetyRating { category, probability: "NEGLIGIBLE", blocked: None };
    [
        harmless("HARM_CATEGORY_SEXUALLY_EXPLICIT"),
        harmless("HARM_CATEGORY_HATE_SPEECH"),
        harmless("HARM_CATEGORY_HARASSMENT"),
        SafetyRating {
            category: "HARM_CATEGORY_DANGEROUS_CONTENT",
            probability: "HIGH",
            blocked: Some(true),
        },
    ]
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageMetadata<'a> {
    prompt_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cached_content_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    candidates_token_count: u64,
    total_token_count: u64,
    #[serde(skip_serializing_if = "no_details", serialize_with = "details")]
    prompt_tokens_details: &'a [(Modality, u64)],
    #[serde(skip_serializing_if = "is_zero")]
    tool_use_prompt_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    thoughts_token_count: u64,
}

impl<'a> UsageMetadata<'a> {
    /// Zero counts are left out, and the total holds the thoughts.
    fn new(usage: &'a Usage, output: u64, thoughts: u64) -> Self {
        let input = usage.input_total();
        Self {
            prompt_token_count: input,
            cached_content_token_count: usage.cached,
            candidates_token_count: output,
            total_token_count: input + usage.tool + output + thoughts,
            prompt_tokens_details: &usage.input,
            tool_use_prompt_token_count: usage.tool,
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
pub(super) struct ModalityCount {
    modality: &'static str,
    token_count: u64,
}

pub(super) fn modality_count((modality, tokens): &(Modality, u64)) -> ModalityCount {
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
fn finish_reason(finish: &Finish) -> &str {
    match finish {
        Finish::Stop | Finish::Call => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Filter => "SAFETY",
        Finish::Refusal => "PROHIBITED_CONTENT",
        Finish::Recitation => "RECITATION",
        Finish::MalformedCall => "MALFORMED_FUNCTION_CALL",
        Finish::Pause => "CONTINUATION",
        Finish::Exact(reason) => reason,
    }
}

fn safety_ratings(finish: Option<&Finish>) -> Option<[SafetyRating; 4]> {
    (finish == Some(&Finish::Filter)).then(unsafe_ratings)
}

fn whole<'a>(index: u64, candidate: &'a Candidate, signature: Option<&'a str>) -> CandidateChunk<'a> {
    let parts = deltas(candidate, signature, |deltas| Box::new(std::iter::once(deltas.text())));
    CandidateChunk {
        content: Content {
            parts: parts.into_iter().map(|(said, signature)| json_part(said, signature)).collect(),
            role: "model",
        },
        finish_reason: Some(finish_reason(&candidate.finish)),
        index,
        safety_ratings: safety_ratings(Some(&candidate.finish)),
    }
}

/// What one chunk says.
#[derive(Clone, Copy)]
enum Delta<'a> {
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
struct Chunk<'a> {
    index: u64,
    said: Option<Delta<'a>>,
    signature: Option<&'a str>,
    finish: Option<&'a Finish>,
}

fn json_part<'a>(said: Delta<'a>, thought_signature: Option<&'a str>) -> Part<'a> {
    let part = Part { thought_signature, ..Part::default() };
    match said {
        Delta::Text(text) => Part { text: Some(text), ..part },
        Delta::Thought(text) => Part { text: Some(text), thought: Some(true), ..part },
        Delta::Call(call) => {
            let id = call.id.as_deref();
            let call = FunctionCall { id, name: &call.name, args: call.arguments.object() };
            Part { function_call: Some(call), ..part }
        }
        Delta::Media(media) => {
            let data = InlineData { mime_type: &media.mime, data: STANDARD.encode(&media.content) };
            Part { inline_data: Some(data), ..part }
        }
        Delta::Code(code) => {
            Part { executable_code: Some(ExecutableCode { language: "PYTHON", code }), ..part }
        }
        Delta::CodeResult(output) => {
            let result = CodeExecutionResult { outcome: "OUTCOME_OK", output };
            Part { code_execution_result: Some(result), ..part }
        }
        Delta::Signature => part,
    }
}

fn candidate<'a>(chunk: &Chunk<'a>) -> CandidateChunk<'a> {
    let part = chunk.said.map(|said| json_part(said, chunk.signature));
    CandidateChunk {
        content: Content { parts: part.into_iter().collect(), role: "model" },
        finish_reason: chunk.finish.map(finish_reason),
        index: chunk.index,
        safety_ratings: safety_ratings(chunk.finish),
    }
}

/// The candidates' chunks in turns, each candidate's last with its finish.
fn interleave<'a>(said: &'a Generation, signature: Option<&'a str>) -> Vec<Chunk<'a>> {
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
        .map(|(said, signature)| Chunk { index, said: Some(said), signature, finish: None })
        .collect();
    if chunks.is_empty() {
        chunks.push(Chunk { index, said: None, signature: None, finish: None });
    }
    if let Some(last) = chunks.last_mut() {
        last.finish = Some(&candidate.finish);
    }
    chunks
}

type Pieces<'a> = Box<dyn Iterator<Item = &'a str> + 'a>;

/// What a candidate says, piece by piece, each with its signature. `signature`
/// is the one that Gemini 3 puts on the first call, if that has none.
fn deltas<'a>(
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
