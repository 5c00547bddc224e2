//! Log probabilities of the tokens of an answer. They are made up, the same
//! way every time.

use serde::Serialize;

use super::chunks::Step;
use crate::{
    identity::Identity,
    reply::{Candidate, Deltas, Part},
};

/// What might have stood there instead.
const ALTERNATIVES: [&str; 20] = [
    " the", " a", " it", " that", " this", " and", " to", " of", " in", " is", " was", " for", " on", " as",
    " so", " but", " or", " not", " one", " we",
];

/// Where log probabilities come from, if they were asked for.
pub(super) struct LogprobsOf<'a> {
    top: Option<usize>,
    identity: &'a Identity,
}

#[derive(Serialize)]
pub(super) struct Logprobs<'a> {
    content: Option<Vec<Token<'a>>>,
    refusal: Option<Vec<Token<'a>>>,
}

/// A token, and what might have stood there.
#[derive(Serialize)]
pub(super) struct Token<'a> {
    #[serde(flatten)]
    token: Scored<'a>,
    top_logprobs: Vec<Scored<'a>>,
}

#[derive(Clone, Copy, Serialize)]
struct Scored<'a> {
    token: &'a str,
    logprob: f64,
    bytes: &'a [u8],
}

impl<'a> Scored<'a> {
    fn new(token: &'a str, logprob: f64) -> Self {
        Self { token, logprob, bytes: token.as_bytes() }
    }
}

impl Token<'_> {
    pub(super) fn logprob(&self) -> f64 {
        self.token.logprob
    }

    /// What might have stood there, itself first.
    pub(super) fn alternatives(&self) -> impl Iterator<Item = (&str, f64)> {
        self.top_logprobs.iter().map(|scored| (scored.token, scored.logprob))
    }
}

impl<'i> LogprobsOf<'i> {
    /// `top` alternatives for each token; `None`: nothing was asked for.
    pub(super) fn new(top: Option<usize>, identity: &'i Identity) -> Self {
        Self { top, identity }
    }

    /// Of a whole candidate, each of its deltas being a token.
    pub(super) fn of_candidate<'a>(&self, candidate: &'a Candidate) -> Option<Logprobs<'a>> {
        let top = self.top?;
        let score =
            |deltas: &'a Deltas| deltas.iter().map(|token| self.score(token, top)).collect::<Vec<_>>();
        let (mut content, mut refusal) = (None, None);
        for part in &candidate.parts {
            let (list, deltas) = match part {
                Part::Text(deltas) => (&mut content, deltas),
                Part::Refusal(deltas) => (&mut refusal, deltas),
                _ => continue,
            };
            list.get_or_insert_with(Vec::new).extend(score(deltas));
        }
        (content.is_some() || refusal.is_some()).then_some(Logprobs { content, refusal })
    }

    /// Of a text, each of its deltas being a token; nothing where they were not
    /// asked for.
    pub(super) fn of_text<'a>(&self, deltas: &'a Deltas) -> Vec<Token<'a>> {
        if self.are_wanted() { self.of_tokens(deltas.iter()) } else { Vec::new() }
    }

    /// Of these tokens.
    pub(super) fn of_tokens<'a>(&self, tokens: impl IntoIterator<Item = &'a str>) -> Vec<Token<'a>> {
        let top = self.top.unwrap_or(0);
        tokens.into_iter().map(|token| self.score(token, top)).collect()
    }

    /// Whether they were asked for.
    pub(super) fn are_wanted(&self) -> bool {
        self.top.is_some()
    }

    /// Of one chunk, whose text is a token.
    pub(super) fn of_step<'a>(&self, step: &Step<'a>) -> Option<Logprobs<'a>> {
        let top = self.top?;
        match step {
            Step::Text(token) => {
                Some(Logprobs { content: Some(vec![self.score(token, top)]), refusal: None })
            }
            Step::Refusal(token) => {
                Some(Logprobs { content: None, refusal: Some(vec![self.score(token, top)]) })
            }
            _ => None,
        }
    }

    fn score<'a>(&self, token: &'a str, top: usize) -> Token<'a> {
        let mut draw = self.identity.draw(&format!("logprob {token}"));
        let mut milli = draw.below(500);
        let scored = Scored::new(token, logprob(milli));
        let alternatives = ALTERNATIVES.iter().filter(|text| **text != token).map(|text| {
            milli += 1 + draw.below(2000);
            Scored::new(text, logprob(milli))
        });
        let top_logprobs = std::iter::once(scored).chain(alternatives).take(top).collect();
        Token { token: scored, top_logprobs }
    }
}

/// Thousandths, so that the number is printed short.
fn logprob(milli: u64) -> f64 {
    -(u32::try_from(milli).map_or(f64::MAX, f64::from)) / 1000.0
}
