//! An answer that goes onto the socket itself: every byte of it, and when it
//! leaves.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{
    Beat, Client, Placed, Scene,
    carry::{self, CarryAs},
    end::{self, Ending, Hold, How},
    head,
    laid::Laid,
    point::{Ground, Spot},
    rechunk::{self, Recut},
    recorded::{Chunk, End, Recorded},
    send::{self, Wired, Write},
};
use crate::notation::value::Period;

/// Every byte of an answer on the connection, and when it leaves.
#[derive(Clone, Debug)]
pub struct Script {
    /// Heads, chunk lines, content, terminator.
    pub bytes: Bytes,
    /// In their order. What lies behind the last of them is not sent, or behind
    /// the silence of the end.
    pub writes: Vec<Write>,
    /// Bytes in a second at the most.
    pub rate: Option<u64>,
    /// What comes then.
    pub ending: Ending,
    /// Whether the connection ends with the answer, as its head says, or as its
    /// body needs it.
    pub closes: bool,
    /// Whether it is no whole answer, even where all of it is sent.
    pub is_part: bool,
}

/// What a script is made from, besides the layers.
pub(super) struct Parts<'a> {
    pub(super) status: StatusCode,
    pub(super) reason: Option<&'static str>,
    /// The headers, told what was missed.
    pub(super) headers: &'a dyn Fn(&[String]) -> HeaderMap,
    pub(super) head_at: Duration,
    pub(super) carry: CarryAs,
    pub(super) beat: Option<Beat>,
    /// The seed of re-chunking, where it is wanted.
    pub(super) rechunk: Option<u64>,
    /// As it was recorded, where it was.
    pub(super) recorded: Option<&'a Recorded>,
}

/// Whether the layers want what HTTP, or its library, would not write.
pub(super) fn is_needed(layers: &[Placed<'_>]) -> bool {
    layers.iter().any(|set| set.layer.needs_socket)
}

/// Lays an answer out, byte for byte. The head tells what was missed, which is
/// known when all is laid out: it is then done once more.
pub(super) fn script(
    laid: &mut Laid,
    parts: &Parts<'_>,
    layers: &[Placed<'_>],
    (client, scene): (&Client, &dyn Scene),
    missed: &mut Vec<String>,
) -> Script {
    let whole = laid.clone();
    let known = missed.len();
    let headers = (parts.headers)(missed);
    let script = lay_out(laid, (parts, &headers), layers, (client, scene), missed);
    if missed.len() == known {
        return script;
    }
    *laid = whole;
    let headers = (parts.headers)(missed);
    lay_out(laid, (parts, &headers), layers, (client, scene), &mut Vec::new())
}

fn lay_out(
    laid: &mut Laid,
    (parts, headers): (&Parts<'_>, &HeaderMap),
    layers: &[Placed<'_>],
    (client, scene): (&Client, &dyn Scene),
    missed: &mut Vec<String>,
) -> Script {
    let usual = match parts.recorded.and_then(|recorded| recorded.carry).unwrap_or(parts.carry) {
        CarryAs::Chunked if client.is_http10 => CarryAs::Close,
        usual => usual,
    };
    let form = carry::form(layers, usual);
    let mut end = layers.iter().rev().find_map(|set| Some((set.layer.end.as_ref()?, set)));
    let cut = cut_by(&mut end, (laid, parts.head_at), scene, missed);
    let recut = parts.rechunk.map_or_else(Recut::default, |seed| {
        rechunk::recut(laid, &mut scene.draw(&format!("rechunk.{seed}")))
    });
    let mut carried = carry::carry(laid, form, layers, &recut, (scene, parts.recorded), missed);
    let lie = carry::lie(layers);
    if lie != 0 && form != CarryAs::Length {
        missed.push("carry lie: no content-length".to_owned());
    }
    // RFC 9110, 6.4.1: these have no body, whatever is said about it.
    let is_bare = matches!(parts.status.as_u16(), 204 | 304);
    let framing = parts.framing((form, laid.body.len(), lie)).filter(|_| !is_bare);
    let own = parts.recorded.and_then(|recorded| recorded.head.as_ref());
    let written = head::write((parts.status, parts.reason), (headers, own), framing, layers, (client, scene));
    if client.is_head || is_bare {
        carried = carry::Carried::default();
    }
    let mut bytes = parts.recorded.map(Recorded::interim_bytes).unwrap_or_default();
    let start = bytes.len() + written.start;
    bytes.extend_from_slice(&written.bytes);
    let head = start..bytes.len();
    bytes.extend_from_slice(&carried.bytes);
    let wired = Wired { bytes: &bytes, head, head_at: parts.head_at, carried: &carried, laid };
    let ending = match end {
        Some((it, _)) if cut.is_some() => Some((wired.place(Spot::End) - terminator(&wired), it)),
        Some((it, set)) => place(&wired, it, set, scene, missed).map(|place| (place, it)),
        None => None,
    };
    // Without a word of the head's a client of HTTP/1.0 awaits no further answer.
    let has_rest = parts.recorded.is_some_and(|recorded| !recorded.rest.is_empty());
    let closes = form == CarryAs::Close || written.closes || client.is_http10 || client.closes || has_rest;
    let ending = ending.map(|(place, it)| {
        let beat = parts.beat.clone().filter(|_| it.is_silent());
        let is_inside = cut == Some(Cut::Inside);
        let beat = beat.and_then(|beat| beat_at(&wired, (place, is_inside), form, beat, missed));
        ending_of(it, place, (bytes.len(), closes), beat, scene)
    });
    let own_end = parts.recorded.filter(|_| ending.is_none());
    let ending = ending
        .or_else(|| own_end.and_then(|recorded| ending_recorded(recorded, &wired)))
        .unwrap_or_else(|| Ending::complete(bytes.len()));
    let is_part = own_end.is_some_and(|recorded| recorded.end != End::Complete);
    let writes = send::send(&wired, ending.place, layers, &recut, scene, missed);
    Script {
        writes,
        rate: layers.iter().rev().find_map(|set| set.layer.send.rate),
        closes,
        ending,
        is_part,
        bytes: bytes.into(),
    }
}

impl Parts<'_> {
    /// How the length of a body is told, and what is told of it. Of one that was cut off
    /// while it was recorded it is what was told then.
    fn framing(&self, (form, length, lie): (CarryAs, usize, i64)) -> Option<(CarryAs, i128)> {
        let is_cut = |recorded: &&Recorded| recorded.end != End::Complete && recorded.carry == Some(form);
        let told = self.recorded.filter(is_cut).and_then(Recorded::content_length).filter(|_| lie == 0);
        // To a request for a head alone the recorded length is that of no body.
        let has_body = self.recorded.is_none_or(|recorded| recorded.carry.is_some());
        has_body.then(|| (form, told.map_or(length as i128 + i128::from(lie), i128::from)))
    }
}

/// An end, and the layer that it is of.
type Ends<'a> = Option<(&'a end::End, &'a Placed<'a>)>;

/// Cuts off what lies behind an end that completes the body; there is no end where it
/// names no place.
fn cut_by(
    end: &mut Ends<'_>,
    (laid, head): (&mut Laid, Duration),
    scene: &dyn Scene,
    missed: &mut Vec<String>,
) -> Option<Cut> {
    let (it, set) = (*end)?;
    if it.how != How::Complete || it.hold == Hold::Forever || it.is_behind_all() {
        return None;
    }
    let cut = complete_at((laid, head), it, set, scene);
    if cut.is_none() {
        missed.push(format!("end {}", it.site));
        *end = None;
    }
    cut
}

/// The terminator's bytes.
fn terminator(wired: &Wired<'_>) -> usize {
    wired.carried.bytes.len() - wired.carried.terminator
}

/// A heartbeat as it can be sent into the silence at a place: between events,
/// and not where the length of the body was told.
fn beat_at(
    wired: &Wired<'_>,
    (place, is_inside): (usize, bool),
    form: CarryAs,
    beat: Beat,
    missed: &mut Vec<String>,
) -> Option<Beat> {
    let is_between = !is_inside
        && (place == wired.head.end
            || wired.carried.stretches().any(|(_, _, end)| wired.head.end + end == place)
            || (form == CarryAs::Close
                && wired.laid.pieces.iter().any(|(end, _)| wired.place(Spot::Bound(*end)) == place)));
    match form {
        CarryAs::Chunked if is_between && !beat.bytes.is_empty() => {
            let size = format!("{:X}\r\n", beat.bytes.len());
            let bytes = [size.as_bytes(), &beat.bytes, b"\r\n"].concat();
            Some(Beat { bytes: bytes.into(), ..beat })
        }
        CarryAs::Close if is_between && !beat.bytes.is_empty() => Some(beat),
        _ => {
            missed.push("heartbeat in the silence of the end".to_owned());
            None
        }
    }
}

/// Where a body was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// Between two events, or where events have no bounds.
    Between,
    /// Inside of one.
    Inside,
}

/// Leaves out all that lies behind the place at which the body is completed;
/// `None` where there is no such place.
fn complete_at(
    (laid, head): (&mut Laid, Duration),
    end: &end::End,
    set: &Placed<'_>,
    scene: &dyn Scene,
) -> Option<Cut> {
    let ground = Ground::of(laid);
    match end.site.spots(&ground, set.lookup, scene, "end").as_slice() {
        [Spot::Body(offset) | Spot::Bound(offset)] => {
            let offset = *offset;
            let is_inside = laid.pieces.iter().all(|(end, _)| *end != offset) && offset > 0;
            laid.cut(offset, head);
            Some(if is_inside { Cut::Inside } else { Cut::Between })
        }
        [Spot::BodyStart] => {
            laid.cut(0, head);
            Some(Cut::Between)
        }
        _ => None,
    }
}

fn place(
    wired: &Wired<'_>,
    end: &end::End,
    set: &Placed<'_>,
    scene: &dyn Scene,
    missed: &mut Vec<String>,
) -> Option<usize> {
    match end.site.spots(&wired.ground(), set.lookup, scene, "end").as_slice() {
        [spot] => Some(wired.place(*spot)),
        [] => {
            missed.push(format!("end {}", end.site));
            None
        }
        _ => {
            missed.push(format!("end {}: not one place", end.site));
            None
        }
    }
}

fn ending_of(
    end: &end::End,
    place: usize,
    (length, closes): (usize, bool),
    beat: Option<Beat>,
    scene: &dyn Scene,
) -> Ending {
    let is_silent = end.is_silent();
    let put = Bytes::from(scene.bytes(&end.put, "end.put"));
    // Without a silence what completes the message leaves with the rest.
    let is_at_once = end.how == How::Complete && !is_silent && put.is_empty();
    Ending {
        place: if is_at_once { length } else { place },
        hold: end.hold,
        // Where no further request can come there is nothing but silence.
        is_idle: is_silent && !closes && place == length && end.is_behind_all(),
        put,
        how: end.how,
        beat,
    }
}

/// How an answer ended that was recorded: where it was cut off, and what came that
/// belonged to no body. `None` where it ended as others do.
fn ending_recorded(recorded: &Recorded, wired: &Wired<'_>) -> Option<Ending> {
    if recorded.end == End::Complete && recorded.rest.is_empty() {
        return None;
    }
    let end = wired.laid.body.len();
    let is_inside = recorded.pieces.last().is_some_and(|piece| piece.chunk == Chunk::Cut);
    let place = match (recorded.end, is_inside) {
        (End::Complete, _) => wired.bytes.len(),
        _ if end == 0 => wired.head.end,
        (_, true) => wired.place(Spot::Body(end)),
        (_, false) => wired.place(Spot::Bound(end)),
    };
    let last = wired.laid.pieces.last().map_or(wired.head_at, |(_, time)| *time);
    let put: Vec<u8> = recorded.rest.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    Some(Ending {
        place,
        hold: Hold::For(Period(wired.laid.end.saturating_sub(last))),
        is_idle: false,
        put: put.into(),
        how: recorded.end.how(),
        beat: None,
    })
}

impl Ending {
    fn complete(place: usize) -> Self {
        Self {
            place,
            hold: Hold::For(Period(Duration::ZERO)),
            is_idle: false,
            put: Bytes::new(),
            how: How::Complete,
            beat: None,
        }
    }
}
