//! What the benchmarks share: mynah and a bare hyper server, each a process of
//! its own, and what is sent to them.

use std::{
    convert::Infallible,
    env, fs,
    future::Future,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    pin::Pin,
    process::{Child, Command, Stdio},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    runtime,
    time::{Instant, Sleep},
};

/// Names the file that holds what the bare server is to send.
const BARE: &str = "MYNAH_BENCH_BARE";
/// Milliseconds from one of its chunks to the next.
const EVERY: &str = "MYNAH_BENCH_EVERY";

pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Runs the comparison, or the bare server where this process was started as that.
pub(crate) fn main(
    mut client: runtime::Builder,
    compare: impl Future<Output = Result<(), Failed>>,
) -> Result<(), Failed> {
    let Some(file) = env::var_os(BARE) else {
        return client.enable_all().build()?.block_on(compare);
    };
    let answer = fs::read(PathBuf::from(file))?;
    let every = Duration::from_millis(env::var(EVERY)?.parse()?);
    runtime::Builder::new_multi_thread().enable_all().build()?.block_on(bare(&answer, every))
}

pub(crate) fn request(path: &str, body: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

pub(crate) fn sorted(numbers: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut numbers: Vec<_> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

pub(crate) fn middle(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

/// A server in a process of its own.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// mynah, with this scenario.
    pub(crate) fn mynah(scenario: Option<&str>) -> Result<Self, Failed> {
        let Some(scenario) = scenario else { return Self::told(&["serve"]) };
        let mut command = Command::new(env!("CARGO_BIN_EXE_mynah"));
        command.args(["serve", "--port", "0"]);
        Self::start_with(scenario.as_bytes(), "yaml", |file| {
            command.arg(file);
            command
        })
    }

    /// mynah, told to do this.
    pub(crate) fn told<T: AsRef<std::ffi::OsStr>>(arguments: &[T]) -> Result<Self, Failed> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mynah"));
        command.args(arguments).args(["--port", "0"]);
        Self::start(command)
    }

    /// A hyper server that does nothing but send this answer, its chunks so long
    /// apart.
    pub(crate) fn bare(answer: &[u8], every: Duration) -> Result<Self, Failed> {
        let mut command = Command::new(env::current_exe()?);
        Self::start_with(answer, "txt", |file| {
            command.env(BARE, file).env(EVERY, every.as_millis().to_string());
            command
        })
    }

    /// One that reads a file when it starts.
    fn start_with(
        content: &[u8],
        ending: &str,
        command: impl FnOnce(&Path) -> Command,
    ) -> Result<Self, Failed> {
        let file = env::temp_dir().join(format!("mynah-bench-{}.{ending}", std::process::id()));
        fs::write(&file, content)?;
        let started = Self::start(command(&file));
        fs::remove_file(file)?;
        started
    }

    /// Both print where they listen on their first line.
    fn start(mut command: Command) -> Result<Self, Failed> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.as_mut().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let url = line.trim().rsplit(' ').next().ok_or("no address")?;
        let address = url.trim_start_matches("http://").parse()?;
        Ok(Self { child, address })
    }

    /// One answer, byte for byte: read until nothing more comes.
    pub(crate) fn answer(&self, sent: &[u8]) -> io::Result<Vec<u8>> {
        let mut socket = TcpStream::connect(self.address)?;
        socket.set_read_timeout(Some(Duration::from_millis(300)))?;
        socket.write_all(sent)?;
        let mut answer = Vec::new();
        // The time-out ends it: the connection stays open.
        drop(socket.read_to_end(&mut answer));
        Ok(answer)
    }

    pub(crate) fn resident_kib(&self) -> Result<u64, Failed> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A hyper server that does nothing but send this answer.
async fn bare(answer: &[u8], every: Duration) -> Result<(), Failed> {
    let (template, chunks) = take_apart(answer)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    print(&listener.local_addr()?)?;
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let (template, chunks) = (template.clone(), chunks.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (template, chunks) = (template.clone(), chunks.clone());
            async move {
                drop(request.into_body().collect().await);
                let body = match chunks {
                    Ok(chunks) => Either::Left(StreamBody::new(Frames::new(chunks, every))),
                    Err(body) => Either::Right(Full::new(body)),
                };
                Ok::<_, Infallible>(template.map(|()| body))
            }
        });
        let connection =
            http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(socket), service);
        tokio::spawn(connection);
    }
}

/// Tells the one who started this process where it listens.
fn print(address: &SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{address}")?;
    out.flush()
}

/// Chunks that leave at once, or at a tempo by tokio's timer.
struct Frames {
    chunks: std::vec::IntoIter<Bytes>,
    every: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Frames {
    fn new(chunks: Vec<Bytes>, every: Duration) -> Self {
        let sleep = (!every.is_zero()).then(|| Box::pin(tokio::time::sleep_until(Instant::now())));
        Self { chunks: chunks.into_iter(), every, sleep }
    }
}

impl futures_core::Stream for Frames {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let every = self.every;
        if self.chunks.len() > 0
            && let Some(sleep) = &mut self.sleep
        {
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            // From when it was due, not from when it was woken: the schedule is kept.
            let due = sleep.deadline();
            sleep.as_mut().reset(due + every);
        }
        Poll::Ready(self.chunks.next().map(|chunk| Ok(Frame::data(chunk))))
    }
}

/// The head, and the chunks or else the whole body.
type Parts = (Response<()>, Result<Vec<Bytes>, Bytes>);

fn take_apart(answer: &[u8]) -> Result<Parts, Failed> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or("no head")?;
    let mut response = Response::builder();
    let mut is_chunked = false;
    for line in std::str::from_utf8(&answer[..end])?.lines().skip(1) {
        match line.split_once(": ").ok_or("no header")? {
            ("transfer-encoding", _) => is_chunked = true,
            ("content-length", _) => {}
            (name, value) => response = response.header(name, value),
        }
    }
    let mut rest = &answer[end + 4..];
    if !is_chunked {
        return Ok((response.body(())?, Err(Bytes::copy_from_slice(rest))));
    }
    let mut chunks = Vec::new();
    loop {
        let line = rest.iter().position(|byte| *byte == b'\n').ok_or("no chunk")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line])?.trim(), 16)?;
        if size == 0 {
            return Ok((response.body(())?, Ok(chunks)));
        }
        chunks.push(Bytes::copy_from_slice(&rest[line + 1..][..size]));
        rest = &rest[line + 1 + size + 2..];
    }
}
