//! Places between two bytes: what a scenario says of them, and where they lie in
//! an answer.

use std::{collections::BTreeSet, fmt, ops::Range};

use super::{
    Scene,
    laid::Laid,
    list::Lookup,
    place::{Nth, Target},
};

/// A place, or several, between two bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Where.
    pub place: Place,
    /// Moved by so many bytes.
    pub offset: i64,
}

/// A place as scenarios name it.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// In front of this.
    Before(Target),
    /// Behind this.
    After(Target),
    /// Inside this.
    In(Target, Measure),
}

/// How a place inside of something is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Behind so many bytes; negative: in front of the last so many.
    Byte(i64),
    /// Behind a finding of this text.
    Find(String, Nth),
    /// Behind the end of a line.
    Line(Nth),
    /// Between CR and LF.
    Eol(Nth),
    /// Behind the first byte of a character of several bytes.
    Char(Nth),
    /// Every so many bytes.
    Every(u64),
    /// So many seeded places.
    Random(u64),
}

/// A place in an answer that is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// Among all bytes of the connection.
    Wire(usize),
    /// Directly behind so many bytes of the body.
    Body(usize),
    /// There too, but outside of the lines of chunks that are bounded there.
    Bound(usize),
    /// In front of the head.
    Start,
    /// Behind the head.
    BodyStart,
    /// Behind everything.
    End,
}

/// The answer in which places are looked for.
pub(super) struct Ground<'a> {
    /// The body as it travels, without the lines of chunks.
    pub(super) body: &'a [u8],
    /// Whether it is compressed, so that its text is not to be found in it.
    pub(super) is_coded: bool,
    /// Where each event lies in it; `None` where events have no bounds.
    pub(super) spans: Option<&'a [Range<usize>]>,
    /// All bytes of the connection, and where the head lies; empty where they
    /// are not known yet.
    pub(super) wire: &'a [u8],
    /// Where the head lies in them.
    pub(super) head: Range<usize>,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Before(target) => write!(f, "before {target}")?,
            Place::After(target) => write!(f, "after {target}")?,
            Place::In(target, measure) => {
                write!(f, "in {target} ")?;
                match measure {
                    Measure::Byte(number) => write!(f, "byte {number}")?,
                    Measure::Find(text, nth) => write!(f, "find {text:?} nth {nth}")?,
                    Measure::Line(nth) => write!(f, "line {nth}")?,
                    Measure::Eol(nth) => write!(f, "eol {nth}")?,
                    Measure::Char(nth) => write!(f, "char {nth}")?,
                    Measure::Every(size) => write!(f, "every {size}")?,
                    Measure::Random(count) => write!(f, "random {count}")?,
                }
            }
        }
        if self.offset == 0 { Ok(()) } else { write!(f, " offset {}", self.offset) }
    }
}

/// Places of one site at the most: with more of them it names nothing.
const MOST_SPOTS: usize = 1_000_000;

impl Site {
    /// What it lies at.
    pub fn target(&self) -> &Target {
        match &self.place {
            Place::Before(target) | Place::After(target) | Place::In(target, _) => target,
        }
    }

    /// The places, in no order; none where it names nothing. `key` is the name
    /// of its luck.
    pub(super) fn spots(
        &self,
        ground: &Ground<'_>,
        lookup: &Lookup,
        scene: &dyn Scene,
        key: &str,
    ) -> Vec<Spot> {
        let spots = match (&self.place, self.target()) {
            (Place::Before(_), Target::Head | Target::Wire) => vec![Spot::Start],
            (Place::Before(_), Target::Body) | (Place::After(_), Target::Head) => vec![Spot::BodyStart],
            (Place::After(_), Target::Body | Target::Wire) => vec![Spot::End],
            (Place::Before(_), Target::Events(choice)) => {
                ground.spans_of(&lookup.find(choice)).map(|span| Spot::Bound(span.start)).collect()
            }
            (Place::After(_), Target::Events(choice)) => {
                ground.spans_of(&lookup.find(choice)).map(|span| Spot::Bound(span.end)).collect()
            }
            (Place::In(_, measure), Target::Body | Target::Events(_))
                if ground.is_coded && measure.reads_text() =>
            {
                Vec::new()
            }
            (Place::In(_, measure), target) => {
                let whole = |bytes: &[u8]| std::iter::once(0..bytes.len()).collect::<Vec<_>>();
                let (bytes, ranges, make): (_, _, fn(usize) -> Spot) = match target {
                    Target::Head => (ground.wire, vec![ground.head.clone()], Spot::Wire),
                    Target::Wire => (ground.wire, whole(ground.wire), Spot::Wire),
                    Target::Body => (ground.body, whole(ground.body), Spot::Body),
                    Target::Events(choice) => {
                        (ground.body, ground.spans_of(&lookup.find(choice)).collect(), Spot::Body)
                    }
                };
                let places = ranges.into_iter().enumerate().flat_map(|(at, range)| {
                    let inside = bytes.get(range.clone()).unwrap_or_default();
                    let places = measure.places(inside, scene, &format!("{key}.{at}"));
                    places.into_iter().map(move |place| range.start + place).collect::<Vec<_>>()
                });
                places.map(make).collect()
            }
        };
        if spots.len() > MOST_SPOTS {
            return Vec::new();
        }
        spots.into_iter().filter_map(|spot| self.moved(spot, ground)).collect()
    }

    fn moved(&self, spot: Spot, ground: &Ground<'_>) -> Option<Spot> {
        if self.offset == 0 {
            return Some(spot);
        }
        let by = |place: usize, length: usize| {
            let place = i64::try_from(place).ok()?.checked_add(self.offset)?;
            usize::try_from(place).ok().filter(|place| *place <= length)
        };
        match spot {
            Spot::Body(place) | Spot::Bound(place) => by(place, ground.body.len()).map(Spot::Body),
            // The body's bytes are counted without the lines of chunks.
            Spot::BodyStart if self.offset > 0 => by(0, ground.body.len()).map(Spot::Body),
            Spot::End if ground.wire.is_empty() => by(ground.body.len(), ground.body.len()).map(Spot::Body),
            Spot::Wire(place) => by(place, ground.wire.len()).map(Spot::Wire),
            Spot::Start => by(0, ground.wire.len()).map(Spot::Wire),
            Spot::BodyStart => by(ground.head.end, ground.wire.len()).map(Spot::Wire),
            Spot::End => by(ground.wire.len(), ground.wire.len()).map(Spot::Wire),
        }
    }
}

impl<'a> Ground<'a> {
    /// A body whose head and chunks are not laid out yet.
    pub(super) fn of(laid: &'a Laid) -> Self {
        let (body, spans) = (laid.body.as_slice(), laid.spans.as_deref());
        Self { body, is_coded: laid.is_coded, spans, wire: &[], head: 0..0 }
    }

    fn spans_of(&self, events: &[usize]) -> impl Iterator<Item = Range<usize>> {
        let spans = self.spans.unwrap_or_default();
        events.iter().filter_map(|at| spans.get(*at).cloned())
    }
}

impl Measure {
    /// Whether it looks for something in the text.
    fn reads_text(&self) -> bool {
        matches!(self, Self::Find(..) | Self::Line(_) | Self::Eol(_) | Self::Char(_))
    }

    /// The places in some bytes.
    fn places(&self, bytes: &[u8], scene: &dyn Scene, key: &str) -> Vec<usize> {
        match self {
            Self::Byte(number) => {
                let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
                let place = if *number < 0 { length + number } else { *number };
                usize::try_from(place).ok().filter(|place| *place <= bytes.len()).into_iter().collect()
            }
            Self::Find(text, nth) => {
                let found = memchr::memmem::find_iter(bytes, text.as_bytes());
                nth.of(found.map(|at| at + text.len()))
            }
            Self::Line(nth) => nth.of(line_ends(bytes)),
            Self::Eol(nth) => nth.of(memchr::memmem::find_iter(bytes, b"\r\n").map(|at| at + 1)),
            Self::Char(nth) => nth.of(long_characters(bytes)),
            Self::Every(size) => {
                let size = usize::try_from(*size).unwrap_or(usize::MAX);
                let places = (1..).map_while(|n: usize| n.checked_mul(size).filter(|at| *at < bytes.len()));
                places.take(MOST_SPOTS + 1).collect()
            }
            Self::Random(count) => random(bytes.len(), *count, scene, key),
        }
    }
}

impl Nth {
    fn of(self, mut places: impl Iterator<Item = usize>) -> Vec<usize> {
        match self {
            Self::All => places.collect(),
            Self::One(number) => {
                let skipped = usize::try_from(number - 1).unwrap_or(usize::MAX);
                places.nth(skipped).into_iter().collect()
            }
        }
    }
}

/// Behind each line's end; CR, LF and both together are one.
fn line_ends(bytes: &[u8]) -> impl Iterator<Item = usize> {
    memchr::memchr2_iter(b'\r', b'\n', bytes)
        .filter(|at| !(bytes[*at] == b'\r' && bytes.get(at + 1) == Some(&b'\n')))
        .map(|at| at + 1)
}

/// Behind the first byte of each UTF-8 sequence of several.
fn long_characters(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let is_first = |byte: u8| (0xc2..=0xf4).contains(&byte);
    let follows = |byte: Option<&u8>| byte.is_some_and(|byte| (0x80..=0xbf).contains(byte));
    (0..bytes.len()).filter(move |at| is_first(bytes[*at]) && follows(bytes.get(at + 1))).map(|at| at + 1)
}

/// So many different places, or as many as there are.
fn random(length: usize, count: u64, scene: &dyn Scene, key: &str) -> Vec<usize> {
    let inner = length.saturating_sub(1);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count >= inner || count > MOST_SPOTS {
        return (1..length).take(MOST_SPOTS + 1).collect();
    }
    let mut draw = scene.draw(key);
    let mut places = BTreeSet::new();
    // Floyd's way: each choice of so many places is as likely as any other.
    for highest in inner - count + 1..=inner {
        let drawn = usize::try_from(draw.below(highest as u64)).unwrap_or(0) + 1;
        if !places.insert(drawn) {
            places.insert(highest);
        }
    }
    places.into_iter().collect()
}
