//! Clients are judged: what they did is measured on real sockets.

mod broken;
mod control;
mod embedded;
mod measured;
mod program;
mod reload;
mod sessions;

use std::time::Duration;

use mynah::{Server, journal::Verdict};
use serde_json::json;

use crate::{raw::Raw, recordings::pause};

const CHAT: &str = "POST /v1/chat/completions";

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A server with one stub, `flaky`, that says this and expects that.
async fn serve(then: &str, expect: &str) -> Server {
    let text = format!(
        "scenario: 1\nname: s\nstubs:\n- {{name: flaky, per: call, then: {then}, expect: {expect}}}\n"
    );
    Server::builder().scenario_text("s.yaml", text).allow_host("mynah.test").start().await.unwrap()
}

fn body(prompt: &str) -> String {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]}).to_string()
}

fn streaming(prompt: &str) -> String {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}], "stream": true}).to_string()
}

/// Asks so often, with these pauses between; the connection.
fn ask_after(server: &Server, pauses: &[u64]) -> Raw {
    let mut client = Raw::connect(server.base_url());
    client.ask(CHAT, &[], &body("hello"));
    for milliseconds in pauses {
        pause(ms(*milliseconds));
        client.ask(CHAT, &[], &body("hello"));
    }
    client
}

/// The keys of the expectations that were not met.
fn failed(verdict: &Verdict) -> Vec<&str> {
    verdict.failures().map(|judged| judged.key.as_str()).collect()
}
