//! The head stage: status, headers, and what comes before them.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{Client, Placed, Scene, carry::CarryAs, recorded};
use crate::{
    identity::Payload,
    notation::text::{Piece, Text},
};

/// What is to be changed about a head.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The status.
    pub status: Option<u16>,
    /// The reason phrase.
    pub reason: Option<String>,
    /// The HTTP version, such as `1.0`.
    pub version: Option<String>,
    /// Headers that are replaced or appended, and those that are removed.
    pub headers: Headers,
    /// Answers with a status of 1xx in front of it.
    pub interim: Option<Vec<Interim>>,
    /// The whole head.
    pub raw: Option<Vec<Piece>>,
}

/// Headers by their names, as written: one line for each value; `None` removes.
pub type Headers = Vec<(String, Option<Vec<Text>>)>;

/// An answer with a status of 1xx.
#[derive(Clone, Debug)]
pub struct Interim {
    /// From 100 to 199.
    pub status: u16,
    /// Its headers.
    pub headers: Headers,
}

/// Lines of a head, or of trailers.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(Vec<(String, Vec<u8>)>);

impl Lines {
    /// Adds a line for each value.
    pub(super) fn append(&mut self, name: &str, values: &[Text], scene: &dyn Scene) {
        self.0.extend(values.iter().map(|value| (name.to_owned(), line(value, scene))));
    }

    /// Puts these lines in place of all of that name, or behind the others.
    fn set(&mut self, name: &str, values: Vec<Vec<u8>>) {
        let is_same = |line: &(String, Vec<u8>)| line.0.eq_ignore_ascii_case(name);
        let at = self.0.iter().position(is_same).unwrap_or(self.0.len());
        self.0.retain(|line| !is_same(line));
        let at = at.min(self.0.len());
        drop(self.0.splice(at..at, values.into_iter().map(|value| (name.to_owned(), value))));
    }

    /// Tells how the length of the body is told, by the names that stand there.
    fn frame(&mut self, form: CarryAs, length: i128) {
        let mut put = |name: &str, value: Option<Vec<u8>>| {
            let known =
                self.0.iter().find(|line| line.0.eq_ignore_ascii_case(name)).map(|line| line.0.clone());
            self.set(&known.unwrap_or_else(|| name.to_owned()), value.into_iter().collect());
        };
        put("transfer-encoding", (form == CarryAs::Chunked).then(|| b"chunked".to_vec()));
        put("content-length", (form == CarryAs::Length).then(|| length.to_string().into_bytes()));
    }

    fn change(&mut self, headers: &Headers, client: &Client, scene: &dyn Scene) {
        for (name, values) in headers {
            let values = values.iter().flatten().map(|value| match value {
                Text::Plain(text) => clean(&client.fill(text)),
                echoed => line(echoed, scene),
            });
            self.set(name, values.collect());
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for (name, value) in &self.0 {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Whether the connection is told to end with this answer.
    fn close(&self) -> bool {
        let of_connection = self.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case("connection"));
        of_connection
            .flat_map(|(_, value)| value.split(|byte| *byte == b','))
            .any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"))
    }
}

/// A header's value.
fn line(value: &Text, scene: &dyn Scene) -> Vec<u8> {
    clean(&scene.text(value))
}

/// What comes from the request cannot end the line that it stands in.
fn clean(value: &str) -> Vec<u8> {
    let ends = |byte: u8| matches!(byte, b'\r' | b'\n' | 0);
    value.bytes().map(|byte| if ends(byte) { b' ' } else { byte }).collect()
}

impl Client {
    /// Puts in what stands for pieces of the request.
    fn fill<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !text.contains('{') {
            return Cow::Borrowed(text);
        }
        let text = text.replace("{host}", &self.host).replace("{port}", &self.port);
        Cow::Owned(text.replace("{path}", &self.path))
    }
}

/// The status that the layers want instead of the dialect's.
pub(super) fn status(layers: &[Placed<'_>]) -> Option<StatusCode> {
    let changed = layers.iter().rev().find_map(|set| set.layer.head.status)?;
    StatusCode::from_u16(changed).ok()
}

/// A head as it goes out.
#[derive(Debug)]
pub(super) struct Written {
    /// Answers in front of it, and itself.
    pub(super) bytes: Vec<u8>,
    /// Where it begins.
    pub(super) start: usize,
    /// Whether it says that the connection ends with this answer.
    pub(super) closes: bool,
}

/// Writes the head, as it was recorded where it was. `framing` is how the length of the body is told, and what is
/// told of it; `None` where there is no body.
pub(super) fn write(
    (status, reason): (StatusCode, Option<&'static str>),
    (headers, recorded): (&HeaderMap, Option<&recorded::Head>),
    framing: Option<(CarryAs, i128)>,
    layers: &[Placed<'_>],
    (client, scene): (&Client, &dyn Scene),
) -> Written {
    let mut bytes = Vec::with_capacity(512);
    for interim in layers.iter().rev().find_map(|set| set.layer.head.interim.as_ref()).into_iter().flatten() {
        let reason = StatusCode::from_u16(interim.status).ok().and_then(|status| status.canonical_reason());
        bytes.extend_from_slice(
            format!("HTTP/1.1 {} {}\r\n", interim.status, reason.unwrap_or_default()).as_bytes(),
        );
        let mut lines = Lines::default();
        lines.change(&interim.headers, client, scene);
        lines.write(&mut bytes);
        bytes.extend_from_slice(b"\r\n");
    }
    let start = bytes.len();
    let mut lines = match recorded {
        Some(head) => {
            let own = head.headers.iter().map(|(name, value)| (name.clone(), value.to_vec()));
            let mut lines = Lines(own.collect());
            // What the stages added.
            for (name, value) in headers {
                lines.set(name.as_str(), vec![value.as_bytes().to_vec()]);
            }
            lines
        }
        None => Lines(
            headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                .collect(),
        ),
    };
    if let Some((form, length)) = framing {
        lines.frame(form, length);
    }
    for set in layers {
        lines.change(&set.layer.head.headers, client, scene);
    }
    if let Some(raw) = layers.iter().rev().find_map(|set| set.layer.head.raw.as_ref()) {
        bytes.extend_from_slice(&scene.bytes(raw, "head.raw"));
        return Written { bytes, start, closes: false };
    }
    let upper =
        |find: fn(&Head) -> Option<&String>| layers.iter().rev().find_map(|set| find(&set.layer.head));
    let changed = layers.iter().rev().find_map(|set| set.layer.head.status);
    let number = changed.unwrap_or(status.as_u16());
    let usual = match changed.map(StatusCode::from_u16) {
        Some(Ok(status)) => self::reason(status).or(status.canonical_reason()),
        Some(Err(_)) => None,
        None => reason.or(status.canonical_reason()),
    };
    let recorded = recorded.filter(|_| changed.is_none());
    let usual = recorded.map_or(usual.unwrap_or_default(), |head| &head.reason);
    let reason = upper(|head| head.reason.as_ref()).map_or(usual, String::as_str);
    let usual = if client.is_http10 { "1.0" } else { recorded.map_or("1.1", |head| &head.version) };
    let version = upper(|head| head.version.as_ref()).map_or(usual, String::as_str);
    bytes.extend_from_slice(format!("HTTP/{version} {number} {reason}\r\n").as_bytes());
    lines.write(&mut bytes);
    bytes.extend_from_slice(b"\r\n");
    Written { bytes, start, closes: lines.close() }
}

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

/// Adds the body's hash, by which it is known however it is cut.
pub(super) fn mark_payload(headers: &mut HeaderMap, body: &[u8], origin: &Origin<'_>, marks: Marks) {
    if marks == Marks::Hidden || origin.source.is_empty() {
        return;
    }
    if let Ok(hash) = HeaderValue::try_from(Payload::of(body).to_string()) {
        headers.insert(PAYLOAD, hash);
    }
}

const PAYLOAD: HeaderName = HeaderName::from_static("x-mynah-payload");
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
