//! A text that fits a regular expression: the plainest one, short.

use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Repetitions tried beyond the fewest, to reach a wanted length.
const MOST_REPETITIONS: u32 = 64;

/// A text of `length` characters that fits, or of any length if there is none;
/// `None` where the expression cannot be read (look-around is not regular).
pub(super) fn sample(pattern: &str, length: std::ops::RangeInclusive<usize>) -> Option<String> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let regex = Regex::new(pattern).ok()?;
    let mut fitting = (0..MOST_REPETITIONS)
        .map(|more| {
            let mut text = String::new();
            write(&hir, more, &mut text);
            text
        })
        .filter(|text| regex.is_match(text));
    let first = fitting.next()?;
    let is_right = |text: &String| length.contains(&text.chars().count());
    if is_right(&first) {
        return Some(first);
    }
    Some(fitting.find(is_right).unwrap_or(first))
}

/// Whether a text fits; an expression that cannot be read fits all.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).map_or(true, |regex| regex.is_match(text))
}

/// Each repetition is done `more` times beyond the fewest, as far as it may.
fn write(hir: &Hir, more: u32, text: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => text.extend(character(class)),
        HirKind::Repetition(repetition) => {
            let times = repetition.min.saturating_add(more);
            let times = repetition.max.map_or(times, |max| times.min(max));
            for _ in 0..times.max(repetition.min).min(repetition.min.max(MOST_REPETITIONS)) {
                write(&repetition.sub, more, text);
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, more, text),
        HirKind::Concat(all) => all.iter().for_each(|hir| write(hir, more, text)),
        HirKind::Alternation(any) => {
            if let Some(first) = any.first() {
                write(first, more, text);
            }
        }
    }
}

/// A letter or a digit where the class has one.
fn character(class: &Class) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => {
            class.ranges().iter().map(|range| (char::from(range.start()), char::from(range.end()))).collect()
        }
    };
    let has = |wanted: &char| ranges.iter().any(|(start, end)| (start..=end).contains(&wanted));
    "aA0bB1 -_".chars().find(has).or_else(|| ranges.first().map(|(start, _)| *start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_their_patterns() {
        for pattern in [
            "^[A-Z]{3}-\\d{4}$",
            "^(foo|bar)+$",
            "^#[0-9a-fA-F]{6}$",
            "^\\+?[1-9]\\d{1,14}$",
            "^[^@]+@[^@]+\\.[a-z]{2,}$",
            "x",
            ".*",
        ] {
            let text = sample(pattern, 0..=usize::MAX).unwrap();
            assert!(fits(pattern, &text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_length_is_reached_by_repeating() {
        assert_eq!(sample("^a+$", 5..=8).unwrap(), "aaaaa");
        assert_eq!(sample("^(?=x)", 0..=9), None);
    }
}
