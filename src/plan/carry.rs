//! The carry stage: how the body's length is told, and its chunks.

use std::{collections::BTreeSet, ops::Range};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Placed, Scene,
    head::Lines,
    laid::Laid,
    place::Choice,
    point::{Ground, Site, Spot},
    rechunk::Recut,
    recorded::Recorded,
};
use crate::{
    dialect::event,
    notation::{text::Text, value::Range as Numbers},
};

/// How the body's length is told, and its chunks.
#[derive(Clone, Debug, Default)]
pub struct Carry {
    /// How.
    pub form: Option<CarryAs>,
    /// Added to the content-length that is sent.
    pub lie: Option<i64>,
    /// No chunk bound between neighbours of these.
    pub join: Option<Choice>,
    /// Further chunk bounds.
    pub cut: Vec<Site>,
    /// Size lines of chunks.
    pub sizes: Vec<(Chunks, String)>,
    /// Headers behind the body.
    pub trailers: Option<Vec<(String, Vec<Text>)>>,
}

/// How a body's length is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CarryAs {
    /// In chunks.
    Chunked,
    /// By content-length.
    Length,
    /// By the connection's end.
    Close,
}

impl From<event::Carry> for CarryAs {
    fn from(carry: event::Carry) -> Self {
        match carry {
            event::Carry::Chunked => Self::Chunked,
            event::Carry::Length => Self::Length,
        }
    }
}

/// Which chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunks {
    /// All but the terminator.
    All,
    /// From one to another; 0 is the terminator.
    Range(Numbers<u64>),
}

/// A body as it travels behind its head.
#[derive(Debug, Default)]
pub(super) struct Carried {
    /// Chunk lines, content, terminator.
    pub(super) bytes: Vec<u8>,
    /// Which part of the body lies where in them.
    chunks: Vec<Chunk>,
    /// Where the terminator begins.
    pub(super) terminator: usize,
}

/// A stretch of the body without anything between its bytes.
#[derive(Debug)]
struct Chunk {
    body: Range<usize>,
    /// Where it lies on the wire.
    at: usize,
    /// Where all that belongs to it ends.
    end: usize,
}

impl Carried {
    /// Where a place in the body lies.
    pub(super) fn place(&self, spot: Spot) -> Option<usize> {
        match spot {
            Spot::Body(offset) | Spot::Bound(offset) => {
                let next = self.chunks.partition_point(|chunk| chunk.body.end < offset);
                let Some(chunk) = self.chunks.get(next).filter(|chunk| chunk.body.start < offset) else {
                    // In front of the first byte.
                    return Some(0);
                };
                let is_bound = matches!(spot, Spot::Bound(_)) && chunk.body.end == offset;
                Some(if is_bound { chunk.end } else { chunk.at + (offset - chunk.body.start) })
            }
            _ => None,
        }
    }

    /// The stretches of the body, each with the end of all that travels with it.
    pub(super) fn stretches(&self) -> impl Iterator<Item = (&Range<usize>, usize, usize)> {
        self.chunks.iter().map(|chunk| (&chunk.body, chunk.at, chunk.end))
    }
}

/// How the layers want the length to be told; the uppermost that says so wins.
pub(super) fn form(layers: &[Placed<'_>], usual: CarryAs) -> CarryAs {
    layers.iter().rev().find_map(|set| set.layer.carry.form).unwrap_or(usual)
}

/// What is added to the content-length.
pub(super) fn lie(layers: &[Placed<'_>]) -> i64 {
    layers.iter().rev().find_map(|set| set.layer.carry.lie).unwrap_or(0)
}

/// Lays a body out in chunks, or as it is. `recut` has further bounds.
pub(super) fn carry(
    laid: &Laid,
    form: CarryAs,
    layers: &[Placed<'_>],
    recut: &Recut,
    (scene, recorded): (&dyn Scene, Option<&Recorded>),
    missed: &mut Vec<String>,
) -> Carried {
    if form != CarryAs::Chunked {
        let useless = layers.iter().any(|set| {
            let carry = &set.layer.carry;
            carry.join.is_some()
                || !carry.cut.is_empty()
                || !carry.sizes.is_empty()
                || carry.trailers.is_some()
        });
        if useless {
            missed.push("carry: no chunks".to_owned());
        }
        let (bytes, end) = (laid.body.clone(), laid.body.len());
        return Carried { bytes, chunks: vec![Chunk { body: 0..end, at: 0, end }], terminator: end };
    }
    let bounds = bounds(laid, layers, recut, scene, missed);
    let sizes: Vec<_> = layers.iter().flat_map(|set| &set.layer.carry.sizes).collect();
    let mut named = vec![false; sizes.len()];
    let own = recorded.filter(|_| !is_changed(layers));
    let mut size_line = |number: u64, end: usize, size: usize| {
        let hex = format!("{size:X}");
        if let Some(own) = own.filter(|_| number > 0) {
            let line = laid.bounds.as_ref().and_then(|bounds| bounds.get(&end)).cloned().flatten();
            let line = line.unwrap_or_else(|| own.line.text().to_owned());
            return line.replace("{SIZE}", &hex).replace("{size}", &hex.to_ascii_lowercase());
        }
        let chosen = sizes.iter().enumerate().rfind(|(_, (chunks, _))| chunks.hold(number));
        for (at, (chunks, _)) in sizes.iter().enumerate() {
            named[at] |= chunks.hold(number);
        }
        chosen.map_or_else(|| format!("{hex}\r\n"), |(_, (_, put))| put.replace("{size}", &hex))
    };
    let mut carried = Carried::default();
    let mut start = 0;
    for (number, end) in (1..).zip(bounds) {
        carried.bytes.extend_from_slice(size_line(number, end, end - start).as_bytes());
        let at = carried.bytes.len();
        carried.bytes.extend_from_slice(&laid.body[start..end]);
        carried.bytes.extend_from_slice(b"\r\n");
        carried.chunks.push(Chunk { body: start..end, at, end: carried.bytes.len() });
        start = end;
    }
    carried.terminator = carried.bytes.len();
    if let Some(terminator) = own.and_then(|own| own.terminator.as_ref()) {
        carried.bytes.extend_from_slice(terminator);
        return carried;
    }
    let last = size_line(0, 0, 0);
    carried.bytes.extend_from_slice(last.as_bytes());
    let mut trailers = Lines::default();
    if let Some(all) = layers.iter().rev().find_map(|set| set.layer.carry.trailers.as_ref()) {
        all.iter().for_each(|(name, values)| trailers.append(name, values, scene));
    }
    trailers.write(&mut carried.bytes);
    // One that has its blank line already is the whole terminator.
    if !last.ends_with("\n\n") && !last.ends_with("\r\n\r\n") {
        carried.bytes.extend_from_slice(b"\r\n");
    }
    for (at, _) in named.iter().enumerate().filter(|(_, named)| !**named) {
        missed.push(format!("carry sizes {}", sizes[at].0));
    }
    carried
}

/// Whether a layer says something about chunks.
pub(super) fn is_changed(layers: &[Placed<'_>]) -> bool {
    layers.iter().any(|set| {
        let Carry { form, lie, join, cut, sizes, trailers } = &set.layer.carry;
        let is_bare = form.is_none() && lie.is_none() && join.is_none() && trailers.is_none();
        !(is_bare && cut.is_empty() && sizes.is_empty())
    })
}

/// Where chunks end, from the first on.
fn bounds(
    laid: &Laid,
    layers: &[Placed<'_>],
    recut: &Recut,
    scene: &dyn Scene,
    missed: &mut Vec<String>,
) -> BTreeSet<usize> {
    let mut bounds: BTreeSet<_> = match (&laid.bounds, &laid.spans) {
        (None, _) | (_, None) => laid.pieces.iter().map(|(end, _)| *end).collect(),
        // What a layer says about chunks replaces those that were recorded.
        (Some(_), Some(spans)) if is_changed(layers) => spans.iter().map(|span| span.end).collect(),
        (Some(bounds), Some(_)) => bounds.keys().copied().collect(),
    };
    if let Some((set, choice)) =
        layers.iter().rev().find_map(|set| Some((set, set.layer.carry.join.as_ref()?)))
    {
        let found = set.lookup.choose(choice, "carry join", missed);
        let pairs = found.windows(2).filter(|pair| pair[1] == pair[0] + 1);
        for span in pairs.filter_map(|pair| between(laid, pair)) {
            let inner: Vec<_> = bounds.range(span).copied().collect();
            for bound in inner {
                bounds.remove(&bound);
            }
        }
    }
    let ground = Ground::of(laid);
    let cuts = layers.iter().flat_map(|set| set.layer.carry.cut.iter().map(move |site| (site, set.lookup)));
    for (number, (site, lookup)) in cuts.enumerate() {
        let spots = site.spots(&ground, lookup, scene, &format!("carry.cut.{number}"));
        let inside = spots.iter().filter_map(|spot| match spot {
            Spot::Body(offset) | Spot::Bound(offset) => Some(*offset),
            Spot::BodyStart => Some(0),
            Spot::End => Some(laid.body.len()),
            Spot::Start | Spot::Wire(_) => None,
        });
        bounds.extend(inside);
        if spots.is_empty() {
            missed.push(format!("carry cut {site}"));
        }
    }
    for (_, bound) in &recut.joined {
        bounds.remove(bound);
    }
    bounds.extend(&recut.bounds);
    bounds.insert(laid.body.len());
    // Nothing in a chunk would be the terminator.
    bounds.remove(&0);
    bounds
}

/// From the end of one event to the start of its neighbour.
fn between(laid: &Laid, pair: &[usize]) -> Option<std::ops::RangeInclusive<usize>> {
    let spans = laid.spans.as_ref()?;
    Some(spans.get(pair[0])?.end..=spans.get(pair[1])?.start)
}

impl Chunks {
    fn hold(self, number: u64) -> bool {
        match self {
            Self::All => number > 0,
            Self::Range(range) => range.contains(number),
        }
    }
}

impl std::fmt::Display for Chunks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Range(range) => range.fmt(f),
        }
    }
}
