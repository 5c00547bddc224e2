//! What is done with a response that is stored: shown, listed, cancelled,
//! forgotten.

use serde_json::{Value, json};

use super::{items, object::rewound, stream};
use crate::{
    ask::{Act, Ask, Order, Recalled, Shape},
    dialect::{
        Occasion,
        event::{Events, Framing},
        openai::logprobs::LogprobsOf,
        style::Style,
    },
    shelf::{Keep, Progress, Stored},
};

/// The answer, and what becomes of what is stored.
pub(in crate::dialect::openai) fn say(
    ask: &Ask,
    recalled: &Recalled,
    style: Style,
    occasion: &Occasion<'_>,
) -> (Events, Option<Box<Keep>>) {
    let (stored, from) = (&*recalled.stored.stored, recalled.stored.progress);
    let at = |to| Some(Box::new(Keep::Advance { id: stored.id.clone(), from, to }));
    let shown = |progress| Events::one(style, &shown(stored, progress));
    match recalled.act {
        Act::Retrieve if ask.shape == Shape::Sse => (again(recalled, occasion), at(Progress::Done)),
        // Who looks sees it go on: what is waited for comes with the second look.
        Act::Retrieve => match from {
            Progress::Queued => (shown(Progress::Working), at(Progress::Working)),
            Progress::Working => (shown(Progress::Done), at(Progress::Done)),
            progress => (shown(progress), None),
        },
        Act::Cancel => match from {
            Progress::Queued | Progress::Working => (shown(Progress::Cancelled), at(Progress::Cancelled)),
            progress => (shown(progress), None),
        },
        Act::Delete => {
            let deleted = json!({"id": stored.id, "object": "response", "deleted": true});
            (Events::one(style, &deleted), Some(Box::new(Keep::Drop(stored.id.clone()))))
        }
        Act::Inputs => (Events::one(style, &inputs(recalled)), None),
    }
}

fn shown(stored: &Stored, progress: Progress) -> Value {
    match progress {
        Progress::Done => stored.answer.clone(),
        Progress::Queued => rewound(&stored.answer, "queued"),
        Progress::Working => rewound(&stored.answer, "in_progress"),
        Progress::Cancelled => rewound(&stored.answer, "cancelled"),
    }
}

fn again(recalled: &Recalled, occasion: &Occasion<'_>) -> Events {
    let stored = &*recalled.stored.stored;
    let behind = recalled.behind.map_or(0, |number| usize::try_from(number).unwrap_or(usize::MAX));
    let skipped = if recalled.behind.is_some() { behind.saturating_add(1) } else { 0 };
    let said;
    let events: Vec<&[u8]> = if stored.events.is_empty() {
        // It was not streamed before.
        let items = items::of_stored(&stored.answer);
        let logprobs = LogprobsOf::new(None, occasion.identity);
        said = stream::again(&stored.answer, &items, &logprobs, occasion);
        said.iter().collect()
    } else {
        stored.events.iter().map(AsRef::as_ref).collect()
    };
    let mut rest = Events::new(Style::Compact);
    events.into_iter().skip(skipped).for_each(|event| rest.bytes(event, Framing::Data));
    rest
}

/// One page of what a response was the answer to.
fn inputs(recalled: &Recalled) -> Value {
    let mut items: Vec<_> = recalled.stored.stored.input.iter().collect();
    if recalled.slice.order == Order::Descending {
        items.reverse();
    }
    let after = recalled.slice.after.as_deref();
    let behind = |id: &str| items.iter().position(|item| item["id"] == id).map_or(items.len(), |at| at + 1);
    let start = after.map_or(0, behind);
    let end = items.len().min(start.saturating_add(recalled.slice.limit));
    let page = &items[start..end];
    let id = |item: Option<&&Value>| item.map(|item| item["id"].clone());
    json!({
        "object": "list",
        "data": page,
        "first_id": id(page.first()),
        "last_id": id(page.last()),
        "has_more": end < items.len(),
    })
}
