//! The other arm of the line: a request is passed on to an upstream, and what comes
//! is passed back as it comes, and written down.

use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Extensions, Response};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::{
    StartError,
    body::{Ending, PlanBody},
    deal::{Known, are_plain},
    exchange::{Answer, Asked, Exchange},
    link::{Leave, Link},
    play::After,
    record::{By, Said},
    session::Attempt,
    socket::Socket,
    unfit::Unfit,
};
use crate::{
    ask::Ask,
    cassette::{deck::cassette_of, key::secrets_of, scan::Scanner},
    dialect::DIALECTS,
    identity::Identity,
    journal::{self, Source},
    plan::recorded::{self, End, Recorded},
    record::{
        Mode,
        address::bare_path,
        flight::{Flight, Next},
        recorder::{Recorder, Recording, Shared},
        tee::Ended,
        upstream::{Content, Manner, Outgoing, Upstream},
    },
    reply::ApiError,
    request::decode,
    scenario::stub::Kind,
    select::Layer,
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
pub(super) struct Pass<'r> {
    upstream: &'r Upstream,
    /// What is to be told of its end.
    attempt: Option<Attempt>,
    /// Which attempt of its call it is, where that was counted.
    number: Option<u32>,
    /// The stubs that chose the upstream, and change nothing about its answer.
    stubs: Vec<Layer<'r>>,
    /// What is laid over the answer, once all of it is there.
    over: Option<Box<Over<'r>>>,
}

/// What scenarios lay over an answer of an upstream.
struct Over<'r> {
    layers: Vec<Layer<'r>>,
    ask: Ask,
    body: Value,
    identity: Identity,
}

impl<'r> Pass<'r> {
    fn to(upstream: &'r Upstream) -> Self {
        Self { upstream, attempt: None, number: None, stubs: Vec::new(), over: None }
    }

    /// The same, of a request that was counted.
    pub(super) fn counted(self, attempt: Option<Attempt>, number: u64) -> Self {
        Self { attempt, number: u32::try_from(number).ok(), ..self }
    }

    /// The same with these stubs laid over the answer, where they change anything.
    pub(super) fn under(self, layers: Vec<Layer<'r>>, known: &Known<'_>) -> Self {
        if are_plain(&layers) {
            return Self { stubs: layers, ..self };
        }
        let (ask, body, identity) = (known.ask.clone(), known.body.clone(), known.identity.clone());
        Self { over: Some(Box::new(Over { layers, ask, body, identity })), ..self }
    }
}

impl Forwarding {
    /// Where a request goes that names its upstream by a path such as `/groq/v1/…`, or
    /// by its dialect; where there is one upstream, all goes there.
    fn upstream(&self, dialect: &str, path: &str) -> Option<&Upstream> {
        let only = self.upstreams.first().filter(|_| self.upstreams.len() == 1);
        self.by_path(path).or_else(|| self.named(dialect)).or(only)
    }

    /// The upstream that a path such as `/groq/v1/…` names.
    fn by_path(&self, path: &str) -> Option<&Upstream> {
        let (first, _) = path.strip_prefix('/')?.split_once('/')?;
        // What a dialect is called by may begin a path of its own.
        let is_dialect = DIALECTS.iter().any(|dialect| dialect.name() == first);
        self.named(first).filter(|_| !is_dialect)
    }

    /// The upstream of a name.
    pub(super) fn named(&self, name: &str) -> Option<&Upstream> {
        self.upstreams.iter().find(|upstream| upstream.name() == name)
    }
}

impl Exchange {
    /// Whether each stub that forwards names an upstream.
    pub(super) fn check_forwards(&self) -> Result<(), StartError> {
        let stubs = self.rules.scenarios().iter().flat_map(|scenario| &scenario.stubs);
        for stub in stubs {
            for (reply, _) in &stub.replies {
                let Kind::Forward(name) = &reply.kind else { continue };
                if self.pass_to(name).is_none() {
                    let place = &stub.place;
                    let problem = format!(
                        "{place} forwards to {name}, which is no upstream: start with --upstream {name}=URL"
                    );
                    return Err(StartError::Upstream(problem));
                }
            }
        }
        Ok(())
    }

    /// Whether what is not recorded of a session's requests is passed on.
    pub(super) fn records(&self, session: &str) -> bool {
        let Some(forwarding) = &self.forwarding else { return false };
        match forwarding.mode {
            Mode::None => false,
            Mode::New | Mode::All => true,
            Mode::Once => !self.deck.as_ref().is_some_and(|deck| deck.has_own(session)),
        }
    }

    /// Whether what was recorded for a session's requests is played.
    pub(super) fn replays(&self, session: &str) -> bool {
        let mode = self.forwarding.as_ref().map_or(Mode::None, |forwarding| forwarding.mode);
        self.deck.is_some() && (mode == Mode::New || !self.records(session))
    }

    /// The way of a request that nothing here answers, where it is recorded.
    pub(super) fn pass(&self, asked: &Asked<'_>) -> Option<Pass<'_>> {
        if !self.records(asked.session.name()) {
            return None;
        }
        let path = bare_path(asked.uri.path(), self.base_path());
        self.forwarding.as_ref()?.upstream(asked.route.dialect.name(), path).map(Pass::to)
    }

    /// The way to the upstream of a name.
    pub(super) fn pass_to(&self, name: &str) -> Option<Pass<'_>> {
        self.forwarding.as_ref()?.named(name).map(Pass::to)
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
        pass: Pass<'_>,
        read_at: Instant,
        link: &Link<S>,
    ) -> Response<PlanBody> {
        self.note_pass(link, asked, &pass, read_at);
        let body = asked.request.body.clone();
        let kept = Shared::whole(&body, read_at);
        self.passed((asked, extensions), pass, (Content::Whole(body), kept), link).await
    }

    /// Passes a request on whose body comes.
    pub(super) async fn pass_through<B, S>(
        &self,
        (asked, extensions): (&Asked<'_>, Extensions),
        pass: Pass<'_>,
        body: B,
        link: &Link<S>,
    ) -> Response<PlanBody>
    where
        B: http_body::Body<Data = Bytes, Error: Error + Send + Sync + 'static> + Send + 'static,
        S: Socket,
    {
        self.note_pass(link, asked, &pass, Instant::now());
        let kept = Shared::default();
        let body = Copied { body: Box::pin(body), kept: kept.clone() }.map_err(Into::into).boxed_unsync();
        self.passed((asked, extensions), pass, (Content::Stream(body), kept), link).await
    }

    async fn passed<S: Socket>(
        &self,
        (asked, extensions): (&Asked<'_>, Extensions),
        pass: Pass<'_>,
        (body, kept): (Content, Shared),
        link: &Link<S>,
    ) -> Response<PlanBody> {
        let upstream = pass.upstream;
        let mut recording = self.recording(asked, upstream, kept.clone(), pass.number);
        let outgoing = self.outgoing(asked, extensions, upstream, body);
        link.look_after_peer();
        let begun = match timeout(upstream.patience, upstream.send(outgoing)).await {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => {
                // Nothing came that could be recorded.
                if let Some(recording) = recording.take() {
                    recording.forget();
                }
                link.leave_peer_alone();
                return self.unreached(asked, &error.to_string(), link).await;
            }
            Err(_) => {
                tracing::warn!("nothing comes from {}", upstream.address());
                recording.iter_mut().for_each(|it| it.finish(Instant::now(), End::Timeout));
                if let Some(tape) = &link.tape {
                    tape.end(journal::End::Cut("close"), Some(Instant::now()));
                }
                link.leave(Leave::Close);
                return std::future::pending().await;
            }
        };
        if matches!(begun.1, Next::Ended(..)) && kept.has_failed() {
            // What the client sent was no request.
            if let Some(recording) = recording.take() {
                recording.forget();
            }
            link.leave_peer_alone();
            let answer = self.unread(asked, Unfit::Broken);
            return self.say_instead(answer, link).await;
        }
        let is_head = asked.request.method == http::Method::HEAD;
        let relay = Relay {
            client: pass.over.is_none().then_some(link),
            recording,
            scanner: if pass.over.is_none() { Scanner::without_body(is_head) } else { Scanner::new(is_head) },
            upstream,
            begun: kept.ended(),
        };
        match pass.over {
            None => self.relayed(asked, (relay, begun), pass.attempt, link).await,
            Some(over) => {
                let recorded = relay.collect(begun).await;
                link.leave_peer_alone();
                let known = Known { ask: &over.ask, body: &over.body, identity: &over.identity };
                let plan = self.relaid(asked, &known, &over.layers, &recorded);
                let answer = Answer { plan, attempt: pass.attempt, by: By::default() };
                self.say_instead(answer, link).await
            }
        }
    }

    /// Passes back what comes as it comes, and ends as that ends.
    async fn relayed<S: Socket>(
        &self,
        asked: &Asked<'_>,
        (mut relay, (flight, first)): (Relay<'_, S>, (Flight, Next)),
        attempt: Option<Attempt>,
        link: &Link<S>,
    ) -> Response<PlanBody> {
        // What HTTP has written and not flushed yet goes first.
        tokio::task::yield_now().await;
        link.take_over();
        let (end, flight) = relay.run(flight, first).await;
        let Relay { scanner, upstream, .. } = relay;
        let (so_far, is_whole) = (scanner.so_far(), end == End::Complete);
        let status = so_far.status().unwrap_or_default();
        tracing::info!("{}", self.line(asked, status, &format!("by {}", upstream.address())));
        let closes = so_far.head.as_ref().is_none_or(recorded::Head::closes)
            || scanner.ends_with_connection()
            || !so_far.rest.is_empty();
        if is_whole && !scanner.ends_with_connection() {
            upstream.land(flight);
        }
        if let Some(tape) = &link.tape {
            tape.said(|| Said::relayed(status, so_far));
            let (how, at) = match end {
                End::Complete => (journal::End::Complete, None),
                End::ClientLeft => (journal::End::Left, Some(Instant::now())),
                End::Reset => (journal::End::Cut("reset"), Some(Instant::now())),
                End::Close | End::Timeout => (journal::End::Cut("close"), Some(Instant::now())),
            };
            tape.end(how, at);
        }
        let ending =
            Ending { attempt, succeeds: is_whole && status < 400, _open: None, tape: link.tape.clone() };
        let after = match end {
            End::Complete if closes => After::Closes,
            End::Complete => After::GoesOn,
            End::Reset => After::Leaves(Leave::Reset),
            End::Close | End::Timeout | End::ClientLeft => After::Leaves(Leave::Close),
        };
        if matches!(after, After::Leaves(_)) && end != End::ClientLeft {
            self.player(link, Instant::now()).settle().await;
        }
        self.let_go(after, (ending, is_whole), link).await
    }

    fn names_upstream(&self, path: &str) -> bool {
        self.forwarding.as_ref().is_some_and(|forwarding| forwarding.by_path(path).is_some())
    }

    fn recording(
        &self,
        asked: &Asked<'_>,
        upstream: &Upstream,
        kept: Shared,
        attempt: Option<u32>,
    ) -> Option<Recording> {
        let forwarding = self.forwarding.as_ref()?;
        let recorder = forwarding.recorder.as_ref().filter(|_| forwarding.mode != Mode::None)?;
        let cassette = cassette_of(asked.session.name(), &forwarding.cassette).into_owned();
        let mut known = secrets_of(asked.request);
        known.extend(upstream.secret().map(str::to_owned));
        known.extend(self.settings.keys.iter().cloned());
        let address = upstream.address().to_string();
        let mut recording =
            Recording::new(recorder, cassette, asked.request, (kept, attempt), (address, known));
        let path = bare_path(asked.uri.path(), self.base_path());
        if self.names_upstream(path) {
            // Two upstreams have the same paths.
            recording.is_at(decode(path));
        }
        Some(recording)
    }

    fn outgoing(
        &self,
        asked: &Asked<'_>,
        extensions: Extensions,
        upstream: &Upstream,
        body: Content,
    ) -> Outgoing {
        let path = bare_path(asked.uri.path(), self.base_path());
        let is_named = self.names_upstream(path);
        let path = if is_named { &path[1 + upstream.name().len()..] } else { path }.to_owned();
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
    async fn unreached<S: Socket>(
        &self,
        asked: &Asked<'_>,
        problem: &str,
        link: &Link<S>,
    ) -> Response<PlanBody> {
        let error = ApiError::new(502, format!("mynah: the upstream cannot be reached: {problem}"));
        tracing::error!("{}", self.line(asked, 502, &error.message));
        let plan = self.refuse(asked, &error, super::exchange::Body::Unread);
        self.say_instead(Answer { plan, attempt: None, by: By::default() }, link).await
    }

    /// Says what did not come as it is from the upstream.
    async fn say_instead<S: Socket>(&self, answer: Answer, link: &Link<S>) -> Response<PlanBody> {
        if let Some(tape) = &link.tape {
            tape.said(|| Said::of(&answer.plan));
        }
        self.play(answer, Instant::now(), link).await
    }

    /// Enters what is passed on into the journal.
    fn note_pass<S>(&self, link: &Link<S>, asked: &Asked<'_>, pass: &Pass<'_>, read: Instant) {
        let layers = pass.over.as_ref().map(|over| over.layers.as_slice()).unwrap_or_default();
        let layers = if layers.is_empty() { &pass.stubs } else { layers };
        let by = By::new(Source::Upstream).why(pass.upstream.address().to_string()).under(layers);
        self.enter_record(link, asked, (by, None), read);
    }
}

/// What comes from an upstream on its way to the client.
struct Relay<'a, S> {
    /// `None` where all of it is to be there first.
    client: Option<&'a Link<S>>,
    recording: Option<Recording>,
    scanner: Scanner,
    upstream: &'a Upstream,
    /// When the request was read in full.
    begun: Instant,
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
                        self.finish(at, End::Complete).await;
                    }
                    if let Some(client) = self.client
                        && client.write_all(&bytes).await.is_err()
                    {
                        self.finish(Instant::now(), End::ClientLeft).await;
                        return (End::ClientLeft, flight);
                    }
                    if self.scanner.is_complete() && flight.is_broken() && flight.has_nothing_more() {
                        return (End::Complete, flight);
                    }
                    next = match timeout(self.upstream.patience, flight.next()).await {
                        Ok(next) => next,
                        Err(_) => {
                            tracing::warn!("nothing comes from {} any more", self.upstream.address());
                            self.finish(Instant::now(), End::Timeout).await;
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
            self.finish(at, end).await;
            return (end, flight);
        }
    }

    /// Takes all that comes, and then says what it was.
    async fn collect(mut self, (flight, first): (Flight, Next)) -> Recorded {
        let (upstream, begun) = (self.upstream, self.begun);
        let (end, flight) = self.run(flight, first).await;
        if end == End::Complete && !self.scanner.ends_with_connection() {
            upstream.land(flight);
        }
        self.scanner.finish(Instant::now().saturating_duration_since(begun), end)
    }

    fn take(&mut self, at: Instant, bytes: &[u8]) {
        self.scanner.push(at.saturating_duration_since(self.begun), bytes);
        if let Some(recording) = &mut self.recording {
            recording.push(at, bytes);
        }
    }

    async fn finish(&mut self, at: Instant, end: End) {
        let Some(mut recording) = self.recording.take() else { return };
        if recording.is_small() {
            return recording.finish(at, end);
        }
        // Others are not to wait for it.
        let writing = tokio::task::spawn_blocking(move || recording.finish(at, end));
        if let Err(error) = writing.await {
            tracing::error!("an interaction is not recorded: {error}");
        }
    }
}

/// A body of which a copy is kept.
struct Copied<B> {
    body: Pin<Box<B>>,
    kept: Shared,
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
            match frame {
                Some(Ok(frame)) => frame.data_ref().into_iter().for_each(|piece| self.kept.push(piece)),
                Some(Err(_)) => self.kept.fail(),
                None => self.kept.end(),
            }
            if self.body.is_end_stream() {
                self.kept.end();
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
