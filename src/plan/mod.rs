//! What will go on the wire, as a value: made in stages from what a dialect
//! says, each stage a pure function in its own file.

pub mod delay;
mod frame;
mod head;
pub mod pace;
pub mod place;
mod show;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::{
    dialect::{
        Dialect,
        event::{Carry, Form, Framing, Said},
    },
    identity::Draw,
};
use pace::Tempo;

pub use head::{Marks, Origin};

/// Everything about one answer that can be known before it is sent.
#[derive(Clone, Debug)]
pub struct WirePlan {
    /// The HTTP status.
    pub status: StatusCode,
    /// The reason phrase, where it is not the status's own.
    pub reason: Option<&'static str>,
    /// All headers but those that tell the body's length.
    pub headers: HeaderMap,
    /// The body, transfer coding left out.
    pub body: Bytes,
    /// Where each event ends in the body; the last end is the body's. With
    /// [`Carry::Chunked`] these are the bounds of the HTTP chunks.
    pub ends: Vec<usize>,
    /// When the head leaves, from the moment at which the request was read.
    pub head_at: Duration,
    /// When each event leaves; empty where all leave with the head.
    pub times: Vec<Duration>,
    /// When the body ends.
    pub end_at: Duration,
    /// How the body's length is told.
    pub carry: Carry,
}

/// The plan for what a dialect says, at once.
pub fn plan(said: Said, origin: &Origin<'_>, marks: Marks) -> WirePlan {
    let (body, ends) = frame::frame(said.events, said.form);
    WirePlan {
        status: said.status,
        reason: head::reason(said.status),
        headers: head::mark(said.headers, origin, marks),
        body: body.into(),
        ends,
        head_at: Duration::ZERO,
        times: Vec::new(),
        end_at: Duration::ZERO,
        carry: said.carry,
    }
}

/// The same at a tempo. `draw` is the luck of a key by its name.
pub fn paced(
    said: Said,
    dialect: &dyn Dialect,
    tempo: &Tempo<'_>,
    draw: impl Fn(&str) -> Draw,
    (origin, marks): (&Origin<'_>, Marks),
) -> WirePlan {
    let mut times = pace::pace(&said.events, tempo, |payload| dialect.read_event(payload), draw);
    let form = said.form;
    // What is no raw bytes would be no JSON in a document.
    let fits = |beat: &&pace::Heartbeat| matches!(form, Form::Sse(_)) || beat.framing == Framing::Raw;
    let heartbeat = tempo.heartbeat.as_ref().filter(fits);
    let mut missed = [&times.missed, origin.missed].concat();
    if heartbeat.is_none() && tempo.heartbeat.is_some() {
        missed.push("heartbeat".to_owned());
    }
    let mut plan = plan(said, &Origin { missed: &missed, ..*origin }, marks);
    // A list of no events is still one empty document.
    times.events.resize(plan.ends.len(), times.end);
    (plan.head_at, plan.end_at) = (times.head, times.end);
    match heartbeat {
        Some(heartbeat) => {
            let beat = frame::lone(&heartbeat.payload, heartbeat.framing, form);
            let (body, ends, all) =
                pace::with_heartbeats(&plan.body, &plan.ends, &times, heartbeat.every, &beat);
            (plan.body, plan.ends, plan.times) = (body.into(), ends, all);
        }
        None => plan.times = times.events,
    }
    plan
}
