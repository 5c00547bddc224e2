//! The accepted socket, as far as a connection needs it below HTTP.

use std::{
    future::{Future, poll_fn},
    io,
    task::{Context, Poll, ready},
};

use tokio::{io::ReadBuf, net::TcpStream};

/// A stream of bytes both ways, which its owners share: HTTP reads requests from
/// it and writes ordinary answers, and a plan writes where HTTP would not do.
pub(super) trait Socket: Send + Sync + 'static {
    /// Reads what is there; nothing more is the end.
    fn poll_read(&self, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>>;

    /// Writes as much as fits.
    fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Bytes that were written and not acknowledged by the peer yet; `None`
    /// where the platform does not tell.
    fn unacknowledged(&self) -> Option<usize>;

    /// Whether the peer has ended, as far as can be told without reading.
    fn is_left(&self, context: &mut Context<'_>) -> bool;

    /// Tells the peer that nothing more will be written (FIN).
    fn finish(&self) -> io::Result<()>;

    /// Makes its end, when the last owner lets go, a reset (RST).
    fn end_by_reset(&self) -> io::Result<()>;
}

impl Socket for TcpStream {
    fn poll_read(&self, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_read_ready(context))?;
            match self.try_read_buf(into) {
                Ok(_) => return Poll::Ready(Ok(())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_write_ready(context))?;
            match self.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn unacknowledged(&self) -> Option<usize> {
        kernel::unacknowledged(self)
    }

    fn is_left(&self, context: &mut Context<'_>) -> bool {
        let ready = std::pin::pin!(self.ready(tokio::io::Interest::READABLE | tokio::io::Interest::ERROR));
        match ready.poll(context) {
            Poll::Ready(Ok(ready)) => ready.is_read_closed() || ready.is_write_closed() || ready.is_error(),
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        }
    }

    fn finish(&self) -> io::Result<()> {
        socket2::SockRef::from(self).shutdown(std::net::Shutdown::Write)
    }

    fn end_by_reset(&self) -> io::Result<()> {
        socket2::SockRef::from(self).set_linger(Some(std::time::Duration::ZERO))
    }
}

/// Writes all of these bytes.
pub(super) async fn write_all(socket: &impl Socket, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|context| socket.poll_write(context, bytes)).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
    }
    Ok(())
}

/// Reads and throws away what has come already.
pub(super) async fn read_what_is_there(socket: &impl Socket) {
    let mut room = vec![0; 8192];
    poll_fn(|context| {
        loop {
            let mut into = ReadBuf::new(&mut room);
            match socket.poll_read(context, &mut into) {
                Poll::Ready(Ok(())) if !into.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
    })
    .await;
}

/// Reads and throws away what comes, until the peer ends.
pub(super) async fn read_to_end(socket: &impl Socket) {
    let mut room = vec![0; 8192];
    loop {
        let mut into = ReadBuf::new(&mut room);
        let read = poll_fn(|context| socket.poll_read(context, &mut into)).await;
        if read.is_err() || into.filled().is_empty() {
            return;
        }
    }
}

/// What was not acknowledged yet. Linux counts it (`SIOCOUTQ`, tcp(7)); elsewhere
/// there is no such question that is answered alike.
#[cfg(target_os = "linux")]
mod kernel {
    use std::os::fd::AsRawFd;

    use tokio::net::TcpStream;

    #[expect(unsafe_code, reason = "no library asks the kernel this, and faults promise what it answers")]
    pub(super) fn unacknowledged(socket: &TcpStream) -> Option<usize> {
        let mut count: libc::c_int = 0;
        // SAFETY: the descriptor is open as long as the socket is borrowed, and
        // the request writes one int, to which the pointer leads.
        let answer = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
        if answer == 0 { usize::try_from(count).ok() } else { None }
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use tokio::net::TcpStream;

    pub(super) fn unacknowledged(_: &TcpStream) -> Option<usize> {
        None
    }
}

/// A connection in memory, whose clock tests can stop.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct Duplex(std::sync::Mutex<tokio::io::DuplexStream>);

/// Both ends of a connection in memory.
#[cfg(test)]
pub(super) fn duplex() -> (Duplex, tokio::io::DuplexStream) {
    let (server, client) = tokio::io::duplex(1 << 16);
    (Duplex(std::sync::Mutex::new(server)), client)
}

#[cfg(test)]
impl Duplex {
    fn with<T>(&self, act: impl FnOnce(std::pin::Pin<&mut tokio::io::DuplexStream>) -> T) -> T {
        let mut stream = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        act(std::pin::Pin::new(&mut *stream))
    }
}

#[cfg(test)]
impl Socket for Duplex {
    fn poll_read(&self, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| tokio::io::AsyncRead::poll_read(stream, context, into))
    }

    fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|stream| tokio::io::AsyncWrite::poll_write(stream, context, bytes))
    }

    fn unacknowledged(&self) -> Option<usize> {
        None
    }

    fn is_left(&self, _: &mut Context<'_>) -> bool {
        false
    }

    fn finish(&self) -> io::Result<()> {
        Ok(())
    }

    fn end_by_reset(&self) -> io::Result<()> {
        Ok(())
    }
}
