//! The built-in vectors: a function of the text alone. Texts that share words
//! are nearer to each other than texts that do not, and no two are the same.

use crate::{
    ask::{Embed, Vendor},
    reply::Embeddings,
};

/// Places of the vector that a word adds to.
const PLACES: usize = 8;

/// What the text as a whole adds, beside its words: enough to tell texts apart
/// that consist of the same ones.
const WHOLE: f64 = 0.2;

/// Letters up to which a longer word counts more.
const LONG: u32 = 8;

/// A vector for every input.
pub(super) fn vectors(model: &str, want: &Embed) -> Embeddings {
    let usual = dimensions(model, want.vendor);
    let inputs = want.inputs.iter().enumerate();
    Embeddings {
        vectors: inputs.map(|(at, text)| vector(text, want.dimensions_of(at).unwrap_or(usual))).collect(),
        tokens: want.tokens,
    }
}

/// How many numbers a model's vectors have where the caller does not say it.
pub fn dimensions(model: &str, vendor: Vendor) -> usize {
    match vendor {
        Vendor::OpenAi if model == "text-embedding-3-large" => 3072,
        Vendor::OpenAi => 1536,
        Vendor::Google if model.starts_with("gemini-embedding") => 3072,
        Vendor::Google | Vendor::Anthropic => 768,
    }
}

/// The vector of a text, of length 1; of no dimensions there is none.
pub fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; dimensions];
    if sums.is_empty() {
        return Vec::new();
    }
    for (hash, letters) in words(text) {
        let mut row = Row(hash);
        for _ in 0..PLACES {
            let drawn = row.next();
            // A multiplication spreads the upper half over the places.
            let place = ((drawn >> 32) * dimensions as u64) >> 32;
            let amount = f64::from(letters.min(LONG));
            sums[place as usize] += if drawn & 1 == 0 { amount } else { -amount };
        }
    }
    let own = length(&sums);
    let mut row = Row(text.bytes().fold(START, fold));
    // Each is between -1 and 1, and all together are as long as the root of a
    // third of their number.
    let scale = if own == 0.0 { 1.0 } else { WHOLE * own / (dimensions as f64 / 3.0).sqrt() };
    for sum in &mut sums {
        *sum += scale * (row.next() as i64 as f64 / 9_223_372_036_854_775_808.0);
    }
    let length = length(&sums);
    sums.into_iter().map(|sum| (sum / length) as f32).collect()
}

fn length(numbers: &[f64]) -> f64 {
    numbers.iter().map(|number| number * number).sum::<f64>().sqrt()
}

/// The words of a text, in lower case: a hash of each, and how many letters it
/// has. Where a script puts no blanks, each of its characters is a word.
fn words(text: &str) -> impl Iterator<Item = (u64, u32)> {
    let mut rest = text.chars().peekable();
    std::iter::from_fn(move || {
        while rest.next_if(|letter| !letter.is_alphanumeric()).is_some() {}
        let (mut hash, mut letters) = (START, 0);
        while let Some(letter) =
            rest.next_if(|letter| letter.is_alphanumeric() && (letters == 0 || !stands_alone(*letter)))
        {
            let mut bytes = [0; 4];
            for lower in letter.to_lowercase() {
                hash = lower.encode_utf8(&mut bytes).bytes().fold(hash, fold);
            }
            letters += 1;
            if stands_alone(letter) {
                break;
            }
        }
        (letters > 0).then_some((hash, letters))
    })
}

/// Whether a letter belongs to a script without blanks: the East Asian ones
/// stand behind this, Hangul aside.
fn stands_alone(letter: char) -> bool {
    matches!(letter, '\u{2e80}'..='\u{abff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..)
}

/// FNV-1a.
const START: u64 = 0xcbf2_9ce4_8422_2325;

fn fold(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}

/// A row of numbers that follows from its first (SplitMix64).
struct Row(u64);

impl Row {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let number = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 9] =
        ["", " ", "a", "A", "a b", "b a", "The cat sat on the mat.", "The cat sat on the mat", "東京は晴れ"];

    fn nearness(one: &str, other: &str) -> f32 {
        let [one, other] = [one, other].map(|text| vector(text, 768));
        one.iter().zip(&other).map(|(one, other)| one * other).sum()
    }

    #[test]
    fn every_vector_has_length_one() {
        for text in TEXTS {
            for dimensions in [1, 2, 3, 768, 3072] {
                let vector = vector(text, dimensions);
                assert_eq!(vector.len(), dimensions);
                let squares: f32 = vector.iter().map(|number| number * number).sum();
                assert!((squares - 1.0).abs() < 1e-4, "{text:?} {dimensions}: {squares}");
            }
        }
        assert!(vector("a", 0).is_empty());
    }

    #[test]
    fn equal_texts_have_equal_vectors_and_no_others_do() {
        for (at, one) in TEXTS.iter().enumerate() {
            assert_eq!(vector(one, 256), vector(one, 256));
            for other in &TEXTS[at + 1..] {
                assert_ne!(vector(one, 256), vector(other, 256), "{one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn texts_that_share_words_are_near_each_other() {
        let near = nearness("How do I reset my password?", "I forgot my password, how can I reset it?");
        let far = nearness("How do I reset my password?", "The weather in Zürich is sunny today.");
        assert!(near > 0.6 && far < 0.2, "{near} and {far}");
        assert!(nearness("The cat sat", "the CAT sat!") > 0.9);
        assert!(nearness("東京は晴れ", "東京は雨") > 0.4);
    }

    #[test]
    fn a_model_s_vectors_are_as_long_as_those_of_the_real_one() {
        for (model, vendor, expected) in [
            ("text-embedding-3-small", Vendor::OpenAi, 1536),
            ("text-embedding-3-large", Vendor::OpenAi, 3072),
            ("any", Vendor::OpenAi, 1536),
            ("gemini-embedding-001", Vendor::Google, 3072),
            ("text-embedding-004", Vendor::Google, 768),
        ] {
            let want = Embed { inputs: vec!["x".to_owned()], vendor, ..Embed::default() };
            assert_eq!(vectors(model, &want).vectors[0].len(), expected, "{model}");
        }
    }

    #[test]
    fn each_input_has_the_dimensions_that_are_asked_for_it() {
        let want = Embed {
            inputs: vec!["x".to_owned(); 3],
            dimensions: Some(4),
            own_dimensions: vec![None, Some(5)],
            ..Embed::default()
        };
        let lengths: Vec<_> = vectors("m", &want).vectors.iter().map(Vec::len).collect();
        assert_eq!(lengths, [4, 5, 4]);
    }
}
