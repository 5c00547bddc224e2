//! The Gemini API (`generativelanguage.googleapis.com`), under `/v1`,
//! `/v1beta` and `/v1alpha` alike.
//!
//! Source: ai.google.dev/api, the googleapis protos, and what recordings of
//! the real service show.

mod chunks;
mod conform;
mod embed;
mod enums;
mod events;
mod fields;
mod findings;
pub(super) mod head;
mod images;
mod logprobs;
mod models;
mod payload;
mod read;
pub(crate) mod refuse;
mod say;
mod stream;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Dialect, Endpoint, Heard, Host, LONGEST_MODEL, Matter, Occasion, Operation, Route,
    event::{Carry, Eol, Events, Form, Framing, Reading, Said},
    patch::{Inner, Patches},
    retry::{self, ByHeader},
    short_model,
    style::{self, Style},
    unserved,
};
use crate::{
    ask::{Ask, Embed, Images, Page, Shape, Vendor, Want},
    reply::{ApiError, Reply},
    request::{Credential, Request},
};

/// Google's dialect.
#[derive(Debug)]
pub struct Gemini;

const VERSIONS: [&str; 3] = ["v1", "v1beta", "v1alpha"];

/// Google's methods of a model. What else stands behind a colon is part of a
/// model's name.
const VERBS: [&str; 9] = [
    "generateContent",
    "streamGenerateContent",
    "countTokens",
    "embedContent",
    "batchEmbedContents",
    "predict",
    "predictLongRunning",
    "batchGenerateContent",
    "asyncBatchEmbedContent",
];

impl Dialect for Gemini {
    fn name(&self) -> &'static str {
        "gemini"
    }

    fn route(&self, request: &Request) -> Option<Route> {
        let (version, resource) = split_version(&request.path)?;
        if resource.starts_with("openai/") || resource == "openai" {
            return None;
        }
        let (resource, verb) = match resource.rsplit_once(':') {
            Some((resource, verb)) => (resource, Some(verb)),
            None => (resource, None),
        };
        let is_model = is_model(resource);
        let is_shared = version == "v1";
        let is_google = !is_shared || calls_as_google(request);
        let operation = match (request.method.clone(), verb) {
            (Method::GET, None) if resource == "models" && is_google => Operation::Models,
            (Method::GET, Some(verb)) if is_model && VERBS.contains(&verb) => Operation::Unknown,
            (Method::GET, _) if is_model && is_google => Operation::Model,
            (Method::POST, Some("generateContent" | "streamGenerateContent")) if is_model => {
                Operation::Generate
            }
            (Method::POST, Some("countTokens")) if is_model => Operation::Count,
            (Method::POST, Some("embedContent" | "batchEmbedContents")) if is_model => Operation::Embed,
            (Method::POST, Some("predict")) if is_model => Operation::Images,
            (Method::POST, Some(verb)) if is_model => unserved(verb),
            _ if is_shared => return None,
            _ => unserved::known(&request.path).map_or(Operation::Unknown, |(_, operation)| operation),
        };
        // A model described by name may have a colon in it.
        let model = match (operation, verb) {
            (Operation::Model, Some(verb)) => format!("{resource}:{verb}"),
            _ => resource.to_owned(),
        };
        Some(Route {
            dialect: &Gemini,
            operation,
            shape: shape(verb, request),
            endpoint: Endpoint::Gemini,
            version,
            host: Host::Own,
            enums: enums::wanted(request),
            model: model.strip_prefix("models/").unwrap_or(&model).to_owned(),
        })
    }

    fn read(&self, heard: &Heard<'_>, body: &mut Value) -> Result<Ask, ApiError> {
        let (route, request) = (heard.route, heard.request);
        match route.operation {
            Operation::Unserved(_) => Err(refuse::unknown_path(&request.path)),
            _ if route.model.len() > LONGEST_MODEL => {
                Err(refuse::no_such_model(&route.model, route.version, method_name(route.operation)))
            }
            Operation::Generate => read::generate(heard, body),
            Operation::Count => read::count(heard, body),
            Operation::Embed => embed::read(heard, body),
            Operation::Images => images::read(heard, body),
            Operation::Models => read::models(request),
            Operation::Model => {
                Ok(Ask { model: route.model.clone(), shape: Shape::Document, want: Want::Model })
            }
            Operation::Moderate | Operation::Stored(_) | Operation::WrongMethod | Operation::Unknown => {
                Err(refuse::unknown_path(&request.path))
            }
        }
    }

    fn guess(&self, route: &Route, body: &Value) -> Ask {
        let model = short_model(&route.model).to_owned();
        let want = match route.operation {
            Operation::Count => Want::Count(read::prompt(body)),
            Operation::Embed => Want::Embed(Embed { vendor: Vendor::Google, ..Embed::default() }),
            Operation::Images => Want::Images(Images { count: 1, ..Images::default() }),
            Operation::Models => {
                Want::Models(Page { vendor: Vendor::Google, size: usize::MAX, after: None, before: None })
            }
            Operation::Model => Want::Model,
            _ => return Ask { model, ..read::content(route, body) },
        };
        Ask { model, shape: Shape::Document, want }
    }

    fn typical_error(&self, route: &Route, status: u16, ask: &Ask) -> ApiError {
        refuse::typical(status, &ask.model, route.version, method_name(route.operation), &rpc_name(route))
    }

    fn lacks(&self, _: Endpoint, matter: Matter) -> bool {
        // Google's arguments are no text.
        matches!(matter, Matter::Fragments | Matter::WholeFragments)
    }

    fn patches(&self) -> &'static [(Endpoint, Patches)] {
        PATCHES
    }

    fn read_event(&self, payload: &Value) -> Reading {
        events::read(payload)
    }

    /// Google appends the error to an SSE stream as it stands, without any frame.
    fn say_error_event(&self, route: &Route, error: &ApiError, events: &mut Events) {
        if route.shape != Shape::Sse {
            return events.json(&envelope(error));
        }
        let mut text = Vec::new();
        style::write(Style::Pretty { indent: 2 }, &envelope(error), &mut text);
        text.push(b'\n');
        events.bytes(&text, Framing::Raw);
    }

    fn not_json(&self, _: &Route, body: &[u8], error: &serde_json::Error) -> ApiError {
        refuse::not_json(body, error)
    }

    fn too_large(&self, limit: u64) -> ApiError {
        refuse::too_large(limit)
    }

    fn wrong_key(&self, route: &Route, key: Option<Credential<'_>>) -> ApiError {
        refuse::wrong_key(key, &rpc_name(route))
    }

    fn say(&self, route: &Route, ask: &Ask, reply: &Reply, occasion: &Occasion<'_>) -> Said {
        let (style, form) = frame(route.shape);
        let events = match (reply, &ask.want) {
            (Reply::Generation(said), _) => say::generation(route, ask, said, style, occasion),
            (Reply::Count(tokens), _) => Events::one(style, &payload::count(tokens, route.enums)),
            (Reply::Models(page), _) => Events::one(style, &models::page(page)),
            (Reply::Model(model), _) => Events::one(style, &models::model(model)),
            (Reply::Embeddings(said), Want::Embed(want)) => embed::say(want, said, style, route.enums),
            (Reply::Images(said), _) => images::say(said, style),
            // Nobody gets what was not asked for.
            (Reply::Embeddings(_) | Reply::Verdicts(_) | Reply::Stored, _) => Events::new(style),
        };
        Said {
            status: StatusCode::OK,
            headers: head::head(route.shape, occasion),
            events,
            form,
            carry: Carry::Chunked,
            keep: None,
        }
    }

    /// On an SSE stream an error is a plain document that calls itself an event
    /// stream; on an array stream it is the only element.
    fn say_error(&self, route: &Route, error: &ApiError, occasion: &Occasion<'_>) -> Said {
        let (style, form) = match route.shape {
            Shape::Sse => frame(Shape::Document),
            shape => frame(shape),
        };
        let mut headers = head::head(route.shape, occasion);
        retry::put_header(&mut headers, error, ByHeader::No, occasion);
        Said {
            status: StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers,
            events: Events::one(style, &envelope(error)),
            form,
            carry: Carry::Chunked,
            keep: None,
        }
    }
}

/// What stands in a response of Google's.
static PATCHES: &[(Endpoint, Patches)] = &[(
    Endpoint::Gemini,
    Patches {
        payload: &[
            "candidates",
            "promptFeedback",
            "usageMetadata",
            "modelVersion",
            "responseId",
            "createTime",
            "modelStatus",
            "serviceTier",
            "sdkHttpResponse",
        ],
        inner: &[
            "content",
            "finishReason",
            "index",
            "safetyRatings",
            "citationMetadata",
            "avgLogprobs",
            "logprobsResult",
            "groundingMetadata",
            "groundingAttributions",
            "urlContextMetadata",
            "finishMessage",
            "tokenCount",
            "continuationToken",
        ],
        at: Inner::Each("candidates"),
    },
)];

/// Google's error object.
pub(crate) fn envelope(error: &ApiError) -> Value {
    let mut object = json!({
        "code": error.status,
        "message": error.message,
        "status": refuse::status_name(error.status),
    });
    if let Some(info) = retry::info(error) {
        object["details"] = json!([info]);
    }
    for (name, value) in &error.members {
        object[name] = value.clone();
    }
    json!({"error": object})
}

/// A method that is known by its name alone.
fn unserved(verb: &str) -> Operation {
    match verb {
        "predictLongRunning" => Operation::Unserved("video"),
        "batchGenerateContent" | "asyncBatchEmbedContent" => Operation::Unserved("batch"),
        _ => Operation::Unknown,
    }
}

/// `v1beta` and what stands behind it.
fn split_version(path: &str) -> Option<(&'static str, &str)> {
    let (version, resource) = path.strip_prefix('/')?.split_once('/')?;
    let version = VERSIONS.into_iter().find(|known| *known == version)?;
    Some((version, resource))
}

fn is_model(resource: &str) -> bool {
    ["models/", "tunedModels/", "publishers/"]
        .iter()
        .any(|prefix| resource.strip_prefix(prefix).is_some_and(|name| !name.is_empty()))
}

/// `/v1/models` is OpenAI's path too: Google's callers are known by the way in
/// which they say who they are.
pub(super) fn calls_as_google(request: &Request) -> bool {
    let headers = &request.headers;
    headers.contains_key("x-goog-api-key")
        || headers.contains_key("x-goog-api-client")
        || ["key", "$alt", "pageSize", "pageToken", "page_size", "page_token"]
            .iter()
            .any(|name| request.query(name).is_some())
}

fn shape(verb: Option<&str>, request: &Request) -> Shape {
    if verb != Some("streamGenerateContent") {
        return Shape::Document;
    }
    if enums::forms(request).any(|form| form == "sse") { Shape::Sse } else { Shape::Array }
}

/// The method that an unknown model is said not to support; a batch of contents
/// to embed is told by its single form.
fn method_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Count => "countTokens",
        Operation::Embed => "embedContent",
        Operation::Images => "predict",
        _ => "generateContent",
    }
}

/// The method's name in Google's RPCs, which an authentication error tells.
fn rpc_name(route: &Route) -> String {
    let (service, method) = match (route.operation, route.shape) {
        (Operation::Models, _) => ("ModelService", "ListModels"),
        (Operation::Model, _) => ("ModelService", "GetModel"),
        (Operation::Count, _) => ("GenerativeService", "CountTokens"),
        (Operation::Embed, _) => ("GenerativeService", "EmbedContent"),
        (Operation::Images, _) => ("PredictionService", "Predict"),
        (_, Shape::Document) => ("GenerativeService", "GenerateContent"),
        _ => ("GenerativeService", "StreamGenerateContent"),
    };
    format!("google.ai.generativelanguage.{}.{service}.{method}", route.version)
}

fn frame(shape: Shape) -> (Style, Form) {
    let pretty = Style::Pretty { indent: 2 };
    match shape {
        Shape::Sse => (Style::Google, Form::Sse(Eol::CrLf)),
        Shape::Array => (pretty, Form::Array),
        Shape::Document => (pretty, Form::Document { tail: "\n" }),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn route(method: Method, uri: &str) -> Option<Route> {
        Gemini.route(&Request::new(method, &uri.parse().unwrap(), HeaderMap::new()))
    }

    #[test]
    fn the_verb_stands_behind_the_last_colon() {
        let route =
            route(Method::POST, "/v1/models/gemini-2.5-flash:free:streamGenerateContent?alt=sse").unwrap();
        assert_eq!(route.operation, Operation::Generate);
        assert_eq!(route.model, "gemini-2.5-flash:free");
        assert_eq!(route.shape, Shape::Sse);
    }

    #[test]
    fn a_model_s_name_may_have_slashes_and_escapes() {
        for path in ["/v1beta/models/a/b:countTokens", "/v1beta/models/a%2Fb%3AcountTokens"] {
            let route = route(Method::POST, path).unwrap();
            assert_eq!((route.operation, route.model.as_str()), (Operation::Count, "a/b"));
        }
        let tuned = route(Method::POST, "/v1alpha/tunedModels/mine:generateContent").unwrap();
        assert_eq!(tuned.model, "tunedModels/mine");
    }

    #[test]
    fn the_shared_path_is_google_s_for_google_s_callers() {
        assert!(route(Method::GET, "/v1/models").is_none());
        assert!(route(Method::POST, "/v1/chat/completions").is_none());
        assert!(route(Method::GET, "/v1beta/openai/models").is_none());
        assert!(route(Method::POST, "/v1/chat/completions?key=k").is_none());
        assert_eq!(route(Method::GET, "/v1/models?key=k").unwrap().operation, Operation::Models);
        assert_eq!(route(Method::GET, "/v1beta/models").unwrap().operation, Operation::Models);
        let named = route(Method::GET, "/v1beta/models/ft:a").unwrap();
        assert_eq!((named.operation, named.model.as_str()), (Operation::Model, "ft:a"));
    }
}
