//! A recorded body read into events by its framing, for the stages of a plan to work
//! on: what they do not touch keeps its bytes and times.

use std::{ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::{
    ask::Shape,
    dialect::{
        event::{Carry, Eol, Events, Form, Frame, Framing, Said, Stretch},
        style::Style,
    },
    plan::{
        carry::CarryAs,
        decoder::decode,
        recorded::{Chunk, Piece, Recorded},
    },
};

/// What was recorded as a dialect would say it, and the recording with nothing in it
/// compressed. `shape`: that of the request's answers.
pub fn said(recorded: &Recorded, shape: Shape) -> (Said, Recorded) {
    let recorded = plain(recorded);
    let kind = recorded.head.as_ref().and_then(|head| head.header("content-type")).unwrap_or_default();
    let body = recorded.body();
    let is_sse = kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream");
    let is_array = shape == Shape::Array && body.starts_with(b"[");
    let blocks = match (is_sse, is_array) {
        (true, _) => blocks(&body),
        (_, true) => items(&body),
        _ if body.is_empty() => Vec::new(),
        _ => {
            let whole = Block {
                range: 0..body.len(),
                core: 0..body.len(),
                payload: body.clone(),
                framing: Framing::Data,
            };
            vec![whole]
        }
    };
    let style = match shape {
        Shape::Sse | Shape::Array => Style::Google,
        Shape::Document => Style::Compact,
    };
    let style = if body.contains(&b'\r') && is_sse { style } else { Style::Compact };
    let mut events = Events::expecting(blocks.len(), style);
    let last = blocks.len().saturating_sub(1);
    for (at, block) in blocks.iter().enumerate() {
        let frame = Frame {
            bytes: Bytes::copy_from_slice(&body[block.range.clone()]),
            core: block.core.start - block.range.start..block.core.end - block.range.start,
            is_edge: (at == 0, at == last),
            stretches: stretches(&recorded.pieces, &block.range, recorded.carry),
        };
        events.recorded(&block.payload, block.framing, Arc::new(frame));
    }
    let eol = if memchr::memmem::find(&body, b"\r\n\r\n").is_some() { Eol::CrLf } else { Eol::Lf };
    let is_named = is_sse && blocks.iter().any(|block| has_name(&body[block.range.clone()]));
    let form = match (is_sse, is_array) {
        (true, _) if is_named => Form::NamedSse(eol),
        (true, _) => Form::Sse(eol),
        (_, true) => Form::Array,
        _ => Form::Document { tail: "" },
    };
    let status = recorded.status().and_then(|status| StatusCode::from_u16(status).ok());
    let said = Said {
        status: status.unwrap_or(StatusCode::OK),
        headers: HeaderMap::new(),
        events,
        form,
        carry: if recorded.carry == Some(CarryAs::Chunked) { Carry::Chunked } else { Carry::Length },
        keep: None,
    };
    (said, recorded)
}

/// The same with its body as it was before it was compressed.
fn plain(recorded: &Recorded) -> Recorded {
    let mut plain = recorded.clone();
    let Some(head) = &mut plain.head else { return plain };
    let coding = head.header("content-encoding").unwrap_or_default().to_owned();
    if matches!(coding.as_str(), "" | "identity") {
        return plain;
    }
    // What cannot be taken apart stays as it is.
    let Ok(decoded) = decode(&coding, recorded.pieces.iter().map(|piece| &piece.bytes[..])) else {
        return plain;
    };
    head.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
    head.raw = None;
    let pieces = recorded.pieces.iter().zip(decoded);
    plain.pieces = pieces
        .filter(|(_, bytes)| !bytes.is_empty())
        .map(|(piece, bytes)| Piece { bytes: bytes.into(), line: None, ..piece.clone() })
        .collect();
    plain.shift_length(recorded.length());
    plain
}

/// An event's place in a body, and what it says.
struct Block {
    range: Range<usize>,
    /// Without what an array has around it.
    core: Range<usize>,
    payload: Vec<u8>,
    framing: Framing,
}

fn has_name(block: &[u8]) -> bool {
    block.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"event:"))
}

/// The blocks of a stream (HTML, 9.2.6): each ends with a blank line.
fn blocks(body: &[u8]) -> Vec<Block> {
    let (mut blocks, mut start, mut at, mut line_start) = (Vec::new(), 0, 0, 0);
    let mut has_text = false;
    while at < body.len() {
        let Some(offset) = memchr::memchr2(b'\r', b'\n', &body[at..]) else { break };
        let end_of_text = at + offset;
        let length = if body[end_of_text..].starts_with(b"\r\n") { 2 } else { 1 };
        at = end_of_text + length;
        if end_of_text == line_start {
            // Blank lines at the very beginning belong to what follows.
            if has_text {
                blocks.push(block(body, start..at));
                (start, has_text) = (at, false);
            } else if let Some(last) = blocks.last_mut() {
                let last: &mut Block = last;
                (last.range.end, last.core.end, start) = (at, at, at);
            }
        } else {
            has_text = true;
        }
        line_start = at;
    }
    if start < body.len() {
        blocks.push(block(body, start..body.len()));
    }
    blocks
}

fn block(body: &[u8], range: Range<usize>) -> Block {
    let text = String::from_utf8_lossy(&body[range.clone()]).replace("\r\n", "\n").replace('\r', "\n");
    let data: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(|value| value.strip_prefix(' ').unwrap_or(value))
        .collect();
    let core = range.clone();
    if !data.is_empty() {
        return Block { range, core, payload: data.join("\n").into_bytes(), framing: Framing::Data };
    }
    let is_block = text.ends_with("\n\n");
    let framing = if is_block { Framing::Lines } else { Framing::Raw };
    let payload =
        if is_block { text.trim_end_matches('\n').as_bytes().to_vec() } else { body[range.clone()].to_vec() };
    Block { range, core, payload, framing }
}

/// The items of an array, each with what precedes it; the last with what follows.
fn items(body: &[u8]) -> Vec<Block> {
    let (mut items, mut start, mut open) = (Vec::<Block>::new(), 0, None);
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    for (at, byte) in body.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            _ if is_text => {}
            b'{' | b'[' => {
                if depth == 1 {
                    open = Some(at);
                }
                depth += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if let Some(from) = open.take_if(|_| depth == 1) {
                    let core = from..at + 1;
                    let payload = body[core.clone()].to_vec();
                    items.push(Block { range: start..at + 1, core, payload, framing: Framing::Data });
                    start = at + 1;
                }
            }
            _ => {}
        }
    }
    if start < body.len() {
        match items.last_mut() {
            // What was cut off is an event of its own.
            Some(last) if body.ends_with(b"]") || body[start..].trim_ascii().is_empty() => {
                last.range.end = body.len();
            }
            _ => items.push(Block {
                range: start..body.len(),
                core: start..body.len(),
                payload: body[start..].to_vec(),
                framing: Framing::Raw,
            }),
        }
    }
    items
}

/// Which bytes of an event came when, and where chunks end in it.
fn stretches(pieces: &[Piece], range: &Range<usize>, carry: Option<CarryAs>) -> Vec<Stretch> {
    let (mut stretches, mut start, mut line) = (Vec::new(), 0, None);
    let mut last = Duration::ZERO;
    for piece in pieces {
        let end = start + piece.bytes.len();
        if start >= range.end {
            break;
        }
        line = piece.line.clone().or(line);
        let is_end = carry == Some(CarryAs::Chunked) && piece.chunk != Chunk::GoesOn;
        if end > range.start {
            let is_own_end = is_end && end <= range.end;
            stretches.push(Stretch {
                end: end.min(range.end) - range.start,
                at: piece.at,
                chunk: is_own_end.then(|| line.clone()),
            });
            last = piece.at;
        }
        if is_end {
            line = None;
        }
        start = end;
    }
    if stretches.is_empty() {
        stretches.push(Stretch { end: range.len(), at: last, chunk: None });
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::recorded::Head;

    fn payloads(kind: &str, pieces: &[&str], shape: Shape) -> Vec<String> {
        let headers = vec![("Content-Type".to_owned(), Bytes::copy_from_slice(kind.as_bytes()))];
        let pieces = pieces
            .iter()
            .map(|piece| Piece { bytes: Bytes::copy_from_slice(piece.as_bytes()), ..Piece::default() });
        let recorded = Recorded {
            head: Some(Head { status: 200, headers, ..Head::default() }),
            carry: Some(CarryAs::Chunked),
            pieces: pieces.collect(),
            ..Recorded::default()
        };
        let (said, _) = said(&recorded, shape);
        let whole: Vec<u8> =
            (0..said.events.len()).flat_map(|at| said.events.frame(at).unwrap().bytes.to_vec()).collect();
        assert_eq!(whole, recorded.body(), "nothing of a body is lost");
        said.events.iter().map(|event| String::from_utf8_lossy(event).into_owned()).collect()
    }

    #[test]
    fn a_stream_is_read_by_its_blank_lines() {
        let stream =
            ["data: {\"a\"", ":1}\r\n\r\n: hi\r\n\r\nevent: x\r\ndata: 1\r\ndata: 2\r\n\r\n", "data: [DO"];
        let events = payloads("text/event-stream; charset=utf-8", &stream, Shape::Sse);
        assert_eq!(events, ["{\"a\":1}", ": hi", "1\n2", "[DO"]);
    }

    #[test]
    fn an_array_is_read_by_its_items() {
        let array = ["[{\"a\":\"]}\\\"\"}", "\n,\r\n{\"b\":[1]}", "\n]"];
        assert_eq!(payloads("application/json", &array, Shape::Array), ["{\"a\":\"]}\\\"\"}", "{\"b\":[1]}"]);
        let cut = ["[{\"a\":1}", "\n,\r\n{\"b\""];
        assert_eq!(payloads("application/json", &cut, Shape::Array), ["{\"a\":1}", "\n,\r\n{\"b\""]);
    }

    #[test]
    fn a_document_is_one_event() {
        assert_eq!(payloads("application/json", &["[1,", "2]"], Shape::Document), ["[1,2]"]);
    }
}
