//! The OpenAI API (`api.openai.com`), and its endpoints at Google under
//! `/v1beta/openai`.
//!
//! Source: platform.openai.com/docs/api-reference, OpenAI's specification, and
//! what recordings of the real service show.

mod chat;

mod chunks;
mod completions;
mod embeddings;
mod events;
mod fields;
mod head;
mod images;
mod logprobs;
mod moderations;
mod patches;
mod read;
mod refuse;
mod responses;
mod words;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Dialect, Endpoint, Enums, Heard, Host, Matter, Occasion, Operation, Route,
    event::{Carry, Eol, Events, Form, Reading, Said},
    gemini,
    patch::Patches,
    retry::{self, ByHeader},
    style::Style,
};
use crate::{
    ask::{Act, Ask, Embed, Images, Shape, Want},
    reply::{ApiError, Candidate, Deltas, Finish, Generation, Model, ModelPage, Part, Reply},
    request::{Credential, Request},
    shelf::Keep,
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
        let found =
            endpoint(path).filter(|(_, endpoint, _)| host == Host::Own || is_at_google(path, *endpoint));
        let (operation, endpoint, model) = match (found, host) {
            (Some(found), _) => found,
            // Under /v1 an unknown path may be any provider's.
            (None, Host::Own) => return None,
            (None, Host::Google) => (Served::Always(Operation::Unknown), Endpoint::OpenAi, ""),
        };
        Some(Route {
            dialect: &OpenAi,
            operation: operation.by(&request.method),
            shape: match request.query("stream") {
                Some("true") if !model.is_empty() && endpoint == Endpoint::OpenAiResponses => Shape::Sse,
                _ => Shape::Document,
            },
            endpoint,
            version,
            host,
            enums: Enums::default(),
            model: model.strip_prefix("models/").unwrap_or(model).to_owned(),
        })
    }

    fn recalls<'a>(&self, route: &'a Route, body: &'a Value) -> Option<&'a str> {
        match route.operation {
            Operation::Stored(_) => Some(&route.model),
            _ if route.endpoint == Endpoint::OpenAiResponses => body["previous_response_id"].as_str(),
            _ => None,
        }
    }

    fn read(&self, heard: &Heard<'_>, body: &mut Value) -> Result<Ask, ApiError> {
        let (route, request) = (heard.route, heard.request);
        let (method, path) = (request.method.as_str(), &request.path);
        if route.operation.takes_json() && !body.is_object() {
            return Err(refuse::not_an_object(words::got(body)));
        }
        match (route.operation, route.endpoint) {
            (Operation::Generate, Endpoint::OpenAiResponses) => responses::read::create(heard, body),
            (Operation::Generate, Endpoint::OpenAiCompletions) => completions::read(heard, body),
            (Operation::Generate, _) => read::chat(heard, body),
            (Operation::Count, _) => responses::read::count(heard, body),
            (Operation::Models, _) => Ok(read::models(route)),
            (Operation::Model, _) => Ok(read::model(route)),
            (Operation::Embed, _) => embeddings::read(heard, body),
            (Operation::Images, _) => images::read(heard, body),
            (Operation::Moderate, _) => moderations::read(heard, body),
            (Operation::Stored(act), _) => responses::read::stored(heard, act),
            (Operation::WrongMethod, _) => Err(refuse::wrong_method(method, path)),
            (Operation::Unserved(_) | Operation::Unknown, _) => Err(refuse::unknown_path(method, path)),
        }
    }

    fn guess(&self, route: &Route, body: &Value) -> Ask {
        let vendor = read::vendor(route.host);
        let model = body["model"].as_str().unwrap_or_default().to_owned();
        let want = match route.operation {
            Operation::Models => return read::models(route),
            Operation::Model | Operation::Stored(_) => return read::model(route),
            Operation::Moderate => Want::Moderate(Vec::new()),
            Operation::Embed => Want::Embed(Embed { vendor, ..Embed::default() }),
            Operation::Images => Want::Images(Images { count: 1, ..Images::default() }),
            _ => {
                return match route.endpoint {
                    Endpoint::OpenAiResponses => responses::read::guess(route, body),
                    Endpoint::OpenAiCompletions => completions::guess(route, body),
                    _ => read::guess(route, body),
                };
            }
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
            Matter::Fragments | Matter::WholeFragments => false,
            Matter::Candidates => endpoint == Endpoint::OpenAiResponses,
            Matter::Signature | Matter::ThoughtSignature | Matter::RetryInfo => true,
            // The endpoint for pictures has its own; chats have none.
            Matter::Media => matches!(endpoint, Endpoint::OpenAiChat | Endpoint::OpenAiCompletions),
            Matter::Sound => true,
            Matter::Call | Matter::Thought => endpoint == Endpoint::OpenAiCompletions,
        }
    }

    fn unknown_model(&self, route: &Route, ask: &Ask) -> ApiError {
        match route.endpoint {
            Endpoint::OpenAiResponses => refuse::no_requested_model(&ask.model),
            _ => refuse::no_such_model(&ask.model),
        }
    }

    fn patches(&self) -> &'static [(Endpoint, Patches)] {
        patches::PATCHES
    }

    fn read_event(&self, payload: &Value) -> Reading {
        events::read(payload)
    }

    fn say_error_event(&self, route: &Route, error: &ApiError, events: &mut Events) {
        match route.endpoint {
            Endpoint::OpenAiResponses => events.json(&flat_error(error)),
            _ => events.json(&envelope(error)),
        }
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
        let mut keep = None;
        let mut kept = |(events, left): (Events, Option<Box<Keep>>)| {
            keep = left;
            events
        };
        let events = match (reply, &ask.want) {
            (Reply::Generation(said), Want::Generate(want)) => match (route.endpoint, ask.shape) {
                (Endpoint::OpenAiResponses, _) => kept(responses::say(ask, want, said, pretty, occasion)),
                (Endpoint::OpenAiCompletions, _) => completions::say(ask, want, said, pretty, occasion),
                (_, Shape::Document) => chat::completion(ask, want, said, pretty, occasion),
                (_, Shape::Sse | Shape::Array) => chunks::stream(ask, want, said, occasion),
            },
            (Reply::Models(page), _) => Events::one(pretty, &models(route.host, page)),
            (Reply::Model(described), _) => Events::one(pretty, &model(route.host, described)),
            (Reply::Embeddings(said), Want::Embed(want)) => embeddings::say(ask, want, said, pretty),
            (Reply::Images(said), Want::Images(want)) => images::say(want, said, pretty, occasion),
            (Reply::Verdicts(said), _) => moderations::say(ask, said, pretty, occasion),
            (Reply::Stored, Want::Stored(recalled)) => {
                kept(responses::say_stored(ask, recalled, pretty, occasion))
            }
            (Reply::Count(tokens), _) => {
                responses::say_count(tokens.iter().map(|(_, count)| count).sum(), pretty)
            }
            // Nobody gets what was not asked for.
            (Reply::Generation(_) | Reply::Embeddings(_) | Reply::Images(_) | Reply::Stored, _) => {
                Events::new(pretty)
            }
        };
        let (form, carry) = match ask.shape {
            Shape::Document => (Form::Document { tail: "\n" }, Carry::Length),
            Shape::Sse if route.endpoint == Endpoint::OpenAiResponses => {
                (Form::NamedSse(Eol::Lf), Carry::Chunked)
            }
            Shape::Sse => (Form::Sse(Eol::Lf), Carry::Chunked),
            Shape::Array => (Form::Array, Carry::Chunked),
        };
        let (headers, carry) = match route.host {
            Host::Own => (head::success(ask, (reply, route.endpoint), occasion), carry),
            Host::Google => (gemini::head::head(ask.shape, occasion), Carry::Chunked),
        };
        Said { status: StatusCode::OK, headers, events, form, carry, keep }
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

/// The paths that are served: by which method, as which endpoint, and the id or
/// the name in it.
fn endpoint(path: &str) -> Option<(Served, Endpoint, &str)> {
    use Endpoint::{OpenAi, OpenAiChat, OpenAiCompletions, OpenAiResponses};
    use Served::Post;

    Some(match path {
        "/chat/completions" => (Post(Operation::Generate), OpenAiChat, ""),
        "/completions" => (Post(Operation::Generate), OpenAiCompletions, ""),
        "/responses" => (Post(Operation::Generate), OpenAiResponses, ""),
        "/responses/input_tokens" => (Post(Operation::Count), OpenAiResponses, ""),
        "/embeddings" => (Post(Operation::Embed), OpenAi, ""),
        "/moderations" => (Post(Operation::Moderate), OpenAi, ""),
        "/images/generations" => (Post(Operation::Images), OpenAi, ""),
        "/models" => (Served::Get(Operation::Models), OpenAi, ""),
        _ => match path.strip_prefix("/models/") {
            Some(model) if !model.is_empty() => (Served::Get(Operation::Model), OpenAi, model),
            _ => {
                let (id, rest) = path.strip_prefix("/responses/").map(|rest| match rest.split_once('/') {
                    Some((id, rest)) => (id, rest),
                    None => (rest, ""),
                })?;
                let served = match rest {
                    _ if id.is_empty() || id == "compact" => return None,
                    "" => {
                        Served::GetOrDelete(Operation::Stored(Act::Retrieve), Operation::Stored(Act::Delete))
                    }
                    "input_items" => Served::Get(Operation::Stored(Act::Inputs)),
                    "cancel" => Post(Operation::Stored(Act::Cancel)),
                    _ => return None,
                };
                (served, OpenAiResponses, id)
            }
        },
    })
}

/// Whether Google has it too: chats, vectors, pictures and models.
fn is_at_google(path: &str, endpoint: Endpoint) -> bool {
    match endpoint {
        Endpoint::OpenAiChat => true,
        Endpoint::OpenAi => path != "/moderations",
        _ => false,
    }
}

/// What a path does, by the method.
enum Served {
    Get(Operation),
    Post(Operation),
    GetOrDelete(Operation, Operation),
    Always(Operation),
}

impl Served {
    fn by(self, method: &Method) -> Operation {
        match self {
            Self::Get(operation) | Self::GetOrDelete(operation, _) if *method == Method::GET => operation,
            Self::Post(operation) if *method == Method::POST => operation,
            Self::GetOrDelete(_, operation) if *method == Method::DELETE => operation,
            Self::Always(operation) => operation,
            _ => Operation::WrongMethod,
        }
    }
}

/// OpenAI has no word for a prompt that is blocked: the model declines.
fn blocked(reply: &Reply) -> Option<Reply> {
    let Reply::Generation(Generation { block: Some(_), usage, .. }) = reply else { return None };
    let refusal = Part::Refusal(Deltas::words("I'm sorry, but I can't assist with that.".to_owned()));
    let candidates =
        vec![Candidate { parts: vec![refusal], finish: Finish::Refusal, ..Candidate::default() }];
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

/// An error as an event of a response.
fn flat_error(error: &ApiError) -> Value {
    let inner = &envelope(error)["error"];
    let code = match &inner["code"] {
        Value::Null => &inner["type"],
        code => code,
    };
    json!({
        "type": "error", "sequence_number": 0,
        "code": code, "message": inner["message"], "param": inner["param"],
    })
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
