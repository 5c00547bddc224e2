//! The line that every request takes, and the only file that knows all of it:
//! collect, identify, select, plan, play.

use std::{
    borrow::Cow,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Response, Uri, request::Parts};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Ids, Settings, Unmatched,
    body::{Limits, OpenStreams, PlanBody, collect},
    clock::Clock,
    control::{self, Control},
    deal::{Elsewhere, Known, client, dress_of},
    forward::{Forwarding, Pass},
    journal::Journal,
    line::Line,
    link::Link,
    metrics::Metrics,
    record::By,
    session::{Attempt, Session, Sessions, name_at_end, take_prefix},
    socket::Socket,
    timer::Timer,
    unfit::unfit,
};
use crate::{
    answer,
    ask::Ask,
    cassette::{deck::Deck, key::Matching},
    dialect::{self, Heard, Occasion, Operation, Route, event::Said, style::Style},
    identity::{Fingerprint, Identity},
    journal::Source,
    plan::{self, Laying, Origin, Stage, WirePlan, pace::Tempo, recorded::Recorded},
    redact::redact,
    reply::ApiError,
    request::Request,
    scenario::{
        say,
        stub::{Dress, Kind, Lenient},
    },
    select::{
        Layer, Luck, Past, Rules, Selection,
        facts::{Connection, Extent, Facts},
    },
    shelf::Keep,
};

/// All that is needed to answer a request. Where something of it changes, another takes
/// its place, which shares with it what is remembered; requests that are under way go on
/// with the one that they began with.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) settings: Settings,
    pub(super) rules: Arc<Rules>,
    /// What was recorded, where that is to be replayed.
    pub(super) deck: Option<Arc<Deck>>,
    /// By what requests are compared, and what is a secret.
    pub(super) matching: Arc<Matching>,
    /// Where requests are passed on to.
    pub(super) forwarding: Option<Arc<Forwarding>>,
    pub(super) clock: Clock,
    pub(super) sessions: Arc<Sessions>,
    pub(super) journal: Arc<Journal>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) streams: OpenStreams,
    pub(super) timer: Timer,
    /// Requests that nothing answered.
    pub(super) misses: Arc<AtomicU64>,
}

/// What goes on the wire, and what is to be told of its end.
pub(super) struct Answer {
    pub(super) plan: WirePlan,
    pub(super) attempt: Option<Attempt>,
    /// What gave it, and why.
    pub(super) by: By,
}

/// What becomes of a request.
pub(super) enum Course<'r> {
    /// It is answered here.
    Plays(Box<Answer>),
    /// It is passed on.
    Passes(Pass<'r>),
}

impl Course<'_> {
    fn of(plan: WirePlan, by: By) -> Self {
        Self::Plays(Box::new(Answer { plan, attempt: None, by }))
    }
}

/// A request on its way.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) route: &'a Route,
    pub(super) request: &'a Request,
    /// Its target as it was sent.
    pub(super) uri: &'a Uri,
    pub(super) session: &'a Arc<Session>,
    pub(super) connection: Connection,
}

impl Exchange {
    pub(super) fn new(
        settings: Settings,
        rules: Rules,
        (deck, matching): (Option<Deck>, Matching),
        timer: Timer,
    ) -> Self {
        Self {
            clock: Clock::new(settings.clock),
            sessions: Arc::new(Sessions::new(settings.sessions)),
            journal: Arc::new(Journal::new(settings.journal)),
            metrics: Arc::default(),
            settings,
            rules: Arc::new(rules),
            deck: deck.map(Arc::new),
            matching: Arc::new(matching),
            forwarding: None,
            streams: OpenStreams::default(),
            timer,
            misses: Arc::default(),
        }
    }

    /// A time by the server's time scale.
    pub(super) fn scaled(&self, time: Duration) -> Duration {
        plan::time_by(time, self.settings.time_scale)
    }

    /// What answers are dated with.
    pub(super) fn date(&self) -> HeaderValue {
        self.clock.now().1
    }

    pub(super) fn base_path(&self) -> &str {
        &self.settings.base_path
    }

    /// One request, one answer.
    pub(super) async fn answer<B, S>(
        &self,
        incoming: http::Request<B>,
        connection: Connection,
        link: &Link<S>,
        control: &Arc<Control>,
    ) -> Response<PlanBody>
    where
        B: http_body::Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
        S: Socket,
    {
        let (Parts { method, uri, version, headers, extensions, .. }, body) = incoming.into_parts();
        let mut request = Request::new(method, &uri, headers);
        request.version = version;
        let (session, route) = self.enter(&mut request);
        let length = body.size_hint().exact();
        let unfit = unfit(&request, length.is_some(), (&link.seen, connection.request));
        if unfit.is_none() && control::is_meant(&request) {
            return control.answer(self, request, session, body, link).await;
        }
        let session = match session {
            Ok(session) => session,
            Err(problem) => {
                link.leave_journal();
                return control::refuse(&problem);
            }
        };
        let asked = Asked { route: &route, request: &request, uri: &uri, session: &session, connection };
        if unfit.is_none()
            && self.rules.answer_early()
            && let Some((mut answer, early)) = self.early(&asked)
        {
            let waits = request.headers.contains_key(http::header::EXPECT);
            self.note(link, &asked, &mut answer, Instant::now());
            drop(request);
            return self.play_early(answer, early, (body, waits), link).await;
        }
        if unfit.is_none()
            && self.streams_through(&asked, length)
            && let Some(pass) = self.pass(&asked)
        {
            return self.pass_through((&asked, extensions), pass, body, link).await;
        }
        let collected = match unfit {
            Some(unfit) => Err(unfit),
            None => collect(&request, body, &self.limits()).await,
        };
        let read_at = Instant::now();
        let mut answer = match collected {
            Ok(body) => {
                request.body = body;
                let asked =
                    Asked { route: &route, request: &request, uri: &uri, session: &session, connection };
                match self.course(&asked) {
                    Course::Plays(answer) => *answer,
                    Course::Passes(pass) => {
                        return self.pass_on((&asked, extensions), pass, read_at, link).await;
                    }
                }
            }
            Err(unfit) => {
                link.seen.answer_early();
                self.unread(&asked, unfit)
            }
        };
        let asked = Asked { route: &route, request: &request, uri: &uri, session: &session, connection };
        self.note(link, &asked, &mut answer, read_at);
        drop(request);
        self.play(answer, read_at, link).await
    }

    /// Takes the session's prefix and the base path off a path, in either order,
    /// and sees where the rest leads. A base path that nobody named is what
    /// stands in front of a path that is known.
    pub(super) fn enter(&self, request: &mut Request) -> (Result<Arc<Session>, String>, Route) {
        let before = take_prefix(request);
        let is_ours = request.strip_prefix(&self.settings.base_path);
        let mut by_path = before.or_else(|| take_prefix(request));
        let mut route = dialect::identify(request);
        if !is_ours {
            route.operation = Operation::Unknown;
        } else if self.settings.base_path.is_empty()
            && route.operation == Operation::Unknown
            && !control::is_meant(request)
            && let Some(length) = dialect::base_path(request)
        {
            let base: String = request.path.drain(..length).collect();
            by_path = by_path.or_else(|| name_at_end(&base).map(str::to_owned));
            route = dialect::identify(request);
        }
        (self.sessions.of(by_path, request, control::is_meant(request)), route)
    }

    /// What becomes of a request that was read in full.
    pub(super) fn course(&self, asked: &Asked<'_>) -> Course<'_> {
        let (route, request) = (asked.route, asked.request);
        if let Err(error) = self.admit(route, request) {
            let by = By::new(Source::Refusal).why(&error.message);
            return Course::of(self.refuse(asked, &error, Body::Read(&Value::Null)), by);
        }
        let mut body = Value::Null;
        let read = json(route, request).and_then(|json| {
            body = json;
            self.read(asked, &mut body)
        });
        if self.rules.are_empty() && self.deck.is_none() && self.forwarding.is_none() {
            let (plan, by) = self.unmatched(asked, read, &body);
            return Course::of(plan, by);
        }
        if body.is_null() {
            // What no dialect reads may be JSON all the same.
            body = serde_json::from_slice(&request.body).unwrap_or_default();
        }
        self.select(asked, &read, &body)
    }

    /// What is asked, as the request's dialect reads it.
    pub(super) fn read(&self, asked: &Asked<'_>, body: &mut Value) -> Result<Ask, ApiError> {
        let (route, request) = (asked.route, asked.request);
        let recalled = route.dialect.recalls(route, body);
        let recalled = recalled.map(|id| asked.session.recall(id)).unwrap_or_default();
        let heard = Heard { route, request, recalled: &recalled, unknown: self.settings.unknown_fields };
        route.dialect.read(&heard, body)
    }

    /// The answer of the stub that is selected, if one is.
    fn select(&self, asked: &Asked<'_>, read: &Result<Ask, ApiError>, body: &Value) -> Course<'_> {
        let (route, request) = (asked.route, asked.request);
        let guess;
        let ask = match read {
            Ok(ask) => ask,
            Err(_) => {
                guess = route.dialect.guess(route, body);
                &guess
            }
        };
        let fingerprint =
            Fingerprint::new(route.dialect.name(), request, Some(body).filter(|body| !body.is_null()));
        let facts = Facts::new(route, request, body, ask, fingerprint, (asked.connection, Extent::Whole));
        let luck = self.luck(asked.session);
        let candidates = self.rules.candidates(&facts);
        let selection = self.rules.select(&candidates, &facts, luck, &mut asked.session.counts());
        let attempt = selection.call.map(|call| Attempt::new(asked.session, call));
        let nth = if self.settings.ids == Ids::Counted { selection.came } else { 0 };
        let seed = luck.seed(selection.layers.first().map(|layer| layer.scenario));
        let identity = Identity::new(seed, fingerprint, nth);
        let known = Known { ask, body, identity: &identity };
        let missing = match self.elsewhere(asked, body, &selection) {
            Elsewhere::Recording(deck, card) => {
                match self.recorded(asked, &known, &selection.layers, (deck, card)) {
                    Ok(plan) => {
                        let by = By::new(Source::Recording).why(deck.place(card)).under(&selection.layers);
                        return Course::Plays(Box::new(Answer { plan, attempt, by }));
                    }
                    Err(problem) => Some(problem),
                }
            }
            Elsewhere::Upstream(pass) => {
                let pass = pass.counted(attempt, selection.attempt);
                return Course::Passes(pass.under(selection.layers, &known));
            }
            Elsewhere::Missing(missing) => Some(missing),
            Elsewhere::Nowhere => None,
        };
        let is_stub = selection.layers.last().is_some_and(|layer| !matches!(layer.reply.kind, Kind::Below));
        // What was to be recorded is not, whatever the real API would say to it.
        let is_missed = missing.is_some() && (is_stub || self.settings.unmatched == Unmatched::Miss);
        let refusal = if is_missed { None } else { self.refusal(asked, read, &selection) };
        let (plan, by) = if let Some(error) = refusal {
            let by = By::new(Source::Refusal).why(&error.message);
            (self.refuse(asked, &error, Body::Read(body)), by)
        } else if is_missed || (!is_stub && self.is_miss(route)) {
            let message = self.missing(asked, &facts, luck, &selection, missing.as_deref());
            (self.miss(asked, &message, body), By::new(Source::Miss).why(message))
        } else if selection.layers.is_empty() {
            (self.built_in(asked, ask, body), By::new(Source::BuiltIn))
        } else {
            let plan = self.scripted(asked, (ask, body), &selection.layers, (&identity, Extent::Whole));
            (plan, By::new(Source::Stub))
        };
        Course::Plays(Box::new(Answer { plan, attempt, by: by.under(&selection.layers) }))
    }

    /// Why the real API would refuse a request, unless what was selected answers
    /// nevertheless.
    fn refusal<'e>(
        &self,
        asked: &Asked<'_>,
        read: &'e Result<Ask, ApiError>,
        selection: &Selection<'_>,
    ) -> Option<Cow<'e, ApiError>> {
        let route = asked.route;
        let below = selection.layers.last().map(|layer| &layer.reply.kind);
        let is_lenient = selection.layers.iter().any(|layer| layer.stub.lenient == Lenient::Yes);
        // A path that nobody serves has no rules that could be broken, and nothing
        // built in.
        let is_lawless = is_unserved(route) && !matches!(below, None | Some(Kind::Below | Kind::BuiltIn));
        match read {
            _ if is_lenient || is_lawless => None,
            Err(error) => Some(Cow::Borrowed(error)),
            Ok(ask) if !self.knows(ask) => Some(Cow::Owned(route.dialect.unknown_model(route, ask))),
            Ok(_) => None,
        }
    }

    /// Why nothing answers: what is nearest, and in what it differs.
    fn missing(
        &self,
        asked: &Asked<'_>,
        facts: &Facts<'_>,
        luck: Luck<'_>,
        selection: &Selection<'_>,
        recordings: Option<&str>,
    ) -> String {
        let states = asked.session.counts().states.clone();
        let past = Past {
            came: selection.came,
            call: selection.call,
            attempt: selection.attempt,
            states: &states,
            // This request was counted already.
            count: &|(stub, when), who| {
                asked.session.counts().next_count((self.rules.key(stub), when), who) - 1
            },
        };
        let sent = asked.request.credentials().map(|credential| credential.secret().to_owned());
        let secrets: Vec<_> = self.settings.keys.iter().cloned().chain(sent).collect();
        // Where a stub answers and its recordings do not, no other stub is meant.
        let has_stub = selection.layers.last().is_some_and(|layer| !matches!(layer.reply.kind, Kind::Below));
        let are_asked = !self.rules.are_empty() && !has_stub;
        let stubs = are_asked.then(|| self.rules.miss(facts, luck, &past).to_string());
        let told: Vec<_> = recordings.map(str::to_owned).into_iter().chain(stubs).collect();
        redact(&told.join("\n"), &secrets)
    }

    /// What the selected stubs say, one laid over the other.
    pub(super) fn scripted(
        &self,
        asked: &Asked<'_>,
        (ask, json): (&Ask, &Value),
        layers: &[Layer<'_>],
        (identity, extent): (&Identity, Extent),
    ) -> WirePlan {
        let [top, ..] = layers else { return self.built_in(asked, ask, json) };
        let dress = dress_of(layers);
        let kind = layers.last().map_or(&Kind::BuiltIn, |layer| &layer.reply.kind);
        let (now, date) = self.clock.now();
        let occasion = Occasion { identity, now, date: &date };
        let request = say::Request { route: asked.route, ask, json, stub: &top.stub.name };
        let mut said = say::say(kind, &dress, &request, &occasion);
        keep(asked, &mut said);
        let missed = say::missed(kind, &dress, &request);
        let source = if matches!(kind, Kind::Raw(_)) { "" } else { "stub" };
        let origin = Origin { source, stub: Some((&top.scenario.name, &top.stub.name)), missed: &missed };
        let by = format!("by {:?} ({})", top.stub.name, top.stub.place);
        tracing::info!("{}", self.line(asked, said.status.as_u16(), &by));
        let is_plain = dress.pace.is_none() && dress.layers.is_empty() && extent == Extent::Whole;
        if is_plain && self.goes_straight() {
            return plan::plan(said, &origin, self.settings.marks);
        }
        let scenery = say::Scenery { request, occasion };
        let stage = self.stage(asked, (&dress, None), &scenery, (said.events.style(), extent));
        let plan = plan::staged(said, &stage, (&origin, self.settings.marks));
        for missed in &plan.missed {
            tracing::warn!("{} {}: nothing is named by `{missed}`", top.stub.place, top.stub.name);
        }
        plan.at_scale(self.settings.time_scale)
    }

    /// The way of an answer through the stages, of one that was recorded where it was.
    pub(super) fn stage<'a>(
        &self,
        asked: &Asked<'_>,
        (dress, recorded): (&'a Dress, Option<&'a Recorded>),
        scenery: &'a say::Scenery<'a>,
        (style, extent): (Style, Extent),
    ) -> Stage<'a> {
        let (request, occasion) = (&scenery.request, &scenery.occasion);
        let pace = dress.pace.as_ref();
        #[expect(clippy::cast_precision_loss, reason = "nobody opens 2^53 streams")]
        let load = pace
            .and_then(|pace| pace.load)
            .map_or(1.0, |load| 1.0 + load.0 / 100.0 * self.streams.count() as f64);
        let layings = dress.layers.iter().enumerate().map(|(at, layer)| Laying {
            layer: &layer.plan,
            inserted: say::inserted(layer, at, style, (request, occasion)),
        });
        Stage {
            dialect: asked.route.dialect,
            tempo: Tempo {
                head: pace.and_then(|pace| pace.head.as_ref()),
                first: pace.and_then(|pace| pace.first.as_ref()),
                every: pace.and_then(|pace| pace.every.as_ref()),
                load,
                heartbeat: say::heartbeat(dress, style, request, occasion),
            },
            layers: layings.collect(),
            client: client(asked),
            scene: scenery,
            rechunk: self.settings.rechunk,
            is_early: extent == Extent::Head,
            is_explained: self.settings.explains,
            recorded,
        }
    }

    /// Whether an answer to which nothing is to be done need not go through the
    /// stages.
    fn goes_straight(&self) -> bool {
        self.settings.rechunk.is_none() && !self.settings.explains
    }

    /// Whether what no stub answers is a miss.
    fn is_miss(&self, route: &Route) -> bool {
        let generates = matches!(route.operation, Operation::Generate | Operation::Embed | Operation::Images);
        generates && self.settings.unmatched == Unmatched::Miss
    }

    /// Whether the model is known.
    pub(super) fn knows(&self, ask: &Ask) -> bool {
        ask.model.is_empty() || self.rules.know(&ask.model)
    }

    /// What is said where there is no scenario at all.
    fn unmatched(&self, asked: &Asked<'_>, read: Result<Ask, ApiError>, body: &Value) -> (WirePlan, By) {
        match read {
            Ok(_) if self.is_miss(asked.route) => {
                let why = "mynah: there are no stubs, and unmatched requests are misses";
                (self.miss(asked, why, body), By::new(Source::Miss).why(why))
            }
            Ok(ask) => (self.built_in(asked, &ask, body), By::new(Source::BuiltIn)),
            Err(error) => {
                let by = By::new(Source::Refusal).why(&error.message);
                (self.refuse(asked, &error, Body::Read(body)), by)
            }
        }
    }

    fn built_in(&self, asked: &Asked<'_>, ask: &Ask, body: &Value) -> WirePlan {
        let listed = match asked.route.operation {
            Operation::Models | Operation::Model => self.rules.models(),
            _ => None,
        };
        let listed = listed.and_then(|models| say::model_list(&models, ask));
        let reply = listed.unwrap_or_else(|| answer::built_in(ask));
        let dialect = asked.route.dialect;
        let plan = self.say(dialect.name(), asked, Body::Read(body), |occasion| {
            let mut said = dialect.say(asked.route, ask, &reply, occasion);
            keep(asked, &mut said);
            let origin = (&Origin::new("built-in"), self.settings.marks);
            if self.goes_straight() {
                return plan::plan(said, origin.0, origin.1);
            }
            let request = say::Request { route: asked.route, ask, json: body, stub: "" };
            let scenery = say::Scenery { request, occasion: *occasion };
            let plain = Dress::default();
            let stage = self.stage(asked, (&plain, None), &scenery, (said.events.style(), Extent::Whole));
            plan::staged(said, &stage, origin)
        });
        tracing::info!("{}", self.line(asked, plan.status.as_u16(), ""));
        plan
    }

    /// Says something on this occasion: now, and as whom the request makes it.
    pub(super) fn say<T>(
        &self,
        kind: &str,
        asked: &Asked<'_>,
        body: Body<'_>,
        say: impl FnOnce(&Occasion<'_>) -> T,
    ) -> T {
        let json = match body {
            Body::Read(json) if !json.is_null() => Some(json),
            _ => None,
        };
        let fingerprint = Fingerprint::new(kind, asked.request, json);
        let nth = match (self.settings.ids, body) {
            (Ids::Counted, Body::Read(_)) => asked.session.counts().said(fingerprint),
            // What was not read cannot be told from others of its kind.
            (Ids::Counted, Body::Unread) | (Ids::ByRequest, _) => 0,
        };
        let luck = self.luck(asked.session);
        let identity = Identity::new(luck.seed(None), fingerprint, nth);
        let (now, date) = self.clock.now();
        say(&Occasion { identity: &identity, now, date: &date })
    }

    pub(super) fn line<'a>(&'a self, asked: &'a Asked<'_>, status: u16, reason: &'a str) -> Line<'a> {
        Line::new(asked.request, asked.route, status, reason, &self.settings.keys)
    }

    /// What bodies are held to.
    pub(super) fn limits(&self) -> Limits<'_> {
        let Settings { max_body: bytes, body_timeout: pause, .. } = self.settings;
        Limits { bytes, pause, timer: &self.timer }
    }
}

/// Whether it leads nowhere, or to what is known by name alone.
fn is_unserved(route: &Route) -> bool {
    matches!(route.operation, Operation::Unknown | Operation::Unserved(_))
}

/// Keeps what an answer leaves for the session's later requests.
fn keep(asked: &Asked<'_>, said: &mut Said) {
    let Some(mut keep) = said.keep.take() else { return };
    if let Keep::Put(stored, _) = &mut *keep
        && said.form.is_lines()
    {
        // A stream is kept as it was said, so that it can be gone on with.
        stored.events = said.events.iter().map(Bytes::copy_from_slice).collect();
    }
    asked.session.keep(*keep);
}

/// The body as JSON, where the operation takes one; an empty body is an empty
/// object.
pub(super) fn json(route: &Route, request: &Request) -> Result<Value, ApiError> {
    if !route.operation.takes_json() {
        return Ok(Value::Null);
    }
    if request.body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(&request.body)
        .map_err(|error| route.dialect.not_json(route, &request.body, &error))
}

/// A request's body, as far as it was read.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    /// As JSON; null where there is none, or it is not JSON.
    Read(&'a Value),
    /// It was too large, or ended early.
    Unread,
}
