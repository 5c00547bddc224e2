//! `predict`: what Imagen is asked to draw, and the pictures it hands over.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::Value;

use super::{conform, fields, refuse};
use crate::{
    ask::{Ask, Images, Shape, Want},
    dialect::{Heard, event::Events, style::Style},
    reply::{ApiError, Media},
};

/// Pictures where the caller does not say how many.
const USUAL_COUNT: u32 = 4;

pub(super) fn read(heard: &Heard<'_>, body: &mut Value) -> Result<Ask, ApiError> {
    conform::conform(body, &fields::PREDICT, heard.route.version, heard.unknown)?;
    let prompt = refuse::drawn(body)?.to_owned();
    let parameters = &body["parameters"];
    let count = parameters["sampleCount"].as_u64().and_then(|count| u32::try_from(count).ok());
    let images = Images {
        prompt,
        count: count.unwrap_or(USUAL_COUNT),
        size: Some(size(parameters)),
        ..Images::default()
    };
    Ok(Ask { model: heard.route.model.clone(), shape: Shape::Document, want: Want::Images(images) })
}

/// Width and height as Imagen has them for a ratio, doubled for 2K.
fn size(parameters: &Value) -> (u32, u32) {
    let (width, height) = match parameters["aspectRatio"].as_str() {
        Some("3:4") => (896, 1280),
        Some("4:3") => (1280, 896),
        Some("9:16") => (768, 1408),
        Some("16:9") => (1408, 768),
        _ => (1024, 1024),
    };
    if parameters["sampleImageSize"] == "2K" { (2 * width, 2 * height) } else { (width, height) }
}

pub(super) fn say(said: &[Media], style: Style) -> Events {
    let predictions = said
        .iter()
        .map(|media| Prediction {
            mime_type: &media.mime,
            bytes_base64_encoded: STANDARD.encode(&media.content),
        })
        .collect();
    Events::one(style, &Predictions { predictions })
}

#[derive(Serialize)]
struct Predictions<'a> {
    predictions: Vec<Prediction<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Prediction<'a> {
    mime_type: &'a str,
    bytes_base64_encoded: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_ratio_and_a_size_make_width_and_height() {
        assert_eq!(size(&json!({})), (1024, 1024));
        assert_eq!(size(&json!({"aspectRatio": "16:9"})), (1408, 768));
        assert_eq!(size(&json!({"aspectRatio": "3:4", "sampleImageSize": "2K"})), (1792, 2560));
    }
}
