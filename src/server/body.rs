//! Bodies: collecting a request's, and handing out an answer's piece by piece.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;

use crate::{dialect::event::Carry, request::Request};

/// Bytes that are read and thrown away, so that a client which sends first and
/// reads afterwards gets to see its refusal: the limit so many times over, and
/// never less than the other.
const READ_ON: u64 = 4;
const READ_ON_LEAST: u64 = 100_000_000;

/// Why there is no body.
#[derive(Debug)]
pub(super) enum Uncollected {
    /// It has more bytes than allowed.
    TooLarge,
    /// It ended early, or was not HTTP.
    Broken,
}

/// Reads a body of `limit` bytes at the most.
pub(super) async fn collect<B>(request: &Request, body: B, limit: u64) -> Result<Bytes, Uncollected>
where
    B: Body<Data = Bytes>,
{
    let announced = body.size_hint().lower();
    if announced > limit && request.headers.contains_key(http::header::EXPECT) {
        // The client waits to be told to go on. It is not.
        return Err(Uncollected::TooLarge);
    }
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(Uncollected::Broken) };
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
        _ if read > limit => Err(Uncollected::TooLarge),
        true => Ok(first),
        false => Ok(rest.freeze()),
    }
}

/// An answer's body, each piece an HTTP chunk of its own where it is chunked.
#[derive(Debug)]
pub(super) struct PlanBody {
    rest: Bytes,
    sent: usize,
    ends: std::vec::IntoIter<usize>,
    carry: Carry,
}

impl PlanBody {
    pub(super) fn new(body: Bytes, ends: Vec<usize>, carry: Carry) -> Self {
        Self { rest: body, sent: 0, ends: ends.into_iter(), carry }
    }
}

impl Body for PlanBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(end) = self.ends.next() else { return Poll::Ready(None) };
        let length = end - self.sent;
        self.sent = end;
        let piece = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.ends.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        match self.carry {
            Carry::Length => SizeHint::with_exact(self.rest.len() as u64),
            Carry::Chunked => SizeHint::default(),
        }
    }
}
