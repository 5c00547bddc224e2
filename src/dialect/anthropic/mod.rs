//! The Anthropic API (`api.anthropic.com`): messages, and what belongs to them.
//!
//! Source: docs.claude.com, the types of Anthropic's SDKs, what recordings of the
//! real service show, and what its callers report of its refusals.

mod events;
mod fields;
mod head;
mod message;
mod models;
mod patches;
mod read;
mod refuse;
mod stream;
mod tools;
mod turns;
mod words;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Dialect, Endpoint, Enums, Heard, Host, Matter, Occasion, Operation, Route,
    event::{Carry, Eol, Events, Form, Reading, Said},
    patch::Patches,
    retry::{self, ByHeader},
    style::Style,
};
use crate::{
    ask::{Ask, Shape, Want},
    reply::{ApiError, Modality, Reply},
    request::{Credential, Request},
};

/// Anthropic's dialect.
#[derive(Debug)]
pub struct Anthropic;

impl Dialect for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn route(&self, request: &Request) -> Option<Route> {
        let path = request.path.strip_prefix("/v1/")?;
        let (allowed, operation, model) = match path {
            "messages" => (Method::POST, Operation::Generate, ""),
            "messages/count_tokens" => (Method::POST, Operation::Count, ""),
            "models" if calls_as_anthropic(request) => (Method::GET, Operation::Models, ""),
            _ => match path.strip_prefix("models/") {
                Some(model) if !model.is_empty() && calls_as_anthropic(request) => {
                    (Method::GET, Operation::Model, model)
                }
                _ => return None,
            },
        };
        Some(Route {
            dialect: &Anthropic,
            operation: if request.method == allowed { operation } else { Operation::WrongMethod },
            shape: Shape::Document,
            endpoint: Endpoint::Anthropic,
            version: "v1",
            host: Host::Own,
            enums: Enums::default(),
            model: model.to_owned(),
        })
    }

    fn read(&self, heard: &Heard<'_>, body: &mut Value) -> Result<Ask, ApiError> {
        match heard.route.operation {
            Operation::Models => read::models(heard.request),
            Operation::Model => Ok(described(heard.route)),
            Operation::Generate | Operation::Count if !body.is_object() => Err(refuse::not_an_object()),
            Operation::Generate => read::messages(heard, body),
            Operation::Count => read::count(heard, body),
            Operation::WrongMethod => Err(refuse::wrong_method()),
            Operation::Embed
            | Operation::Images
            | Operation::Moderate
            | Operation::Stored(_)
            | Operation::Unserved(_)
            | Operation::Unknown => Err(refuse::unknown_path()),
        }
    }

    fn guess(&self, route: &Route, body: &Value) -> Ask {
        match route.operation {
            Operation::Models => read::all_models(),
            Operation::Model => described(route),
            Operation::Count => read::guess_count(body),
            _ => read::guess(body),
        }
    }

    fn typical_error(&self, _: &Route, status: u16, ask: &Ask) -> ApiError {
        refuse::typical(status, &ask.model)
    }

    fn miss(&self, message: &str) -> ApiError {
        ApiError::new(404, message).with("details", json!({"error_code": "mynah_no_stub_matches"}))
    }

    fn lacks(&self, _: Endpoint, matter: Matter) -> bool {
        match matter {
            Matter::Candidates
            | Matter::Media
            | Matter::Sound
            | Matter::Signature
            | Matter::RetryInfo
            | Matter::WholeFragments => true,
            Matter::Call | Matter::Fragments | Matter::Thought | Matter::ThoughtSignature => false,
        }
    }

    fn patches(&self) -> &'static [(Endpoint, Patches)] {
        patches::PATCHES
    }

    fn read_event(&self, payload: &Value) -> Reading {
        events::read(payload)
    }

    fn say_error_event(&self, _: &Route, error: &ApiError, events: &mut Events) {
        events.json(&refuse::envelope(error, None));
    }

    fn not_json(&self, _: &Route, body: &[u8], error: &serde_json::Error) -> ApiError {
        refuse::not_json(body, error)
    }

    fn too_large(&self, _: u64) -> ApiError {
        refuse::too_large()
    }

    fn wrong_key(&self, _: &Route, key: Option<Credential<'_>>) -> ApiError {
        refuse::wrong_key(key)
    }

    fn say(&self, _: &Route, ask: &Ask, reply: &Reply, occasion: &Occasion<'_>) -> Said {
        let events = match (reply, &ask.want) {
            (Reply::Generation(said), Want::Generate(_)) => match ask.shape {
                Shape::Document => message::message(&ask.model, said, occasion),
                Shape::Sse | Shape::Array => stream::stream(&ask.model, said, occasion),
            },
            (Reply::Count(tokens), _) => Events::one(Style::Compact, &count(tokens)),
            (Reply::Models(page), _) => Events::one(Style::Compact, &models::page(page)),
            (Reply::Model(model), _) => Events::one(Style::Compact, &models::model(model)),
            // Anthropic has nothing of the kind, and nobody gets what was not
            // asked for.
            (
                Reply::Generation(_)
                | Reply::Embeddings(_)
                | Reply::Images(_)
                | Reply::Verdicts(_)
                | Reply::Stored,
                _,
            ) => Events::new(Style::Compact),
        };
        let (form, carry) = match ask.shape {
            Shape::Document => (Form::Document { tail: "" }, Carry::Length),
            Shape::Sse => (Form::NamedSse(Eol::Lf), Carry::Chunked),
            Shape::Array => (Form::Array, Carry::Chunked),
        };
        let headers = head::success(ask.shape, reply, occasion);
        Said { status: StatusCode::OK, headers, events, form, carry, keep: None }
    }

    fn say_error(&self, _: &Route, error: &ApiError, occasion: &Occasion<'_>) -> Said {
        let mut headers = head::error(occasion);
        retry::put_header(&mut headers, error, ByHeader::Yes, occasion);
        let envelope = refuse::envelope(error, Some(head::request_id(occasion)));
        Said {
            status: StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers,
            events: Events::one(Style::Compact, &envelope),
            form: Form::Document { tail: "" },
            carry: Carry::Length,
            keep: None,
        }
    }
}

/// `/v1/models` is a path of others too: Anthropic's callers are known by the
/// headers that their SDKs send.
pub(super) fn calls_as_anthropic(request: &Request) -> bool {
    ["anthropic-version", "anthropic-beta"].iter().any(|name| request.headers.contains_key(*name))
}

fn described(route: &Route) -> Ask {
    Ask { model: route.model.clone(), shape: Shape::Document, want: Want::Model }
}

fn count(tokens: &[(Modality, u64)]) -> Value {
    json!({"input_tokens": tokens.iter().map(|(_, tokens)| tokens).sum::<u64>()})
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn route(method: Method, uri: &str, header: &'static str) -> Option<Operation> {
        let mut headers = HeaderMap::new();
        if !header.is_empty() {
            headers.insert(header, HeaderValue::from_static("x"));
        }
        let route = Anthropic.route(&Request::new(method, &uri.parse().unwrap(), headers));
        route.map(|route| route.operation)
    }

    #[test]
    fn messages_are_anthropic_s_whoever_calls() {
        assert_eq!(route(Method::POST, "/v1/messages?beta=true", ""), Some(Operation::Generate));
        assert_eq!(route(Method::POST, "/v1/messages/count_tokens", ""), Some(Operation::Count));
        assert_eq!(route(Method::GET, "/v1/messages", ""), Some(Operation::WrongMethod));
        assert_eq!(route(Method::POST, "/v1/messages/batches", ""), None);
    }

    #[test]
    fn models_are_anthropic_s_for_anthropic_s_callers() {
        assert_eq!(route(Method::GET, "/v1/models", ""), None);
        for header in ["anthropic-version", "anthropic-beta"] {
            assert_eq!(route(Method::GET, "/v1/models?limit=3", header), Some(Operation::Models));
            assert_eq!(route(Method::GET, "/v1/models/a%2Fb", header), Some(Operation::Model));
            assert_eq!(route(Method::DELETE, "/v1/models/a", header), Some(Operation::WrongMethod));
        }
    }
}
