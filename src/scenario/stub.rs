//! Scenarios as the server holds them: checked, with everything that can be
//! known before a request comes made ready. They never change; what is counted
//! is counted elsewhere.

use std::sync::Arc;

use http::HeaderMap;
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{
    expect::{Expect, ExpectAll},
    expectations::Expected,
    file::{AtEnd, Connection, Operation, Per, Rest, When},
    pace::Pace,
    then::{ErrorReply, Finish, Shape, Split, Usage},
};
use crate::{
    cassette::deck::{Card, Deck},
    dialect::event::Framing,
    notation::text::{Piece, Text},
    plan,
    reply::{Media, Retry},
};

/// One scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is called by.
    pub name: String,
    /// What tells it from others, by what stands in it.
    pub digest: u64,
    /// The source of its variation, where it has one of its own.
    pub seed: Option<u64>,
    /// First values of state variables.
    pub states: IndexMap<String, String>,
    /// The models that are known; `None`: any.
    pub models: Option<Vec<String>>,
    /// Asked from top to bottom.
    pub stubs: Vec<Stub>,
    /// What befalls the connections, from the first on.
    pub connections: Vec<Connection>,
    /// What the client is to do in the whole run.
    pub expect: Option<Expected<ExpectAll>>,
}

/// When something is said, and what.
#[derive(Clone, Debug)]
pub struct Stub {
    /// What it is called by: its name, or `stub 3`.
    pub name: String,
    /// Where it stands, such as `x.yaml:3`.
    pub place: String,
    /// One of these must hold; each has what the defaults add.
    pub when: Vec<When>,
    /// The operations that it answers; `None`: any.
    pub operations: Option<Vec<Operation>>,
    /// At least one, each with how many matches it stands for.
    pub replies: Vec<(Reply, u32)>,
    /// What the list and `nth` count by.
    pub per: Per,
    /// What is said behind the list's end.
    pub at_end: AtEnd,
    /// Whether what the real API would refuse is answered.
    pub lenient: Lenient,
    /// Whether it answers before the request's body was read.
    pub early: Option<Early>,
    /// Whether it answers by itself.
    pub place_in_line: PlaceInLine,
    /// What the client is to do about it.
    pub expect: Option<Expected<Expect>>,
}

/// Whether a stub answers by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlaceInLine {
    /// It does.
    #[default]
    Own,
    /// Only what is laid over it is asked for: the stream that a catalogue's rows
    /// edit.
    Underneath,
}

/// An answer before the request's body was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Early {
    /// So many bytes of the body are read before.
    pub after: u64,
    /// What is done with the rest.
    pub rest: Rest,
}

/// Whether what the real API would refuse is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lenient {
    /// It is refused.
    #[default]
    No,
    /// It is answered.
    Yes,
}

impl Stub {
    /// How many matches the list is good for.
    pub fn length(&self) -> u64 {
        self.replies.iter().map(|(_, times)| u64::from(*times)).sum()
    }

    /// Which reply of the list the n-th match gets, counted from 1.
    pub fn number(&self, n: u64) -> u64 {
        let given = self.reply(n);
        let is_it = |(reply, _): &(Reply, u32)| given.is_some_and(|given| std::ptr::eq(given, reply));
        self.replies.iter().position(is_it).map_or(0, |at| at as u64 + 1)
    }

    /// The reply of the n-th match, counted from 0; `None` where the stub passes
    /// on.
    pub fn reply(&self, n: u64) -> Option<&Reply> {
        let length = self.length();
        let n = match self.at_end {
            _ if n < length => n,
            AtEnd::Repeat => length.saturating_sub(1),
            AtEnd::Cycle => n % length.max(1),
            AtEnd::Next => return None,
        };
        let mut left = n;
        self.replies.iter().find_map(|(reply, times)| {
            let times = u64::from(*times);
            if left < times {
                return Some(reply);
            }
            left -= times;
            None
        })
    }
}

/// What is said.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its kind.
    pub kind: Kind,
    /// What stands beside it.
    pub dress: Dress,
}

/// The kinds of a reply.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Content.
    Say(Vec<Candidate>),
    /// The prompt is refused for this reason.
    Block(String),
    /// A vector for each input; the last for all further inputs.
    Embedding(Vec<Vec<f32>>),
    /// The size of a prompt.
    Count(u64),
    /// The list of models.
    Models(Vec<String>),
    /// The provider's error.
    Error(Box<ErrorReply>, Option<Retry>),
    /// Events in the provider's own words.
    Events(Vec<Payload>),
    /// No dialect at all.
    Raw(Box<Raw>),
    /// What was recorded.
    Recorded(Arc<Recordings>),
    /// What an upstream of this name answers.
    Forward(String),
    /// What would have been answered without this stub.
    Below,
    /// The built-in answer.
    BuiltIn,
}

/// Recordings that a reply is chosen from.
#[derive(Debug)]
pub struct Recordings {
    /// All of a cassette.
    pub deck: Deck,
    /// The one that was named; `None`: that which the request matches.
    pub only: Option<Card>,
}

/// What stands beside the kind of a reply.
#[derive(Clone, Debug, Default)]
pub struct Dress {
    /// Why it ended.
    pub finish: Option<Finish>,
    /// What is reported as used.
    pub usage: Option<Usage>,
    /// How one text becomes deltas.
    pub split: Option<Split>,
    /// The form of the body.
    pub shape: Option<Shape>,
    /// When events leave.
    pub pace: Option<Pace>,
    /// The payload of `pace.heartbeat`.
    pub heartbeat: Option<Payload>,
    /// Trouble on the wire and pauses, the lowest first.
    pub layers: Vec<Arc<Layer>>,
    /// State variables, set when the reply is chosen.
    pub set: IndexMap<String, String>,
    /// What only one dialect can say, by its name.
    pub patches: Vec<(&'static str, Map<String, Value>)>,
}

/// Trouble on the wire, and what it puts among the events.
#[derive(Debug)]
pub struct Layer {
    /// Stage by stage.
    pub plan: plan::Layer,
    /// What each insert puts in, in their order.
    pub inserts: Vec<Payload>,
}

impl Dress {
    /// This laid over another: `pace` is joined key by key, for everything else
    /// the upper one counts as a whole.
    #[must_use]
    pub fn over(&self, below: &Self) -> Self {
        let mut whole = self.clone();
        whole.finish = whole.finish.or_else(|| below.finish.clone());
        whole.usage = whole.usage.or(below.usage);
        whole.split = whole.split.or(below.split);
        whole.shape = whole.shape.or(below.shape);
        whole.pace = match (whole.pace, &below.pace) {
            (Some(upper), Some(lower)) => Some(upper.over(lower)),
            (upper, lower) => upper.or_else(|| lower.clone()),
        };
        whole.heartbeat = whole.heartbeat.or_else(|| below.heartbeat.clone());
        whole.layers.splice(0..0, below.layers.iter().cloned());
        for (name, value) in &below.set {
            whole.set.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let missing =
            below.patches.iter().filter(|(name, _)| !self.patches.iter().any(|(own, _)| own == name));
        whole.patches.extend(missing.cloned());
        whole
    }
}

impl Pace {
    /// This over another, key by key.
    #[must_use]
    fn over(self, below: &Self) -> Self {
        Self {
            head: self.head.or_else(|| below.head.clone()),
            first: self.first.or_else(|| below.first.clone()),
            every: self.every.or_else(|| below.every.clone()),
            // These lie in the layers, which keep their own places.
            pause: None,
            heartbeat: self.heartbeat.or_else(|| below.heartbeat.clone()),
            load: self.load.or(below.load),
        }
    }
}

/// One of the answers to choose from.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// In their order; may be none.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub finish: Option<Finish>,
    /// How one text becomes deltas.
    pub split: Option<Split>,
}

/// One piece of content.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it is; `None`: nothing but its signature.
    pub sort: Option<Sort>,
    /// Google's signature.
    pub signature: Option<Text>,
}

/// What a piece of content is.
#[derive(Clone, Debug)]
pub enum Sort {
    /// Text of this sort.
    Text(TextSort, Pieces),
    /// A tool to be called.
    Call(crate::reply::Call),
    /// A picture, a sound or a film.
    Media(Media),
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextSort {
    /// Text for the user.
    Text,
    /// The model's thinking.
    Thought,
    /// Why the model will not answer.
    Refusal,
    /// A program.
    Code,
    /// What it printed.
    CodeResult,
}

/// A text and how it is cut.
#[derive(Clone, Debug)]
pub enum Pieces {
    /// By `split`.
    Split(Text),
    /// As given.
    Given(Vec<Text>),
}

/// An event.
#[derive(Clone, Debug)]
pub enum Payload {
    /// JSON.
    Json(Value),
    /// A text, with this frame around it.
    Text(Text, Framing),
    /// The lines of an SSE block.
    Lines(Vec<Text>),
    /// Bytes.
    Raw(Vec<Piece>),
    /// What the dialect would say.
    Reply(Box<Reply>),
}

/// An answer in no dialect.
#[derive(Clone, Debug)]
pub struct Raw {
    /// The HTTP status.
    pub status: http::StatusCode,
    /// All headers but that which tells the body's length.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<Piece>,
}
