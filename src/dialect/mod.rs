//! A provider's wire format, in one place for each: how its requests are read,
//! how it says a reply, and how it refuses.

pub mod event;
pub mod gemini;
pub mod openai;
pub mod patch;
mod path;
mod retry;
pub mod style;
pub mod template;
mod unserved;

use std::fmt;

use http::HeaderValue;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    ask::{Ask, Shape},
    identity::Identity,
    reply::{ApiError, Reply},
    request::{Credential, Request},
};
use event::{Events, Reading, Said};
use patch::Patches;

/// All dialects, in the order in which they are asked whether a request is
/// theirs.
pub static DIALECTS: &[&dyn Dialect] = &[&gemini::Gemini, &openai::OpenAi];

/// A provider's wire format.
pub trait Dialect: fmt::Debug + Sync {
    /// What it is called, as `api` in scenarios.
    fn name(&self) -> &'static str;

    /// Where a request of this dialect leads; `None` if it is not of this
    /// dialect. Only the head is looked at.
    fn route(&self, request: &Request) -> Option<Route>;

    /// Understands a request. `body` is its JSON, which the dialect may bring
    /// into its canonical spelling.
    ///
    /// # Errors
    ///
    /// What the real API would refuse, in its words.
    fn read(&self, route: &Route, request: &Request, body: &mut Value) -> Result<Ask, ApiError>;

    /// Understands as much as it can of a request that the real API would
    /// refuse.
    fn guess(&self, route: &Route, body: &Value) -> Ask;

    /// What the real API says with this status, its message included.
    fn typical_error(&self, route: &Route, status: u16, ask: &Ask) -> ApiError;

    /// What the dialect knows that no other does, in the payload that tells why
    /// an answer ended.
    fn patches(&self) -> &'static Patches;

    /// An error as an event of a stream that has begun.
    fn say_error_event(&self, route: &Route, error: &ApiError, events: &mut Events);

    /// The refusal of a body that is not JSON.
    fn not_json(&self, route: &Route, body: &[u8], error: &serde_json::Error) -> ApiError;

    /// The refusal of a body above the limit, in bytes.
    fn too_large(&self, limit: u64) -> ApiError;

    /// The refusal of a caller without a key (`None`) or with this wrong one.
    fn wrong_key(&self, route: &Route, key: Option<Credential<'_>>) -> ApiError;

    /// Says a reply.
    fn say(&self, route: &Route, ask: &Ask, reply: &Reply, occasion: &Occasion<'_>) -> Said;

    /// What an event's payload tells about it.
    fn read_event(&self, payload: &Value) -> Reading;

    /// Says an error as the whole answer.
    fn say_error(&self, route: &Route, error: &ApiError, occasion: &Occasion<'_>) -> Said;
}

/// When and as whom an answer is given.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// The source of what varies.
    pub identity: &'a Identity,
    /// The server's clock.
    pub now: Timestamp,
    /// The same as an HTTP date.
    pub date: &'a HeaderValue,
}

/// Bytes that a model's name may have. It stands in every chunk of a stream.
const LONGEST_MODEL: usize = 256;

/// Bytes of a MIME type at the most: RFC 6838 allows two names of 127.
const LONGEST_MIME: usize = 255;

/// The beginning of a text, for a message about it.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

/// Where a request leads, as far as its head tells.
#[derive(Clone, Debug)]
pub struct Route {
    /// Who reads and answers it.
    pub dialect: &'static dyn Dialect,
    /// What is to be done.
    pub operation: Operation,
    /// The form of the answer, as far as the head tells; it is what an error
    /// is framed by.
    pub shape: Shape,
    /// Which API it is, one endpoint of it where there are several.
    pub endpoint: Endpoint,
    /// The version in the path, such as `v1beta`.
    pub version: &'static str,
    /// Whose house the endpoint stands in.
    pub host: Host,
    /// The model in the path, without `models/`; empty where there is none.
    pub model: String,
}

/// Which API a request speaks, as `api` in scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Google's.
    Gemini,
    /// OpenAI's chat completions.
    OpenAiChat,
    /// OpenAI's responses.
    OpenAiResponses,
    /// OpenAI's completions of old.
    OpenAiCompletions,
    /// Any other of OpenAI's endpoints.
    OpenAi,
    /// Anthropic's.
    Anthropic,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Generate content.
    Generate,
    /// Count a prompt's tokens.
    Count,
    /// List models.
    Models,
    /// Describe one model.
    Model,
    /// Turn texts into vectors.
    Embed,
    /// Draw pictures.
    Images,
    /// Something that is known by this name, and not served.
    Unserved(&'static str),
    /// The path is known, with other methods than this.
    WrongMethod,
    /// No such path.
    Unknown,
}

impl Operation {
    /// As `operation` in scenarios.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Count => "count",
            Self::Models | Self::Model => "models",
            Self::Embed => "embed",
            Self::Images => "images",
            Self::Unserved(name) => name,
            Self::WrongMethod | Self::Unknown => "other",
        }
    }
}

/// Whose house an endpoint stands in, which decides how it words its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The dialect's own.
    Own,
    /// OpenAI's endpoints at Google, under `/v1beta/openai`.
    Google,
}

/// The dialect of a request and where it leads there.
///
/// A path that no dialect claims leads nowhere in the dialect of its caller.
pub fn identify(request: &Request) -> Route {
    let claimed = DIALECTS.iter().find_map(|dialect| dialect.route(request));
    claimed.unwrap_or_else(|| Route::nowhere(request))
}

impl Route {
    /// A path that is not served, in the dialect of its caller.
    fn nowhere(request: &Request) -> Self {
        let is_google = gemini::calls_as_google(request) || request.path.starts_with("/v1beta/");
        let own = if is_google { Endpoint::Gemini } else { Endpoint::OpenAi };
        let (endpoint, operation) = unserved::known(&request.path).unwrap_or((own, Operation::Unknown));
        Self {
            dialect: if is_google { &gemini::Gemini } else { &openai::OpenAi },
            operation,
            shape: Shape::Document,
            endpoint,
            version: "v1",
            host: Host::Own,
            model: String::new(),
        }
    }
}
