//! The headers of OpenAI's answers.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::ToSpan;

use crate::{
    ask::{Ask, Shape, Want},
    dialect::Occasion,
    reply::Reply,
};

/// What an account may ask for in a minute, as its headers tell.
const REQUEST_LIMIT: u64 = 10_000;
const TOKEN_LIMIT: u64 = 2_000_000;

/// How long a bot-management cookie lives.
const COOKIE_MINUTES: i64 = 30;

pub(super) fn success(ask: &Ask, reply: &Reply, occasion: &Occasion<'_>) -> HeaderMap {
    let content_type = match ask.shape {
        Shape::Document => "application/json",
        Shape::Sse | Shape::Array => "text/event-stream; charset=utf-8",
    };
    let mut headers = start(content_type, occasion);
    served(&mut headers, occasion);
    if let (Reply::Generation(said), Want::Generate(_)) = (reply, &ask.want) {
        rate_limits(&mut headers, said.usage.input_total());
    }
    end(&mut headers, occasion);
    headers
}

/// Errors of the edge do not come from the service, and its headers are absent.
pub(super) fn error(status: u16, occasion: &Occasion<'_>) -> HeaderMap {
    let is_edge = super::is_edge(status);
    let content_type = if is_edge { "application/json; charset=utf-8" } else { "application/json" };
    let mut headers = start(content_type, occasion);
    if !is_edge {
        served(&mut headers, occasion);
    }
    end(&mut headers, occasion);
    headers
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &'static str) {
    headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
}

fn put_text(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

fn start(content_type: &'static str, occasion: &Occasion<'_>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(32);
    headers.insert(header::DATE, occasion.date());
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers
}

fn served(headers: &mut HeaderMap, occasion: &Occasion<'_>) {
    let identity = occasion.identity;
    let milliseconds = 100 + identity.draw("openai-processing-ms").below(900);
    put(headers, "access-control-expose-headers", "X-Request-ID");
    let organization = identity.draw_for_server("openai-organization").hex("org-", 24);
    put_text(headers, "openai-organization", &organization);
    headers.insert(HeaderName::from_static("openai-processing-ms"), HeaderValue::from(milliseconds));
    let project = identity.draw_for_server("openai-project").alphanumeric("proj_", 24);
    put_text(headers, "openai-project", &project);
    put(headers, "openai-version", "2020-10-01");
    put(headers, "x-openai-proxy-wasm", "v0.1");
}

fn rate_limits(headers: &mut HeaderMap, spent: u64) {
    let name = HeaderName::from_static;
    let remaining = TOKEN_LIMIT.saturating_sub(spent);
    headers.insert(name("x-ratelimit-limit-requests"), HeaderValue::from(REQUEST_LIMIT));
    headers.insert(name("x-ratelimit-limit-tokens"), HeaderValue::from(TOKEN_LIMIT));
    headers.insert(name("x-ratelimit-remaining-requests"), HeaderValue::from(REQUEST_LIMIT - 1));
    headers.insert(name("x-ratelimit-remaining-tokens"), HeaderValue::from(remaining));
    let minute = 60_000;
    put_text(headers, "x-ratelimit-reset-requests", &go_duration(minute / REQUEST_LIMIT));
    put_text(
        headers,
        "x-ratelimit-reset-tokens",
        &go_duration(spent.min(TOKEN_LIMIT) * minute / TOKEN_LIMIT),
    );
}

fn end(headers: &mut HeaderMap, occasion: &Occasion<'_>) {
    let identity = occasion.identity;
    put_text(headers, "x-request-id", &identity.draw("x-request-id").hex("req_", 32));
    put(headers, "cf-cache-status", "DYNAMIC");
    let token = identity.draw("__cf_bm").alphanumeric("", 43);
    let expires = occasion.now.saturating_add(COOKIE_MINUTES.minutes()).unwrap_or(occasion.now);
    let expires = httpdate::fmt_http_date(expires.into());
    put_text(
        headers,
        "set-cookie",
        &format!(
            "__cf_bm={token}; path=/; expires={expires}; domain=.api.openai.com; HttpOnly; Secure; SameSite=None"
        ),
    );
    put(headers, "strict-transport-security", "max-age=31536000; includeSubDomains; preload");
    put(headers, "x-content-type-options", "nosniff");
    put(headers, "server", "cloudflare");
    put_text(headers, "cf-ray", &format!("{}-ZRH", identity.draw("cf-ray").hex("", 16)));
    put(headers, "alt-svc", "h3=\":443\"; ma=86400");
}

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
