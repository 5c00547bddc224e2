//! How much the server costs beyond HTTP itself.
//!
//! mynah and a bare hyper server that sends the same bytes take turns, each a
//! process of its own, under the same load from this one. What counts is the
//! ratio within a round, so a busy machine slows both.
//!
//!     cargo bench --bench serve

#![expect(clippy::print_stdout, reason = "what was measured is to be read")]

use std::{
    convert::Infallible,
    env, fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::Instant,
};

const CONNECTIONS: usize = 32;
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(500);
const LATENCIES: usize = 2000;
const STARTS: usize = 20;

/// Names the file that holds what the bare server is to send.
const BARE: &str = "MYNAH_BENCH_BARE";

type Failed = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match env::var_os(BARE) {
        Some(file) => runtime.block_on(bare(&fs::read(PathBuf::from(file))?)),
        None => runtime.block_on(compare()),
    }
}

async fn compare() -> Result<(), Failed> {
    let text = "word ".repeat(20);
    let chat = |extra: &str| {
        let body =
            format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{text}"}}]{extra}}}"#);
        request("/v1/chat/completions", &body)
    };
    let gemini = |verb: &str| {
        let body = format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":"{text}"}}]}}]}}"#);
        request(&format!("/v1beta/models/gemini-2.5-flash:{verb}"), &body)
    };
    println!("{CONNECTIONS} connections, median of {ROUNDS} rounds (least to most)\n");
    println!(
        "{:<16}{:>12}{:>12}{:>22}{:>14}{:>14}",
        "", "bare/s", "mynah/s", "ratio", "bare end", "mynah end"
    );
    for (name, sent) in [
        ("openai plain", chat("")),
        ("openai stream", chat(r#","stream":true,"stream_options":{"include_obfuscation":false}"#)),
        ("gemini plain", gemini("generateContent")),
        ("gemini stream", gemini("streamGenerateContent?alt=sse")),
    ] {
        row(name, &Process::mynah(None)?, &sent).await?;
    }
    for count in [1, 100, 10_000] {
        for (form, when) in [("equal", "PROMPT"), ("contained", "{contains: PROMPT}")] {
            let file =
                env::temp_dir().join(format!("mynah-bench-{}-{count}-{form}.yaml", std::process::id()));
            fs::write(&file, stubs(count, when))?;
            let mynah = Process::mynah(Some(&file));
            fs::remove_file(&file)?;
            // The last stub answers.
            let body = format!(
                r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"question {}."}}]}}"#,
                count - 1
            );
            row(&format!("{count} {form}"), &mynah?, &request("/v1/chat/completions", &body)).await?;
        }
    }
    let mut starts = Vec::new();
    let mut memory = 0;
    for _ in 0..STARTS {
        let begin = Instant::now();
        let mynah = Process::mynah(None)?;
        drop(TcpStream::connect(mynah.address)?);
        starts.push(begin.elapsed());
        memory = memory.max(mynah.resident_kib()?);
    }
    starts.sort();
    println!("\nready after {:?} (median of {STARTS}), {memory} KiB resident when idle", starts[STARTS / 2]);
    Ok(())
}

/// A scenario with so many stubs, each of which waits for a prompt of its own.
fn stubs(count: usize, when: &str) -> String {
    let stubs = (0..count).map(|number| {
        let when = when.replace("PROMPT", &format!("question {number}."));
        format!("- {{when: {{prompt: {when}}}, then: {{text: answer {number}}}}}\n")
    });
    format!("scenario: 1\nstubs:\n{}", stubs.collect::<String>())
}

/// Compares the server with a bare one that sends the same, and prints it.
async fn row(name: &str, mynah: &Process, sent: &[u8]) -> Result<(), Failed> {
    let answer = mynah.answer(sent)?;
    let bare = Process::bare(&answer)?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let slow = load(bare.address, sent, answer.len()).await?;
        rounds.push((slow, load(mynah.address, sent, answer.len()).await?));
    }
    let ratios = sorted(rounds.iter().map(|(bare, mynah)| mynah / bare));
    let (ends, own_ends) =
        (latency(bare.address, sent, &answer).await?, latency(mynah.address, sent, &answer).await?);
    println!(
        "{name:<16}{:>12.0}{:>12.0}{:>22}{ends:>14?}{own_ends:>14?}",
        middle(&sorted(rounds.iter().map(|(bare, _)| *bare))),
        middle(&sorted(rounds.iter().map(|(_, mynah)| *mynah))),
        format!("{:.2} ({:.2} to {:.2})", middle(&ratios), ratios[0], ratios[ROUNDS - 1]),
    );
    Ok(())
}

fn request(path: &str, body: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

fn sorted(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

fn middle(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

/// Answers a second over all connections. Every answer has `length` bytes.
async fn load(address: SocketAddr, sent: &[u8], length: usize) -> Result<f64, Failed> {
    static ANSWERS: AtomicU64 = AtomicU64::new(0);
    ANSWERS.store(0, Ordering::Relaxed);
    let mut tasks = Vec::new();
    let begin = Instant::now();
    for _ in 0..CONNECTIONS {
        let sent = sent.to_vec();
        tasks.push(tokio::spawn(async move {
            let mut socket = tokio::net::TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            let mut answer = vec![0; length];
            while begin.elapsed() < ROUND {
                socket.write_all(&sent).await?;
                socket.read_exact(&mut answer).await?;
                ANSWERS.fetch_add(1, Ordering::Relaxed);
            }
            io::Result::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(ANSWERS.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64())
}

/// The median time from a request to the end of its answer, one after the
/// other on one connection.
async fn latency(address: SocketAddr, sent: &[u8], answer: &[u8]) -> Result<Duration, Failed> {
    let mut socket = tokio::net::TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let mut read = vec![0; answer.len()];
    let mut times = Vec::new();
    for _ in 0..LATENCIES {
        let begin = Instant::now();
        socket.write_all(sent).await?;
        socket.read_exact(&mut read).await?;
        times.push(begin.elapsed());
    }
    times.sort();
    Ok(times[LATENCIES / 2])
}

/// A server in a process of its own.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn mynah(scenario: Option<&Path>) -> Result<Self, Failed> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mynah"));
        command.args(["serve", "--port", "0"]).args(scenario);
        Self::start(command)
    }

    fn bare(answer: &[u8]) -> Result<Self, Failed> {
        let file = env::temp_dir().join(format!("mynah-bench-{}", std::process::id()));
        fs::write(&file, answer)?;
        let mut command = Command::new(env::current_exe()?);
        command.env(BARE, &file);
        let started = Self::start(command);
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
    fn answer(&self, sent: &[u8]) -> io::Result<Vec<u8>> {
        let mut socket = TcpStream::connect(self.address)?;
        socket.set_read_timeout(Some(Duration::from_millis(300)))?;
        socket.write_all(sent)?;
        let mut answer = Vec::new();
        // The time-out ends it: the connection stays open.
        drop(socket.read_to_end(&mut answer));
        Ok(answer)
    }

    fn resident_kib(&self) -> Result<u64, Failed> {
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
async fn bare(answer: &[u8]) -> Result<(), Failed> {
    let (template, chunks) = take_apart(answer)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let (template, chunks) = (template.clone(), chunks.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (template, chunks) = (template.clone(), chunks.clone());
            async move {
                drop(request.into_body().collect().await);
                let body = match chunks {
                    Ok(chunks) => {
                        let frames = chunks.into_iter().map(|chunk| Ok::<_, Infallible>(Frame::data(chunk)));
                        Either::Left(StreamBody::new(Frames(frames)))
                    }
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

/// An iterator as a stream that is always ready.
struct Frames<I>(I);

impl<I: Iterator + Unpin> futures_core::Stream for Frames<I> {
    type Item = I::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<I::Item>> {
        std::task::Poll::Ready(self.0.next())
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
