//! Takes the secrets out of an interaction before it reaches the disk: in heads, in
//! bodies across the borders of chunks, and in texts that are streamed piece by
//! piece.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    time::Duration,
};

use bytes::Bytes;
use serde_json::Value;

use super::{
    Body, Field, Interaction,
    secret::{Detector, Put, is_base64, is_secret_header, is_secret_member},
};
use crate::plan::{
    decoder::decode,
    recorded::{Chunk, Piece, Recorded},
};

/// JSON members whose texts are streamed in pieces: what one of them ends with may go
/// on in the next.
const STREAMED: [&str; 12] = [
    "content",
    "text",
    "delta",
    "arguments",
    "partial_json",
    "thinking",
    "reasoning",
    "reasoning_content",
    "refusal",
    "input",
    "code",
    "output",
];

/// Takes the secrets out of an interaction; `known` are those that its request was
/// sent with.
pub fn redact(interaction: &mut Interaction, detector: &Detector, known: &[String], put: &mut Put<'_>) {
    if let Some(upstream) = detector.text(&interaction.upstream, known, put) {
        interaction.upstream = upstream;
    }
    let request = &mut interaction.request;
    if let Some(path) = detector.text(&request.path, known, put) {
        request.path = path;
    }
    for (name, value) in &mut request.headers {
        if let Some(redacted) = detector.header(name, value, known, put) {
            *value = redacted;
        }
    }
    for (name, value) in &mut request.query {
        if let Some(redacted) = detector.parameter(name, value, known, put) {
            *value = redacted;
        }
    }
    request_body(&mut request.body, detector, known, put);
    interaction.is_redacted |= response(&mut interaction.response, detector, known, put);
}

/// Takes the secrets out of a request's body; whether there were any.
pub fn request_body(body: &mut Body, detector: &Detector, known: &[String], put: &mut Put<'_>) -> bool {
    match body {
        Body::None => false,
        Body::Json(json) => detector.json(json, known, put),
        Body::Text(text) if is_urlencoded(text) => {
            let pairs = text.split('&').map(|pair| match pair.split_once('=') {
                Some((name, value)) => match detector.parameter(name, value, known, put) {
                    Some(redacted) => format!("{name}={redacted}"),
                    None => pair.to_owned(),
                },
                None => pair.to_owned(),
            });
            let redacted = pairs.collect::<Vec<_>>().join("&");
            let is_found = redacted != *text;
            *text = redacted;
            is_found
        }
        Body::Text(text) => {
            let edits = text_edits(text, detector, known, put);
            if !edits.is_empty() {
                *text = String::from_utf8_lossy(&applied(text.as_bytes(), 0, &edits)).into_owned();
            }
            !edits.is_empty()
        }
        Body::Bytes(bytes) => {
            let edits = edits(bytes, detector, known, put);
            if !edits.is_empty() {
                *bytes = applied(bytes, 0, &edits).into();
            }
            !edits.is_empty()
        }
        Body::Form(fields) => {
            let mut found = false;
            for field in fields {
                found |= form_field(field, detector, known, put);
            }
            found
        }
    }
}

/// Whether a text is `application/x-www-form-urlencoded`, by its looks.
fn is_urlencoded(text: &str) -> bool {
    text.contains('=')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=&%+-_.~*[]:/,@".contains(&byte))
}

fn form_field(field: &mut Field, detector: &Detector, known: &[String], put: &mut Put<'_>) -> bool {
    let mut found = false;
    for text in
        [Some(&mut field.name), field.filename.as_mut(), field.content_type.as_mut()].into_iter().flatten()
    {
        if let Some(redacted) = detector.text(text, known, put) {
            *text = redacted;
            found = true;
        }
    }
    let whole = is_secret_member(&field.name).then(|| std::str::from_utf8(&field.content).ok()).flatten();
    if let Some(redacted) = whole.and_then(|text| detector.leaf(Some(&field.name), text, known, put)) {
        field.content = redacted.into();
        return true;
    }
    let edits = edits(&field.content, detector, known, put);
    if !edits.is_empty() {
        field.content = applied(&field.content, 0, &edits).into();
    }
    found || !edits.is_empty()
}

/// Takes the secrets out of an answer; whether its body had any.
fn response(recorded: &mut Recorded, detector: &Detector, known: &[String], put: &mut Put<'_>) -> bool {
    for pieces in [&mut recorded.interim, &mut recorded.rest] {
        pieces_of(pieces, detector, known, put);
    }
    if let Some(terminator) = recorded.terminator.take() {
        let mut one = vec![(Duration::ZERO, terminator)];
        pieces_of(&mut one, detector, known, put);
        recorded.terminator = one.pop().map(|(_, terminator)| terminator);
    }
    let mut coding = String::new();
    if let Some(head) = &mut recorded.head {
        coding = head.header("content-encoding").unwrap_or_default().to_owned();
        let mut is_changed = false;
        if let Some(redacted) = detector.text(&head.reason, known, put) {
            (head.reason, is_changed) = (redacted, true);
        }
        for (name, value) in &mut head.headers {
            let text = String::from_utf8_lossy(value).into_owned();
            if let Some(redacted) = detector.header(name, &text, known, put) {
                *value = redacted.into();
                is_changed = true;
            }
        }
        if is_changed {
            head.raw = None;
        }
    }
    let pieces = recorded.pieces.iter().map(|piece| &piece.bytes[..]);
    let (decoded, is_coded) = match decode(&coding, pieces.clone()) {
        Ok(decoded) => (decoded, !matches!(coding.as_str(), "" | "identity")),
        Err(_) => (pieces.map(<[u8]>::to_vec).collect(), false),
    };
    let body = decoded.concat();
    let edits = edits(&body, detector, known, put);
    if edits.is_empty() {
        return false;
    }
    let before = recorded.length();
    rewrite(recorded, &decoded, &edits);
    if let Some(head) = recorded.head.as_mut().filter(|_| is_coded) {
        head.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
    }
    recorded.shift_length(before);
    true
}

/// Bytes that belong to no body, or to none that could be read: what looks like lines of
/// a head is taken for such.
fn pieces_of(pieces: &mut Vec<(Duration, Bytes)>, detector: &Detector, known: &[String], put: &mut Put<'_>) {
    let whole: Vec<u8> = pieces.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    let mut edits = edits(&whole, detector, known, put);
    let mut start = 0;
    for line in whole.split_inclusive(|byte| *byte == b'\n') {
        let (at, bare) = (start, line.trim_ascii_end());
        start += line.len();
        let Some(colon) = memchr::memchr(b':', bare) else { continue };
        let (Ok(name), Ok(value)) =
            (std::str::from_utf8(&bare[..colon]), std::str::from_utf8(&bare[colon + 1..]))
        else {
            continue;
        };
        let (lead, value) = (value.len() - value.trim_start().len(), value.trim_start());
        let own = at + colon + 1 + lead..at + bare.len();
        let is_free = edits.iter().all(|(range, _)| !meet(range, &own));
        if is_free && !name.contains(['"', ' ']) && is_secret_header(name) {
            edits.extend(detector.header(name, value, known, put).map(|redacted| (own, redacted)));
        }
    }
    if edits.is_empty() {
        return;
    }
    edits.sort_by_key(|(range, _)| range.start);
    let mut start = 0;
    for (_, bytes) in &mut *pieces {
        let length = bytes.len();
        *bytes = applied(bytes, start, &edits).into();
        start += length;
    }
    pieces.retain(|(_, bytes)| !bytes.is_empty());
}

/// Puts edited pieces in place of those that came. What has nothing left is left out.
fn rewrite(recorded: &mut Recorded, decoded: &[Vec<u8>], edits: &[Edit]) {
    let mut start = 0;
    let mut kept: Vec<Piece> = Vec::new();
    for (piece, decoded) in recorded.pieces.drain(..).zip(decoded) {
        let bytes = applied(decoded, start, edits);
        start += decoded.len();
        if bytes.is_empty() && !piece.bytes.is_empty() {
            // The chunk ends with what is left of it.
            if let Some(last) = kept.last_mut().filter(|last| last.chunk == Chunk::GoesOn) {
                last.chunk = piece.chunk;
            }
            continue;
        }
        let line = piece.line.filter(|line| line.contains('{'));
        kept.push(Piece { bytes: bytes.into(), line, ..piece });
    }
    recorded.pieces = kept;
}

/// What takes the place of some bytes.
type Edit = (Range<usize>, String);

/// The bytes with what of the edits concerns them; they begin so far into the body.
/// What reaches over a border stands in front of it.
fn applied(bytes: &[u8], start: usize, edits: &[Edit]) -> Vec<u8> {
    let end = start + bytes.len();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), start);
    for (range, text) in edits.iter().filter(|(range, _)| range.start < end && range.end > start) {
        if range.start >= start {
            out.extend_from_slice(&bytes[at - start..range.start - start]);
            out.extend_from_slice(text.as_bytes());
        }
        at = range.end.min(end);
    }
    out.extend_from_slice(&bytes[at - start..]);
    out
}

/// What is to be changed about a body, in its order.
fn edits(body: &[u8], detector: &Detector, known: &[String], put: &mut Put<'_>) -> Vec<Edit> {
    let (mut edits, mut start) = (Vec::new(), 0);
    for chunk in body.utf8_chunks() {
        let text = chunk.valid();
        let own = text_edits(text, detector, known, put);
        edits.extend(own.into_iter().map(|(range, text)| (range.start + start..range.end + start, text)));
        start += text.len() + chunk.invalid().len();
    }
    edits
}

fn text_edits(text: &str, detector: &Detector, known: &[String], put: &mut Put<'_>) -> Vec<Edit> {
    let own = Own::of(text, detector);
    let mut literals = literals(text);
    let mut is_changed = vec![false; literals.len()];
    for (literal, is_changed) in literals.iter_mut().zip(&mut is_changed) {
        let is_own = own.has(literal);
        let redacted = match literal.is_bare {
            // Only a number can be a secret of those.
            true if !is_own && !literal.is_secret_number() => None,
            _ if is_own => put_whole(&literal.value, put),
            _ => detector.leaf(literal.name, &literal.value, known, put),
        };
        if let Some(redacted) = redacted {
            (literal.value, *is_changed) = (redacted, true);
        }
    }
    across(&mut literals, &mut is_changed, detector, known, put);
    let mut edits = Vec::new();
    let mut taken: Vec<Range<usize>> = Vec::new();
    for (literal, is_changed) in literals.iter().zip(is_changed) {
        if is_changed {
            let written = serde_json::to_string(&literal.value).unwrap_or_default();
            edits.push((literal.range.clone(), written));
        }
        // What has a name was judged by it.
        if is_changed || literal.name.is_some() || is_base64(&literal.value) {
            taken.push(literal.range.clone());
        }
    }
    // What is in no text of JSON: lines, comments, other formats.
    for span in detector.spans(text, known) {
        let next = taken.partition_point(|range| range.end <= span.start);
        if taken.get(next).is_none_or(|range| !meet(range, &span)) {
            let placeholder = put_whole(&text[span.clone()], put).unwrap_or_default();
            edits.push((span, placeholder));
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    edits
}

fn put_whole(secret: &str, put: &mut Put<'_>) -> Option<String> {
    // As behind a name that says so.
    Detector::default().leaf(Some("secret"), secret, &[], put)
}

fn meet(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// What the user's own paths lead to in a text.
#[derive(Default)]
struct Own {
    values: HashSet<String>,
    /// Names at the ends of the paths, where a piece of JSON is not whole.
    names: Vec<String>,
}

impl Own {
    fn of(text: &str, detector: &Detector) -> Self {
        let mut own = Self::default();
        let paths = &detector.own().json;
        if paths.is_empty() {
            return own;
        }
        for range in payloads(text) {
            match serde_json::from_str::<Value>(&text[range]) {
                Ok(json) => paths.iter().flat_map(|path| path.find(&json)).for_each(|value| own.take(value)),
                Err(_) => {
                    own.names.extend(paths.iter().filter_map(|path| Some(path.last_name()?.to_owned())));
                }
            }
        }
        own
    }

    fn take(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.take(item)),
            Value::Object(members) => members.values().for_each(|value| self.take(value)),
            Value::String(text) => drop(self.values.insert(text.clone())),
            Value::Number(number) => drop(self.values.insert(number.to_string())),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn has(&self, literal: &Literal<'_>) -> bool {
        self.values.contains(&literal.value)
            || literal.name.is_some_and(|name| self.names.iter().any(|own| own == name))
    }
}

/// Where the JSON of a body lies: the whole of it, or line by line.
fn payloads(text: &str) -> Vec<Range<usize>> {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        return std::iter::once(0..text.len()).collect();
    }
    let mut start = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        let data = line.strip_prefix("data:").unwrap_or(line).trim_start();
        let range =
            start + (line.len() - data.len())..start + line.trim_end().len().max(line.len() - data.len());
        start += line.len();
        range
    });
    let found: Vec<_> = lines.filter(|range| text[range.clone()].starts_with('{')).collect();
    // What is JSON over several lines, and was cut off.
    if found.is_empty() || text.trim_start().starts_with(['{', '[']) {
        return std::iter::once(0..text.len()).collect();
    }
    found
}

/// A text of JSON, where it lies with its quotes.
#[derive(Debug)]
struct Literal<'t> {
    range: Range<usize>,
    /// The member's name.
    name: Option<&'t str>,
    value: String,
    /// Whether it stands without quotes: a number.
    is_bare: bool,
}

impl Literal<'_> {
    fn is_secret_number(&self) -> bool {
        self.is_bare && self.name.is_some_and(is_secret_member)
    }
}

/// All texts of the JSON in a text. A line's end ends what is no text of JSON.
fn literals(text: &str) -> Vec<Literal<'_>> {
    let bytes = text.as_bytes();
    let (mut found, mut at, mut name): (Vec<Literal<'_>>, usize, Option<&str>) = (Vec::new(), 0, None);
    while let Some(open) = memchr::memchr(b'"', &bytes[at..]).map(|offset| at + offset) {
        let Some(close) = close_of(bytes, open + 1) else {
            at = memchr::memchr(b'\n', &bytes[open..]).map_or(bytes.len(), |offset| open + offset);
            continue;
        };
        at = close + 1;
        let behind = bytes[at..].iter().find(|byte| !byte.is_ascii_whitespace());
        if behind == Some(&b':') {
            name = Some(&text[open + 1..close]);
            found.extend(bare(text, at, name));
            continue;
        }
        if let Ok(value) = serde_json::from_str::<String>(&text[open..=close]) {
            found.push(Literal { range: open..close + 1, name, value, is_bare: false });
        }
        // An object's end ends what its name stands for; a list's items share it.
        if matches!(behind, Some(b'}')) {
            name = None;
        }
    }
    found
}

/// The number behind a name that ends there, if it is one.
fn bare<'t>(text: &'t str, at: usize, name: Option<&'t str>) -> Option<Literal<'t>> {
    let behind = text[at..].trim_start().strip_prefix(':')?.trim_start();
    let start = text.len() - behind.len();
    let length = behind.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))).unwrap_or(behind.len());
    let value = behind[..length].to_owned();
    (length > 0).then_some(Literal { range: start..start + length, name, value, is_bare: true })
}

/// The quote that closes a text.
fn close_of(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let next = at + memchr::memchr3(b'"', b'\\', b'\n', &bytes[at..])?;
        match bytes[next] {
            b'"' => return Some(next),
            b'\\' => at = (next + 2).min(bytes.len()),
            _ => return None,
        }
    }
}

/// Secrets that begin in one piece of a streamed text and end in another: the first
/// gets the placeholder, the others lose their parts.
fn across(
    literals: &mut [Literal<'_>],
    is_changed: &mut [bool],
    detector: &Detector,
    known: &[String],
    put: &mut Put<'_>,
) {
    let mut streams: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, literal) in literals.iter().enumerate() {
        let Some(name) = literal.name.filter(|name| STREAMED.contains(name)) else { continue };
        if !literal.is_bare && !is_base64(&literal.value) && !is_secret_member(name) {
            streams.entry(name).or_default().push(at);
        }
    }
    let mut streams: Vec<_> = streams.into_iter().filter(|(_, members)| members.len() > 1).collect();
    streams.sort_unstable();
    for (_, members) in streams {
        let joined: String = members.iter().map(|at| literals[*at].value.as_str()).collect();
        for span in detector.spans(&joined, known).into_iter().rev() {
            let placeholder = put_whole(&joined[span.clone()], put);
            let (mut start, mut rest) = (0, placeholder);
            for at in &members {
                let value = &mut literals[*at].value;
                let own = start..start + value.len();
                start = own.end;
                let part = span.start.max(own.start)..span.end.min(own.end);
                if part.start < part.end {
                    let text = rest.take().unwrap_or_default();
                    value.replace_range(part.start - own.start..part.end - own.start, &text);
                    is_changed[*at] = true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cassette::secret::{OwnRules, Placeholders};
    use crate::plan::carry::CarryAs;

    /// The pieces of an answer without their secrets, and its content-length.
    fn redacted(pieces: &[&str], detector: &Detector) -> Vec<String> {
        let pieces = pieces.iter().map(|piece| Piece {
            bytes: Bytes::copy_from_slice(piece.as_bytes()),
            chunk: Chunk::Ends,
            ..Piece::default()
        });
        let mut recorded =
            Recorded { pieces: pieces.collect(), carry: Some(CarryAs::Chunked), ..Recorded::default() };
        let mut placeholders = Placeholders::default();
        response(&mut recorded, detector, &["my-own-key".to_owned()], &mut Put::Numbered(&mut placeholders));
        recorded.pieces.iter().map(|piece| String::from_utf8_lossy(&piece.bytes).into_owned()).collect()
    }

    fn usual(pieces: &[&str]) -> Vec<String> {
        redacted(pieces, &Detector::default())
    }

    #[test]
    fn secrets_are_found_across_the_borders_of_chunks() {
        assert_eq!(
            usual(&["data: {\"a\":\"it is sk-1", "2345", "678\"}\n\n", "data: x"]),
            ["data: {\"a\":\"it is REDACTED-1\"", "}\n\n", "data: x"]
        );
        assert_eq!(usual(&[": my-own", "-key\n"]), [": REDACTED-1", "\n"]);
    }

    #[test]
    fn secrets_are_found_across_the_pieces_of_a_streamed_text() {
        let event = |text: &str| format!("data: {{\"delta\":{{\"content\":{text}}}}}\n\n");
        let events = ["\"use sk-\"", "\"12\"", "\"345678 \"", "\"now\""].map(event);
        let events: Vec<_> = events.iter().map(String::as_str).collect();
        let expected = ["\"use REDACTED-1\"", "\"\"", "\" \"", "\"now\""].map(event);
        assert_eq!(usual(&events), expected);
    }

    #[test]
    fn escapes_hide_nothing_and_names_tell() {
        assert_eq!(
            usual(&[r#"{"a": "sk\u002d12345678", "password": "x", "n": ["AIzaSyA1234567890"], "b": "\n"}"#]),
            [r#"{"a": "REDACTED-1", "password": "REDACTED-2", "n": ["REDACTED-3"], "b": "\n"}"#]
        );
        let json_in_json = r#"{"arguments": "{\"password\": \"hunter2\", \"to\": \"me\"}"}"#;
        let expected = r#"{"arguments": "{\"password\": \"REDACTED-1\", \"to\": \"me\"}"}"#;
        assert_eq!(usual(&[json_in_json]), [expected]);
    }

    #[test]
    fn names_tell_in_texts_that_are_no_json() {
        assert_eq!(usual(&["<a password=\"hunter2\">"]), ["<a password=\"REDACTED-1\">"]);
        assert_eq!(usual(&["{\"password\": 12345678}"]), ["{\"password\": \"REDACTED-1\"}"]);
        let mut rest = vec![
            (Duration::ZERO, Bytes::from_static(b"x sk-proj-ab")),
            (Duration::ZERO, Bytes::from_static(b"cdefgh123\r\nSet-Cookie:abc=1\r\n")),
        ];
        let mut placeholders = Placeholders::default();
        pieces_of(&mut rest, &Detector::default(), &[], &mut Put::Numbered(&mut placeholders));
        let told: Vec<_> = rest.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect();
        assert_eq!(told, ["x REDACTED-1", "\r\nSet-Cookie:REDACTED-2\r\n"]);
    }

    #[test]
    fn what_has_no_secret_keeps_its_bytes() {
        let image = format!("{{\"b64_json\": \"{}AIzaSyA1234567890\"}}", "iVBORw0KGgo".repeat(30));
        let page = r#"{"nextPageToken": "CAEQmAE1CAEQ", "token": "The", "logprobs": 1}"#;
        for body in [image.as_str(), page, "data: {\"x\": 1.0 ,\"t\":\"caf\\u00e9\"}\r\n\r\n: it's \"\n"] {
            assert_eq!(usual(&[body]), [body]);
        }
    }

    #[test]
    fn own_paths_reach_texts_and_numbers() {
        let own = OwnRules {
            json: vec![crate::notation::path::JsonPath::new("$.account").unwrap()],
            ..OwnRules::default()
        };
        let detector = Detector::new(own);
        assert_eq!(
            redacted(&["data: {\"account\": \"me\", \"by\": \"me\"}\n\n"], &detector),
            ["data: {\"account\": \"REDACTED-1\", \"by\": \"REDACTED-1\"}\n\n"]
        );
        assert_eq!(redacted(&["{\"account\": 17}"], &detector), ["{\"account\": \"REDACTED-1\"}"]);
        let cut = "data: {\"account\": 17, \"account\": \"me\", \"b\": \"";
        assert!(!redacted(&[cut], &detector).concat().contains("17"));
    }
}
