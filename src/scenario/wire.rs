//! Trouble on the wire, as it stands in YAML: one struct for each stage of the
//! plan.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::payload::InnerReply;
use crate::{
    notation::{
        path::JsonPath,
        text::{Bytes, Text},
        value::{List, Period, Rate, Size},
    },
    plan::{
        carry::{CarryAs, Chunks},
        coder::{Coding, Flush},
        end::{Hold, How},
        frame::{Eol, Newlines},
        place::{Choice, Points, Target, with_point},
        write::{Escape, Order, Style},
    },
};

/// Trouble, stage by stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Wire {
    /// Changes of the list of events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit: Option<List<Edit>>,
    /// How JSON becomes text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<List<Write>>,
    /// How text becomes lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<List<Frame>>,
    /// How the body is compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encode: Option<Encode>,
    /// How the body's length is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carry: Option<Carry>,
    /// The head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
    /// Writes on the socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<Send>,
    /// How it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
}

/// A change of the list of events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// An event more.
    Insert(Insert),
    /// Events less.
    Drop(Choice),
    /// Events several times.
    Repeat(Repeat),
    /// Events elsewhere.
    Move(Move),
    /// Events made one.
    Join(Join),
    /// Events changed.
    Patch(Patch),
}

/// An event more: a place, and exactly one payload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Insert {
    /// In front of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Choice>,
    /// Behind these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Choice>,
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

/// Events several times in a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// Which.
    pub at: Choice,
    /// How often; twice where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// Events elsewhere: exactly one of `before` and `after`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// Which.
    pub at: Choice,
    /// In front of this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Choice>,
    /// Behind this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Choice>,
}

/// Events made one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Which.
    pub at: Choice,
    /// What stands between their payloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Bytes>,
}

/// Events changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Patch {
    /// Which; all where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Choice>,
    /// What is put where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<IndexMap<JsonPath, Value>>,
    /// What is taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unset: Option<List<JsonPath>>,
}

/// How JSON becomes text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Write {
    /// Of which events; all where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Choice>,
    /// Where blanks and line breaks stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<Style>,
    /// What is written as `\uXXXX`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escape: Option<Escape>,
    /// The order of members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// Bytes in place of values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub literal: Option<IndexMap<JsonPath, Bytes>>,
    /// Texts lengthened until the payload has this size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pad: Option<IndexMap<JsonPath, Size>>,
}

/// How text becomes lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Frame {
    /// Of which events; all where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Choice>,
    /// The block's lines: `event` and `data` are the dialect's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<List<String>>,
    /// The name in place of `data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What stands between name and value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colon: Option<String>,
    /// The lines' ends, line by line; the last repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eol: Option<List<Eol>>,
    /// Blank lines behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blank: Option<u32>,
    /// What a line break in the payload does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newlines: Option<Newlines>,
    /// In front of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead: Option<Bytes>,
    /// Behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tail: Option<Bytes>,
}

/// How the body is compressed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = short_word)]
pub struct Encode {
    /// The coding.
    #[serde(rename = "as")]
    pub coding: Coding,
    /// When compressed bytes come out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flush: Option<Flush>,
    /// What is overwritten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<List<Damage>>,
}

with_point! {
    /// Bytes that are overwritten from a place on.
    pub struct Damage {
        /// With these.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub put: Option<Bytes>,
    }
}

/// How the body's length is told, and its chunks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = short_word)]
pub struct Carry {
    /// How.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub form: Option<CarryAs>,
    /// Added to the content-length that is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lie: Option<i64>,
    /// No chunk bound between neighbours of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join: Option<Choice>,
    /// Further chunk bounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Points>,
    /// Size lines of chunks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sizes: Option<List<ChunkSize>>,
    /// Headers behind the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trailers: Option<IndexMap<String, List<Text>>>,
}

/// The size line of chunks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChunkSize {
    /// Which; 0 is the terminator.
    pub chunk: Chunks,
    /// What stands there, its line end included; `{size}` is the true size.
    pub put: String,
}

/// The head of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Head {
    /// The status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The reason phrase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The HTTP version, such as `1.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Headers that are replaced, appended, or removed (null).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<IndexMap<String, HeaderValues>>,
    /// Answers with a status of 1xx in front of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interim: Option<List<Interim>>,
    /// The whole head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<Bytes>,
}

/// Values of one header.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderValues {
    /// It is removed.
    Removed,
    /// One line each.
    Lines(Vec<Text>),
}

/// An answer with a status of 1xx.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interim {
    /// From 100 to 199.
    pub status: u16,
    /// Its headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<IndexMap<String, HeaderValues>>,
}

/// Writes on the socket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Send {
    /// A write ends here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<List<SendCut>>,
    /// These in one write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join: Option<List<Target>>,
    /// No faster than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
}

with_point! {
    /// The end of a write.
    pub struct SendCut {
        /// How much later the next leaves.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub gap: Option<Period>,
    }
}

with_point! {
    /// How it ends, and where.
    pub struct End {
        /// Silence first.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub hold: Option<Hold>,
        /// Then these bytes, outside any framing.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub put: Option<Bytes>,
        /// Then this.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub how: Option<How>,
        /// The name of an HTTP/2 error.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub code: Option<String>,
        /// What a reset hits on HTTP/2.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub scope: Option<Scope>,
        /// Whether the stream is finished after a goaway.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub last: Option<Last>,
        /// Whether TLS says goodbye.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub notify: Option<bool>,
    }
}

/// What a reset hits on HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The stream.
    Stream,
    /// The connection.
    Connection,
}

/// Which stream a goaway names as the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Last {
    /// This one, which is finished.
    This,
    /// The one before, so that this one is dropped.
    Before,
}

fn short_word(schema: &mut Schema) {
    super::then::short_text(schema);
}

impl Default for Encode {
    fn default() -> Self {
        Self { coding: Coding::Identity, flush: None, damage: None }
    }
}
