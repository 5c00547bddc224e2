//! What a model says, in no provider's words.

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
}

/// What was generated, and what it cost.
#[derive(Clone, Debug, Default)]
pub struct Generation {
    /// In the order of their index. At least one.
    pub candidates: Vec<Candidate>,
    /// What is reported as used.
    pub usage: Usage,
}

/// One of the answers to choose from.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    /// What it consists of, in order. May be empty.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub finish: Finish,
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
}

/// A call of one of the caller's tools.
#[derive(Clone, Debug)]
pub struct Call {
    /// The tool's name.
    pub name: String,
    /// A JSON object.
    pub arguments: Value,
}

impl Call {
    /// What the call counts: its name, and its arguments as compact JSON.
    pub fn tokens(&self) -> u64 {
        tokens::count(&self.name) + tokens::count(&self.arguments.to_string())
    }
}

/// Bytes of a MIME type.
#[derive(Clone, Debug)]
pub struct Media {
    /// Such as `image/png`.
    pub mime: &'static str,
    /// The content itself.
    pub content: &'static [u8],
}

/// Why a candidate ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Finish {
    /// It was complete, or a stop sequence was met.
    #[default]
    Stop,
    /// The token limit was reached.
    Length,
    /// Tools are to be called. Google says `STOP` here.
    Call,
}

/// A text and the places where a stream cuts it.
#[derive(Clone, Debug)]
pub struct Deltas {
    text: String,
    cut: Cut,
}

#[derive(Clone, Debug)]
enum Cut {
    Words,
    Tokens,
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

/// What an answer cost, in tokens.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// The prompt, by what it consisted of.
    pub input: Vec<(Modality, u64)>,
    /// What the user gets to see, over all candidates.
    pub output: u64,
    /// The model's thinking.
    pub thoughts: u64,
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
}

impl ApiError {
    /// An error that says what the dialect says for this status.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), members: Map::new() }
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
            Deltas::pieces(["a", "", "b"]),
        ] {
            assert_eq!(deltas.iter().collect::<String>(), deltas.text());
        }
        assert_eq!(Deltas::pieces(["a", "", "b"]).iter().count(), 3);
        assert_eq!(Deltas::words(String::new()).iter().count(), 0);
    }
}
