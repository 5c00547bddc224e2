//! What is said to requests that get no answer: in their dialect's own words.

use std::{borrow::Cow, sync::atomic::Ordering};

use http::HeaderValue;
use serde_json::Value;

use super::{
    exchange::{Answer, Asked, Body, Exchange},
    record::By,
    unfit::Unfit,
};
use crate::{
    dialect::{Operation, Route},
    journal::Source,
    plan::{self, Origin, WirePlan},
    reply::ApiError,
    request::Request,
};

impl Exchange {
    /// Nothing answers: in the dialect's own words, with a status that no SDK
    /// tries again.
    pub(super) fn miss(&self, asked: &Asked<'_>, message: &str, body: &Value) -> WirePlan {
        self.misses.fetch_add(1, Ordering::Relaxed);
        let dialect = asked.route.dialect;
        let error = dialect.miss(message);
        let said = self.say("miss", asked, Body::Read(body), |occasion| {
            dialect.say_error(asked.route, &error, occasion)
        });
        tracing::warn!("{}", self.line(asked, 404, "nothing answers").with_lines(message));
        plan::plan(said, &Origin::new("miss"), self.settings.marks)
    }

    pub(super) fn refuse(&self, asked: &Asked<'_>, error: &ApiError, body: Body<'_>) -> WirePlan {
        // A refused request is another than the same one accepted.
        let dialect = asked.route.dialect;
        let kind = format!("{} {}", dialect.name(), error.status);
        let said = self.say(&kind, asked, body, |occasion| dialect.say_error(asked.route, error, occasion));
        let reason = self.reason(asked, error);
        tracing::warn!("{}", self.line(asked, said.status.as_u16(), &reason));
        plan::plan(said, &Origin::new("refusal"), self.settings.marks)
    }

    /// Why a request was refused, for the log, with a hint where the API's own
    /// words do not help.
    fn reason<'a>(&self, asked: &Asked<'_>, error: &'a ApiError) -> Cow<'a, str> {
        // The lines behind the first show pieces of the body, keys and all.
        let message = error.message.lines().next().unwrap_or_default();
        match (error.status, asked.route.operation) {
            // The message about a wrong key shows a part of it.
            (401 | 403, _) if asked.request.credentials().next().is_none() => "no key was sent".into(),
            (401 | 403, _) => "the key is none of those that are accepted".into(),
            (404, Operation::Unknown) if !self.settings.base_path.is_empty() => {
                format!("{message} (mynah serves no such path under {})", self.settings.base_path).into()
            }
            (404, Operation::Unknown | Operation::Unserved(_)) => {
                format!("{message} (mynah serves no such path)").into()
            }
            _ => message.into(),
        }
    }

    /// Whether the caller has a key that is accepted.
    pub(super) fn admit(&self, route: &Route, request: &Request) -> Result<(), ApiError> {
        let keys = &self.settings.keys;
        let is_right = |secret: &str| keys.iter().any(|key| key == secret);
        if keys.is_empty() || request.credentials().any(|credential| is_right(credential.secret())) {
            return Ok(());
        }
        Err(route.dialect.wrong_key(route, request.credentials().next()))
    }

    /// The refusal of a request that could not be read.
    pub(super) fn unread(&self, asked: &Asked<'_>, unfit: Unfit) -> Answer {
        let error = unfit.error(asked.route, self.settings.max_body);
        let mut plan = self.refuse(asked, &error, Body::Unread);
        if unfit.closes() {
            plan.headers.insert(http::header::CONNECTION, HeaderValue::from_static("close"));
        }
        Answer { plan, attempt: None, by: By::new(Source::Refusal).why(error.message) }
    }
}
