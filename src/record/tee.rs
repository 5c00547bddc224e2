//! A socket whose reads are written down: the bytes, and when each came.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

/// A stream of bytes both ways, of whatever kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What was read and not taken yet.
#[derive(Debug, Default)]
struct Reads {
    pieces: VecDeque<(Instant, Bytes)>,
    end: Option<(Instant, Ended)>,
}

/// How a socket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By FIN.
    Closed,
    /// By RST, or another fault of the network.
    Broken,
}

/// What was read of a socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Reads>>);

impl Log {
    fn reads(&self) -> MutexGuard<'_, Reads> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next bytes, and when they came.
    pub(crate) fn take(&self) -> Option<(Instant, Bytes)> {
        self.reads().pieces.pop_front()
    }

    /// Whether nothing is there to be taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.reads().pieces.is_empty()
    }

    /// How the socket ended, and when.
    pub(crate) fn end(&self) -> Option<(Instant, Ended)> {
        self.reads().end
    }
}

/// A socket whose reads are written down.
pub(crate) struct Tee {
    inner: Box<dyn Stream>,
    log: Log,
}

impl Tee {
    pub(crate) fn new(inner: Box<dyn Stream>) -> Self {
        Self { inner, log: Log::default() }
    }

    pub(crate) fn log(&self) -> Log {
        self.log.clone()
    }
}

impl AsyncRead for Tee {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let room = into.remaining();
        let read = Pin::new(&mut self.inner).poll_read(context, into);
        let came = &into.filled()[before..];
        let mut reads = match &read {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(_) => self.log.reads(),
        };
        let now = Instant::now();
        if !came.is_empty() {
            reads.pieces.push_back((now, Bytes::copy_from_slice(came)));
        }
        match &read {
            Poll::Ready(Ok(())) if came.is_empty() && room > 0 => {
                reads.end.get_or_insert((now, Ended::Closed));
            }
            Poll::Ready(Err(error)) => {
                // Many end TLS without saying so.
                let is_end = error.kind() == io::ErrorKind::UnexpectedEof;
                reads.end.get_or_insert((now, if is_end { Ended::Closed } else { Ended::Broken }));
            }
            _ => {}
        }
        drop(reads);
        read
    }
}

impl AsyncWrite for Tee {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
