//! `POST /embeddings`: the texts it is given, and the vectors it says.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::Value;

use super::{fields, read, refuse, words};
use crate::{
    ask::{Ask, Embed, Encoding, Shape, Want},
    dialect::{Heard, event::Events, style::Style},
    reply::{ApiError, Embeddings},
    tokens,
};

/// Items of a list at the most.
const MOST_INPUTS: usize = 2048;

/// Numbers of a vector at the most, where the model is not known for less.
const MOST_DIMENSIONS: u64 = 4096;

pub(super) fn read(heard: &Heard<'_>, body: &Value) -> Result<Ask, ApiError> {
    let route = heard.route;
    let model = read::model_name(&body["model"])?;
    words::check(body, fields::EMBEDDINGS, heard.unknown)?;
    let (inputs, tokens) = inputs(&body["input"])?;
    let embed = Embed {
        inputs,
        dimensions: dimensions(model, &body["dimensions"])?,
        encoding: if body["encoding_format"] == "base64" { Encoding::Base64 } else { Encoding::Floats },
        tokens,
        vendor: read::vendor(route.host),
        ..Embed::default()
    };
    Ok(Ask { model: read::named(route.host, model), shape: Shape::Document, want: Want::Embed(embed) })
}

/// The inputs, and the tokens of all of them.
fn inputs(value: &Value) -> Result<(Vec<String>, u64), ApiError> {
    let items = match value {
        Value::String(text) => return text_input(text, "input").map(|(text, count)| (vec![text], count)),
        Value::Array(items) if items.len() > MOST_INPUTS => {
            return Err(refuse::too_many_inputs(MOST_INPUTS));
        }
        Value::Array(items) if !items.is_empty() => items,
        _ => return Err(refuse::invalid_input()),
    };
    if let Some((text, count)) = token_input(items) {
        return Ok((vec![text], count));
    }
    let is_text = items[0].is_string();
    let mut inputs = (Vec::with_capacity(items.len()), 0);
    for (index, item) in items.iter().enumerate() {
        let (text, count) = match item {
            Value::String(text) if is_text => text_input(text, &format!("input[{index}]"))?,
            Value::Array(numbers) if !is_text => token_input(numbers).ok_or_else(refuse::invalid_input)?,
            _ => return Err(refuse::invalid_input()),
        };
        inputs.0.push(text);
        inputs.1 += count;
    }
    Ok(inputs)
}

fn text_input(text: &str, path: &str) -> Result<(String, u64), ApiError> {
    if text.is_empty() {
        return Err(refuse::empty_input(path));
    }
    Ok((text.to_owned(), tokens::count(text)))
}

/// An input of token numbers; `None` if it is something else.
fn token_input(items: &[Value]) -> Option<(String, u64)> {
    let numbers: Option<Vec<_>> =
        items.iter().map(|item| item.as_u64().map(|number| number.to_string())).collect();
    let numbers = numbers.filter(|numbers| !numbers.is_empty())?;
    Some((numbers.join(" "), numbers.len() as u64))
}

fn dimensions(model: &str, value: &Value) -> Result<Option<usize>, ApiError> {
    let Some(dimensions) = value.as_u64() else { return Ok(None) };
    let most = match model {
        "text-embedding-ada-002" => return Err(refuse::fixed_dimensions()),
        "text-embedding-3-small" => 1536,
        "text-embedding-3-large" => 3072,
        _ => MOST_DIMENSIONS,
    };
    match usize::try_from(dimensions) {
        Ok(count) if dimensions <= most => Ok(Some(count)),
        _ => Err(refuse::too_many_dimensions(dimensions, most)),
    }
}

pub(super) fn say(ask: &Ask, want: &Embed, said: &Embeddings, style: Style) -> Events {
    let data = (0..).zip(&said.vectors).map(|(index, vector)| Embedding {
        object: "embedding",
        index,
        embedding: match want.encoding {
            Encoding::Floats => Vector::Floats(vector),
            Encoding::Base64 => Vector::Base64(base64(vector)),
        },
    });
    let usage = Usage { prompt_tokens: said.tokens, total_tokens: said.tokens };
    Events::one(style, &List { object: "list", data: data.collect(), model: &ask.model, usage })
}

fn base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Embedding<'a>>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Embedding<'a> {
    object: &'static str,
    index: u64,
    embedding: Vector<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector<'a> {
    Floats(&'a [f32]),
    Base64(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    total_tokens: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(input: &Value) -> String {
        inputs(input).unwrap_err().message
    }

    #[test]
    fn an_input_is_a_text_or_tokens_or_a_list_of_either() {
        for (input, texts, count) in [
            (json!("Hello wonderful world"), vec!["Hello wonderful world"], 4),
            (json!(["a", "b c"]), vec!["a", "b c"], 3),
            (json!([1, 23, 4]), vec!["1 23 4"], 3),
            (json!([[1, 2], [3]]), vec!["1 2", "3"], 3),
        ] {
            assert_eq!(inputs(&input).unwrap(), (texts.into_iter().map(str::to_owned).collect(), count));
        }
    }

    #[test]
    fn what_is_no_input_is_refused() {
        let invalid = "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.";
        for input in
            [json!([]), json!(5), json!(null), json!(["a", 1]), json!([[1], "a"]), json!([[]]), json!([-1])]
        {
            assert_eq!(refusal(&input), invalid, "{input}");
        }
        assert_eq!(refusal(&json!("")), "Invalid 'input': input cannot be an empty string.");
        assert_eq!(refusal(&json!(["a", ""])), "Invalid 'input[1]': input cannot be an empty string.");
        assert_eq!(refusal(&json!(vec!["a"; 2049])), "Invalid 'input': array length must be 2048 or less.");
        assert!(inputs(&json!(vec!["a"; 2048])).is_ok());
    }

    #[test]
    fn no_model_has_more_dimensions_than_the_real_one() {
        let message = |model, count: u64| dimensions(model, &json!(count)).unwrap_err().message;
        assert_eq!(
            message("text-embedding-3-small", 1537),
            "Invalid value for 'dimensions' = 1537. Must be less than or equal to 1536."
        );
        assert_eq!(
            message("text-embedding-ada-002", 8),
            "This model does not support specifying dimensions."
        );
        assert_eq!(dimensions("text-embedding-3-large", &json!(3072)).unwrap(), Some(3072));
        assert!(dimensions("any", &json!(u64::MAX)).is_err());
    }

    #[test]
    fn base64_is_of_little_endian_floats() {
        assert_eq!(base64(&[1.0, -0.5]), "AACAPwAAAL8=");
    }
}
