//! The line that every request takes, and the only file that knows all of it:
//! collect, identify, answer, plan, play.

use std::fmt;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Body;
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
    plan::{self, WirePlan},
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
        B: Body<Data = Bytes>,
    {
        let (head, body) = incoming.into_parts();
        let mut request = Request::new(head.method, &head.uri, head.headers);
        let is_ours = request.strip_prefix(&self.settings.base_path);
        if let Some(answer) = admin::answer(&request) {
            return answer;
        }
        let route = if is_ours { dialect::identify(&request) } else { Route::nowhere(&request) };
        let plan = match collect(&request, body, self.settings.max_body).await {
            Ok(body) => {
                request.body = body;
                self.plan(&route, &request)
            }
            Err(problem) => self.refuse(&route, &request, &self.unread(&route, &problem), None),
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
            Ok(ask) => self.reply(route, request, &ask, &body),
            Err(error) => self.refuse(route, request, &error, Some(&body)),
        }
    }

    fn reply(&self, route: &Route, request: &Request, ask: &Ask, body: &Value) -> WirePlan {
        let reply = answer::built_in(ask);
        let said =
            self.say(route, request, Some(body), |occasion| route.dialect.say(route, ask, &reply, occasion));
        tracing::info!("{}", line(request, route, said.status));
        plan::plan(said, "built-in", self.settings.marks)
    }

    fn refuse(&self, route: &Route, request: &Request, error: &ApiError, body: Option<&Value>) -> WirePlan {
        let said = self.say(route, request, body, |occasion| route.dialect.say_error(route, error, occasion));
        // The message about a wrong key shows a part of it.
        let reason =
            if matches!(error.status, 401 | 403) { "the caller's key" } else { error.message.trim() };
        tracing::warn!("{}: {}", line(request, route, said.status), reason.escape_debug());
        plan::plan(said, "refusal", self.settings.marks)
    }

    /// Says something on this occasion: now, and as whom the request makes it.
    fn say(
        &self,
        route: &Route,
        request: &Request,
        body: Option<&Value>,
        say: impl FnOnce(&Occasion<'_>) -> Said,
    ) -> Said {
        let body = body.filter(|body| !body.is_null());
        let fingerprint = Fingerprint::new(route.dialect.name(), request, body);
        let nth = match self.settings.ids {
            Ids::Counted => self.session.count(fingerprint),
            Ids::ByRequest => 0,
        };
        let identity = Identity::new(self.settings.seed, fingerprint, nth);
        let (now, date) = self.clock.now();
        say(&Occasion { identity: &identity, now, date: &date })
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
        Operation::Generate | Operation::Count => {}
        Operation::Models | Operation::Model | Operation::WrongMethod | Operation::Unknown => {
            return Ok(Value::Null);
        }
    }
    if request.body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(&request.body)
        .map_err(|error| route.dialect.not_json(route, &request.body, &error))
}

/// What a log says of a request. Keys are not in it, nor line breaks.
fn line(request: &Request, route: &Route, status: StatusCode) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        let target = request.target();
        let (dialect, operation) = (route.dialect.name(), route.operation.name());
        write!(f, "{} {} {} {dialect} {operation}", request.method, target.escape_debug(), status.as_u16())
    })
}

fn play(plan: WirePlan) -> Response<PlanBody> {
    let (status, headers) = (plan.status, plan.headers);
    let mut response = Response::new(PlanBody::new(plan.body, plan.ends, plan.carry));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
