//! What stands in Anthropic's answers, for what a scenario adds to them.

use crate::dialect::{
    Endpoint,
    patch::{Inner, Patches},
};

pub(super) static PATCHES: &[(Endpoint, Patches)] =
    &[(Endpoint::Anthropic, Patches { payload: PAYLOAD, inner: INNER, at: Inner::In("delta") })];

/// What stands in the event that tells of an end, in a message beside what it
/// says, and in the answers about tokens and models.
const PAYLOAD: &[&str] = &[
    "type",
    "delta",
    "usage",
    "context_management",
    "input_tokens",
    "data",
    "has_more",
    "first_id",
    "last_id",
    "display_name",
    "created_at",
    "deprecated_at",
    "retires_at",
    "lifecycle",
    "line",
    "capabilities",
    "max_input_tokens",
    "max_tokens",
];

/// What ended: the `delta` of a stream's event, or a message itself.
const INNER: &[&str] = &[
    "stop_reason",
    "stop_sequence",
    "stop_details",
    "container",
    "diagnostics",
    "id",
    "model",
    "content",
    "role",
    "service_tier",
];
