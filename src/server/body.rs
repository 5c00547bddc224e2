//! Bodies: collecting a request's, and handing out an answer's piece by piece.

use std::{
    convert::Infallible,
    error::Error,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use super::{
    pieces::Pieces,
    session::Attempt,
    tape::Tape,
    timer::{Sleep, Timer, later},
    unfit::Unfit,
};
use crate::{dialect::event::Carry, request::Request};

/// Bytes that are read and thrown away, so that a client which sends first and
/// reads afterwards gets to see its refusal: the limit so many times over, and
/// never less than the other.
const READ_ON: u64 = 4;
const READ_ON_LEAST: u64 = 100_000_000;

/// How long a body may be, and how long it may stop coming.
pub(super) struct Limits<'a> {
    pub(super) bytes: u64,
    pub(super) pause: Duration,
    pub(super) timer: &'a Timer,
}

/// Reads a body within its limits.
pub(super) async fn collect<B>(request: &Request, body: B, limits: &Limits<'_>) -> Result<Bytes, Unfit>
where
    B: Body<Data = Bytes, Error: Error + 'static>,
{
    let limit = limits.bytes;
    let announced = body.size_hint().lower();
    if announced > limit && request.headers.contains_key(http::header::EXPECT) {
        // The client waits to be told to go on. It is not.
        return Err(Unfit::TooLarge);
    }
    let mut body = pin!(body);
    let mut pause = Pause::new(limits);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut read = 0;
    while let Some(frame) = poll_fn(|context| pause.poll(body.as_mut(), context)).await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(_) if read > limit => break,
            Err(unfit) => return Err(unfit),
        };
        let Ok(piece) = frame.into_data() else { continue };
        read += piece.len() as u64;
        if read > limit.saturating_mul(READ_ON).max(READ_ON_LEAST) {
            break;
        }
        if read > limit {
            (first, rest) = (Bytes::new(), BytesMut::new());
        } else if first.is_empty() {
            first = piece;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&piece);
        }
    }
    match rest.is_empty() {
        _ if read > limit => Err(Unfit::TooLarge),
        true => Ok(first),
        false => Ok(rest.freeze()),
    }
}

/// Waits for the pieces of a body, and only so long. What has come with the head
/// is not waited for.
pub(super) struct Pause<'a> {
    limits: &'a Limits<'a>,
    /// When the next piece is given up.
    until: Option<Instant>,
    /// It may be set for a piece that came: it is set anew when it rings.
    sleep: Option<Sleep>,
}

impl<'a> Pause<'a> {
    pub(super) fn new(limits: &'a Limits<'a>) -> Self {
        Self { limits, until: None, sleep: None }
    }

    /// The next piece, or why there is none.
    pub(super) fn poll<B>(
        &mut self,
        body: Pin<&mut B>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unfit>>>
    where
        B: Body<Data = Bytes, Error: Error + 'static>,
    {
        if let Poll::Ready(frame) = body.poll_frame(context) {
            self.until = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(|error| Unfit::of(&error))));
        }
        let until = *self.until.get_or_insert_with(|| later(Instant::now(), self.limits.pause));
        let sleep = self.sleep.get_or_insert_with(|| self.limits.timer.sleep_until(until));
        while Pin::new(&mut *sleep).poll(context).is_ready() {
            if sleep.deadline() >= until {
                return Poll::Ready(Some(Err(Unfit::Stalled(self.limits.pause))));
            }
            sleep.reset(until);
        }
        Poll::Pending
    }
}

/// An answer's body, each piece an HTTP chunk of its own where it is chunked,
/// and sent when it is due.
#[derive(Debug)]
pub(super) struct PlanBody {
    pieces: Pieces,
    carry: Carry,
    /// A stream of nothing, which would have a length if its end were told before
    /// it is asked for.
    is_void: bool,
    /// `None` where all leaves at once.
    schedule: Option<Box<Schedule>>,
    /// What is to be told of the end.
    ending: Ending,
}

/// What is to be told when a body ends, or is dropped before.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// The attempt that it answers.
    pub(super) attempt: Option<Attempt>,
    /// Whether it is an answer with success.
    pub(super) succeeds: bool,
    /// One of the streams that are open; it is held, and never read.
    pub(super) _open: Option<Open>,
    /// Who is told when HTTP has all of it.
    pub(super) tape: Option<Arc<Tape>>,
}

impl Ending {
    /// The answer has left in full.
    pub(super) fn reach(&mut self) {
        if let (Some(attempt), true) = (&mut self.attempt, self.succeeds) {
            attempt.is_answered();
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        // A body that is asked for no more, as behind HEAD, is all there is.
        if let Some(tape) = &self.tape {
            tape.hand_over();
        }
    }
}

/// When the pieces are due.
#[derive(Debug)]
struct Schedule {
    times: std::vec::IntoIter<Instant>,
    end: Instant,
    sleep: Sleep,
    /// What the sleep is for.
    next: Option<Instant>,
}

impl PlanBody {
    pub(super) fn new(body: Bytes, ends: Vec<usize>, carry: Carry) -> Self {
        let is_void = carry == Carry::Chunked && body.is_empty();
        let ending = Ending::default();
        Self { pieces: Pieces::new(body, ends), carry, is_void, schedule: None, ending }
    }

    /// With pieces that leave at these times, and an end at that.
    pub(super) fn at(mut self, timer: &Timer, times: Vec<Instant>, end: Instant) -> Self {
        if !times.is_empty() {
            self.pieces = self.pieces.packed();
            let sleep = timer.sleep_until(end);
            self.schedule = Some(Box::new(Schedule { times: times.into_iter(), end, sleep, next: None }));
        }
        self
    }

    /// With this to be told when it ends.
    pub(super) fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self.end_if_sent();
        self
    }

    /// Once the last byte is handed over, the answer is complete.
    fn end_if_sent(&mut self) {
        // hyper does not ask for a body that is empty.
        if (self.pieces.count() == 0 || self.pieces.bytes() == 0) && self.schedule.is_none() {
            std::mem::take(&mut self.ending).reach();
        }
    }
}

impl Schedule {
    /// Ready when the next piece, or the end, is due.
    fn poll_due(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let due = *self.next.get_or_insert_with(|| self.times.next().unwrap_or(self.end));
        if due > Instant::now() {
            if self.sleep.deadline() != due {
                self.sleep.reset(due);
            }
            if Pin::new(&mut self.sleep).poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        self.next = None;
        Poll::Ready(())
    }
}

impl Body for PlanBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(schedule) = &mut self.schedule
            && schedule.poll_due(context).is_pending()
        {
            return Poll::Pending;
        }
        let Some(piece) = self.pieces.take() else {
            self.schedule = None;
            self.end_if_sent();
            return Poll::Ready(None);
        };
        // Nothing more to wait for: the last piece tells that it is the last.
        if self.pieces.count() == 0
            && self.schedule.as_ref().is_some_and(|schedule| schedule.end <= Instant::now())
        {
            self.schedule = None;
        }
        self.end_if_sent();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        !self.is_void && self.pieces.count() == 0 && self.schedule.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.carry {
            Carry::Length => SizeHint::with_exact(self.pieces.bytes() as u64),
            Carry::Chunked => SizeHint::default(),
        }
    }
}

/// Counts the streams that are open.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenStreams(Arc<AtomicU64>);

impl OpenStreams {
    /// How many others are open.
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// One more, until it is dropped.
    pub(super) fn open(&self) -> Open {
        self.0.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }
}

/// A stream that is open.
#[derive(Debug)]
pub(super) struct Open(OpenStreams);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn paced(milliseconds: &[u64], end: u64) -> PlanBody {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let ends = (1..=milliseconds.len()).collect();
        let body = Bytes::from("x".repeat(milliseconds.len()));
        PlanBody::new(body, ends, Carry::Chunked).at(
            &Timer::tokio(),
            milliseconds.iter().map(|time| at(*time)).collect(),
            at(end),
        )
    }

    async fn times(mut body: PlanBody) -> Vec<u128> {
        let start = Instant::now();
        let mut times = Vec::new();
        while body.frame().await.is_some() {
            times.push(start.elapsed().as_millis());
        }
        times.push(start.elapsed().as_millis());
        times
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_leaves_when_it_is_due() {
        assert_eq!(times(paced(&[300, 300, 320, 5_000], 5_000)).await, [300, 300, 320, 5_000, 5_000]);
        assert_eq!(times(paced(&[0, 20], 30_000)).await, [0, 20, 30_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_reader_does_not_make_the_others_late() {
        let body = paced(&[10, 20, 30, 1_000], 1_000);
        tokio::time::sleep(Duration::from_millis(25)).await;
        assert_eq!(times(body).await, [0, 0, 5, 975, 975]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_piece_is_known_to_be_the_last_unless_silence_follows() {
        let mut body = paced(&[10], 10);
        assert!(!body.is_end_stream());
        assert!(body.frame().await.is_some());
        assert!(body.is_end_stream());
        let mut body = paced(&[10], 20);
        assert!(body.frame().await.is_some());
        assert!(!body.is_end_stream());
    }
}
