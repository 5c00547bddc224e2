//! The server's own endpoints, under `/__mynah/`: what they are called, who may ask,
//! and how they answer. `openapi.json` describes them all.

mod follow;
mod journal;
mod scenarios;
mod sessions;
mod state;

use std::{collections::BTreeMap, error::Error, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, Uri, header};
use http_body::Body;
use serde_json::{Value, json};

use super::{
    body::{PlanBody, collect},
    exchange::Exchange,
    link::Link,
    metrics::{CONTENT_TYPE, Gauges},
    session::Session,
    socket::Socket,
    unfit::Unfit,
};
use crate::{dialect::event::Carry, document::error::did_you_mean, request::Request};
pub(super) use state::Control;

const ROOT: &str = "/__mynah/";

/// All of the endpoints, for machines and people.
const OPENAPI: &str = include_str!("openapi.json");

/// Where a token may stand besides `Authorization: Bearer`.
const TOKEN: &str = "x-mynah-token";

/// Whether a request is for the server itself.
pub(super) fn is_meant(request: &Request) -> bool {
    request.path.starts_with(ROOT)
}

/// What an endpoint is asked.
struct Call<'a> {
    exchange: &'a Exchange,
    request: &'a Request,
    /// What stands behind the endpoint's name in the path.
    rest: &'a str,
    /// The session that is meant; `None`: all.
    session: Option<String>,
}

/// What an endpoint says: a status and JSON, or a problem.
type Answered = Result<Response<PlanBody>, Refused>;

/// Why an endpoint does not do what it is asked.
struct Refused(StatusCode, Value);

impl Refused {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self(status, json!({"error": {"message": message.into()}}))
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    fn unknown(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }
}

/// The endpoints and their methods.
const ENDPOINTS: [(&str, &str); 16] = [
    ("events", "GET"),
    ("health", "GET"),
    ("journal", "GET"),
    ("journal/SEQ", "GET"),
    ("metrics", "GET"),
    ("openapi.json", "GET"),
    ("reset", "POST"),
    ("scenarios", "GET, POST"),
    ("scenarios/NAME", "GET, PUT, DELETE"),
    ("seed", "GET, PUT"),
    ("sessions", "GET"),
    ("sessions/NAME", "GET, PUT, DELETE"),
    ("shutdown", "POST"),
    ("time-scale", "GET, PUT"),
    ("verify", "GET, POST"),
    ("version", "GET"),
];

impl Control {
    /// Answers a request for the server itself.
    pub(super) async fn answer<B, S>(
        self: &Arc<Self>,
        exchange: &Exchange,
        mut request: Request,
        session: Result<Arc<Session>, String>,
        body: B,
        link: &Link<S>,
    ) -> Response<PlanBody>
    where
        B: Body<Data = Bytes, Error: Error + Send + Sync + 'static> + Send + 'static,
        S: Socket,
    {
        link.leave_journal();
        let session = match session {
            Ok(session) => session,
            Err(problem) => return refuse(&problem),
        };
        if let Err(refused) = self.admit(&request) {
            return refused.response();
        }
        match collect(&request, body, &exchange.limits()).await {
            Ok(body) => request.body = body,
            Err(Unfit::TooLarge) => {
                let problem = format!("the body is longer than {} bytes", exchange.settings.max_body);
                return Refused::new(StatusCode::PAYLOAD_TOO_LARGE, problem).response();
            }
            Err(_) => return Refused::bad("the body of the request could not be read").response(),
        }
        let named = request.query("session").map(str::to_owned);
        let by_head = Some(session.name()).filter(|name| !name.is_empty()).map(str::to_owned);
        let path = request.path[ROOT.len()..].to_owned();
        let (endpoint, rest) = path.split_once('/').unwrap_or((&path, ""));
        let call = Call { exchange, request: &request, rest, session: named.or(by_head) };
        if let Err(refused) = call.knows_parameters(endpoint) {
            return refused.response();
        }
        let follows = endpoint == "events" || (endpoint == "journal" && call.flag("follow"));
        if follows && request.method == Method::GET && rest.is_empty() {
            return match follow::start(&call) {
                Ok(follower) => self.follow(follower, exchange, link).await,
                Err(refused) => refused.response(),
            };
        }
        self.endpoint(endpoint, &call).await.unwrap_or_else(Refused::response)
    }

    async fn endpoint(self: &Arc<Self>, endpoint: &str, call: &Call<'_>) -> Answered {
        let method = if call.request.method == Method::HEAD { &Method::GET } else { &call.request.method };
        match (endpoint, call.rest, method.as_str()) {
            ("health", "", "GET") => Ok(respond(
                StatusCode::OK,
                &json!({"status": "ok", "name": "mynah", "version": env!("CARGO_PKG_VERSION")}),
            )),
            ("version", "", "GET") => {
                Ok(respond(StatusCode::OK, &json!({"name": "mynah", "version": env!("CARGO_PKG_VERSION")})))
            }
            ("openapi.json", "", "GET") => Ok(text(StatusCode::OK, "application/json", OPENAPI)),
            ("metrics", "", "GET") => Ok(text(StatusCode::OK, CONTENT_TYPE, &metrics(call.exchange))),
            ("journal", "", "GET") => self.journal(call).await,
            ("journal", _, "GET") => self.journal_entry(call).await,
            ("verify", "", "GET" | "POST") => self.verify(call).await,
            ("reset", "", "POST") => self.reset(call),
            ("scenarios", "", "GET") => Ok(self.list_scenarios()),
            ("scenarios", "", "POST") => self.add_scenarios(call),
            ("scenarios", name, "GET") if !name.is_empty() => self.show_scenario(name),
            ("scenarios", name, "PUT") if !name.is_empty() => self.replace_scenario(call, name),
            ("scenarios", name, "DELETE") if !name.is_empty() => self.remove_scenario(name),
            ("sessions", "", "GET") => Ok(list_sessions(call.exchange)),
            ("sessions", name, "GET") if !name.is_empty() => show_session(call.exchange, name),
            ("sessions", name, "PUT") if !name.is_empty() => self.put_session(call, name),
            ("sessions", name, "DELETE") if !name.is_empty() => end_session(call.exchange, name),
            ("seed", "", "GET") => Ok(respond(StatusCode::OK, &json!({"seed": self.seed(call)}))),
            ("seed", "", "PUT") => self.put_seed(call),
            ("time-scale", "", "GET") => {
                Ok(respond(StatusCode::OK, &json!({"time_scale": self.load().settings.time_scale})))
            }
            ("time-scale", "", "PUT") => self.put_time_scale(call),
            ("shutdown", "", "POST") => {
                self.shut_down();
                Ok(respond(StatusCode::ACCEPTED, &json!({"status": "shutting down"})))
            }
            _ => Err(unknown(endpoint, call.rest)),
        }
    }

    /// Whether the caller may ask.
    fn admit(&self, request: &Request) -> Result<(), Refused> {
        let endpoint = &request.path[ROOT.len()..];
        // What tells nothing is open: whoever checks health needs to know nothing.
        if matches!(endpoint, "health" | "version") {
            return Ok(());
        }
        let forbidden = |message: String| Refused::new(StatusCode::FORBIDDEN, message);
        let host = request.header("host").unwrap_or_default();
        if !self.knows_host(host) {
            return Err(forbidden(format!(
                "the host {host:?} is none of this server's: start with --allow-host to name more"
            )));
        }
        if request.headers.contains_key(header::ORIGIN) {
            let origin = request.header("origin").unwrap_or_default();
            let uri: Option<Uri> = origin.parse().ok();
            let authority = uri.as_ref().and_then(Uri::authority).map(|authority| authority.as_str());
            if !authority.is_some_and(|authority| authority == host || self.is_own_origin(authority)) {
                return Err(forbidden(format!("the origin {origin:?} may not ask this")));
            }
        }
        let Some(token) = self.token() else { return Ok(()) };
        let bearer = request.header("authorization").and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token)
        });
        let given = [bearer, request.header(TOKEN)];
        if given.into_iter().flatten().any(|given| is_equal(given.trim(), token)) {
            return Ok(());
        }
        let problem = format!("a token is needed: Authorization: Bearer TOKEN, or {TOKEN}: TOKEN");
        Err(Refused::new(StatusCode::UNAUTHORIZED, problem))
    }
}

/// Compares in a time that tells nothing of where they differ.
fn is_equal(one: &str, other: &str) -> bool {
    let difference = one.bytes().zip(other.bytes()).fold(0, |sum, (one, other)| sum | (one ^ other));
    one.len() == other.len() && difference == 0
}

/// Whether a path is an endpoint's, by its name in the list.
fn is_endpoint(name: &str, (endpoint, rest): (&str, &str)) -> bool {
    match name.split_once('/') {
        Some((name, _)) => name == endpoint && !rest.is_empty(),
        None => name == endpoint && rest.is_empty(),
    }
}

fn unknown(endpoint: &str, rest: &str) -> Refused {
    let known = ENDPOINTS.iter().find(|(known, _)| is_endpoint(known, (endpoint, rest)));
    let path = format!("{ROOT}{endpoint}{}{rest}", if rest.is_empty() { "" } else { "/" });
    match known {
        Some((_, methods)) => Refused(
            StatusCode::METHOD_NOT_ALLOWED,
            json!({"error": {"message": format!("{path} answers {methods}"), "allow": methods}}),
        ),
        None => {
            let endpoints: BTreeMap<_, _> =
                ENDPOINTS.iter().map(|(name, methods)| (format!("{ROOT}{name}"), *methods)).collect();
            let message = format!("there is no {path}");
            Refused(StatusCode::NOT_FOUND, json!({"error": {"message": message}, "endpoints": endpoints}))
        }
    }
}

fn metrics(exchange: &Exchange) -> String {
    exchange.metrics.text(&Gauges {
        streams: exchange.streams.count(),
        sessions: exchange.sessions.list().len() as u64,
        misses: exchange.misses.load(std::sync::atomic::Ordering::Relaxed),
        journal: exchange.journal.fullness(),
    })
}

use sessions::{end_session, list_sessions, show_session};

impl Call<'_> {
    /// Whether all parameters are such as the endpoint has: one that is misspelt would
    /// reach further than it was meant to.
    fn knows_parameters(&self, endpoint: &str) -> Result<(), Refused> {
        let known: &[&str] = match (endpoint, self.rest) {
            // These say more of what they know.
            ("journal" | "events", "") => return Ok(()),
            ("verify", _) => &["session", "name"],
            ("scenarios", "") => &["name"],
            ("reset" | "seed", _) => &["session"],
            _ => &[],
        };
        let is_known = ENDPOINTS.iter().any(|(name, methods)| {
            is_endpoint(name, (endpoint, self.rest)) && methods.contains(self.request.method.as_str())
        });
        if !is_known {
            // That is told instead.
            return Ok(());
        }
        let other = self.request.query.iter().find(|(name, _)| !known.contains(&name.as_str()));
        let Some((other, _)) = other else { return Ok(()) };
        let meant = did_you_mean(other, known.iter().copied());
        let meant = meant.map(|meant| format!(", did you mean `{meant}`?")).unwrap_or_default();
        Err(Refused::bad(format!("there is no parameter `{other}` of /__mynah/{endpoint}{meant}")))
    }

    /// Whether a parameter is there, and does not say no.
    fn flag(&self, name: &str) -> bool {
        self.request.query(name).is_some_and(|value| !matches!(value, "false" | "0"))
    }

    /// A parameter that is a number.
    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Refused> {
        let Some(given) = self.request.query(name) else { return Ok(None) };
        given.parse().map(Some).map_err(|_| Refused::bad(format!("`{name}` is a number, not {given:?}")))
    }

    /// The body as a JSON object with no other keys than these.
    fn object(&self, keys: &[&str]) -> Result<serde_json::Map<String, Value>, Refused> {
        let expected = || format!("expected a JSON object with {}", keys.join(" or "));
        let value: Value = serde_json::from_slice(&self.request.body)
            .map_err(|error| Refused::bad(format!("{}: {error}", expected())))?;
        let Value::Object(members) = value else { return Err(Refused::bad(expected())) };
        match members.keys().find(|key| !keys.contains(&key.as_str())) {
            Some(other) => Err(Refused::bad(format!("{}, found {other:?}", expected()))),
            None => Ok(members),
        }
    }
}

/// The refusal of a request that names its session wrongly.
pub(super) fn refuse(problem: &str) -> Response<PlanBody> {
    Refused::bad(format!("mynah: {problem}")).response()
}

impl Refused {
    fn response(self) -> Response<PlanBody> {
        let mut response = respond(self.0, &self.1);
        if self.0 == StatusCode::METHOD_NOT_ALLOWED
            && let Some(allow) = self.1["error"]["allow"].as_str().and_then(|allow| allow.parse().ok())
        {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        if self.0 == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

fn respond(status: StatusCode, body: &Value) -> Response<PlanBody> {
    text(status, "application/json", &format!("{body}\n"))
}

fn text(status: StatusCode, kind: &'static str, body: &str) -> Response<PlanBody> {
    let (body, ends) = (Bytes::copy_from_slice(body.as_bytes()), vec![body.len()]);
    let mut response = Response::new(PlanBody::new(body, ends, Carry::Length));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
