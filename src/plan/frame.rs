//! The frame stage: what stands around each event.

use crate::dialect::event::{Eol, Events, Form, Framing};

/// Bytes around an event at the most.
const LONGEST_FRAME: usize = 16;

/// The body, and where each event ends in it.
pub(super) fn frame(events: Events, form: Form) -> (Vec<u8>, Vec<usize>) {
    match form {
        Form::Document { tail } if events.len() < 2 => {
            let mut body = events.into_text();
            body.extend_from_slice(tail.as_bytes());
            let ends = vec![body.len()];
            (body, ends)
        }
        Form::Document { tail } => {
            let last = events.len() - 1;
            around(&events, |_| b"", |at| if at == last { tail.as_bytes() } else { b"" })
        }
        Form::Sse(eol) if events.are_plain() => around(&events, |_| b"data: ", |_| blank_line(eol)),
        Form::Sse(eol) => {
            let (mut body, mut ends) = (Vec::new(), Vec::with_capacity(events.len()));
            for (at, event) in events.iter().enumerate() {
                sse_event(event, events.framing(at), eol, &mut body);
                ends.push(body.len());
            }
            (body, ends)
        }
        Form::Array => {
            let last = events.len().saturating_sub(1);
            let first = (0..events.len()).find(|at| events.framing(*at) == Framing::Data);
            // The separator belongs to the event behind it.
            let lead = |at| match events.framing(at) {
                Framing::Data if first == Some(at) => b"[".as_slice(),
                Framing::Data => b"\n,\r\n",
                Framing::Lines | Framing::Raw => b"",
            };
            around(&events, lead, |at| if at == last { b"\n]" } else { b"" })
        }
    }
}

/// One event that stands in no list, such as a heartbeat.
pub(super) fn lone(event: &[u8], framing: Framing, form: Form) -> Vec<u8> {
    let mut bytes = Vec::new();
    match form {
        Form::Sse(eol) => sse_event(event, framing, eol, &mut bytes),
        Form::Document { .. } | Form::Array => bytes.extend_from_slice(event),
    }
    bytes
}

fn sse_event(event: &[u8], framing: Framing, eol: Eol, body: &mut Vec<u8>) {
    let field = match framing {
        Framing::Data => b"data: ".as_slice(),
        Framing::Lines => b"",
        Framing::Raw => return body.extend_from_slice(event),
    };
    for line in event.split(|byte| *byte == b'\n') {
        body.extend_from_slice(field);
        body.extend_from_slice(line);
        body.extend_from_slice(line_end(eol));
    }
    body.extend_from_slice(line_end(eol));
}

fn line_end(eol: Eol) -> &'static [u8] {
    match eol {
        Eol::Lf => b"\n",
        Eol::CrLf => b"\r\n",
    }
}

fn blank_line(eol: Eol) -> &'static [u8] {
    match eol {
        Eol::Lf => b"\n\n",
        Eol::CrLf => b"\r\n\r\n",
    }
}

/// Puts something in front of and behind each event, by its number.
fn around<'a>(
    events: &Events,
    lead: impl Fn(usize) -> &'a [u8],
    tail: impl Fn(usize) -> &'a [u8],
) -> (Vec<u8>, Vec<usize>) {
    let mut body = Vec::with_capacity(events.size() + events.len() * LONGEST_FRAME);
    let mut ends = Vec::with_capacity(events.len());
    for (at, event) in events.iter().enumerate() {
        body.extend_from_slice(lead(at));
        body.extend_from_slice(event);
        body.extend_from_slice(tail(at));
        ends.push(body.len());
    }
    (body, ends)
}
