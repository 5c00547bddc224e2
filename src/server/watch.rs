//! Where requests begin and end in the bytes that come. HTTP reads them as well,
//! and does not tell what is looked for here: how far a head has come, and what
//! stood in it that was left out.
//!
//! A head is looked through line by line, once; of a body, only what frames it is
//! looked at.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;

use super::timer::{Sleep, Timer, later};

/// The first byte of every TLS connection: the record is a handshake's.
const HANDSHAKE: u8 = 0x16;

/// How far requests have come.
#[derive(Debug, Default)]
pub(super) struct Watch {
    at: At,
    opening: Opening,
    /// What the head says of its body.
    length: Option<u64>,
    is_chunked: bool,
    /// How many requests have begun.
    begun: u64,
    /// How many heads have ended.
    heads: u64,
    /// Which of them was the first with two lengths.
    twofold: Option<u64>,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default)]
enum At {
    /// A request that has not begun.
    #[default]
    Between,
    Head(Line),
    /// A body of which so much is to come.
    Body(u64),
    /// The size of a chunk.
    Size(u64),
    /// What stands behind it.
    Extension(u64),
    Chunk(u64),
    /// The line's end behind a chunk.
    ChunkEnd,
    Trailers(Line),
}

/// Where in a line.
#[derive(Clone, Copy, Debug)]
enum Line {
    /// At its start.
    Start,
    /// So far in what may become this.
    May(Known, usize),
    /// In the value of `content-length`.
    Length,
    /// In what does not matter.
    Rest,
}

/// The beginnings of lines that are looked for.
#[derive(Clone, Copy, Debug)]
enum Known {
    Length,
    Coding,
    Preface,
}

impl Known {
    /// In small letters.
    fn name(self) -> &'static [u8] {
        match self {
            Self::Length => b"content-length:",
            Self::Coding => b"transfer-encoding:",
            Self::Preface => b"pri * http/2.0",
        }
    }
}

/// What a connection turns out to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Opening {
    /// HTTP/1, or what is none of those here.
    #[default]
    Other,
    /// A TLS handshake.
    Tls,
    /// HTTP/2, without asking first.
    Http2,
}

/// How far the last request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// All that came are whole requests.
    Whole,
    /// Within a head.
    Head,
    /// Within a body.
    Body,
}

impl Watch {
    /// Looks through what has come.
    fn look(&mut self, mut bytes: &[u8]) {
        while let [byte, rest @ ..] = bytes {
            bytes = match self.at {
                At::Head(Line::Start) => match self.whole_lines(bytes) {
                    0 => self.step(*byte, rest),
                    count => &bytes[count..],
                },
                _ => self.step(*byte, rest),
            };
        }
    }

    /// Passes by the lines of a head that are whole and do not matter, which are most;
    /// how many bytes that is.
    fn whole_lines(&mut self, bytes: &[u8]) -> usize {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            match &bytes[start..end] {
                [] | [b'\r'] => {
                    self.head_ends();
                    return end + 1;
                }
                // Two letters of each tell it from all that are usual.
                line @ [b'c' | b'C', _, _, _, _, _, _, _, b'l' | b'L', ..] if is(line, Known::Length) => {
                    self.at = At::Head(self.found(Known::Length));
                    return start + Known::Length.name().len();
                }
                line @ [b't' | b'T', _, _, _, _, _, _, _, b'-', ..] if is(line, Known::Coding) => {
                    self.at = At::Head(self.found(Known::Coding));
                    return start + Known::Coding.name().len();
                }
                _ => start = end + 1,
            }
        }
        start
    }

    /// Takes a byte, and as much of the rest as is of one kind.
    fn step<'a>(&mut self, byte: u8, rest: &'a [u8]) -> &'a [u8] {
        match self.at {
            At::Between => {
                if !matches!(byte, b'\r' | b'\n') {
                    self.begin(byte);
                }
                rest
            }
            At::Head(line) => {
                let (line, rest) = self.line(line, byte, rest);
                match line {
                    Some(line) => self.at = At::Head(line),
                    None => self.head_ends(),
                }
                rest
            }
            At::Body(left) => {
                let (left, rest) = pass(left, rest);
                self.at = if left == 0 { At::Between } else { At::Body(left) };
                rest
            }
            _ => self.chunked(byte, rest),
        }
    }

    /// The same within a body of chunks.
    fn chunked<'a>(&mut self, byte: u8, rest: &'a [u8]) -> &'a [u8] {
        let (next, rest) = match self.at {
            At::Chunk(left) => {
                let (left, rest) = pass(left, rest);
                (if left == 0 { At::ChunkEnd } else { At::Chunk(left) }, rest)
            }
            At::Size(size) => match char::from(byte).to_digit(16) {
                Some(digit) => (At::Size(size.saturating_mul(16).saturating_add(digit.into())), rest),
                None if byte == b'\n' => (behind(size), rest),
                None => (At::Extension(size), rest),
            },
            At::Trailers(Line::Start) if byte == b'\n' => (At::Between, rest),
            At::Trailers(Line::Start) if byte == b'\r' => (self.at, rest),
            at => match (at, to_line_end(byte, rest)) {
                (At::Extension(size), Some(rest)) => (behind(size), rest),
                (At::Trailers(_), Some(rest)) => (At::Trailers(Line::Start), rest),
                (At::Trailers(_), None) => (At::Trailers(Line::Rest), &rest[rest.len()..]),
                (_, Some(rest)) => (At::Size(0), rest),
                (at, None) => (at, &rest[rest.len()..]),
            },
        };
        self.at = next;
        rest
    }

    /// A request begins with this byte.
    fn begin(&mut self, byte: u8) {
        (self.length, self.is_chunked) = (None, false);
        self.begun += 1;
        if byte == HANDSHAKE {
            self.opening = Opening::Tls;
        }
        self.at = At::Head(if byte == b'P' { Line::May(Known::Preface, 1) } else { Line::Rest });
    }

    /// A byte of a head's line; no line more where it ends the head.
    fn line<'a>(&mut self, line: Line, byte: u8, rest: &'a [u8]) -> (Option<Line>, &'a [u8]) {
        let next = match (line, byte) {
            (Line::Start, b'\n') => return (None, rest),
            (Line::Start, b'\r') => Line::Start,
            (Line::Start, b'c' | b'C') => Line::May(Known::Length, 1),
            (Line::Start, b't' | b'T') => Line::May(Known::Coding, 1),
            (Line::May(known, at), _) if known.name().get(at) == Some(&byte.to_ascii_lowercase()) => {
                if at + 1 < known.name().len() { Line::May(known, at + 1) } else { self.found(known) }
            }
            (Line::Length, b'0'..=b'9') => {
                let length = self.length.unwrap_or_default().saturating_mul(10);
                self.length = Some(length.saturating_add(u64::from(byte - b'0')));
                Line::Length
            }
            (Line::Length, b' ' | b'\t' | b'\r') => Line::Length,
            _ => match to_line_end(byte, rest) {
                Some(rest) => return (Some(Line::Start), rest),
                None => return (Some(Line::Rest), &rest[rest.len()..]),
            },
        };
        (Some(next), rest)
    }

    fn found(&mut self, known: Known) -> Line {
        match known {
            Known::Length => {
                self.length = Some(0);
                return Line::Length;
            }
            Known::Coding => self.is_chunked = true,
            Known::Preface => self.opening = Opening::Http2,
        }
        Line::Rest
    }

    fn head_ends(&mut self) {
        self.heads += 1;
        if self.is_chunked && self.length.is_some() && self.twofold.is_none() {
            self.twofold = Some(self.heads);
        }
        self.at = match self.length {
            _ if self.is_chunked => At::Size(0),
            None | Some(0) => At::Between,
            Some(length) => At::Body(length),
        };
    }

    fn stage(&self) -> Stage {
        match self.at {
            At::Between => Stage::Whole,
            At::Head(_) => Stage::Head,
            _ => Stage::Body,
        }
    }
}

/// Whether a line begins so.
fn is(line: &[u8], known: Known) -> bool {
    line.get(..known.name().len()).is_some_and(|start| start.eq_ignore_ascii_case(known.name()))
}

/// What comes behind a chunk's size.
fn behind(size: u64) -> At {
    if size == 0 { At::Trailers(Line::Start) } else { At::Chunk(size) }
}

/// Passes by what is to come, of which a byte was taken; how much is to come then.
fn pass(left: u64, rest: &[u8]) -> (u64, &[u8]) {
    let left = left.saturating_sub(1);
    let count = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
    (left - count as u64, &rest[count..])
}

/// What stands behind a line, of which a byte was taken; `None` where the line
/// does not end here.
fn to_line_end(byte: u8, rest: &[u8]) -> Option<&[u8]> {
    if byte == b'\n' {
        return Some(rest);
    }
    memchr::memchr(b'\n', rest).map(|at| &rest[at + 1..])
}

/// What is known of what has come, for those who do not read.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// A [`State`], which is told at one stroke.
    state: AtomicU64,
    /// The request that was the first with two lengths; 0 where none was.
    twofold: AtomicU64,
    /// Whether a request was answered before it was read.
    early: AtomicBool,
}

/// A moment of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct State(u64);

impl State {
    const STAGES: [Stage; 3] = [Stage::Whole, Stage::Head, Stage::Body];
    const OPENINGS: [Opening; 3] = [Opening::Other, Opening::Tls, Opening::Http2];
    /// Where the bits of each stand.
    const OPENING: u32 = 2;
    const WAITS: u64 = 1 << 4;
    const ENDED: u64 = 1 << 5;
    const HEADS: u32 = 8;

    fn of(watch: &Watch) -> Self {
        Self(watch.heads << Self::HEADS | (watch.opening as u64) << Self::OPENING | watch.stage() as u64)
    }

    /// How far the last request has come.
    pub(super) fn stage(self) -> Stage {
        Self::STAGES.get((self.0 & 0b11) as usize).copied().unwrap_or(Stage::Whole)
    }

    /// What it turned out to speak.
    pub(super) fn opening(self) -> Opening {
        Self::OPENINGS.get((self.0 >> Self::OPENING & 0b11) as usize).copied().unwrap_or_default()
    }

    /// How many heads have ended.
    fn heads(self) -> u64 {
        self.0 >> Self::HEADS
    }

    /// Whether a head has begun, and HTTP waits for the rest of it.
    fn waits_for_head(self) -> bool {
        self.0 & Self::WAITS != 0
    }

    /// Whether the peer will send nothing more.
    fn has_ended(self) -> bool {
        self.0 & Self::ENDED != 0
    }
}

impl Seen {
    /// What is known now.
    pub(super) fn now(&self) -> State {
        State(self.state.load(Ordering::Relaxed))
    }

    /// This has come; nothing is the end. How many requests began with it.
    pub(super) fn came(&self, bytes: &[u8], watch: &mut Watch) -> u64 {
        if bytes.is_empty() {
            self.state.fetch_or(State::ENDED, Ordering::Relaxed);
            return 0;
        }
        let before = watch.begun;
        watch.look(bytes);
        if let Some(request) = watch.twofold {
            self.twofold.store(request, Ordering::Relaxed);
        }
        self.state.store(State::of(watch).0, Ordering::Relaxed);
        watch.begun - before
    }

    /// HTTP would read, and nothing is there.
    pub(super) fn waits(&self, watch: &Watch) {
        if matches!(watch.at, At::Head(_)) {
            self.state.fetch_or(State::WAITS, Ordering::Relaxed);
        }
    }

    /// Whether the request of this number, the first being 1, tells its length in
    /// two ways.
    pub(super) fn is_twofold(&self, request: u64) -> bool {
        self.twofold.load(Ordering::Relaxed) == request
    }

    /// A request is answered before all of it was read.
    pub(super) fn answer_early(&self) {
        self.early.store(true, Ordering::Relaxed);
    }

    /// Whether the peer may still be sending what nobody will read.
    pub(super) fn may_have_more(&self) -> bool {
        self.early.load(Ordering::Relaxed) && !self.now().has_ended()
    }
}

/// Watches how long a head takes.
#[derive(Debug)]
pub(super) struct HeadLimit<'a> {
    timer: &'a Timer,
    limit: Duration,
    /// Which head is waited for, and until when.
    waits: Option<(u64, Sleep)>,
}

impl<'a> HeadLimit<'a> {
    pub(super) fn new(timer: &'a Timer, limit: Duration) -> Self {
        Self { timer, limit, waits: None }
    }

    pub(super) fn timer(&self) -> &'a Timer {
        self.timer
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Ready when a head has begun and has not come in time. Between requests
    /// nothing is waited for.
    pub(super) fn poll(&mut self, state: State, context: &mut Context<'_>) -> Poll<()> {
        if !state.waits_for_head() {
            self.waits = None;
            return Poll::Pending;
        }
        let head = state.heads();
        let sleep = match &mut self.waits {
            Some((of, sleep)) if *of == head => sleep,
            waits => {
                let sleep = self.timer.sleep_until(later(Instant::now(), self.limit));
                &mut waits.insert((head, sleep)).1
            }
        };
        Pin::new(sleep).poll(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUESTS: [&str; 6] = [
        "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        "\r\n\nPOST / HTTP/1.1\r\nCONTENT-length:  5 \r\ncookie: c\r\n\r\n\r\n\r\nx",
        "POST / HTTP/1.1\nte: x\ncontent-type: y\nTransfer-Encoding: chunked\n\n3;a=b\r\nabc\r\n0\r\n\r\n",
        "PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nA \t;x\r\n0123456789\r\n01\r\nx\r\n000\r\na: b\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: 0\r\ncontent-length: 00\r\n\r\n",
        "GET / HTTP/1.0\r\nhost:\r\ncontent-lengthy: 7\r\ntransfer-encodings: x\r\n\r\n",
    ];

    fn seen(pieces: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Watch {
        let mut watch = Watch::default();
        pieces.into_iter().for_each(|piece| watch.look(piece.as_ref()));
        watch
    }

    #[test]
    fn requests_end_where_they_end_however_they_are_cut() {
        let all = REQUESTS.concat();
        for size in 1..=all.len() {
            let watch = seen(all.as_bytes().chunks(size));
            assert_eq!((watch.stage(), watch.heads), (Stage::Whole, 6), "{size}");
            assert_eq!((watch.twofold, watch.opening), (None, Opening::Other), "{size}");
        }
        for request in REQUESTS {
            for end in 1..request.len() {
                let is_blank = request[..end].trim().is_empty();
                let watch = seen([&request[..end]]);
                assert_eq!(watch.stage() == Stage::Whole, is_blank, "{:?}", &request[..end]);
            }
        }
    }

    #[test]
    fn it_is_known_what_a_request_is_in_the_middle_of() {
        for (bytes, stage) in [
            ("", Stage::Whole),
            ("\r\n", Stage::Whole),
            ("G", Stage::Head),
            ("POST / HTTP/1.1\r\n", Stage::Head),
            ("POST / HTTP/1.1\r\nhost: a\r\n\r", Stage::Head),
            ("POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\n", Stage::Body),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", Stage::Body),
        ] {
            assert_eq!(seen([bytes]).stage(), stage, "{bytes:?}");
        }
    }

    #[test]
    fn a_head_with_two_lengths_is_found_in_either_order() {
        let (length, coding) = ("Content-Length: 3\r\n", "transfer-encoding:chunked\r\n");
        for (lines, is_twofold) in
            [([length, coding], true), ([coding, length], true), ([length, length], false)]
        {
            let request = format!("{}POST / HTTP/1.1\r\n{}x: y\r\n\r\n", REQUESTS.concat(), lines.concat());
            for size in [1, 2, 7, request.len()] {
                let watch = seen(request.as_bytes().chunks(size));
                assert_eq!(watch.twofold, is_twofold.then_some(7), "{lines:?}");
            }
        }
    }

    #[test]
    fn other_protocols_are_known_by_their_first_bytes() {
        for (bytes, opening) in [
            (&b"\x16\x03\x01\x02\x00\x01"[..], Opening::Tls),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Opening::Http2),
            (b"PRIMARY / HTTP/1.1\r\n", Opening::Other),
            (b"POST / HTTP/1.1\r\n", Opening::Other),
            (b"SSH-2.0-OpenSSH_9.6\r\n", Opening::Other),
        ] {
            assert_eq!(seen(bytes.chunks(1)).opening, opening, "{bytes:?}");
            assert_eq!(seen([bytes]).opening, opening, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_told_is_what_was_seen() {
        let (seen, mut watch) = (Seen::default(), Watch::default());
        assert_eq!((seen.now().stage(), seen.now().heads()), (Stage::Whole, 0));
        seen.came(REQUESTS.concat().as_bytes(), &mut watch);
        seen.waits(&watch);
        let state = seen.now();
        assert_eq!((state.stage(), state.heads(), state.waits_for_head()), (Stage::Whole, 6, false));
        seen.came(b"PRI * HTTP/2.0\r\n", &mut watch);
        assert!(!seen.now().waits_for_head());
        seen.waits(&watch);
        let state = seen.now();
        assert_eq!((state.stage(), state.opening(), state.heads()), (Stage::Head, Opening::Http2, 6));
        assert!(state.waits_for_head() && !state.has_ended());
        seen.came(b"", &mut watch);
        assert!(seen.now().has_ended());
    }
}
