//! What will go on the wire, as a value: made in stages from what a dialect
//! says, each stage a pure function in its own file.

mod frame;
mod head;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::dialect::event::{Carry, Said};

/// Everything about one answer that can be known before it is sent.
#[derive(Clone, Debug)]
pub struct WirePlan {
    /// The HTTP status.
    pub status: StatusCode,
    /// All headers but those that tell the body's length.
    pub headers: HeaderMap,
    /// The body, transfer coding left out.
    pub body: Bytes,
    /// Where each event ends in the body; the last end is the body's. With
    /// [`Carry::Chunked`] these are the bounds of the HTTP chunks.
    pub ends: Vec<usize>,
    /// How the body's length is told.
    pub carry: Carry,
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

/// The plan for what a dialect says. `source` is what produced the answer.
pub fn plan(said: Said, source: &'static str, marks: Marks) -> WirePlan {
    let (body, ends) = frame::frame(said.events, said.form);
    WirePlan {
        status: said.status,
        headers: head::mark(said.headers, source, marks),
        body: body.into(),
        ends,
        carry: said.carry,
    }
}
