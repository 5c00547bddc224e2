//! `POST /images/generations`: what it is asked to draw, and the pictures it
//! hands over.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::Value;

use super::{chat::created, fields, read, refuse, words};
use crate::{
    ask::{Ask, Delivery, Images, Shape, Want},
    dialect::{Heard, Occasion, event::Events, style::Style},
    reply::{ApiError, Media},
};

/// Pixels of a side at the most.
const LONGEST_SIDE: u32 = 8192;

/// The sizes that a refusal tells of. All others within bounds are drawn too:
/// each model has its own, and newer ones draw any.
const SIZES: &[&str] = &["1024x1024", "1024x1536", "1536x1024", "auto"];

/// The model that draws where none is named.
const MODEL: &str = "dall-e-2";

pub(super) fn read(heard: &Heard<'_>, body: &Value) -> Result<Ask, ApiError> {
    let route = heard.route;
    let model = match &body["model"] {
        Value::Null => MODEL,
        named => read::model_name(named)?,
    };
    words::check(body, fields::IMAGES, heard.unknown)?;
    let prompt = body["prompt"].as_str().unwrap_or_default();
    if prompt.is_empty() {
        return Err(refuse::empty_text("prompt"));
    }
    let images = Images {
        prompt: prompt.to_owned(),
        count: body["n"].as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(1),
        size: size(body["size"].as_str())?,
        delivery: match body["response_format"].as_str() {
            Some("b64_json") => Delivery::Inline,
            Some(_) => Delivery::Link,
            // They have no URLs to give.
            None if model.contains("gpt-image") => Delivery::Inline,
            None => Delivery::Link,
        },
    };
    Ok(Ask { model: read::named(route.host, model), shape: Shape::Document, want: Want::Images(images) })
}

fn size(size: Option<&str>) -> Result<Option<(u32, u32)>, ApiError> {
    let size = match size {
        None | Some("auto") => return Ok(None),
        Some(size) => size,
    };
    let side = |text: &str| {
        let is_plain = !text.starts_with(['+', '0']);
        text.parse().ok().filter(|side| is_plain && (1..=LONGEST_SIDE).contains(side))
    };
    let sides = size.split_once('x').and_then(|(width, height)| side(width).zip(side(height)));
    sides.map(Some).ok_or_else(|| refuse::unknown_word("size", size, SIZES))
}

/// A URL is one that holds the picture itself: there is no other host to get it
/// from.
pub(super) fn say(want: &Images, said: &[Media], style: Style, occasion: &Occasion<'_>) -> Events {
    let data = said.iter().map(|media| {
        let content = STANDARD.encode(&media.content);
        match want.delivery {
            Delivery::Inline => Image::Inline { b64_json: content },
            Delivery::Link => Image::Link { url: format!("data:{};base64,{content}", media.mime) },
        }
    });
    Events::one(style, &Drawn { created: created(occasion), data: data.collect() })
}

#[derive(Serialize)]
struct Drawn {
    created: u64,
    data: Vec<Image>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Image {
    Inline { b64_json: String },
    Link { url: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_two_sides_within_bounds() {
        assert_eq!(size(None).unwrap(), None);
        assert_eq!(size(Some("auto")).unwrap(), None);
        assert_eq!(size(Some("64x8192")).unwrap(), Some((64, 8192)));
        for wrong in ["", "x", "64", "0x64", "64x", "64x8193", "-1x5", "+5x5", "64X64", "64x64x64"] {
            let message = size(Some(wrong)).unwrap_err().message;
            let expected = format!(
                "Invalid value: '{wrong}'. Supported values are: '1024x1024', '1024x1536', '1536x1024', and 'auto'."
            );
            assert_eq!(message, expected);
        }
    }
}
