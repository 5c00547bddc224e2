//! Sessions, seeds and the time scale.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{
    super::{body::PlanBody, exchange::Exchange, session::Session},
    Answered, Call, Control, Refused, respond,
};

/// All sessions that have names, and the one that all share.
pub(super) fn list_sessions(exchange: &Exchange) -> Response<PlanBody> {
    let counts = exchange.journal.counts();
    let count = |name: &str| counts.get(name).copied().unwrap_or_default();
    let shared = exchange.sessions.shared();
    let mut all = vec![json!({"name": "", "seed": shared.seed(), "entries": count("")})];
    all.extend(exchange.sessions.list().iter().map(|(session, unused)| {
        let name = session.name();
        json!({
            "name": name, "seed": session.seed(), "entries": count(name),
            "unused": unused.as_secs_f64(),
        })
    }));
    respond(StatusCode::OK, &json!({"sessions": all}))
}

pub(super) fn show_session(exchange: &Exchange, name: &str) -> Answered {
    let session = exchange.sessions.find(name).ok_or_else(|| none(name))?;
    Ok(respond(StatusCode::OK, &shown(exchange, &session)))
}

pub(super) fn end_session(exchange: &Exchange, name: &str) -> Answered {
    if !exchange.sessions.end(name) {
        return Err(none(name));
    }
    exchange.journal.clear(Some(name));
    Ok(respond(StatusCode::OK, &json!({"ended": name})))
}

fn none(name: &str) -> Refused {
    Refused::unknown(format!("there is no session {name:?}"))
}

fn shown(exchange: &Exchange, session: &Session) -> Value {
    let entries = exchange.journal.counts().get(session.name()).copied().unwrap_or_default();
    json!({
        "name": session.name(),
        "seed": session.seed(),
        "states": session.counts().states,
        "entries": entries,
        "has_expectations": session.expectations().is_some(),
    })
}

impl Control {
    /// Makes a session, or changes what it has of its own.
    pub(super) fn put_session(&self, call: &Call<'_>, name: &str) -> Answered {
        let members = match call.request.body.is_empty() {
            true => serde_json::Map::new(),
            false => call.object(&["seed", "expectations"])?,
        };
        let seed = members.get("seed").map(seed_of).transpose()?;
        let expectations = match members.get("expectations") {
            None => None,
            Some(Value::Null) => Some(None),
            Some(value) => Some(Some(self.expectations_in("expectations", value.to_string().as_bytes())?)),
        };
        let is_new = call.exchange.sessions.find(name).is_none();
        let session = call.exchange.sessions.named_so(name.to_owned()).map_err(Refused::bad)?;
        if let Some(seed) = seed {
            session.set_seed(seed);
        }
        if let Some(expectations) = expectations {
            session.expect(expectations);
        }
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Ok(respond(status, &shown(call.exchange, &session)))
    }

    /// The seed of a session, or of the server.
    pub(super) fn seed(&self, call: &Call<'_>) -> u64 {
        let own = call.session.as_ref().and_then(|name| call.exchange.sessions.find(name)?.seed());
        own.unwrap_or(self.load().settings.seed)
    }

    pub(super) fn put_seed(&self, call: &Call<'_>) -> Answered {
        let members = call.object(&["seed"])?;
        let seed = members.get("seed").ok_or_else(|| Refused::bad("`seed` is missing"))?;
        let seed = seed_of(seed)?;
        match &call.session {
            Some(name) => {
                let session = call.exchange.sessions.named_so(name.clone()).map_err(Refused::bad)?;
                session.set_seed(seed);
            }
            None => {
                let seed = seed.ok_or_else(|| Refused::bad("the server needs a seed"))?;
                self.change(|exchange| exchange.settings.seed = seed);
            }
        }
        Ok(respond(StatusCode::OK, &json!({"seed": seed, "session": call.session})))
    }

    pub(super) fn put_time_scale(&self, call: &Call<'_>) -> Answered {
        let members = call.object(&["time_scale"])?;
        let scale = members.get("time_scale").and_then(Value::as_f64);
        let scale = scale.filter(|scale| scale.is_finite() && *scale >= 0.0);
        let scale = scale.ok_or_else(|| Refused::bad("`time_scale` is a number from 0 on, such as 0.1"))?;
        self.change(|exchange| exchange.settings.time_scale = scale);
        Ok(respond(StatusCode::OK, &json!({"time_scale": scale})))
    }
}

/// A seed; null takes a session's own away.
fn seed_of(value: &Value) -> Result<Option<u64>, Refused> {
    match value {
        Value::Null => Ok(None),
        value => value.as_u64().map(Some).ok_or_else(|| Refused::bad("`seed` is a whole number from 0 on")),
    }
}
