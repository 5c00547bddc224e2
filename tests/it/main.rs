//! The server from outside, over real sockets, and its pure core from beside.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod admission;
mod anthropic;
mod anthropic_scenarios;
mod any_bytes;
mod bad_http;
mod catalogue;
mod command;
mod compositions;
mod edges;
mod embedded;
mod faults;
mod gemini;
mod golden;
mod hostile;
mod interleavings;
mod judged;
mod language;
mod mutations;
mod old_openai;
mod order;
mod raw;
mod recordings;
mod refusals;
mod replies;
mod responses;
mod said;
mod samples;
mod scenarios;
mod served;
mod shipped;
mod slow_http;
mod strict_fields;
mod text;
mod wire;

/// So many cases of a property, and more where `PROPTEST_CASES` asks for more
/// than its usual 256.
fn cases(count: u32) -> proptest::test_runner::Config {
    let usual = proptest::test_runner::Config::default();
    proptest::test_runner::Config { cases: count * usual.cases / 256, ..usual }
}
