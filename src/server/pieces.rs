//! The pieces of a body, as they are held until they are sent.
//!
//! A stream that is paced holds its events for as long as it is open, and events
//! are alike but for a few places. What differs from the piece before is some tens
//! of bytes where an event has hundreds; ten thousand open streams tell.

use bytes::Bytes;

/// What is smaller is not worth the work.
const WORTH: usize = 2048;
/// How far behind a difference two pieces are looked through for what they have in
/// common again, and how long that must be.
const NEAR: usize = 32;
const COMMON: usize = 8;
/// Places that are compared for one body at the most, so that none that is made
/// for it holds the server up. What comes after is held as it stands.
const WORK: usize = 1 << 20;

/// The pieces that are still to be sent.
#[derive(Debug)]
pub(super) struct Pieces {
    count: usize,
    bytes: usize,
    held: Held,
}

#[derive(Debug)]
enum Held {
    /// One behind the other, and where each ends.
    Plain { rest: Bytes, sent: usize, ends: std::vec::IntoIter<usize> },
    /// As differences, and the piece that was sent last.
    Packed { packed: Box<[u8]>, at: usize, last: Bytes },
}

impl Pieces {
    /// The pieces of a body that end there; the last end is the body's.
    pub(super) fn new(body: Bytes, ends: Vec<usize>) -> Self {
        let (count, bytes) = (ends.len(), body.len());
        Self { count, bytes, held: Held::Plain { rest: body, sent: 0, ends: ends.into_iter() } }
    }

    /// The same in less memory, where that is worth it.
    pub(super) fn packed(mut self) -> Self {
        if self.bytes < WORTH || self.count < 2 {
            return self;
        }
        let (mut packer, mut last) = (Packer { packed: Vec::new(), work: WORK }, Bytes::new());
        let (count, bytes) = (self.count, self.bytes);
        while let Some(piece) = self.take() {
            packer.add(&last, &piece);
            last = piece;
        }
        let held = Held::Packed { packed: packer.packed.into(), at: 0, last: Bytes::new() };
        Self { count, bytes, held }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many bytes they have together.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The next one.
    pub(super) fn take(&mut self) -> Option<Bytes> {
        self.count = self.count.checked_sub(1)?;
        let piece = match &mut self.held {
            Held::Plain { rest, sent, ends } => {
                let end = ends.next()?;
                let length = end - *sent;
                *sent = end;
                rest.split_to(length)
            }
            Held::Packed { packed, at, last } => {
                let mut rest = packed.get(*at..)?;
                *last = unpack(last, &mut rest)?.into();
                *at = packed.len() - rest.len();
                last.clone()
            }
        };
        self.bytes = self.bytes.saturating_sub(piece.len());
        Some(piece)
    }
}

/// Writes pieces as differences. A piece is its length, and steps until it has
/// that: how much is copied from the piece before, how much of that is passed over
/// then, and how much is new, with the new bytes.
struct Packer {
    packed: Vec<u8>,
    work: usize,
}

impl Packer {
    fn add(&mut self, mut last: &[u8], mut piece: &[u8]) {
        self.number(piece.len());
        while !piece.is_empty() {
            let copied = last.iter().zip(piece).take_while(|(one, other)| one == other).count();
            (last, piece) = (&last[copied..], &piece[copied..]);
            let all = (last.len(), piece.len());
            let (passed, new) = match piece.is_empty() || last.len() < COMMON {
                true => all,
                false => self.differing(last, piece).unwrap_or(all),
            };
            for number in [copied, passed, new] {
                self.number(number);
            }
            self.packed.extend_from_slice(&piece[..new]);
            (last, piece) = (&last[passed..], &piece[new..]);
        }
    }

    /// How much differs of each until they have the same again, the least first.
    fn differing(&mut self, last: &[u8], piece: &[u8]) -> Option<(usize, usize)> {
        for both in 1..=2 * NEAR {
            for passed in both.saturating_sub(NEAR)..=both.min(NEAR) {
                let new = both - passed;
                self.work = self.work.checked_sub(1)?;
                if let (Some(old), Some(own)) =
                    (last.get(passed..passed + COMMON), piece.get(new..new + COMMON))
                    && old == own
                {
                    return Some((passed, new));
                }
            }
        }
        None
    }

    /// Seven bits a byte, the lowest first; the highest bit says that more follow.
    fn number(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.packed.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.packed.push(number as u8);
    }
}

/// Takes the next piece off; `None` where there is not what a packer writes.
fn unpack(mut last: &[u8], packed: &mut &[u8]) -> Option<Vec<u8>> {
    let length = number(packed)?;
    let mut piece = Vec::with_capacity(length);
    while piece.len() < length {
        let (copied, passed, new) = (number(packed)?, number(packed)?, number(packed)?);
        piece.extend_from_slice(last.split_off(..copied)?);
        last.split_off(..passed)?;
        piece.extend_from_slice(packed.split_off(..new)?);
    }
    Some(piece)
}

fn number(packed: &mut &[u8]) -> Option<usize> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = *packed.split_off_first()?;
        number |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(number);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(texts: &[impl AsRef<[u8]>]) -> Pieces {
        let body: Vec<u8> = texts.iter().flat_map(AsRef::as_ref).copied().collect();
        let ends = texts.iter().scan(0, |end, text| {
            *end += text.as_ref().len();
            Some(*end)
        });
        Pieces::new(body.into(), ends.collect())
    }

    fn held(pieces: &Pieces) -> usize {
        match &pieces.held {
            Held::Plain { rest, .. } => rest.len(),
            Held::Packed { packed, .. } => packed.len(),
        }
    }

    fn event(number: usize) -> String {
        format!(
            "data: {{\"text\": \" {}\", \"tokens\": {number}, \"id\": \"{}\"}}\n\n",
            "x".repeat(number % 7),
            "i".repeat(300)
        )
    }

    #[test]
    fn what_is_alike_is_held_once() {
        let events: Vec<_> = (0..50).map(event).collect();
        let mut packed = pieces(&events).packed();
        assert!(held(&packed) < 300 + 60 + 50 * 20, "{}", held(&packed));
        for (sent, event) in events.iter().enumerate() {
            assert_eq!(packed.count(), 50 - sent);
            assert_eq!(packed.bytes(), events[sent..].concat().len());
            assert_eq!(packed.take().unwrap(), event);
        }
        assert!(packed.take().is_none());
        assert_eq!((packed.count(), packed.bytes()), (0, 0));
    }

    #[test]
    fn what_is_small_or_a_single_piece_is_left_as_it_is() {
        for texts in [vec![event(1), event(2)], vec!["x".repeat(100_000)], vec![]] {
            let packed = pieces(&texts).packed();
            assert!(matches!(packed.held, Held::Plain { .. }));
        }
    }

    #[test]
    fn what_has_nothing_in_common_takes_limited_work_and_little_more_room() {
        let noise = |seed: usize| {
            (0..4_000).map(move |at: usize| (at.wrapping_mul(seed * 2_654_435_761) >> 13) as u8)
        };
        let texts: Vec<Vec<u8>> = (1..2_000).map(|seed| noise(seed).collect()).collect();
        let mut packed = pieces(&texts).packed();
        assert!(held(&packed) < 2_000 * 4_100);
        for text in texts {
            assert_eq!(packed.take().unwrap(), text);
        }
    }

    proptest! {
        #[test]
        fn every_piece_comes_out_as_it_went_in(
            texts in prop::collection::vec("[ab]{0,3}(data: [a-c]{0,40} the same end of all){0,4}", 2..40),
        ) {
            let whole = texts.concat().len();
            let mut packed = pieces(&texts).packed();
            prop_assert_eq!(matches!(packed.held, Held::Packed { .. }), whole >= WORTH);
            for text in &texts {
                prop_assert_eq!(packed.take().unwrap(), text);
            }
        }
    }
}
