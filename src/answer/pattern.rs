//! A text that fits a regular expression: the plainest one, short.

use std::ops::RangeInclusive;

use regex_syntax::hir::{Class, Hir, HirKind};

use super::work::Work;

/// Repetitions tried beyond the fewest, to reach a wanted length.
const MOST_REPETITIONS: u32 = 64;

/// What stands for a class of characters, where it has them.
const PLAIN: &str = "aA0bB1cC2dD3eE4fF5 -_";

/// Characters of a text at the most.
const LONGEST_TEXT: usize = 100_000;

/// The `nth` text that fits, of `length` characters if there is such a one;
/// `None` where the expression cannot be read (look-around is not regular).
pub(super) fn sample(
    work: &Work,
    pattern: &str,
    length: RangeInclusive<usize>,
    nth: usize,
) -> Option<String> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let (mut right, mut others) = (Vec::new(), Vec::new());
    let turns = if nth == 0 { 1 } else { PLAIN.len() };
    for variation in
        (0..turns).flat_map(|turn| (0..MOST_REPETITIONS).map(move |more| Variation { turn, more }))
    {
        let mut text = String::new();
        variation.write(work, &hir, &mut text)?;
        // An expression that is open at its end has more texts than it asks for.
        let more = PLAIN.chars().nth(variation.turn).filter(|_| variation.turn > 0);
        if let Some(more) = more.filter(|more| fits(work, pattern, &format!("{text}{more}"))) {
            text.push(more);
        }
        let list = if length.contains(&text.chars().count()) { &mut right } else { &mut others };
        work.spend(list.len())?;
        if list.len() <= nth && !list.contains(&text) && fits(work, pattern, &text) {
            list.push(text);
        }
        if right.len() > nth {
            break;
        }
    }
    let mut found = if right.is_empty() { others } else { right };
    let last = found.len().checked_sub(1)?;
    Some(found.swap_remove(nth.min(last)))
}

/// Whether a text fits; an expression that cannot be read fits all.
pub(super) fn fits(work: &Work, pattern: &str, text: &str) -> bool {
    work.spend(text.len()).is_none() || work.expression(pattern).is_none_or(|regex| regex.is_match(text))
}

/// One of the texts that an expression stands for.
#[derive(Clone, Copy)]
struct Variation {
    /// Which of its characters stands for a class.
    turn: usize,
    /// How often a repetition is done beyond the fewest, as far as it may.
    more: u32,
}

impl Variation {
    /// `None` if it gets too long.
    fn write(self, work: &Work, hir: &Hir, text: &mut String) -> Option<()> {
        work.spend(1)?;
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
            HirKind::Class(class) => text.extend(self.character(class)),
            HirKind::Repetition(repetition) => {
                let (least, most) = (repetition.min, repetition.max.unwrap_or(u32::MAX));
                for _ in 0..least.saturating_add(self.more).min(most) {
                    self.write(work, &repetition.sub, text)?;
                }
            }
            HirKind::Capture(capture) => self.write(work, &capture.sub, text)?,
            HirKind::Concat(all) => all.iter().try_for_each(|hir| self.write(work, hir, text))?,
            HirKind::Alternation(any) => self.write(work, &any[self.turn % any.len()], text)?,
        }
        (text.len() <= LONGEST_TEXT).then_some(())
    }

    /// A letter or a digit where the class has one.
    fn character(self, class: &Class) -> Option<char> {
        let ranges: Vec<(char, char)> = match class {
            Class::Unicode(class) => {
                class.ranges().iter().map(|range| (range.start(), range.end())).collect()
            }
            Class::Bytes(class) => class
                .ranges()
                .iter()
                .map(|range| (char::from(range.start()), char::from(range.end())))
                .collect(),
        };
        let has = |wanted: &char| ranges.iter().any(|(start, end)| (start..=end).contains(&wanted));
        let plain: Vec<_> = PLAIN.chars().filter(has).collect();
        match plain.len() {
            0 => ranges.first().map(|(start, _)| *start),
            count => Some(plain[self.turn % count]),
        }
    }
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
            let text = sample(&Work::new(), pattern, 0..=usize::MAX, 0).unwrap();
            assert!(fits(&Work::new(), pattern, &text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_length_is_reached_by_repeating() {
        assert_eq!(sample(&Work::new(), "^a+$", 5..=8, 0).unwrap(), "aaaaa");
        assert_eq!(sample(&Work::new(), "^(?=x)", 0..=9, 0), None);
    }

    #[test]
    fn each_number_gives_another_text() {
        for pattern in ["^[a-z]{3}$", "^x+$", "^(one|two|three)$", "^x_"] {
            let texts = [0, 1, 2].map(|nth| sample(&Work::new(), pattern, 0..=usize::MAX, nth).unwrap());
            assert!(texts[0] != texts[1] && texts[1] != texts[2] && texts[0] != texts[2], "{texts:?}");
        }
    }
}
