//! Plays a script onto the socket: each write when it is due, and then the end.

use std::{io, time::Duration};

use tokio::time::Instant;

use super::{
    link::{Idle, Leave, Link},
    socket::Socket,
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
            self.link.write_all(piece).await?;
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, DuplexStream};

    use super::*;
    use crate::{
        notation::value::Period,
        plan::Beat,
        server::socket::{Duplex, duplex},
    };

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn write(end: usize, at: u64, gap: Option<u64>) -> Write {
        Write { end, at: ms(at), gap: gap.map(ms) }
    }

    fn script(bytes: &'static [u8], writes: Vec<Write>, how: How) -> Script {
        let ending = Ending {
            place: writes.last().map_or(0, |write| write.end),
            hold: Hold::For(Period(Duration::ZERO)),
            is_idle: false,
            put: Bytes::new(),
            how,
            beat: None,
        };
        Script { bytes: Bytes::from_static(bytes), writes, rate: None, ending, closes: false, is_part: false }
    }

    /// What the client reads, each with its time in milliseconds; and what becomes
    /// of the connection.
    async fn seen(script: Script) -> (Vec<(u128, String)>, Option<After>) {
        let (socket, mut client): (Duplex, DuplexStream) = duplex();
        let link = Link::new(socket, None);
        let timer = Timer::tokio();
        let start = Instant::now();
        let player = Player { link: &link, timer: &timer, start, settle: ms(50) };
        let mut reads = Vec::new();
        let after = {
            let mut playing = std::pin::pin!(player.play(&script));
            loop {
                let mut room = [0; 64];
                tokio::select! {
                    biased;
                    count = client.read(&mut room) => {
                        let text = String::from_utf8_lossy(&room[..count.unwrap()]).into_owned();
                        reads.push((start.elapsed().as_millis(), text));
                    }
                    after = &mut playing => break after.ok(),
                    () = tokio::time::sleep_until(start + ms(10_000)) => break None,
                }
            }
        };
        let mut room = [0; 64];
        if let Ok(Ok(count)) = tokio::time::timeout(ms(0), client.read(&mut room)).await {
            reads.push((start.elapsed().as_millis(), String::from_utf8_lossy(&room[..count]).into_owned()));
        }
        (reads, after)
    }

    fn times(reads: &[(u128, String)]) -> Vec<(u128, &str)> {
        reads.iter().map(|(time, text)| (*time, text.as_str())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn each_write_leaves_when_it_is_due() {
        let writes = vec![write(1, 0, None), write(3, 250, None), write(4, 290, None)];
        let (reads, after) = seen(script(b"abcd", writes, How::Complete)).await;
        assert_eq!(times(&reads), [(0, "a"), (250, "bc"), (290, "d")]);
        assert_eq!(after, Some(After::GoesOn));
    }

    #[tokio::test(start_paused = true)]
    async fn a_gap_moves_back_what_follows_only_where_the_plan_did_not() {
        let writes = vec![write(1, 0, None), write(2, 50, Some(50)), write(3, 70, None)];
        let (reads, _) = seen(script(b"abc", writes, How::Complete)).await;
        assert_eq!(times(&reads), [(0, "a"), (50, "b"), (70, "c")]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_comes_when_all_was_acknowledged_and_has_settled() {
        let start = Instant::now();
        let (reads, after) = seen(script(b"abc", vec![write(2, 20, None)], How::Reset)).await;
        assert_eq!(times(&reads), [(20, "ab")]);
        assert_eq!(after, Some(After::Leaves(Leave::Reset)));
        assert_eq!(start.elapsed(), ms(70));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_comes_before_what_completes_the_answer() {
        let mut held = script(b"abc", vec![write(2, 10, None)], How::Complete);
        held.ending.hold = Hold::For(Period(ms(500)));
        held.ending.put = Bytes::from_static(b"!");
        let (reads, after) = seen(held).await;
        assert_eq!(times(&reads), [(10, "ab"), (510, "!c")]);
        assert_eq!(after, Some(After::GoesOn));
    }

    #[tokio::test(start_paused = true)]
    async fn heartbeats_go_on_for_ever_where_silence_does() {
        let mut held = script(b"ab", vec![write(2, 0, None)], How::Complete);
        held.ending.hold = Hold::Forever;
        held.ending.beat = Some(Beat { every: ms(4_000), bytes: Bytes::from_static(b":") });
        let (reads, after) = seen(held).await;
        assert_eq!(times(&reads[..3]), [(0, "ab"), (4_000, ":"), (8_000, ":")]);
        assert_eq!(after, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_holds_every_byte_back() {
        let mut slow = script(b"abcdefgh", vec![write(8, 0, None)], How::Complete);
        slow.rate = Some(100);
        let (reads, _) = seen(slow).await;
        assert_eq!(times(&reads), [(0, "ab"), (20, "cd"), (40, "ef"), (60, "gh")]);
    }
}
