//! What a server is told before it starts.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

use super::{
    BODY_TIMEOUT, GRACE, HEAD_TIMEOUT, Ids, MAX_BODY, SETTLE, StartError, Unmatched, conn::Listening,
    exchange::Exchange, explain::Explanation, journal, recordings::Recordings, session, timer::Timer,
};
use crate::{
    cassette::key::Matching,
    catalogue::{self, NoRow, Row},
    dialect::UnknownFields,
    document::error::{Problems, Source},
    plan::Marks,
    request::Request,
    scenario::{
        self, Input, compile,
        expectations::Expectations,
        file::{File, Stub},
        stub::Scenario,
        yaml,
    },
    select::Rules,
    store,
};

/// What a server is to be like. Every setting has a sensible default.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    host: IpAddr,
    port: u16,
    pub(super) grace: Option<Duration>,
    pub(super) settings: Settings,
    scenarios: Vec<Origin>,
    unmatched: Option<Unmatched>,
    pub(super) recordings: Recordings,
    pub(super) control: ControlSettings,
}

/// Who may ask a server about itself, and what is expected besides its scenarios.
#[derive(Clone, Debug, Default)]
pub(super) struct ControlSettings {
    pub(super) token: Option<String>,
    pub(super) hosts: Vec<String>,
    files: Vec<PathBuf>,
    pub(super) expectations: Vec<Expectations>,
}

/// Where a scenario comes from.
#[derive(Clone, Debug)]
enum Origin {
    /// Files and folders.
    Path(PathBuf),
    /// A text, and what it is called; and where the code stands that made it.
    Text(String, String, Option<(String, usize)>),
    /// Rows of the catalogue.
    Catalogue(Vec<&'static Row>),
}

/// What an exchange needs to know.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) base_path: String,
    pub(super) seed: u64,
    pub(super) clock: Option<Timestamp>,
    pub(super) ids: Ids,
    pub(super) keys: Vec<String>,
    pub(super) max_body: u64,
    pub(super) marks: Marks,
    pub(super) unmatched: Unmatched,
    pub(super) rechunk: Option<u64>,
    pub(super) settle: Duration,
    pub(super) time_scale: f64,
    /// How many times as long the times of recordings are.
    pub(super) replay_factor: f64,
    pub(super) unknown_fields: UnknownFields,
    /// Whether plans are made to be read, with what each event is.
    pub(super) explains: bool,
    pub(super) head_timeout: Duration,
    pub(super) body_timeout: Duration,
    /// How many sessions are remembered, and for how long.
    pub(super) sessions: session::Limits,
    /// How much the journal keeps.
    pub(super) journal: journal::Bounds,
}

impl Settings {
    /// How many times as long the times of recordings are, all told.
    pub(super) fn replay_factor(&self) -> f64 {
        self.replay_factor * self.time_scale
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            grace: None,
            settings: Settings {
                base_path: String::new(),
                seed: 0,
                clock: None,
                ids: Ids::default(),
                keys: Vec::new(),
                max_body: MAX_BODY,
                marks: Marks::default(),
                unmatched: Unmatched::default(),
                rechunk: None,
                settle: SETTLE,
                time_scale: 1.0,
                replay_factor: 1.0,
                unknown_fields: UnknownFields::default(),
                explains: false,
                head_timeout: HEAD_TIMEOUT,
                body_timeout: BODY_TIMEOUT,
                sessions: session::Limits::default(),
                journal: journal::Bounds::default(),
            },
            scenarios: Vec::new(),
            unmatched: None,
            recordings: Recordings::default(),
            control: ControlSettings::default(),
        }
    }
}

impl Builder {
    /// The address to listen on; loopback where nothing is said.
    pub fn host(mut self, host: IpAddr) -> Self {
        self.host = host;
        self
    }

    /// The port to listen on; 0, the default, is any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// A prefix in front of every route, such as `/api`.
    pub fn base_path(mut self, path: &str) -> Self {
        let path = path.trim_matches('/');
        self.settings.base_path = if path.is_empty() { String::new() } else { format!("/{path}") };
        self
    }

    /// The source of all variation; 0 where nothing is said.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Stops the clock at this time: `date`, `created` and all that follows
    /// real time. A time before 1970 is taken as 1970.
    pub fn clock(mut self, now: Timestamp) -> Self {
        self.settings.clock = Some(now.max(Timestamp::UNIX_EPOCH));
        self
    }

    /// How ids are told apart when the same request comes again.
    pub fn ids(mut self, ids: Ids) -> Self {
        self.settings.ids = ids;
        self
    }

    /// A key that is accepted. Without any, every caller is welcome.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.settings.keys.push(key.into());
        self
    }

    /// Bytes that a request's body may have.
    pub fn max_body(mut self, bytes: u64) -> Self {
        self.settings.max_body = bytes;
        self
    }

    /// How long a request's head may take from its first byte to its last, before
    /// it is refused with 408 and the connection ends; [`HEAD_TIMEOUT`] where
    /// nothing is said. Between requests a connection may be idle for as long as it
    /// likes.
    pub fn head_timeout(mut self, time: Duration) -> Self {
        self.settings.head_timeout = time;
        self
    }

    /// How long a request's body may stop coming, between any two pieces of it,
    /// before it is refused with 408 and the connection ends; [`BODY_TIMEOUT`] where
    /// nothing is said. A body that keeps coming may take any time.
    pub fn body_timeout(mut self, time: Duration) -> Self {
        self.settings.body_timeout = time;
        self
    }

    /// What becomes of a request's fields that the real API does not know.
    pub fn unknown_fields(mut self, unknown: UnknownFields) -> Self {
        self.settings.unknown_fields = unknown;
        self
    }

    /// Whether answers tell what produced them.
    pub fn marks(mut self, marks: Marks) -> Self {
        self.settings.marks = marks;
        self
    }

    /// How long open streams may go on when the server ends. Where nothing is
    /// said, [`GRACE`], and not at all when a [`Server`] is dropped: a test that
    /// ends does not wait for its own open streams.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Cuts every scripted answer differently, by this seed: chunks and segments
    /// that end inside of characters, of line ends and of `data:`, single bytes,
    /// several events in one. The body's bytes stay what they are.
    pub fn rechunk(mut self, seed: u64) -> Self {
        self.settings.rechunk = Some(seed);
        self
    }

    /// How many times as long all planned times are: 0.1 is ten times as fast,
    /// 0 at once. What is no such number is taken as 1.
    pub fn time_scale(mut self, factor: f64) -> Self {
        self.settings.time_scale = if factor.is_finite() && factor >= 0.0 { factor } else { 1.0 };
        self
    }

    /// How long all must have been acknowledged before a connection is cut;
    /// [`SETTLE`] where nothing is said.
    pub fn settle(mut self, time: Duration) -> Self {
        self.settings.settle = time;
        self
    }

    /// A scenario file, or a folder of them. They are asked in the order given.
    pub fn scenarios(mut self, path: impl Into<PathBuf>) -> Self {
        self.scenarios.push(Origin::Path(path.into()));
        self
    }

    /// Scenarios of the catalogue of streaming failures that ships with mynah, by
    /// their ids. Each answers who asks for it: by the model `mynah-ID`, or by the
    /// header `x-mynah-scenario`; one alone, with no other scenario beside it,
    /// answers everyone who speaks an API that it is about.
    ///
    /// # Errors
    ///
    /// The first id or pattern (such as `sse-*`) that names nothing, or nothing
    /// that can be served.
    pub fn catalogue<T: AsRef<str>>(mut self, ids: &[T]) -> Result<Self, NoRow> {
        let chosen = catalogue::choose(ids)?;
        let known = self.scenarios.iter_mut().find_map(|origin| match origin {
            Origin::Catalogue(rows) => Some(rows),
            Origin::Path(_) | Origin::Text(..) => None,
        });
        match known {
            Some(rows) => {
                let new = chosen.into_iter().filter(|row| !rows.iter().any(|known| known.id == row.id));
                let new: Vec<_> = new.collect();
                rows.extend(new);
            }
            None => self.scenarios.push(Origin::Catalogue(chosen)),
        }
        Ok(self)
    }

    /// A scenario as YAML; `name` is what messages call it.
    pub fn scenario_text(mut self, name: impl Into<String>, yaml: impl Into<String>) -> Self {
        self.scenarios.push(Origin::Text(name.into(), yaml.into(), None));
        self
    }

    /// A scenario made by code.
    #[track_caller]
    pub fn scenario(mut self, scenario: &File) -> Self {
        let name = scenario.name.clone().unwrap_or_else(|| format!("scenario {}", self.scenarios.len() + 1));
        // What cannot be written is read as an empty file, and told so.
        let text = yaml::write(scenario).unwrap_or_default();
        let caller = std::panic::Location::caller();
        let code = (caller.file().to_owned(), caller.line() as usize);
        self.scenarios.push(Origin::Text(name, text, Some(code)));
        self
    }

    /// A stub made by code: a scenario of its own.
    #[track_caller]
    pub fn stub(self, stub: impl Into<Stub>) -> Self {
        let name = format!("stub {}", self.scenarios.len() + 1);
        self.scenario(&File { name: Some(name), stubs: stub.into().into(), ..File::default() })
    }

    /// What becomes of a request for content that no stub answers. Where
    /// nothing is said, a miss if there are scenarios.
    pub fn unmatched(mut self, unmatched: Unmatched) -> Self {
        self.unmatched = Some(unmatched);
        self
    }

    /// Reads the scenarios.
    ///
    /// # Errors
    ///
    /// All that is wrong with them.
    pub(super) fn read(&self, matching: &Matching) -> Result<(Vec<Scenario>, Problems), Problems> {
        let (mut inputs, mut unread) = (Vec::new(), Vec::new());
        for origin in &self.scenarios {
            match origin {
                Origin::Path(path) => {
                    let (found, problems) = store::scenarios(std::slice::from_ref(path));
                    inputs.extend(found);
                    unread.extend(problems);
                }
                Origin::Text(name, text, code) => {
                    let source = Arc::new(Source { name: name.clone(), text: text.clone() });
                    let files =
                        Box::new(|_: &str| Err("a scenario that is no file has no folder".to_owned()));
                    inputs.push(Input { code: code.clone(), ..Input::new(source, files) });
                }
                Origin::Catalogue(rows) => {
                    inputs.extend(catalogue::inputs(rows, self.scenarios.len() == 1));
                }
            }
        }
        for input in &mut inputs {
            input.matching = matching.clone();
        }
        let (scenarios, mut problems) = scenario::read(&inputs);
        problems.0.splice(0..0, unread);
        if problems.are_fatal() { Err(problems) } else { Ok((scenarios, problems)) }
    }

    /// The files and folders that its scenarios are read from.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let paths = self.scenarios.iter().filter_map(|origin| match origin {
            Origin::Path(path) => Some(path.clone()),
            Origin::Text(..) | Origin::Catalogue(_) => None,
        });
        paths.collect()
    }

    /// Rules as this server goes by them, and what becomes of what they do not match.
    pub(super) fn usual(&self, rules: Rules) -> (Rules, Unmatched) {
        let is_bare = rules.are_empty() && !self.recordings.are_used();
        let usual = if is_bare { Unmatched::BuiltIn } else { Unmatched::Miss };
        let rules = if self.recordings.are_used() { rules.counting_calls() } else { rules };
        (rules, self.unmatched.unwrap_or(usual))
    }

    /// Reads the files of expectations.
    fn read_expectations(&mut self) -> Result<(), Problems> {
        let mut problems = Vec::new();
        for path in &self.control.files {
            let read = store::source(path).map_err(|problem| vec![problem]);
            match read.and_then(|source| compile::expectations(&source)) {
                Ok(expectations) => self.control.expectations.push(expectations),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }

    /// What a request would get, and why; nothing is listened to.
    ///
    /// # Errors
    ///
    /// Where a scenario is wrong, or the request names its session wrongly.
    pub fn explain(mut self, request: Request) -> Result<Explanation, StartError> {
        self.settings.explains = true;
        let (exchange, _) = self.exchange(Timer::tokio())?;
        exchange.explain(request).map_err(|problem| StartError::Runtime { source: io::Error::other(problem) })
    }

    fn exchange(&self, timer: Timer) -> Result<(Exchange, Problems), StartError> {
        let matching = self.recordings.matching()?;
        let (scenarios, mut warnings) = self.read(&matching).map_err(StartError::Scenarios)?;
        let (deck, more) = self.recordings.deck(matching.clone())?;
        warnings.0.extend(more);
        let (rules, unmatched) = self.usual(Rules::new(scenarios));
        let settings = Settings { unmatched, ..self.settings.clone() };
        Ok((Exchange::new(settings, rules, (deck, matching), timer), warnings))
    }

    /// Listens, without serving yet: for a program that serves on a runtime of
    /// its own.
    ///
    /// # Errors
    ///
    /// Where a scenario is wrong, or the address cannot be listened on.
    pub async fn bind(mut self) -> Result<Listening, StartError> {
        self.read_expectations().map_err(StartError::Scenarios)?;
        let (address, grace) = (SocketAddr::new(self.host, self.port), self.grace.unwrap_or(GRACE));
        let (mut exchange, warnings) = self.exchange(Timer::precise())?;
        let forwards = exchange.rules.forwards();
        let forwarding = self.recordings.forwarding(exchange.deck.as_deref(), &forwards).await?;
        exchange.forwarding = forwarding.map(Arc::new);
        exchange.check_forwards()?;
        Listening::bind(address, grace, (self, exchange), warnings).await
    }
}

impl Builder {
    /// Expectations about the client besides those in scenarios: a file of them.
    pub fn expectations(mut self, path: impl Into<PathBuf>) -> Self {
        self.control.files.push(path.into());
        self
    }

    /// Who asks the server about itself, under `/__mynah/`, needs this token.
    pub fn admin_token(mut self, token: impl Into<String>) -> Self {
        self.control.token = Some(token.into());
        self
    }

    /// A further host by which the server may be asked about itself; by `localhost` and
    /// by addresses it always may.
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.control.hosts.push(host.into());
        self
    }

    /// Exchanges that the journal keeps; the oldest leave first. 0: there is no journal,
    /// and nothing is judged.
    pub fn journal_entries(mut self, count: usize) -> Self {
        self.settings.journal.entries = count;
        self
    }

    /// Bytes that the journal keeps, about; the oldest exchanges leave first.
    pub fn journal_bytes(mut self, bytes: u64) -> Self {
        self.settings.journal.bytes = bytes;
        self
    }

    /// Sessions that are remembered at the most; those unused for longest are forgotten
    /// first.
    pub fn max_sessions(mut self, count: usize) -> Self {
        self.settings.sessions.most = count;
        self
    }

    /// How long a session is remembered that nobody uses.
    pub fn session_idle(mut self, time: Duration) -> Self {
        self.settings.sessions.idle = time;
        self
    }
}
