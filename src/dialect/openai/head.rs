//! The headers of OpenAI's answers, but for Cloudflare's cookie, which no client
//! would keep on plain HTTP.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    ask::{Ask, Shape},
    dialect::{
        Endpoint, Occasion,
        head::{OPEN, head, put},
    },
    reply::Reply,
};

/// Tokens that an account may spend in a minute, as its headers tell.
const TOKEN_LIMIT: u64 = 2_000_000;

/// In milliseconds.
const MINUTE: u64 = 60_000;

pub(super) fn success(
    ask: &Ask,
    (reply, endpoint): (&Reply, Endpoint),
    occasion: &Occasion<'_>,
) -> HeaderMap {
    let is_response = endpoint == Endpoint::OpenAiResponses;
    let mut headers = match (reply, ask.shape) {
        // It tells no limits.
        (Reply::Generation(_) | Reply::Stored, Shape::Sse) if is_response => RESPONSE_STREAM.clone(),
        (Reply::Generation(_), Shape::Document | Shape::Array) => COMPLETION.clone(),
        (Reply::Generation(_), Shape::Sse) => STREAM.clone(),
        (Reply::Embeddings(_), _) => EMBEDDINGS.clone(),
        _ => SERVED.clone(),
    };
    let spent = match reply {
        Reply::Generation(_) if is_response && ask.shape == Shape::Sse => None,
        Reply::Generation(said) => Some(said.usage.input_total()),
        Reply::Embeddings(said) => {
            put(&mut headers, &MODEL, ask.model.clone());
            Some(said.tokens)
        }
        _ => None,
    };
    if let Some(spent) = spent {
        headers.insert(REMAINING_TOKENS, HeaderValue::from(TOKEN_LIMIT.saturating_sub(spent)));
        put(&mut headers, &RESET_TOKENS, go_duration(spent.min(TOKEN_LIMIT) * MINUTE / TOKEN_LIMIT));
    }
    served(&mut headers, occasion);
    every(&mut headers, occasion);
    headers
}

/// Errors of the edge do not come from the service, and its headers are absent.
pub(super) fn error(status: u16, occasion: &Occasion<'_>) -> HeaderMap {
    let is_edge = super::is_edge(status);
    let mut headers = if is_edge { EDGE.clone() } else { SERVED.clone() };
    if !is_edge {
        served(&mut headers, occasion);
    }
    every(&mut headers, occasion);
    headers
}

fn served(headers: &mut HeaderMap, occasion: &Occasion<'_>) {
    let identity = occasion.identity;
    let milliseconds = 100 + identity.draw("openai-processing-ms").below(900);
    headers.insert(PROCESSING_MS, HeaderValue::from(milliseconds));
}

fn every(headers: &mut HeaderMap, occasion: &Occasion<'_>) {
    let identity = occasion.identity;
    headers.insert(header::DATE, occasion.date.clone());
    put(headers, &REQUEST_ID, identity.draw("x-request-id").hex("req_", 32));
    put(headers, &CF_RAY, identity.draw("cf-ray").hex("", 16) + "-ZRH");
}

const MODEL: HeaderName = HeaderName::from_static("openai-model");
const PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CF_RAY: HeaderName = HeaderName::from_static("cf-ray");
const REMAINING_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-tokens");
const RESET_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-reset-tokens");

const SERVICE: &[(&str, &str)] = &[
    ("access-control-expose-headers", "X-Request-ID"),
    ("openai-organization", "org-mynah0000000000000000000"),
    ("openai-processing-ms", OPEN),
    ("openai-project", "proj_mynah0000000000000000000"),
    ("openai-version", "2020-10-01"),
    ("x-openai-proxy-wasm", "v0.1"),
];

const RATE_LIMITS: &[(&str, &str)] = &[
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-limit-tokens", "2000000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-remaining-tokens", OPEN),
    ("x-ratelimit-reset-requests", "6ms"),
    ("x-ratelimit-reset-tokens", OPEN),
];

const CLOUDFLARE: &[(&str, &str)] = &[
    ("x-request-id", OPEN),
    ("cf-cache-status", "DYNAMIC"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
    ("x-content-type-options", "nosniff"),
    ("server", "cloudflare"),
    ("cf-ray", OPEN),
    ("alt-svc", "h3=\":443\"; ma=86400"),
];

const JSON: &str = "application/json";

// The heads, but for what varies: made once, since filling a map costs more
// than copying it.
static COMPLETION: LazyLock<HeaderMap> = LazyLock::new(|| head(JSON, &[SERVICE, RATE_LIMITS, CLOUDFLARE]));
static EMBEDDINGS: LazyLock<HeaderMap> =
    LazyLock::new(|| head(JSON, &[&[("openai-model", OPEN)], SERVICE, RATE_LIMITS, CLOUDFLARE]));
static STREAM: LazyLock<HeaderMap> =
    LazyLock::new(|| head("text/event-stream; charset=utf-8", &[SERVICE, RATE_LIMITS, CLOUDFLARE]));
static RESPONSE_STREAM: LazyLock<HeaderMap> =
    LazyLock::new(|| head("text/event-stream; charset=utf-8", &[SERVICE, CLOUDFLARE]));
static SERVED: LazyLock<HeaderMap> = LazyLock::new(|| head(JSON, &[SERVICE, CLOUDFLARE]));
static EDGE: LazyLock<HeaderMap> = LazyLock::new(|| head("application/json; charset=utf-8", &[CLOUDFLARE]));

/// Milliseconds as Go prints durations: `0s`, `6ms`, `8.64s`, `6m0s`.
fn go_duration(milliseconds: u64) -> String {
    let (minutes, rest) = (milliseconds / 60_000, milliseconds % 60_000);
    let (seconds, thousandths) = (rest / 1000, rest % 1000);
    if milliseconds == 0 {
        return "0s".to_owned();
    }
    if milliseconds < 1000 {
        return format!("{milliseconds}ms");
    }
    let fraction = match thousandths {
        0 => String::new(),
        _ => format!(".{thousandths:03}").trim_end_matches('0').to_owned(),
    };
    match minutes {
        0 => format!("{seconds}{fraction}s"),
        _ => format!("{minutes}m{seconds}{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::go_duration;

    #[test]
    fn durations_are_printed_as_go_prints_them() {
        let printed = [0, 6, 8640, 59369, 360_000, 61_500].map(go_duration);
        assert_eq!(printed, ["0s", "6ms", "8.64s", "59.369s", "6m0s", "1m1.5s"]);
    }
}
