//! What a model says, in no provider's words.

use std::{borrow::Cow, num::NonZeroUsize, ops::Range, time::Duration};

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::tokens;

/// The answer to one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Generated content.
    Generation(Generation),
    /// How many tokens a prompt has.
    Count(Vec<(Modality, u64)>),
    /// One page of the list of models.
    Models(ModelPage),
    /// One model.
    Model(Model),
    /// A vector for every input.
    Embeddings(Embeddings),
    /// Pictures, from an endpoint that draws nothing else.
    Images(Vec<Media>),
    /// A judgement of each text.
    Verdicts(Vec<Verdict>),
    /// What is stored, as the ask tells it.
    Stored,
}

/// What a text was found to be about.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// How sure it is of each category, from 0 to 1.
    pub scores: Vec<(&'static str, f64)>,
}

/// A vector for every input, and what they cost.
#[derive(Clone, Debug, Default)]
pub struct Embeddings {
    /// In the order of the inputs.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of all inputs.
    pub tokens: u64,
}

/// What was generated, and what it cost.
#[derive(Clone, Debug, Default)]
pub struct Generation {
    /// In the order of their index. At least one.
    pub candidates: Vec<Candidate>,
    /// What is reported as used.
    pub usage: Usage,
    /// Why the prompt was refused, in Google's words (`SAFETY`); there are no
    /// candidates then at Google, and elsewhere the provider's own refusal.
    pub block: Option<String>,
}

/// One of the answers to choose from.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    /// What it consists of, in order. May be empty.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub finish: Finish,
    /// What the provider's own tools found for it.
    pub findings: Findings,
}

/// What the provider's own tools found, where it is told beside the content.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// What was searched in the web.
    pub search: Option<Search>,
    /// The addresses of the pages that were read.
    pub pages: Vec<String>,
}

/// A search in the web.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// What was asked.
    pub queries: Vec<String>,
    /// What was found.
    pub sources: Vec<Source>,
    /// What of the text stands in the sources.
    pub supports: Vec<Support>,
}

/// A page that was found.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its address.
    pub uri: String,
    /// What it is called.
    pub title: String,
}

/// A piece of the text, and what it stands in.
#[derive(Clone, Debug)]
pub struct Support {
    /// Its bytes in the candidate's text.
    pub text: Range<usize>,
    /// The places of its sources among all.
    pub sources: Vec<usize>,
}

/// One piece of content.
#[derive(Clone, Debug)]
pub enum Part {
    /// Text for the user.
    Text(Deltas),
    /// The model's thinking.
    Thought(Deltas),
    /// Why the model will not answer (OpenAI's `refusal`).
    Refusal(Deltas),
    /// A tool to be called.
    Call(Call),
    /// An image or a sound.
    Media(Media),
    /// A program that the model wrote for itself.
    Code(Deltas),
    /// What the program printed.
    CodeResult(Deltas),
    /// A part with Google's proof that it was the model who said it.
    Signed(Box<Part>, String),
    /// The proof alone.
    Signature(String),
}

impl Part {
    /// It without Google's proof.
    pub fn unsigned(&self) -> &Self {
        match self {
            Self::Signed(part, _) => part,
            part => part,
        }
    }
}

/// A call of one of the caller's tools.
#[derive(Clone, Debug)]
pub struct Call {
    /// The tool's name.
    pub name: String,
    /// Its id, where it is not the dialect's own.
    pub id: Option<String>,
    /// What it is called with.
    pub arguments: Arguments,
}

/// What a tool is called with.
#[derive(Clone, Debug)]
pub enum Arguments {
    /// A JSON object.
    Object(Value),
    /// The pieces of its text as they go out, which need not make an object.
    Fragments(Vec<String>),
}

impl Call {
    /// A call with these arguments, a JSON object.
    pub fn new(name: impl Into<String>, arguments: Value) -> Self {
        Self { name: name.into(), id: None, arguments: Arguments::Object(arguments) }
    }

    /// What the call counts: its name, and its arguments as compact JSON.
    pub fn tokens(&self) -> u64 {
        tokens::count(&self.name) + tokens::count(&self.arguments.text())
    }
}

impl Arguments {
    /// As compact JSON, or what stands in its place.
    pub fn text(&self) -> String {
        match self {
            Self::Object(value) => value.to_string(),
            Self::Fragments(fragments) => fragments.concat(),
        }
    }

    /// The pieces in which a stream gives the text.
    pub fn fragments(&self) -> Vec<String> {
        match self {
            Self::Object(value) => tokens::tokens(&value.to_string()).map(str::to_owned).collect(),
            Self::Fragments(fragments) => fragments.clone(),
        }
    }

    /// The object; an empty one where the pieces make none.
    pub fn object(&self) -> Cow<'_, Value> {
        match self {
            Self::Object(value) => Cow::Borrowed(value),
            Self::Fragments(fragments) => {
                let read = serde_json::from_str(&fragments.concat()).ok().filter(Value::is_object);
                Cow::Owned(read.unwrap_or_else(|| Value::Object(Map::new())))
            }
        }
    }
}

/// Bytes of a MIME type.
#[derive(Clone, Debug)]
pub struct Media {
    /// Such as `image/png`.
    pub mime: Cow<'static, str>,
    /// The content itself.
    pub content: Bytes,
}

/// Why a candidate ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Finish {
    /// It was complete.
    #[default]
    Stop,
    /// It came upon this text, in front of which it was to end. Most say `STOP`
    /// here.
    Sequence(String),
    /// The token limit was reached.
    Length,
    /// Tools are to be called. Google says `STOP` here.
    Call,
    /// What was said so far was found to be unsafe.
    Filter,
    /// The model declined.
    Refusal,
    /// What was said so far stands in somebody's book.
    Recitation,
    /// The model wrote a call that cannot be read.
    MalformedCall,
    /// The turn is not over; the caller is to send it back.
    Pause,
    /// In the provider's words, as they stand.
    Exact(String),
}

/// A text and the places where a stream cuts it.
#[derive(Clone, Debug)]
pub struct Deltas {
    text: String,
    cut: Cut,
}

#[derive(Clone, Debug)]
enum Cut {
    Whole,
    Words,
    Tokens,
    /// Behind so many characters.
    Characters(NonZeroUsize),
    /// Behind these bytes.
    Behind(Vec<usize>),
}

impl Deltas {
    /// Cut behind every word.
    pub fn words(text: String) -> Self {
        Self { text, cut: Cut::Words }
    }

    /// Cut behind every token.
    pub fn tokens(text: String) -> Self {
        Self { text, cut: Cut::Tokens }
    }

    /// Not cut.
    pub fn whole(text: String) -> Self {
        Self { text, cut: Cut::Whole }
    }

    /// Cut behind every so many characters.
    pub fn characters(text: String, count: NonZeroUsize) -> Self {
        Self { text, cut: Cut::Characters(count) }
    }

    /// Pieces that are given, empty ones too.
    pub fn pieces<'a>(pieces: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut text, mut ends) = (String::new(), Vec::new());
        for piece in pieces {
            text.push_str(piece);
            ends.push(text.len());
        }
        Self { text, cut: Cut::Behind(ends) }
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The pieces in which a stream gives it.
    pub fn iter(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match &self.cut {
            Cut::Whole => Box::new(std::iter::once(self.text.as_str())),
            Cut::Characters(count) => Box::new(characters(&self.text, *count)),
            Cut::Words => Box::new(tokens::words(&self.text)),
            Cut::Tokens => Box::new(tokens::tokens(&self.text)),
            Cut::Behind(ends) => {
                let mut start = 0;
                Box::new(ends.iter().map(move |end| {
                    let delta = &self.text[start..*end];
                    start = *end;
                    delta
                }))
            }
        }
    }
}

fn characters(text: &str, count: NonZeroUsize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.char_indices().nth(count.get()).map_or(rest.len(), |(at, _)| at);
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

/// What an answer cost, in tokens.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// The prompt, by what it consisted of.
    pub input: Vec<(Modality, u64)>,
    /// What the user gets to see, over all candidates.
    pub output: u64,
    /// The model's thinking.
    pub thoughts: u64,
    /// What of the prompt was remembered from before.
    pub cached: u64,
    /// What the provider's own tools put into the prompt.
    pub tool: u64,
}

impl Usage {
    /// The prompt as a whole.
    pub fn input_total(&self) -> u64 {
        self.input.iter().map(|(_, tokens)| tokens).sum()
    }
}

/// What kind of content tokens were spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Modality {
    /// Text, function calls and their results included.
    Text,
    /// Still images.
    Image,
    /// Films.
    Video,
    /// Sound.
    Audio,
    /// Anything else that is attached, such as a PDF.
    Document,
}

impl Modality {
    /// The kind that a MIME type belongs to.
    pub fn of_mime(mime: &str) -> Self {
        match mime.split('/').next().unwrap_or_default() {
            "image" => Self::Image,
            "video" => Self::Video,
            "audio" => Self::Audio,
            "text" => Self::Text,
            _ => Self::Document,
        }
    }
}

/// One page of the list of models.
#[derive(Clone, Debug)]
pub struct ModelPage {
    /// In the order of the list.
    pub models: Vec<Model>,
    /// Whether more follow behind the last.
    pub rest: Rest,
}

/// Whether a list goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// There is a next page.
    More,
    /// This was the last.
    Done,
}

/// What an API tells about a model.
#[derive(Clone, Debug)]
pub struct Model {
    /// The name without `models/`.
    pub id: String,
    /// The name for people.
    pub display_name: String,
    /// When it was made known, in Unix seconds.
    pub created: u64,
    /// Its maker as OpenAI spells it, such as `system`.
    pub owned_by: &'static str,
    /// Tokens that a prompt may have.
    pub input_limit: u64,
    /// Tokens that an answer may have.
    pub output_limit: u64,
    /// Google's methods that take it.
    pub methods: &'static [&'static str],
    /// Whether it thinks before it answers.
    pub thinking: Thinks,
}

/// Whether a model thinks before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinks {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// An error as the provider would say it.
///
/// The HTTP status and what the dialect puts into its error object are apart:
/// `members` may say anything.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// For people.
    pub message: String,
    /// Members of the dialect's error object, laid over what the dialect says
    /// for this status: `status` and `details` at Google, `type`, `param` and
    /// `code` at OpenAI.
    pub members: Map<String, Value>,
    /// When to come back, where the caller is told.
    pub retry: Option<Box<Retry>>,
}

/// When a caller is to come back, and in which words it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retry {
    /// After so long, as the dialect says it.
    After(Duration),
    /// `retry-after` in seconds.
    Seconds(Duration),
    /// `retry-after` as an HTTP date, so long from now.
    Date(Duration),
    /// `retry-after-ms`.
    Milliseconds(Duration),
    /// Google's `RetryInfo`.
    Info(Duration),
}

impl ApiError {
    /// An error that says what the dialect says for this status.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), members: Map::new(), retry: None }
    }

    /// With a member of the dialect's error object.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_put_together_are_the_text() {
        for deltas in [
            Deltas::words("a b\n c".to_owned()),
            Deltas::tokens("a longer-word".to_owned()),
            Deltas::whole("a b".to_owned()),
            Deltas::characters("a\u{e9}\u{1f600}b".to_owned(), NonZeroUsize::MIN),
            Deltas::pieces(["a", "", "b"]),
        ] {
            assert_eq!(deltas.iter().collect::<String>(), deltas.text());
        }
        assert_eq!(Deltas::pieces(["a", "", "b"]).iter().count(), 3);
        assert_eq!(Deltas::words(String::new()).iter().count(), 0);
    }
}
