//! Heads of answers: what never changes in them is put together once.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// What stands in a head until an answer fills it in.
pub(super) const OPEN: &str = "";

/// A head with these headers, its date to be filled in.
pub(super) fn head(content_type: &'static str, groups: &[&[(&'static str, &'static str)]]) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(32);
    headers.insert(header::DATE, HeaderValue::from_static(OPEN));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in groups.iter().copied().flatten() {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}

/// Fills a header in.
pub(super) fn put(headers: &mut HeaderMap, name: &HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
