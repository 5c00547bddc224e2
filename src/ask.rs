//! What a request asks for, once its dialect has read it. The built-in answer
//! is made from this alone.

use serde_json::{Map, Value};

use crate::{
    reply::{Modality, Rest},
    shelf::Shelved,
};

/// One request, understood.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The model's name, without `models/`. Empty where none is named.
    pub model: String,
    /// The form in which the answer is wanted.
    pub shape: Shape,
    /// What is asked.
    pub want: Want,
}

/// The form of an answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One document.
    Document,
    /// Server-sent events.
    Sse,
    /// A JSON array that arrives element by element.
    Array,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Want {
    /// Content.
    Generate(Box<Generate>),
    /// The size of a prompt.
    Count(Prompt),
    /// The list of models.
    Models(Page),
    /// The model that the ask names.
    Model,
    /// A vector for every input.
    Embed(Embed),
    /// Pictures.
    Images(Images),
    /// A judgement of each of these texts.
    Moderate(Vec<String>),
    /// Something stored.
    Stored(Box<Recalled>),
}

/// A request about something stored.
#[derive(Clone, Debug)]
pub struct Recalled {
    /// What it is about.
    pub stored: Shelved,
    /// What is to be done with it.
    pub act: Act,
    /// Which part of a list.
    pub slice: Slice,
    /// The number of the event behind which a stream of it begins.
    pub behind: Option<u64>,
}

/// What is to be done with something stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Show it.
    Retrieve,
    /// Forget it.
    Delete,
    /// Do not finish it.
    Cancel,
    /// Show what it was the answer to.
    Inputs,
}

/// Which part of a list of items.
#[derive(Clone, Debug, Default)]
pub struct Slice {
    /// Items at the most.
    pub limit: usize,
    /// The id of the item behind which it begins.
    pub after: Option<String>,
    /// Which comes first.
    pub order: Order,
}

/// Which item of a list comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest.
    #[default]
    Descending,
    /// The oldest.
    Ascending,
}

/// A request for vectors.
#[derive(Clone, Debug, Default)]
pub struct Embed {
    /// At least one; an input of token numbers is the numbers, parted by blanks.
    pub inputs: Vec<String>,
    /// How many numbers each vector is to have, where the caller says it.
    pub dimensions: Option<usize>,
    /// The same for each input, where they differ in it.
    pub own_dimensions: Vec<Option<usize>>,
    /// Whose model is asked.
    pub vendor: Vendor,
    /// How the vectors are written.
    pub encoding: Encoding,
    /// Tokens of all inputs.
    pub tokens: u64,
    /// Whether the answer is a list even for one input.
    pub batch: Batch,
}

impl Embed {
    /// How many numbers the vector of this input is to have, where the caller
    /// says it.
    pub fn dimensions_of(&self, input: usize) -> Option<usize> {
        self.own_dimensions.get(input).copied().flatten().or(self.dimensions)
    }
}

/// How vectors are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// As numbers.
    #[default]
    Floats,
    /// As the base64 of little-endian `f32`s.
    Base64,
}

/// Whether one vector was asked for or a list of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Batch {
    /// Google's `embedContent`.
    Single,
    /// All others.
    #[default]
    List,
}

/// A request for pictures.
#[derive(Clone, Debug, Default)]
pub struct Images {
    /// What they are to show.
    pub prompt: String,
    /// How many. At least 1.
    pub count: u32,
    /// Width and height, where the caller says them.
    pub size: Option<(u32, u32)>,
    /// How they are handed over.
    pub delivery: Delivery,
}

/// How a picture is handed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// As base64.
    #[default]
    Inline,
    /// As a URL.
    Link,
}

/// Whose models are listed or asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vendor {
    /// Gemini and its kin.
    #[default]
    Google,
    /// GPT and its kin.
    OpenAi,
    /// Claude and its kin.
    Anthropic,
}

/// Which part of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// Whose list.
    pub vendor: Vendor,
    /// Entries at the most.
    pub size: usize,
    /// The id of the entry behind which it begins.
    pub after: Option<String>,
    /// The id of the entry in front of which it ends, where none is told behind
    /// which it begins.
    pub before: Option<String>,
}

impl Page {
    /// The entries that are on it, and whether there are more on its far side.
    /// Beyond an id that nobody has there is nothing.
    pub fn cut<'e, T>(&self, entries: &'e [T], has_id: impl Fn(&T, &str) -> bool) -> (&'e [T], Rest) {
        let place = |id: &String| entries.iter().position(|entry| has_id(entry, id));
        let more = |is_more| if is_more { Rest::More } else { Rest::Done };
        if let (None, Some(id)) = (&self.after, &self.before) {
            let end = place(id).unwrap_or(0);
            let start = end.saturating_sub(self.size);
            return (&entries[start..end], more(start > 0));
        }
        let start = self.after.as_ref().map_or(0, |id| place(id).map_or(entries.len(), |at| at + 1));
        let end = entries.len().min(start.saturating_add(self.size));
        (&entries[start..end], more(end < entries.len()))
    }
}

/// A request for content.
#[derive(Clone, Debug, Default)]
pub struct Generate {
    /// What is said to the model.
    pub prompt: Prompt,
    /// The tools on offer, in their order.
    pub tools: Vec<Tool>,
    /// Whether they are to be called.
    pub tool_choice: ToolChoice,
    /// The provider's own tools on offer, each once.
    pub own_tools: Vec<OwnTool>,
    /// The form of the text.
    pub output: Output,
    /// How many answers to choose from. At least 1.
    pub candidates: u32,
    /// Texts in front of which the answer ends.
    pub stop: Vec<String>,
    /// Tokens of the answer at the most.
    pub max_tokens: Option<u64>,
    /// Whether the model thinks first.
    pub thinking: Thinking,
    /// What the answer may consist of, besides text.
    pub media: Vec<Modality>,
    /// Whether text is wanted; an image model can be asked for images alone.
    pub text: Text,
    /// How many alternatives to report for each token; `None`: nothing about
    /// tokens.
    pub logprobs: Option<usize>,
    /// What else the stream is to carry.
    pub stream: StreamOptions,
    /// Texts that are to be gone on with one by one, where the prompt is several.
    pub prompts: Vec<String>,
    /// Whether the prompt is said again in front of the answer.
    pub echo: Extra,
    /// What the provider repeats of the request, or keeps of it.
    pub kept: Option<Box<Kept>>,
}

/// What a provider repeats of a request in its answer, or keeps of it.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Members of the answer that repeat members of the request.
    pub echo: Map<String, Value>,
    /// The request's items, each with an id.
    pub input: Vec<Value>,
    /// Whether it can be asked for again.
    pub storage: Storage,
    /// Whether anyone waits for it.
    pub attendance: Attendance,
    /// Whether thinking goes out sealed, to be sent back with the next request.
    pub sealed: Extra,
}

/// Whether an answer can be asked for again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Storage {
    /// It can.
    #[default]
    Stored,
    /// It is forgotten.
    Forgotten,
}

/// Whether a caller waits for its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attendance {
    /// It does.
    #[default]
    Waiting,
    /// It comes back later.
    Background,
}

/// Whether text is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Text {
    /// It is.
    #[default]
    Wanted,
    /// Media alone are.
    Unwanted,
}

/// What is said to the model, as far as an answer is made from it.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// The last text of the user.
    pub text: String,
    /// All that the system says.
    pub system: String,
    /// 1 + the turns that the model had so far.
    pub turn: u64,
    /// MIME types of what is attached to it.
    pub attachments: Vec<String>,
    /// Results of tools, by their names, that came after the model's last turn.
    pub tool_results: Vec<(String, String)>,
    /// Its size in tokens, by kind, without those that are absent.
    pub tokens: Vec<(Modality, u64)>,
}

impl Prompt {
    /// Its size in tokens.
    pub fn size(&self) -> u64 {
        self.tokens.iter().map(|(_, tokens)| tokens).sum()
    }

    /// Adds to what the system says.
    pub fn add_system(&mut self, text: &str) {
        if !self.system.is_empty() {
            self.system.push('\n');
        }
        self.system.push_str(text);
    }

    /// Adds to its size.
    pub fn add_tokens(&mut self, modality: Modality, tokens: u64) {
        if tokens == 0 {
            return;
        }
        match self.tokens.iter_mut().find(|(known, _)| *known == modality) {
            Some((_, sum)) => *sum += tokens,
            None => {
                self.tokens.push((modality, tokens));
                self.tokens.sort_unstable();
            }
        }
    }
}

/// A function that the model may call.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// The JSON Schema of its arguments; `Null` for none.
    pub parameters: Value,
}

/// A tool that the provider runs itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnTool {
    /// Searches in the web.
    Search,
    /// Runs programs that the model writes.
    Code,
    /// Reads the pages whose addresses are in the prompt.
    Pages,
}

/// Whether tools are to be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model may answer in text.
    #[default]
    Free,
    /// Tools must be called: every one that is allowed.
    Every(Allowed),
    /// One tool must be called: the first that is allowed.
    One(Allowed),
}

/// Which tools may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// All on offer.
    All,
    /// Those with these names.
    Only(Vec<String>),
}

impl Allowed {
    /// Whether this tool is among them.
    pub fn includes(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|allowed| allowed == name),
        }
    }
}

/// The form of the text.
#[derive(Clone, Debug, Default)]
pub enum Output {
    /// Any.
    #[default]
    Text,
    /// A JSON object of whatever members.
    Json,
    /// An instance of this JSON Schema.
    Schema(Value),
    /// One of the values of an enum, bare.
    Enum(Value),
}

/// Whether the model thinks first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Thinking {
    /// It does not.
    #[default]
    Off,
    /// It does, in so many tokens at the most, and keeps it to itself.
    Hidden(Option<u64>),
    /// It does, in so many tokens at the most, and shows it.
    Shown(Option<u64>),
}

impl Thinking {
    /// The most tokens that it may take, where there is a limit.
    pub fn budget(self) -> Option<u64> {
        match self {
            Self::Off => Some(0),
            Self::Hidden(budget) | Self::Shown(budget) => budget,
        }
    }
}

/// What a stream carries beside the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// OpenAI's `include_usage`.
    pub usage: Extra,
    /// OpenAI's `include_obfuscation`.
    pub obfuscation: Extra,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self { usage: Extra::Left, obfuscation: Extra::Sent }
    }
}

/// Whether something optional is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extra {
    /// It is.
    Sent,
    /// It is left out.
    #[default]
    Left,
}
