//! The line that every request takes, and the only file that knows all of it:
//! collect, identify, answer, plan, play.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use super::{
    Ids, Settings, admin,
    body::{PlanBody, Uncollected, collect},
    clock::Clock,
    session::Session,
};
use crate::{
    answer,
    ask::Ask,
    dialect::{self, Occasion, Operation, Route, event::Said},
    identity::{Fingerprint, Identity},
    plan::{self, Origin, WirePlan},
    redact::redact,
    reply::ApiError,
    request::Request,
};

/// All that is needed to answer a request.
#[derive(Debug)]
pub(super) struct Exchange {
    settings: Settings,
    clock: Clock,
    session: Session,
}

impl Exchange {
    pub(super) fn new(settings: Settings) -> Self {
        Self { clock: Clock::new(settings.clock), settings, session: Session::default() }
    }

    pub(super) fn base_path(&self) -> &str {
        &self.settings.base_path
    }

    /// One request, one answer.
    pub(super) async fn answer<B>(&self, incoming: http::Request<B>) -> Response<PlanBody>
    where
        B: http_body::Body<Data = Bytes>,
    {
        let (head, body) = incoming.into_parts();
        let mut request = Request::new(head.method, &head.uri, head.headers);
        let is_ours = request.strip_prefix(&self.settings.base_path);
        if let Some(answer) = admin::answer(&request) {
            return answer;
        }
        let mut route = dialect::identify(&request);
        if !is_ours {
            route.operation = Operation::Unknown;
        }
        let plan = match collect(&request, body, self.settings.max_body).await {
            Ok(body) => {
                request.body = body;
                self.plan(&route, &request)
            }
            Err(problem) => self.refuse(&route, &request, &self.unread(&route, &problem), Body::Unread),
        };
        play(plan)
    }

    /// What goes on the wire for a request that was read in full.
    fn plan(&self, route: &Route, request: &Request) -> WirePlan {
        let mut body = Value::Null;
        let read = self.admit(route, request).and_then(|()| json(route, request)).and_then(|json| {
            body = json;
            route.dialect.read(route, request, &mut body)
        });
        match read {
            Ok(ask) => self.reply(route, request, &ask, Body::Read(&body)),
            Err(error) => self.refuse(route, request, &error, Body::Read(&body)),
        }
    }

    fn reply(&self, route: &Route, request: &Request, ask: &Ask, body: Body<'_>) -> WirePlan {
        let reply = answer::built_in(ask);
        let kind = route.dialect.name();
        let said = self.say(kind, request, body, |occasion| route.dialect.say(route, ask, &reply, occasion));
        tracing::info!("{}", self.line(request, route, said.status, ""));
        plan::plan(said, &Origin::new("built-in"), self.settings.marks)
    }

    fn refuse(&self, route: &Route, request: &Request, error: &ApiError, body: Body<'_>) -> WirePlan {
        // A refused request is another than the same one accepted.
        let kind = format!("{} {}", route.dialect.name(), error.status);
        let said = self.say(&kind, request, body, |occasion| route.dialect.say_error(route, error, occasion));
        let reason = self.reason(request, route, error);
        tracing::warn!("{}", self.line(request, route, said.status, &reason));
        plan::plan(said, &Origin::new("refusal"), self.settings.marks)
    }

    /// Why a request was refused, for the log, with a hint where the API's own
    /// words do not help.
    fn reason<'a>(&self, request: &Request, route: &Route, error: &'a ApiError) -> Cow<'a, str> {
        // The lines behind the first show pieces of the body, keys and all.
        let message = error.message.lines().next().unwrap_or_default();
        match (error.status, route.operation) {
            // The message about a wrong key shows a part of it.
            (401 | 403, _) if request.credentials().next().is_none() => "no key was sent".into(),
            (401 | 403, _) => "the key is none of those that are accepted".into(),
            (_, Operation::Unknown) if !self.settings.base_path.is_empty() => {
                format!("{message} (mynah serves no such path under {})", self.settings.base_path).into()
            }
            (_, Operation::Unknown) => format!("{message} (mynah serves no such path)").into(),
            _ => message.into(),
        }
    }

    /// Says something on this occasion: now, and as whom the request makes it.
    fn say(
        &self,
        kind: &str,
        request: &Request,
        body: Body<'_>,
        say: impl FnOnce(&Occasion<'_>) -> Said,
    ) -> Said {
        let json = match body {
            Body::Read(json) if !json.is_null() => Some(json),
            _ => None,
        };
        let fingerprint = Fingerprint::new(kind, request, json);
        let nth = match (self.settings.ids, body) {
            (Ids::Counted, Body::Read(_)) => self.session.count(fingerprint),
            // What was not read cannot be told from others of its kind.
            (Ids::Counted, Body::Unread) | (Ids::ByRequest, _) => 0,
        };
        let identity = Identity::new(self.settings.seed, fingerprint, nth);
        let (now, date) = self.clock.now();
        say(&Occasion { identity: &identity, now, date: &date })
    }

    /// What a log says of a request: one line of bounded length, without keys.
    fn line(&self, request: &Request, route: &Route, status: StatusCode, reason: &str) -> impl fmt::Display {
        fmt::from_fn(move |f| {
            const LONGEST: usize = 300;
            let shown = |text: &str| {
                // Redacted first: the beginning of a key is not known as one.
                let redacted = redact(text, &self.settings.keys);
                // One line, whatever is in it.
                redacted.chars().take(LONGEST).collect::<String>().replace(char::is_control, " ")
            };
            let (target, status) = (shown(&request.target()), status.as_u16());
            let (dialect, operation) = (route.dialect.name(), route.operation.name());
            write!(f, "{} {target} {status} {dialect} {operation}", request.method)?;
            if reason.is_empty() { Ok(()) } else { write!(f, ": {}", shown(reason)) }
        })
    }

    /// Whether the caller has a key that is accepted.
    fn admit(&self, route: &Route, request: &Request) -> Result<(), ApiError> {
        let keys = &self.settings.keys;
        let is_right = |secret: &str| keys.iter().any(|key| key == secret);
        if keys.is_empty() || request.credentials().any(|credential| is_right(credential.secret())) {
            return Ok(());
        }
        Err(route.dialect.wrong_key(route, request.credentials().next()))
    }

    fn unread(&self, route: &Route, problem: &Uncollected) -> ApiError {
        match problem {
            Uncollected::TooLarge => route.dialect.too_large(self.settings.max_body),
            Uncollected::Broken => ApiError::new(400, "The body of the request could not be read."),
        }
    }
}

/// The body as JSON, where the operation takes one; an empty body is an empty
/// object.
fn json(route: &Route, request: &Request) -> Result<Value, ApiError> {
    match route.operation {
        Operation::Generate | Operation::Count | Operation::Embed | Operation::Images => {}
        Operation::Models
        | Operation::Model
        | Operation::Unserved(_)
        | Operation::WrongMethod
        | Operation::Unknown => {
            return Ok(Value::Null);
        }
    }
    if request.body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(&request.body)
        .map_err(|error| route.dialect.not_json(route, &request.body, &error))
}

/// A request's body, as far as it was read.
#[derive(Clone, Copy)]
enum Body<'a> {
    /// As JSON; null where there is none, or it is not JSON.
    Read(&'a Value),
    /// It was too large, or ended early.
    Unread,
}

fn play(plan: WirePlan) -> Response<PlanBody> {
    let (status, headers) = (plan.status, plan.headers);
    let mut response = Response::new(PlanBody::new(plan.body, plan.ends, plan.carry));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
