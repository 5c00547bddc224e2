//! A body of a request to OpenAI's operations, chosen by its first byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mynah::{Server, request::Request};

const TARGETS: [&str; 7] = [
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/images/generations",
    "/v1/responses",
    "/v1/responses/input_tokens",
    "/v1/completions",
    "/v1/moderations",
];

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else { return };
    let uri = http::Uri::from_static(TARGETS[usize::from(*first) % TARGETS.len()]);
    let mut request = Request::new(http::Method::POST, &uri, http::HeaderMap::new());
    request.body = bytes::Bytes::copy_from_slice(body);
    let explained = Server::builder().explain(request).expect("no session is named");
    assert!(explained.plan.status.as_u16() >= 200);
});
