//! `POST /completions`, the completions of old: a text that is gone on with.

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    chat::{created, finish_reason},
    fields,
    logprobs::{LogprobsOf, Token},
    read, refuse, words,
};
use crate::{
    ask::{Ask, Extra, Generate, Prompt, Shape, StreamOptions, Want},
    dialect::{Heard, Occasion, Route, event::Events, short_model, style::Style},
    reply::{ApiError, Candidate, Deltas, Finish, Generation, Modality, Part, Usage},
    tokens,
};

/// Tokens of an answer where nothing else is said.
const USUAL_LIMIT: u64 = 16;

/// Prompts and choices at the most, all together.
const MOST_CHOICES: usize = 128;

/// Bytes of prompts that are said again, in all choices together.
const MOST_REPEATED: usize = 1 << 20;

const ECHO: &str = "echo";

pub(super) fn read(heard: &Heard<'_>, body: &Value) -> Result<Ask, ApiError> {
    let model = read::model_name(&body["model"])?;
    words::check(body, fields::COMPLETIONS, heard.unknown)?;
    let prompts = prompts(&body["prompt"]).ok_or_else(refuse::invalid_prompt)?;
    let count = prompts.len() * choices(body);
    if count > MOST_CHOICES {
        return Err(refuse::too_many_choices(MOST_CHOICES, count));
    }
    if body[ECHO] == true && repeated(&prompts, body) > MOST_REPEATED {
        return Err(refuse::too_large(MOST_REPEATED as u64));
    }
    read::check_stream_options(body)?;
    if let (Some(best), Some(n)) = (body["best_of"].as_u64(), body["n"].as_u64())
        && best < n
    {
        return Err(refuse::best_of_below_n());
    }
    Ok(completion(heard.route, body, model, prompts))
}

/// A request for a completion, as far as it can be understood.
pub(super) fn guess(route: &Route, body: &Value) -> Ask {
    let model = body["model"].as_str().unwrap_or_default();
    let mut prompts = prompts(&body["prompt"]).unwrap_or_else(|| vec![(String::new(), 0)]);
    prompts.truncate((MOST_CHOICES / choices(body)).max(1));
    completion(route, body, short_model(model), prompts)
}

fn completion(route: &Route, body: &Value, model: &str, prompts: Vec<(String, u64)>) -> Ask {
    let mut prompt = Prompt { turn: 1, ..Prompt::default() };
    prompt.add_tokens(Modality::Text, prompts.iter().map(|(_, tokens)| tokens).sum());
    let is_echoed = body[ECHO] == true && repeated(&prompts, body) <= MOST_REPEATED;
    let texts: Vec<_> = prompts.into_iter().map(|(text, _)| text).collect();
    prompt.text = texts.last().cloned().unwrap_or_default();
    let top = body["logprobs"].as_u64().and_then(|top| usize::try_from(top).ok());
    let generate = Generate {
        prompt,
        candidates: u32::try_from(choices(body)).unwrap_or(1),
        stop: read::stop(&body["stop"]),
        max_tokens: Some(body["max_tokens"].as_u64().unwrap_or(USUAL_LIMIT)),
        logprobs: top,
        stream: StreamOptions { obfuscation: Extra::Left, ..read::stream_options(&body["stream_options"]) },
        prompts: texts,
        echo: if is_echoed { Extra::Sent } else { Extra::Left },
        ..Generate::default()
    };
    Ask {
        model: read::named(route.host, model),
        shape: if body["stream"] == true { Shape::Sse } else { Shape::Document },
        want: Want::Generate(Box::new(generate)),
    }
}

/// Bytes that saying the prompts again in every choice takes.
fn repeated(prompts: &[(String, u64)], body: &Value) -> usize {
    prompts.iter().map(|(text, _)| text.len().saturating_mul(choices(body))).sum()
}

/// How many choices each prompt gets. Nothing may be made without bounds.
fn choices(body: &Value) -> usize {
    let count = body["n"].as_u64().and_then(|count| usize::try_from(count).ok());
    count.unwrap_or(1).clamp(1, MOST_CHOICES)
}

/// The texts to go on with, and their sizes: a text, tokens, or a list of either.
fn prompts(value: &Value) -> Option<Vec<(String, u64)>> {
    let text = |text: &str| (text.to_owned(), tokens::count(text));
    let numbers = |list: &[Value]| {
        let numbers: Option<Vec<_>> = list.iter().map(|item| Some(item.as_u64()?.to_string())).collect();
        numbers.map(|numbers| (numbers.join(" "), numbers.len() as u64))
    };
    match value {
        Value::Null => Some(vec![text("<|endoftext|>")]),
        Value::String(prompt) => Some(vec![text(prompt)]),
        Value::Array(list) if list.is_empty() => None,
        Value::Array(list) if list.iter().all(Value::is_u64) => Some(vec![numbers(list)?]),
        Value::Array(list) => list
            .iter()
            .map(|item| match item {
                Value::String(prompt) => Some(text(prompt)),
                Value::Array(list) if !list.is_empty() => numbers(list),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// A reply as completions: candidates that can be dealt out evenly, as those of the
/// built-in answer, go round the prompts; of others each prompt gets all.
pub(super) fn say(
    ask: &Ask,
    want: &Generate,
    said: &Generation,
    style: Style,
    occasion: &Occasion<'_>,
) -> Events {
    let constants = Constants {
        id: occasion.identity.draw("id").alphanumeric("cmpl-", 29),
        created: created(occasion),
        model: &ask.model,
    };
    let prompts = want.prompts.len().max(1);
    let is_spread = said.candidates.len() >= prompts && said.candidates.len().is_multiple_of(prompts);
    let rounds = if is_spread { 1 } else { prompts };
    let all: Vec<_> = (0..rounds).flat_map(|_| &said.candidates).collect();
    let each = (all.len() / prompts).max(1);
    let is_echoed = want.echo == Extra::Sent;
    let logprobs = LogprobsOf::new(want.logprobs, occasion.identity);
    let choices: Vec<_> = all
        .into_iter()
        .enumerate()
        .map(|(index, candidate)| Choice {
            index,
            prompt: want.prompts.get(index / each).filter(|_| is_echoed).map_or("", String::as_str),
            candidate,
            logprobs: &logprobs,
        })
        .collect();
    match ask.shape {
        Shape::Document => {
            let list: Vec<_> = choices.iter().map(Choice::whole).collect();
            Events::one(style, &constants.payload(&list, Some(Some(Counts::new(&said.usage)))))
        }
        Shape::Sse | Shape::Array => stream(&constants, &choices, want, said, ask.shape),
    }
}

fn stream(
    constants: &Constants<'_>,
    choices: &[Choice<'_>],
    want: &Generate,
    said: &Generation,
    shape: Shape,
) -> Events {
    let mut rows: Vec<_> = choices.iter().map(|choice| choice.steps().into_iter()).collect();
    let mut events = Events::new(Style::Compact);
    let usage = || (want.stream.usage == Extra::Sent).then_some(None);
    // Each choice's chunks in turns, until all are through.
    while !rows.is_empty() {
        rows.retain_mut(|steps| {
            if let Some(step) = steps.next() {
                events.json(&constants.payload(&[step], usage()));
            }
            steps.len() > 0
        });
    }
    if want.stream.usage == Extra::Sent {
        events.json(&constants.payload(&[], Some(Some(Counts::new(&said.usage)))));
    }
    if shape == Shape::Sse {
        events.sentinel("[DONE]");
    }
    events
}

struct Constants<'a> {
    id: String,
    created: u64,
    model: &'a str,
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Value],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Counts>>,
}

#[derive(Serialize)]
struct Counts {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

impl Counts {
    fn new(usage: &Usage) -> Self {
        let (prompt, completion) = (usage.input_total() + usage.tool, usage.output + usage.thoughts);
        Self { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion }
    }
}

impl<'a> Constants<'a> {
    fn payload(&'a self, choices: &'a [Value], usage: Option<Option<Counts>>) -> Completion<'a> {
        Completion {
            id: &self.id,
            object: "text_completion",
            created: self.created,
            model: self.model,
            choices,
            usage,
        }
    }
}

/// One way to go on with a prompt.
struct Choice<'a> {
    index: usize,
    /// What is said again in front of it.
    prompt: &'a str,
    candidate: &'a Candidate,
    logprobs: &'a LogprobsOf<'a>,
}

impl Choice<'_> {
    /// Why it ended. Of calls there is no word here.
    fn finish(&self) -> &str {
        match &self.candidate.finish {
            Finish::Call => "stop",
            finish => finish_reason(finish),
        }
    }

    /// The deltas of all its texts.
    fn pieces(&self) -> impl Iterator<Item = &str> {
        let texts = self.candidate.parts.iter().filter_map(|part| match part.unsigned() {
            Part::Text(deltas) | Part::Refusal(deltas) | Part::Code(deltas) | Part::CodeResult(deltas) => {
                Some(deltas)
            }
            _ => None,
        });
        tokens::tokens(self.prompt).chain(texts.flat_map(Deltas::iter))
    }

    fn whole(&self) -> Value {
        let pieces: Vec<_> = self.pieces().collect();
        self.said(&pieces.concat(), &self.scores(&pieces, 0), Some(self.finish()))
    }

    /// Each delta, and the end.
    fn steps(&self) -> Vec<Value> {
        let mut offset = 0;
        let mut steps: Vec<_> = self
            .pieces()
            .map(|piece| {
                let scores = self.scores(&[piece], offset);
                offset += piece.chars().count();
                self.said(piece, &scores, None)
            })
            .collect();
        steps.push(self.said("", &Value::Null, Some(self.finish())));
        steps
    }

    fn said(&self, text: &str, logprobs: &Value, finish_reason: Option<&str>) -> Value {
        json!({"text": text, "index": self.index, "logprobs": logprobs, "finish_reason": finish_reason})
    }

    /// The probabilities in the form of old; null where they are not wanted.
    fn scores(&self, pieces: &[&str], mut offset: usize) -> Value {
        if !self.logprobs.are_wanted() {
            return Value::Null;
        }
        let (scored, start) = (self.logprobs.of_tokens(pieces.iter().copied()), offset);
        let offsets: Vec<_> = pieces
            .iter()
            .map(|piece| {
                let start = offset;
                offset += piece.chars().count();
                start
            })
            .collect();
        let top = scored.iter().map(|token| {
            Value::Object(token.alternatives().map(|(text, score)| (text.to_owned(), score.into())).collect())
        });
        json!({
            "tokens": pieces,
            "token_logprobs": self.token_logprobs(&scored, start),
            "top_logprobs": top.collect::<Vec<_>>(),
            "text_offset": offsets,
        })
    }
}

impl Choice<'_> {
    /// Nothing stands in front of a prompt that its first token could follow from.
    fn token_logprobs(&self, scored: &[Token<'_>], start: usize) -> Vec<Option<f64>> {
        let is_first = |at: usize| at == 0 && start == 0 && !self.prompt.is_empty();
        scored.iter().enumerate().map(|(at, token)| (!is_first(at)).then(|| token.logprob())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_a_text_or_tokens_or_a_list_of_either() {
        for (prompt, texts, count) in [
            (json!("Hello there"), vec!["Hello there"], 2),
            (json!(["a", "b c"]), vec!["a", "b c"], 3),
            (json!([1, 23, 4]), vec!["1 23 4"], 3),
            (json!([[1, 2], [3]]), vec!["1 2", "3"], 3),
            (json!(["a", [7]]), vec!["a", "7"], 2),
        ] {
            let read = prompts(&prompt).unwrap();
            assert_eq!(read.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), texts);
            assert_eq!(read.iter().map(|(_, tokens)| tokens).sum::<u64>(), count);
        }
        for prompt in [json!([]), json!(5), json!([[]]), json!([1, "a"]), json!({})] {
            assert!(prompts(&prompt).is_none(), "{prompt}");
        }
    }
}
