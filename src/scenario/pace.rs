//! When events leave, as it stands in YAML.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::payload::InnerReply;
use crate::{
    notation::{
        text::{Bytes, Text},
        value::{List, Percent, Period},
    },
    plan::delay::{Delay, Pause},
};

/// When events leave. What is left out is at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    /// From the request to the head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<Delay>,
    /// From the head to the first event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Delay>,
    /// In front of each later event that carries output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Delay>,
    /// Added at certain events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<List<Pause>>,
    /// Sent whenever nothing has left for so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<Box<Heartbeat>>,
    /// All delays longer by this for every other open stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<Percent>,
}

/// What is sent into silence: exactly one payload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// After so long a silence.
    pub every: Period,
    /// JSON, framed as the dialect frames it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<serde_json::Value>,
    /// A text, framed likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// The lines of an SSE block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<List<Text>>,
    /// Bytes without any frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Bytes>,
    /// What the dialect would say for this reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Box<InnerReply>>,
}
