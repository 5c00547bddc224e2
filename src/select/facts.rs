//! What conditions are about: a request as far as it is understood.

use serde_json::Value;

use crate::{
    ask::{Ask, Prompt, Shape, Want},
    dialect::{self, Endpoint, Route},
    identity::Fingerprint,
    request::Request,
    scenario::file::{Api, Operation},
};

/// A request as conditions see it.
#[derive(Debug)]
pub struct Facts<'a> {
    /// What arrived.
    pub request: &'a Request,
    /// Its body as JSON; null where it is none.
    pub json: &'a Value,
    /// Which API is spoken.
    pub endpoint: Endpoint,
    /// What is to be done.
    pub operation: Operation,
    /// What is asked.
    pub ask: &'a Ask,
    /// What tells equal requests.
    pub fingerprint: Fingerprint,
    /// The connection that it came on.
    pub connection: Connection,
    /// How far it was read.
    pub extent: Extent,
}

/// How far a request was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Its head: what answers early is asked.
    Head,
    /// All of it: all else is asked.
    Whole,
}

/// A connection, and the how-manieth request on it this is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// No other has this number.
    pub id: u64,
    /// Counted from 1.
    pub request: u64,
}

impl<'a> Facts<'a> {
    /// The facts of a request.
    pub fn new(
        route: &Route,
        request: &'a Request,
        json: &'a Value,
        ask: &'a Ask,
        fingerprint: Fingerprint,
        (connection, extent): (Connection, Extent),
    ) -> Self {
        let (endpoint, operation) = (route.endpoint, operation(route.operation));
        Self { request, json, endpoint, operation, ask, fingerprint, connection, extent }
    }

    /// Whether the request speaks this API.
    pub fn speaks(&self, api: Api) -> bool {
        let own = self.endpoint;
        match api {
            Api::Gemini => own == Endpoint::Gemini,
            Api::OpenAi => !matches!(own, Endpoint::Gemini | Endpoint::Anthropic),
            Api::OpenAiChat => own == Endpoint::OpenAiChat,
            Api::OpenAiResponses => own == Endpoint::OpenAiResponses,
            Api::OpenAiCompletions => own == Endpoint::OpenAiCompletions,
            Api::Anthropic => own == Endpoint::Anthropic,
        }
    }

    /// The API's name, as conditions have it.
    pub fn api(&self) -> &'static str {
        self.endpoint.api()
    }

    /// Whether a stream was asked for.
    pub fn is_stream(&self) -> bool {
        self.ask.shape != Shape::Document
    }

    /// The model's name, where there is one.
    pub fn models(&self) -> Vec<&'a str> {
        given(&self.ask.model).into_iter().collect()
    }

    /// The last text of the user, or all inputs.
    pub fn prompts(&self) -> Vec<&'a str> {
        match &self.ask.want {
            Want::Embed(embed) => embed.inputs.iter().map(String::as_str).collect(),
            Want::Images(images) => given(&images.prompt).into_iter().collect(),
            Want::Moderate(texts) => texts.iter().map(String::as_str).collect(),
            _ => self.prompt().and_then(|prompt| given(&prompt.text)).into_iter().collect(),
        }
    }

    /// What is said to the model.
    pub fn prompt(&self) -> Option<&'a Prompt> {
        match &self.ask.want {
            Want::Generate(generate) => Some(&generate.prompt),
            Want::Count(prompt) => Some(prompt),
            _ => None,
        }
    }

    /// All system text.
    pub fn system(&self) -> Vec<&'a str> {
        self.prompt().and_then(|prompt| given(&prompt.system)).into_iter().collect()
    }

    /// The names of the tools offered.
    pub fn tools(&self) -> Vec<&'a str> {
        match &self.ask.want {
            Want::Generate(generate) => generate.tools.iter().map(|tool| tool.name.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// MIME types of what is attached.
    pub fn media(&self) -> Vec<&'a str> {
        let attached = self.prompt().map(|prompt| prompt.attachments.as_slice()).unwrap_or_default();
        attached.iter().map(String::as_str).collect()
    }

    /// Results of a tool since the model's last turn.
    pub fn tool_results(&self, name: &str) -> Vec<&'a str> {
        let results = self.prompt().map(|prompt| prompt.tool_results.as_slice()).unwrap_or_default();
        results.iter().filter(|(tool, _)| tool == name).map(|(_, result)| result.as_str()).collect()
    }

    /// The size of the prompt.
    pub fn tokens(&self) -> u64 {
        match &self.ask.want {
            Want::Embed(embed) => embed.tokens,
            _ => self.prompt().map_or(0, Prompt::size),
        }
    }

    /// The values of a header.
    pub fn header(&self, name: &str) -> Vec<&'a str> {
        self.request.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
    }

    /// The values of a parameter.
    pub fn query(&self, name: &str) -> Vec<&'a str> {
        self.request.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The keys that were sent.
    pub fn keys(&self) -> Vec<&'a str> {
        self.request.credentials().map(crate::request::Credential::secret).collect()
    }
}

fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// As conditions name it.
fn operation(operation: dialect::Operation) -> Operation {
    match operation {
        dialect::Operation::Generate => Operation::Generate,
        dialect::Operation::Count => Operation::Count,
        dialect::Operation::Models | dialect::Operation::Model => Operation::Models,
        dialect::Operation::Embed => Operation::Embed,
        dialect::Operation::Images | dialect::Operation::Unserved("images") => Operation::Images,
        dialect::Operation::Unserved("speech") => Operation::Speech,
        dialect::Operation::Unserved("transcribe") => Operation::Transcribe,
        dialect::Operation::Unserved("files") => Operation::Files,
        dialect::Operation::Unserved("batch") => Operation::Batch,
        dialect::Operation::Unserved("video") => Operation::Video,
        dialect::Operation::Moderate
        | dialect::Operation::Stored(_)
        | dialect::Operation::Unserved(_)
        | dialect::Operation::WrongMethod
        | dialect::Operation::Unknown => Operation::Other,
    }
}
