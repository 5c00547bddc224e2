//! A request, and what was said to it, in one piece of memory.
//!
//! What HTTP's library hands out shares its buffers, which a journal would hold for as
//! long as it remembers: they are copied, once, and given back. The copies lie one behind
//! the other in large slabs, each thread's own: pieces of all sizes that stay would leave
//! holes of all sizes between those that go, in which every other allocation would have
//! to look for its place.

use std::cell::RefCell;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

use crate::{
    plan::WirePlan,
    request::{Request, pairs},
};

/// Bytes of a body that are kept at the most.
pub(super) const LONGEST_BODY: usize = 1 << 20;

/// Bytes that are kept of an answer whose body is longer: its head.
const LONGEST_HEAD: usize = 8192;

/// Bytes of a slab.
const SLAB_SIZE: usize = 256 * 1024;

thread_local! {
    /// Where the next copy goes.
    static SLAB: RefCell<BytesMut> = RefCell::new(BytesMut::new());
}

/// The parts, in their order.
#[derive(Clone, Copy, Debug)]
enum Part {
    Method,
    Path,
    Query,
    Headers,
    Body,
    AnswerHead,
    Answer,
}

const PARTS: usize = 7;

/// What an answer is kept as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kept {
    /// Not at all.
    #[default]
    Nothing,
    /// Its body, and its headers where there may be a hint among them.
    Body,
    /// All that was written past HTTP's library, head and framing included.
    Script,
    /// The beginning of that.
    Beginning,
}

/// A request and an answer.
#[derive(Debug)]
pub(super) struct Compact {
    bytes: Bytes,
    ends: [u32; PARTS],
    version: Version,
    pub(super) kept: Kept,
}

impl Compact {
    /// Copies a request, whose query was sent like this, and what is said to it. A body
    /// that is too long is left out.
    pub(super) fn new(request: &Request, query: &str, plan: Option<&WirePlan>) -> Self {
        let body: &[u8] = if request.body.len() > LONGEST_BODY { &[] } else { &request.body };
        let (kept, answer, headers) = answer(plan);
        let lines = |headers: &HeaderMap| -> usize {
            headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum()
        };
        let (method, path) = (request.method.as_str(), &request.path);
        let room = method.len() + path.len() + query.len() + body.len() + answer.len();
        let room = room + lines(&request.headers) + headers.map_or(0, lines);
        let mut ends = [0; PARTS];
        let mut end = |bytes: &BytesMut, part: Part| {
            ends[part as usize] = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        };
        let bytes = SLAB.with_borrow_mut(|bytes| {
            // It is empty: what was written was split off.
            if bytes.capacity() < room {
                *bytes = BytesMut::with_capacity(room.max(SLAB_SIZE));
            }
            bytes.extend_from_slice(method.as_bytes());
            end(bytes, Part::Method);
            bytes.extend_from_slice(path.as_bytes());
            end(bytes, Part::Path);
            bytes.extend_from_slice(query.as_bytes());
            end(bytes, Part::Query);
            write(bytes, &request.headers);
            end(bytes, Part::Headers);
            bytes.extend_from_slice(body);
            end(bytes, Part::Body);
            if let Some(headers) = headers {
                write(bytes, headers);
            }
            end(bytes, Part::AnswerHead);
            bytes.extend_from_slice(answer);
            end(bytes, Part::Answer);
            bytes.split().freeze()
        });
        Self { bytes, ends, version: request.version, kept }
    }

    fn part(&self, part: Part) -> &[u8] {
        let at = part as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.bytes.get(start as usize..self.ends[at] as usize).unwrap_or_default()
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The request as it came.
    pub(super) fn request(&self) -> Request {
        let text = |part: Part| String::from_utf8_lossy(self.part(part)).into_owned();
        Request {
            method: Method::from_bytes(self.part(Part::Method)).unwrap_or_default(),
            version: self.version,
            path: text(Part::Path),
            query: pairs(&text(Part::Query)),
            headers: read(self.part(Part::Headers)),
            body: Bytes::copy_from_slice(self.part(Part::Body)),
        }
    }

    /// The answer's headers as far as they are kept, where it is a body.
    pub(super) fn answer_headers(&self) -> HeaderMap {
        read(self.part(Part::AnswerHead))
    }

    /// What is kept of the answer.
    pub(super) fn answer(&self) -> &[u8] {
        self.part(Part::Answer)
    }
}

/// What is kept of an answer.
fn answer(plan: Option<&WirePlan>) -> (Kept, &[u8], Option<&HeaderMap>) {
    let Some(plan) = plan else { return (Kept::Nothing, &[], None) };
    match &plan.script {
        Some(script) if script.bytes.len() <= LONGEST_BODY => (Kept::Script, &script.bytes, None),
        Some(script) => (Kept::Beginning, &script.bytes[..LONGEST_HEAD], None),
        None if plan.body.len() > LONGEST_BODY => (Kept::Nothing, &[], None),
        // Only who failed is told when to come back.
        None => (Kept::Body, &plan.body, (plan.status.as_u16() >= 300).then_some(&plan.headers)),
    }
}

/// A line for each header; neither names nor values have line ends, nor names colons.
fn write(bytes: &mut BytesMut, headers: &HeaderMap) {
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.put_u8(b':');
        bytes.extend_from_slice(value.as_bytes());
        bytes.put_u8(b'\n');
    }
}

fn read(bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(&line[colon + 1..]);
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_out_as_it_went_in() {
        let uri = "http://h/v1/x?alt=sse&a=b%20c".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-a", HeaderValue::from_static("one: two"));
        headers.append("x-a", HeaderValue::from_bytes(b"\xff").unwrap());
        headers.append("x-b", HeaderValue::from_static(""));
        let mut request = Request::new(Method::POST, &uri, headers);
        request.body = Bytes::from_static(b"{}\n");
        let compact = Compact::new(&request, "alt=sse&a=b%20c", None);
        let out = compact.request();
        assert_eq!((&out.method, &out.path, &out.query), (&request.method, &request.path, &request.query));
        assert_eq!((&out.headers, &out.body), (&request.headers, &request.body));
        request.body = vec![b'x'; LONGEST_BODY + 1].into();
        assert!(Compact::new(&request, "", None).request().body.is_empty());
    }
}
