//! The frame stage: what stands around each event.

use crate::dialect::event::{Eol, Events, Form};

/// Bytes around an event at the most.
const LONGEST_FRAME: usize = 16;

/// The body, and where each event ends in it.
pub(super) fn frame(events: Events, form: Form) -> (Vec<u8>, Vec<usize>) {
    match form {
        Form::Document { tail } => {
            let mut body = events.into_text();
            body.extend_from_slice(tail.as_bytes());
            let ends = vec![body.len()];
            (body, ends)
        }
        Form::Sse(Eol::Lf) => around(&events, |_| b"data: ", |_| b"\n\n"),
        Form::Sse(Eol::CrLf) => around(&events, |_| b"data: ", |_| b"\r\n\r\n"),
        Form::Array => {
            let last = events.len().saturating_sub(1);
            // The separator belongs to the event behind it.
            let lead = |at| if at == 0 { b"[".as_slice() } else { b"\n,\r\n" };
            around(&events, lead, |at| if at == last { b"\n]" } else { b"" })
        }
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
