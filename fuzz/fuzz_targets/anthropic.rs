//! A body of a request to Anthropic's operations, chosen by its first byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mynah::{Server, request::Request};

const TARGETS: [&str; 2] = ["/v1/messages", "/v1/messages/count_tokens"];

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else { return };
    let uri = http::Uri::from_static(TARGETS[usize::from(*first) % TARGETS.len()]);
    let mut request = Request::new(http::Method::POST, &uri, http::HeaderMap::new());
    request.body = bytes::Bytes::copy_from_slice(body);
    let explained = Server::builder().explain(request).expect("no session is named");
    assert!(explained.plan.status.as_u16() >= 200);
});
