//! The headers of Anthropic's answers, but for Cloudflare's cookie, which no
//! client would keep on plain HTTP.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;

use crate::{
    ask::Shape,
    dialect::{
        Occasion,
        head::{OPEN, head, put},
    },
    reply::{Reply, Usage},
};

/// What an account may spend in a minute, as its headers tell.
const INPUT_LIMIT: u64 = 2_000_000;
const OUTPUT_LIMIT: u64 = 400_000;

/// What is left is told in thousands.
const GRAIN: u64 = 1000;

/// Seconds in which a limit fills up again.
const MINUTE: u64 = 60;

pub(super) fn success(shape: Shape, reply: &Reply, occasion: &Occasion<'_>) -> HeaderMap {
    let mut headers = match (reply, shape) {
        (Reply::Generation(_), Shape::Document) => MESSAGE.clone(),
        (Reply::Generation(_), Shape::Sse | Shape::Array) => STREAM.clone(),
        _ => OTHER.clone(),
    };
    if let Reply::Generation(said) = reply {
        limits(&mut headers, &said.usage, occasion.now);
    }
    every(&mut headers, occasion);
    headers
}

pub(super) fn error(occasion: &Occasion<'_>) -> HeaderMap {
    let mut headers = OTHER.clone();
    every(&mut headers, occasion);
    headers
}

/// The id of a request, which errors tell in their bodies too.
pub(super) fn request_id(occasion: &Occasion<'_>) -> String {
    occasion.identity.draw("request-id").alphanumeric("req_011C", 20)
}

/// The limits refill as fast as a minute's worth in a minute.
fn limits(headers: &mut HeaderMap, usage: &Usage, now: Timestamp) {
    let input = usage.input_total().saturating_sub(usage.cached);
    let output = usage.output + usage.thoughts;
    let mut longest = 0;
    for (names, limit, spent) in [
        (&REQUESTS, None, 0),
        (&TOKENS, Some(INPUT_LIMIT + OUTPUT_LIMIT), input + output),
        (&INPUT, Some(INPUT_LIMIT), input),
        (&OUTPUT, Some(OUTPUT_LIMIT), output),
    ] {
        let mut seconds = 0;
        if let Some(limit) = limit {
            let left = limit.saturating_sub(spent).next_multiple_of(GRAIN);
            headers.insert(&names[0], HeaderValue::from(left));
            seconds = (spent.min(limit) * MINUTE).div_ceil(limit);
        }
        longest = longest.max(seconds);
        put(headers, &names[1], reset(now, seconds));
    }
    // Recordings have it in good answers too: when all would be full again.
    headers.insert(header::RETRY_AFTER, HeaderValue::from(longest));
}

/// As RFC 3339 has times, in whole seconds.
fn reset(now: Timestamp, seconds: u64) -> String {
    let then = now.as_second().saturating_add_unsigned(seconds);
    Timestamp::from_second(then).unwrap_or(now).to_string()
}

fn every(headers: &mut HeaderMap, occasion: &Occasion<'_>) {
    let identity = occasion.identity;
    headers.insert(header::DATE, occasion.date.clone());
    put(headers, &REQUEST_ID, request_id(occasion));
    let organization = identity.draw_for_server("anthropic-organization-id").hex("", 32);
    put(headers, &ORGANIZATION, uuid(&organization));
    let milliseconds = 100 + identity.draw("x-envoy-upstream-service-time").below(900);
    headers.insert(SERVICE_TIME, HeaderValue::from(milliseconds));
    put(headers, &CF_RAY, identity.draw("cf-ray").hex("", 16) + "-ZRH");
}

/// Hexadecimal digits, grouped as UUIDs have them.
fn uuid(digits: &str) -> String {
    let mut rest = digits;
    let groups = [8, 4, 4, 4, 12].map(|length| {
        let (group, behind) = rest.split_at(length.min(rest.len()));
        rest = behind;
        group
    });
    groups.join("-")
}

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const ORGANIZATION: HeaderName = HeaderName::from_static("anthropic-organization-id");
const SERVICE_TIME: HeaderName = HeaderName::from_static("x-envoy-upstream-service-time");
const CF_RAY: HeaderName = HeaderName::from_static("cf-ray");

/// Where what is left of a limit stands, and when it is full again.
const REQUESTS: [HeaderName; 2] = [
    HeaderName::from_static("anthropic-ratelimit-requests-remaining"),
    HeaderName::from_static("anthropic-ratelimit-requests-reset"),
];
const TOKENS: [HeaderName; 2] = [
    HeaderName::from_static("anthropic-ratelimit-tokens-remaining"),
    HeaderName::from_static("anthropic-ratelimit-tokens-reset"),
];
const INPUT: [HeaderName; 2] = [
    HeaderName::from_static("anthropic-ratelimit-input-tokens-remaining"),
    HeaderName::from_static("anthropic-ratelimit-input-tokens-reset"),
];
const OUTPUT: [HeaderName; 2] = [
    HeaderName::from_static("anthropic-ratelimit-output-tokens-remaining"),
    HeaderName::from_static("anthropic-ratelimit-output-tokens-reset"),
];

const RATE_LIMITS: &[(&str, &str)] = &[
    ("anthropic-ratelimit-requests-limit", "4000"),
    ("anthropic-ratelimit-requests-remaining", "3999"),
    ("anthropic-ratelimit-requests-reset", OPEN),
    ("anthropic-ratelimit-tokens-limit", "2400000"),
    ("anthropic-ratelimit-tokens-remaining", OPEN),
    ("anthropic-ratelimit-tokens-reset", OPEN),
    ("anthropic-ratelimit-input-tokens-limit", "2000000"),
    ("anthropic-ratelimit-input-tokens-remaining", OPEN),
    ("anthropic-ratelimit-input-tokens-reset", OPEN),
    ("anthropic-ratelimit-output-tokens-limit", "400000"),
    ("anthropic-ratelimit-output-tokens-remaining", OPEN),
    ("anthropic-ratelimit-output-tokens-reset", OPEN),
    ("retry-after", OPEN),
];

const SERVICE: &[(&str, &str)] = &[
    ("request-id", OPEN),
    ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
    ("anthropic-organization-id", OPEN),
    ("server", "cloudflare"),
    ("x-envoy-upstream-service-time", OPEN),
    ("cf-cache-status", "DYNAMIC"),
    ("x-robots-tag", "none"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("cf-ray", OPEN),
];

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream; charset=utf-8";

// The heads, but for what varies: made once, since filling a map costs more
// than copying it.
static MESSAGE: LazyLock<HeaderMap> = LazyLock::new(|| head(JSON, &[RATE_LIMITS, SERVICE]));
static STREAM: LazyLock<HeaderMap> =
    LazyLock::new(|| head(EVENTS, &[&[("cache-control", "no-cache")], RATE_LIMITS, SERVICE]));
static OTHER: LazyLock<HeaderMap> = LazyLock::new(|| head(JSON, &[SERVICE]));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_are_told_in_whole_seconds() {
        let now = "2026-01-01T00:00:00.75Z".parse().unwrap();
        assert_eq!(reset(now, 61), "2026-01-01T00:01:01Z");
    }

    #[test]
    fn digits_are_grouped_as_in_uuids() {
        assert_eq!(uuid(&"0123456789abcdef".repeat(2)), "01234567-89ab-cdef-0123-456789abcdef");
    }
}
