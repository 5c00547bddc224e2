//! The built-in answer: what is said where no file says anything else.
//!
//! It says back what was asked, in a form that never changes, and is shaped by
//! the request: tools that must be called are called, a schema is filled, a
//! limit is kept.

pub mod embedding;
mod media;
mod models;
mod moderation;
mod own_tools;
mod pattern;
pub mod png;
pub mod sample;
mod schema;
mod text;
mod work;

use std::borrow::Cow;

pub use self::png::png;
use self::work::Work;
use crate::{
    ask::{Ask, Generate, Output, Text, Thinking, ToolChoice, Want},
    reply::{Call, Candidate, Deltas, Findings, Finish, Generation, Modality, Part, Reply, Usage},
    tokens,
};

/// Tokens that an answer has at the most, all its candidates together, where the
/// request sets no lower limit; it is what the list of models tells.
pub const OUTPUT_LIMIT: u64 = 65_536;

/// What the model thinks, where it is asked to.
const THOUGHT: &str = "I am asked something. I will say it back.";

/// The built-in answer to any ask.
pub fn built_in(ask: &Ask) -> Reply {
    match &ask.want {
        Want::Generate(want) => Reply::Generation(generation(want)),
        Want::Count(prompt) => Reply::Count(prompt.tokens.clone()),
        Want::Models(page) => Reply::Models(models::page(page)),
        Want::Model => Reply::Model(models::find(&ask.model)),
        Want::Embed(want) => Reply::Embeddings(embedding::vectors(&ask.model, want)),
        Want::Images(want) => Reply::Images(media::images(want)),
        Want::Moderate(texts) => {
            Reply::Verdicts(texts.iter().map(|text| moderation::verdict(text)).collect())
        }
        Want::Stored(_) => Reply::Stored,
    }
}

fn generation(want: &Generate) -> Generation {
    let (candidates, thought) = candidates(want);
    let mut usage = Usage { input: want.prompt.tokens.clone(), ..Usage::default() };
    for part in candidates.iter().flat_map(|candidate| &candidate.parts) {
        match part {
            Part::Text(deltas) | Part::Refusal(deltas) | Part::Code(deltas) | Part::CodeResult(deltas) => {
                usage.output += tokens::count(deltas.text());
            }
            Part::Call(call) => usage.output += call.tokens(),
            Part::Media(_) => usage.output += tokens::ATTACHMENT_TOKENS,
            // Counted below, since it costs also where it is not shown; the
            // others are never said here.
            _ => {}
        }
    }
    usage.thoughts = tokens::count(thought);
    usage.tool = candidates.first().map(own_tools::tokens).unwrap_or_default();
    Generation { candidates, usage, block: None }
}

/// What is said, and what was thought. Of several prompts each gets as much as
/// one alone.
fn candidates(want: &Generate) -> (Vec<Candidate>, &'static str) {
    let all = |draft: &Draft<'_>| (0..want.candidates).map(|index| draft.candidate(index)).collect();
    if want.prompts.len() < 2 {
        let draft = Draft::new(want);
        return (all(&draft), draft.thought);
    }
    let mut one = Generate { prompts: Vec::new(), ..Generate::default() };
    (one.prompt.tokens, one.candidates) = (want.prompt.tokens.clone(), want.candidates);
    (one.stop, one.max_tokens, one.logprobs) = (want.stop.clone(), want.max_tokens, want.logprobs);
    let each = |text: &String| {
        one.prompt.text.clone_from(text);
        all(&Draft::new(&one))
    };
    let said: Vec<Vec<_>> = want.prompts.iter().map(each).collect();
    (said.into_iter().flatten().collect(), "")
}

/// What all candidates have in common.
struct Draft<'a> {
    want: &'a Generate,
    /// Tokens that one candidate may have, thoughts included.
    most: u64,
    thought: &'static str,
    calls: Vec<Call>,
    /// The filled schema, where one is to be filled.
    filled: Option<String>,
}

impl<'a> Draft<'a> {
    fn new(want: &'a Generate) -> Self {
        let share = OUTPUT_LIMIT / u64::from(want.candidates.max(1));
        let most = want.max_tokens.unwrap_or(share).min(share);
        let budget = want.thinking.budget().map_or(most, |budget| budget.min(most));
        let filled = match &want.output {
            Output::Text | Output::Json => None,
            Output::Schema(schema) => Some(sample::value(schema).to_string()),
            Output::Enum(schema) => Some(match sample::value(schema) {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            }),
        };
        Self { want, most, thought: tokens::truncate(THOUGHT, budget), calls: calls(want), filled }
    }

    fn candidate(&self, index: u32) -> Candidate {
        let mut parts = Vec::new();
        // The model thinks once, however many answers there are to choose from.
        if matches!(self.want.thinking, Thinking::Shown(_)) && index == 0 {
            parts.push(Part::Thought(Deltas::words(self.thought.to_owned())));
        }
        if !self.calls.is_empty() {
            parts.extend(self.calls.iter().cloned().map(Part::Call));
            return Candidate { parts, finish: Finish::Call, ..Candidate::default() };
        }
        let (mut finish, mut findings) = (Finish::Stop, Findings::default());
        if self.want.text == Text::Wanted {
            let code = own_tools::code(self.want);
            let spent = code.iter().map(own_tools::tokens_of).sum();
            parts.extend(code);
            let (text, reason) = self.limit(&self.content(index), spent);
            finish = reason;
            findings = own_tools::findings(self.want, &text);
            if !text.is_empty() {
                let cut = if self.want.logprobs.is_some() { Deltas::tokens } else { Deltas::words };
                parts.push(Part::Text(cut(text)));
            }
        }
        for modality in &self.want.media {
            match modality {
                Modality::Image => parts.push(Part::Media(media::image())),
                Modality::Audio => parts.push(Part::Media(media::sound())),
                Modality::Text | Modality::Video | Modality::Document => {}
            }
        }
        Candidate { parts, finish, findings }
    }

    fn content(&self, index: u32) -> Cow<'_, str> {
        match (&self.filled, &self.want.output) {
            (Some(filled), _) => Cow::Borrowed(filled),
            (None, Output::Json) => Cow::Owned(text::say_back_as_json(&self.want.prompt, self.most, index)),
            (None, _) => Cow::Owned(text::say_back(&self.want.prompt, self.most, index)),
        }
    }

    /// Cut in front of the first stop sequence, and behind the last token
    /// allowed, so many being spent already.
    fn limit(&self, text: &str, spent: u64) -> (String, Finish) {
        let stops = self.want.stop.iter().filter(|stop| !stop.is_empty());
        let met = stops.filter_map(|stop| Some((text.find(stop.as_str())?, stop))).min();
        let text = &text[..met.map_or(text.len(), |(at, _)| at)];
        // Thoughts are spent first, and may leave nothing.
        let spent = spent + tokens::count(self.thought);
        let cut = tokens::truncate(text, self.most.saturating_sub(spent));
        let finish = match met {
            _ if cut.len() < text.len() => Finish::Length,
            Some((_, stop)) => Finish::Sequence(stop.clone()),
            None => Finish::Stop,
        };
        (cut.to_owned(), finish)
    }
}

/// The calls that the tool choice demands, their arguments valid under the
/// tools' schemas.
fn calls(want: &Generate) -> Vec<Call> {
    let (allowed, most) = match &want.tool_choice {
        ToolChoice::Free => return Vec::new(),
        ToolChoice::Every(allowed) => (allowed, usize::MAX),
        ToolChoice::One(allowed) => (allowed, 1),
    };
    // Each candidate says them all.
    let work = Work::shared_by(want.candidates);
    want.tools
        .iter()
        .filter(|tool| allowed.includes(&tool.name))
        .take(most)
        .map(|tool| Call::new(&tool.name, sample::object(&work, &tool.parameters)))
        .collect()
}
