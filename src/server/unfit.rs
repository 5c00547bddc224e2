//! What is wrong with a request though its head could be read: rules of HTTP that
//! hyper leaves to others, and bodies that do not come as they should.

use std::{error::Error, io, time::Duration};

use http::{HeaderMap, Version, header};

use super::watch::Seen;
use crate::{dialect::Route, reply::ApiError, request::Request};

/// Why a request is not looked at any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It does not say which host it is for.
    NoHost,
    /// It says so more than once.
    ManyHosts,
    /// Its length is told in two ways, and who stands before this server may have
    /// taken the other.
    Twofold,
    /// Its body comes in chunks of chunks.
    TwiceChunked,
    /// Its body comes in a coding that is none here.
    Coding,
    /// Something else than to be told to go on is expected.
    Expectation,
    /// The body has more bytes than allowed.
    TooLarge,
    /// The body ended before it was over.
    Short,
    /// The body's chunks are malformed, or there is too much between them.
    Chunks,
    /// The body stopped coming for this time.
    Stalled(Duration),
    /// The body broke off.
    Broken,
}

impl Unfit {
    /// What is said of it in a dialect; a body may have `limit` bytes.
    pub(super) fn error(self, route: &Route, limit: u64) -> ApiError {
        let (status, message) = match self {
            Self::TooLarge => return route.dialect.too_large(limit),
            Self::Stalled(time) => {
                return ApiError::new(408, format!("The body of the request stopped coming for {time:?}."));
            }
            Self::NoHost => (400, "The request has no Host header."),
            Self::ManyHosts => (400, "The request has more than one Host header."),
            Self::Twofold => (400, "The request has both Content-Length and Transfer-Encoding."),
            Self::TwiceChunked => (400, "The transfer coding `chunked` is applied more than once."),
            Self::Coding => (501, "The only transfer coding that is understood is `chunked`."),
            Self::Expectation => (417, "The only expectation that can be met is `100-continue`."),
            Self::Short => (400, "The body of the request ended early."),
            Self::Chunks => (400, "The chunks of the request's body could not be read."),
            Self::Broken => (400, "The body of the request could not be read."),
        };
        ApiError::new(status, message)
    }

    /// Whether the connection ends with the refusal: what comes next may not be
    /// what it seems, or not come at all.
    pub(super) fn closes(self) -> bool {
        // HTTP finds out by itself whether such a body was read to its end.
        !matches!(self, Self::TooLarge)
    }

    /// Why a body broke off.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut source = Some(error);
        while let Some(error) = source {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return match error.kind() {
                    io::ErrorKind::UnexpectedEof => Self::Short,
                    io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Self::Chunks,
                    _ => Self::Broken,
                };
            }
            source = error.source();
        }
        Self::Broken
    }
}

/// What is wrong with a head. `has_length` where its body is of a known length, and
/// `number` is the request's on its connection.
pub(super) fn unfit(request: &Request, has_length: bool, (seen, number): (&Seen, u64)) -> Option<Unfit> {
    let headers = &request.headers;
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version >= Version::HTTP_11 => return Some(Unfit::NoHost),
        (_, Some(_)) => return Some(Unfit::ManyHosts),
        _ => {}
    }
    if !has_length && let Some(unfit) = coding(headers, seen.is_twofold(number)) {
        return Some(unfit);
    }
    let mut expected = headers.get_all(header::EXPECT).iter();
    let is_other = |value: &http::HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    (request.version >= Version::HTTP_11 && expected.any(is_other)).then_some(Unfit::Expectation)
}

/// What is wrong with how a body is to come.
fn coding(headers: &HeaderMap, is_twofold: bool) -> Option<Unfit> {
    let mut lines = headers.get_all(header::TRANSFER_ENCODING).iter().peekable();
    lines.peek()?;
    if is_twofold {
        return Some(Unfit::Twofold);
    }
    let codings = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let mut count = 0;
    for coding in codings.map(<[u8]>::trim_ascii).filter(|coding| !coding.is_empty()) {
        if !coding.eq_ignore_ascii_case(b"chunked") {
            return Some(Unfit::Coding);
        }
        count += 1;
    }
    (count > 1).then_some(Unfit::TwiceChunked)
}
