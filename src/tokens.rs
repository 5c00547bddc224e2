//! How much a text is: words, which is what a stream hands out one by one, and
//! tokens, by which usage is counted.
//!
//! No real tokenizer stands behind this. The rule is one sentence, so that a
//! test can work out any count by hand: *a token is a word with the blanks in
//! front of it, cut into pieces of six characters; an attachment is 258*.

/// Characters in one token at the most.
pub const TOKEN_CHARS: usize = 6;

/// What an image, a recording, a film or a file counts, whatever its size:
/// Google's price of a small image.
pub const ATTACHMENT_TOKENS: u64 = 258;

/// The words of a text, each with the blanks in front of it. Put together they
/// are the text again; blanks at its end are a word of their own.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let start = rest.len() - rest.trim_start().len();
        let length = rest[start..].find(char::is_whitespace);
        let (word, behind) = rest.split_at(length.map_or(rest.len(), |length| start + length));
        rest = behind;
        Some(word)
    })
}

/// The tokens of a text. Put together they are the text again.
pub fn tokens(text: &str) -> impl Iterator<Item = &str> {
    words(text).flat_map(|word| {
        let mut rest = word;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let cut = rest.char_indices().nth(TOKEN_CHARS);
            let (token, behind) = rest.split_at(cut.map_or(rest.len(), |(at, _)| at));
            rest = behind;
            Some(token)
        })
    })
}

/// How many tokens a text has.
pub fn count(text: &str) -> u64 {
    if !text.is_ascii() {
        return words(text).map(|word| word.chars().count().div_ceil(TOKEN_CHARS) as u64).sum();
    }
    // The same for the common case, where a byte is a character.
    let (mut count, mut length, mut is_word) = (0, 0_usize, false);
    for byte in text.bytes() {
        let is_blank = BLANKS[usize::from(byte)];
        if is_blank && is_word {
            count += length.div_ceil(TOKEN_CHARS);
            (length, is_word) = (0, false);
        }
        is_word |= !is_blank;
        length += 1;
    }
    (count + length.div_ceil(TOKEN_CHARS)) as u64
}

/// Which ASCII characters are blanks to Unicode.
const BLANKS: [bool; 256] = {
    let mut blanks = [false; 256];
    let mut at = 0;
    while at < 0x80 {
        blanks[at] = matches!(at as u8, b' ' | b'\t'..=b'\r');
        at += 1;
    }
    blanks
};

/// The longest beginning of a text that has no more than `limit` tokens.
pub fn truncate(text: &str, limit: u64) -> &str {
    // No token is shorter than a byte.
    if text.len() as u64 <= limit {
        return text;
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let length = tokens(text).take(limit).map(str::len).sum();
    &text[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_blanks_in_front() {
        let found: Vec<_> = words("one  two\nthree ").collect();
        assert_eq!(found, ["one", "  two", "\nthree", " "]);
    }

    #[test]
    fn tokens_are_six_characters_long_at_the_most() {
        let found: Vec<_> = tokens("Hello wonderful wörld").collect();
        assert_eq!(found, ["Hello", " wonde", "rful", " wörld"]);
        assert_eq!(count("Hello wonderful wörld"), 4);
        assert_eq!(count(""), 0);
    }

    #[test]
    fn a_text_is_cut_behind_a_whole_token() {
        assert_eq!(truncate("Hello wonderful world", 2), "Hello wonde");
        assert_eq!(truncate("Hello", 9), "Hello");
        assert_eq!(truncate("Hello", 0), "");
    }
}
