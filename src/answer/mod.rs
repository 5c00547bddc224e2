//! The built-in answer: what is said where no file says anything else.
//!
//! It says back what was asked, in a form that never changes, and is shaped by
//! the request: tools that must be called are called, a schema is filled, a
//! limit is kept.

mod media;
mod models;
mod pattern;
pub mod sample;
mod schema;
mod text;
mod work;

use crate::{
    ask::{Ask, Generate, Output, Text, Thinking, ToolChoice, Want},
    reply::{Call, Candidate, Deltas, Finish, Generation, Modality, Part, Reply, Usage},
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
    }
}

fn generation(want: &Generate) -> Generation {
    let candidates: Vec<_> = (0..want.candidates).map(|index| candidate(want, index)).collect();
    let mut usage = Usage { input: want.prompt.tokens.clone(), ..Usage::default() };
    for part in candidates.iter().flat_map(|candidate| &candidate.parts) {
        match part {
            Part::Text(deltas) | Part::Refusal(deltas) => usage.output += tokens::count(deltas.text()),
            Part::Call(call) => usage.output += call.tokens(),
            Part::Media(_) => usage.output += tokens::ATTACHMENT_TOKENS,
            // Counted below, since it costs also where it is not shown.
            Part::Thought(_) => {}
        }
    }
    usage.thoughts = tokens::count(thought(want));
    Generation { candidates, usage }
}

/// Tokens that one candidate may have, thoughts included.
fn most_tokens(want: &Generate) -> u64 {
    let share = OUTPUT_LIMIT / u64::from(want.candidates.max(1));
    want.max_tokens.unwrap_or(share).min(share)
}

fn thought(want: &Generate) -> &'static str {
    let most = most_tokens(want);
    tokens::truncate(THOUGHT, want.thinking.budget().map_or(most, |budget| budget.min(most)))
}

fn candidate(want: &Generate, index: u32) -> Candidate {
    let mut parts = Vec::new();
    // The model thinks once, however many answers there are to choose from.
    if matches!(want.thinking, Thinking::Shown(_)) && index == 0 {
        parts.push(Part::Thought(Deltas::words(thought(want).to_owned())));
    }
    let calls = calls(want);
    if !calls.is_empty() {
        parts.extend(calls.into_iter().map(Part::Call));
        return Candidate { parts, finish: Finish::Call };
    }
    let mut finish = Finish::Stop;
    if want.text == Text::Wanted {
        let (text, reason) = limit(content(want, index), want);
        finish = reason;
        if !text.is_empty() {
            let cut = if want.logprobs.is_some() { Deltas::tokens } else { Deltas::words };
            parts.push(Part::Text(cut(text)));
        }
    }
    for modality in &want.media {
        match modality {
            Modality::Image => parts.push(Part::Media(media::IMAGE)),
            Modality::Audio => parts.push(Part::Media(media::SOUND)),
            Modality::Text | Modality::Video | Modality::Document => {}
        }
    }
    Candidate { parts, finish }
}

/// The calls that the tool choice demands, their arguments valid under the
/// tools' schemas.
fn calls(want: &Generate) -> Vec<Call> {
    let (allowed, most) = match &want.tool_choice {
        ToolChoice::Free => return Vec::new(),
        ToolChoice::Every(allowed) => (allowed, usize::MAX),
        ToolChoice::One(allowed) => (allowed, 1),
    };
    want.tools
        .iter()
        .filter(|tool| allowed.includes(&tool.name))
        .take(most)
        .map(|tool| Call { name: tool.name.clone(), arguments: sample::object(&tool.parameters) })
        .collect()
}

fn content(want: &Generate, index: u32) -> String {
    match &want.output {
        Output::Text => text::say_back(&want.prompt, index),
        Output::Json => text::say_back_as_json(&want.prompt, index),
        Output::Schema(schema) => sample::value(schema).to_string(),
        Output::Enum(schema) => match sample::value(schema) {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        },
    }
}

/// Cut in front of the first stop sequence, and behind the last token allowed.
fn limit(mut text: String, want: &Generate) -> (String, Finish) {
    let stop = want.stop.iter().filter(|stop| !stop.is_empty());
    if let Some(at) = stop.filter_map(|stop| text.find(stop.as_str())).min() {
        text.truncate(at);
    }
    // Thoughts are spent first, and may leave nothing.
    let most = most_tokens(want) - tokens::count(thought(want));
    let length = tokens::truncate(&text, most).len();
    if length == text.len() {
        return (text, Finish::Stop);
    }
    text.truncate(length);
    (text, Finish::Length)
}
