//! The server from outside, over real sockets, and its pure core from beside.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod admission;
mod command;
mod embedded;
mod golden;
mod language;
mod order;
mod raw;
mod refusals;
mod said;
mod scenarios;
mod samples;
mod text;
