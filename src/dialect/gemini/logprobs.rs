//! Log probabilities as a candidate has them.

use serde::Serialize;

use crate::{
    dialect::logprobs::{Scored, Scores},
    identity::Identity,
    tokens,
};

/// Tokens that the vocabulary of the model has.
const VOCABULARY: u64 = 262_144;

/// Where log probabilities come from.
pub(super) struct LogprobsOf<'a> {
    scores: Scores<'a>,
    identity: &'a Identity,
}

/// What became of one candidate's tokens so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Average {
    sum: f64,
    count: f64,
}

impl Average {
    /// `None` where nothing was said.
    pub(super) fn value(self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogprobsResult<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    top_candidates: Vec<TopCandidates<'a>>,
    chosen_candidates: Vec<Chosen<'a>>,
}

#[derive(Serialize)]
struct TopCandidates<'a> {
    candidates: Vec<Chosen<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Chosen<'a> {
    token: &'a str,
    token_id: u64,
    log_probability: f64,
}

impl<'i> LogprobsOf<'i> {
    /// `top` alternatives for each token; `None`: nothing was asked for.
    pub(super) fn new(top: Option<usize>, identity: &'i Identity) -> Option<Self> {
        Scores::new(top, identity).map(|scores| Self { scores, identity })
    }

    /// Of the tokens of these pieces of a candidate's text; `None` where there
    /// are none.
    pub(super) fn of<'a>(
        &self,
        texts: impl Iterator<Item = &'a str>,
        average: &mut Average,
    ) -> Option<LogprobsResult<'a>> {
        let mut result = LogprobsResult { top_candidates: Vec::new(), chosen_candidates: Vec::new() };
        for token in texts.flat_map(tokens::tokens) {
            let (chosen, top) = self.scores.score(token);
            average.sum += chosen.logprob;
            average.count += 1.0;
            result.chosen_candidates.push(self.named(chosen));
            if !top.is_empty() {
                let candidates = top.into_iter().map(|scored| self.named(scored)).collect();
                result.top_candidates.push(TopCandidates { candidates });
            }
        }
        (!result.chosen_candidates.is_empty()).then_some(result)
    }

    /// With the token's number, which is the same in all answers.
    fn named<'a>(&self, Scored { token, logprob }: Scored<'a>) -> Chosen<'a> {
        let token_id = self.identity.draw_for_server(&format!("token {token}")).below(VOCABULARY);
        Chosen { token, token_id, log_probability: logprob }
    }
}
