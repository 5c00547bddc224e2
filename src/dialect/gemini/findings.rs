//! What Google's own tools found, as a candidate has it.

use std::fmt::Write;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::enums::{self, Word, word};
use crate::{
    dialect::Enums,
    reply::{Findings, Search, Source, Support},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroundingMetadata<'a> {
    search_entry_point: SearchEntryPoint,
    grounding_chunks: Vec<GroundingChunk<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grounding_supports: Vec<GroundingSupport<'a>>,
    web_search_queries: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SearchEntryPoint {
    rendered_content: String,
}

#[derive(Serialize)]
struct GroundingChunk<'a> {
    web: Web<'a>,
}

#[derive(Serialize)]
struct Web<'a> {
    uri: &'a str,
    title: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroundingSupport<'a> {
    segment: Segment,
    grounding_chunk_indices: &'a [usize],
}

/// A piece of the text, by its bytes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Segment {
    #[serde(skip_serializing_if = "is_zero")]
    start_index: usize,
    end_index: usize,
    text: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(index: &usize) -> bool {
    *index == 0
}

/// What a search found for a candidate that says this.
pub(super) fn grounding<'a>(search: &'a Search, text: &str) -> GroundingMetadata<'a> {
    let Search { queries, sources, supports } = search;
    GroundingMetadata {
        search_entry_point: SearchEntryPoint { rendered_content: rendered(queries) },
        grounding_chunks: sources
            .iter()
            .map(|Source { uri, title }| GroundingChunk { web: Web { uri, title } })
            .collect(),
        grounding_supports: supports
            .iter()
            .map(|Support { text: range, sources }| GroundingSupport {
                segment: Segment {
                    start_index: range.start,
                    end_index: range.end,
                    text: text.get(range.clone()).unwrap_or_default().to_owned(),
                },
                grounding_chunk_indices: sources,
            })
            .collect(),
        web_search_queries: queries,
    }
}

/// The links that Google's terms want to be shown.
fn rendered(queries: &[String]) -> String {
    let mut html = "<div class=\"container\">".to_owned();
    for query in queries {
        let address = utf8_percent_encode(query, NON_ALPHANUMERIC);
        // Writing to a string does not fail.
        let _ = write!(
            html,
            "<a class=\"chip\" href=\"https://www.google.com/search?q={address}\">{}</a>",
            query.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
        );
    }
    html + "</div>"
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UrlContextMetadata<'a> {
    url_metadata: Vec<UrlMetadata<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UrlMetadata<'a> {
    retrieved_url: &'a str,
    url_retrieval_status: Word<'static>,
}

/// The pages that were read, if any were.
pub(super) fn pages(findings: &Findings, enums: Enums) -> Option<UrlContextMetadata<'_>> {
    let success = word(enums, &enums::URL_RETRIEVAL_STATUS, "URL_RETRIEVAL_STATUS_SUCCESS");
    let url_metadata: Vec<_> = findings
        .pages
        .iter()
        .map(|retrieved_url| UrlMetadata { retrieved_url, url_retrieval_status: success })
        .collect();
    (!url_metadata.is_empty()).then_some(UrlContextMetadata { url_metadata })
}
