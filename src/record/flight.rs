//! One request to an upstream, and what comes for it as it comes.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as _;
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1::Connection},
};
use tokio::time::Instant;

use super::{
    connect::{Body, Line, poll_rest},
    tee::{Ended, Log, Tee},
};

type Answering =
    Pin<Box<dyn Future<Output = Result<Response<Incoming>, TrySendError<Request<Body>>>> + Send>>;

/// A request under way.
pub(crate) struct Flight {
    line: Line,
    stage: Stage,
    /// Whether the request was handed back: no byte of it was sent.
    is_unsent: bool,
    /// The socket, once HTTP has let go of it.
    socket: Option<Tee>,
}

enum Stage {
    /// The head has not come yet.
    Asked(Answering),
    /// The body comes.
    Body(Incoming),
    /// All of it came.
    Over,
    /// HTTP cannot understand it, or the connection ended.
    Broken,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next {
    /// These bytes, which came then.
    Came(Instant, Bytes),
    /// Nothing more for this request: the message is complete.
    Complete,
    /// Nothing more: the connection ended then.
    Ended(Instant, Ended),
}

impl Flight {
    pub(super) fn new(mut line: Line, request: Request<Body>) -> Self {
        let answering = Box::pin(line.sender.try_send_request(request));
        Self { line, stage: Stage::Asked(answering), is_unsent: false, socket: None }
    }

    /// Whether nothing of it was sent, since the connection was at its end: it may be
    /// sent by another.
    pub(super) fn is_stale(&self) -> bool {
        self.line.is_used && self.is_unsent
    }

    /// Whether HTTP does not understand what comes.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.stage, Stage::Broken)
    }

    /// Whether all that was read was taken.
    pub(crate) fn has_nothing_more(&self) -> bool {
        self.log().is_empty()
    }

    pub(super) fn into_line(self) -> Line {
        self.line
    }

    fn log(&self) -> &Log {
        &self.line.log
    }

    /// What comes next. Nothing is read while nobody waits for it.
    pub(crate) async fn next(&mut self) -> Next {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        loop {
            if let Some((at, bytes)) = self.log().take() {
                return Poll::Ready(Next::Came(at, bytes));
            }
            if matches!(self.stage, Stage::Over) {
                return Poll::Ready(Next::Complete);
            }
            if let Some((at, how)) = self.log().end() {
                return Poll::Ready(Next::Ended(at, how));
            }
            let is_moved = self.drive(context);
            if !is_moved && self.log().is_empty() && self.log().end().is_none() {
                return match self.stage {
                    Stage::Over => continue,
                    Stage::Broken if self.socket.is_none() => {
                        Poll::Ready(Next::Ended(Instant::now(), Ended::Broken))
                    }
                    _ => Poll::Pending,
                };
            }
        }
    }

    /// Goes on as far as it can without waiting; whether it did.
    fn drive(&mut self, context: &mut Context<'_>) -> bool {
        if let (Stage::Broken, Some(socket)) = (&self.stage, &mut self.socket) {
            // What HTTP does not understand is passed on all the same.
            return poll_rest(socket, context).is_ready();
        }
        let mut is_moved = false;
        if let Some(connection) = &mut self.line.connection
            && connection.poll_without_shutdown(context).is_ready()
        {
            is_moved = true;
            let parts = self.line.connection.take().map(Connection::into_parts);
            self.socket = parts.map(|parts| parts.io.into_inner());
        }
        let next = match &mut self.stage {
            Stage::Asked(answering) => match answering.as_mut().poll(context) {
                Poll::Pending => None,
                Poll::Ready(Ok(response)) => Some(Stage::Body(response.into_body())),
                Poll::Ready(Err(error)) => {
                    self.is_unsent = error.message().is_some();
                    if !error.error().is_parse() {
                        // Nothing is to be expected of who did not get all of it.
                        self.socket = None;
                    }
                    Some(Stage::Broken)
                }
            },
            Stage::Body(body) => match Pin::new(body).poll_frame(context) {
                Poll::Pending => None,
                // The tee has it.
                Poll::Ready(Some(Ok(_))) => return true,
                Poll::Ready(Some(Err(_))) => Some(Stage::Broken),
                Poll::Ready(None) => Some(Stage::Over),
            },
            Stage::Over | Stage::Broken => None,
        };
        if let Some(next) = next {
            self.stage = next;
            is_moved = true;
        }
        is_moved
    }
}
