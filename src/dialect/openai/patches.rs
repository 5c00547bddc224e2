//! What stands in OpenAI's answers, for what a scenario adds to them.

use crate::dialect::{
    Endpoint,
    patch::{Inner, Patches},
};

pub(super) static PATCHES: &[(Endpoint, Patches)] = &[
    (Endpoint::OpenAiChat, Patches { payload: CHAT, inner: CHOICE, at: Inner::Each("choices") }),
    (Endpoint::OpenAiCompletions, Patches { payload: CHAT, inner: CHOICE, at: Inner::Each("choices") }),
    (Endpoint::OpenAiResponses, Patches { payload: &[], inner: RESPONSE, at: Inner::In("response") }),
    (Endpoint::OpenAi, Patches { payload: OTHERS, inner: &[], at: Inner::In("") }),
];

/// What stands in a completion, or in a chunk of one.
const CHAT: &[&str] = &[
    "id",
    "object",
    "created",
    "model",
    "choices",
    "usage",
    "service_tier",
    "system_fingerprint",
    "obfuscation",
    "metadata",
    "provider",
    "citations",
    "search_results",
    "prompt_filter_results",
    "moderation",
];

const CHOICE: &[&str] = &[
    "index",
    "message",
    "delta",
    "text",
    "logprobs",
    "finish_reason",
    "stop_reason",
    "native_finish_reason",
    "content_filter_results",
    "content_filter_offsets",
    "token_ids",
];

/// What stands in a response.
const RESPONSE: &[&str] = &[
    "id",
    "object",
    "created_at",
    "status",
    "background",
    "completed_at",
    "conversation",
    "error",
    "frequency_penalty",
    "incomplete_details",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "output",
    "output_text",
    "parallel_tool_calls",
    "presence_penalty",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "usage",
    "user",
];

/// What stands in the answers of the other endpoints: vectors, pictures,
/// verdicts, models.
const OTHERS: &[&str] = &[
    "id",
    "object",
    "created",
    "model",
    "data",
    "usage",
    "results",
    "background",
    "output_format",
    "quality",
    "size",
    "owned_by",
];
