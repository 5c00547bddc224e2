//! Log probabilities of the tokens of an answer. They are made up, the same
//! way every time.

use std::cell::Cell;

use crate::identity::Identity;

/// What might have stood there instead.
const ALTERNATIVES: [&str; 20] = [
    " the", " a", " it", " that", " this", " and", " to", " of", " in", " is", " was", " for", " on", " as",
    " so", " but", " or", " not", " one", " we",
];

/// Alternatives that one answer tells at the most: behind so many, each token
/// has itself alone. They are fifty times as long as what they stand beside.
const MOST_ALTERNATIVES: usize = 200_000;

/// Where the log probabilities of one answer come from.
pub(super) struct Scores<'i> {
    top: usize,
    identity: &'i Identity,
    left: Cell<usize>,
}

/// A token and its log probability.
#[derive(Clone, Copy)]
pub(super) struct Scored<'a> {
    pub(super) token: &'a str,
    pub(super) logprob: f64,
}

impl<'i> Scores<'i> {
    /// `top` alternatives for each token; `None`: nothing was asked for.
    pub(super) fn new(top: Option<usize>, identity: &'i Identity) -> Option<Self> {
        let left = Cell::new(MOST_ALTERNATIVES);
        top.map(|top| Self { top: top.min(ALTERNATIVES.len()), identity, left })
    }

    /// A token, and the likeliest of those that might have stood there: itself,
    /// then the others.
    pub(super) fn score<'a>(&self, token: &'a str) -> (Scored<'a>, Vec<Scored<'a>>) {
        let mut draw = self.identity.draw(&format!("logprob {token}"));
        let mut milli = draw.below(500);
        let scored = Scored { token, logprob: logprob(milli) };
        let alternatives = ALTERNATIVES.iter().filter(|text| **text != token).map(|text| {
            milli += 1 + draw.below(2000);
            Scored { token: text, logprob: logprob(milli) }
        });
        let top = if self.left.get() > 0 { self.top } else { self.top.min(1) };
        self.left.set(self.left.get().saturating_sub(top));
        (scored, std::iter::once(scored).chain(alternatives).take(top).collect())
    }
}

/// Thousandths, so that the number is printed short.
fn logprob(milli: u64) -> f64 {
    -(u32::try_from(milli).map_or(f64::MAX, f64::from)) / 1000.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{identity::Fingerprint, request::Request};

    #[test]
    fn a_long_answer_s_alternatives_come_to_an_end() {
        let fingerprint = Fingerprint::new("d", &Request::default(), Some(&json!({})));
        let identity = Identity::new(0, fingerprint, 0);
        let scores = Scores::new(Some(20), &identity).unwrap();
        assert!((0..10_000).all(|_| scores.score(" x").1.len() == 20));
        assert_eq!(scores.score(" x").1.len(), 1);
    }
}
