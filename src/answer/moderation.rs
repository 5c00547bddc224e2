//! The built-in judgement of a text: by words that stand for a category, so that
//! a test can have either verdict.

use crate::reply::Verdict;

/// How sure it is where a word is found, and where none is.
const SURE: f64 = 0.95;
const UNSURE: f64 = 0.000_01;

/// The categories, and words that a text is found to be about them by.
const CATEGORIES: [(&str, &[&str]); 13] = [
    ("harassment", &["idiot", "loser", "pathetic"]),
    ("harassment/threatening", &["i will hurt you", "i will find you"]),
    ("hate", &["hate all"]),
    ("hate/threatening", &["exterminate"]),
    ("illicit", &["hotwire", "launder money"]),
    ("illicit/violent", &["build a bomb", "make a bomb"]),
    ("self-harm", &["hurt myself", "kill myself", "suicide"]),
    ("self-harm/intent", &["i want to die", "kill myself"]),
    ("self-harm/instructions", &["how to commit suicide"]),
    ("sexual", &["porn", "explicit sex"]),
    ("sexual/minors", &[]),
    ("violence", &["kill them", "kill him", "kill her", "kill you", "murder", "stab"]),
    ("violence/graphic", &["dismember", "entrails"]),
];

pub(super) fn verdict(text: &str) -> Verdict {
    let text = text.to_lowercase();
    let score = |words: &[&str]| if words.iter().any(|word| text.contains(word)) { SURE } else { UNSURE };
    Verdict { scores: CATEGORIES.iter().map(|(name, words)| (*name, score(words))).collect() }
}
