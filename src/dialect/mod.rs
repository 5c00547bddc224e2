//! A provider's wire format, in one place for each: how its requests are read,
//! how it says a reply, and how it refuses.

pub mod anthropic;
mod check;
pub mod event;
mod fields;
pub mod gemini;
mod head;
mod logprobs;
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
    ask::{Act, Ask, Shape},
    identity::Identity,
    reply::{ApiError, Reply},
    request::{Credential, Request},
    shelf::Shelved,
};
use event::{Events, Reading, Said};
use patch::Patches;

/// All dialects, in the order in which they are asked whether a request is
/// theirs. What is OpenAI's unless somebody else calls comes last.
pub static DIALECTS: &[&dyn Dialect] = &[&gemini::Gemini, &anthropic::Anthropic, &openai::OpenAi];

/// A provider's wire format.
pub trait Dialect: fmt::Debug + Sync {
    /// What it is called, as `api` in scenarios.
    fn name(&self) -> &'static str;

    /// Where a request of this dialect leads; `None` if it is not of this
    /// dialect. Only the head is looked at.
    fn route(&self, request: &Request) -> Option<Route>;

    /// The id of something stored that a request cannot be understood without.
    fn recalls<'a>(&self, _route: &'a Route, _body: &'a Value) -> Option<&'a str> {
        None
    }

    /// Understands a request. `body` is its JSON, which the dialect may bring
    /// into its canonical spelling.
    ///
    /// # Errors
    ///
    /// What the real API would refuse, in its words.
    fn read(&self, heard: &Heard<'_>, body: &mut Value) -> Result<Ask, ApiError>;

    /// Understands as much as it can of a request that the real API would
    /// refuse.
    fn guess(&self, route: &Route, body: &Value) -> Ask;

    /// What the real API says with this status, its message included.
    fn typical_error(&self, route: &Route, status: u16, ask: &Ask) -> ApiError;

    /// What the real API says where the model that is asked for does not exist.
    fn unknown_model(&self, route: &Route, ask: &Ask) -> ApiError {
        self.typical_error(route, 404, ask)
    }

    /// What is said to a request that nothing answers, with a status that no
    /// client tries again.
    fn miss(&self, message: &str) -> ApiError {
        ApiError::new(404, message)
    }

    /// Whether an endpoint has no way to say something of this sort.
    fn lacks(&self, endpoint: Endpoint, matter: Matter) -> bool;

    /// What the dialect knows that no other does, in the payload that tells why
    /// an answer ended: for each of its endpoints that has words of its own.
    fn patches(&self) -> &'static [(Endpoint, Patches)];

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

/// A request as a dialect gets to hear it.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// Where it leads.
    pub route: &'a Route,
    /// What arrived.
    pub request: &'a Request,
    /// What it recalls (see [`Dialect::recalls`]), behind all that that goes on
    /// from; empty if there is no such thing.
    pub recalled: &'a [Shelved],
    /// What becomes of fields that the API does not know.
    pub unknown: UnknownFields,
}

impl<'a> Heard<'a> {
    /// A request that recalls nothing, its unknown fields ignored.
    pub fn new(route: &'a Route, request: &'a Request) -> Self {
        Self { route, request, recalled: &[], unknown: UnknownFields::Ignored }
    }
}

/// What becomes of a request's fields that the API does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownFields {
    /// They are ignored, as those of tomorrow's clients must be.
    #[default]
    Ignored,
    /// The request is refused, as the real API does.
    Refused,
}

/// What only some APIs have a way to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    /// Several answers to choose from.
    Candidates,
    /// A call of a tool.
    Call,
    /// A call's arguments that are no JSON object.
    Fragments,
    /// The same in an answer that is no stream.
    WholeFragments,
    /// A picture in an answer.
    Media,
    /// A sound or a film in an answer.
    Sound,
    /// Thinking.
    Thought,
    /// A proof that stands beside thinking.
    ThoughtSignature,
    /// A proof that stands beside anything else, or alone.
    Signature,
    /// Google's `RetryInfo`.
    RetryInfo,
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

/// The items of a list; none where it is no list.
fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A model's name, or as much of it as may stand in every chunk.
fn short_model(model: &str) -> &str {
    &model[..model.floor_char_boundary(LONGEST_MODEL)]
}

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
    /// How the enums of the answer are written.
    pub enums: Enums,
    /// The model in the path, without `models/`; or the id of what is stored.
    /// Empty where there is none.
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

impl Endpoint {
    /// As `api` in scenarios.
    pub fn api(self) -> &'static str {
        match self {
            Self::Gemini => "gemini",
            Self::OpenAi => "openai",
            Self::OpenAiChat => "openai.chat",
            Self::OpenAiResponses => "openai.responses",
            Self::OpenAiCompletions => "openai.completions",
            Self::Anthropic => "anthropic",
        }
    }
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
    /// Judge texts.
    Moderate,
    /// Do something with what is stored.
    Stored(Act),
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
            Self::Moderate | Self::Stored(_) | Self::WrongMethod | Self::Unknown => "other",
        }
    }

    /// Whether its request has a JSON body.
    pub fn takes_json(self) -> bool {
        match self {
            Self::Generate | Self::Count | Self::Embed | Self::Images | Self::Moderate => true,
            Self::Models
            | Self::Model
            | Self::Stored(_)
            | Self::Unserved(_)
            | Self::WrongMethod
            | Self::Unknown => false,
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

/// How many segments of a path may stand in front of what a dialect knows.
const LONGEST_BASE: usize = 8;

/// What a base path does not end with.
const VERSIONS: [&str; 3] = ["/v1", "/v1beta", "/v1alpha"];

/// How much in front of a path that nobody knows is a base path, such as `/api` or
/// a gateway's `/proxy/google`: so much that the rest is known.
pub fn base_path(request: &Request) -> Option<usize> {
    let mut inner = request.clone();
    let starts = request.path.match_indices('/').skip(1).take(LONGEST_BASE);
    starts.map(|(at, _)| at).find(|at| {
        let (base, rest) = request.path.split_at(*at);
        // A version said twice is a mistake, which the real APIs do not forgive.
        let says_version =
            VERSIONS.iter().any(|version| base.ends_with(version)) || base.ends_with("/v1beta/openai");
        inner.path = rest.to_owned();
        !says_version && identify(&inner).operation != Operation::Unknown
    })
}

/// How enums are written in an answer, where the request can choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Enums {
    /// By their names.
    #[default]
    Names,
    /// By their numbers, as Google does where it is asked to.
    Numbers,
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
        let known = unserved::known(&request.path);
        let is_google = gemini::calls_as_google(request) || request.path.starts_with("/v1beta/");
        let is_anthropic = !is_google
            && (anthropic::calls_as_anthropic(request) || request.path.starts_with("/v1/messages/"));
        let (dialect, own): (&'static dyn Dialect, _) = match (is_google, is_anthropic) {
            (true, _) => (&gemini::Gemini, Endpoint::Gemini),
            (_, true) => (&anthropic::Anthropic, Endpoint::Anthropic),
            _ => (&openai::OpenAi, Endpoint::OpenAi),
        };
        let (endpoint, operation) = known.unwrap_or((own, Operation::Unknown));
        Self {
            dialect,
            operation,
            shape: Shape::Document,
            // A path of OpenAI's may be the caller's own.
            endpoint: if is_anthropic { own } else { endpoint },
            version: "v1",
            host: Host::Own,
            enums: Enums::default(),
            model: String::new(),
        }
    }
}
