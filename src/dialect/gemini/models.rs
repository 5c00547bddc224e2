//! Google's list of models on the wire, and its page tokens.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::reply::{Model, ModelPage, Rest, Thinks};

pub(super) fn page(page: &ModelPage) -> Value {
    let mut body = json!({"models": page.models.iter().map(model).collect::<Vec<_>>()});
    if let (Rest::More, Some(last)) = (page.rest, page.models.last()) {
        body["nextPageToken"] = page_token(&last.id).into();
    }
    body
}

pub(super) fn model(model: &Model) -> Value {
    let mut body = json!({
        "name": format!("models/{}", model.id),
        "version": "001",
        "displayName": model.display_name,
        "description": format!("{}, as answered by a stand-in.", model.display_name),
        "inputTokenLimit": model.input_limit,
        "outputTokenLimit": model.output_limit,
        "supportedGenerationMethods": model.methods,
    });
    if model.methods.contains(&"generateContent") {
        body["temperature"] = json!(1);
        body["topP"] = json!(0.95);
        body["topK"] = json!(64);
        body["maxTemperature"] = json!(2);
    }
    if model.thinking == Thinks::Yes {
        body["thinking"] = json!(true);
    }
    body
}

/// Google's tokens are base64url of a proto message whose first field is the
/// name of the last entry.
fn page_token(id: &str) -> String {
    let name = format!("models/{id}");
    let mut message = vec![0x0a, u8::try_from(name.len()).unwrap_or(u8::MAX)];
    message.extend(name.as_bytes());
    URL_SAFE_NO_PAD.encode(message)
}

/// The id of the last entry of the page before.
pub(super) fn read_page_token(token: &str) -> Option<String> {
    let message = URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).ok()?;
    let name = match message.as_slice() {
        [0x0a, length, name @ ..] if name.len() == usize::from(*length) => name,
        _ => return None,
    };
    let id = std::str::from_utf8(name).ok()?.strip_prefix("models/")?;
    Some(id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_leads_to_its_entry() {
        let token = page_token("gemini-2.5-flash");
        assert!(token.starts_with("Ch"), "{token}");
        assert_eq!(read_page_token(&token).as_deref(), Some("gemini-2.5-flash"));
        assert_eq!(read_page_token("nonsense"), None);
    }
}
