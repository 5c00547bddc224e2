//! A body that is laid out: its bytes, where its events lie in them, and when
//! each piece leaves.

use std::{ops::Range, time::Duration};

use super::pace::Times;

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
        Self { body, pieces, is_coded: false, spans: Some(spans), end: times.end }
    }

    /// Puts heartbeats into the silences between the head and the end.
    pub(super) fn put_heartbeats(&mut self, head: Duration, every: Duration, beat: &[u8]) {
        let mut whole = Self::new(Vec::new(), &[], &Times { end: self.end, ..Times::default() });
        whole.body.reserve(self.body.len());
        let most = MOST_HEARTBEATS.min(MOST_HEARTBEAT_BYTES / beat.len().max(1));
        let (mut last, mut start, mut count) = (head, 0, 0);
        let pieces = self.pieces.iter().map(|(end, time)| (Some(*end), *time));
        for (end, time) in pieces.chain([(None, self.end)]) {
            while let Some(next) = last.checked_add(every).filter(|next| *next < time)
                && count < most
            {
                whole.add(beat, next);
                (last, count) = (next, count + 1);
            }
            if let Some(end) = end {
                let span = whole.add(&self.body[start..end], time);
                whole.spans.get_or_insert_default().push(span);
                start = end;
            }
            last = time;
        }
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
