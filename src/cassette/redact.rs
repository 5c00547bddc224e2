//! Takes the secrets out of an interaction before it reaches the disk: in heads, in
//! bodies across the borders of chunks, and in texts that are streamed piece by
//! piece.

use std::{collections::HashMap, ops::Range};

use bytes::Bytes;
use serde_json::Value;

use super::{
    Body, Interaction,
    secret::{Detector, Put, is_base64, is_secret_member},
};
use crate::plan::{
    carry::CarryAs,
    decoder::decode,
    recorded::{Chunk, End, Piece, Recorded},
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
    let own = detector.own();
    let request = &mut interaction.request;
    if let Some(path) = detector.text(&request.path, known, put) {
        request.path = path;
    }
    for (name, value) in &mut request.headers {
        if let Some(redacted) = detector.head(name, value, known, (&own.headers, put)) {
            *value = redacted;
        }
    }
    for (name, value) in &mut request.query {
        if let Some(redacted) = detector.head(name, value, known, (&own.query, put)) {
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
        Body::Text(text) => {
            let redacted = detector.text(text, known, put);
            let is_found = redacted.is_some();
            if let Some(redacted) = redacted {
                *text = redacted;
            }
            is_found
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
                if let Ok(text) = std::str::from_utf8(&field.content)
                    && let Some(redacted) = detector.leaf(Some(&field.name), text, known, put)
                {
                    field.content = redacted.into();
                    found = true;
                }
            }
            found
        }
    }
}

/// Takes the secrets out of an answer; whether its body had any.
fn response(recorded: &mut Recorded, detector: &Detector, known: &[String], put: &mut Put<'_>) -> bool {
    for (_, lines) in recorded.interim.iter_mut().chain(&mut recorded.rest) {
        head_lines(lines, detector, known, put);
    }
    if let Some(terminator) = &mut recorded.terminator {
        head_lines(terminator, detector, known, put);
    }
    let mut coding = String::new();
    if let Some(head) = &mut recorded.head {
        coding = head.header("content-encoding").unwrap_or_default().to_owned();
        let mut is_changed = false;
        for (name, value) in &mut head.headers {
            let text = String::from_utf8_lossy(value).into_owned();
            if let Some(redacted) = detector.head(name, &text, known, (&detector.own().headers, put)) {
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
    rewrite(recorded, &decoded, &edits);
    if let Some(head) = recorded.head.as_mut().filter(|_| is_coded) {
        head.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
    }
    correct_length(recorded);
    true
}

/// Lines of a head or of trailers.
fn head_lines(lines: &mut Bytes, detector: &Detector, known: &[String], put: &mut Put<'_>) {
    let Ok(text) = std::str::from_utf8(lines) else {
        let edits = edits(lines, detector, known, put);
        if !edits.is_empty() {
            *lines = applied(lines, 0, &edits).into();
        }
        return;
    };
    let (mut out, mut is_changed) = (String::with_capacity(text.len()), false);
    for line in text.split_inclusive('\n') {
        let redacted = line.split_once(": ").and_then(|(name, value)| {
            let bare = value.trim_end();
            let redacted = detector.head(name, bare, known, (&detector.own().headers, put))?;
            Some(format!("{name}: {redacted}{}", &value[bare.len()..]))
        });
        let redacted = redacted.or_else(|| detector.text(line, known, put));
        is_changed |= redacted.is_some();
        out.push_str(redacted.as_deref().unwrap_or(line));
    }
    if is_changed {
        *lines = out.into();
    }
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

fn correct_length(recorded: &mut Recorded) {
    let length = recorded.length();
    let is_whole = recorded.carry == Some(CarryAs::Length) && recorded.end == End::Complete;
    let Some(head) = recorded.head.as_mut().filter(|_| is_whole) else { return };
    for (name, value) in &mut head.headers {
        if name.eq_ignore_ascii_case("content-length") {
            *value = length.to_string().into();
        }
    }
    head.raw = None;
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
    let mut edits = Vec::new();
    let exact = own_values(text, detector, put, &mut edits);
    let mut literals = literals(text);
    let mut is_changed = vec![false; literals.len()];
    for (literal, is_changed) in literals.iter_mut().zip(&mut is_changed) {
        let redacted = if exact.contains(&literal.value) {
            put_whole(&literal.value, put)
        } else {
            detector.leaf(literal.name, &literal.value, known, put)
        };
        if let Some(redacted) = redacted {
            literal.value = redacted;
            *is_changed = true;
        }
    }
    across(&mut literals, &mut is_changed, detector, known, put);
    for (literal, _) in literals.iter().zip(is_changed).filter(|(_, is_changed)| *is_changed) {
        let written = serde_json::to_string(&literal.value).unwrap_or_default();
        edits.push((literal.range.clone(), written));
    }
    // What is in no literal: lines of text, comments, other formats.
    for span in detector.spans(text, known) {
        let is_free = literals.iter().all(|literal| !meet(&literal.range, &span))
            && edits.iter().all(|(range, _)| !meet(range, &span));
        if is_free {
            let placeholder = put_whole(&text[span.clone()], put).unwrap_or_default();
            edits.push((span, placeholder));
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    let mut end = 0;
    edits.retain(|(range, _)| {
        let is_free = range.start >= end;
        end = end.max(if is_free { range.end } else { end });
        is_free
    });
    edits
}

fn put_whole(secret: &str, put: &mut Put<'_>) -> Option<String> {
    // As behind a name that says so.
    Detector::default().leaf(Some("secret"), secret, &[], put)
}

fn meet(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// The texts that the user's own paths lead to. What they lead to and is no text is
/// written anew at once, with all that stands around it.
fn own_values(text: &str, detector: &Detector, put: &mut Put<'_>, edits: &mut Vec<Edit>) -> Vec<String> {
    let mut texts = Vec::new();
    if detector.own().json.is_empty() {
        return texts;
    }
    for range in payloads(text) {
        let Ok(mut json) = serde_json::from_str::<Value>(&text[range.clone()]) else { continue };
        let found = detector.own().json.iter().flat_map(|path| path.find(&json));
        let (own, others): (Vec<_>, Vec<_>) = found.partition(|value| value.is_string());
        texts.extend(own.into_iter().filter_map(Value::as_str).map(str::to_owned));
        if !others.is_empty() {
            detector.json(&mut json, &[], put);
            edits.push((range, json.to_string()));
        }
    }
    texts
}

/// Where the JSON of a body lies: the whole of it, or line by line.
fn payloads(text: &str) -> Vec<Range<usize>> {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        return std::iter::once(0..text.len()).collect();
    }
    let mut start = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        let data = line.strip_prefix("data:").unwrap_or(line).trim_start();
        let range = start + (line.len() - data.len())..start + line.len();
        start += line.len();
        range
    });
    lines.filter(|range| text[range.clone()].starts_with('{')).collect()
}

/// A text of JSON, where it lies with its quotes.
#[derive(Debug)]
struct Literal<'t> {
    range: Range<usize>,
    /// The member's name.
    name: Option<&'t str>,
    value: String,
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
            continue;
        }
        if let Ok(value) = serde_json::from_str::<String>(&text[open..=close]) {
            found.push(Literal { range: open..close + 1, name, value });
        }
        // An object's end ends what its name stands for; a list's items share it.
        if matches!(behind, Some(b'}')) {
            name = None;
        }
    }
    found
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
        if !is_base64(&literal.value) && !is_secret_member(name) {
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
    fn what_has_no_secret_keeps_its_bytes() {
        let image = format!("{{\"b64_json\": \"{}AIzaSyA1234567890\"}}", "iVBORw0KGgo".repeat(30));
        for body in [image.as_str(), "data: {\"x\": 1.0 ,\"t\":\"caf\\u00e9\"}\r\n\r\n: it's \"\n"] {
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
        assert_eq!(redacted(&["{\"account\": 17}"], &detector), ["{\"account\":\"REDACTED-1\"}"]);
    }
}
