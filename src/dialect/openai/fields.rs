//! The fields of OpenAI requests: one table for each object, as in OpenAI's
//! published specification.

use crate::dialect::fields::{
    Field,
    Kind::{Any, AnyObject, Bool, Either, Int, List, Name, Number, Object, Tagged, Text, Word},
    optional, required,
};

pub(super) const MANY: usize = usize::MAX;
pub(super) const LARGE: i64 = i64::MAX;

pub(super) static CHAT: &[Field] = &[
    // Which is checked on its own.
    optional("model", Any),
    required("messages", List(&Object(MESSAGE), 1, MANY)),
    optional("stream", Bool),
    optional("stream_options", Object(STREAM_OPTIONS)),
    optional("temperature", Number(0.0, 2.0)),
    optional("top_p", Number(0.0, 1.0)),
    optional("n", Int(1, 128)),
    optional("stop", Either(&[Text, List(&Text, 0, 4)])),
    optional("max_tokens", Int(1, LARGE)),
    optional("max_completion_tokens", Int(1, LARGE)),
    optional("presence_penalty", Number(-2.0, 2.0)),
    optional("frequency_penalty", Number(-2.0, 2.0)),
    optional("logit_bias", AnyObject),
    optional("logprobs", Bool),
    optional("top_logprobs", Int(0, 20)),
    optional("seed", Int(i64::MIN, LARGE)),
    optional("user", Text),
    optional("safety_identifier", Text),
    optional("prompt_cache_key", Text),
    optional("prompt_cache_options", AnyObject),
    optional("prompt_cache_retention", Text),
    optional("response_format", Tagged(RESPONSE_FORMAT)),
    optional("tools", List(&Tagged(TOOL), 0, 128)),
    optional("tool_choice", Either(&[Word(&["none", "auto", "required"]), Tagged(TOOL_CHOICE)])),
    optional("parallel_tool_calls", Bool),
    optional("reasoning_effort", Word(&["none", "minimal", "low", "medium", "high", "xhigh"])),
    optional("verbosity", Word(&["low", "medium", "high"])),
    optional("modalities", List(&Word(&["text", "audio"]), 0, MANY)),
    optional("audio", AnyObject),
    optional("prediction", AnyObject),
    optional("service_tier", Word(&["auto", "default", "flex", "scale", "priority", "fast"])),
    optional("store", Bool),
    optional("metadata", AnyObject),
    optional("moderation", Any),
    optional("web_search_options", AnyObject),
    optional("functions", List(&AnyObject, 0, MANY)),
    optional("function_call", Any),
];

pub(super) static EMBEDDINGS: &[Field] = &[
    optional("model", Any),
    // Its many forms are told apart where it is read.
    required("input", Any),
    optional("encoding_format", Word(&["float", "base64"])),
    optional("dimensions", Int(1, LARGE)),
    optional("user", Text),
];

pub(super) static IMAGES: &[Field] = &[
    optional("model", Any),
    optional("quality", Text),
    optional("style", Text),
    optional("background", Text),
    optional("moderation", Text),
    optional("output_format", Text),
    optional("output_compression", Int(0, 100)),
    optional("partial_images", Int(0, 3)),
    optional("stream", Bool),
    required("prompt", Text),
    optional("n", Int(1, 10)),
    optional("size", Text),
    optional("response_format", Word(&["url", "b64_json"])),
    optional("user", Text),
];

pub(super) static COMPLETIONS: &[Field] = &[
    optional("model", Any),
    // Its many forms are told apart where it is read.
    optional("prompt", Any),
    optional("best_of", Int(1, 20)),
    optional("echo", Bool),
    optional("frequency_penalty", Number(-2.0, 2.0)),
    optional("logit_bias", AnyObject),
    optional("logprobs", Int(0, 5)),
    optional("max_tokens", Int(0, LARGE)),
    optional("n", Int(1, 128)),
    optional("presence_penalty", Number(-2.0, 2.0)),
    optional("seed", Int(i64::MIN, LARGE)),
    optional("stop", Either(&[Text, List(&Text, 0, 4)])),
    optional("stream", Bool),
    optional("stream_options", Object(STREAM_OPTIONS)),
    optional("suffix", Text),
    optional("temperature", Number(0.0, 2.0)),
    optional("top_p", Number(0.0, 1.0)),
    optional("user", Text),
];

pub(super) static MODERATIONS: &[Field] = &[
    optional("model", Any),
    // The same.
    required("input", Any),
];

static STREAM_OPTIONS: &[Field] = &[optional("include_usage", Bool), optional("include_obfuscation", Bool)];

static MESSAGE: &[Field] = &[
    required("role", Word(&["system", "assistant", "user", "function", "tool", "developer"])),
    optional("content", Either(&[Text, List(&Tagged(CONTENT_PART), 0, MANY)])),
    optional("name", Text),
    optional("refusal", Text),
    optional("audio", AnyObject),
    optional("tool_calls", List(&Tagged(TOOL_CALL), 0, 128)),
    optional("tool_call_id", Text),
    optional("function_call", AnyObject),
];

static CONTENT_PART: &[(&str, &[Field])] = &[
    ("text", &[required("text", Text)]),
    ("image_url", &[required("image_url", Object(&[required("url", Text), optional("detail", Text)]))]),
    ("input_audio", &[required("input_audio", Object(&[required("data", Text), required("format", Text)]))]),
    (
        "file",
        &[required(
            "file",
            Object(&[optional("file_data", Text), optional("file_id", Text), optional("filename", Text)]),
        )],
    ),
    ("refusal", &[required("refusal", Text)]),
];

static TOOL_CALL: &[(&str, &[Field])] = &[
    (
        "function",
        &[
            required("id", Text),
            required("function", Object(&[required("name", Text), required("arguments", Text)])),
        ],
    ),
    (
        "custom",
        &[
            required("id", Text),
            required("custom", Object(&[required("name", Text), required("input", Text)])),
        ],
    ),
];

static RESPONSE_FORMAT: &[(&str, &[Field])] = &[
    ("text", &[]),
    ("json_object", &[]),
    (
        "json_schema",
        &[required(
            "json_schema",
            Object(&[
                required("name", Name(64)),
                optional("description", Text),
                optional("schema", AnyObject),
                optional("strict", Bool),
            ]),
        )],
    ),
];

static TOOL: &[(&str, &[Field])] = &[
    (
        "function",
        &[required(
            "function",
            Object(&[
                required("name", Name(64)),
                optional("description", Text),
                optional("parameters", AnyObject),
                optional("strict", Bool),
            ]),
        )],
    ),
    (
        "custom",
        &[required(
            "custom",
            Object(&[
                required("name", Name(64)),
                optional("description", Text),
                optional("format", AnyObject),
            ]),
        )],
    ),
];

static TOOL_CHOICE: &[(&str, &[Field])] = &[
    ("function", &[required("function", Object(&[required("name", Text)]))]),
    ("custom", &[required("custom", Object(&[required("name", Text)]))]),
    (
        "allowed_tools",
        &[required(
            "allowed_tools",
            Object(&[
                required("mode", Word(&["auto", "required"])),
                required("tools", List(&AnyObject, 1, MANY)),
            ]),
        )],
    ),
];
