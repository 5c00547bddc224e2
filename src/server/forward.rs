//! The other arm of the line: a request is passed on to an upstream, and what comes
//! is passed back as it comes, and written down.

use std::{
    error::Error,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Extensions, Response};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};

use super::{
    body::{Ending, PlanBody},
    exchange::{Answer, Asked, Exchange},
    link::{Leave, Link},
    play::After,
    session::Attempt,
    socket::{Socket, write_all},
};
use crate::{
    cassette::{deck::cassette_of, key::secrets_of, scan::Scanner},
    plan::recorded::{self, End},
    record::{
        Mode,
        address::bare_path,
        flight::{Flight, Next},
        recorder::{Kept, Recorder, Recording},
        tee::Ended,
        upstream::{Content, Manner, Outgoing, Upstream},
    },
    reply::ApiError,
};

/// Bodies that are longer are passed on while they come, where nothing needs to see
/// them first.
const LONGEST_COLLECTED: u64 = 1 << 20;

/// Where requests are passed on to, and what becomes of what comes.
#[derive(Debug)]
pub(super) struct Forwarding {
    pub(super) upstreams: Vec<Upstream>,
    pub(super) mode: Mode,
    pub(super) recorder: Option<Arc<Recorder>>,
    /// The cassette of those who name no session.
    pub(super) cassette: String,
}

/// A request that is to be passed on.
pub(super) struct Pass {
    /// To which upstream, by its place.
    upstream: usize,
    /// What is to be told of its end.
    attempt: Option<Attempt>,
    /// Which attempt of its call it is, where that was counted.
    number: Option<u32>,
}

impl Pass {
    /// The same, of a request that was counted.
    pub(super) fn counted(self, attempt: Option<Attempt>, number: u64) -> Self {
        Self { attempt, number: u32::try_from(number).ok(), ..self }
    }
}

impl Forwarding {
    /// Where a request goes that names its upstream by a path such as `/groq/v1/…`, or
    /// by its dialect; where there is one upstream, all goes there.
    fn upstream(&self, dialect: &str, path: &str) -> Option<usize> {
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let named = |name: &str| self.upstreams.iter().position(|upstream| upstream.name() == name);
        let only = (self.upstreams.len() == 1).then_some(0);
        named(first).filter(|_| path.len() > first.len() + 1).or_else(|| named(dialect)).or(only)
    }
}

impl Exchange {
    /// Whether what is not recorded of a session's requests is passed on.
    pub(super) fn records(&self, session: &str) -> bool {
        let Some(forwarding) = &self.forwarding else { return false };
        match forwarding.mode {
            Mode::None => false,
            Mode::New | Mode::All => true,
            Mode::Once => {
                !self.deck.as_ref().is_some_and(|deck| deck.has_own(session))
            }
        }
    }

    /// Whether what was recorded for a session's requests is played.
    pub(super) fn replays(&self, session: &str) -> bool {
        let mode = self.forwarding.as_ref().map_or(Mode::None, |forwarding| forwarding.mode);
        self.deck.is_some() && (mode == Mode::New || !self.records(session))
    }

    /// The way of a request that nothing here answers, where it is recorded.
    pub(super) fn pass(&self, asked: &Asked<'_>) -> Option<Pass> {
        if !self.records(asked.session.name()) {
            return None;
        }
        let path = bare_path(asked.uri.path(), self.base_path());
        let upstream = self.forwarding.as_ref()?.upstream(asked.route.dialect.name(), path)?;
        Some(Pass { upstream, attempt: None, number: None })
    }

    /// Whether a body is passed on while it comes: nothing here looks into it, and it
    /// may be long.
    pub(super) fn streams_through(&self, asked: &Asked<'_>, length: Option<u64>) -> bool {
        let all = self.forwarding.as_ref().is_some_and(|forwarding| forwarding.mode == Mode::All);
        all && self.rules.are_empty()
            && length.is_none_or(|length| length > LONGEST_COLLECTED)
            && self.admit(asked.route, asked.request).is_ok()
    }

    /// Passes a request on whose body is here.
    pub(super) async fn pass_on<S: Socket>(
        &self,
        (asked, extensions): (&Asked<'_>, Extensions),
        pass: Pass,
        read_at: Instant,
        link: &Link<S>,
    ) -> Response<PlanBody> {
        let body = asked.request.body.clone();
        let kept = Kept::whole(&body, read_at);
        self.passed((asked, extensions), pass, (Content::Whole(body), kept), link).await
    }

    /// Passes a request on whose body comes.
    pub(super) async fn pass_through<B, S>(
        &self,
        (asked, extensions): (&Asked<'_>, Extensions),
        pass: Pass,
        body: B,
        link: &Link<S>,
    ) -> Response<PlanBody>
    where
        B: http_body::Body<Data = Bytes, Error: Error + Send + Sync + 'static> + Send + 'static,
        S: Socket,
    {
        let kept = Arc::<Mutex<Kept>>::default();
        let body = Copied { body: Box::pin(body), kept: Arc::clone(&kept) }.map_err(Into::into).boxed_unsync();
        self.passed((asked, extensions), pass, (Content::Stream(body), kept), link).await
    }

    async fn passed<S: Socket>(
        &self,
        (asked, extensions): (&Asked<'_>, Extensions),
        pass: Pass,
        (body, kept): (Content, Arc<Mutex<Kept>>),
        link: &Link<S>,
    ) -> Response<PlanBody> {
        let Some(upstream) = self.upstream(&pass) else {
            return self.unreached(asked, "there is no such upstream", link).await;
        };
        let mut recording = self.recording(asked, upstream, kept, pass.number);
        let outgoing = self.outgoing(asked, extensions, upstream, body);
        link.look_after_peer();
        let sending = timeout(upstream.patience, upstream.send(outgoing));
        let (flight, first) = match sending.await {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => {
                // Nothing came that could be recorded.
                recording.take().map(Recording::forget);
                link.leave_peer_alone();
                return self.unreached(asked, &error.to_string(), link).await;
            }
            Err(_) => {
                recording.iter_mut().for_each(|it| it.finish(Instant::now(), End::Timeout));
                link.leave(Leave::Close);
                return std::future::pending().await;
            }
        };
        tracing::info!("{}", self.line(asked, 0, &format!("passed on to {}", upstream.address())));
        // What HTTP has written and not flushed yet goes first.
        tokio::task::yield_now().await;
        link.take_over();
        let is_head = asked.request.method == http::Method::HEAD;
        let mut relay = Relay { link, recording, scanner: Scanner::without_body(is_head), upstream };
        let (end, flight) = relay.run(flight, first).await;
        let Relay { scanner, .. } = relay;
        let closes = scanner.so_far().head.as_ref().is_none_or(recorded::Head::closes)
            || scanner.ends_with_connection()
            || !scanner.so_far().rest.is_empty();
        if end == End::Complete && !scanner.ends_with_connection() {
            upstream.land(flight);
        }
        let succeeds = scanner.so_far().status().is_some_and(|status| status < 400);
        let ending = Ending { attempt: pass.attempt, succeeds: succeeds && end == End::Complete, _open: None };
        let after = match end {
            End::Complete if closes => After::Closes,
            End::Complete => After::GoesOn,
            End::Reset => After::Leaves(Leave::Reset),
            End::Close | End::Timeout | End::ClientLeft => After::Leaves(Leave::Close),
        };
        if matches!(after, After::Leaves(_)) && end != End::ClientLeft {
            self.player(link, Instant::now()).settle().await;
        }
        self.let_go(after, (ending, end == End::Complete), link).await
    }

    fn upstream(&self, pass: &Pass) -> Option<&Upstream> {
        self.forwarding.as_ref()?.upstreams.get(pass.upstream)
    }

    fn recording(
        &self,
        asked: &Asked<'_>,
        upstream: &Upstream,
        kept: Arc<Mutex<Kept>>,
        attempt: Option<u32>,
    ) -> Option<Recording> {
        let forwarding = self.forwarding.as_ref()?;
        let recorder = forwarding.recorder.as_ref().filter(|_| forwarding.mode != Mode::None)?;
        let cassette = cassette_of(asked.session.name(), &forwarding.cassette).into_owned();
        let mut known = secrets_of(asked.request);
        known.extend(upstream.secret().map(str::to_owned));
        known.extend(self.settings.keys.iter().cloned());
        let address = upstream.address().to_string();
        Some(Recording::new(recorder, cassette, asked.request, (kept, attempt), (address, known)))
    }

    fn outgoing(
        &self,
        asked: &Asked<'_>,
        extensions: Extensions,
        upstream: &Upstream,
        body: Content,
    ) -> Outgoing {
        let path = bare_path(asked.uri.path(), self.base_path());
        let named = path.strip_prefix('/').and_then(|path| path.strip_prefix(upstream.name()));
        let path = named.filter(|rest| rest.starts_with('/')).unwrap_or(path).to_owned();
        let manner = match asked.route.dialect.name() {
            "gemini" => Manner::Google,
            "anthropic" => Manner::Anthropic,
            _ => Manner::Bearer,
        };
        Outgoing {
            method: asked.request.method.clone(),
            uri: asked.uri.clone(),
            headers: asked.request.headers.clone(),
            extensions,
            path,
            manner,
            body,
        }
    }

    /// The upstream was not reached: that is ours to say.
    async fn unreached<S: Socket>(&self, asked: &Asked<'_>, problem: &str, link: &Link<S>) -> Response<PlanBody> {
        let error = ApiError::new(502, format!("mynah: the upstream cannot be reached: {problem}"));
        tracing::error!("{}", self.line(asked, 502, &error.message));
        let plan = self.refuse(asked, &error, super::exchange::Body::Unread);
        self.play(Answer { plan, attempt: None }, Instant::now(), link).await
    }
}

/// What comes from an upstream on its way to the client.
struct Relay<'a, S> {
    link: &'a Link<S>,
    recording: Option<Recording>,
    scanner: Scanner,
    upstream: &'a Upstream,
}

impl<S: Socket> Relay<'_, S> {
    /// Passes on all that comes, each piece before the next is read.
    async fn run(&mut self, mut flight: Flight, first: Next) -> (End, Flight) {
        let mut next = first;
        loop {
            let (at, end) = match next {
                Next::Came(at, bytes) => {
                    self.take(at, &bytes);
                    // What is complete is on the disk before the client knows of it.
                    if self.scanner.is_complete() && flight.has_nothing_more() {
                        self.finish(at, End::Complete);
                    }
                    if write_all(&self.link.socket, &bytes).await.is_err() {
                        self.finish(Instant::now(), End::ClientLeft);
                        return (End::ClientLeft, flight);
                    }
                    next = match timeout(self.upstream.patience, flight.next()).await {
                        Ok(next) => next,
                        Err(_) => {
                            self.finish(Instant::now(), End::Timeout);
                            return (End::Timeout, flight);
                        }
                    };
                    continue;
                }
                Next::Complete => (Instant::now(), End::Complete),
                Next::Ended(at, _) if self.scanner.is_complete() => (at, End::Complete),
                Next::Ended(at, Ended::Broken) => (at, End::Reset),
                Next::Ended(at, Ended::Closed) if self.scanner.ends_with_connection() => (at, End::Complete),
                Next::Ended(at, Ended::Closed) => (at, End::Close),
            };
            self.finish(at, end);
            return (end, flight);
        }
    }

    fn take(&mut self, at: Instant, bytes: &[u8]) {
        self.scanner.push(at.duration_since(at), bytes);
        if let Some(recording) = &mut self.recording {
            recording.push(at, bytes);
        }
    }

    fn finish(&mut self, at: Instant, end: End) {
        if let Some(mut recording) = self.recording.take() {
            recording.finish(at, end);
        }
    }
}

/// A body of which a copy is kept.
struct Copied<B> {
    body: Pin<Box<B>>,
    kept: Arc<Mutex<Kept>>,
}

impl<B: http_body::Body<Data = Bytes>> http_body::Body for Copied<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = self.body.as_mut().poll_frame(context);
        if let Poll::Ready(frame) = &polled {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            match frame {
                Some(Ok(frame)) => frame.data_ref().into_iter().for_each(|piece| kept.push(piece)),
                Some(Err(_)) => {}
                None => kept.end(),
            }
            if self.body.is_end_stream() {
                kept.end();
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
