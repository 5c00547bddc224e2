//! The OpenAI API (`api.openai.com`), and its endpoints at Google under
//! `/v1beta/openai`.
//!
//! Source: platform.openai.com/docs/api-reference, OpenAI's specification, and
//! what recordings of the real service show.

mod chat;

mod chunks;
mod embeddings;
mod events;
mod fields;
mod head;
mod images;
mod logprobs;
mod patches;
mod read;
mod refuse;
mod words;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Dialect, Endpoint, Heard, Host, Matter, Occasion, Operation, Route,
    event::{Carry, Eol, Events, Form, Reading, Said},
    gemini,
    patch::Patches,
    retry::{self, ByHeader},
    style::Style,
};
use crate::{
    ask::{Ask, Embed, Images, Shape, Want},
    reply::{ApiError, Candidate, Deltas, Finish, Generation, Model, ModelPage, Part, Reply},
    request::{Credential, Request},
};

/// OpenAI's dialect.
#[derive(Debug)]
pub struct OpenAi;

/// Where the endpoints stand, and in whose house.
const ROOTS: [(&str, &str, Host); 2] = [("/v1beta/openai", "v1beta", Host::Google), ("/v1", "v1", Host::Own)];

impl Dialect for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn route(&self, request: &Request) -> Option<Route> {
        let (path, version, host) = ROOTS.into_iter().find_map(|(root, version, host)| {
            let path = request.path.strip_prefix(root)?;
            (path.is_empty() || path.starts_with('/')).then_some((path, version, host))
        })?;
        let (allowed, operation, model) = match path {
            "/chat/completions" => (Method::POST, Operation::Generate, ""),
            "/embeddings" => (Method::POST, Operation::Embed, ""),
            "/images/generations" => (Method::POST, Operation::Images, ""),
            "/models" => (Method::GET, Operation::Models, ""),
            _ => match path.strip_prefix("/models/") {
                Some(model) if !model.is_empty() => (Method::GET, Operation::Model, model),
                // Under /v1 an unknown path may be either provider's.
                _ if host == Host::Own => return None,
                _ => (request.method.clone(), Operation::Unknown, ""),
            },
        };
        Some(Route {
            dialect: &OpenAi,
            operation: if request.method == allowed { operation } else { Operation::WrongMethod },
            shape: Shape::Document,
            endpoint: if path == "/chat/completions" { Endpoint::OpenAiChat } else { Endpoint::OpenAi },
            version,
            host,
            model: model.strip_prefix("models/").unwrap_or(model).to_owned(),
        })
    }

    fn read(&self, heard: &Heard<'_>, body: &mut Value) -> Result<Ask, ApiError> {
        let (route, request) = (heard.route, heard.request);
        match route.operation {
            Operation::Models => Ok(read::models(route)),
            Operation::Model => Ok(read::model(route)),
            Operation::Generate | Operation::Embed | Operation::Images if !body.is_object() => {
                Err(refuse::not_an_object(words::got(body)))
            }
            Operation::Generate => read::chat(heard, body),
            Operation::Embed => embeddings::read(heard, body),
            Operation::Images => images::read(heard, body),
            Operation::WrongMethod => Err(refuse::wrong_method(request.method.as_str(), &request.path)),
            Operation::Count
            | Operation::Moderate
            | Operation::Stored(_)
            | Operation::Unserved(_)
            | Operation::Unknown => Err(refuse::unknown_path(request.method.as_str(), &request.path)),
        }
    }

    fn guess(&self, route: &Route, body: &Value) -> Ask {
        let vendor = read::vendor(route.host);
        let model = body["model"].as_str().unwrap_or_default().to_owned();
        let want = match route.operation {
            Operation::Models => return read::models(route),
            Operation::Model => return read::model(route),
            Operation::Embed => Want::Embed(Embed { vendor, ..Embed::default() }),
            Operation::Images => Want::Images(Images { count: 1, ..Images::default() }),
            _ => return read::guess(route, body),
        };
        Ask { model, shape: Shape::Document, want }
    }

    fn typical_error(&self, _: &Route, status: u16, ask: &Ask) -> ApiError {
        refuse::typical(status, &ask.model)
    }

    fn miss(&self, message: &str) -> ApiError {
        ApiError::new(404, message).with("code", "mynah_no_stub_matches")
    }

    fn lacks(&self, endpoint: Endpoint, matter: Matter) -> bool {
        match matter {
            Matter::Fragments => false,
            Matter::Candidates => endpoint == Endpoint::OpenAiResponses,
            Matter::Signature | Matter::ThoughtSignature | Matter::RetryInfo => true,
            // The endpoint for pictures has its own; chats have none.
            Matter::Media => matches!(endpoint, Endpoint::OpenAiChat | Endpoint::OpenAiCompletions),
            Matter::Call | Matter::Thought => endpoint == Endpoint::OpenAiCompletions,
        }
    }

    fn patches(&self) -> &'static [(Endpoint, Patches)] {
        patches::PATCHES
    }

    fn read_event(&self, payload: &Value) -> Reading {
        events::read(payload)
    }

    fn say_error_event(&self, _: &Route, error: &ApiError, events: &mut Events) {
        events.json(&envelope(error));
    }

    fn not_json(&self, _: &Route, _: &[u8], _: &serde_json::Error) -> ApiError {
        refuse::not_json()
    }

    fn too_large(&self, limit: u64) -> ApiError {
        refuse::too_large(limit)
    }

    fn wrong_key(&self, route: &Route, key: Option<Credential<'_>>) -> ApiError {
        match route.host {
            Host::Own => refuse::wrong_key(key),
            Host::Google => refuse::wrong_key_at_google(key),
        }
    }

    fn say(&self, route: &Route, ask: &Ask, reply: &Reply, occasion: &Occasion<'_>) -> Said {
        let refusal = blocked(reply);
        let reply = refusal.as_ref().unwrap_or(reply);
        let pretty = Style::Pretty { indent: 2 };
        let events = match (reply, &ask.want) {
            (Reply::Generation(said), Want::Generate(want)) => match ask.shape {
                Shape::Document => chat::completion(ask, want, said, pretty, occasion),
                Shape::Sse | Shape::Array => chunks::stream(ask, want, said, occasion),
            },
            (Reply::Models(page), _) => Events::one(pretty, &models(route.host, page)),
            (Reply::Model(described), _) => Events::one(pretty, &model(route.host, described)),
            (Reply::Embeddings(said), Want::Embed(want)) => embeddings::say(ask, want, said, pretty),
            (Reply::Images(said), Want::Images(want)) => images::say(want, said, pretty, occasion),
            // OpenAI counts no tokens, and nobody gets what was not asked for.
            (
                Reply::Count(_)
                | Reply::Generation(_)
                | Reply::Embeddings(_)
                | Reply::Images(_)
                | Reply::Verdicts(_)
                | Reply::Stored,
                _,
            ) => Events::new(pretty),
        };
        let (form, carry) = match ask.shape {
            Shape::Document => (Form::Document { tail: "\n" }, Carry::Length),
            Shape::Sse => (Form::Sse(Eol::Lf), Carry::Chunked),
            Shape::Array => (Form::Array, Carry::Chunked),
        };
        let (headers, carry) = match route.host {
            Host::Own => (head::success(ask, reply, occasion), carry),
            Host::Google => (gemini::head::head(ask.shape, occasion), Carry::Chunked),
        };
        Said { status: StatusCode::OK, headers, events, form, carry, keep: None }
    }

    fn say_error(&self, route: &Route, error: &ApiError, occasion: &Occasion<'_>) -> Said {
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (body, indent, tail) = match route.host {
            Host::Own if is_edge(error.status) => (envelope(error), 4, "\n"),
            Host::Own => (envelope(error), 2, ""),
            Host::Google => (envelope_at_google(error), 2, "\n"),
        };
        let (mut headers, carry) = match route.host {
            Host::Own => (head::error(error.status, occasion), Carry::Length),
            Host::Google => (gemini::head::head(Shape::Document, occasion), Carry::Chunked),
        };
        retry::put_header(&mut headers, error, ByHeader::Yes, occasion);
        Said {
            status,
            headers,
            events: Events::one(Style::Pretty { indent }, &body),
            form: Form::Document { tail },
            carry,
            keep: None,
        }
    }
}

/// OpenAI has no word for a prompt that is blocked: the model declines.
fn blocked(reply: &Reply) -> Option<Reply> {
    let Reply::Generation(Generation { block: Some(_), usage, .. }) = reply else { return None };
    let refusal = Part::Refusal(Deltas::words("I'm sorry, but I can't assist with that.".to_owned()));
    let candidates = vec![Candidate { parts: vec![refusal], finish: Finish::Refusal }];
    Some(Reply::Generation(Generation { candidates, usage: usage.clone(), block: None }))
}

/// Statuses that the edge answers, before a request gets to the service; its
/// bodies are indented by four blanks.
fn is_edge(status: u16) -> bool {
    matches!(status, 401 | 404 | 405)
}

/// OpenAI's error object: all four members, nulls printed.
fn envelope(error: &ApiError) -> Value {
    let kind = if error.status < 500 { "invalid_request_error" } else { "server_error" };
    let mut object = json!({"message": error.message, "type": kind, "param": null, "code": null});
    for (name, value) in &error.members {
        object[name] = value.clone();
    }
    json!({"error": object})
}

/// At Google an error is the only element of a list, in Google's shape.
fn envelope_at_google(error: &ApiError) -> Value {
    let plain = ApiError::new(error.status, error.message.clone());
    json!([gemini::envelope(&plain)])
}

fn models(host: Host, page: &ModelPage) -> Value {
    let list: Vec<_> = page.models.iter().map(|described| model(host, described)).collect();
    json!({"object": "list", "data": list})
}

fn model(host: Host, model: &Model) -> Value {
    match host {
        Host::Own => json!({
            "id": model.id, "object": "model", "created": model.created, "owned_by": model.owned_by,
        }),
        Host::Google => json!({
            "id": format!("models/{}", model.id), "object": "model", "owned_by": "google",
            "display_name": model.display_name,
        }),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn route(method: Method, uri: &str) -> Option<Route> {
        OpenAi.route(&Request::new(method, &uri.parse().unwrap(), HeaderMap::new()))
    }

    #[test]
    fn the_endpoints_stand_in_two_houses() {
        let own = route(Method::POST, "/v1/chat/completions").unwrap();
        assert_eq!((own.operation, own.host), (Operation::Generate, Host::Own));
        let google = route(Method::POST, "/v1beta/openai/chat/completions").unwrap();
        assert_eq!((google.operation, google.host), (Operation::Generate, Host::Google));
    }

    #[test]
    fn a_model_s_name_may_have_a_slash() {
        let route = route(Method::GET, "/v1/models/a%2Fb").unwrap();
        assert_eq!((route.operation, route.model.as_str()), (Operation::Model, "a/b"));
    }

    #[test]
    fn another_method_is_not_another_path() {
        assert_eq!(route(Method::GET, "/v1/chat/completions").unwrap().operation, Operation::WrongMethod);
        assert_eq!(route(Method::POST, "/v1beta/openai/nothing").unwrap().operation, Operation::Unknown);
        assert!(route(Method::POST, "/v1/nothing").is_none());
        assert!(route(Method::POST, "/v1x/models").is_none());
    }
}
