//! A body that is laid out: its bytes, where its events lie in them, and when
//! each piece leaves.

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use super::pace::Times;
use crate::dialect::event::Frame;

/// A body and its pieces.
#[derive(Clone, Debug)]
pub(super) struct Laid {
    /// As it travels, without the lines of chunks.
    pub(super) body: Vec<u8>,
    /// Where each piece ends, and when it leaves. The last end is the body's.
    pub(super) pieces: Vec<(usize, Duration)>,
    /// Whether it is compressed.
    pub(super) is_coded: bool,
    /// Where each event lies; `None` where a compression blurs their bounds.
    pub(super) spans: Option<Vec<Range<usize>>>,
    /// When the body ends.
    pub(super) end: Duration,
    /// Where chunks end, with their size lines where these are unusual; `None`: behind
    /// every piece.
    pub(super) bounds: Option<BTreeMap<usize, Option<String>>>,
}

/// Heartbeats of one answer at the most, and their bytes.
const MOST_HEARTBEATS: usize = 1_000_000;
const MOST_HEARTBEAT_BYTES: usize = 16 << 20;

impl Laid {
    pub(super) fn new(body: Vec<u8>, ends: &[usize], times: &Times) -> Self {
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let spans = starts.zip(ends).map(|(start, end)| start..*end).collect();
        // A list of no events is still one empty document.
        let due = |at: usize| times.events.get(at).copied().unwrap_or(times.end);
        let pieces = ends.iter().enumerate().map(|(at, end)| (*end, due(at))).collect();
        Self { body, pieces, is_coded: false, spans: Some(spans), end: times.end, bounds: None }
    }

    /// Puts the stretches of events that were recorded in place of the pieces that they
    /// are else, and the bounds of their chunks. `gaps`: whether the stretches of one
    /// event leave apart, as they came.
    pub(super) fn put_stretches(&mut self, frames: &[Option<Arc<Frame>>], gaps: bool) {
        let (mut pieces, mut bounds) = (Vec::new(), BTreeMap::new());
        let spans = self.spans.clone().unwrap_or_default();
        for ((span, frame), (end, time)) in spans.iter().zip(frames).zip(&self.pieces) {
            let is_kept = |frame: &&Arc<Frame>| frame.bytes.len() == span.len();
            let Some(frame) = frame.as_ref().filter(is_kept) else {
                pieces.push((*end, *time));
                bounds.insert(*end, None);
                continue;
            };
            for stretch in &frame.stretches {
                let gap = if gaps { stretch.at.saturating_sub(frame.at()) } else { Duration::ZERO };
                pieces.push((span.start + stretch.end, time.saturating_add(gap)));
                if let Some(line) = &stretch.chunk {
                    bounds.insert(span.start + stretch.end, line.clone());
                }
            }
        }
        if !spans.is_empty() {
            (self.pieces, self.bounds) = (pieces, Some(bounds));
        }
    }

    /// Makes each event one piece again, which leaves when its first byte was due.
    pub(super) fn join_stretches(&mut self) {
        if self.bounds.take().is_none() {
            return;
        }
        let spans = self.spans.clone().unwrap_or_default();
        let mut joined: Vec<(usize, Duration)> = Vec::new();
        let mut spans = spans.iter().peekable();
        let mut start = 0;
        for (end, time) in &self.pieces {
            while spans.next_if(|span| span.end <= start).is_some() {}
            let is_inside = spans.peek().is_some_and(|span| span.start < start);
            match joined.last_mut().filter(|_| is_inside) {
                Some((last, _)) => *last = *end,
                None => joined.push((*end, *time)),
            }
            start = *end;
        }
        self.pieces = joined;
    }

    /// Puts heartbeats into the silences between the head and the end, never inside of
    /// an event.
    pub(super) fn put_heartbeats(&mut self, head: Duration, every: Duration, beat: &[u8]) {
        let mut whole = Self { bounds: None, ..Self::new(Vec::new(), &[], &Times::default()) };
        whole.end = self.end;
        whole.body.reserve(self.body.len());
        let most = MOST_HEARTBEATS.min(MOST_HEARTBEAT_BYTES / beat.len().max(1));
        let (mut last, mut count, mut pieces) = (head, 0, self.pieces.iter().peekable());
        let mut bounds = self.bounds.take();
        let old = bounds.clone().unwrap_or_default();
        bounds.iter_mut().for_each(BTreeMap::clear);
        let spans = self.spans.take().unwrap_or_default();
        for span in spans.iter().map(Some).chain([None]) {
            let time = match (span, pieces.peek()) {
                (Some(_), Some((_, time))) => *time,
                _ => self.end,
            };
            while let Some(next) = last.checked_add(every).filter(|next| *next < time)
                && count < most
            {
                let end = whole.add(beat, next).end;
                bounds.iter_mut().for_each(|bounds| drop(bounds.insert(end, None)));
                (last, count) = (next, count + 1);
            }
            let Some(span) = span else { break };
            let (start, moved) = (whole.body.len(), whole.body.len() - span.start);
            let mut at = span.start;
            while let Some((end, time)) = pieces.next_if(|(end, _)| *end <= span.end) {
                whole.add(&self.body[at..*end], *time);
                (at, last) = (*end, *time);
            }
            // Nothing ends in what is empty.
            let inside = if span.is_empty() { span.start..=span.start } else { span.start + 1..=span.end };
            for (end, line) in old.range(inside).filter(|_| !span.is_empty()) {
                bounds.iter_mut().for_each(|bounds| drop(bounds.insert(end + moved, line.clone())));
            }
            whole.spans.get_or_insert_default().push(start..whole.body.len());
        }
        whole.bounds = bounds;
        *self = whole;
    }

    fn add(&mut self, piece: &[u8], time: Duration) -> Range<usize> {
        let start = self.body.len();
        self.body.extend_from_slice(piece);
        self.pieces.push((self.body.len(), time));
        start..self.body.len()
    }

    /// Leaves out all that lies behind so many bytes; the end comes when the
    /// last of them was due, or the head in front of them.
    pub(super) fn cut(&mut self, length: usize, head: Duration) {
        let kept = self.pieces.iter().filter(|(end, _)| *end < length).count();
        self.end = match self.pieces.get(kept) {
            Some((_, time)) if length > 0 => *time,
            _ if length > 0 => self.end,
            _ => head,
        };
        self.pieces.truncate(kept + usize::from(length > 0));
        if let Some((end, _)) = self.pieces.last_mut() {
            *end = (*end).min(length);
        }
        self.body.truncate(length);
        if let Some(bounds) = &mut self.bounds {
            bounds.retain(|end, _| *end < length);
        }
        for span in self.spans.iter_mut().flatten() {
            *span = span.start.min(length)..span.end.min(length);
        }
    }

    /// When the byte behind so many others is due; behind the last, the end.
    pub(super) fn due(&self, offset: usize) -> Duration {
        let piece = self.pieces.partition_point(|(end, _)| *end <= offset);
        self.pieces.get(piece).map_or(self.end, |(_, time)| *time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn laid(events: &[u32], end: u32) -> Laid {
        let times = Times {
            head: Duration::ZERO,
            events: events.iter().map(|at| SECOND * *at).collect(),
            end: SECOND * end,
        };
        Laid::new(b"ab".to_vec(), &[1, 2], &times)
    }

    #[test]
    fn heartbeats_fill_the_silence_from_the_head_to_the_end() {
        let mut body = laid(&[3, 3], 5);
        body.put_heartbeats(Duration::ZERO, SECOND * 2, b".");
        assert_eq!(body.body, b".ab");
        assert_eq!(body.pieces, [(1, SECOND * 2), (2, SECOND * 3), (3, SECOND * 3)]);
        assert_eq!(body.spans, Some(vec![1..2, 2..3]));
        let mut body = laid(&[3, 3], 6);
        body.put_heartbeats(Duration::ZERO, SECOND * 2, b".");
        assert_eq!(body.body, b".ab.");
    }

    #[test]
    fn what_is_cut_ends_when_its_last_byte_was_due() {
        let mut body = laid(&[1, 3], 9);
        body.cut(1, Duration::ZERO);
        assert_eq!((body.body.as_slice(), body.end), (b"a".as_slice(), SECOND));
        let mut body = laid(&[1, 3], 9);
        body.cut(0, Duration::ZERO);
        assert_eq!((body.body.len(), body.pieces.len(), body.end), (0, 0, Duration::ZERO));
    }
}
