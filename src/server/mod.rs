//! The server: what it is told, how it starts, and how it ends.

mod admin;
mod body;
mod clock;
mod conn;
mod deal;
mod deliver;
mod deny;
mod early;
mod exchange;
mod explain;
mod forward;
mod line;
mod link;
mod pieces;
mod play;
mod recordings;
mod refuse;
mod session;
mod socket;
mod timer;
mod unfit;
mod watch;

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    thread,
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::{
    cassette::key::Matching,
    catalogue::{self, NoRow, Row},
    plan::Marks,
    request::Request,
    scenario::{
        self, Input,
        error::{Problems, Source},
        file::{File, Stub},
        yaml,
    },
    select::Rules,
    store,
};
use exchange::Exchange;
use recordings::Recordings;
use timer::Timer;

pub use crate::dialect::UnknownFields;
pub use conn::{Listening, Outcome};
pub use explain::Explanation;
pub(crate) use recordings::matching;
pub use recordings::{Speed, UPSTREAM_TIMEOUT};

/// Bytes that a request's body may have, where nothing else is said: 30 MB.
pub const MAX_BODY: u64 = 30_000_000;

/// How long open streams may go on when a program's server ends, where nothing
/// else is said.
pub const GRACE: Duration = Duration::from_secs(2);

/// How long all must have been acknowledged before a connection is cut, where
/// nothing else is said: a client has then read what came before the cut.
pub const SETTLE: Duration = Duration::from_millis(50);

/// How long the head of a request may take, where nothing else is said.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the body of a request may stop coming, where nothing else is said.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// How ids are told apart when the same request comes again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ids {
    /// By how often it came: each answer has ids of its own.
    #[default]
    Counted,
    /// Not at all: the same request has the same ids, on any replica.
    ByRequest,
}

/// What becomes of a request for content that no stub answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unmatched {
    /// It gets the built-in answer; the default where there are no scenarios.
    #[default]
    BuiltIn,
    /// It is a miss: an error that tells the nearest stub. The default where
    /// there are scenarios.
    Miss,
}

/// What a server is to be like. Every setting has a sensible default.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    host: IpAddr,
    port: u16,
    grace: Option<Duration>,
    settings: Settings,
    scenarios: Vec<Origin>,
    unmatched: Option<Unmatched>,
    recordings: Recordings,
}

/// Where a scenario comes from.
#[derive(Clone, Debug)]
enum Origin {
    /// Files and folders.
    Path(PathBuf),
    /// A text, and what it is called.
    Text(String, String),
    /// Rows of the catalogue.
    Catalogue(Vec<&'static Row>),
}

/// What an exchange needs to know.
#[derive(Clone, Debug)]
struct Settings {
    base_path: String,
    seed: u64,
    clock: Option<Timestamp>,
    ids: Ids,
    keys: Vec<String>,
    max_body: u64,
    marks: Marks,
    unmatched: Unmatched,
    rechunk: Option<u64>,
    settle: Duration,
    time_scale: f64,
    /// How many times as long the times of recordings are.
    replay_factor: f64,
    unknown_fields: UnknownFields,
    /// Whether plans are made to be read, with what each event is.
    explains: bool,
    head_timeout: Duration,
    body_timeout: Duration,
}

impl Settings {
    /// How many times as long the times of recordings are, all told.
    fn replay_factor(&self) -> f64 {
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
            },
            scenarios: Vec::new(),
            unmatched: None,
            recordings: Recordings::default(),
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
        self.scenarios.push(Origin::Text(name.into(), yaml.into()));
        self
    }

    /// A scenario made by code.
    pub fn scenario(self, scenario: &File) -> Self {
        let name = scenario.name.clone().unwrap_or_else(|| format!("scenario {}", self.scenarios.len() + 1));
        // What cannot be written is read as an empty file, and told so.
        let text = yaml::write(scenario).unwrap_or_default();
        self.scenario_text(name, text)
    }

    /// A stub made by code: a scenario of its own.
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
    fn rules(&self, matching: &Matching) -> Result<(Rules, Problems), Problems> {
        let (mut inputs, mut unread) = (Vec::new(), Vec::new());
        for origin in &self.scenarios {
            match origin {
                Origin::Path(path) => {
                    let (found, problems) = store::scenarios(std::slice::from_ref(path));
                    inputs.extend(found);
                    unread.extend(problems);
                }
                Origin::Text(name, text) => inputs.push(Input::new(
                    Arc::new(Source { name: name.clone(), text: text.clone() }),
                    Box::new(|_| Err("a scenario that is no file has no folder".to_owned())),
                )),
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
        if problems.are_fatal() { Err(problems) } else { Ok((Rules::new(scenarios), problems)) }
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

    fn exchange(self, timer: Timer) -> Result<(Exchange, Problems), StartError> {
        let matching = self.recordings.matching()?;
        let (rules, mut warnings) = self.rules(&matching).map_err(StartError::Scenarios)?;
        let (deck, more) = self.recordings.deck(matching)?;
        warnings.0.extend(more);
        let is_bare = rules.are_empty() && !self.recordings.are_used();
        let usual = if is_bare { Unmatched::BuiltIn } else { Unmatched::Miss };
        let settings = Settings { unmatched: self.unmatched.unwrap_or(usual), ..self.settings };
        let rules = if self.recordings.are_used() { rules.counting_calls() } else { rules };
        Ok((Exchange::new(settings, rules, deck, timer), warnings))
    }

    /// Listens, without serving yet: for a program that serves on a runtime of
    /// its own.
    ///
    /// # Errors
    ///
    /// Where a scenario is wrong, or the address cannot be listened on.
    pub async fn bind(self) -> Result<Listening, StartError> {
        let (address, grace) = (SocketAddr::new(self.host, self.port), self.grace.unwrap_or(GRACE));
        let recordings = self.recordings.clone();
        let (mut exchange, warnings) = self.exchange(Timer::precise())?;
        let forwards = exchange.rules.forwards();
        exchange.forwarding = recordings.forwarding(exchange.deck.as_ref(), &forwards).await?;
        exchange.check_forwards()?;
        Listening::bind(address, grace, exchange, warnings).await
    }

    /// Starts the server on a thread of its own, so that it answers whatever
    /// the caller's runtime is busy with.
    ///
    /// # Errors
    ///
    /// Where the address cannot be listened on.
    pub async fn start(self) -> Result<Server, StartError> {
        let (tell, told) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let grace = self.grace.unwrap_or(Duration::ZERO);
        let builder = self.grace(grace);
        let thread = thread::Builder::new()
            .name("mynah".to_owned())
            .spawn(move || serve_on_this_thread(builder, tell, stopped))
            .map_err(|source| StartError::Runtime { source })?;
        let base_url = told.await.map_err(|_| StartError::Runtime {
            source: io::Error::other("the server's thread ended early"),
        })??;
        Ok(Server { base_url, stop: Some(stop), thread: Some(thread) })
    }
}

fn serve_on_this_thread(
    builder: Builder,
    tell: oneshot::Sender<Result<String, StartError>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(source) => return drop(tell.send(Err(StartError::Runtime { source }))),
    };
    runtime.block_on(async {
        match builder.bind().await {
            Ok(listening) => {
                drop(tell.send(Ok(listening.base_url())));
                // An error means that the handle was dropped: stop as well.
                listening.run(async { drop(stopped.await) }).await;
            }
            Err(error) => drop(tell.send(Err(error))),
        }
    });
}

/// A running server. It stops when it is dropped.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let server = mynah::Server::builder().seed(7).start().await?;
/// // A Gemini client takes this base URL, an OpenAI client the same with `/v1`.
/// let base_url = server.base_url();
/// # assert!(base_url.starts_with("http://127.0.0.1:"), "{base_url}");
/// # Ok::<(), mynah::StartError>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Server {
    base_url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// A server that is still to be described.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens, base path included, such as `http://127.0.0.1:4100`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It panics only where a connection's task did, which was told then.
            drop(thread.join());
        }
    }
}

/// Why a server did not start.
#[derive(Debug)]
pub enum StartError {
    /// The address cannot be listened on.
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Scenarios cannot be read.
    Scenarios(Problems),
    /// Cassettes cannot be read, or the rules for them.
    Cassettes(Problems),
    /// An upstream is told wrongly, or cannot be found.
    Upstream(String),
    /// The system gives no thread, or no means to wait for sockets.
    Runtime {
        /// What the system says.
        source: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { address, source } if source.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "{address} is in use by another program; choose another port, or 0 for any free one"
                )
            }
            Self::Scenarios(problems) | Self::Cassettes(problems) => write!(f, "{problems}"),
            Self::Bind { address, source } => write!(f, "cannot listen on {address}: {source}"),
            Self::Runtime { source } => write!(f, "cannot start: {source}"),
            Self::Upstream(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind { source, .. } | Self::Runtime { source } => Some(source),
            Self::Scenarios(problems) | Self::Cassettes(problems) => Some(problems),
            Self::Upstream(_) => None,
        }
    }
}
