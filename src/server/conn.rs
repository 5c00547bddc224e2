//! Sockets: accepting them, serving HTTP on them, and letting them go.

use std::{
    convert::Infallible,
    future::Future,
    future::poll_fn,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Poll, ready},
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::TokioIo,
    server::graceful::{GracefulConnection, GracefulShutdown},
};
use jiff::Timestamp;
use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};

use super::{
    Builder, StartError,
    control::Control,
    exchange::Exchange,
    link::{Gate, Idle, Leave, Link, Throttle},
    refuse::{Fault, MOST_HEAD, let_go, refuse},
    socket::{Socket, read_to_end, read_what_is_there},
    tape::Tape,
    timer::{Sleep, Timer, later},
    watch::HeadLimit,
};
use crate::{
    journal::Verdict,
    record::recorder::Recorded,
    scenario::{error::Problems, file::Deed},
    select::facts::Connection,
};

/// How long to wait when the system has no more sockets to give.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(50);

/// How often a peer of whom nothing is read is looked after.
const LOOK: Duration = Duration::from_millis(100);

/// A server that listens, and is not serving yet.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    grace: Duration,
    control: Arc<Control>,
    warnings: Problems,
}

impl Listening {
    pub(super) async fn bind(
        address: SocketAddr,
        grace: Duration,
        (builder, exchange): (Builder, Exchange),
        warnings: Problems,
    ) -> Result<Self, StartError> {
        let error = |source| StartError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(error)?;
        Ok(Self {
            address: listener.local_addr().map_err(error)?,
            listener,
            grace,
            control: control(builder, exchange)?,
            warnings,
        })
    }

    /// What can be asked of it while it runs.
    pub(super) fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control)
    }

    /// What became of all that is expected of the client, by a look that can be taken
    /// at any time while it runs.
    pub fn judge(&self) -> impl AsyncFn() -> Verdict + Send + Sync + use<> {
        let control = Arc::clone(&self.control);
        async move || control.patient_verdict(None, None).await
    }

    /// Reads the scenarios anew, by a call that can be made at any time while it runs:
    /// what is suspicious about them. Where something is wrong, the old ones are served
    /// on.
    pub fn reload(&self) -> impl Fn() -> Result<Problems, StartError> + Send + Sync + use<> {
        let control = Arc::clone(&self.control);
        move || control.reload()
    }

    /// The files and folders that its scenarios are read from.
    pub fn scenario_paths(&self) -> Vec<PathBuf> {
        self.control.paths()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is suspicious about the scenarios.
    pub fn warnings(&self) -> &Problems {
        &self.warnings
    }

    /// What was recorded so far, by a look that can be taken at any time; `None` where
    /// nothing is recorded.
    pub fn recorded(&self) -> Option<impl Fn() -> Recorded + Send + use<>> {
        let recorder = Arc::clone(self.control.load().forwarding.as_ref()?.recorder.as_ref()?);
        Some(move || recorder.recorded())
    }

    /// The recordings that are older than this, and where they stand: of each the day.
    pub fn recorded_before(&self, limit: Timestamp) -> Vec<String> {
        let exchange = self.control.exchange();
        let dates = exchange.deck.iter().flat_map(|deck| deck.dates());
        let old = dates.filter(|(date, _)| date.parse::<Timestamp>().is_ok_and(|date| date < limit));
        old.map(|(date, place)| format!("{place} ({})", date.split('T').next().unwrap_or(date))).collect()
    }

    /// The address as a URL that reaches it from this machine, base path
    /// included.
    pub fn base_url(&self) -> String {
        let host = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let address = SocketAddr::new(host, self.address.port());
        format!("http://{address}{}", self.control.load().base_path())
    }

    /// Serves until `stop` is done, then lets open answers go on for the grace
    /// time.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Outcome {
        let mut stop = pin!(stop);
        let mut accepted_so_far = 0;
        let open = GracefulShutdown::new();
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = self.control.stopped() => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((socket, _)) => {
                        accepted_so_far += 1;
                        serve(socket, accepted_so_far, &self.control, &open);
                    }
                    Err(error) => {
                        tracing::warn!("cannot accept a connection: {error}");
                        tokio::time::sleep(OUT_OF_SOCKETS).await;
                    }
                },
            }
        }
        drop(self.listener);
        self.control.shut_down();
        if tokio::time::timeout(self.grace, open.shutdown()).await.is_err() {
            tracing::info!("open streams were cut");
        }
        let exchange = self.control.exchange();
        Outcome {
            misses: exchange.misses.load(Ordering::Relaxed),
            unused: exchange.deck.as_ref().map(|deck| deck.unused()).unwrap_or_default(),
        }
    }
}

/// What is to be told of a server that has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Requests that nothing answered.
    pub misses: u64,
    /// Recordings that nobody asked for: where they stand.
    pub unused: Vec<String>,
}

/// A server with what may change about it.
fn control(builder: Builder, exchange: Exchange) -> Result<Arc<Control>, StartError> {
    let expectations = builder.control.expectations.clone();
    let control = Control::new(builder, exchange);
    let unknown: Vec<_> = expectations.iter().flat_map(|expected| control.unknown_stubs(expected)).collect();
    if unknown.is_empty() { Ok(control) } else { Err(StartError::Scenarios(Problems(unknown))) }
}

fn serve(socket: TcpStream, id: u64, control: &Arc<Control>, open: &GracefulShutdown) {
    let (control, exchange) = (Arc::clone(control), control.exchange());
    // Nagle's algorithm would hold back the end of a stream for 40 ms.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::warn!("cannot set TCP_NODELAY: {error}");
    }
    let tape = exchange.journal.is_on().then(|| Tape::new(&exchange.journal));
    let link = Link::new(socket, tape);
    let rule = exchange.rules.connection(id).cloned();
    let watcher = open.watcher();
    tokio::spawn(async move {
        if let Some(wait) = rule.as_ref().and_then(|rule| rule.wait) {
            exchange.timer.sleep_until(later(Instant::now(), exchange.scaled(wait.0))).await;
        }
        let deed = rule.as_ref().and_then(|rule| rule.deed).unwrap_or(Deed::Serve);
        let left = match deed {
            Deed::Serve => {
                let rate = rule.and_then(|rule| rule.read).map(|rate| Throttle::new(rate.0, &exchange.timer));
                let connection = watcher.watch(http(Arc::clone(&link), rate, id, control));
                let head = HeadLimit::new(&exchange.timer, exchange.settings.head_timeout);
                let left = until_left(connection, &link, head).await;
                if let Some(tape) = &link.tape {
                    tape.close();
                }
                left
            }
            // None of these is waited for when the server ends.
            other => {
                drop(watcher);
                Ok(Some(match other {
                    Deed::Reset => Leave::Reset,
                    Deed::Close | Deed::Serve => Leave::Close,
                    Deed::Hang => Leave::Unread,
                }))
            }
        };
        // Its last owner closes the socket.
        match left {
            Ok(None) => let_go(&link).await,
            Ok(Some(leave)) => {
                if deed == Deed::Serve && link.left().is_none() {
                    // The idle time is over, and something may have been written then.
                    exchange.player(&link, Instant::now()).settle().await;
                }
                end(&link.socket, leave, &exchange.timer).await;
            }
            Err(fault) => refuse(&link, &fault, &exchange.date(), exchange.settings.marks).await,
        }
    });
}

/// Serves HTTP on a link.
fn http<S: Socket>(
    link: Arc<Link<S>>,
    throttle: Option<Throttle>,
    id: u64,
    control: Arc<Control>,
) -> impl GracefulConnection<Error = hyper::Error> {
    let requests = AtomicU64::new(0);
    let gate = Gate::new(Arc::clone(&link), throttle);
    let passes_on = control.load().forwarding.is_some();
    let service = service_fn(move |request| {
        // It is answered by what is served now, to its end.
        let (exchange, control, link) = (control.exchange(), Arc::clone(&control), Arc::clone(&link));
        let connection = Connection { id, request: requests.fetch_add(1, Ordering::Relaxed) + 1 };
        // It may have come before the idle time began.
        link.wake();
        async move { Ok::<_, Infallible>(exchange.answer(request, connection, &link, &control).await) }
    });
    http1::Builder::new()
        // The answers carry the date of the server's own clock.
        .auto_date_header(false)
        // What is passed on keeps the names of its headers as they were written.
        .preserve_header_case(passes_on)
        // An answer's pieces are small: copying them into one buffer costs less
        // than having the kernel gather them.
        .writev(false)
        .max_header_size(MOST_HEAD)
        .serve_connection(TokioIo::new(gate), service)
}

/// Drives a connection to its end, or to the moment at which a plan ends it.
///
/// # Errors
///
/// Where it ends because of what the client sent.
async fn until_left<S, F>(
    connection: F,
    link: &Link<S>,
    mut head: HeadLimit<'_>,
) -> Result<Option<Leave>, Fault>
where
    S: Socket,
    F: Future<Output = hyper::Result<()>>,
{
    let timer = head.timer();
    let mut connection = pin!(connection);
    let mut idle: Option<(Idle, Sleep)> = None;
    let mut look: Option<Sleep> = None;
    poll_fn(|context| {
        if let Poll::Ready(ended) = connection.as_mut().poll(context) {
            if let Err(error) = ended {
                tracing::debug!("connection: {error}");
                return Poll::Ready(Fault::of(&error, link.seen.now()).map_or(Ok(None), Err));
            }
            return Poll::Ready(Ok(None));
        }
        if let Some(leave) = link.left() {
            return Poll::Ready(Ok(Some(leave)));
        }
        if head.poll(link.seen.now(), context).is_ready() {
            return Poll::Ready(Err(Fault::Late(head.limit())));
        }
        if link.is_looked_after() {
            let sleep = look.get_or_insert_with(|| timer.sleep_until(Instant::now() + LOOK));
            while Pin::new(&mut *sleep).poll(context).is_ready() {
                if link.socket.is_left(context) {
                    return Poll::Ready(Ok(Some(Leave::Close)));
                }
                sleep.reset(Instant::now() + LOOK);
            }
        }
        if !link.is_looked_after() {
            look = None;
        }
        let Some(now) = link.idles() else {
            idle = None;
            return Poll::Pending;
        };
        if idle.as_ref().is_none_or(|(it, _)| it.at != now.at) {
            let sleep = timer.sleep_until(now.at);
            idle = Some((now, sleep));
        }
        let Some((it, sleep)) = &mut idle else { return Poll::Pending };
        ready!(Pin::new(sleep).poll(context));
        while !it.put.is_empty() {
            match ready!(link.poll_write(context, &it.put)) {
                Ok(count) if count > 0 => drop(it.put.split_to(count)),
                // The peer has gone.
                _ => break,
            }
        }
        let leave = it.leave;
        idle = None;
        link.wake();
        leave.map_or(Poll::Pending, |leave| Poll::Ready(Ok(Some(leave))))
    })
    .await
}

/// Ends a connection as a plan wants it. HTTP has let go of the socket.
async fn end(socket: &impl Socket, leave: Leave, timer: &Timer) {
    let ended = match leave {
        Leave::Reset => socket.end_by_reset(),
        Leave::Close | Leave::HalfClose => socket.finish(),
        Leave::Unread => Ok(()),
    };
    if let Err(error) = ended {
        tracing::debug!("the client has gone: {error}");
    }
    match leave {
        Leave::Reset => {}
        // What was not read would turn the FIN into a reset.
        Leave::Close => read_what_is_there(socket).await,
        Leave::HalfClose => read_to_end(socket).await,
        Leave::Unread => {
            while !poll_fn(|context| Poll::Ready(socket.is_left(context))).await {
                timer.sleep_until(Instant::now() + LOOK).await;
            }
        }
    }
}
