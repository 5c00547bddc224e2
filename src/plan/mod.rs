//! What will go on the wire, as a value: made in stages from what a dialect
//! says, each stage a pure function in its own file.

pub mod carry;
pub mod coder;
pub mod decoder;
pub mod delay;
pub mod edit;
pub mod encode;
pub mod end;
pub mod frame;
pub mod head;
mod laid;
mod list;
pub mod pace;
pub mod place;
pub mod point;
mod rechunk;
pub mod recorded;
mod scale;
pub mod script;
pub mod send;
mod show;
pub mod write;

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::{
    dialect::{
        Dialect,
        event::{Carry, Events, Form, Framing, Kind, Said},
    },
    identity::Draw,
    notation::text::{Piece, Text},
};
use delay::Pause;
use laid::Laid;
use list::{EventList, Lookup};
use pace::{Tempo, Times};
use recorded::Recorded;
use script::{Parts, Script};

pub use head::{Marks, Origin};
pub use scale::time_by;

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
    /// Where each piece ends in the body; the last end is the body's. With
    /// [`Carry::Chunked`] these are the bounds of the HTTP chunks.
    pub ends: Vec<usize>,
    /// When the head leaves, from the moment at which the request was read.
    pub head_at: Duration,
    /// When each piece leaves; empty where all leave with the head.
    pub times: Vec<Duration>,
    /// When the body ends.
    pub end_at: Duration,
    /// How the body's length is told.
    pub carry: Carry,
    /// Places that named nothing, so that what was wanted there did not happen.
    pub missed: Vec<String>,
    /// What each event is, where the plan was made for people to read; where
    /// they lie is told by `spans`.
    pub kinds: Vec<Vec<Kind>>,
    /// Where the events lie in the body, where that can be told.
    pub spans: Vec<std::ops::Range<usize>>,
    /// Every byte and its time, where the answer goes onto the socket itself:
    /// where HTTP forbids what is wanted, or its library would write it
    /// otherwise. It then stands for all that is above.
    pub script: Option<Box<Script>>,
}

/// Trouble, stage by stage, as one scenario lays it over an answer.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// Changes of the list of events.
    pub edits: Vec<edit::Edit>,
    /// Delays that are added at certain events.
    pub pauses: Vec<Pause>,
    /// How JSON becomes text.
    pub write: Vec<write::WriteRule>,
    /// How text becomes lines.
    pub frame: Vec<frame::FrameRule>,
    /// How the body is compressed.
    pub encode: Option<encode::Encode>,
    /// How the body's length is told.
    pub carry: carry::Carry,
    /// The head.
    pub head: head::Head,
    /// Writes on the socket.
    pub send: send::Send,
    /// How it ends.
    pub end: Option<end::End>,
    /// Whether it wants what only the socket itself can do.
    pub needs_socket: bool,
}

/// A layer, and what its inserts put into the list of events, in their order.
#[derive(Debug)]
pub struct Laying<'a> {
    /// What it wants.
    pub layer: &'a Layer,
    /// The events of each insert.
    pub inserted: Vec<Events>,
}

/// A layer, and where its places lie.
struct Placed<'a> {
    layer: &'a Layer,
    lookup: &'a Lookup,
}

/// What is sent into silence.
#[derive(Clone, Debug)]
pub struct Beat {
    /// After so long a silence; above 0.
    pub every: Duration,
    /// As it goes out.
    pub bytes: Bytes,
}

/// What an answer needs to know of who asked.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The host that it called, without the port.
    pub host: String,
    /// The port that it called.
    pub port: String,
    /// The path that it called.
    pub path: String,
    /// Whether it knows no chunks.
    pub is_http10: bool,
    /// Whether it asked for the head alone.
    pub is_head: bool,
    /// Whether it ends the connection with this answer.
    pub closes: bool,
}

/// What follows from the request: its texts, and its luck.
pub trait Scene {
    /// A text, with what it echoes of the request.
    fn text<'t>(&'t self, text: &'t Text) -> Cow<'t, str>;

    /// The luck of a key by its name.
    fn draw(&self, key: &str) -> Draw;

    /// Bytes put together; `key` is the name of their luck.
    fn bytes(&self, pieces: &[Piece], key: &str) -> Vec<u8> {
        put_together(pieces, &mut self.draw(key))
    }
}

/// Bytes put together, with what luck adds.
pub fn put_together(pieces: &[Piece], draw: &mut Draw) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Bytes(piece) => bytes.extend_from_slice(piece),
            Piece::Random(count) => {
                let end = bytes.len() + count;
                while bytes.len() < end {
                    bytes.extend_from_slice(&draw.bytes::<8>());
                }
                bytes.truncate(end);
            }
        }
    }
    bytes
}

/// All that an answer's way through the stages depends on.
pub struct Stage<'a> {
    /// Who says it.
    pub dialect: &'static dyn Dialect,
    /// When events leave.
    pub tempo: Tempo<'a>,
    /// The lowest first.
    pub layers: Vec<Laying<'a>>,
    /// Who asked.
    pub client: Client,
    /// What follows from the request.
    pub scene: &'a dyn Scene,
    /// The seed of re-chunking, where it is wanted.
    pub rechunk: Option<u64>,
    /// Whether it leaves before the request's body was read, which HTTP's library
    /// does not carry on from.
    pub is_early: bool,
    /// Whether people will read the plan, with what each event is.
    pub is_explained: bool,
    /// The answer as it was recorded, where it was.
    pub recorded: Option<&'a Recorded>,
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
        missed: origin.missed.to_vec(),
        kinds: Vec::new(),
        spans: Vec::new(),
        script: None,
    }
}

/// The same through all stages.
pub fn staged(said: Said, stage: &Stage<'_>, (origin, marks): (&Origin<'_>, Marks)) -> WirePlan {
    let mut missed = origin.missed.to_vec();
    let (mut list, lookups) = edited(&said.events, stage, &mut missed);
    let layers = stage.layers.iter().map(|laying| laying.layer);
    let sets: Vec<_> = layers.zip(&lookups).map(|(layer, lookup)| Placed { layer, lookup }).collect();
    let times = pace::pace(&list, &stage.tempo, &sets, (stage.scene, stage.recorded), &mut missed);
    let told = if stage.is_explained { list.len() } else { 0 };
    let kinds = (0..told).map(|at| list.kinds(at).to_vec()).collect();
    let names = names(&list, said.form);
    let writes: Vec<_> = rules(&sets, |layer| &layer.write);
    write::write(&mut list, &writes, stage.scene, &mut missed);
    let is_changed = stage.layers.iter().any(|laying| !laying.layer.edits.is_empty()) || !writes.is_empty();
    let events = if is_changed { list.events() } else { said.events };
    let mut laid = laid(events, (said.form, names), &times, (stage, &sets), &mut missed);
    let beat = beat(stage, said.form, &mut missed);
    if let Some(beat) = &beat {
        laid.put_heartbeats(times.head, beat.every, &beat.bytes);
    }
    let mut headers = said.headers;
    let beat = match encode::lay(&mut laid, &sets, stage.scene, &mut missed) {
        Some(coding) => {
            headers.insert(http::header::CONTENT_ENCODING, http::HeaderValue::from_static(coding));
            // Behind the last event nothing is compressed any more.
            beat.map(|beat| Beat { bytes: Bytes::new(), ..beat })
        }
        None => beat,
    };
    if stage.rechunk.is_some() {
        head::mark_payload(&mut headers, &laid.body, origin, marks);
    }
    let reason = head::reason(said.status);
    let script = stage.needs_socket(&sets).then(|| {
        let parts = Parts {
            status: said.status,
            reason,
            headers: &|missed| head::mark(headers.clone(), &Origin { missed, ..*origin }, marks),
            head_at: times.head,
            carry: said.carry.into(),
            beat,
            rechunk: stage.rechunk,
            recorded: stage.recorded,
        };
        script::script(&mut laid, &parts, &sets, (&stage.client, stage.scene), &mut missed)
    });
    let changed = head::status(&sets);
    WirePlan {
        status: changed.unwrap_or(said.status),
        reason: reason.filter(|_| changed.is_none()),
        headers: head::mark(headers, &Origin { missed: &missed, ..*origin }, marks),
        ends: laid.pieces.iter().map(|(end, _)| *end).collect(),
        head_at: times.head,
        times: laid.pieces.iter().map(|(_, time)| *time).collect(),
        end_at: laid.end,
        carry: said.carry,
        kinds,
        spans: laid.spans.unwrap_or_default(),
        body: laid.body.into(),
        script: script.map(Box::new),
        missed,
    }
}

/// The events as bytes, and when each piece of them leaves.
fn laid(
    events: Events,
    (form, names): (Form, Vec<Option<String>>),
    times: &Times,
    (stage, sets): (&Stage<'_>, &[Placed<'_>]),
    missed: &mut Vec<String>,
) -> Laid {
    let frames = rules(sets, |layer| &layer.frame);
    let own =
        stage.recorded.map(|_| (0..events.len()).map(|at| events.frame(at).cloned()).collect::<Vec<_>>());
    let (body, ends) = frame::frame_by(events, form, (&frames, names), stage.scene, missed);
    let mut laid = Laid::new(body, &ends, times);
    if let Some(own) = own {
        laid.put_stretches(&own, stage.tempo.is_silent());
    }
    laid
}

impl Stage<'_> {
    /// Whether HTTP, or its library, would not write what is wanted.
    fn needs_socket(&self, sets: &[Placed<'_>]) -> bool {
        script::is_needed(sets) || self.rechunk.is_some() || self.is_early || self.recorded.is_some()
    }
}

/// The list of events as all layers leave it, and where the places of each lie.
fn edited(events: &Events, stage: &Stage<'_>, missed: &mut Vec<String>) -> (EventList, Vec<Lookup>) {
    let mut list = EventList::new(events, stage.dialect);
    let mut left = Vec::new();
    for laying in &stage.layers {
        edit::edit(&mut list, &laying.layer.edits, &laying.inserted, stage.scene, missed);
        left.push(list.clone());
    }
    let last = left.len().saturating_sub(1);
    let lookup = |(at, own): (usize, EventList)| {
        if at == last { Lookup::last(own) } else { Lookup::below(own, &list) }
    };
    let lookups = left.into_iter().enumerate().map(lookup).collect();
    (list, lookups)
}

/// The events' names, where their lines tell them: as they are before anything
/// is done to their text. Empty where there are none.
fn names(list: &EventList, form: Form) -> Vec<Option<String>> {
    if !matches!(form, Form::NamedSse(_)) {
        return Vec::new();
    }
    let name = |at| frame::name(form, &list.content(at).bytes).map(Cow::into_owned);
    (0..list.len()).map(name).collect()
}

/// The rules of all layers, the lowest first.
fn rules<'a, T>(sets: &[Placed<'a>], of: impl Fn(&'a Layer) -> &'a Vec<T>) -> Vec<(&'a T, &'a Lookup)> {
    sets.iter().flat_map(|set| of(set.layer).iter().map(|rule| (rule, set.lookup))).collect()
}

/// The heartbeat as it goes out; `None` where there is none, or it does not fit.
fn beat(stage: &Stage<'_>, form: Form, missed: &mut Vec<String>) -> Option<Beat> {
    let heartbeat = stage.tempo.heartbeat.as_ref()?;
    // What is no raw bytes would be no JSON in a document.
    if !form.is_lines() && heartbeat.framing != Framing::Raw {
        missed.push("heartbeat".to_owned());
        return None;
    }
    let bytes = frame::lone(&heartbeat.payload, heartbeat.framing, form);
    Some(Beat { every: heartbeat.every, bytes: bytes.into() })
}
