//! Connections to upstreams: directly, through a proxy, by TLS; and those that wait to
//! be used again.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Empty, combinators::UnsyncBoxBody};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::{client::proxy::matcher::Matcher, rt::TokioIo};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::{
    address::Address,
    tee::{Log, Stream, Tee},
};

/// What is sent to an upstream.
pub(super) type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// How long it may take to connect.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections that wait to be used again.
const MOST_IDLE: usize = 64;

/// Bytes of an answer that are read ahead while nobody takes them.
const READ_AHEAD: usize = 256 << 10;

/// A connection to an upstream.
pub(super) struct Line {
    pub(super) sender: SendRequest<Body>,
    /// `None` once HTTP has let go of it.
    pub(super) connection: Option<Connection<TokioIo<Tee>, Body>>,
    pub(super) log: Log,
    /// Whether it was used before.
    pub(super) is_used: bool,
}

impl Line {
    /// Whether it can be used again, as far as can be told without asking.
    fn is_fit(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let Some(connection) = &mut self.connection else { return false };
        // What came unasked belongs to nobody.
        connection.poll_without_shutdown(&mut context).is_pending()
            && self.sender.is_ready()
            && self.log.is_empty()
            && self.log.end().is_none()
    }
}

/// Connects to one upstream.
pub(super) struct Connector {
    address: Address,
    /// Resolved once, when the server started; empty behind a proxy.
    pinned: Vec<SocketAddr>,
    tls: Option<TlsConnector>,
    proxy: Option<Proxy>,
    idle: Mutex<Vec<Line>>,
}

/// What stands between here and the upstream.
struct Proxy {
    address: Address,
    pinned: Vec<SocketAddr>,
    authorization: Option<HeaderValue>,
}

impl Connector {
    /// Resolves the address, or that of the proxy in front of it.
    ///
    /// # Errors
    ///
    /// Where a name cannot be resolved, or a proxy is of a kind that is not known.
    pub(super) async fn new(address: Address, tls: Option<TlsConnector>) -> Result<Self, String> {
        let uri: Uri = address.to_string().parse().map_err(|error| format!("{address}: {error}"))?;
        let proxy = match Matcher::from_env().intercept(&uri) {
            None => None,
            Some(found) => {
                let url = found.uri().to_string();
                let proxy = Address::new(&url).map_err(|_| {
                    format!("the proxy {url} of the environment is no http:// or https:// one")
                })?;
                if proxy.is_tls {
                    return Err(format!(
                        "the proxy {url} of the environment is asked by TLS, which is not done"
                    ));
                }
                let pinned = resolved(&proxy).await?;
                Some(Proxy { address: proxy, pinned, authorization: found.basic_auth().cloned() })
            }
        };
        let pinned = if proxy.is_some() { Vec::new() } else { resolved(&address).await? };
        Ok(Self { address, pinned, tls, proxy, idle: Mutex::default() })
    }

    /// The headers that a proxy in between needs, where requests go to it as they are.
    pub(super) fn proxy_authorization(&self) -> Option<&HeaderValue> {
        self.proxy.as_ref().filter(|_| self.tls.is_none())?.authorization.as_ref()
    }

    /// Whether requests name the whole address, as those to a proxy do.
    pub(super) fn is_absolute(&self) -> bool {
        self.proxy.is_some() && self.tls.is_none()
    }

    /// A connection that waits, or a new one.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(super) async fn line(&self, is_new: bool) -> io::Result<Line> {
        while !is_new && let Some(mut line) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            if line.is_fit() {
                line.is_used = true;
                return Ok(line);
            }
        }
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {PATIENCE:?}"));
        let stream = timeout(PATIENCE, self.connect()).await.map_err(late)??;
        let tee = Tee::new(stream);
        let log = tee.log();
        let (sender, connection) = http1::Builder::new()
            .preserve_header_case(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .max_buf_size(READ_AHEAD)
            .handshake(TokioIo::new(tee))
            .await
            .map_err(io::Error::other)?;
        Ok(Line { sender, connection: Some(connection), log, is_used: false })
    }

    /// Lets a connection wait for the next request.
    pub(super) fn keep(&self, mut line: Line) {
        if line.is_fit() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < MOST_IDLE {
                idle.push(line);
            }
        }
    }

    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream: Box<dyn Stream> = match &self.proxy {
            None => Box::new(dial(&self.pinned).await?),
            Some(proxy) if self.tls.is_none() => Box::new(dial(&proxy.pinned).await?),
            Some(proxy) => self.tunnel(proxy).await?,
        };
        let Some(tls) = &self.tls else { return Ok(stream) };
        let name = ServerName::try_from(self.address.host.clone()).map_err(io::Error::other)?;
        Ok(Box::new(tls.connect(name, stream).await?))
    }

    /// Asks a proxy to connect (RFC 9110, 9.3.6).
    async fn tunnel(&self, proxy: &Proxy) -> io::Result<Box<dyn Stream>> {
        let socket = dial(&proxy.pinned).await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(socket)).await.map_err(io::Error::other)?;
        let host = if self.address.host.contains(':') {
            format!("[{}]:{}", self.address.host, self.address.port)
        } else {
            format!("{}:{}", self.address.host, self.address.port)
        };
        let mut request = Request::builder().method(Method::CONNECT).uri(&host).header(header::HOST, &host);
        if let Some(authorization) = &proxy.authorization {
            request = request.header(header::PROXY_AUTHORIZATION, authorization);
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
        tokio::spawn(connection.with_upgrades());
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        if !response.status().is_success() {
            let (status, proxy) = (response.status(), &proxy.address);
            return Err(io::Error::other(format!("the proxy {proxy} answers {status}")));
        }
        Ok(Box::new(TokioIo::new(hyper::upgrade::on(response).await.map_err(io::Error::other)?)))
    }
}

async fn resolved(address: &Address) -> Result<Vec<SocketAddr>, String> {
    let found = lookup_host((address.host.as_str(), address.port)).await;
    let found: Vec<_> = found.map_err(|error| format!("{address} cannot be resolved: {error}"))?.collect();
    if found.is_empty() {
        return Err(format!("{address} has no address"));
    }
    Ok(found)
}

async fn dial(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(addresses).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Reads a connection that HTTP gave up, for what still comes.
pub(super) fn poll_rest(tee: &mut Tee, context: &mut Context<'_>) -> Poll<()> {
    let mut room = [0; 8192];
    let mut into = tokio::io::ReadBuf::new(&mut room);
    match tokio::io::AsyncRead::poll_read(Pin::new(tee), context, &mut into) {
        Poll::Pending => Poll::Pending,
        Poll::Ready(_) => Poll::Ready(()),
    }
}

/// A body of these bytes.
pub(super) fn whole(bytes: Bytes) -> Body {
    http_body_util::Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}
