//! A connection between the socket and HTTP: what HTTP writes passes through,
//! unless a plan has the socket for itself.

use std::{
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use crate::journal::Gone;

use super::{
    refuse::automatic,
    socket::Socket,
    tape::Tape,
    timer::{Sleep, Timer, later},
    watch::{Seen, Watch},
};

/// A connection's socket, and what is to become of it.
#[derive(Debug)]
pub(super) struct Link<S> {
    /// The socket.
    pub(super) socket: S,
    /// What is known of what has come.
    pub(super) seen: Seen,
    /// What is noted for the journal; `None` where none is kept.
    pub(super) tape: Option<Arc<Tape>>,
    /// How much of the end of a head was seen in what HTTP writes for nobody;
    /// [`OPEN`] where it writes for the peer.
    swallowed: AtomicU8,
    has_leave: AtomicBool,
    has_idle: AtomicBool,
    /// What the peer sends is not read, so that its end must be looked for.
    is_looked_after: AtomicBool,
    has_held: AtomicBool,
    /// Whether what was to be written last did not fit.
    is_full: AtomicBool,
    /// Written where an answer ends otherwise than by HTTP, which is rare; the
    /// flags are what is looked at.
    next: Mutex<Next>,
}

/// What is to become of a connection.
#[derive(Debug, Default)]
struct Next {
    leave: Option<Leave>,
    idle: Option<Idle>,
    held: Bytes,
}

/// How a connection ends otherwise than HTTP would end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// By FIN.
    Close,
    /// By FIN, and what the peer still sends is read.
    HalfClose,
    /// By RST.
    Reset,
    /// Not at all until the peer goes, of whom nothing more is read.
    Unread,
}

impl Leave {
    /// As it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Close | Self::Unread => "close",
            Self::HalfClose => "half_close",
            Self::Reset => "reset",
        }
    }
}

/// What becomes of a connection on which no new request comes.
#[derive(Clone, Debug)]
pub(super) struct Idle {
    /// When.
    pub(super) at: Instant,
    /// What is written then.
    pub(super) put: Bytes,
    /// How it ends; `None`: it goes on.
    pub(super) leave: Option<Leave>,
}

const OPEN: u8 = u8::MAX;

impl<S> Link<S> {
    pub(super) fn new(socket: S, tape: Option<Arc<Tape>>) -> Arc<Self> {
        Arc::new(Self {
            socket,
            tape,
            seen: Seen::default(),
            swallowed: AtomicU8::new(OPEN),
            has_leave: AtomicBool::new(false),
            has_idle: AtomicBool::new(false),
            is_looked_after: AtomicBool::new(false),
            has_held: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
            next: Mutex::default(),
        })
    }

    /// What comes next is none of the journal's.
    pub(super) fn leave_journal(&self) {
        if let Some(tape) = &self.tape {
            tape.leave();
        }
    }

    /// From now on the socket is the plan's: the next head that HTTP writes is
    /// for nobody.
    pub(super) fn take_over(&self) {
        self.swallowed.store(0, Ordering::Relaxed);
    }

    /// The connection is to end so, at once.
    pub(super) fn leave(&self, how: Leave) {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).leave = Some(how);
        self.has_leave.store(true, Ordering::Release);
    }

    /// How the connection is to end, where that was said.
    pub(super) fn left(&self) -> Option<Leave> {
        if !self.has_leave.load(Ordering::Acquire) {
            return None;
        }
        self.next.lock().unwrap_or_else(PoisonError::into_inner).leave
    }

    /// From now on HTTP may not read what the peer sends: its end is looked for.
    pub(super) fn look_after_peer(&self) {
        self.is_looked_after.store(true, Ordering::Release);
    }

    /// From now on HTTP reads again.
    pub(super) fn leave_peer_alone(&self) {
        self.is_looked_after.store(false, Ordering::Release);
    }

    /// Whether the peer's end must be looked for.
    pub(super) fn is_looked_after(&self) -> bool {
        self.is_looked_after.load(Ordering::Acquire)
    }

    /// The connection is to end so, unless a new request comes before.
    pub(super) fn idle(&self, idle: Idle) {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).idle = Some(idle);
        self.has_idle.store(true, Ordering::Release);
    }

    /// What becomes of it when no request comes.
    pub(super) fn idles(&self) -> Option<Idle> {
        if !self.has_idle.load(Ordering::Acquire) {
            return None;
        }
        self.next.lock().unwrap_or_else(PoisonError::into_inner).idle.clone()
    }

    /// A request came, or the idle time is over.
    pub(super) fn wake(&self) {
        // A look costs less than a change, and there is mostly nothing to change.
        if self.has_idle.load(Ordering::Relaxed) && self.has_idle.swap(false, Ordering::AcqRel) {
            self.next.lock().unwrap_or_else(PoisonError::into_inner).idle = None;
        }
    }

    /// Holds back what may be a refusal of HTTP's own, until the connection's end
    /// tells whose it is.
    fn hold(&self, bytes: &[u8]) {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).held = Bytes::copy_from_slice(bytes);
        self.has_held.store(true, Ordering::Release);
    }

    /// What is held back.
    pub(super) fn take_held(&self) -> Option<Bytes> {
        let has_held = self.has_held.swap(false, Ordering::AcqRel);
        has_held.then(|| std::mem::take(&mut self.next.lock().unwrap_or_else(PoisonError::into_inner).held))
    }

    /// Whether what was to be written last did not fit: nothing can be said any
    /// more.
    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// How many of these bytes are for nobody.
    fn swallow(&self, bytes: &[u8]) -> usize {
        const END: &[u8; 4] = b"\r\n\r\n";
        let mut seen = self.swallowed.load(Ordering::Relaxed);
        if seen == OPEN {
            return 0;
        }
        let mut count = 0;
        for byte in bytes {
            count += 1;
            seen = match END.get(usize::from(seen)) {
                Some(next) if next == byte => seen + 1,
                _ => u8::from(*byte == b'\r'),
            };
            if usize::from(seen) == END.len() {
                seen = OPEN;
                break;
            }
        }
        self.swallowed.store(seen, Ordering::Relaxed);
        count
    }
}

/// The end of a link that HTTP holds.
#[derive(Debug)]
pub(super) struct Gate<S> {
    link: Arc<Link<S>>,
    throttle: Option<Throttle>,
    watch: Watch,
}

/// Holds back what is read.
#[derive(Debug)]
pub(super) struct Throttle {
    rate: u64,
    timer: Timer,
    sleep: Option<Sleep>,
}

/// How often a little is read where reading is held back.
const SLICE: Duration = Duration::from_millis(20);

impl Throttle {
    /// So many bytes in a second at the most.
    pub(super) fn new(rate: u64, timer: &Timer) -> Self {
        Self { rate: rate.max(1), timer: timer.clone(), sleep: None }
    }

    /// How many bytes may be read now.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<usize> {
        if let Some(sleep) = &mut self.sleep {
            ready!(Pin::new(sleep).poll(context));
            self.sleep = None;
        }
        let room = u128::from(self.rate) * SLICE.as_millis() / 1000;
        Poll::Ready(usize::try_from(room).unwrap_or(usize::MAX).clamp(1, 8192))
    }

    fn took(&mut self, bytes: usize) {
        let time = Duration::from_nanos((bytes as u64).saturating_mul(1_000_000_000) / self.rate);
        self.sleep = Some(self.timer.sleep_until(later(Instant::now(), time)));
    }
}

impl<S> Gate<S> {
    pub(super) fn new(link: Arc<Link<S>>, throttle: Option<Throttle>) -> Self {
        Self { link, throttle, watch: Watch::default() }
    }
}

impl<S: Socket> Link<S> {
    /// Writes as much as fits, and notes it.
    pub(super) fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // Looked at before: the peer may have it, and go on, before this thread does.
        let before = self.tape.as_ref().map(|_| Instant::now());
        let written = self.socket.poll_write(context, bytes);
        if let (Poll::Ready(Ok(count)), Some(tape), Some(at)) = (&written, &self.tape, before) {
            tape.wrote(*count, at);
        }
        written
    }

    /// Writes all of these bytes.
    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = poll_fn(|context| self.poll_write(context, bytes)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
        }
        Ok(())
    }
}

impl<S: Socket> AsyncRead for Gate<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let gate = &mut *self;
        let read = match &mut gate.throttle {
            None => gate.link.socket.poll_read(context, into),
            Some(throttle) => {
                let room = ready!(throttle.poll_room(context)).min(into.remaining());
                let mut little = vec![0; room];
                let mut part = ReadBuf::new(&mut little);
                let read = gate.link.socket.poll_read(context, &mut part);
                throttle.took(part.filled().len());
                into.put_slice(part.filled());
                read
            }
        };
        let came = &into.filled()[before..];
        if !came.is_empty() {
            gate.link.wake();
        }
        match &read {
            Poll::Ready(Ok(())) => {
                let begun = gate.link.seen.came(came, &mut gate.watch);
                if let Some(tape) = &gate.link.tape {
                    if begun > 0 {
                        tape.begin(begun);
                    }
                    if came.is_empty() {
                        tape.client_left(Gone::Closed);
                    }
                }
            }
            Poll::Ready(Err(_)) => {
                if let Some(tape) = &gate.link.tape {
                    tape.client_left(Gone::Reset);
                }
            }
            Poll::Pending => gate.link.seen.waits(&gate.watch),
        }
        read
    }
}

impl<S: Socket> AsyncWrite for Gate<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let link = &self.link;
        match link.swallow(bytes) {
            0 => {}
            count => return Poll::Ready(Ok(count)),
        }
        let automatic = automatic(bytes);
        let own = bytes.len() - automatic;
        if own == 0 && automatic > 0 {
            link.hold(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = link.poll_write(context, &bytes[..own]);
        if written.is_pending() || link.is_full() {
            link.is_full.store(written.is_pending(), Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(tape) = &self.link.tape {
            tape.flushed();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What is held back comes first.
        if self.link.has_held.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(self.link.socket.finish())
    }
}
