//! Refusing what is no request: why, in which words, and how the connection ends.

use std::{fmt, time::Duration};

use http::{HeaderValue, StatusCode};

use super::{
    link::Link,
    socket::{Socket, read_to_end, write_all},
    watch::{Opening, Stage, State},
};
use crate::plan::Marks;

/// Bytes that the head of a request may have: the SDKs send less than one KiB, and
/// a chain of proxies adds a few.
pub(super) const MOST_HEAD: usize = 64 << 10;

/// Headers that a request may have: as many as hyper reads without allocating. The
/// SDKs send fewer than twenty.
const MOST_HEADERS: usize = 100;

/// How long the rest of what a client sends is read, so that it gets to see why
/// that is in vain: with a reset, the system throws away what has not been read.
const LINGER: Duration = Duration::from_secs(2);

/// Why a connection ends before anything could be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is no HTTP, for this reason.
    NotHttp(String),
    /// The head is too long, or has too many headers.
    HeadTooLarge,
    /// The head began and did not come in this time.
    Late(Duration),
    /// The client ended it within a head.
    Cut,
    /// A TLS handshake.
    Tls,
    /// HTTP/2 with prior knowledge.
    Http2,
}

impl Fault {
    /// Why HTTP gave up; `None` where the peer has just gone.
    pub(super) fn of(error: &hyper::Error, state: State) -> Option<Self> {
        if error.is_incomplete_message() && state.stage() == Stage::Head {
            return Some(Self::Cut);
        }
        if !error.is_parse() {
            return None;
        }
        Some(match state.opening() {
            Opening::Tls => Self::Tls,
            Opening::Http2 => Self::Http2,
            Opening::Other if error.is_parse_too_large() => Self::HeadTooLarge,
            // It names what is wrong, and nothing of what was sent.
            Opening::Other => Self::NotHttp(error.to_string()),
        })
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotHttp(_) | Self::Cut | Self::Tls => StatusCode::BAD_REQUEST,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Late(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Http2 => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        }
    }

    /// What is sent.
    fn bytes(&self, date: &HeaderValue, marks: Marks) -> Vec<u8> {
        if *self == Self::Http2 {
            return goaway(&self.to_string());
        }
        let text = format!("mynah: {self}\n");
        let mut bytes = format!("HTTP/1.1 {}\r\ndate: ", self.status()).into_bytes();
        bytes.extend_from_slice(date.as_bytes());
        bytes.extend_from_slice(b"\r\ncontent-type: text/plain; charset=utf-8\r\n");
        if marks == Marks::Shown {
            bytes.extend_from_slice(b"x-mynah-answer: refusal\r\n");
        }
        let end = format!("connection: close\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        bytes.extend_from_slice(end.as_bytes());
        bytes
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHttp(reason) => write!(f, "this is no HTTP request: {reason}"),
            Self::HeadTooLarge => write!(
                f,
                "the head is too large: it has {MOST_HEAD} bytes and {MOST_HEADERS} headers at the most"
            ),
            Self::Late(limit) => write!(f, "the head of the request did not come within {limit:?}"),
            Self::Cut => f.write_str("the request ended within its head"),
            Self::Tls => {
                f.write_str("a TLS handshake came, and here is plain HTTP: use http:// in place of https://")
            }
            Self::Http2 => f.write_str("HTTP/2 came without asking first, and here is HTTP/1.1"),
        }
    }
}

/// A refusal in HTTP/2: no settings, and a good-bye that says which version to use.
fn goaway(reason: &str) -> Vec<u8> {
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const GOAWAY: u8 = 7;
    const HTTP_1_1_REQUIRED: u32 = 13;
    let length = u8::try_from(8 + reason.len()).unwrap_or(u8::MAX);
    let reason = &reason.as_bytes()[..usize::from(length) - 8];
    let mut bytes = SETTINGS.to_vec();
    bytes.extend_from_slice(&[0, 0, length, GOAWAY, 0, 0, 0, 0, 0]);
    // The last stream that was served.
    bytes.extend_from_slice(&0_u32.to_be_bytes());
    bytes.extend_from_slice(&HTTP_1_1_REQUIRED.to_be_bytes());
    bytes.extend_from_slice(reason);
    bytes
}

/// Tells a client why its connection ends.
pub(super) async fn refuse<S: Socket>(link: &Link<S>, fault: &Fault, date: &HeaderValue, marks: Marks) {
    let status = fault.status();
    let how = if *fault == Fault::Http2 { "GOAWAY" } else { status.as_str() };
    tracing::warn!("a connection is refused with {how}: {fault}");
    // What an earlier answer left there would stand before it.
    if !link.is_full() {
        let bytes = fault.bytes(date, marks);
        drop(tokio::time::timeout(LINGER, write_all(&link.socket, &bytes)).await);
    }
    linger(&link.socket).await;
}

/// Ends a connection that HTTP has let go of.
pub(super) async fn let_go<S: Socket>(link: &Link<S>) {
    if let Some(held) = link.take_held() {
        drop(tokio::time::timeout(LINGER, write_all(&link.socket, &held)).await);
        linger(&link.socket).await;
    } else if link.seen.may_have_more() {
        linger(&link.socket).await;
    }
}

/// Says that nothing more will be sent, and reads for a while what is still sent.
async fn linger(socket: &impl Socket) {
    if socket.finish().is_ok() {
        drop(tokio::time::timeout(LINGER, read_to_end(socket)).await);
    }
}

/// The length of a refusal of HTTP's own at the end of these bytes, which says
/// nothing but its status; or of an answer of ours that looks like one.
pub(super) fn automatic(bytes: &[u8]) -> usize {
    const LENGTH: &str = "content-length: 0";
    const CLOSE: &str = "connection: close";
    const STATUSES: [&str; 2] = ["400", "431"];
    if !bytes.ends_with(b"\r\ncontent-length: 0\r\n\r\n") {
        return 0;
    }
    let Some(start) = memchr::memmem::rfind(bytes, b"HTTP/1.") else { return 0 };
    let Ok(head) = std::str::from_utf8(&bytes[start..]) else { return 0 };
    let mut lines = head.trim_end().split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first.split(' ').nth(1).unwrap_or_default();
    let is_bare = lines.clone().all(|line| line == LENGTH || line == CLOSE);
    // HTTP's own refusal ends the connection; an answer on one that goes on is ours.
    let closes = first.starts_with("HTTP/1.0") || lines.any(|line| line == CLOSE);
    if is_bare && closes && STATUSES.contains(&status) { head.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_nothing_is_held_back() {
        let bare = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let old = "HTTP/1.0 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n";
        let before = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        for refusal in [bare, old] {
            assert_eq!(automatic(refusal.as_bytes()), refusal.len());
            assert_eq!(automatic(format!("{before}{refusal}").as_bytes()), refusal.len());
        }
        for other in [
            before.to_owned(),
            bare.replace("400 Bad Request", "404 Not Found"),
            bare.replace("connection: close", "date: today"),
            format!("{bare}hi"),
            bare[9..].to_owned(),
            String::new(),
        ] {
            assert_eq!(automatic(other.as_bytes()), 0, "{other}");
        }
    }

    #[test]
    fn a_refusal_in_http2_is_a_frame_of_its_length() {
        for reason in ["", "no", &"x".repeat(1000)] {
            let bytes = goaway(reason);
            assert_eq!(usize::from(bytes[11]), bytes.len() - 18);
            assert_eq!(bytes[12], 7);
            assert!(bytes.len() <= 18 + 255);
        }
    }
}
