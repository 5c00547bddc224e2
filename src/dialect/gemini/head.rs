//! The headers of Google's front end.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{ask::Shape, dialect::Occasion};

/// The headers of an answer, be it an error or not.
pub(in crate::dialect) fn head(shape: Shape, occasion: &Occasion<'_>) -> HeaderMap {
    let mut headers = match shape {
        Shape::Sse => SSE_HEAD.clone(),
        Shape::Array | Shape::Document => JSON_HEAD.clone(),
    };
    headers.insert(header::DATE, occasion.date.clone());
    let duration = 100 + occasion.identity.draw("server-timing").below(900);
    if let Ok(timing) = HeaderValue::try_from(format!("gfet4t7; dur={duration}")) {
        headers.insert(SERVER_TIMING, timing);
    }
    headers
}

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The heads, but for what varies: made once, since filling a map costs more
/// than copying it.
static SSE_HEAD: LazyLock<HeaderMap> = LazyLock::new(|| {
    constant_head(&[("content-type", "text/event-stream"), ("content-disposition", "attachment")])
});
static JSON_HEAD: LazyLock<HeaderMap> =
    LazyLock::new(|| constant_head(&[("content-type", "application/json; charset=UTF-8")]));

fn constant_head(first: &[(&'static str, &'static str)]) -> HeaderMap {
    let more = [
        ("vary", "Origin"),
        ("vary", "X-Origin"),
        ("vary", "Referer"),
        // Filled in for each answer.
        ("date", ""),
        ("server", "scaffolding on HTTPServer2"),
        ("x-xss-protection", "0"),
        ("x-frame-options", "SAMEORIGIN"),
        ("x-content-type-options", "nosniff"),
        ("server-timing", ""),
        ("alt-svc", "h3=\":443\"; ma=2592000,h3-29=\":443\"; ma=2592000"),
    ];
    let mut headers = HeaderMap::with_capacity(24);
    for (name, value) in first.iter().copied().chain(more) {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}
