//! Takes apart what comes over the wire for one request: the head, the chunks,
//! and which bytes came when. What cannot be understood is kept as it came.

use std::time::Duration;

use bytes::Bytes;

use crate::plan::{
    carry::CarryAs,
    recorded::{Chunk, End, Head, Piece, Recorded, SizeLine},
};

/// Bytes that a head may have.
const LONGEST_HEAD: usize = 1 << 20;

/// Headers that a head may have.
const MOST_HEADERS: usize = 512;

/// Bytes that the size line of a chunk may have.
const LONGEST_LINE: usize = 4096;

/// Bytes of trailers.
const LONGEST_TRAILERS: usize = 1 << 16;

/// Takes apart the answer to one request, read by read.
#[derive(Debug)]
pub struct Scanner {
    is_head_request: bool,
    /// Whether the bytes of the body are kept, and not only counted.
    keeps: bool,
    state: State,
    /// What was not enough to go on with.
    ahead: Vec<u8>,
    recorded: Recorded,
    /// The size lines of all chunks, with the piece that each begins with.
    lines: Vec<(usize, String)>,
    bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    /// The line of a chunk's size.
    Size,
    /// So many bytes of a chunk are left.
    Chunk(u64),
    /// The line end behind a chunk.
    Behind,
    /// Trailers, and the blank line behind them.
    Trailers,
    /// So many bytes of the body are left.
    Length(u64),
    /// The body ends with the connection.
    ToEnd,
    /// The message is complete.
    Done,
    /// What comes cannot be understood.
    Lost,
}

impl Scanner {
    /// For the answer to a request; to one for a head alone there comes no body.
    pub fn new(is_head_request: bool) -> Self {
        Self {
            is_head_request,
            keeps: true,
            state: State::Head,
            ahead: Vec::new(),
            recorded: Recorded::default(),
            lines: Vec::new(),
            bytes: 0,
        }
    }

    /// The same for who needs to know where the answer ends, and not what it is.
    pub fn without_body(is_head_request: bool) -> Self {
        Self { keeps: false, ..Self::new(is_head_request) }
    }

    /// Takes what came at a time.
    pub fn push(&mut self, at: Duration, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.state {
                State::Head => self.head(at, rest),
                State::Size => self.size(rest),
                State::Chunk(left) => self.body(at, rest, left),
                State::Behind => self.behind(rest),
                State::Trailers => self.trailers(at, rest),
                State::Length(left) => self.body(at, rest, left),
                State::ToEnd => self.body(at, rest, u64::MAX),
                State::Done | State::Lost => {
                    let kept = if self.keeps { rest } else { &[] };
                    self.recorded.rest.push((at, Bytes::copy_from_slice(kept)));
                    &[]
                }
            };
            if self.state == State::Lost && !self.ahead.is_empty() {
                let ahead = std::mem::take(&mut self.ahead);
                self.recorded.rest.push((at, ahead.into()));
            }
        }
    }

    /// Whether the message is complete, as its framing tells.
    pub fn is_complete(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the end of the connection completes the message.
    pub fn ends_with_connection(&self) -> bool {
        self.state == State::ToEnd
    }

    /// Whether anything came.
    pub fn has_begun(&self) -> bool {
        self.bytes > 0
    }

    /// Bytes that came so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What was understood so far.
    pub fn so_far(&self) -> &Recorded {
        &self.recorded
    }

    /// All of it, when nothing more comes.
    pub fn finish(mut self, at: Duration, end: End) -> Recorded {
        if !self.ahead.is_empty() {
            self.recorded.rest.push((at, std::mem::take(&mut self.ahead).into()));
        }
        let has_begun = self.lines.last().is_some_and(|(at, _)| *at < self.recorded.pieces.len());
        if matches!(self.state, State::Chunk(_) | State::Behind)
            && has_begun
            && let Some(last) = self.recorded.pieces.last_mut()
        {
            last.chunk = Chunk::Cut;
        }
        if self.state != State::Done || !self.recorded.rest.is_empty() {
            self.recorded.end_at = at;
        }
        self.recorded.end = match (end, self.state) {
            (End::Close, State::ToEnd) => End::Complete,
            (end, _) => end,
        };
        self.put_lines(matches!(self.state, State::Chunk(_)));
        self.recorded
    }

    /// Collects up to the end of a line or block; `None` where it has not come yet.
    fn collect<'b>(&mut self, bytes: &'b [u8], end: &[u8], most: usize) -> (Option<Vec<u8>>, &'b [u8]) {
        let known = self.ahead.len();
        let look_from = known.saturating_sub(end.len() - 1);
        // No further than what can still belong to it.
        let taken = bytes.len().min(most.saturating_sub(known).max(1));
        self.ahead.extend_from_slice(&bytes[..taken]);
        match memchr::memmem::find(&self.ahead[look_from..], end) {
            Some(found) => {
                let length = look_from + found + end.len();
                self.ahead.truncate(length);
                (Some(std::mem::take(&mut self.ahead)), &bytes[length - known..])
            }
            None => {
                if self.ahead.len() >= most {
                    self.state = State::Lost;
                }
                (None, &bytes[taken..])
            }
        }
    }

    fn head<'b>(&mut self, at: Duration, bytes: &'b [u8]) -> &'b [u8] {
        let start = b"HTTP/1.";
        let known: Vec<u8> = self.ahead.iter().chain(bytes).copied().take(start.len()).collect();
        if !start.starts_with(&known) {
            self.state = State::Lost;
            self.ahead.extend_from_slice(bytes);
            return &[];
        }
        let (head, rest) = self.collect(bytes, b"\r\n\r\n", LONGEST_HEAD);
        let Some(raw) = head else { return rest };
        match read_head(&raw, at) {
            Some(head) if (100..200).contains(&head.status) && head.status != 101 => {
                self.recorded.interim.push((at, raw.into()));
            }
            Some(head) => self.begin(head, at),
            None => {
                self.recorded.rest.push((at, raw.into()));
                self.state = State::Lost;
            }
        }
        rest
    }

    /// Sees from the head what body there is (RFC 9112, 6.3).
    fn begin(&mut self, head: Head, at: Duration) {
        let carry = head.carry(self.is_head_request);
        let state = match (carry, head.length()) {
            (None, _) | (Some(CarryAs::Length), Some(0)) => State::Done,
            (Some(CarryAs::Chunked), _) => State::Size,
            (Some(CarryAs::Length), Some(length)) => State::Length(length),
            (Some(CarryAs::Length | CarryAs::Close), _) => State::ToEnd,
        };
        (self.state, self.recorded.carry) = (state, carry);
        if state == State::Done {
            self.recorded.end_at = at;
        }
        self.recorded.head = Some(head);
    }

    fn size<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let (line, rest) = self.collect(bytes, b"\r\n", LONGEST_LINE);
        let Some(line) = line else { return rest };
        let text = String::from_utf8(line);
        match text.as_ref().ok().and_then(|text| read_size(text)) {
            Some(size @ 1..) if !self.keeps => self.state = State::Chunk(size),
            Some(size @ 1..) => {
                self.lines.push((self.recorded.pieces.len(), text.unwrap_or_default()));
                self.state = State::Chunk(size);
            }
            size => {
                self.ahead = text.map_or_else(|error| error.into_bytes(), String::into_bytes);
                self.state = if size == Some(0) { State::Trailers } else { State::Lost };
            }
        }
        rest
    }

    fn body<'b>(&mut self, at: Duration, bytes: &'b [u8], left: u64) -> &'b [u8] {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let left = left - count as u64;
        let chunk =
            if matches!(self.state, State::Chunk(_)) && left > 0 { Chunk::GoesOn } else { Chunk::Ends };
        if self.keeps {
            let bytes = Bytes::copy_from_slice(&bytes[..count]);
            self.recorded.pieces.push(Piece { at, bytes, chunk, line: None });
        }
        self.state = match self.state {
            State::Chunk(_) if left > 0 => State::Chunk(left),
            State::Chunk(_) => State::Behind,
            State::Length(_) if left > 0 => State::Length(left),
            State::Length(_) => {
                self.recorded.end_at = at;
                State::Done
            }
            other => other,
        };
        &bytes[count..]
    }

    fn behind<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let wanted = &b"\r\n"[self.ahead.len()..];
        let count = wanted.len().min(bytes.len());
        self.ahead.extend_from_slice(&bytes[..count]);
        if bytes[..count] != wanted[..count] {
            if let Some(last) = self.recorded.pieces.last_mut() {
                last.chunk = Chunk::Cut;
            }
            self.state = State::Lost;
        } else if self.ahead.len() == 2 {
            self.ahead.clear();
            self.state = State::Size;
        }
        &bytes[count..]
    }

    fn trailers<'b>(&mut self, at: Duration, bytes: &'b [u8]) -> &'b [u8] {
        // The line of the size itself ends with the first half of a blank line.
        let (block, rest) = self.collect(bytes, b"\r\n\r\n", LONGEST_TRAILERS);
        if let Some(block) = block {
            self.recorded.terminator = Some(block.into());
            self.recorded.end_at = at;
            self.state = State::Done;
        }
        rest
    }

    /// Says what most size lines are, and marks the others. `is_cut`: the last
    /// chunk is shorter than its line tells.
    fn put_lines(&mut self, is_cut: bool) {
        let lines = std::mem::take(&mut self.lines);
        let count = |line: SizeLine| {
            let written = |text: &&(usize, String)| template(&text.1) == line.text();
            lines.iter().filter(written).count()
        };
        if count(SizeLine::Capital) > count(SizeLine::Small) {
            self.recorded.line = SizeLine::Capital;
        }
        let last = lines.len().saturating_sub(1);
        for (number, (at, text)) in lines.into_iter().enumerate() {
            let Some(piece) = self.recorded.pieces.get_mut(at) else {
                // Nothing of the chunk came.
                self.recorded.rest.insert(0, (self.recorded.end_at, text.into()));
                continue;
            };
            if is_cut && number == last {
                piece.line = Some(text);
                continue;
            }
            let template = template(&text);
            // A number without letters is written either way.
            let is_usual = template == self.recorded.line.text() || template == EITHER;
            piece.line = (!is_usual).then_some(template);
        }
    }
}

/// The template of a number without letters, with nothing beside it.
const EITHER: &str = "{either}\r\n";

/// A size line with a placeholder in the number's place.
fn template(line: &str) -> String {
    let digits = line.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(line.len());
    let (number, behind) = line.split_at(digits);
    let bare = number.trim_start_matches('0');
    let zeros = &number[..number.len() - bare.len()];
    let is = |wanted: fn(&char) -> bool| bare.chars().all(|c| c.is_ascii_digit() || wanted(&c));
    let placeholder = match (is(|_| false), is(char::is_ascii_lowercase), is(char::is_ascii_uppercase)) {
        (true, ..) if zeros.is_empty() && behind == "\r\n" => "{either}",
        (_, true, _) => "{size}",
        (_, _, true) => "{SIZE}",
        _ => bare,
    };
    format!("{zeros}{placeholder}{behind}")
}

/// The size that a line tells.
fn read_size(line: &str) -> Option<u64> {
    let digits = line.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(line.len());
    let (number, behind) = line.split_at(digits);
    let is_fit = behind.trim_start_matches([' ', '\t']).starts_with([';', '\r']);
    if is_fit { u64::from_str_radix(number, 16).ok() } else { None }
}

/// A head, where it can be read.
pub(super) fn read_head(raw: &[u8], at: Duration) -> Option<Head> {
    let mut room = vec![httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut room);
    match httparse::ParserConfig::default()
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .parse_response(&mut response, raw)
    {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) | Err(_) => return None,
    }
    let headers = response
        .headers
        .iter()
        .map(|header| (header.name.to_owned(), Bytes::copy_from_slice(header.value)))
        .collect();
    let mut head = Head {
        at,
        version: format!("1.{}", response.version?),
        status: response.code?,
        reason: response.reason.unwrap_or_default().to_owned(),
        headers,
        raw: None,
    };
    if head.write(None) != raw {
        head.raw = Some(Bytes::copy_from_slice(raw));
    }
    Some(head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// What is recorded of these reads, each a millisecond after the other.
    fn scanned(reads: &[&[u8]], end: End) -> Recorded {
        let mut scanner = Scanner::new(false);
        for (at, read) in (0..).zip(reads) {
            scanner.push(ms(at), read);
        }
        let end = if scanner.is_complete() { End::Complete } else { end };
        scanner.finish(ms(reads.len() as u64), end)
    }

    const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Case: a\r\n\r\n\
        3\r\nabc\r\n00B;ext=\"1\"\r\nhello world\r\na \r\n0123456789\r\n0\r\nX-Sum: 7\r\n\r\n";

    #[test]
    fn chunks_keep_their_sizes_lines_and_trailers() {
        let recorded = scanned(&[STREAM], End::Close);
        let lines: Vec<_> = recorded.pieces.iter().map(|piece| piece.line.as_deref()).collect();
        assert_eq!(lines, [None, Some("00{SIZE};ext=\"1\"\r\n"), Some("{size} \r\n")]);
        assert_eq!(recorded.terminator.as_deref(), Some(b"0\r\nX-Sum: 7\r\n\r\n".as_slice()));
        assert_eq!((recorded.end, recorded.rest.len()), (End::Complete, 0));
        assert_eq!(&recorded.script(1.0, Duration::ZERO).bytes[..], STREAM);
    }

    #[test]
    fn what_was_cut_off_is_played_as_far_as_it_came() {
        for length in 1..STREAM.len() {
            let recorded = scanned(&[&STREAM[..length]], End::Reset);
            let played = recorded.script(1.0, Duration::ZERO).bytes;
            assert_eq!(String::from_utf8_lossy(&played), String::from_utf8_lossy(&STREAM[..length]));
            assert_eq!(recorded.end, End::Reset, "{length}");
        }
    }

    #[test]
    fn odd_heads_and_garbage_are_kept_as_they_came() {
        for wire in [
            "HTTP/1.1 200\r\nA:b\r\nA :  c \r\n\r\nrest",
            "HTTP/1.0 299 So so\r\ncontent-length: 3\r\n\r\nabcdef",
            "ICY 200 OK\r\n\r\nabc",
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0C\r\nabc",
            "HTTP/1.1 200 \r\nContent-Length: nine\r\n\r\nabc",
        ] {
            let recorded = scanned(&[wire.as_bytes()], End::Close);
            let played = recorded.script(1.0, Duration::ZERO).bytes;
            assert_eq!(String::from_utf8_lossy(&played), wire);
        }
    }

    #[test]
    fn the_answer_to_head_has_no_body() {
        let mut scanner = Scanner::new(true);
        scanner.push(ms(0), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
        assert!(scanner.is_complete());
        let played = scanner.finish(ms(1), End::Complete).script(1.0, Duration::ZERO);
        assert!(played.bytes.ends_with(b"Content-Length: 9\r\n\r\n"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn however_it_is_read_it_is_played_as_it_came(cuts in proptest::collection::vec(1..STREAM.len(), 0..12)) {
            let mut cuts = cuts;
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            cuts.dedup();
            let reads: Vec<_> = cuts.windows(2).map(|cut| &STREAM[cut[0]..cut[1]]).collect();
            let recorded = scanned(&reads, End::Close);
            prop_assert_eq!(&recorded.script(1.0, Duration::ZERO).bytes[..], STREAM);
        }

        #[test]
        fn any_bytes_are_kept(wire in proptest::collection::vec(any::<u8>(), 0..200), at in 0..200_usize) {
            let at = at.min(wire.len());
            let recorded = scanned(&[&wire[..at], &wire[at..]], End::Close);
            prop_assert_eq!(&recorded.script(1.0, Duration::ZERO).bytes[..], &wire[..]);
        }
    }
}
