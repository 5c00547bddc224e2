//! The fields of a request for a response, as in OpenAI's published
//! specification.

use crate::dialect::{
    fields::{
        Field,
        Kind::{
            Any, AnyObject, Bool, Either, Int, List, Name, Number, Object, Tagged, TaggedOrFirst, Text, Word,
        },
        OPEN, optional, required,
    },
    openai::fields::{LARGE, MANY},
};

/// Tokens of an answer at the least, as OpenAI has it.
const LEAST_OUTPUT: i64 = 16;

pub(super) static REQUEST: &[Field] = &[
    // Which is checked on its own.
    optional("model", Any),
    optional("input", Either(&[Text, List(&TaggedOrFirst(ITEM), 0, MANY)])),
    optional("instructions", Either(&[Text, List(&TaggedOrFirst(ITEM), 0, MANY)])),
    optional("stream", Bool),
    optional("stream_options", Object(&[optional("include_obfuscation", Bool)])),
    optional("background", Bool),
    optional("context_management", Any),
    optional("conversation", Either(&[Text, AnyObject])),
    optional("include", List(&Word(INCLUDE), 0, MANY)),
    optional("max_output_tokens", Int(LEAST_OUTPUT, LARGE)),
    optional("max_tool_calls", Int(1, LARGE)),
    optional("metadata", AnyObject),
    optional("moderation", Any),
    optional("parallel_tool_calls", Bool),
    optional("previous_response_id", Text),
    optional("prompt", AnyObject),
    optional("prompt_cache_key", Text),
    optional("prompt_cache_options", AnyObject),
    optional("prompt_cache_retention", Text),
    optional("reasoning", Object(REASONING)),
    optional("safety_identifier", Text),
    optional("service_tier", Word(&["auto", "default", "flex", "scale", "priority", "fast"])),
    optional("store", Bool),
    optional("temperature", Number(0.0, 2.0)),
    optional("text", Object(TEXT)),
    optional("tool_choice", Either(&[Word(&["none", "auto", "required"]), Tagged(TOOL_CHOICE)])),
    optional("tools", List(&Tagged(TOOL), 0, 128)),
    optional("top_logprobs", Int(0, 20)),
    optional("top_p", Number(0.0, 1.0)),
    optional("truncation", Word(&["auto", "disabled"])),
    optional("user", Text),
    optional("presence_penalty", Number(-2.0, 2.0)),
    optional("frequency_penalty", Number(-2.0, 2.0)),
];

const INCLUDE: &[&str] = &[
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
];

static REASONING: &[Field] = &[
    optional("effort", Word(&["none", "minimal", "low", "medium", "high", "xhigh"])),
    optional("summary", Word(&["auto", "concise", "detailed"])),
    optional("generate_summary", Word(&["auto", "concise", "detailed"])),
];

static TEXT: &[Field] =
    &[optional("format", Tagged(TEXT_FORMAT)), optional("verbosity", Word(&["low", "medium", "high"]))];

static TEXT_FORMAT: &[(&str, &[Field])] = &[
    ("text", &[]),
    ("json_object", &[]),
    (
        "json_schema",
        &[
            required("name", Name(64)),
            required("schema", AnyObject),
            optional("description", Text),
            optional("strict", Bool),
        ],
    ),
    ("grammar", OPEN),
    ("python", OPEN),
];

/// What a conversation consists of. What only OpenAI's own tools leave there is
/// taken as it comes.
static ITEM: &[(&str, &[Field])] = &[
    (
        "message",
        &[
            required("role", Word(&["user", "assistant", "system", "developer"])),
            required("content", Either(&[Text, List(&Tagged(CONTENT), 0, MANY)])),
            optional("id", Text),
            optional("status", Text),
            optional("phase", Text),
        ],
    ),
    (
        "function_call",
        &[
            required("call_id", Text),
            required("name", Text),
            required("arguments", Text),
            optional("id", Text),
            optional("namespace", Text),
            optional("status", Text),
        ],
    ),
    (
        "function_call_output",
        &[
            required("call_id", Text),
            required("output", Either(&[Text, List(&Tagged(CONTENT), 0, MANY)])),
            optional("id", Text),
            optional("status", Text),
        ],
    ),
    ("item_reference", &[required("id", Text)]),
    (
        "reasoning",
        &[
            optional("id", Text),
            required("summary", List(&AnyObject, 0, MANY)),
            optional("content", List(&AnyObject, 0, MANY)),
            optional("encrypted_content", Text),
            optional("status", Text),
        ],
    ),
    ("web_search_call", OPEN),
    ("file_search_call", OPEN),
    ("computer_call", OPEN),
    ("computer_call_output", OPEN),
    ("image_generation_call", OPEN),
    ("code_interpreter_call", OPEN),
    ("local_shell_call", OPEN),
    ("local_shell_call_output", OPEN),
    ("shell_call", OPEN),
    ("shell_call_output", OPEN),
    ("apply_patch_call", OPEN),
    ("apply_patch_call_output", OPEN),
    ("mcp_list_tools", OPEN),
    ("mcp_approval_request", OPEN),
    ("mcp_approval_response", OPEN),
    ("mcp_call", OPEN),
    ("custom_tool_call", OPEN),
    ("custom_tool_call_output", OPEN),
    ("tool_search_call", OPEN),
    ("tool_search_output", OPEN),
    ("compaction", OPEN),
];

static CONTENT: &[(&str, &[Field])] = &[
    ("input_text", &[required("text", Text)]),
    ("input_image", &[optional("image_url", Text), optional("file_id", Text), optional("detail", Text)]),
    (
        "input_file",
        &[
            optional("file_id", Text),
            optional("file_data", Text),
            optional("file_url", Text),
            optional("filename", Text),
            optional("detail", Text),
        ],
    ),
    ("input_audio", &[required("input_audio", AnyObject)]),
    (
        "output_text",
        &[
            required("text", Text),
            optional("annotations", List(&AnyObject, 0, MANY)),
            optional("logprobs", List(&AnyObject, 0, MANY)),
        ],
    ),
    ("refusal", &[required("refusal", Text)]),
    ("computer_screenshot", OPEN),
    ("summary_text", &[required("text", Text)]),
    ("reasoning_text", &[required("text", Text)]),
];

static TOOL: &[(&str, &[Field])] = &[
    (
        "function",
        &[
            required("name", Name(64)),
            optional("description", Text),
            optional("parameters", AnyObject),
            optional("strict", Bool),
            optional("defer_loading", Bool),
        ],
    ),
    (
        "custom",
        &[
            required("name", Name(64)),
            optional("description", Text),
            optional("format", AnyObject),
            optional("defer_loading", Bool),
        ],
    ),
    ("file_search", OPEN),
    ("web_search", OPEN),
    ("web_search_2025_08_26", OPEN),
    ("web_search_preview", OPEN),
    ("web_search_preview_2025_03_11", OPEN),
    ("computer", OPEN),
    ("computer_use_preview", OPEN),
    ("code_interpreter", OPEN),
    ("image_generation", OPEN),
    ("mcp", OPEN),
    ("local_shell", OPEN),
    ("shell", OPEN),
    ("apply_patch", OPEN),
    ("namespace", OPEN),
    ("tool_search", OPEN),
];

static TOOL_CHOICE: &[(&str, &[Field])] = &[
    ("function", &[required("name", Text)]),
    ("custom", &[required("name", Text)]),
    (
        "allowed_tools",
        &[required("mode", Word(&["auto", "required"])), required("tools", List(&AnyObject, 1, MANY))],
    ),
    ("mcp", OPEN),
    ("file_search", OPEN),
    ("web_search", OPEN),
    ("web_search_preview", OPEN),
    ("web_search_preview_2025_03_11", OPEN),
    ("computer", OPEN),
    ("computer_use_preview", OPEN),
    ("code_interpreter", OPEN),
    ("image_generation", OPEN),
    ("shell", OPEN),
    ("apply_patch", OPEN),
];
