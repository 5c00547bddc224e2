//! What a response puts out: a reply's parts as items.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::ID_DIGITS;
use crate::{
    ask::{Extra, Generate, Kept, Thinking},
    dialect::{
        items as list,
        openai::{chat::call_id, logprobs::LogprobsOf},
    },
    identity::Identity,
    reply::{Arguments, Call, Candidate, Deltas, Finish, Generation, Media, Part},
};

/// Bytes of sealed thinking; real ones have hundreds.
const SEAL_BYTES: usize = 192;

/// One item of a response.
pub(super) struct Item<'a> {
    pub(super) id: String,
    pub(super) content: Content<'a>,
    /// `completed` or `incomplete`.
    pub(super) status: &'static str,
}

/// What an item is.
pub(super) enum Content<'a> {
    Message(Vec<Piece<'a>>),
    Reasoning {
        /// What of the thinking is shown.
        summary: Vec<Cow<'a, Deltas>>,
        sealed: Option<String>,
    },
    Call {
        id: String,
        call: Cow<'a, Call>,
    },
    Image(String),
}

/// One part of a message.
pub(super) enum Piece<'a> {
    Text(Cow<'a, Deltas>),
    Refusal(Cow<'a, Deltas>),
}

/// The items of a reply. A response has one answer to choose from.
pub(super) fn items<'a>(
    want: &Generate,
    kept: &Kept,
    said: &'a Generation,
    identity: &Identity,
) -> Vec<Item<'a>> {
    let Some(candidate) = said.candidates.first() else { return Vec::new() };
    let mut contents: Vec<Content<'a>> = Vec::new();
    let seal = || {
        let draw = || STANDARD.encode(identity.draw("encrypted_content").bytes::<SEAL_BYTES>());
        (kept.sealed == Extra::Sent).then(draw)
    };
    let thinks = |part: &Part| matches!(part.unsigned(), Part::Thought(_));
    if want.thinking != Thinking::Off && !candidate.parts.iter().any(thinks) {
        contents.push(Content::Reasoning { summary: Vec::new(), sealed: seal() });
    }
    let mut calls = 0;
    for part in &candidate.parts {
        match part.unsigned() {
            Part::Text(deltas) | Part::Code(deltas) | Part::CodeResult(deltas) => {
                say(&mut contents, Piece::Text(Cow::Borrowed(deltas)));
            }
            Part::Refusal(deltas) => say(&mut contents, Piece::Refusal(Cow::Borrowed(deltas))),
            Part::Thought(deltas) => match contents.last_mut() {
                Some(Content::Reasoning { summary, .. }) => summary.push(Cow::Borrowed(deltas)),
                _ => {
                    let summary = vec![Cow::Borrowed(deltas)];
                    contents.push(Content::Reasoning { summary, sealed: seal() });
                }
            },
            Part::Call(call) => {
                let id = call_id(identity, call, 0, calls);
                contents.push(Content::Call { id, call: Cow::Borrowed(call) });
                calls += 1;
            }
            Part::Media(Media { content, .. }) => contents.push(Content::Image(STANDARD.encode(content))),
            Part::Signature(_) | Part::Signed(..) => {}
        }
    }
    if contents.is_empty() {
        say(&mut contents, Piece::Text(Cow::Owned(Deltas::pieces([]))));
    }
    named(contents, candidate, identity)
}

/// A piece of a message, which goes on with the one before.
fn say<'a>(contents: &mut Vec<Content<'a>>, piece: Piece<'a>) {
    match contents.last_mut() {
        Some(Content::Message(pieces)) => pieces.push(piece),
        _ => contents.push(Content::Message(vec![piece])),
    }
}

fn named<'a>(contents: Vec<Content<'a>>, candidate: &Candidate, identity: &Identity) -> Vec<Item<'a>> {
    let last = contents.len().saturating_sub(1);
    let is_cut = matches!(candidate.finish, Finish::Length | Finish::Filter | Finish::Recitation);
    let item = |(at, content): (usize, Content<'a>)| Item {
        id: identity.draw(&format!("item {at}")).hex(content.prefix(), ID_DIGITS),
        content,
        status: if is_cut && at == last { "incomplete" } else { "completed" },
    };
    contents.into_iter().enumerate().map(item).collect()
}

/// The items that a stored response put out.
pub(super) fn of_stored(response: &Value) -> Vec<Item<'static>> {
    list(&response["output"]).iter().filter_map(of_json).collect()
}

fn of_json(item: &Value) -> Option<Item<'static>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let words = |value: &Value| Cow::Owned(Deltas::words(text(value)));
    let content = match item["type"].as_str()? {
        "message" => Content::Message(
            list(&item["content"])
                .iter()
                .map(|part| match part["type"].as_str() {
                    Some("refusal") => Piece::Refusal(words(&part["refusal"])),
                    _ => Piece::Text(words(&part["text"])),
                })
                .collect(),
        ),
        "reasoning" => Content::Reasoning {
            summary: list(&item["summary"]).iter().map(|part| words(&part["text"])).collect(),
            sealed: item["encrypted_content"].as_str().map(str::to_owned),
        },
        "function_call" => {
            let arguments = Arguments::Fragments(vec![text(&item["arguments"])]);
            let call = Call { name: text(&item["name"]), id: None, arguments };
            Content::Call { id: text(&item["call_id"]), call: Cow::Owned(call) }
        }
        "image_generation_call" => Content::Image(text(&item["result"])),
        _ => return None,
    };
    let status = if item["status"] == "incomplete" { "incomplete" } else { "completed" };
    Some(Item { id: text(&item["id"]), content, status })
}

/// The request's items, each with an id.
pub(super) fn inputs(kept: &Kept, identity: &Identity) -> Vec<Value> {
    let with_id = |(at, item): (usize, &Value)| {
        let mut item = item.clone();
        let prefix = match item["type"].as_str() {
            Some("function_call") => "fc_",
            Some("function_call_output") => "fco_",
            Some("reasoning") => "rs_",
            _ => "msg_",
        };
        if let Some(members) = item.as_object_mut()
            && !members.contains_key("id")
        {
            let id = identity.draw(&format!("input {at}")).hex(prefix, ID_DIGITS);
            members.shift_insert(0, "id".to_owned(), id.into());
        }
        item
    };
    kept.input.iter().enumerate().map(with_id).collect()
}

impl Content<'_> {
    fn prefix(&self) -> &'static str {
        match self {
            Self::Message(_) => "msg_",
            Self::Reasoning { .. } => "rs_",
            Self::Call { .. } => "fc_",
            Self::Image(_) => "ig_",
        }
    }
}

impl Item<'_> {
    /// The item as a stream begins it: nothing in it.
    pub(super) fn begun(&self) -> Value {
        let (id, status) = (&self.id, "in_progress");
        match &self.content {
            Content::Message(_) => {
                json!({"id": id, "type": "message", "status": status, "content": [], "role": "assistant"})
            }
            Content::Reasoning { sealed, .. } => reasoning(id, &[], sealed.as_deref()),
            Content::Call { id: call_id, call } => json!({
                "id": id, "type": "function_call", "status": status,
                "arguments": "", "call_id": call_id, "name": call.name,
            }),
            Content::Image(_) => {
                json!({"id": id, "type": "image_generation_call", "status": status, "result": null})
            }
        }
    }

    /// The item as a whole.
    pub(super) fn whole(&self, logprobs: &LogprobsOf<'_>) -> Value {
        let (id, status) = (&self.id, self.status);
        match &self.content {
            Content::Message(pieces) => {
                let content: Vec<_> = pieces.iter().map(|piece| piece.whole(logprobs)).collect();
                json!({"id": id, "type": "message", "status": status, "content": content, "role": "assistant"})
            }
            Content::Reasoning { summary, sealed } => {
                let texts: Vec<_> = summary.iter().map(|deltas| deltas.text()).collect();
                reasoning(id, &texts, sealed.as_deref())
            }
            Content::Call { id: call_id, call } => json!({
                "id": id, "type": "function_call", "status": status,
                "arguments": call.arguments.text(), "call_id": call_id, "name": call.name,
            }),
            Content::Image(result) => {
                json!({"id": id, "type": "image_generation_call", "status": status, "result": result})
            }
        }
    }
}

fn reasoning(id: &str, summary: &[&str], sealed: Option<&str>) -> Value {
    let summary: Vec<_> = summary.iter().map(|text| summary_part(text)).collect();
    let mut item = json!({"id": id, "type": "reasoning", "summary": summary});
    if let Some(sealed) = sealed {
        item["encrypted_content"] = sealed.into();
    }
    item
}

pub(super) fn summary_part(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}

impl Piece<'_> {
    /// The part as a stream begins it.
    pub(super) fn begun(&self) -> Value {
        match self {
            Self::Text(_) => json!({"type": "output_text", "annotations": [], "logprobs": [], "text": ""}),
            Self::Refusal(_) => json!({"type": "refusal", "refusal": ""}),
        }
    }

    pub(super) fn whole(&self, logprobs: &LogprobsOf<'_>) -> Value {
        match self {
            Self::Text(deltas) => json!({
                "type": "output_text", "annotations": [],
                "logprobs": logprobs.of_text(deltas), "text": deltas.text(),
            }),
            Self::Refusal(deltas) => json!({"type": "refusal", "refusal": deltas.text()}),
        }
    }
}
