//! The messages of Gemini's answers, in the order in which Google writes their
//! fields.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{
    enums::{self, Word, word},
    findings::{GroundingMetadata, UrlContextMetadata},
    logprobs::LogprobsResult,
};
use crate::{
    dialect::Enums,
    reply::{Modality, Usage},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response<'a> {
    candidates: &'a [Candidate<'a>],
    usage_metadata: UsageMetadata<'a>,
    model_version: &'a str,
    response_id: &'a str,
}

impl<'a> Response<'a> {
    pub(super) fn new(
        candidates: &'a [Candidate<'a>],
        usage_metadata: UsageMetadata<'a>,
        (model_version, response_id): (&'a str, &'a str),
    ) -> Self {
        Self { candidates, usage_metadata, model_version, response_id }
    }
}

/// One of the answers to choose from, whole or a chunk of it.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finish_reason: Option<Word<'a>>,
    pub(super) index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) safety_ratings: Option<[SafetyRating; 4]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) avg_logprobs: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs_result: Option<LogprobsResult<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) grounding_metadata: Option<GroundingMetadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url_context_metadata: Option<UrlContextMetadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) continuation_token: Option<String>,
}

#[derive(Default, Serialize)]
pub(super) struct Content<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<Part<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
}

impl<'a> Content<'a> {
    /// What the model says.
    pub(super) fn of(parts: Vec<Part<'a>>) -> Self {
        Self { parts, role: Some("model") }
    }
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thought: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_call: Option<FunctionCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inline_data: Option<InlineData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) executable_code: Option<ExecutableCode<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code_execution_result: Option<CodeExecutionResult<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thought_signature: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct FunctionCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) args: Cow<'a, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InlineData<'a> {
    pub(super) mime_type: &'a str,
    pub(super) data: String,
}

#[derive(Serialize)]
pub(super) struct ExecutableCode<'a> {
    language: Word<'static>,
    code: &'a str,
}

impl<'a> ExecutableCode<'a> {
    pub(super) fn new(code: &'a str, enums: Enums) -> Self {
        Self { language: word(enums, &enums::LANGUAGE, "PYTHON"), code }
    }
}

#[derive(Serialize)]
pub(super) struct CodeExecutionResult<'a> {
    outcome: Word<'static>,
    output: &'a str,
}

impl<'a> CodeExecutionResult<'a> {
    pub(super) fn new(output: &'a str, enums: Enums) -> Self {
        Self { outcome: word(enums, &enums::OUTCOME, "OUTCOME_OK"), output }
    }
}

/// A prompt that was refused: there are no candidates.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blocked<'a> {
    prompt_feedback: PromptFeedback<'a>,
    usage_metadata: UsageMetadata<'a>,
    model_version: &'a str,
    response_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback<'a> {
    block_reason: Word<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_ratings: Option<[SafetyRating; 4]>,
}

impl<'a> Blocked<'a> {
    pub(super) fn new(
        reason: &'a str,
        usage: &'a Usage,
        (model_version, response_id): (&'a str, &'a str),
        enums: Enums,
    ) -> Self {
        Self {
            prompt_feedback: PromptFeedback {
                block_reason: word(enums, &enums::BLOCK_REASON, reason),
                safety_ratings: safety_ratings(reason, enums),
            },
            usage_metadata: UsageMetadata::new(usage, 0, 0, enums),
            model_version,
            response_id,
        }
    }
}

#[derive(Serialize)]
pub(super) struct SafetyRating {
    category: Word<'static>,
    probability: Word<'static>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<bool>,
}

/// What Google tells about content that it holds to be dangerous; about other
/// reasons it tells nothing.
pub(super) fn safety_ratings(reason: &str, enums: Enums) -> Option<[SafetyRating; 4]> {
    let rating = |category, probability, blocked| SafetyRating {
        category: word(enums, &enums::HARM_CATEGORY, category),
        probability: word(enums, &enums::HARM_PROBABILITY, probability),
        blocked,
    };
    let harmless = |category| rating(category, "NEGLIGIBLE", None);
    (reason == "SAFETY").then(|| {
        [
            harmless("HARM_CATEGORY_SEXUALLY_EXPLICIT"),
            harmless("HARM_CATEGORY_HATE_SPEECH"),
            harmless("HARM_CATEGORY_HARASSMENT"),
            rating("HARM_CATEGORY_DANGEROUS_CONTENT", "HIGH", Some(true)),
        ]
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UsageMetadata<'a> {
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) prompt_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) cached_content_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) candidates_token_count: u64,
    pub(super) total_token_count: u64,
    #[serde(skip_serializing_if = "Details::are_none")]
    pub(super) prompt_tokens_details: Details<'a>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) tool_use_prompt_token_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_use_prompt_tokens_details: Option<[ModalityCount; 1]>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) thoughts_token_count: u64,
}

impl<'a> UsageMetadata<'a> {
    /// Zero counts are left out, and the total holds the thoughts.
    pub(super) fn new(usage: &'a Usage, output: u64, thoughts: u64, enums: Enums) -> Self {
        let input = usage.input_total();
        let tool = (usage.tool > 0).then(|| [ModalityCount::new(Modality::Text, usage.tool, enums)]);
        Self {
            prompt_token_count: input,
            cached_content_token_count: usage.cached,
            candidates_token_count: output,
            total_token_count: input + usage.tool + output + thoughts,
            prompt_tokens_details: Details { counts: &usage.input, enums },
            tool_use_prompt_token_count: usage.tool,
            tool_use_prompt_tokens_details: tool,
            thoughts_token_count: thoughts,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Tokens by what they were spent on.
pub(super) struct Details<'a> {
    pub(super) counts: &'a [(Modality, u64)],
    pub(super) enums: Enums,
}

impl Details<'_> {
    fn are_none(&self) -> bool {
        self.counts.is_empty()
    }
}

impl Serialize for Details<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let count = |(modality, tokens): &(Modality, u64)| ModalityCount::new(*modality, *tokens, self.enums);
        serializer.collect_seq(self.counts.iter().map(count))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModalityCount {
    modality: Word<'static>,
    token_count: u64,
}

impl ModalityCount {
    pub(super) fn new(modality: Modality, token_count: u64, enums: Enums) -> Self {
        let name = match modality {
            Modality::Text => "TEXT",
            Modality::Image => "IMAGE",
            Modality::Video => "VIDEO",
            Modality::Audio => "AUDIO",
            Modality::Document => "DOCUMENT",
        };
        Self { modality: word(enums, &enums::MODALITY, name), token_count }
    }
}

/// The answer of `countTokens`.
pub(super) fn count(tokens: &[(Modality, u64)], enums: Enums) -> Value {
    let total: u64 = tokens.iter().map(|(_, count)| count).sum();
    let mut body = json!({"totalTokens": total});
    if !tokens.is_empty() {
        body["promptTokensDetails"] = json!(Details { counts: tokens, enums });
    }
    body
}
