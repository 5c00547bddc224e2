//! What the journal costs: mynah with and without it, each a process of its own, under
//! the same load in turns. What counts is the ratio within a round.
//!
//!     cargo bench --bench journal

#![expect(clippy::print_stdout, reason = "what was measured is to be read")]
#![expect(dead_code, reason = "the benchmarks share more than each of them needs")]

mod common;
#[path = "common/load.rs"]
mod load;

use std::fs;

use common::{Failed, Process, middle, request, sorted};
use load::{CONNECTIONS, load};
use tokio::{runtime, time::Instant};

/// Pairs of processes: each is quicker or slower than the next for as long as it lives,
/// by where its memory came to lie.
const PAIRS: usize = 9;

/// Of each pair.
const ROUNDS: usize = 7;

fn main() -> Result<(), Failed> {
    common::main(runtime::Builder::new_multi_thread(), compare())
}

async fn compare() -> Result<(), Failed> {
    println!("{CONNECTIONS} connections, median of {PAIRS} times {ROUNDS} rounds (the middle half)\n");
    println!("{:<16}{:>14}{:>14}{:>24}{:>24}", "", "without/s", "with/s", "throughput", "processor time");
    let text = "word ".repeat(20);
    let chat = |extra: &str| {
        let body =
            format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{text}"}}]{extra}}}"#);
        request("/v1/chat/completions", &body)
    };
    let stream = r#","stream":true,"stream_options":{"include_obfuscation":false}"#;
    for (name, sent) in [("openai plain", chat("")), ("openai stream", chat(stream))] {
        let mut rounds = Vec::new();
        for _ in 0..PAIRS {
            let without = Process::told(&["serve", "--journal-entries", "0"])?;
            let with = Process::told(&["serve"])?;
            let length = with.answer(&sent)?.len();
            for round in 0..ROUNDS {
                // Whoever comes second finds a warmer machine: they take turns in that too.
                if round % 2 == 0 {
                    let off = measured(&without, &sent, length).await?;
                    rounds.push((off, measured(&with, &sent, length).await?));
                } else {
                    let on = measured(&with, &sent, length).await?;
                    rounds.push((measured(&without, &sent, length).await?, on));
                }
            }
        }
        let shown = |ratios: Vec<f64>| {
            format!(
                "{:.3} ({:.3} to {:.3})",
                middle(&ratios),
                ratios[ratios.len() / 4],
                ratios[ratios.len() * 3 / 4]
            )
        };
        println!(
            "{name:<16}{:>14.0}{:>14.0}{:>24}{:>24}",
            middle(&sorted(rounds.iter().map(|(off, _)| off.0))),
            middle(&sorted(rounds.iter().map(|(_, on)| on.0))),
            shown(sorted(rounds.iter().map(|(off, on)| on.0 / off.0))),
            shown(sorted(rounds.iter().map(|(off, on)| on.1 / off.1))),
        );
    }
    Ok(())
}

/// Answers a second, and the processor time of each.
async fn measured(process: &Process, sent: &[u8], length: usize) -> Result<(f64, f64), Failed> {
    let (before, begin) = (ticks(process)?, Instant::now());
    let rate = load(process.address, sent, length).await?;
    let answers = rate * begin.elapsed().as_secs_f64();
    Ok((rate, (ticks(process)? - before) as f64 / answers))
}

/// The time that processors have spent on a process, in ticks of a hundredth of a second.
fn ticks(process: &Process) -> Result<u64, Failed> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.child.id()))?;
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    Ok(number(11).zip(number(12)).map(|(user, system)| user + system).ok_or("no times")?)
}
