//! Answers that are not said here: what was recorded for a request, with what
//! scenarios lay over it, and what is passed on.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    exchange::{Asked, Exchange},
    forward::Pass,
};
use crate::{
    ask::Ask,
    cassette::{
        self, Body,
        deck::{Card, Choice, Deck},
        differ, events,
        key::{Key, Matching, key, secrets_of},
    },
    dialect::{Occasion, Operation, UnknownFields},
    identity::Identity,
    plan::{self, Client, Origin, WirePlan, recorded::Recorded},
    record::address::bare_path,
    request::decode,
    scenario::{
        say,
        stub::{Dress, Kind},
    },
    select::{Layer, Selection, facts::Extent},
};

/// What of a request scenarios need to know.
pub(super) struct Known<'a> {
    pub(super) ask: &'a Ask,
    pub(super) body: &'a Value,
    pub(super) identity: &'a Identity,
}

/// Where an answer comes from that is not said here.
pub(super) enum Elsewhere<'r> {
    /// It was recorded.
    Recording(&'r Deck, Card),
    /// An upstream gives it.
    Upstream(Pass<'r>),
    /// It should have been recorded and was not: why, for people.
    Missing(String),
    /// It is said here.
    Nowhere,
}

impl Exchange {
    /// By what requests are compared, and what is a secret.
    pub(super) fn matching(&self) -> &Matching {
        &self.matching
    }

    /// Where the answer comes from, as the selected stub says, or where there is none.
    pub(super) fn elsewhere<'r>(
        &'r self,
        asked: &Asked<'_>,
        body: &Value,
        selection: &Selection<'r>,
    ) -> Elsewhere<'r> {
        let call = selection.call.unwrap_or_default();
        match selection.layers.last().map(|layer| &layer.reply.kind) {
            Some(Kind::Recorded(recordings)) => match recordings.only {
                Some(card) => Elsewhere::Recording(&recordings.deck, card),
                None => self.deal(asked, body, call, &recordings.deck),
            },
            Some(Kind::Forward(name)) => match self.pass_to(name) {
                Some(pass) => Elsewhere::Upstream(pass),
                None => Elsewhere::Missing(format!("mynah: there is no upstream {name}")),
            },
            None | Some(Kind::Below) => self.unselected(asked, body, call),
            Some(_) => Elsewhere::Nowhere,
        }
    }

    /// Where the answer comes from that no stub gives.
    fn unselected(&self, asked: &Asked<'_>, body: &Value, call: u64) -> Elsewhere<'_> {
        let deck = self.deck.as_ref().filter(|_| self.replays(asked.session.name()));
        let dealt = deck.map_or(Elsewhere::Nowhere, |deck| self.deal(asked, body, call, deck));
        if matches!(dealt, Elsewhere::Recording(..)) {
            return dealt;
        }
        if let Some(pass) = self.pass(asked) {
            return Elsewhere::Upstream(pass);
        }
        if self.records(asked.session.name()) {
            let name = asked.route.dialect.name();
            return Elsewhere::Missing(format!(
                "mynah: there is no upstream {name}: name one by --upstream {name}=URL"
            ));
        }
        let is_own = matches!(asked.route.operation, Operation::Models | Operation::Model | Operation::Count);
        if is_own { Elsewhere::Nowhere } else { dealt }
    }

    /// What these recordings have for a request.
    fn deal<'r>(&self, asked: &Asked<'_>, body: &Value, call: u64, deck: &'r Deck) -> Elsewhere<'r> {
        let known = secrets_of(asked.request);
        let compared = self.compared(asked, body, deck, &known);
        let key = self.key_of(asked, body, deck, &compared);
        let session = asked.session.name();
        let mut counts = asked.session.counts();
        match deck.choose(key, session, call, &mut counts.turns) {
            Choice::Plays(card) => Elsewhere::Recording(deck, card),
            Choice::Exhausted => {
                let text = "mynah: all that was recorded for this request has been played (--repeat miss)";
                Elsewhere::Missing(text.to_owned())
            }
            Choice::Unknown => {
                drop(counts);
                Elsewhere::Missing(missing(deck, &compared))
            }
        }
    }

    /// The key of a request, as it may have been recorded.
    fn key_of(&self, asked: &Asked<'_>, body: &Value, deck: &Deck, compared: &cassette::Asked) -> Key {
        // What its path names an upstream by was recorded with it.
        let bare = decode(bare_path(asked.uri.path(), self.base_path()));
        if bare != compared.path {
            let named = key(&cassette::Asked { path: bare, ..compared.clone() });
            if deck.knows(named) {
                return named;
            }
        }
        let own = key(compared);
        if deck.knows(own) {
            return own;
        }
        // A key that is a word like others stands in texts as such.
        let without = key(&self.compared(asked, body, deck, &[]));
        if deck.knows(without) { without } else { own }
    }

    /// A request as recordings are compared by. Its JSON is spelt already, unless this
    /// server reads requests otherwise than they are recorded.
    fn compared(&self, asked: &Asked<'_>, body: &Value, deck: &Deck, known: &[String]) -> cassette::Asked {
        let is_usual = self.settings.unknown_fields == UnknownFields::Ignored && self.base_path().is_empty();
        if is_usual {
            return deck.matching.compared(self::asked(asked, body), known);
        }
        deck.matching.canonical(self::asked(asked, &Value::Null), known)
    }

    /// The plan of a recording, with what stubs lay over it; in words where it cannot be
    /// read.
    pub(super) fn recorded(
        &self,
        asked: &Asked<'_>,
        known: &Known<'_>,
        layers: &[Layer<'_>],
        (deck, card): (&Deck, Card),
    ) -> Result<WirePlan, String> {
        let interaction =
            deck.take(card).map_err(|problem| format!("mynah: the recording cannot be read:\n{problem}"))?;
        let (response, place) = (&interaction.response, deck.place(card));
        tracing::info!("{}", self.line(asked, response.status().unwrap_or_default(), &format!("by {place}")));
        if !are_plain(layers) || self.settings.rechunk.is_some() {
            return Ok(self.relaid(asked, known, layers, response));
        }
        let (factor, settle) = (self.settings.replay_factor(), self.settings.settle);
        let is_old = asked.request.version < http::Version::HTTP_11;
        let script = match is_old {
            true => response.clone().without_chunks().script(factor, settle),
            false => deck.script(card, &interaction, factor, settle),
        };
        Ok(match self.settings.explains {
            true => response.plan(script, factor),
            false => response.bare_plan(script),
        })
    }

    /// A recorded answer with these stubs laid over it.
    pub(super) fn relaid(
        &self,
        asked: &Asked<'_>,
        known: &Known<'_>,
        layers: &[Layer<'_>],
        recorded: &Recorded,
    ) -> WirePlan {
        let dress = dress_of(layers);
        let scaled = recorded.clone().at_scale(self.settings.replay_factor);
        let (said, recorded) = events::said(&scaled, asked.route.shape);
        let (now, date) = self.clock.now();
        let occasion = Occasion { identity: known.identity, now, date: &date };
        let name = layers.first().map_or("", |layer| &layer.stub.name);
        let request = say::Request { route: asked.route, ask: known.ask, json: known.body, stub: name };
        let scenery = say::Scenery { request, occasion };
        let shape = (said.events.style(), Extent::Whole);
        let stage = self.stage(asked, (&dress, Some(&recorded)), &scenery, shape);
        let plan = plan::staged(said, &stage, (&Origin::new(""), self.settings.marks));
        for layer in layers.first().into_iter().filter(|_| !plan.missed.is_empty()) {
            let missed = plan.missed.join("`, `");
            tracing::warn!("{} {}: nothing is named by `{missed}`", layer.stub.place, layer.stub.name);
        }
        plan.at_scale(self.settings.time_scale)
    }
}

/// A request as recordings have it.
fn asked(asked: &Asked<'_>, body: &Value) -> cassette::Asked {
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

/// What stands beside the replies of several stubs, one laid over the other.
pub(super) fn dress_of<'l>(layers: &[Layer<'l>]) -> Cow<'l, Dress> {
    match layers {
        [only] => Cow::Borrowed(&only.reply.dress),
        _ => Cow::Owned(
            layers.iter().rev().fold(Dress::default(), |below, layer| layer.reply.dress.over(&below)),
        ),
    }
}

/// Whether stubs leave an answer as it is.
pub(super) fn are_plain(layers: &[Layer<'_>]) -> bool {
    layers.iter().all(|layer| layer.reply.dress.pace.is_none() && layer.reply.dress.layers.is_empty())
}

/// Who asked, as far as an answer's head can tell it.
pub(super) fn client(asked: &Asked<'_>) -> Client {
    let host = asked.request.headers.get(http::header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let authority: Option<http::uri::Authority> = host.parse().ok();
    Client {
        host: authority.as_ref().map_or(host, |authority| authority.host()).to_owned(),
        port: authority.and_then(|authority| authority.port_u16()).unwrap_or(80).to_string(),
        path: asked.request.path.clone(),
        is_http10: asked.request.version < http::Version::HTTP_11,
        is_head: asked.request.method == http::Method::HEAD,
        closes: asked.request.headers.get(http::header::CONNECTION).is_some_and(|value| {
            value
                .as_bytes()
                .split(|byte| *byte == b',')
                .any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"))
        }),
    }
}
