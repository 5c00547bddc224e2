//! The frame stage: what stands around each event.

use super::write::write;
use crate::dialect::event::{Eol, Events, Form, Frame, Payload, Style};

/// The body, and where each event ends in it.
pub(super) fn frame(events: &Events, frame: Frame) -> (Vec<u8>, Vec<usize>) {
    let mut body = Vec::with_capacity(events.size() * 5 / 4 + events.len() * 16);
    let mut ends = Vec::with_capacity(events.len());
    let last = events.len().saturating_sub(1);
    for (at, payload) in events.iter().enumerate() {
        lead(frame.form, at, &mut body);
        match payload {
            Payload::Json(json) => write(json, frame.style, &mut body),
            Payload::Sentinel(text) => write(text, Style::Compact, &mut body),
        }
        tail(frame.form, at == last, &mut body);
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
