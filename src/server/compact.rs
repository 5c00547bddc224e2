//! A request, and what was said to it, in one piece of memory.
//!
//! What HTTP's library hands out shares its buffers, which a journal would hold for as
//! long as it remembers: they are copied and given back.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

use crate::{
    plan::WirePlan,
    request::{Request, pairs},
};

/// Bytes of a body that are kept at the most.
pub(super) const LONGEST_BODY: usize = 1 << 20;

/// Bytes that are kept of an answer whose body is longer: its head.
const LONGEST_HEAD: usize = 8192;

/// The parts, in their order.
#[derive(Clone, Copy, Debug)]
enum Part {
    Method,
    Path,
    Query,
    Headers,
    Body,
    AnswerHead,
}

const PARTS: usize = 6;

/// What an answer is kept as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kept {
    /// Not at all.
    #[default]
    Nothing,
    /// Its headers and its body, where there may be a hint in them.
    Body,
    /// All that was written past HTTP's library, head and framing included.
    Script,
    /// The beginning of that.
    Beginning,
}

/// Where the parts of a request and an answer's head end, and what the answer is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    ends: [u32; PARTS],
    version: Version,
    pub(super) kept: Kept,
}

/// A request and an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compact<'a> {
    pub(super) bytes: &'a [u8],
    /// What is kept of the answer.
    pub(super) answer: &'a [u8],
    pub(super) shape: Shape,
}

impl Shape {
    /// Copies a request, whose query was sent like this, and the head of what is said to
    /// it, over what these bytes were before; and gives back the rest of what is said. A
    /// body that is too long is left out.
    pub(super) fn write(
        bytes: &mut Vec<u8>,
        request: &Request,
        query: &str,
        plan: Option<&WirePlan>,
    ) -> (Self, Bytes) {
        let body: &[u8] = if request.body.len() > LONGEST_BODY { &[] } else { &request.body };
        let (kept, answer, headers) = answer(plan);
        let mut shape = Self { ends: [0; PARTS], version: request.version, kept };
        bytes.clear();
        bytes.reserve(body.len());
        shape.add(bytes, Part::Method, request.method.as_str().as_bytes());
        shape.add(bytes, Part::Path, request.path.as_bytes());
        shape.add(bytes, Part::Query, query.as_bytes());
        write(bytes, &request.headers);
        shape.add(bytes, Part::Headers, &[]);
        shape.add(bytes, Part::Body, body);
        if let Some(headers) = headers {
            write(bytes, headers);
        }
        shape.add(bytes, Part::AnswerHead, &[]);
        (shape, answer)
    }

    /// Adds what a part ends with.
    fn add(&mut self, to: &mut Vec<u8>, part: Part, bytes: &[u8]) {
        to.extend_from_slice(bytes);
        self.ends[part as usize] = u32::try_from(to.len()).unwrap_or(u32::MAX);
    }
}

impl<'a> Compact<'a> {
    fn part(&self, part: Part) -> &'a [u8] {
        let at = part as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.shape.ends[before]);
        self.bytes.get(start as usize..self.shape.ends[at] as usize).unwrap_or_default()
    }

    /// The request as it came.
    pub(super) fn request(&self) -> Request {
        let text = |part: Part| String::from_utf8_lossy(self.part(part)).into_owned();
        Request {
            method: Method::from_bytes(self.part(Part::Method)).unwrap_or_default(),
            version: self.shape.version,
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
}

/// What is kept of an answer.
fn answer(plan: Option<&WirePlan>) -> (Kept, Bytes, Option<&HeaderMap>) {
    let Some(plan) = plan else { return (Kept::Nothing, Bytes::new(), None) };
    match &plan.script {
        Some(script) if script.bytes.len() <= LONGEST_BODY => (Kept::Script, script.bytes.clone(), None),
        Some(script) => (Kept::Beginning, Bytes::copy_from_slice(&script.bytes[..LONGEST_HEAD]), None),
        // Only who failed is told when to come back.
        None if plan.status.as_u16() < 300 || plan.body.len() > LONGEST_BODY => {
            (Kept::Nothing, Bytes::new(), None)
        }
        None => (Kept::Body, plan.body.clone(), Some(&plan.headers)),
    }
}

/// A line for each header; neither names nor values have line ends, nor names colons.
fn write(bytes: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.push(b':');
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(b'\n');
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
        let mut bytes = b"what was there".to_vec();
        let (shape, _) = Shape::write(&mut bytes, &request, "alt=sse&a=b%20c", None);
        let out = Compact { bytes: &bytes, answer: &[], shape }.request();
        assert_eq!((&out.method, &out.path, &out.query), (&request.method, &request.path, &request.query));
        assert_eq!((&out.headers, &out.body), (&request.headers, &request.body));
        request.body = vec![b'x'; LONGEST_BODY + 1].into();
        let (shape, _) = Shape::write(&mut bytes, &request, "", None);
        let out = Compact { bytes: &bytes, answer: &[], shape }.request();
        assert_eq!((out.query.len(), out.body.len()), (0, 0));
        assert_eq!(out.headers, request.headers);
    }
}
