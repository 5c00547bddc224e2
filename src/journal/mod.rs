//! What came, what left, when, and how it ended: the exchanges of a server, and the
//! judgement of the client that made them.
//!
//! A server keeps its exchanges and hands them out as [`Entry`]s. [`calls`] says which
//! of them are attempts of one call, [`hint`] what a client was told about coming back,
//! and [`judge`](mod@judge) holds them against what was expected, which makes a
//! [`Verdict`].

pub mod calls;
pub mod check;
pub mod gaps;
pub mod hint;
pub mod judge;
mod same;
pub mod show;
pub mod verdict;

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    ask::Ask,
    dialect::{self, Heard, Operation, Route, UnknownFields},
    identity::{Fingerprint, Payload},
    request::Request,
    select::{
        counts::Signs,
        facts::{Connection, Extent, Facts},
    },
};
pub use hint::Hint;
pub use judge::{Judge, judge};
pub use verdict::Verdict;

/// One exchange. Times run from the server's start.
#[derive(Clone, Debug)]
pub struct Entry {
    /// In the order of arrival, counted from 1.
    pub seq: u64,
    /// The session's name; empty for the one that all share.
    pub session: String,
    /// When its first byte was read, by the wall clock.
    pub began: Timestamp,
    /// When its first byte was read.
    pub came: Duration,
    /// When all of it that was waited for had been read.
    pub read: Duration,
    /// The connection, and the how-manieth request on it this is.
    pub connection: Connection,
    /// What was asked. Secrets are in it: it is shown by [`Entry::json`] alone.
    pub request: Request,
    /// How long its body is, where less of it is kept.
    pub body_length: u64,
    /// What equal requests share, where the body is not kept.
    pub fingerprint: Option<Fingerprint>,
    /// Where it leads.
    pub route: Route,
    /// What answered.
    pub answer: Answer,
    /// What left, and when: the first of it.
    pub writes: Vec<(Duration, u64)>,
    /// Writes that were counted, and are not listed.
    pub more_writes: u64,
    /// Bytes that left, heads and framing included.
    pub sent: u64,
    /// When the last of them left.
    pub last: Option<Duration>,
    /// How it ended, and when; `None` while it is under way.
    pub end: Option<(End, Duration)>,
    /// When the client closed the connection, where no other request came on it before.
    pub gone: Option<(Gone, Duration)>,
    /// The call that it is an attempt of, counted from 1 in its session.
    pub call: u64,
    /// The how-manieth attempt of it.
    pub attempt: u64,
}

/// What answered, and why.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// What gave it.
    pub source: Source,
    /// Why it was that, in words.
    pub why: String,
    /// The stubs that took part, from above.
    pub stubs: Vec<Named>,
    /// Where its variation came from.
    pub seed: u64,
    /// The HTTP status.
    pub status: u16,
    /// What it told about coming back.
    pub hint: Option<Hint>,
    /// Places of faults that named nothing.
    pub missed: Vec<String>,
    /// The hash of its body as it was meant.
    pub payload: Option<Payload>,
}

/// What gives an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Source {
    /// Nothing of the user's.
    #[default]
    BuiltIn,
    /// A stub.
    Stub,
    /// A recording.
    Recording,
    /// The real API.
    Upstream,
    /// The rules of the real API: the request breaks them.
    Refusal,
    /// Nothing.
    Miss,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::BuiltIn, Self::Stub, Self::Recording, Self::Upstream, Self::Refusal, Self::Miss];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Stub => "stub",
            Self::Recording => "recording",
            Self::Upstream => "upstream",
            Self::Refusal => "refusal",
            Self::Miss => "miss",
        }
    }
}

/// A stub by its names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The scenario's.
    pub scenario: String,
    /// Its own.
    pub stub: String,
    /// Where it stands.
    pub place: String,
    /// Which reply of its list it gave, counted from 1.
    pub reply: u64,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The answer left in full.
    Complete,
    /// The plan, or the upstream, cut it off so: `close`, `reset`, `half_close`.
    Cut(&'static str),
    /// The client closed the connection before.
    Left,
}

impl End {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Cut(_) => "cut",
            Self::Left => "client_left",
        }
    }
}

/// How a client closed a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// By FIN.
    Closed,
    /// By RST.
    Reset,
}

impl Gone {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "close",
            Self::Reset => "reset",
        }
    }
}

/// What is understood of a request.
pub struct Understood {
    /// What is asked.
    pub ask: Ask,
    /// Its body as JSON; null where it is none.
    pub json: serde_json::Value,
    /// What equal requests share.
    pub fingerprint: Fingerprint,
}

/// Understands a request as well as it can be, as the server did.
pub fn understand(route: &Route, request: &Request) -> Understood {
    let mut json = serde_json::from_slice(&request.body).unwrap_or_default();
    let heard = Heard { route, request, recalled: &[], unknown: UnknownFields::Ignored };
    let read = route.dialect.read(&heard, &mut json);
    let ask = read.unwrap_or_else(|_| route.dialect.guess(route, &json));
    let known = Some(&json).filter(|json| !json.is_null());
    let fingerprint = Fingerprint::new(route.dialect.name(), request, known);
    Understood { ask, json, fingerprint }
}

impl Entry {
    /// By what it shows which call it belongs to.
    pub fn signs(&self) -> Signs {
        let own = || understand(&self.route, &self.request).fingerprint;
        Signs::new(&self.request, self.fingerprint.unwrap_or_else(own))
    }

    /// Asks something about the request as conditions see it.
    pub fn with_facts<T>(&self, ask: impl FnOnce(&Facts<'_>) -> T) -> T {
        let Understood { ask: own, json, fingerprint } = understand(&self.route, &self.request);
        let place = (self.connection, Extent::Whole);
        ask(&Facts::new(&self.route, &self.request, &json, &own, fingerprint, place))
    }

    /// Whether it was answered in full, with success.
    pub fn succeeded(&self) -> bool {
        self.answer.status < 400 && matches!(self.end, Some((End::Complete, _)))
    }

    /// The moment from which a client could know that nothing more comes: when the
    /// last byte left, when the answer was cut off, or when the client left.
    pub fn over(&self) -> Option<Duration> {
        let ended = self.end.map(|(_, at)| at);
        self.last.max(ended)
    }

    /// The operation's name.
    pub fn operation(&self) -> &'static str {
        self.route.operation.name()
    }

    /// Whether it is about what models say: what is a miss where nothing answers.
    pub fn generates(&self) -> bool {
        matches!(self.route.operation, Operation::Generate | Operation::Embed | Operation::Images)
    }

    /// Whether nothing answered it: it is a miss, or its path leads nowhere.
    pub fn is_unmatched(&self) -> bool {
        let leads_nowhere = matches!(self.route.operation, Operation::Unknown | Operation::Unserved(_));
        match self.answer.source {
            Source::Miss => true,
            Source::Refusal => leads_nowhere,
            _ => false,
        }
    }

    /// Whether a stub took part in the answer.
    pub fn is_by(&self, scenario: Option<&str>, stub: &str) -> bool {
        let is_it =
            |named: &Named| named.stub == stub && scenario.is_none_or(|scenario| named.scenario == scenario);
        self.answer.stubs.iter().any(is_it)
    }
}

/// Where a request leads, for journals that were not kept by a server.
pub fn route_of(request: &Request) -> Route {
    dialect::identify(request)
}
