//! What an answer tells about coming back: by header as OpenAI and Anthropic do, or by
//! Google's `RetryInfo` in the body.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::notation::value::{Period, Word};

/// When a client was asked to come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// How long it is to wait, from the end of the answer.
    pub wait: Duration,
    /// As it was said, such as `retry-after: 2`.
    pub said: String,
}

/// The words for a hint: `retry-after-ms` before `retry-after` (RFC 9110, section
/// 10.2.3, in seconds or as a date), before `RetryInfo` in the body. `now` is when the
/// answer ended.
pub fn hint<'h>(header: impl Fn(&str) -> Option<&'h str>, body: &[u8], now: Timestamp) -> Option<Hint> {
    let by = |name: &str, wait: Option<Duration>, said: &str| {
        wait.map(|wait| Hint { wait, said: format!("{name}: {said}") })
    };
    let milliseconds = header("retry-after-ms").and_then(|said| {
        let wait = seconds(said.trim()).map(|wait| wait / 1000);
        by("retry-after-ms", wait, said)
    });
    let after = || {
        let said = header("retry-after")?;
        by("retry-after", seconds(said.trim()).or_else(|| until(said.trim(), now)), said)
    };
    milliseconds.or_else(after).or_else(|| retry_info(body))
}

fn seconds(text: &str) -> Option<Duration> {
    let number: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(number).ok()
}

/// How long it is until an HTTP date.
fn until(text: &str, now: Timestamp) -> Option<Duration> {
    let date = Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

/// Google's `RetryInfo`, in an error or a list of one.
fn retry_info(body: &[u8]) -> Option<Hint> {
    // Most bodies are no errors of Google's.
    memchr::memmem::find(body, b"retryDelay")?;
    let json: Value = serde_json::from_slice(body).ok()?;
    let error = json.get("error").or_else(|| json.get(0)?.get("error"))?;
    let delay = error.get("details")?.as_array()?.iter().find_map(|detail| detail.get("retryDelay"))?;
    let said = delay.as_str()?;
    Some(Hint { wait: Period::from_text(said)?.0, said: format!("retryDelay: {said}") })
}
