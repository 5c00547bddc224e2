//! How late the events of paced streams are, and what an open stream holds.
//!
//! mynah and a bare hyper server that sends the same bytes by tokio's timer take
//! turns, each a process of its own. Late is what the client sees: from when an
//! event should have left, counted from just before the request was sent, to when
//! it was read. The way there and back is in it, so it is never below zero.
//!
//!     cargo bench --bench lateness

#![expect(clippy::print_stdout, reason = "what was measured is to be read")]

mod common;

use std::{
    fs, io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use common::{Failed, Process, middle, request, sorted};
use tokio::{net::TcpStream, runtime, task::JoinHandle, time::Instant};

/// Events of a stream, and the time from one to the next.
const EVENTS: usize = 50;
const STEP: Duration = Duration::from_millis(20);
const RUNS: usize = 5;
/// Streams at once, and how many times: a single one tells little.
const LOADS: [(usize, usize); 3] = [(1, 4), (100, 1), (1_000, 1)];
/// Within this time all of them begin, so that their events are spread.
const BEGIN: Duration = Duration::from_millis(500);

/// Streams of which all are open at once, where files enough may be.
const MANY: usize = 10_000;
const MANY_STEP: Duration = Duration::from_millis(500);
const MANY_BEGIN: Duration = Duration::from_secs(10);
/// Files that are no streams.
const OTHER_FILES: usize = 100;
/// A stream that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> Result<(), Failed> {
    common::main(runtime::Builder::new_current_thread(), compare())
}

async fn compare() -> Result<(), Failed> {
    let body = r#"{"contents":[{"role":"user","parts":[{"text":"Tell me a story."}]}]}"#;
    let sent: Arc<[u8]> =
        request("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", body).into();
    println!(
        "{EVENTS} events in steps of {STEP:?}; microseconds late, median of {RUNS} runs (least to most)\n"
    );
    println!("{:<10}{:>24}{:>24}{:>24}{:>24}", "streams", "bare p50", "mynah p50", "bare p99", "mynah p99");
    let mynah = Process::mynah(Some(&story(STEP)))?;
    let answer = mynah.answer(&sent)?;
    let bare = Process::bare(&answer, STEP)?;
    for (count, times) in LOADS {
        let mut all = [const { Vec::new() }; 4];
        for _ in 0..RUNS {
            for (server, process) in [&bare, &mynah].into_iter().enumerate() {
                let mut late = Vec::new();
                for _ in 0..times {
                    for stream in begin(process.address, &sent, count, (STEP, BEGIN)).await? {
                        late.extend(stream.await??);
                    }
                }
                let late = sorted(late);
                all[server].push(late[late.len() / 2]);
                all[server + 2].push(late[late.len() * 99 / 100]);
            }
        }
        let [bare_half, half, bare_most, most] = all.map(range);
        println!("{count:<10}{bare_half:>24}{half:>24}{bare_most:>24}{most:>24}");
    }
    drop((bare, mynah));
    let count = MANY.min(files()?.saturating_sub(OTHER_FILES));
    println!("\n{count} streams at once, {EVENTS} events in steps of {MANY_STEP:?}\n");
    println!("{:<10}{:>10}{:>20}{:>12}{:>12}", "", "failed", "KiB each", "p50", "p99");
    crowd("bare", &Process::bare(&answer, MANY_STEP)?, &sent, count).await?;
    crowd("mynah", &Process::mynah(Some(&story(MANY_STEP)))?, &sent, count).await
}

/// A scenario whose events are that far apart.
fn story(step: Duration) -> String {
    let text = "word ".repeat(EVENTS);
    let text = text.trim_end();
    format!(
        "scenario: 1\nstubs:\n- then: {{text: {text}, split: token, pace: {{every: {}ms}}}}\n",
        step.as_millis()
    )
}

/// The median, the least and the most.
fn range(numbers: Vec<f64>) -> String {
    let sorted = sorted(numbers);
    format!("{:.0} ({:.0} to {:.0})", middle(&sorted), sorted[0], sorted[sorted.len() - 1])
}

/// How many files this process and its children may open.
fn files() -> Result<usize, Failed> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).ok_or("no limit")?;
    Ok(line.split_whitespace().next().ok_or("no limit")?.parse().unwrap_or(usize::MAX))
}

/// Opens so many streams, and prints what became of them and what one holds.
async fn crowd(name: &str, process: &Process, sent: &Arc<[u8]>, count: usize) -> Result<(), Failed> {
    let before = process.resident_kib()?;
    let streams = begin(process.address, sent, count, (MANY_STEP, MANY_BEGIN)).await?;
    // By now all have begun, and none has ended.
    tokio::time::sleep(MANY_BEGIN + MANY_STEP * 2).await;
    let during = process.resident_kib()?;
    let (mut late, mut failed) = (Vec::new(), 0);
    for stream in streams {
        match stream.await? {
            Ok(times) => late.extend(times),
            Err(_) => failed += 1,
        }
    }
    let late = sorted(late);
    println!(
        "{name:<10}{failed:>10}{:>20.1}{:>12.0}{:>12.0}",
        (during - before) as f64 / count as f64,
        middle(&late),
        late[late.len() * 99 / 100]
    );
    Ok(())
}

/// A connection, and when its request was sent.
struct Stream {
    socket: TcpStream,
    begun: OnceLock<Instant>,
}

/// Microseconds that each event was late.
type Late = JoinHandle<Result<Vec<f64>, Failed>>;

/// Opens the connections, then sends their requests, evenly spread.
async fn begin(
    address: SocketAddr,
    sent: &Arc<[u8]>,
    count: usize,
    (step, within): (Duration, Duration),
) -> Result<Vec<Late>, Failed> {
    let mut streams = Vec::new();
    for _ in 0..count {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        socket.writable().await?;
        streams.push(Arc::new(Stream { socket, begun: OnceLock::new() }));
    }
    let read = |stream| async move { tokio::time::timeout(PATIENCE, read(stream, step)).await? };
    let late = streams.iter().map(|stream| tokio::spawn(read(Arc::clone(stream)))).collect();
    let sent = Arc::clone(sent);
    // tokio's timer would send those of one millisecond all at once.
    thread::spawn(move || {
        for stream in streams {
            sleep(within / u32::try_from(count).unwrap_or(u32::MAX));
            if stream.begun.set(Instant::now()).is_ok() {
                // Where that fails no answer comes, which the reader tells.
                drop(stream.socket.try_write(&sent));
            }
        }
    });
    Ok(late)
}

#[expect(clippy::disallowed_methods, reason = "the thread has nothing else to do")]
fn sleep(time: Duration) {
    thread::sleep(time);
}

/// Reads a stream to its end.
async fn read(stream: Arc<Stream>, step: Duration) -> Result<Vec<f64>, Failed> {
    let (mut late, mut buffer, mut is_head) = (Vec::with_capacity(EVENTS), Vec::new(), true);
    loop {
        stream.socket.readable().await?;
        match stream.socket.try_read_buf(&mut buffer) {
            Ok(0) => return Err("the connection ended".into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error.into()),
        }
        let now = Instant::now();
        let begun = *stream.begun.get().ok_or("an answer before its request")?;
        if is_head {
            let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
            if !buffer.starts_with(b"HTTP/1.1 200 ") {
                return Err("no success".into());
            }
            buffer.drain(..end + 4);
            is_head = false;
        }
        while let Some(size) = take_chunk(&mut buffer)? {
            if size == 0 {
                return if late.len() == EVENTS { Ok(late) } else { Err("events are missing".into()) };
            }
            let due = begun + step * u32::try_from(late.len())?;
            let late_by = now.checked_duration_since(due).ok_or("an event came early")?;
            late.push(late_by.as_secs_f64() * 1e6);
        }
    }
}

/// Takes a chunk off, once it is there as a whole; its size.
fn take_chunk(buffer: &mut Vec<u8>) -> Result<Option<usize>, Failed> {
    let Some(line) = buffer.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
    let size = usize::from_str_radix(std::str::from_utf8(&buffer[..line])?.trim(), 16)?;
    let whole = line + 1 + size + 2;
    if buffer.len() < whole {
        return Ok(None);
    }
    buffer.drain(..whole);
    Ok(Some(size))
}
