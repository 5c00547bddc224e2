//! What recording and replaying cost: the delay that the proxy adds, replay beside a
//! plain stub, how well recorded times are kept, and how long loading takes.
//!
//!     cargo bench --bench recordings

#![expect(clippy::print_stdout, reason = "what was measured is to be read")]

mod common;
#[path = "common/load.rs"]
mod load;

use std::{env, fs, path::Path, time::Duration};

use bytes::Bytes;
use common::{Failed, Process, middle, request, sorted};
use load::{CONNECTIONS, latency, load};
use mynah::{
    cassette::{
        Asked, Body, Interaction,
        key::{Matching, key},
        write::write,
    },
    plan::{
        carry::CarryAs,
        recorded::{Chunk, Head, Piece, Recorded},
    },
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime,
    time::Instant,
};

const ROUNDS: usize = 9;
const PATH: &str = "/v1/chat/completions";
/// Events of the stream whose times are compared, and the time from one to the next.
const EVENTS: u64 = 50;
const STEP: Duration = Duration::from_millis(20);
const MANY_BYTES: usize = 20_000_000;

fn main() -> Result<(), Failed> {
    common::main(runtime::Builder::new_multi_thread(), compare())
}

async fn compare() -> Result<(), Failed> {
    let folder = env::temp_dir().join(format!("mynah-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let measured = measure(&folder).await;
    fs::remove_dir_all(&folder)?;
    measured
}

async fn measure(folder: &Path) -> Result<(), Failed> {
    let sent = request(PATH, &body("Hello").to_string());
    let stub = Process::mynah(Some("scenario: 1\nstubs: [{then: {text: Good day to you.}}]"))?;
    let answer = stub.answer(&sent)?;
    delay(folder, &sent, &answer).await?;
    replay(folder, &stub, &sent).await?;
    offsets(folder).await?;
    loading(folder)
}

fn body(prompt: &str) -> serde_json::Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]})
}

/// Through the proxy and directly, turn by turn.
async fn delay(folder: &Path, sent: &[u8], answer: &[u8]) -> Result<(), Failed> {
    let bare = Process::bare(answer, Duration::ZERO)?;
    let answer = bare.answer(sent)?;
    let upstream = format!("openai=http://{}", bare.address);
    let own = folder.join("delay");
    let proxy = Process::told(&["record", "--upstream", &upstream, "--cassettes", &own.to_string_lossy()])?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let direct = latency(bare.address, sent, &answer).await?;
        rounds.push((direct, latency(proxy.address, sent, &answer).await?));
    }
    let added =
        sorted(rounds.iter().map(|(direct, proxy)| (proxy.as_secs_f64() - direct.as_secs_f64()) * 1e6));
    println!(
        "added by the proxy: {:.0} us ({:.0} to {:.0}) at the median of each of {ROUNDS} rounds, written to disk each",
        middle(&added),
        added[0],
        added[ROUNDS - 1]
    );
    Ok(())
}

/// A recording beside the stub that it was recorded from.
async fn replay(folder: &Path, stub: &Process, sent: &[u8]) -> Result<(), Failed> {
    let own = folder.join("replay");
    let upstream = format!("openai=http://{}", stub.address);
    let proxy = Process::told(&["record", "--upstream", &upstream, "--cassettes", &own.to_string_lossy()])?;
    proxy.answer(sent)?;
    drop(proxy);
    let replay = Process::told(&["serve", "--speed", "instant", "--cassettes", &own.to_string_lossy()])?;
    let lengths = (stub.answer(sent)?.len(), replay.answer(sent)?.len());
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let plain = load(stub.address, sent, lengths.0).await?;
        rounds.push((plain, load(replay.address, sent, lengths.1).await?));
    }
    let ratios = sorted(rounds.iter().map(|(stub, replay)| replay / stub));
    println!(
        "replay beside a plain stub: {:.2} ({:.2} to {:.2}) of {:.0} answers a second, {CONNECTIONS} connections",
        middle(&ratios),
        ratios[0],
        ratios[ROUNDS - 1],
        middle(&sorted(rounds.iter().map(|(stub, _)| *stub))),
    );
    Ok(())
}

/// How far from the recorded times the events of a stream come.
async fn offsets(folder: &Path) -> Result<(), Failed> {
    let own = folder.join("offsets");
    fs::create_dir_all(&own)?;
    let piece = |number: u64| Piece {
        at: STEP * u32::try_from(number).unwrap_or_default(),
        bytes: Bytes::from(format!("data: {number:04}\n\n")),
        chunk: Chunk::Ends,
        line: None,
    };
    let headers = vec![("Transfer-Encoding".to_owned(), Bytes::from_static(b"chunked"))];
    let response = Recorded {
        pieces: (1..=EVENTS).map(piece).collect(),
        carry: Some(CarryAs::Chunked),
        end_at: STEP * u32::try_from(EVENTS)?,
        head: Some(Head { headers, ..head() }),
        ..Recorded::default()
    };
    fs::write(own.join("a.yaml"), document("offsets", 1, response))?;
    let replay = Process::told(&["serve", "--cassettes", &own.to_string_lossy()])?;
    let sent = request(PATH, &body("offsets").to_string());
    let mut late = Vec::new();
    for _ in 0..5 {
        let mut socket = tokio::net::TcpStream::connect(replay.address).await?;
        socket.set_nodelay(true)?;
        let begin = Instant::now();
        socket.write_all(&sent).await?;
        let (mut came, mut room, mut number) = (Vec::new(), [0; 4096], 1);
        while number <= EVENTS {
            let count = socket.read(&mut room).await?;
            came.extend_from_slice(&room[..count]);
            while String::from_utf8_lossy(&came).contains(&format!("data: {number:04}")) {
                let planned = STEP * u32::try_from(number)?;
                late.push((begin.elapsed().as_secs_f64() - planned.as_secs_f64()) * 1e6);
                number += 1;
            }
        }
    }
    let late = sorted(late);
    println!(
        "offsets of replayed events: {:.0} us late at the median, {:.0} us at the 99th of a hundred",
        middle(&late),
        late[late.len() * 99 / 100]
    );
    Ok(())
}

fn head() -> Head {
    Head { version: "1.1".to_owned(), status: 200, reason: "OK".to_owned(), ..Head::default() }
}

fn document(prompt: &str, seq: u64, response: Recorded) -> String {
    let request = Asked {
        method: "POST".to_owned(),
        path: PATH.to_owned(),
        body: Body::Json(body(prompt)),
        ..Asked::default()
    };
    let matching = Matching::default();
    let key = key(&matching.canonical(request.clone(), &[]));
    let recorded = "2026-11-20T10:00:00Z".to_owned();
    let interaction =
        Interaction { seq, key, recorded, attempt: 1, request, response, ..Interaction::default() };
    write(&interaction, "a", &matching.fingerprint()).0
}

/// From the start of the program to its first answer, with so many interactions.
fn loading(folder: &Path) -> Result<(), Failed> {
    let own = folder.join("loading");
    fs::create_dir_all(&own)?;
    let answer = "words that fill a page ".repeat(100);
    let (mut text, mut count) = (String::new(), 0);
    while text.len() < MANY_BYTES {
        count += 1;
        let response = Recorded {
            head: Some(Head {
                headers: vec![("Content-Length".to_owned(), answer.len().to_string().into())],
                ..head()
            }),
            carry: Some(CarryAs::Length),
            pieces: vec![Piece { bytes: answer.clone().into(), ..Piece::default() }],
            ..Recorded::default()
        };
        text.push_str(&document(&format!("{count} {}", "and a long question ".repeat(100)), count, response));
    }
    fs::write(own.join("a.yaml"), &text)?;
    let ready = |text: &str| -> Result<(f64, u64), Failed> {
        fs::write(own.join("a.yaml"), text)?;
        let begin = Instant::now();
        let replay = Process::told(&["serve", "--cassettes", &own.to_string_lossy()])?;
        std::net::TcpStream::connect(replay.address)?;
        Ok((begin.elapsed().as_secs_f64() * 1000.0, replay.resident_kib()? / 1024))
    };
    let mut times = Vec::new();
    for _ in 0..5 {
        times.push(ready(&text)?);
    }
    let (megabytes, memory) = (text.len() / 1_000_000, times[0].1);
    let times = sorted(times.into_iter().map(|(time, _)| time));
    println!(
        "{count} interactions in {megabytes} MB: ready after {:.0} ms, {memory} MiB resident",
        middle(&times)
    );
    let (edited, _) = ready(&text.replace("and a long question and", "and a longer question and"))?;
    println!("the same, every request edited by hand: ready after {edited:.0} ms");
    Ok(())
}
