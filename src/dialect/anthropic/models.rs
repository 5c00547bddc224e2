//! Anthropic's list of models on the wire.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::reply::{Model, ModelPage, Rest};

pub(super) fn page(page: &ModelPage) -> Value {
    json!({
        "data": page.models.iter().map(model).collect::<Vec<_>>(),
        "has_more": page.rest == Rest::More,
        "first_id": page.models.first().map(|model| &model.id),
        "last_id": page.models.last().map(|model| &model.id),
    })
}

pub(super) fn model(model: &Model) -> Value {
    let created = i64::try_from(model.created).ok().and_then(|second| Timestamp::from_second(second).ok());
    json!({
        "type": "model",
        "id": model.id,
        "display_name": model.display_name,
        "created_at": created.unwrap_or(Timestamp::UNIX_EPOCH).to_string(),
        "max_input_tokens": model.input_limit,
        "max_tokens": model.output_limit,
        "lifecycle": "active",
    })
}
