//! Looking at the journal, and the verdict.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::{Answered, Call, Control, Refused, respond};
use crate::{
    dialect::DIALECTS,
    document::error::{self, Problems},
    journal::{Entry, Source},
    scenario::{compile, expectations::Expectations, file::Operation},
};

/// Entries of one page, where nothing else is said, and at the most.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1_000;

/// The parameters that choose among the entries, besides the session.
const FILTERS: [&str; 8] = ["scenario", "stub", "source", "dialect", "operation", "status", "call", "end"];

/// Whether a value is one that a filter can have at all.
fn check(name: &str, value: &str) -> Result<(), Refused> {
    const ENDS: [&str; 4] = ["complete", "cut", "client_left", "open"];
    let words: Vec<&str> = match name {
        "source" => Source::ALL.iter().map(|source| source.name()).collect(),
        "dialect" => DIALECTS.iter().map(|dialect| dialect.name()).collect(),
        "operation" => Operation::ALL.iter().map(|operation| operation.name()).collect(),
        "end" => ENDS.to_vec(),
        "status" | "call" => {
            let (least, most) = if name == "status" { (0, 999) } else { (1, u64::MAX) };
            let number: Option<u64> = value.parse().ok();
            if number.is_some_and(|number| (least..=most).contains(&number)) {
                return Ok(());
            }
            return Err(Refused::bad(format!("`{name}` is a number from {least} on, not {value:?}")));
        }
        _ => return Ok(()),
    };
    if words.contains(&value) {
        return Ok(());
    }
    Err(Refused::bad(format!("`{name}` is one of {}, not {value:?}", words.join(", "))))
}

/// Which entries are wanted.
pub(super) struct Filter(Vec<(&'static str, String)>);

impl Filter {
    pub(super) fn of(call: &Call<'_>, others: &[&str]) -> Result<Self, Refused> {
        for (name, _) in &call.request.query {
            let is_known = FILTERS.contains(&name.as_str()) || others.contains(&name.as_str());
            if !is_known {
                let known: Vec<_> = others.iter().chain(&FILTERS).copied().collect();
                let meant = error::did_you_mean(name, known.iter().copied());
                let meant = meant.map(|meant| format!(", did you mean `{meant}`?")).unwrap_or_default();
                let message = format!("there is no parameter `{name}`{meant}: {}", known.join(", "));
                return Err(Refused::bad(message));
            }
        }
        for (name, value) in &call.request.query {
            check(name, value)?;
        }
        let given = FILTERS.into_iter().filter_map(|name| Some((name, call.request.query(name)?.to_owned())));
        Ok(Self(given.collect()))
    }

    pub(super) fn takes(&self, entry: &Entry) -> bool {
        self.0.iter().all(|(name, wanted)| match *name {
            "scenario" => entry.answer.stubs.iter().any(|named| named.scenario == *wanted),
            "stub" => entry.is_by(None, wanted),
            "source" => entry.answer.source.name() == wanted,
            "dialect" => entry.route.dialect.name() == wanted,
            "operation" => entry.operation() == wanted,
            "status" => entry.answer.status.to_string() == *wanted,
            "call" => entry.call.to_string() == *wanted,
            _ => entry.end.map_or("open", |(end, _)| end.name()) == wanted,
        })
    }
}

impl Control {
    /// Entries as they are shown.
    pub(super) fn shown(&self, entry: &Entry) -> Value {
        let exchange = self.load();
        entry.json(exchange.matching(), &exchange.settings.keys)
    }

    pub(super) async fn journal(self: &Arc<Self>, call: &Call<'_>) -> Answered {
        let filter = Filter::of(call, &["session", "after", "limit", "follow"])?;
        let after: u64 = call.number("after")?.unwrap_or_default();
        let limit: usize = call.number("limit")?.unwrap_or(PAGE);
        if limit == 0 || limit > LONGEST_PAGE {
            return Err(Refused::bad(format!("`limit` is a number from 1 to {LONGEST_PAGE}")));
        }
        let (control, session) = (Arc::clone(self), call.session.clone());
        let made = tokio::task::spawn_blocking(move || {
            let exchange = control.exchange();
            let mut entries = exchange.journal.entries(session.as_deref());
            entries.retain(|entry| entry.seq > after && filter.takes(entry));
            let is_more = entries.len() > limit;
            entries.truncate(limit);
            let next = entries.last().filter(|_| is_more).map(|last| last.seq);
            let shown: Vec<_> = entries.iter().map(|entry| control.shown(entry)).collect();
            let forgotten = exchange.journal.forgotten();
            let is_meant = |name: &String| session.as_ref().is_none_or(|session| session == name);
            let forgotten: u64 =
                forgotten.iter().filter(|(name, _)| is_meant(name)).map(|(_, count)| count).sum();
            json!({"entries": shown, "next": next, "forgotten": forgotten})
        });
        match made.await {
            Ok(page) => Ok(respond(StatusCode::OK, &page)),
            Err(error) => Err(Refused::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
        }
    }

    pub(super) async fn journal_entry(self: &Arc<Self>, call: &Call<'_>) -> Answered {
        let seq: u64 =
            call.rest.parse().map_err(|_| Refused::unknown(format!("there is no entry {:?}", call.rest)))?;
        let control = Arc::clone(self);
        let found = tokio::task::spawn_blocking(move || {
            let exchange = control.exchange();
            let entries = exchange.journal.entries(None);
            entries.iter().find(|entry| entry.seq == seq).map(|entry| control.shown(entry))
        });
        match found.await.ok().flatten() {
            Some(entry) => Ok(respond(StatusCode::OK, &entry)),
            None => Err(Refused::unknown(format!("there is no entry {seq}: it never was, or has left"))),
        }
    }

    pub(super) async fn verify(self: &Arc<Self>, call: &Call<'_>) -> Answered {
        let extra = match call.request.body.is_empty() {
            true => None,
            false => {
                let name = call.request.query("name").unwrap_or("expectations");
                Some(self.expectations_in(name, &call.request.body)?)
            }
        };
        let verdict = self.patient_verdict(call.session.clone(), extra).await;
        let mut shown = serde_json::to_value(&verdict).unwrap_or_default();
        shown["summary"] = verdict.summary().into();
        shown["text"] = verdict.to_string().into();
        Ok(respond(StatusCode::OK, &shown))
    }

    /// Reads expectations, YAML or JSON.
    pub(super) fn expectations_in(&self, name: &str, text: &[u8]) -> Result<Expectations, Refused> {
        let text = std::str::from_utf8(text).map_err(|_| Refused::bad("the body is no UTF-8 text"))?;
        let source = Arc::new(error::Source { name: name.to_owned(), text: text.to_owned() });
        let expectations = compile::expectations(&source)
            .map_err(|problems| Refused::bad(Problems(problems).to_string()))?;
        let unknown = self.unknown_stubs(&expectations);
        if unknown.is_empty() { Ok(expectations) } else { Err(Refused::bad(Problems(unknown).to_string())) }
    }

    pub(super) fn reset(&self, call: &Call<'_>) -> Answered {
        let exchange = call.exchange;
        match &call.session {
            Some(name) => {
                match exchange.sessions.find(name) {
                    Some(session) => self.forget(Some(&session)),
                    None if call.request.query("session").is_some() => {
                        return Err(Refused::unknown(format!("there is no session {name:?}")));
                    }
                    // A session that resets itself has not begun yet.
                    None => {}
                }
            }
            None => self.forget(None),
        }
        Ok(respond(StatusCode::OK, &json!({"reset": call.session})))
    }
}
