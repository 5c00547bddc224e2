//! An answer as it came over the wire once, and the script that plays it again.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;

use super::{
    WirePlan,
    carry::CarryAs,
    end::{Ending, Hold, How},
    scale::time_by,
    script::Script,
    send::Write,
};
use crate::{dialect::event::Carry, notation::value::Period};

/// All that came over the wire for one request, and when. Times run from the
/// moment at which the request had been read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Answers with a status of 1xx in front of it, as they came.
    pub interim: Vec<(Duration, Bytes)>,
    /// Its head; `None` where nothing that came could be read as one.
    pub head: Option<Head>,
    /// How the body's length was told; `None` where there is none.
    pub carry: Option<CarryAs>,
    /// The body, the lines of chunks left out.
    pub pieces: Vec<Piece>,
    /// The size line of most chunks: `{size}` stands for the hexadecimal number,
    /// `{SIZE}` for the same in capitals.
    pub line: SizeLine,
    /// What ended the chunks: a line of size 0, trailers, a blank line.
    pub terminator: Option<Bytes>,
    /// Bytes that belong to no head and no body: garbage, or what was cut off.
    pub rest: Vec<(Duration, Bytes)>,
    /// How it ended.
    pub end: End,
    /// When.
    pub end_at: Duration,
}

/// A head as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// When its last byte came.
    pub at: Duration,
    /// The version of HTTP, such as `1.1`.
    pub version: String,
    /// The status.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// The headers in their order, their names as written.
    pub headers: Vec<(String, Bytes)>,
    /// All of it, where it was written otherwise than these are.
    pub raw: Option<Bytes>,
}

/// Bytes of a body that came together, and lie in one chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// When.
    pub at: Duration,
    /// Which.
    pub bytes: Bytes,
    /// Where the chunk goes on behind it.
    pub chunk: Chunk,
    /// The size line of the chunk that begins with it, where it is not that of
    /// most.
    pub line: Option<String>,
}

/// How a piece stands to the chunk that it lies in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Chunk {
    /// The chunk ends with it.
    #[default]
    Ends,
    /// The chunk goes on with the next piece.
    GoesOn,
    /// The chunk was cut off behind it.
    Cut,
}

/// How the number in a size line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SizeLine {
    /// With small letters.
    #[default]
    Small,
    /// With capitals.
    Capital,
}

impl SizeLine {
    /// As recordings write it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Small => "{size}\r\n",
            Self::Capital => "{SIZE}\r\n",
        }
    }
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// In full.
    #[default]
    Complete,
    /// The connection was closed before it was complete.
    Close,
    /// The connection was reset.
    Reset,
    /// Nothing came for so long that it was given up.
    Timeout,
    /// The client went away: what is there is a part.
    ClientLeft,
}

impl End {
    /// All of them, as recordings name them.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Complete, "complete"),
        (Self::Close, "close"),
        (Self::Reset, "reset"),
        (Self::Timeout, "timeout"),
        (Self::ClientLeft, "client_left"),
    ];

    /// How it is ended again.
    pub(super) fn how(self) -> How {
        match self {
            Self::Complete => How::Complete,
            Self::Reset => How::Reset,
            Self::Close | Self::Timeout | Self::ClientLeft => How::Close,
        }
    }

    /// As recordings name it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(end, _)| *end == self).map_or("", |(_, name)| name)
    }
}

impl Head {
    /// How the length of the body is told (RFC 9112, 6.3); `None` where there is none, as
    /// in the answer to a request for a head alone.
    pub fn carry(&self, is_head_request: bool) -> Option<CarryAs> {
        if is_head_request || matches!(self.status, 204 | 304) {
            return None;
        }
        let codings = self.header("transfer-encoding").map(str::to_ascii_lowercase);
        Some(match codings {
            Some(codings) if codings.trim_end().ends_with("chunked") => CarryAs::Chunked,
            None if self.length().is_some() => CarryAs::Length,
            _ => CarryAs::Close,
        })
    }

    /// The content-length that it tells.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// The first value of a header, where it is readable text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// Whether the connection ends with the answer, as it says.
    pub fn closes(&self) -> bool {
        let words = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("connection"));
        let mut words =
            words.flat_map(|(_, value)| value.split(|byte| *byte == b',')).map(|word| word.trim_ascii());
        match self.version.as_str() {
            "1.0" => !words.any(|word| word.eq_ignore_ascii_case(b"keep-alive")),
            _ => words.any(|word| word.eq_ignore_ascii_case(b"close")),
        }
    }

    /// As it goes out; the content-length is this, where one is given.
    pub fn write(&self, length: Option<usize>) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.to_vec();
        }
        let blank = if self.reason.is_empty() { "" } else { " " };
        let mut bytes =
            format!("HTTP/{} {}{blank}{}\r\n", self.version, self.status, self.reason).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            match length.filter(|_| name.eq_ignore_ascii_case("content-length")) {
                Some(length) => bytes.extend_from_slice(length.to_string().as_bytes()),
                None => bytes.extend_from_slice(value),
            }
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }
}

impl Recorded {
    /// Whether all of it came, and tells success.
    pub fn succeeds(&self) -> bool {
        self.end == End::Complete && self.status().is_some_and(|status| status < 400)
    }

    /// The status, where there is one.
    pub fn status(&self) -> Option<u16> {
        self.head.as_ref().map(|head| head.status)
    }

    /// The body, the lines of chunks left out.
    pub fn body(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).collect()
    }

    /// The same with all its times so many times as long.
    #[must_use]
    pub fn at_scale(mut self, factor: f64) -> Self {
        let by = |time: &mut Duration| *time = time_by(*time, factor);
        self.interim.iter_mut().for_each(|(at, _)| by(at));
        self.head.iter_mut().for_each(|head| by(&mut head.at));
        self.pieces.iter_mut().for_each(|piece| by(&mut piece.at));
        self.rest.iter_mut().for_each(|(at, _)| by(at));
        by(&mut self.end_at);
        self
    }

    /// The content-length that its head tells.
    pub fn content_length(&self) -> Option<u64> {
        self.head.as_ref()?.length()
    }

    /// Corrects the content-length that is told, where the body was so long before and
    /// is another now. What was missing is missing still.
    pub fn shift_length(&mut self, before: usize) {
        let after = self.length() as u64;
        let (told, has_length) = (self.content_length(), self.carry == Some(CarryAs::Length));
        let Some(head) = self.head.as_mut().filter(|_| has_length) else { return };
        let Some(told) = told.map(|told| told.saturating_sub(before as u64).saturating_add(after)) else {
            return;
        };
        for (name, value) in &mut head.headers {
            if name.eq_ignore_ascii_case("content-length") {
                *value = told.to_string().into();
            }
        }
        head.raw = None;
    }

    /// The answers with a status of 1xx in front of it.
    pub fn interim_bytes(&self) -> Vec<u8> {
        self.interim.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect()
    }

    /// Bytes of the body.
    pub fn length(&self) -> usize {
        self.pieces.iter().map(|piece| piece.bytes.len()).sum()
    }

    /// The length that the head is to tell: the body's own, however it was edited,
    /// unless the body was cut off.
    fn told_length(&self) -> Option<usize> {
        let is_whole = self.carry == Some(CarryAs::Length) && self.end == End::Complete;
        is_whole.then(|| self.length())
    }

    /// The size of the chunk that begins with this piece, and its size line.
    fn size_line(&self, at: usize) -> String {
        let mut size = 0;
        for piece in &self.pieces[at..] {
            size += piece.bytes.len();
            if piece.chunk != Chunk::GoesOn {
                break;
            }
        }
        let line = self.pieces[at].line.as_deref().unwrap_or(self.line.text());
        line.replace("{size}", &format!("{size:x}")).replace("{SIZE}", &format!("{size:X}"))
    }

    /// The plan that plays it with this script.
    pub fn plan(&self, script: Script, factor: f64) -> WirePlan {
        let mut headers = HeaderMap::new();
        let lines = self.head.iter().flat_map(|head| &head.headers);
        for (name, value) in lines.filter(|(name, _)| !is_framing(name)) {
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
            {
                headers.append(name, value);
            }
        }
        let at = |time| time_by(time, factor);
        let mut end = 0;
        let ends = self.pieces.iter().map(|piece| {
            end += piece.bytes.len();
            end
        });
        WirePlan {
            ends: ends.collect(),
            headers,
            body: self.body().into(),
            head_at: at(self.head.as_ref().map_or(Duration::ZERO, |head| head.at)),
            times: self.pieces.iter().map(|piece| at(piece.at)).collect(),
            end_at: at(self.end_at),
            ..self.bare_plan(script)
        }
    }

    /// The same for a server, to which the script is all that matters.
    pub fn bare_plan(&self, script: Script) -> WirePlan {
        let status = self.status().and_then(|status| StatusCode::from_u16(status).ok());
        let is_chunked = self.carry == Some(CarryAs::Chunked);
        WirePlan {
            status: status.unwrap_or(StatusCode::OK),
            reason: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            ends: Vec::new(),
            head_at: Duration::ZERO,
            times: Vec::new(),
            end_at: Duration::ZERO,
            carry: if is_chunked { Carry::Chunked } else { Carry::Length },
            missed: Vec::new(),
            kinds: Vec::new(),
            spans: Vec::new(),
            script: Some(Box::new(script)),
        }
    }

    /// The same for a client that knows no chunks: its body ends with the connection.
    pub fn without_chunks(mut self) -> Self {
        if self.carry == Some(CarryAs::Chunked) {
            self.carry = Some(CarryAs::Close);
            self.terminator = None;
            if let Some(head) = &mut self.head {
                head.headers.retain(|(name, _)| !is_framing(name));
                head.raw = None;
            }
        }
        self
    }

    /// Every byte and its time, as it came, all times so many times as long.
    /// `settle` passes in front of every cut of a connection anyway.
    pub fn script(&self, factor: f64, settle: Duration) -> Script {
        let (mut bytes, mut writes) = (Vec::with_capacity(512 + self.length()), Vec::<Write>::new());
        let mut leave = |bytes: &Vec<u8>, at: Duration| {
            let at = time_by(at, factor).max(writes.last().map_or(Duration::ZERO, |last| last.at));
            match writes.last_mut() {
                Some(last) if last.at == at => last.end = bytes.len(),
                _ => writes.push(Write { end: bytes.len(), at, gap: None }),
            }
        };
        for (at, answer) in &self.interim {
            bytes.extend_from_slice(answer);
            leave(&bytes, *at);
        }
        if let Some(head) = &self.head {
            bytes.extend_from_slice(&head.write(self.told_length()));
            leave(&bytes, head.at);
        }
        let is_chunked = self.carry == Some(CarryAs::Chunked);
        let mut is_inside = false;
        for (at, piece) in self.pieces.iter().enumerate() {
            if is_chunked && !is_inside {
                bytes.extend_from_slice(self.size_line(at).as_bytes());
            }
            bytes.extend_from_slice(&piece.bytes);
            is_inside = piece.chunk == Chunk::GoesOn;
            if is_chunked && piece.chunk == Chunk::Ends {
                bytes.extend_from_slice(b"\r\n");
            }
            leave(&bytes, piece.at);
        }
        if let Some(terminator) = &self.terminator {
            bytes.extend_from_slice(terminator);
            leave(&bytes, self.end_at);
        }
        for (at, rest) in &self.rest {
            bytes.extend_from_slice(rest);
            leave(&bytes, *at);
        }
        let last = writes.last().map_or(Duration::ZERO, |last| last.at);
        let hold = self.silence(time_by(self.end_at, factor).saturating_sub(last), last, settle);
        let ending = Ending {
            place: bytes.len(),
            hold: Hold::For(Period(hold)),
            is_idle: false,
            put: Bytes::new(),
            how: self.end.how(),
            beat: None,
        };
        let closes = self.carry == Some(CarryAs::Close)
            || !self.rest.is_empty()
            || self.head.as_ref().is_none_or(Head::closes);
        let is_part = self.end != End::Complete;
        Script { bytes: bytes.into(), writes, rate: None, ending, closes, is_part }
    }

    /// The silence in front of the end, which is so far behind the last byte.
    fn silence(&self, gap: Duration, last: Duration, settle: Duration) -> Duration {
        match self.end {
            // What tells the end of such a body is the connection's.
            End::Complete if self.carry == Some(CarryAs::Close) => gap,
            End::Complete => Duration::ZERO,
            End::Close | End::Reset | End::Timeout => gap.saturating_sub(settle),
            // The client is to leave as it did, by its own clock, and nothing is
            // known of what would have come then.
            End::ClientLeft => {
                self.end_at.saturating_sub(last).saturating_mul(2).saturating_add(AFTER_CLIENT)
            }
        }
    }
}

/// Whether a header tells where the body ends.
fn is_framing(name: &str) -> bool {
    ["content-length", "transfer-encoding"].iter().any(|framing| framing.eq_ignore_ascii_case(name))
}

/// How long a client that went away while it was recorded is waited for at the
/// least.
const AFTER_CLIENT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(at: u64, bytes: &'static [u8], chunk: Chunk) -> Piece {
        Piece { at: Duration::from_millis(at), bytes: Bytes::from_static(bytes), chunk, line: None }
    }

    fn recorded(pieces: Vec<Piece>, carry: CarryAs) -> Recorded {
        let head = Head {
            version: "1.1".to_owned(),
            status: 200,
            reason: "OK".to_owned(),
            headers: vec![("X-A".to_owned(), Bytes::from_static(b"b"))],
            ..Head::default()
        };
        let end_at = pieces.last().map_or(Duration::ZERO, |piece| piece.at);
        Recorded { head: Some(head), carry: Some(carry), pieces, end_at, ..Recorded::default() }
    }

    #[test]
    fn a_chunk_that_came_in_two_reads_is_one_chunk_in_two_writes() {
        let mut stream = recorded(
            vec![piece(5, b"ab", Chunk::GoesOn), piece(9, b"cdefghijkl", Chunk::Ends)],
            CarryAs::Chunked,
        );
        stream.terminator = Some(Bytes::from_static(b"0\r\n\r\n"));
        let script = stream.script(1.0, Duration::ZERO);
        assert_eq!(&script.bytes[..], b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nc\r\nabcdefghijkl\r\n0\r\n\r\n");
        let times: Vec<_> = script.writes.iter().map(|write| write.at.as_millis()).collect();
        assert_eq!(times, [0, 5, 9]);
        // At once is one write.
        assert_eq!(stream.script(0.0, Duration::ZERO).writes.len(), 1);
        assert!(!script.closes);
        stream.line = SizeLine::Capital;
        assert!(stream.script(0.0, Duration::ZERO).bytes.windows(3).any(|bytes| bytes == b"C\r\n"));
    }

    #[test]
    fn the_length_is_put_right_unless_the_body_was_cut() {
        let mut answer = recorded(vec![piece(0, b"abc", Chunk::Ends)], CarryAs::Length);
        if let Some(head) = &mut answer.head {
            head.headers = vec![("Content-Length".to_owned(), Bytes::from_static(b"9"))];
        }
        let of = |answer: &Recorded| answer.script(1.0, Duration::ZERO).bytes;
        assert_eq!(&of(&answer)[..], b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
        answer.end = End::Close;
        assert_eq!(&of(&answer)[..], b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    }

    #[test]
    fn who_left_is_waited_for_and_a_cut_comes_when_it_came() {
        let mut answer = recorded(vec![piece(100, b"abc", Chunk::Ends)], CarryAs::Length);
        let hold = |answer: &Recorded, factor| {
            let Hold::For(Period(hold)) = answer.script(factor, Duration::from_millis(50)).ending.hold else {
                return Duration::MAX;
            };
            hold
        };
        (answer.end, answer.end_at) = (End::Reset, Duration::from_millis(400));
        assert_eq!(hold(&answer, 1.0), Duration::from_millis(250));
        assert_eq!(hold(&answer, 0.5), Duration::from_millis(100));
        answer.end = End::ClientLeft;
        assert_eq!(hold(&answer, 1.0), Duration::from_millis(1600));
        assert_eq!(hold(&answer, 0.0), Duration::from_millis(1800));
    }
}
