//! `POST /moderations`: the texts it is given, and what they are found to be
//! about.

use serde_json::{Map, Value, json};

use super::{fields, read, refuse, words};
use crate::{
    ask::{Ask, Shape, Want},
    dialect::{Heard, Occasion, event::Events, style::Style},
    reply::{ApiError, Verdict},
};

/// The model that judges where none is named.
const MODEL: &str = "omni-moderation-latest";

/// Texts at the most.
const MOST_INPUTS: usize = 2048;

/// How sure it must be of a category to say so.
const FLAGGED: f64 = 0.5;

pub(super) fn read(heard: &Heard<'_>, body: &Value) -> Result<Ask, ApiError> {
    let model = match &body["model"] {
        Value::Null => MODEL,
        named => read::model_name(named)?,
    };
    words::check(body, fields::MODERATIONS, heard.unknown)?;
    let texts = inputs(&body["input"]).ok_or_else(refuse::invalid_input)?;
    if texts.len() > MOST_INPUTS {
        return Err(refuse::too_many_inputs(MOST_INPUTS));
    }
    Ok(Ask {
        model: read::named(heard.route.host, model),
        shape: Shape::Document,
        want: Want::Moderate(texts),
    })
}

/// A text, a list of texts, or the parts of one message.
fn inputs(input: &Value) -> Option<Vec<String>> {
    match input {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(list) if list.is_empty() => None,
        Value::Array(list) if list.iter().all(Value::is_string) => {
            Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        Value::Array(list) => {
            let text = |part: &'_ Value| match part["type"].as_str()? {
                "text" => part["text"].as_str().map(str::to_owned),
                "image_url" => part["image_url"]["url"].is_string().then(String::new),
                _ => None,
            };
            let texts: Vec<_> = list.iter().map(text).collect::<Option<_>>()?;
            Some(vec![texts.join("\n").trim().to_owned()])
        }
        _ => None,
    }
}

pub(super) fn say(ask: &Ask, verdicts: &[Verdict], style: Style, occasion: &Occasion<'_>) -> Events {
    let results: Vec<_> = verdicts.iter().map(result).collect();
    let id = occasion.identity.draw("id").hex("modr-", 32);
    Events::one(style, &json!({"id": id, "model": ask.model, "results": results}))
}

fn result(verdict: &Verdict) -> Value {
    let members = |value: fn(f64) -> Value| {
        let all = verdict.scores.iter().map(|(name, score)| ((*name).to_owned(), value(*score)));
        all.collect::<Map<_, _>>()
    };
    json!({
        "flagged": verdict.scores.iter().any(|(_, score)| *score >= FLAGGED),
        "categories": members(|score| (score >= FLAGGED).into()),
        "category_scores": members(|score| score.into()),
        "category_applied_input_types": members(|_| json!(["text"])),
    })
}
