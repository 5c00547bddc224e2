//! The head stage.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Whether an answer tells what produced it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marks {
    /// In `x-mynah-…` headers.
    #[default]
    Shown,
    /// Not at all.
    Hidden,
}

/// What produced an answer.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// In one word: `built-in`, `stub`, `refusal` or `miss`; empty for what
    /// carries nothing of ours.
    pub source: &'static str,
    /// The scenario's name and the stub's; of several laid over another the
    /// upper's.
    pub stub: Option<(&'a str, &'a str)>,
    /// Places that named nothing.
    pub missed: &'a [String],
}

impl Origin<'_> {
    /// What has no stub.
    pub fn new(source: &'static str) -> Self {
        Self { source, stub: None, missed: &[] }
    }
}

/// What a header's value cannot hold as it stands.
const UNSAFE: &AsciiSet = &CONTROLS.add(b'%');

/// Adds what tells where the answer came from.
pub(super) fn mark(mut headers: HeaderMap, origin: &Origin<'_>, marks: Marks) -> HeaderMap {
    if marks == Marks::Hidden || origin.source.is_empty() {
        return headers;
    }
    headers.insert(ANSWER, HeaderValue::from_static(origin.source));
    let mut put = |name: HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::try_from(utf8_percent_encode(text, UNSAFE).to_string()) {
            headers.append(name, value);
        }
    };
    if let Some((scenario, stub)) = origin.stub {
        put(SCENARIO, scenario);
        put(STUB, stub);
    }
    origin.missed.iter().for_each(|missed| put(MISSED, missed));
    headers
}

const ANSWER: HeaderName = HeaderName::from_static("x-mynah-answer");
const SCENARIO: HeaderName = HeaderName::from_static("x-mynah-scenario");
const STUB: HeaderName = HeaderName::from_static("x-mynah-stub");
const MISSED: HeaderName = HeaderName::from_static("x-mynah-missed");

/// The reason phrase of a status that is in no RFC.
pub(super) fn reason(status: StatusCode) -> Option<&'static str> {
    if status.canonical_reason().is_some() {
        return None;
    }
    Some(match status.as_u16() {
        420 => "Enhance Your Calm",
        430 => "Request Header Fields Too Large",
        440 => "Login Time-out",
        444 => "No Response",
        460 => "Client Closed Connection",
        498 => "Invalid Token",
        499 => "Client Closed Request",
        509 => "Bandwidth Limit Exceeded",
        520 => "Web Server Returned an Unknown Error",
        521 => "Web Server Is Down",
        522 => "Connection Timed Out",
        523 => "Origin Is Unreachable",
        524 => "A Timeout Occurred",
        525 => "SSL Handshake Failed",
        526 => "Invalid SSL Certificate",
        527 => "Railgun Error",
        529 => "Site is overloaded",
        530 => "Origin DNS Error",
        598 => "Network read timeout error",
        599 => "Network Connect Timeout Error",
        _ => "Unknown",
    })
}
