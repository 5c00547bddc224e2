//! Log probabilities as a completion has them.

use serde::Serialize;

use super::chunks::Step;
use crate::{
    dialect::logprobs::{Scored, Scores},
    identity::Identity,
    reply::{Candidate, Deltas, Part},
};

/// Where log probabilities come from, if they were asked for.
pub(super) struct LogprobsOf<'a>(Option<Scores<'a>>);

#[derive(Serialize)]
pub(super) struct Logprobs<'a> {
    content: Option<Vec<Token<'a>>>,
    refusal: Option<Vec<Token<'a>>>,
}

/// A token, and what might have stood there.
#[derive(Serialize)]
pub(super) struct Token<'a> {
    #[serde(flatten)]
    token: Logprob<'a>,
    top_logprobs: Vec<Logprob<'a>>,
}

#[derive(Serialize)]
struct Logprob<'a> {
    token: &'a str,
    logprob: f64,
    bytes: &'a [u8],
}

impl<'a> From<Scored<'a>> for Logprob<'a> {
    fn from(Scored { token, logprob }: Scored<'a>) -> Self {
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
        Self(Scores::new(top, identity))
    }

    /// Of a whole candidate, each of its deltas being a token.
    pub(super) fn of_candidate<'a>(&self, candidate: &'a Candidate) -> Option<Logprobs<'a>> {
        let scores = self.0.as_ref()?;
        let score = |deltas: &'a Deltas| deltas.iter().map(|token| scored(scores, token)).collect::<Vec<_>>();
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
        self.of_tokens(deltas.iter())
    }

    /// Of these tokens.
    pub(super) fn of_tokens<'a>(&self, tokens: impl IntoIterator<Item = &'a str>) -> Vec<Token<'a>> {
        let Some(scores) = &self.0 else { return Vec::new() };
        tokens.into_iter().map(|token| scored(scores, token)).collect()
    }

    /// Whether they were asked for.
    pub(super) fn are_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Of one chunk, whose text is a token.
    pub(super) fn of_step<'a>(&self, step: &Step<'a>) -> Option<Logprobs<'a>> {
        let scores = self.0.as_ref()?;
        match step {
            Step::Text(token) => Some(Logprobs { content: Some(vec![scored(scores, token)]), refusal: None }),
            Step::Refusal(token) => {
                Some(Logprobs { content: None, refusal: Some(vec![scored(scores, token)]) })
            }
            _ => None,
        }
    }
}

fn scored<'a>(scores: &Scores<'_>, token: &'a str) -> Token<'a> {
    let (token, top) = scores.score(token);
    Token { token: token.into(), top_logprobs: top.into_iter().map(Logprob::from).collect() }
}
