//! How much the server costs beyond HTTP itself.
//!
//! mynah and a bare hyper server that sends the same bytes take turns, each a
//! process of its own, under the same load from this one. What counts is the
//! ratio within a round, so a busy machine slows both.
//!
//!     cargo bench --bench serve

#![expect(clippy::print_stdout, reason = "what was measured is to be read")]

mod common;
#[path = "common/load.rs"]
mod load;

use std::{net::TcpStream, time::Duration};

use common::{Failed, Process, middle, request, sorted};
use load::{CONNECTIONS, latency, load};
use tokio::{runtime, time::Instant};

const ROUNDS: usize = 9;
const STARTS: usize = 20;

fn main() -> Result<(), Failed> {
    common::main(runtime::Builder::new_multi_thread(), compare())
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
    let anthropic = |extra: &str| {
        let body = format!(
            r#"{{"model":"claude-opus-4-5","max_tokens":1000,"messages":[{{"role":"user","content":"{text}"}}]{extra}}}"#
        );
        request("/v1/messages", &body)
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
        ("anthropic plain", anthropic("")),
        ("anthropic stream", anthropic(r#","stream":true"#)),
    ] {
        row(name, &Process::mynah(None)?, &sent).await?;
    }
    for count in [1, 100, 10_000] {
        for (form, when) in [("equal", "PROMPT"), ("contained", "{contains: PROMPT}")] {
            let mynah = Process::mynah(Some(&stubs(count, when)))?;
            // The last stub answers.
            let body = format!(
                r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"question {}."}}]}}"#,
                count - 1
            );
            row(&format!("{count} {form}"), &mynah, &request("/v1/chat/completions", &body)).await?;
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
    let bare = Process::bare(&answer, Duration::ZERO)?;
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
