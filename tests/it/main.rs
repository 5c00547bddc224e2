//! The server from outside, over real sockets, and its pure core from beside.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod admission;
mod any_bytes;
mod bad_http;
mod command;
mod embedded;
mod faults;
mod golden;
mod hostile;
mod interleavings;
mod language;
mod order;
mod raw;
mod refusals;
mod replies;
mod said;
mod samples;
mod scenarios;
mod served;
mod slow_http;
mod text;
mod wire;
