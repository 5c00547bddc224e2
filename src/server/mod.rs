//! The server: what it is told, how it starts, and how it ends.

mod admin;
mod body;
mod clock;
mod conn;
mod exchange;
mod session;

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::plan::Marks;

pub use conn::Listening;

/// Bytes that a request's body may have, where nothing else is said: 30 MB.
pub const MAX_BODY: u64 = 30_000_000;

/// How long open streams may go on when a program's server ends, where nothing
/// else is said.
pub const GRACE: Duration = Duration::from_secs(2);

/// How ids are told apart when the same request comes again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ids {
    /// By how often it came: each answer has ids of its own.
    #[default]
    Counted,
    /// Not at all: the same request has the same ids, on any replica.
    ByRequest,
}

/// What a server is to be like. Every setting has a sensible default.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    host: IpAddr,
    port: u16,
    grace: Option<Duration>,
    settings: Settings,
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
            },
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

    /// Listens, without serving yet: for a program that serves on a runtime of
    /// its own.
    ///
    /// # Errors
    ///
    /// Where the address cannot be listened on.
    pub async fn bind(self) -> Result<Listening, StartError> {
        let grace = self.grace.unwrap_or(GRACE);
        Listening::bind(SocketAddr::new(self.host, self.port), grace, self.settings).await
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
            Self::Bind { address, source } => write!(f, "cannot listen on {address}: {source}"),
            Self::Runtime { source } => write!(f, "cannot start: {source}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind { source, .. } | Self::Runtime { source } => Some(source),
        }
    }
}
