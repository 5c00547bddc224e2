//! Plays a script onto the socket: each write when it is due, and then the end.

use std::{io, time::Duration};

use tokio::time::Instant;

use super::{
    link::{Idle, Leave, Link},
    socket::{Socket, write_all},
    timer::{Timer, later},
};
use crate::plan::{
    end::{Ending, Hold, How},
    script::Script,
    send::Write,
};

/// How long to wait for a peer that acknowledges nothing, before a connection
/// ends all the same.
const MOST_PATIENCE: Duration = Duration::from_secs(30);

/// How often the kernel is asked what was acknowledged: at first, and at the
/// least.
const FIRST_LOOK: Duration = Duration::from_micros(100);
const LAST_LOOK: Duration = Duration::from_millis(5);

/// A write that is held back by a rate leaves in pieces, one in so long.
const SLICE: Duration = Duration::from_millis(20);

/// What becomes of a connection behind a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// HTTP goes on with it.
    GoesOn,
    /// HTTP ends it.
    Closes,
    /// It ends so.
    Leaves(Leave),
}

/// What a script is played on, and by which clock.
pub(super) struct Player<'a, S> {
    pub(super) link: &'a Link<S>,
    pub(super) timer: &'a Timer,
    /// When the request was read.
    pub(super) start: Instant,
    /// How long all must have been acknowledged before a connection is cut.
    pub(super) settle: Duration,
}

/// Where a script stands.
struct Progress {
    /// So much later than planned all that follows is.
    late: Duration,
    /// When the last write left.
    last: Instant,
    /// When the rate allows the next.
    free: Instant,
}

impl<S: Socket> Player<'_, S> {
    /// Plays it to its end; `Err` where the peer has gone.
    pub(super) async fn play(&self, script: &Script) -> io::Result<After> {
        // What HTTP has written and not flushed yet goes first.
        tokio::task::yield_now().await;
        self.link.take_over();
        let mut progress = Progress { late: Duration::ZERO, last: self.start, free: self.start };
        let mut sent = 0;
        for write in &script.writes {
            self.wait_for(write, &mut progress).await;
            self.write(&script.bytes[sent..write.end], script.rate, &mut progress).await?;
            sent = write.end;
        }
        let ending = &script.ending;
        if ending.is_idle {
            self.idle(script, &progress);
            return Ok(if script.closes { After::Closes } else { After::GoesOn });
        }
        self.hold(ending, script.rate, &mut progress).await?;
        self.write(&ending.put, script.rate, &mut progress).await?;
        let leave = match ending.how {
            How::Complete => {
                self.write(&script.bytes[sent..], script.rate, &mut progress).await?;
                return Ok(if script.closes { After::Closes } else { After::GoesOn });
            }
            how => leave(how),
        };
        self.settle().await;
        Ok(After::Leaves(leave))
    }

    /// Waits until the peer has got everything, and has had time to read it.
    pub(super) async fn settle(&self) {
        self.acknowledged().await;
        self.timer.sleep_until(later(Instant::now(), self.settle)).await;
    }

    async fn wait_for(&self, write: &Write, progress: &mut Progress) {
        let mut due = later(self.start, write.at.saturating_add(progress.late));
        if let Some(gap) = write.gap {
            self.acknowledged().await;
            let earliest = Instant::now().max(later(progress.last, gap));
            progress.late += earliest.saturating_duration_since(due);
            due = due.max(earliest);
        }
        if due > Instant::now() {
            self.timer.sleep_until(due).await;
        }
    }

    /// Writes bytes, no faster than the rate allows.
    async fn write(&self, bytes: &[u8], rate: Option<u64>, progress: &mut Progress) -> io::Result<()> {
        let slice = rate.map_or(bytes.len(), slice);
        for piece in bytes.chunks(slice.max(1)) {
            if let Some(rate) = rate {
                if progress.free > Instant::now() {
                    self.timer.sleep_until(progress.free).await;
                }
                progress.free = progress.free.max(Instant::now())
                    + time_of(piece.len(), rate).min(Duration::from_secs(3600));
            }
            write_all(&self.link.socket, piece).await?;
            progress.last = Instant::now();
        }
        Ok(())
    }

    /// Silence, with a sign of life now and then.
    async fn hold(&self, ending: &Ending, rate: Option<u64>, progress: &mut Progress) -> io::Result<()> {
        let end = match ending.hold {
            Hold::For(period) => Some(later(progress.last, period.0)),
            Hold::Forever => None,
        };
        if let Some(beat) = &ending.beat {
            let mut next = later(progress.last, beat.every);
            while end.is_none_or(|end| next < end) {
                self.timer.sleep_until(next).await;
                self.write(&beat.bytes, rate, progress).await?;
                next = later(next, beat.every);
            }
        }
        match end {
            Some(end) if end > Instant::now() => self.timer.sleep_until(end).await,
            Some(_) => {}
            // Until the peer has gone, which drops this.
            None => std::future::pending().await,
        }
        Ok(())
    }

    /// What becomes of the connection while it waits for the next request.
    fn idle(&self, script: &Script, progress: &Progress) {
        let Hold::For(period) = script.ending.hold else { return };
        let ending = &script.ending;
        let leave = (ending.how != How::Complete).then(|| leave(ending.how));
        self.link.idle(Idle { at: later(progress.last, period.0), put: ending.put.clone(), leave });
    }

    /// Waits until the peer has acknowledged everything, or its patience ends.
    async fn acknowledged(&self) {
        let give_up = Instant::now() + MOST_PATIENCE;
        let mut look = FIRST_LOOK;
        while self.link.socket.unacknowledged().is_some_and(|count| count > 0) {
            if Instant::now() > give_up {
                tracing::warn!("the peer acknowledges nothing; the connection ends all the same");
                return;
            }
            self.timer.sleep_until(Instant::now() + look).await;
            look = (look * 2).min(LAST_LOOK);
        }
    }
}

fn leave(how: How) -> Leave {
    match how {
        How::HalfClose => Leave::HalfClose,
        How::Reset => Leave::Reset,
        // HTTP/2's way is refused when scenarios are read.
        How::Complete | How::Close | How::Goaway => Leave::Close,
    }
}

/// Bytes of one piece at this rate.
fn slice(rate: u64) -> usize {
    let bytes = u128::from(rate) * SLICE.as_millis() / 1000;
    usize::try_from(bytes).unwrap_or(usize::MAX).max(1)
}

fn time_of(bytes: usize, rate: u64) -> Duration {
    let nanoseconds = bytes as u128 * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}
