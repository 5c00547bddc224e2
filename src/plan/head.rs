//! The head stage.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Marks;

/// Adds what tells where the answer came from.
pub(super) fn mark(mut headers: HeaderMap, source: &'static str, marks: Marks) -> HeaderMap {
    if marks == Marks::Shown {
        headers.insert(HeaderName::from_static("x-mynah-answer"), HeaderValue::from_static(source));
    }
    headers
}
