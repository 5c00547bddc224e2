//! When a caller is to come back, in the words of each provider.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Value, json};

use super::Occasion;
use crate::reply::{ApiError, Retry};

const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// Puts the hint into the head, where it belongs there; a bare one does where
/// `by_header` is so.
pub(super) fn put_header(
    headers: &mut HeaderMap,
    error: &ApiError,
    by_header: ByHeader,
    occasion: &Occasion<'_>,
) {
    let (name, value) = match error.retry.as_deref() {
        Some(Retry::After(time)) if by_header == ByHeader::Yes => (header::RETRY_AFTER, whole_seconds(*time)),
        Some(Retry::Seconds(time)) => (header::RETRY_AFTER, whole_seconds(*time)),
        Some(Retry::Date(time)) => (header::RETRY_AFTER, date(*time, occasion)),
        Some(Retry::Milliseconds(time)) => (RETRY_AFTER_MS, time.as_millis().to_string()),
        Some(Retry::After(_) | Retry::Info(_)) | None => return,
    };
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// Whether a dialect tells a bare hint in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByHeader {
    /// It does.
    Yes,
    /// It has words of its own for it.
    No,
}

/// Google's `RetryInfo`, where the hint is one.
pub(super) fn info(error: &ApiError) -> Option<Value> {
    let (Retry::After(time) | Retry::Info(time)) = error.retry.as_deref()? else { return None };
    Some(json!({
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        "retryDelay": protobuf_duration(*time),
    }))
}

/// Rounded up: who comes back a little later does no harm.
fn whole_seconds(time: Duration) -> String {
    let up = u64::from(time.subsec_nanos() > 0);
    time.as_secs().saturating_add(up).to_string()
}

fn date(time: Duration, occasion: &Occasion<'_>) -> String {
    let then = occasion.now.checked_add(time).unwrap_or(occasion.now);
    httpdate::fmt_http_date(then.into())
}

/// As protobuf's JSON has it: `2s`, `0.250s`.
fn protobuf_duration(time: Duration) -> String {
    let (seconds, nanoseconds) = (time.as_secs(), time.subsec_nanos());
    match nanoseconds {
        0 => format!("{seconds}s"),
        n if n % 1_000_000 == 0 => format!("{seconds}.{:03}s", n / 1_000_000),
        n if n % 1_000 == 0 => format!("{seconds}.{:06}s", n / 1_000),
        n => format!("{seconds}.{n:09}s"),
    }
}
