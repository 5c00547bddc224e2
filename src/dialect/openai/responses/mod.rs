//! OpenAI's responses: `POST /responses`, and what is done with them once they
//! are stored.
//!
//! Source: platform.openai.com/docs/api-reference/responses and
//! /responses-streaming, and recordings of the real service.

pub(super) mod events;
mod fields;
mod items;
mod object;
mod prompt;
pub(super) mod read;
mod stored;
mod stream;

use serde_json::json;

use super::logprobs::LogprobsOf;
use crate::{
    ask::{Ask, Attendance, Generate, Kept, Shape, Storage},
    dialect::{Occasion, event::Events, style::Style},
    reply::Generation,
    shelf::{Keep, Progress, Stored},
};
use object::Response;

pub(super) use stored::say as say_stored;

/// Hexadecimal digits of an id.
const ID_DIGITS: usize = 48;

/// A reply as a response, plain or streamed, and what is kept of it.
pub(super) fn say(
    ask: &Ask,
    want: &Generate,
    said: &Generation,
    style: Style,
    occasion: &Occasion<'_>,
) -> (Events, Option<Box<Keep>>) {
    let nothing = Kept::default();
    let kept = want.kept.as_deref().unwrap_or(&nothing);
    let logprobs = LogprobsOf::new(want.logprobs, occasion.identity);
    let items = items::items(want, kept, said, occasion.identity);
    let response = Response::new(ask, kept, said, occasion);
    let output: Vec<_> = items.iter().map(|item| item.whole(&logprobs)).collect();
    let whole = response.ended(output);
    let is_later = kept.attendance == Attendance::Background && ask.shape == Shape::Document;
    let events = match ask.shape {
        Shape::Document if is_later => Events::one(style, &response.begun("queued")),
        Shape::Document => Events::one(style, &whole),
        Shape::Sse | Shape::Array => {
            let obfuscation = want.stream.obfuscation;
            stream::stream(&response, &items, &whole, (&logprobs, obfuscation), occasion)
        }
    };
    let keep = (kept.storage == Storage::Stored).then(|| {
        let stored = Stored {
            id: response.id.clone(),
            answer: whole,
            input: items::inputs(kept, occasion.identity),
            before: kept.echo.get("previous_response_id").and_then(|id| id.as_str()).map(str::to_owned),
            // Filled in once all is said.
            events: Vec::new(),
        };
        Box::new(Keep::Put(stored, if is_later { Progress::Queued } else { Progress::Done }))
    });
    (events, keep)
}

/// The size of a prompt.
pub(super) fn say_count(tokens: u64, style: Style) -> Events {
    Events::one(style, &json!({"object": "response.input_tokens", "input_tokens": tokens}))
}
