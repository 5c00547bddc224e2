//! `embedContent` and `batchEmbedContents`: the contents they are given, and
//! the vectors they say.

use serde::Serialize;
use serde_json::Value;

use super::{conform, fields, payload::ModalityCount, refuse};
use crate::{
    ask::{Ask, Batch, Embed, Shape, Vendor, Want},
    dialect::{Enums, Heard, event::Events, style::Style},
    reply::{ApiError, Embeddings, Modality},
    tokens,
};

pub(super) fn read(heard: &Heard<'_>, body: &mut Value) -> Result<Ask, ApiError> {
    let mut embed = Embed { vendor: Vendor::Google, ..Embed::default() };
    if heard.request.path.ends_with(":batchEmbedContents") {
        conform::conform(body, &fields::EMBED_BATCH, heard.route.version, heard.unknown)?;
        for (index, request) in refuse::batch(body)?.iter().enumerate() {
            add(&mut embed, request, &format!("BatchEmbedContentsRequest.requests[{index}]"))?;
        }
    } else {
        conform::conform(body, &fields::EMBED, heard.route.version, heard.unknown)?;
        embed.batch = Batch::Single;
        add(&mut embed, body, "EmbedContentRequest")?;
        embed.dimensions = embed.own_dimensions.first().copied().flatten();
    }
    Ok(Ask { model: heard.route.model.clone(), shape: Shape::Document, want: Want::Embed(embed) })
}

/// Adds what one request wants.
fn add(embed: &mut Embed, request: &Value, message: &str) -> Result<(), ApiError> {
    let parts = refuse::embedded(request, message)?;
    let mut pieces = Vec::with_capacity(parts.len());
    for part in parts {
        if let Some(text) = part["text"].as_str() {
            embed.tokens += tokens::count(text);
            pieces.push(text);
        }
        for (file, content) in [("inlineData", "data"), ("fileData", "fileUri")] {
            if part[file].is_object() {
                embed.tokens += tokens::ATTACHMENT_TOKENS;
                pieces.extend([&part[file]["mimeType"], &part[file][content]].map(text_of));
            }
        }
    }
    embed.inputs.push(pieces.join("\n"));
    embed.own_dimensions.push(refuse::dimensions(request, message)?);
    Ok(())
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn say(want: &Embed, said: &Embeddings, style: Style, enums: Enums) -> Events {
    let mut vectors = said.vectors.iter().map(|values| Embedding { values });
    if want.batch == Batch::Single
        && let Some(embedding) = vectors.next()
    {
        return Events::one(style, &Single { embedding });
    }
    let usage_metadata = Usage {
        prompt_token_count: said.tokens,
        prompt_token_details: [ModalityCount::new(Modality::Text, said.tokens, enums)],
    };
    Events::one(style, &List { embeddings: vectors.collect(), usage_metadata })
}

#[derive(Serialize)]
struct Single<'a> {
    embedding: Embedding<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    embeddings: Vec<Embedding<'a>>,
    usage_metadata: Usage,
}

#[derive(Serialize)]
struct Embedding<'a> {
    values: &'a [f32],
}

/// The details are called in the singular here, other than everywhere else.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    prompt_token_count: u64,
    prompt_token_details: [ModalityCount; 1],
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};
    use serde_json::json;

    use super::*;
    use crate::{
        dialect::{Dialect, gemini::Gemini},
        request::Request,
    };

    fn asked(verb: &str, mut body: Value) -> Result<Embed, ApiError> {
        let uri = format!("/v1/models/gemini-embedding-001:{verb}").parse().unwrap();
        let request = Request::new(Method::POST, &uri, HeaderMap::new());
        let route = Gemini.route(&request).unwrap();
        match Gemini.read(&Heard::new(&route, &request), &mut body)?.want {
            Want::Embed(embed) => Ok(embed),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_parts_of_a_content_are_one_input() {
        let embed = asked(
            "embedContent",
            json!({"content": {"parts": [{"text": "Hello"}, {"inline_data": {"mimeType": "image/png", "data": "QUJD"}}]},
                   "output_dimensionality": "7", "taskType": "retrieval_query"}),
        )
        .unwrap();
        assert_eq!(embed.inputs, ["Hello\nimage/png\nQUJD"]);
        assert_eq!((embed.tokens, embed.dimensions, embed.batch), (259, Some(7), Batch::Single));
    }

    #[test]
    fn each_request_of_a_batch_has_its_own_dimensions() {
        let request = |text: &str, dimensions: Value| {
            json!({"model": "models/gemini-embedding-001", "content": {"parts": [{"text": text}]},
                   "outputDimensionality": dimensions})
        };
        let body = json!({"requests": [request("a", json!(3)), request("b", json!(null)), {
            "content": {"parts": {"text": "c"}}, "embedContentConfig": {"outputDimensionality": 5},
        }]});
        let embed = asked("batchEmbedContents", body).unwrap();
        assert_eq!(embed.inputs, ["a", "b", "c"]);
        assert_eq!([0, 1, 2].map(|at| embed.dimensions_of(at)), [Some(3), None, Some(5)]);
        assert_eq!((embed.tokens, embed.batch), (3, Batch::List));
    }

    #[test]
    fn what_cannot_be_embedded_is_refused_in_google_s_words() {
        let hello = json!({"parts": [{"text": "Hello"}]});
        let many = json!({"requests": vec![json!({"content": hello}); 101]});
        for (verb, body, message) in [
            ("embedContent", json!({}), "* EmbedContentRequest.content: content is not specified\n"),
            (
                "embedContent",
                json!({"content": {"parts": [{"text": ""}]}}),
                "EmbedContentRequest.content contains an empty Part.",
            ),
            (
                "embedContent",
                json!({"content": hello, "outputDimensionality": 0}),
                "* EmbedContentRequest.output_dimensionality: output_dimensionality must be in the range [1, 3072].\n",
            ),
            (
                "embedContent",
                json!({"content": hello, "taskType": "COOKING"}),
                "Invalid value at 'task_type' (type.googleapis.com/google.ai.generativelanguage.v1.TaskType), \"COOKING\"",
            ),
            (
                "batchEmbedContents",
                json!({"requests": [{"content": hello}, {}]}),
                "* BatchEmbedContentsRequest.requests[1].content: content is not specified\n",
            ),
            (
                "batchEmbedContents",
                json!({}),
                "* BatchEmbedContentsRequest.requests: requests is not specified\n",
            ),
            (
                "batchEmbedContents",
                many,
                "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n",
            ),
        ] {
            assert_eq!(asked(verb, body).unwrap_err().message, message);
        }
    }
}
