//! The encode stage: the body compressed, and damaged where that is wanted.

use super::{
    Placed, Scene,
    coder::{self, Coding, Due, Flush},
    laid::Laid,
    point::{Ground, Site, Spot},
};
use crate::notation::text::Piece;

/// How a body is compressed.
#[derive(Clone, Debug)]
pub struct Encode {
    /// The coding.
    pub coding: Coding,
    /// When compressed bytes come out.
    pub flush: Flush,
    /// What is overwritten, and with what.
    pub damage: Vec<(Site, Vec<Piece>)>,
}

impl Encode {
    /// Whether events have bounds in what comes out.
    pub fn keeps_bounds(&self) -> bool {
        self.coding == Coding::Identity || matches!(self.flush, Flush::Event | Flush::Member)
    }
}

/// Compresses a body as the uppermost layer with a coding says; the coding's
/// name, where it is one.
pub(super) fn lay(
    laid: &mut Laid,
    layers: &[Placed<'_>],
    scene: &dyn Scene,
    missed: &mut Vec<String>,
) -> Option<&'static str> {
    let (set, encode) = layers.iter().rev().find_map(|set| Some((set, set.layer.encode.as_ref()?)))?;
    let token = encode.coding.token();
    if token.is_some()
        && let Err(error) = compress(laid, encode)
    {
        missed.push(format!("encode: {error}"));
        return None;
    }
    for (number, (site, put)) in encode.damage.iter().enumerate() {
        let ground = Ground::of(laid);
        let key = format!("encode.damage.{number}");
        let spots = site.spots(&ground, set.lookup, scene, &key);
        let put = scene.bytes(put, &key);
        let places = spots.iter().filter_map(|spot| match spot {
            Spot::Body(place) | Spot::Bound(place) => Some(*place),
            Spot::BodyStart => Some(0),
            Spot::Start | Spot::End | Spot::Wire(_) => None,
        });
        let mut is_damaged = false;
        let places: Vec<_> = places.filter(|place| *place < laid.body.len()).collect();
        for place in places {
            let end = laid.body.len().min(place + put.len());
            laid.body[place..end].copy_from_slice(&put[..end - place]);
            is_damaged = true;
        }
        if !is_damaged {
            missed.push(format!("encode damage {site}"));
        }
    }
    token
}

fn compress(laid: &mut Laid, encode: &Encode) -> std::io::Result<()> {
    laid.join_stretches();
    let ends: Vec<_> = laid.pieces.iter().map(|(end, _)| *end).collect();
    let coded = coder::encode(&laid.body, &ends, encode.coding, encode.flush)?;
    let starts = std::iter::once(0).chain(coded.pieces.iter().map(|piece| piece.end));
    let ranges: Vec<_> = starts.zip(&coded.pieces).map(|(start, piece)| start..piece.end).collect();
    laid.spans = laid.spans.take().filter(|_| encode.keeps_bounds()).map(|spans| {
        // An event is one piece; heartbeats are pieces too, and no events. Of pieces
        // without bytes several lie at one place.
        let plain = std::iter::once(0).chain(ends.iter().copied()).zip(&ends);
        let mut pieces = plain.zip(&ranges);
        let coded = spans.iter().map(|span| {
            let piece = pieces.find(|((start, end), _)| (*start, **end) == (span.start, span.end));
            piece.map(|(_, range)| range.clone()).unwrap_or_default()
        });
        coded.collect()
    });
    let due = |due| match due {
        Due::Input(offset) => laid.due(offset.saturating_sub(1)),
        Due::End => laid.end,
    };
    laid.pieces = coded.pieces.iter().map(|piece| (piece.end, due(piece.due))).collect();
    laid.body = coded.body;
    laid.is_coded = true;
    Ok(())
}
