//! What a client sees of an answer: every read as it came and when, how the
//! connection ended, and what the bytes mean to one who reads HTTP and events
//! by the book, without any of the server's own code.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use tokio::time::Instant;

use super::asked::Shape;

/// Long enough that only a server that hangs meets it.
const PATIENCE: Duration = Duration::from_secs(20);

/// So long a silence is one that was meant.
const SILENCE: Duration = Duration::from_millis(150);

/// A connection whose reads are kept apart.
pub(super) struct Watch {
    socket: TcpStream,
    start: Instant,
}

/// All that was seen of a connection.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// What each read gave, and when it came, counted from the request.
    pub(super) reads: Vec<(Vec<u8>, Duration)>,
    pub(super) end: End,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By FIN.
    Closed,
    /// By RST.
    Reset,
    /// Not at all: nothing came for a while.
    Silent,
}

/// An answer as HTTP/1 has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Answers in front of it.
    pub(super) interim: Vec<String>,
    /// From the status line to the blank line.
    pub(super) head: String,
    /// Size line and content of each chunk; of a body without chunks all of it.
    pub(super) chunks: Vec<(String, Vec<u8>)>,
    /// What is there of a chunk that breaks off, its size line in front.
    pub(super) broken: Vec<u8>,
    /// From the terminator's size line on; empty where it is missing.
    pub(super) terminator: Vec<u8>,
}

impl Watch {
    pub(super) fn connect(url: &str) -> Self {
        let authority = url.trim_start_matches("http://").split('/').next().unwrap();
        let socket = TcpStream::connect(authority).unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, start: Instant::now() }
    }

    /// The same with a buffer of so many bytes for what comes.
    pub(super) fn connect_with_room(url: &str, room: usize) -> Self {
        let authority: std::net::SocketAddr =
            url.trim_start_matches("http://").split('/').next().unwrap().parse().unwrap();
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(room).unwrap();
        socket.connect(&authority.into()).unwrap();
        Self { socket: socket.into(), start: Instant::now() }
    }

    pub(super) fn send(&mut self, request: &str) {
        self.start = Instant::now();
        self.socket.write_all(request.as_bytes()).unwrap();
    }

    /// Sends what the server may no longer want.
    pub(super) fn try_send(&mut self, bytes: &str) -> bool {
        self.socket.write_all(bytes.as_bytes()).is_ok()
    }

    /// Takes all that comes until the connection ends.
    pub(super) fn read_to_end(&mut self) -> Seen {
        self.until(PATIENCE, |_| false)
    }

    /// Takes what comes until so much was seen, and makes sure that nothing
    /// follows it for a while: neither a byte nor an end.
    pub(super) fn read_to_silence(&mut self, is_enough: impl Fn(&[u8]) -> bool) -> Seen {
        let seen = self.until(PATIENCE, is_enough);
        let rest = self.until(SILENCE, |_| false);
        assert_eq!((rest.bytes(), rest.end), (Vec::new(), End::Silent), "behind {:?}", seen.reads);
        seen
    }

    /// Takes the answer that the connection goes on behind, told by its framing.
    pub(super) fn message(&mut self) -> Seen {
        self.until(PATIENCE, is_whole)
    }

    /// Takes what comes until so much was seen.
    pub(super) fn until(&mut self, patience: Duration, is_enough: impl Fn(&[u8]) -> bool) -> Seen {
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let mut room = vec![0; 1 << 20];
        let (mut reads, mut all) = (Vec::new(), Vec::new());
        let end = loop {
            if is_enough(&all) {
                break End::Silent;
            }
            match self.socket.read(&mut room) {
                Ok(0) => break End::Closed,
                Ok(length) => {
                    all.extend(&room[..length]);
                    reads.push((room[..length].to_vec(), self.start.elapsed()));
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break End::Reset,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    assert!(patience < PATIENCE, "nothing more came behind {}", all.escape_ascii());
                    break End::Silent;
                }
                Err(error) => panic!("{error}"),
            }
        };
        Seen { reads, end }
    }

    /// Says that nothing more will be sent.
    pub(super) fn finish(&self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    /// How long ago the request was sent.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Seen {
    /// Every byte.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.reads.iter().flat_map(|(bytes, _)| bytes.clone()).collect()
    }

    pub(super) fn message(&self) -> Message {
        Message::read(&self.bytes())
    }

    pub(super) fn body(&self) -> Vec<u8> {
        self.message().body()
    }

    /// When the last byte came.
    pub(super) fn last_at(&self) -> Duration {
        self.reads.last().map(|(_, at)| *at).unwrap_or_default()
    }

    /// When the byte behind so many others came.
    pub(super) fn at(&self, offset: usize) -> Duration {
        let mut end = 0;
        let found = self.reads.iter().find(|(bytes, _)| {
            end += bytes.len();
            end > offset
        });
        found.unwrap_or_else(|| panic!("no byte {offset} came")).1
    }

    /// Behind how many bytes each read ended; the last is left out.
    pub(super) fn bounds(&self) -> Vec<usize> {
        let mut end = 0;
        let mut bounds: Vec<_> = self
            .reads
            .iter()
            .map(|(bytes, _)| {
                end += bytes.len();
                end
            })
            .collect();
        bounds.pop();
        bounds
    }
}

impl Message {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut rest = bytes;
        let mut interim = Vec::new();
        let head = loop {
            let head = through(&mut rest, b"\r\n\r\n").expect("a head");
            let head = String::from_utf8(head).unwrap();
            let status = head.split(' ').nth(1).unwrap_or_default();
            if !status.starts_with('1') {
                break head;
            }
            interim.push(head);
        };
        let mut message =
            Self { interim, head, chunks: Vec::new(), broken: Vec::new(), terminator: Vec::new() };
        if message.header("transfer-encoding") != Some("chunked") {
            message.chunks.push((String::new(), rest.to_vec()));
            return message;
        }
        while !rest.is_empty() {
            let whole = rest;
            let Some(line) = through(&mut rest, b"\n") else {
                message.broken = whole.to_vec();
                break;
            };
            let line = String::from_utf8(line).unwrap();
            let size = line.trim_end().split(';').next().unwrap();
            let size = usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("no size: {line:?}"));
            if size == 0 {
                message.terminator = whole.to_vec();
                break;
            }
            if rest.len() < size + 2 {
                message.broken = whole.to_vec();
                break;
            }
            assert_eq!(&rest[size..size + 2], b"\r\n", "a chunk of {size} bytes ends elsewhere");
            message.chunks.push((line, rest[..size].to_vec()));
            rest = &rest[size + 2..];
        }
        message
    }

    /// What the chunks hold, and what is there of a broken one.
    pub(super) fn body(&self) -> Vec<u8> {
        let mut body: Vec<u8> = self.chunks.iter().flat_map(|(_, chunk)| chunk.clone()).collect();
        let behind_line = self.broken.iter().position(|byte| *byte == b'\n');
        body.extend(behind_line.map_or(&[][..], |at| &self.broken[at + 1..]));
        body
    }

    /// The contents of the chunks.
    pub(super) fn pieces(&self) -> Vec<Vec<u8>> {
        self.chunks.iter().map(|(_, chunk)| chunk.clone()).collect()
    }

    /// Every byte of it.
    pub(super) fn wire(&self) -> Vec<u8> {
        let mut wire = self.interim.concat().into_bytes();
        wire.extend(self.head.as_bytes());
        for (line, chunk) in &self.chunks {
            let end: &[u8] = if line.is_empty() { b"" } else { b"\r\n" };
            wire.extend([line.as_bytes(), chunk, end].concat());
        }
        wire.extend(&self.broken);
        wire.extend(&self.terminator);
        wire
    }

    /// Where the byte behind so many of the body lies on the connection, when
    /// it travels with those in front of it.
    pub(super) fn inside(&self, offset: usize) -> usize {
        self.place(offset, 0)
    }

    /// The same for a bound: what ends a chunk there lies in front of it.
    pub(super) fn bound(&self, offset: usize) -> usize {
        self.place(offset, if self.chunks.first().is_some_and(|(line, _)| line.is_empty()) { 0 } else { 2 })
    }

    fn place(&self, offset: usize, behind: usize) -> usize {
        let start = self.interim.concat().len() + self.head.len();
        if offset == 0 {
            return start;
        }
        let (mut body, mut wire) = (0, start);
        for (line, chunk) in &self.chunks {
            let at = wire + line.len() + (offset - body);
            if offset < body + chunk.len() {
                return at;
            }
            if offset == body + chunk.len() {
                return at + behind;
            }
            body += chunk.len();
            wire += line.len() + chunk.len() + 2;
        }
        panic!("the body has no {offset} bytes");
    }

    /// Behind how many bytes of the body each chunk ends.
    pub(super) fn chunk_ends(&self) -> Vec<usize> {
        ends(&self.pieces())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).into_iter().next()
    }

    /// All values of a header.
    pub(super) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// What the server says it could not do.
    pub(super) fn missed(&self) -> Vec<&str> {
        self.headers("x-mynah-missed")
    }

    pub(super) fn events(&self, shape: Shape) -> Vec<Vec<u8>> {
        shape.events(&self.body())
    }
}

/// Where each of some pieces ends when they stand one behind the other.
pub(super) fn ends(pieces: &[Vec<u8>]) -> Vec<usize> {
    let mut end = 0;
    pieces
        .iter()
        .map(|piece| {
            end += piece.len();
            end
        })
        .collect()
}

/// Takes what stands in front of a mark, and the mark.
fn through(rest: &mut &[u8], mark: &[u8]) -> Option<Vec<u8>> {
    let at = find(rest, mark)?;
    let (taken, left) = rest.split_at(at + mark.len());
    *rest = left;
    Some(taken.to_vec())
}

/// Where something stands.
pub(super) fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, what)
}

/// Whether an answer is there whole, as its head tells.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let Some(head) = find(bytes, b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
    match text.split("content-length: ").nth(1) {
        Some(length) => {
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            bytes.len() >= head + 4 + length
        }
        None => bytes.ends_with(b"\r\n0\r\n\r\n"),
    }
}
