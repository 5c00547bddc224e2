//! The frame stage: what stands around each event.

use crate::dialect::event::{Eol, Events, Form};

/// The body, and where each event ends in it.
pub(super) fn frame(events: &Events, form: Form) -> (Vec<u8>, Vec<usize>) {
    const LONGEST_FRAME: usize = 16;
    let mut body = Vec::with_capacity(events.size() + events.len() * LONGEST_FRAME);
    let mut ends = Vec::with_capacity(events.len());
    let last = events.len().saturating_sub(1);
    for (at, event) in events.iter().enumerate() {
        lead(form, at, &mut body);
        body.extend_from_slice(event);
        tail(form, at == last, &mut body);
        ends.push(body.len());
    }
    (body, ends)
}

/// In an array the separator belongs to the event behind it.
fn lead(form: Form, at: usize, body: &mut Vec<u8>) {
    match form {
        Form::Sse(_) => body.extend_from_slice(b"data: "),
        Form::Array if at == 0 => body.push(b'['),
        Form::Array => body.extend_from_slice(b"\n,\r\n"),
        Form::Document { .. } => {}
    }
}

fn tail(form: Form, is_last: bool, body: &mut Vec<u8>) {
    match form {
        Form::Sse(Eol::Lf) => body.extend_from_slice(b"\n\n"),
        Form::Sse(Eol::CrLf) => body.extend_from_slice(b"\r\n\r\n"),
        Form::Array if is_last => body.extend_from_slice(b"\n]"),
        Form::Array => {}
        Form::Document { tail } => body.extend_from_slice(tail.as_bytes()),
    }
}
