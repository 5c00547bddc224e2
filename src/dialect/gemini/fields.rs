//! The fields of Gemini requests: one table for each message, as in the
//! `google.ai.generativelanguage` protos.

/// What a field holds.
#[derive(Debug)]
pub(super) enum Kind {
    Text,
    Bool,
    Int32,
    Int64,
    Float,
    Bytes,
    /// `google.protobuf.Value` or `Struct`: left as it is.
    Any,
    Enum(&'static Enum),
    Message(&'static Message),
    List(&'static Kind),
    Map(&'static Kind),
}

/// A message and its fields, by their camelCase names.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) name: &'static str,
    pub(super) fields: &'static [(&'static str, Kind)],
}

/// An enum and its values, in the order of their numbers.
#[derive(Debug)]
pub(super) struct Enum {
    pub(super) name: &'static str,
    pub(super) values: &'static [&'static str],
}

use super::enums::{HARM_CATEGORY, LANGUAGE, OUTCOME};
use Kind::{Any, Bool, Bytes, Float, Int32, Int64, List, Map, Text};

pub(super) static GENERATE: Message = Message {
    name: "GenerateContentRequest",
    fields: &[
        ("contents", List(&Kind::Message(&CONTENT))),
        ("systemInstruction", Kind::Message(&CONTENT)),
        ("tools", List(&Kind::Message(&TOOL))),
        ("toolConfig", Kind::Message(&TOOL_CONFIG)),
        ("safetySettings", List(&Kind::Message(&SAFETY_SETTING))),
        ("generationConfig", Kind::Message(&GENERATION_CONFIG)),
        ("cachedContent", Text),
        ("model", Text),
        ("labels", Map(&Text)),
        ("serviceTier", Text),
        ("store", Bool),
        ("continuationToken", Bytes),
        ("modelArmorConfig", Any),
    ],
};

pub(super) static COUNT: Message = Message {
    name: "CountTokensRequest",
    fields: &[
        ("model", Text),
        ("contents", List(&Kind::Message(&CONTENT))),
        ("generateContentRequest", Kind::Message(&GENERATE)),
        ("systemInstruction", Kind::Message(&CONTENT)),
        ("tools", List(&Kind::Message(&TOOL))),
        ("generationConfig", Kind::Message(&GENERATION_CONFIG)),
    ],
};

pub(super) static EMBED: Message = Message {
    name: "EmbedContentRequest",
    fields: &[
        ("model", Text),
        ("content", Kind::Message(&CONTENT)),
        ("taskType", Kind::Enum(&TASK_TYPE)),
        ("title", Text),
        ("outputDimensionality", Int32),
        ("embedContentConfig", Kind::Message(&EMBED_CONFIG)),
    ],
};

pub(super) static EMBED_BATCH: Message = Message {
    name: "BatchEmbedContentsRequest",
    fields: &[("model", Text), ("requests", List(&Kind::Message(&EMBED)))],
};

static EMBED_CONFIG: Message = Message {
    name: "EmbedContentConfig",
    fields: &[
        ("taskType", Kind::Enum(&TASK_TYPE)),
        ("title", Text),
        ("outputDimensionality", Int32),
        ("autoTruncate", Bool),
        ("documentOcr", Bool),
        ("audioTrackExtraction", Bool),
    ],
};

static TASK_TYPE: Enum = Enum {
    name: "TaskType",
    values: &[
        "TASK_TYPE_UNSPECIFIED",
        "RETRIEVAL_QUERY",
        "RETRIEVAL_DOCUMENT",
        "SEMANTIC_SIMILARITY",
        "CLASSIFICATION",
        "CLUSTERING",
        "QUESTION_ANSWERING",
        "FACT_VERIFICATION",
        "CODE_RETRIEVAL_QUERY",
    ],
};

pub(super) static PREDICT: Message =
    Message { name: "PredictRequest", fields: &[("instances", List(&Any)), ("parameters", Any)] };

static CONTENT: Message =
    Message { name: "Content", fields: &[("role", Text), ("parts", List(&Kind::Message(&PART)))] };

static PART: Message = Message {
    name: "Part",
    fields: &[
        ("text", Text),
        ("inlineData", Kind::Message(&BLOB)),
        ("fileData", Kind::Message(&FILE_DATA)),
        ("functionCall", Kind::Message(&FUNCTION_CALL)),
        ("functionResponse", Kind::Message(&FUNCTION_RESPONSE)),
        ("executableCode", Kind::Message(&EXECUTABLE_CODE)),
        ("codeExecutionResult", Kind::Message(&CODE_RESULT)),
        ("toolCall", Any),
        ("toolResponse", Any),
        ("thought", Bool),
        ("thoughtSignature", Bytes),
        ("videoMetadata", Any),
        ("mediaResolution", Any),
        ("partMetadata", Any),
        ("audioTranscription", Any),
        ("mediaProcessing", Any),
        ("speechMetadata", Any),
        ("documentMetadata", Any),
        ("spreadsheetMetadata", Any),
    ],
};

static BLOB: Message =
    Message { name: "Blob", fields: &[("mimeType", Text), ("data", Bytes), ("displayName", Text)] };

static FILE_DATA: Message =
    Message { name: "FileData", fields: &[("mimeType", Text), ("fileUri", Text), ("displayName", Text)] };

static FUNCTION_CALL: Message =
    Message { name: "FunctionCall", fields: &[("id", Text), ("name", Text), ("args", Any)] };

static FUNCTION_RESPONSE: Message = Message {
    name: "FunctionResponse",
    fields: &[
        ("id", Text),
        ("name", Text),
        ("response", Any),
        ("parts", Any),
        ("willContinue", Bool),
        ("scheduling", Text),
    ],
};

static EXECUTABLE_CODE: Message = Message {
    name: "ExecutableCode",
    fields: &[("language", Kind::Enum(&LANGUAGE)), ("code", Text), ("id", Text)],
};

static CODE_RESULT: Message = Message {
    name: "CodeExecutionResult",
    fields: &[("outcome", Kind::Enum(&OUTCOME)), ("output", Text), ("id", Text)],
};

static TOOL: Message = Message {
    name: "Tool",
    fields: &[
        ("functionDeclarations", List(&Kind::Message(&DECLARATION))),
        ("googleSearch", Any),
        ("googleSearchRetrieval", Any),
        ("codeExecution", Any),
        ("urlContext", Any),
        ("googleMaps", Any),
        ("fileSearch", Any),
        ("computerUse", Any),
        ("mcpServers", Any),
    ],
};

static DECLARATION: Message = Message {
    name: "FunctionDeclaration",
    fields: &[
        ("name", Text),
        ("description", Text),
        ("parameters", Kind::Message(&SCHEMA)),
        ("parametersJsonSchema", Any),
        ("response", Kind::Message(&SCHEMA)),
        ("responseJsonSchema", Any),
        ("behavior", Text),
    ],
};

static SCHEMA: Message = Message {
    name: "Schema",
    fields: &[
        ("type", Kind::Enum(&TYPE)),
        ("format", Text),
        ("title", Text),
        ("description", Text),
        ("nullable", Bool),
        ("enum", List(&Text)),
        ("maxItems", Int64),
        ("minItems", Int64),
        ("properties", Map(&Kind::Message(&SCHEMA))),
        ("required", List(&Text)),
        ("minProperties", Int64),
        ("maxProperties", Int64),
        ("minLength", Int64),
        ("maxLength", Int64),
        ("pattern", Text),
        ("example", Any),
        ("anyOf", List(&Kind::Message(&SCHEMA))),
        ("propertyOrdering", List(&Text)),
        ("default", Any),
        ("items", Kind::Message(&SCHEMA)),
        ("minimum", Float),
        ("maximum", Float),
    ],
};

static TYPE: Enum = Enum {
    name: "Type",
    values: &["TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"],
};

static TOOL_CONFIG: Message = Message {
    name: "ToolConfig",
    fields: &[
        ("functionCallingConfig", Kind::Message(&CALLING_CONFIG)),
        ("retrievalConfig", Any),
        ("includeServerSideToolInvocations", Bool),
    ],
};

static CALLING_CONFIG: Message = Message {
    name: "FunctionCallingConfig",
    fields: &[
        ("mode", Kind::Enum(&CALLING_MODE)),
        ("allowedFunctionNames", List(&Text)),
        ("streamFunctionCallArguments", Bool),
    ],
};

static CALLING_MODE: Enum = Enum {
    name: "FunctionCallingConfig.Mode",
    values: &["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"],
};

static SAFETY_SETTING: Message = Message {
    name: "SafetySetting",
    fields: &[("category", Kind::Enum(&HARM_CATEGORY)), ("threshold", Kind::Enum(&HARM_THRESHOLD))],
};

static HARM_THRESHOLD: Enum = Enum {
    name: "SafetySetting.HarmBlockThreshold",
    values: &[
        "HARM_BLOCK_THRESHOLD_UNSPECIFIED",
        "BLOCK_LOW_AND_ABOVE",
        "BLOCK_MEDIUM_AND_ABOVE",
        "BLOCK_ONLY_HIGH",
        "BLOCK_NONE",
        "OFF",
    ],
};

static GENERATION_CONFIG: Message = Message {
    name: "GenerationConfig",
    fields: &[
        ("temperature", Float),
        ("topP", Float),
        ("topK", Int32),
        ("candidateCount", Int32),
        ("maxOutputTokens", Int32),
        ("stopSequences", List(&Text)),
        ("presencePenalty", Float),
        ("frequencyPenalty", Float),
        ("seed", Int32),
        ("responseMimeType", Text),
        ("responseSchema", Kind::Message(&SCHEMA)),
        ("responseJsonSchema", Any),
        ("_responseJsonSchema", Any),
        ("responseLogprobs", Bool),
        ("logprobs", Int32),
        ("responseModalities", List(&Kind::Enum(&MODALITY))),
        ("speechConfig", Any),
        ("thinkingConfig", Kind::Message(&THINKING_CONFIG)),
        ("imageConfig", Any),
        ("mediaResolution", Text),
        ("enableEnhancedCivicAnswers", Bool),
    ],
};

static MODALITY: Enum = Enum {
    name: "GenerationConfig.Modality",
    values: &["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO"],
};

static THINKING_CONFIG: Message = Message {
    name: "ThinkingConfig",
    fields: &[
        ("includeThoughts", Bool),
        ("thinkingBudget", Int32),
        ("thinkingLevel", Kind::Enum(&THINKING_LEVEL)),
    ],
};

static THINKING_LEVEL: Enum = Enum {
    name: "ThinkingConfig.ThinkingLevel",
    values: &["THINKING_LEVEL_UNSPECIFIED", "LOW", "HIGH", "MEDIUM", "MINIMAL", "XHIGH"],
};
