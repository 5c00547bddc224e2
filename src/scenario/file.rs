//! A scenario file as it stands in YAML: the whole of it, its stubs, and their
//! conditions.

use std::num::NonZeroU32;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    expect::{Expect, ExpectAll},
    then::Then,
};
use crate::notation::{
    path::JsonPath,
    pattern::Pattern,
    value::{Count, List, Percent, Period, Rate, Size},
};

/// One scenario: a YAML document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The version of the format: 1.
    pub scenario: Version,
    /// What it is called by; where there is none, the file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// For listing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<List<String>>,
    /// For tools: what a catalogue tells of it. The server does not read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Map<String, Value>>,
    /// The source of all variation; where there is none, the server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What all stubs have in common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<Defaults>,
    /// First values of state variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub states: Option<IndexMap<String, String>>,
    /// The names of models that are known; others get the provider's own 404.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<List<String>>,
    /// What is asked before the stubs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<List<Limit>>,
    /// What befalls connections, in the order in which they are accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<List<Connection>>,
    /// What the client is to do in the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<ExpectAll>,
    /// A home for anchors; never read by itself.
    #[serde(default, rename = "let", skip_serializing_if = "Option::is_none")]
    pub pieces: Option<Value>,
    /// Asked from top to bottom.
    pub stubs: List<Stub>,
}

/// The version of the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version;

/// What stands in for what a stub leaves out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// Conditions added to every stub that has none of that key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// Laid under every reply; it has no kind of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Box<Then>>,
}

/// When something is said, and what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stub {
    /// What it is called by; where there is none, its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// All keys of one map must hold; of a list of maps, one suffices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<List<When>>,
    /// The n-th match takes the n-th reply.
    pub then: List<Then>,
    /// What the list and `nth` count by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<Per>,
    /// What is said behind the list's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_end: Option<AtEnd>,
    /// Answers before the request's body was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early: Option<Early>,
    /// Answers also what the real API would refuse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lenient: Option<bool>,
    /// What the client is to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
}

/// What the list of replies and `nth` count by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// All requests of a session.
    #[default]
    Session,
    /// Every call, which is a request and its retries.
    Call,
    /// Every API key.
    Key,
    /// Every model.
    Model,
    /// Every connection.
    Connection,
    /// Every value of this header.
    Header(String),
}

/// What is said behind the list's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AtEnd {
    /// Its last reply, for ever.
    #[default]
    Repeat,
    /// The list from its start.
    Cycle,
    /// Nothing: the stubs below are asked.
    Next,
}

/// An answer before the request's body was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Early {
    /// `head`, or so many bytes of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<EarlyAfter>,
    /// What is done with the rest of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
}

/// How much of a request is read before an early answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyAfter {
    /// Its head.
    Head,
    /// So many bytes of its body.
    Bytes(Size),
}

/// What is done with a body behind an early answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    /// It is read.
    Read,
    /// It is left unread.
    Ignore,
    /// The connection is closed behind the answer.
    Close,
}

/// Conditions, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// The API that is spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<List<Api>>,
    /// What is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<List<Operation>>,
    /// Whether a stream was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// The model's name without `models/`; a bare text is a glob.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Pattern>,
    /// The last text of the user; for embeddings any of the inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Pattern>,
    /// All system text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<Pattern>,
    /// 1 + assistant messages so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<Count>,
    /// Names of the tools offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Pattern>,
    /// Results that came after the last assistant message, by the tool's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_result: Option<IndexMap<String, Pattern>>,
    /// MIME types of what is attached to the last user message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<Pattern>,
    /// Size of the prompt in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Count>,
    /// The HTTP method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Pattern>,
    /// The path without the base path; a bare text is a glob.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Pattern>,
    /// Parameters of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<IndexMap<String, Pattern>>,
    /// Headers, their names in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<IndexMap<String, Pattern>>,
    /// The API key, however it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Pattern>,
    /// Values in the raw body, by JSONPath.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<IndexMap<JsonPath, Pattern>>,
    /// Which try of one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Count>,
    /// Which request it is of those for which all else here holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<Count>,
    /// How likely it holds, drawn from the seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chance: Option<Percent>,
    /// State variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<IndexMap<String, Pattern>>,
    /// The HTTP version of the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// Whether the connection is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<bool>,
    /// Which request of its connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth_on_connection: Option<Count>,
}

/// An API, or one endpoint of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Api {
    /// Google's.
    #[serde(rename = "gemini")]
    Gemini,
    /// All of OpenAI's endpoints.
    #[serde(rename = "openai")]
    OpenAi,
    /// Chat completions.
    #[serde(rename = "openai.chat")]
    OpenAiChat,
    /// Responses.
    #[serde(rename = "openai.responses")]
    OpenAiResponses,
    /// Completions of old.
    #[serde(rename = "openai.completions")]
    OpenAiCompletions,
    /// Anthropic's messages.
    #[serde(rename = "anthropic")]
    Anthropic,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Generate content.
    Generate,
    /// Turn texts into vectors.
    Embed,
    /// Count tokens.
    Count,
    /// List or describe models.
    Models,
    /// Draw pictures.
    Images,
    /// Speak.
    Speech,
    /// Write down what is spoken.
    Transcribe,
    /// Keep files.
    Files,
    /// Answer many requests later.
    Batch,
    /// Make films.
    Video,
    /// Anything else.
    Other,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Generate,
        Self::Embed,
        Self::Count,
        Self::Models,
        Self::Images,
        Self::Speech,
        Self::Transcribe,
        Self::Files,
        Self::Batch,
        Self::Video,
        Self::Other,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Embed => "embed",
            Self::Count => "count",
            Self::Models => "models",
            Self::Images => "images",
            Self::Speech => "speech",
            Self::Transcribe => "transcribe",
            Self::Files => "files",
            Self::Batch => "batch",
            Self::Video => "video",
            Self::Other => "other",
        }
    }
}

/// The HTTP version of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Http {
    /// HTTP/1.
    H1,
    /// HTTP/2.
    H2,
}

/// What may be used up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limit {
    /// What it is called by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which requests count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<List<When>>,
    /// What it counts by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<Per>,
    /// So many requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// So many tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// So much money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// So many at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent: Option<u64>,
    /// In so much time; for ever where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Period>,
    /// What is said instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<Box<Then>>,
}

/// What befalls a connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Connection {
    /// How long it waits before it is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<Period>,
    /// What is done with it.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub deed: Option<Deed>,
    /// How fast requests are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<Rate>,
    /// So many connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<NonZeroU32>,
}

/// What is done with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// It is served.
    Serve,
    /// It is reset.
    Reset,
    /// It is closed.
    Close,
    /// It is accepted and left alone.
    Hang,
}

/// The JSON Schema of a scenario, for editors.
pub fn schema() -> Value {
    schema_of::<File>("scenario")
}

/// The JSON Schema of a kind of files.
pub(super) fn schema_of<T: JsonSchema>(name: &str) -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), format!("https://mynah.invalid/{name}.schema.json").into());
    let mut schema = schema.to_value();
    allow_integers(&mut schema);
    schema
}

/// Where a text is wanted an integer is taken as it is written.
fn allow_integers(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let is_plain = !["pattern", "enum", "const"].iter().any(|key| members.contains_key(*key));
            if is_plain && members.get("type").is_some_and(|kind| kind == "string") {
                members.insert("type".to_owned(), serde_json::json!(["string", "integer"]));
            }
            members.values_mut().for_each(allow_integers);
        }
        Value::Array(items) => items.iter_mut().for_each(allow_integers),
        _ => {}
    }
}
