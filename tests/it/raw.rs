//! A client that speaks bytes: what it sends is what stands there, and what
//! comes back is kept as it came, chunk by chunk.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

/// Long enough that only a server that hangs meets it.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub(crate) struct Raw {
    socket: TcpStream,
    /// Read, and not yet taken for an answer.
    ahead: Vec<u8>,
}

/// One answer, as it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Answer {
    /// From the status line to the blank line.
    pub(crate) head: String,
    /// Everything behind it, chunk lines included.
    pub(crate) wire: Vec<u8>,
    /// The body's pieces: its chunks, or all of it.
    pub(crate) chunks: Vec<Vec<u8>>,
}

impl Raw {
    /// Connects to the host and port of a URL.
    pub(crate) fn connect(url: &str) -> Self {
        let authority = url.trim_start_matches("http://").split('/').next().unwrap();
        let socket = TcpStream::connect(authority).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, ahead: Vec::new() }
    }

    /// Sends these bytes.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends a request with a body and takes its answer.
    pub(crate) fn ask(&mut self, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send(request(line, headers, body));
        self.answer()
    }

    /// Takes the next answer.
    pub(crate) fn answer(&mut self) -> Answer {
        let head = self.until(b"\r\n\r\n");
        let head = String::from_utf8(head).unwrap();
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (found, value) = line.split_once(':')?;
                found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        if header("transfer-encoding").is_some_and(|coding| coding == "chunked") {
            let (wire, chunks) = self.chunked();
            return Answer { head, wire, chunks };
        }
        let length = header("content-length").map_or(0, |length| length.parse().unwrap());
        let body = self.exactly(length);
        Answer { head, wire: body.clone(), chunks: vec![body] }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    /// Takes all that comes until the server closes the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.ahead);
        self.socket.read_to_end(&mut rest).unwrap();
        rest
    }

    /// Takes all that comes until the server resets the connection.
    pub(crate) fn until_reset(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.ahead);
        let error = self.socket.read_to_end(&mut rest).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        rest
    }

    /// Takes what comes up to this text.
    pub(crate) fn until_text(&mut self, end: &str) -> String {
        String::from_utf8(self.until(end.as_bytes())).unwrap()
    }

    /// Waits for the first bytes of an answer.
    pub(crate) fn peek(&mut self) {
        assert!(self.socket.peek(&mut [0; 1]).unwrap() > 0);
    }

    /// Whether the server closed the connection, nothing more having come.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.ahead.is_empty() && matches!(self.socket.read(&mut [0; 1]), Ok(0))
    }

    fn chunked(&mut self) -> (Vec<u8>, Vec<Vec<u8>>) {
        let (mut wire, mut chunks) = (Vec::new(), Vec::new());
        loop {
            let line = self.until(b"\r\n");
            let size = std::str::from_utf8(&line).unwrap().trim_end();
            let size = usize::from_str_radix(size, 16).unwrap();
            let chunk = self.exactly(size + 2);
            assert!(chunk.ends_with(b"\r\n"), "a chunk of {size} bytes ends elsewhere");
            wire.extend(line);
            wire.extend(&chunk);
            if size == 0 {
                return (wire, chunks);
            }
            chunks.push(chunk[..size].to_vec());
        }
    }

    fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.ahead.windows(end.len()).position(|window| window == end) {
                return self.take(at + end.len());
            }
            self.read_on();
        }
    }

    fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.ahead.len() < length {
            self.read_on();
        }
        self.take(length)
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.ahead.split_off(length);
        std::mem::replace(&mut self.ahead, rest)
    }

    fn read_on(&mut self) {
        let mut piece = vec![0; 64 * 1024];
        let length = self.socket.read(&mut piece).unwrap();
        assert!(length > 0, "the connection ended behind {:?}", self.ahead.escape_ascii().to_string());
        self.ahead.extend(&piece[..length]);
    }
}

impl Answer {
    /// The status code.
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// The body, put together.
    pub(crate) fn body(&self) -> String {
        String::from_utf8(self.chunks.concat()).unwrap()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body()).unwrap()
    }

    /// A header's first value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// A request as bytes; `line` is such as `POST /v1/chat/completions`.
pub(crate) fn request(line: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut request = format!("{line} HTTP/1.1\r\nhost: mynah.test\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    request + "\r\n" + body
}
