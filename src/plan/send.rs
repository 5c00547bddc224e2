//! The send stage: writes on the socket, and when they leave.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use super::{
    Placed, Scene,
    carry::Carried,
    laid::Laid,
    place::Target,
    point::{Ground, Site, Spot},
    rechunk::{self, Recut},
};

/// What is to be changed about the writes.
#[derive(Clone, Debug, Default)]
pub struct Send {
    /// A write ends here, and the next leaves so much later.
    pub cut: Vec<(Site, Duration)>,
    /// These leave in one write.
    pub join: Option<Vec<Target>>,
    /// Bytes in a second at the most.
    pub rate: Option<u64>,
}

/// The gap behind a cut, where nothing else is said: shorter ones merge under
/// load.
pub const GAP: Duration = Duration::from_millis(50);

/// One write on the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// Where its bytes end; they begin where those of the one before do.
    pub end: usize,
    /// When it leaves, from the moment at which the request was read.
    pub at: Duration,
    /// So much later than the one before it leaves at least, and not before that
    /// was acknowledged. `None`: whenever it is due.
    pub gap: Option<Duration>,
}

/// All that is known of an answer's bytes on the connection.
pub(super) struct Wired<'a> {
    /// Every byte of it.
    pub(super) bytes: &'a [u8],
    /// Where the head lies in them.
    pub(super) head: Range<usize>,
    /// When the head leaves.
    pub(super) head_at: Duration,
    /// The body behind the head.
    pub(super) carried: &'a Carried,
    /// The same without the lines of chunks.
    pub(super) laid: &'a Laid,
}

impl Wired<'_> {
    /// Where a place lies among the bytes.
    pub(super) fn place(&self, spot: Spot) -> usize {
        match spot {
            Spot::Start => 0,
            Spot::BodyStart => self.head.end,
            Spot::End => self.bytes.len(),
            Spot::Wire(place) => place.min(self.bytes.len()),
            Spot::Body(_) | Spot::Bound(_) => {
                self.head.end + self.carried.place(spot).unwrap_or(self.bytes.len() - self.head.end)
            }
        }
    }

    pub(super) fn ground(&self) -> Ground<'_> {
        Ground { wire: self.bytes, head: self.head.clone(), ..Ground::of(self.laid) }
    }

    /// Stretches of bytes, by their ends, that are due at one moment each.
    fn dues(&self) -> Vec<(usize, Duration)> {
        // Answers in front of the answer are not held back with it.
        let mut dues = vec![(self.head.start, Duration::ZERO), (self.head.end, self.head_at)];
        let mut pieces = self.laid.pieces.iter().peekable();
        for (body, at, end) in self.carried.stretches() {
            let inside = |offset: usize| self.head.end + at + (offset - body.start);
            while let Some((piece, _)) = pieces.peek()
                && *piece <= body.start
            {
                pieces.next();
            }
            // What is in the body and in no piece leaves with its end.
            let mut due = self.laid.end;
            while let Some((piece, time)) = pieces.peek() {
                due = *time;
                if *piece >= body.end {
                    break;
                }
                dues.push((inside(*piece), due));
                pieces.next();
            }
            dues.push((self.head.end + end, due));
        }
        dues.push((self.bytes.len(), self.laid.end));
        dues
    }

    /// The bytes that an event owns, chunk lines included.
    fn event(&self, at: usize) -> Option<Range<usize>> {
        let span = self.laid.spans.as_ref()?.get(at)?;
        Some(self.place(Spot::Bound(span.start))..self.place(Spot::Bound(span.end)))
    }
}

/// The writes of the bytes in front of `place`.
pub(super) fn send(
    wired: &Wired<'_>,
    place: usize,
    layers: &[Placed<'_>],
    recut: &Recut,
    scene: &dyn Scene,
    missed: &mut Vec<String>,
) -> Vec<Write> {
    let mut dues = wired.dues();
    let mut joined = joined(wired, layers, missed);
    let stretches = recut
        .joined
        .iter()
        .map(|(range, _)| wired.place(Spot::Bound(range.start))..wired.place(Spot::Bound(range.end)));
    joined.extend(stretches);
    for range in joined {
        let last = dues.iter().find(|(end, _)| *end >= range.end).map(|(_, due)| *due);
        let inside = dues.iter_mut().filter(|(end, _)| *end > range.start && *end < range.end);
        inside.for_each(|(_, due)| *due = (*due).max(last.unwrap_or_default()));
    }
    let mut cuts = cuts(wired, layers, scene, missed);
    for offset in &recut.cuts {
        cuts.entry(wired.place(Spot::Body(*offset))).or_insert(rechunk::GAP);
    }
    let mut writes: Vec<Write> = Vec::new();
    let mut add = |end: usize, at: Duration, gap: Option<Duration>| match writes.last_mut() {
        Some(last) if end <= last.end => {}
        Some(last) if at <= last.at && gap.is_none() => last.end = end,
        Some(last) => {
            let at = at.max(last.at);
            writes.push(Write { end, at, gap });
        }
        None => writes.extend((end > 0).then_some(Write { end, at, gap })),
    };
    let (mut start, mut gap) = (0, None);
    for (end, due) in dues {
        let end = end.min(place);
        let inner: Vec<_> = cuts.range(start + 1..end.max(start) + 1).map(|(at, gap)| (*at, *gap)).collect();
        for (at, behind) in inner {
            add(at, due, gap.take());
            gap = Some(behind);
        }
        if end > start && !cuts.contains_key(&end) {
            add(end, due, gap.take());
        }
        start = start.max(end);
    }
    moved_back(writes)
}

/// Where writes end besides, and how much later the next leaves.
fn cuts(
    wired: &Wired<'_>,
    layers: &[Placed<'_>],
    scene: &dyn Scene,
    missed: &mut Vec<String>,
) -> BTreeMap<usize, Duration> {
    let ground = wired.ground();
    let all = layers.iter().flat_map(|set| set.layer.send.cut.iter().map(move |cut| (cut, set.lookup)));
    let mut cuts = BTreeMap::new();
    for (number, ((site, gap), lookup)) in all.enumerate() {
        let spots = site.spots(&ground, lookup, scene, &format!("send.cut.{number}"));
        // In front of everything and behind it there is nothing to be parted.
        let places = spots.iter().map(|spot| wired.place(*spot));
        let inside: Vec<_> = places.filter(|place| (1..wired.bytes.len()).contains(place)).collect();
        if inside.is_empty() {
            missed.push(format!("send cut {site}"));
        }
        cuts.extend(inside.into_iter().map(|place| (place, *gap)));
    }
    cuts
}

/// Stretches that leave in one write: runs of neighbours, the head being the
/// first event's.
fn joined(wired: &Wired<'_>, layers: &[Placed<'_>], missed: &mut Vec<String>) -> Vec<Range<usize>> {
    let Some((set, targets)) = layers.iter().rev().find_map(|set| Some((set, set.layer.send.join.as_ref()?)))
    else {
        return Vec::new();
    };
    let (mut runs, mut events): (Vec<Range<usize>>, Vec<usize>) = (Vec::new(), Vec::new());
    let (known, mut with_head) = (missed.len(), false);
    for target in targets {
        match target {
            Target::Head => with_head = true,
            Target::Body => runs.push(wired.head.end..wired.bytes.len()),
            Target::Wire => runs.push(0..wired.bytes.len()),
            Target::Events(choice) => events.extend(set.lookup.choose(choice, "send join", missed)),
        }
    }
    events.sort_unstable();
    events.dedup();
    if with_head && (events.first() == Some(&0) || !runs.is_empty()) {
        let end =
            events.first().and_then(|first| wired.event(*first)).map_or(wired.bytes.len(), |own| own.end);
        runs.push(wired.head.start..end);
    }
    let pairs = events.windows(2).filter(|pair| pair[1] == pair[0] + 1);
    runs.extend(pairs.filter_map(|pair| Some(wired.event(pair[0])?.start..wired.event(pair[1])?.end)));
    if runs.is_empty() && missed.len() == known {
        missed.push("send join: no neighbours".to_owned());
    }
    // From the back, so that each run is due with its last.
    runs.sort_by_key(|run| std::cmp::Reverse(run.end));
    runs
}

/// Gaps move all that follows back with them.
fn moved_back(mut writes: Vec<Write>) -> Vec<Write> {
    let mut shift = Duration::ZERO;
    let mut last = Duration::ZERO;
    for write in &mut writes {
        let due = write.at.saturating_add(shift);
        let at = write.gap.map_or(due, |gap| due.max(last.saturating_add(gap)));
        shift = shift.saturating_add(at.saturating_sub(due));
        (write.at, last) = (at, at);
    }
    writes
}
