//! The fields of Anthropic's requests: one table for each object, as the types
//! of Anthropic's SDKs have them.

use crate::dialect::fields::{
    Field,
    Kind::{self, Any, AnyObject, Bool, Either, Int, List, Name, Number, Object, Tagged, Text, Word},
    optional, required,
};

const MANY: usize = usize::MAX;
const LARGE: i64 = i64::MAX;

pub(super) static MESSAGES: &[Field] = &[
    required("model", Text),
    // With 0 the prompt is cached and nothing said.
    required("max_tokens", Int(0, LARGE)),
    required("messages", LIST_OF_MESSAGES),
    optional("system", SYSTEM),
    optional("stream", Bool),
    optional("temperature", Number(0.0, 1.0)),
    optional("top_p", Number(0.0, 1.0)),
    optional("top_k", Int(0, LARGE)),
    optional("stop_sequences", List(&Text, 0, MANY)),
    optional("tools", TOOLS),
    optional("tool_choice", Tagged(TOOL_CHOICE)),
    optional("thinking", Tagged(THINKING)),
    optional("output_config", Object(OUTPUT_CONFIG)),
    optional("output_format", Tagged(FORMAT)),
    optional("metadata", Object(&[optional("user_id", Text)])),
    optional("service_tier", Word(&["auto", "standard_only"])),
    optional("speed", Word(&["standard", "fast"])),
    optional("cache_control", CACHE),
    optional("container", Either(&[Text, AnyObject])),
    optional("context_management", AnyObject),
    optional("diagnostics", AnyObject),
    optional("inference_geo", Text),
    optional("mcp_servers", List(&AnyObject, 0, MANY)),
    optional("user_profile_id", Text),
    optional("workspace_id", Text),
];

pub(super) static COUNT: &[Field] = &[
    required("model", Text),
    required("messages", LIST_OF_MESSAGES),
    optional("system", SYSTEM),
    optional("tools", TOOLS),
    optional("tool_choice", Tagged(TOOL_CHOICE)),
    optional("thinking", Tagged(THINKING)),
    optional("output_config", Object(OUTPUT_CONFIG)),
    optional("output_format", Tagged(FORMAT)),
    optional("speed", Word(&["standard", "fast"])),
    optional("cache_control", CACHE),
    optional("context_management", AnyObject),
    optional("mcp_servers", List(&AnyObject, 0, MANY)),
    optional("user_profile_id", Text),
    optional("workspace_id", Text),
];

/// A tool of the caller's own.
pub(super) static CUSTOM_TOOL: &[Field] = &[
    optional("type", Word(&["custom"])),
    required("name", Name(128)),
    required("input_schema", AnyObject),
    optional("description", Text),
    optional("strict", Bool),
    optional("defer_loading", Bool),
    optional("eager_input_streaming", Bool),
    optional("allowed_callers", List(&Text, 0, MANY)),
    optional("input_examples", List(&AnyObject, 0, MANY)),
    optional("cache_control", CACHE),
];

const LIST_OF_MESSAGES: Kind = List(&Object(MESSAGE), 0, MANY);

const SYSTEM: Kind = Either(&[Text, List(&Object(TEXT_BLOCK), 0, MANY)]);

/// Their types are looked at where they are read: most have versions.
const TOOLS: Kind = List(&AnyObject, 0, MANY);

const CACHE: Kind = Tagged(&[("ephemeral", &[optional("ttl", Word(&["5m", "1h"]))])]);

/// Ids have the letters of names, and no limit of length.
const ID: Kind = Name(MANY);

static MESSAGE: &[Field] = &[
    // Which is checked on its own, since it matters where it stands.
    required("role", Text),
    required("content", Either(&[Text, List(&Tagged(BLOCK), 0, MANY)])),
    optional("output_config", AnyObject),
];

const TEXT_BLOCK: &[Field] = &[
    required("type", Word(&["text"])),
    required("text", Text),
    optional("citations", Any),
    optional("cache_control", CACHE),
];

const TEXT: &[Field] =
    &[required("text", Text), optional("citations", Any), optional("cache_control", CACHE)];

const IMAGE: &[Field] = &[
    required("source", Tagged(IMAGE_SOURCE)),
    optional("transformations", AnyObject),
    optional("cache_control", CACHE),
];

const DOCUMENT: &[Field] = &[
    required("source", Tagged(DOCUMENT_SOURCE)),
    optional("title", Text),
    optional("context", Text),
    optional("citations", AnyObject),
    optional("cache_control", CACHE),
];

const SEARCH_RESULT: &[Field] = &[
    required("source", Text),
    required("title", Text),
    required("content", List(&Object(TEXT_BLOCK), 0, MANY)),
    optional("citations", AnyObject),
    optional("cache_control", CACHE),
];

/// A call of a tool that Anthropic runs.
const SERVER_CALL: &[Field] = &[
    required("id", Text),
    required("name", Text),
    required("input", AnyObject),
    optional("server_name", Text),
    optional("caller", AnyObject),
    optional("cache_control", CACHE),
];

/// What came of it.
const SERVER_RESULT: &[Field] = &[
    required("tool_use_id", Text),
    required("content", Any),
    optional("is_error", Bool),
    optional("caller", AnyObject),
    optional("cache_control", CACHE),
];

static BLOCK: &[(&str, &[Field])] = &[
    ("bash_code_execution_tool_result", SERVER_RESULT),
    ("code_execution_tool_result", SERVER_RESULT),
    ("compaction", &[optional("content", Any), optional("cache_control", CACHE)]),
    ("container_upload", &[required("file_id", Text), optional("cache_control", CACHE)]),
    ("document", DOCUMENT),
    ("image", IMAGE),
    ("mcp_tool_result", SERVER_RESULT),
    ("mcp_tool_use", SERVER_CALL),
    ("redacted_thinking", &[required("data", Text)]),
    ("search_result", SEARCH_RESULT),
    ("server_tool_use", SERVER_CALL),
    ("text", TEXT),
    ("text_editor_code_execution_tool_result", SERVER_RESULT),
    ("thinking", &[required("thinking", Text), required("signature", Text)]),
    (
        "tool_result",
        &[
            required("tool_use_id", ID),
            optional("content", Either(&[Text, List(&Tagged(RESULT_BLOCK), 0, MANY)])),
            optional("is_error", Bool),
            optional("toolset_name", Text),
            optional("cache_control", CACHE),
        ],
    ),
    ("tool_search_tool_result", SERVER_RESULT),
    (
        "tool_use",
        &[
            required("id", ID),
            required("name", Text),
            required("input", AnyObject),
            optional("caller", AnyObject),
            optional("toolset_name", Text),
            optional("cache_control", CACHE),
        ],
    ),
    ("web_fetch_tool_result", SERVER_RESULT),
    ("web_search_tool_result", SERVER_RESULT),
];

/// What the result of a tool may consist of.
static RESULT_BLOCK: &[(&str, &[Field])] = &[
    ("browser_state", &[optional("tabs", Any), optional("changes", Any), optional("cache_control", CACHE)]),
    ("document", DOCUMENT),
    ("image", IMAGE),
    ("search_result", SEARCH_RESULT),
    ("text", TEXT),
    ("tool_reference", &[required("tool_name", Text), optional("cache_control", CACHE)]),
];

static IMAGE_SOURCE: &[(&str, &[Field])] = &[
    (
        "base64",
        &[
            required("media_type", Word(&["image/jpeg", "image/png", "image/gif", "image/webp"])),
            required("data", Text),
        ],
    ),
    ("file", &[required("file_id", Text)]),
    ("url", &[required("url", Text)]),
];

static DOCUMENT_SOURCE: &[(&str, &[Field])] = &[
    ("base64", &[required("media_type", Word(&["application/pdf"])), required("data", Text)]),
    ("content", &[required("content", Either(&[Text, List(&AnyObject, 0, MANY)]))]),
    ("file", &[required("file_id", Text)]),
    ("text", &[required("media_type", Word(&["text/plain"])), required("data", Text)]),
    ("url", &[required("url", Text)]),
];

static TOOL_CHOICE: &[(&str, &[Field])] = &[
    ("any", &[optional("disable_parallel_tool_use", Bool)]),
    ("auto", &[optional("disable_parallel_tool_use", Bool)]),
    ("none", &[]),
    ("tool", &[required("name", Text), optional("disable_parallel_tool_use", Bool)]),
];

static THINKING: &[(&str, &[Field])] = &[
    ("adaptive", &[optional("display", Word(&["summarized", "omitted"]))]),
    ("between_tools", &[]),
    ("disabled", &[]),
    (
        "enabled",
        &[required("budget_tokens", Int(1024, LARGE)), optional("display", Word(&["summarized", "omitted"]))],
    ),
];

static OUTPUT_CONFIG: &[Field] = &[
    optional("effort", Word(&["low", "medium", "high", "xhigh", "max"])),
    optional("format", Tagged(FORMAT)),
    optional("task_budget", AnyObject),
];

static FORMAT: &[(&str, &[Field])] = &[("json_schema", &[required("schema", AnyObject)])];
