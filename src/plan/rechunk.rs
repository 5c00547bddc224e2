//! Seeded re-chunking: the same body, cut differently.

use std::{ops::Range, time::Duration};

use super::laid::Laid;
use crate::identity::Draw;

/// How a body is cut instead of as planned.
#[derive(Debug, Default)]
pub(super) struct Recut {
    /// Further bounds of chunks.
    pub(super) bounds: Vec<usize>,
    /// Stretches of two pieces that leave in one, and the bound between them.
    pub(super) joined: Vec<(Range<usize>, usize)>,
    /// Further ends of writes.
    pub(super) cuts: Vec<usize>,
}

/// The gap behind a write that ends where it would not have.
pub(super) const GAP: Duration = Duration::from_millis(1);

/// Writes that an answer is cut into at the most: each takes its time.
const MOST_CUTS: usize = 64;

/// Bytes of an event that is cut into single ones at the most.
const LONGEST_DRIBBLE: usize = 2_000;

/// What becomes of one piece.
enum Fate {
    Whole,
    WithTheNext,
    Bytes,
    InCharacters,
    InLineEnds,
    InField,
    Anywhere,
}

/// How a body is cut, as luck has it.
pub(super) fn recut(laid: &Laid, draw: &mut Draw) -> Recut {
    let mut recut = Recut::default();
    let mut start = 0;
    for (at, (end, _)) in laid.pieces.iter().enumerate() {
        let piece = &laid.body[start..*end];
        let fate = match draw.below(7) {
            0 => Fate::Whole,
            1 => Fate::WithTheNext,
            2 if piece.len() <= LONGEST_DRIBBLE => Fate::Bytes,
            3 => Fate::InCharacters,
            4 => Fate::InLineEnds,
            5 => Fate::InField,
            _ => Fate::Anywhere,
        };
        let places: Vec<usize> = match fate {
            Fate::Whole => Vec::new(),
            Fate::WithTheNext => {
                let next = laid.pieces.get(at + 1);
                recut.joined.extend(next.map(|(next, _)| (start..*next, *end)));
                Vec::new()
            }
            Fate::Bytes => (1..piece.len()).collect(),
            Fate::InCharacters => inside(piece, |byte| (0xc2..=0xf4).contains(&byte)),
            Fate::InLineEnds => inside(piece, |byte| byte == b'\r' || byte == b'\n'),
            Fate::InField => (1..piece.len().min(6)).filter(|_| draw.below(2) == 0).collect(),
            Fate::Anywhere => (0..draw.below(4))
                .filter_map(|_| usize::try_from(draw.below(piece.len().max(1) as u64)).ok())
                .filter(|place| *place > 0)
                .collect(),
        };
        // Some clients stumble over chunks, some over segments, some over both.
        let how = draw.below(3);
        for place in places {
            if how != 1 {
                recut.bounds.push(start + place);
            }
            if how != 0 && recut.cuts.len() < MOST_CUTS {
                recut.cuts.push(start + place);
            }
        }
        start = *end;
    }
    recut
}

/// Behind each byte of a sort that does not end the piece.
fn inside(piece: &[u8], is_first: impl Fn(u8) -> bool) -> Vec<usize> {
    (1..piece.len()).filter(|at| is_first(piece[at - 1])).collect()
}
