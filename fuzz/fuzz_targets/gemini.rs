//! A body of a request to Gemini's operations, chosen by its first byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mynah::{Server, request::Request};

const TARGETS: [&str; 7] = [
    "/v1beta/models/gemini-2.5-flash:generateContent",
    "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
    "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
    "/v1beta/models/gemini-2.5-flash:countTokens",
    "/v1beta/models/gemini-embedding-001:embedContent",
    "/v1beta/models/gemini-embedding-001:batchEmbedContents",
    "/v1beta/models/imagen-4.0-generate-001:predict",
];

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else { return };
    let uri = http::Uri::from_static(TARGETS[usize::from(*first) % TARGETS.len()]);
    let mut request = Request::new(http::Method::POST, &uri, http::HeaderMap::new());
    request.body = bytes::Bytes::copy_from_slice(body);
    let explained = Server::builder().explain(request).expect("no session is named");
    assert!(explained.plan.status.as_u16() >= 200);
});
