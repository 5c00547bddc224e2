//! What was recorded for a request, where no stub answers it.

use serde_json::Value;

use super::exchange::{Asked, Exchange};
use crate::{
    cassette::{
        self, Body,
        deck::{Card, Choice, Deck},
        differ,
        key::{key, secrets_of},
    },
    dialect::Operation,
    plan::WirePlan,
};

/// What the recordings have for a request.
pub(super) enum Dealt {
    /// This goes on the wire.
    Plays(WirePlan),
    /// Nothing, and this tells what they have instead.
    Missing(String),
}

impl Exchange {
    /// What was recorded for a request; `None` where nothing is replayed, or it is of
    /// those that are built in.
    pub(super) fn deal(&self, asked: &Asked<'_>, body: &Value, call: u64) -> Option<Dealt> {
        let deck = self.deck.as_ref().filter(|_| self.replays(asked.session.name()))?;
        let compared = deck.matching.compared(self::asked(asked, body), &secrets_of(asked.request));
        let session = asked.session.name();
        let choice = deck.choose(key(&compared), session, call, &mut asked.session.counts().turns);
        let is_own = matches!(asked.route.operation, Operation::Models | Operation::Model | Operation::Count);
        match choice {
            Choice::Plays(card) => Some(self.recorded(asked, deck, card)),
            _ if is_own => None,
            Choice::Exhausted => {
                let text = "mynah: all that was recorded for this request has been played (--repeat miss)";
                Some(Dealt::Missing(text.to_owned()))
            }
            Choice::Unknown => Some(Dealt::Missing(missing(deck, &compared))),
        }
    }

    fn recorded(&self, asked: &Asked<'_>, deck: &Deck, card: Card) -> Dealt {
        let interaction = match deck.take(card) {
            Ok(interaction) => interaction,
            Err(problem) => return Dealt::Missing(format!("mynah: the recording cannot be read:\n{problem}")),
        };
        let place = deck.place(card);
        let (factor, settle) = (self.settings.replay_factor(), self.settings.settle);
        let response = &interaction.response;
        tracing::info!("{}", self.line(asked, response.status().unwrap_or_default(), &format!("by {place}")));
        let is_old = asked.request.version < http::Version::HTTP_11;
        let script = match is_old {
            true => response.clone().without_chunks().script(factor, settle),
            false => deck.script(card, &interaction, factor, settle),
        };
        Dealt::Plays(match self.settings.explains {
            true => response.plan(script, factor),
            false => response.bare_plan(script),
        })
    }
}

/// A request as recordings have it.
pub(super) fn asked(asked: &Asked<'_>, body: &Value) -> cassette::Asked {
    let request = asked.request;
    let body = match body {
        _ if request.body.is_empty() => Body::None,
        Value::Object(_) | Value::Array(_) => Body::Json(body.clone()),
        _ => Body::read(request.header("content-type"), &request.body),
    };
    cassette::Asked {
        method: request.method.as_str().to_owned(),
        path: request.path.clone(),
        query: request.query.clone(),
        headers: Vec::new(),
        body,
    }
}

/// Which recording is nearest, and what differs.
fn missing(deck: &Deck, compared: &cassette::Asked) -> String {
    match deck.nearest(compared) {
        None => "mynah: there are no recordings".to_owned(),
        Some((place, differences)) if differences.is_empty() => {
            format!("mynah: this request is not recorded in this session; it is at {place}")
        }
        Some((place, differences)) => format!(
            "mynah: this request is not recorded. The nearest is at {place}; it differs in\n{}",
            differ::lines(&differences)
        ),
    }
}
