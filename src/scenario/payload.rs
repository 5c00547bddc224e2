//! Events and replies inside others, as they stand in YAML.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::then::{Candidate, ErrorReply, Finish, Part, Split, Usage};
use crate::notation::{
    text::{Bytes, Text, Texts},
    value::List,
};

/// An event: exactly one of its keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Payload {
    /// JSON, framed as the dialect frames it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// A text, framed likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// The lines of an SSE block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<List<Text>>,
    /// Bytes without any frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<Bytes>,
    /// What the dialect would say for this reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<Box<InnerReply>>,
}

/// A reply inside another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InnerReply {
    /// As in a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Texts>,
    /// As in a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<List<Part>>,
    /// As in a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// As in a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<List<Candidate>>,
    /// As in a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<String>,
    /// The provider's error, in its mid-stream form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorReply>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish: Option<Finish>,
    /// What is reported as used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// How one text becomes deltas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
}
