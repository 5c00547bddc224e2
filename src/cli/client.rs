//! Asks a running server about itself. One request on a plain socket: no runtime is
//! worth starting for it.

use std::{
    fmt,
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use http::Uri;

/// Bytes of an answer that are looked at.
const LONGEST_ANSWER: u64 = 64 << 20;

/// Where a server listens.
#[derive(Clone, Debug)]
pub(super) struct Place {
    host: String,
    port: u16,
    /// In front of all paths; empty, or with a slash at its start alone.
    base: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}{}", self.host, self.port, self.base)
    }
}

/// Reads a URL.
pub(super) fn place(text: &str) -> Result<Place, String> {
    let expected = "expected where a server listens, such as http://127.0.0.1:4100";
    let url: Uri = text.parse().map_err(|error| format!("{expected}: {error}"))?;
    if url.scheme_str() != Some("http") {
        return Err(format!("{expected}: it has to begin with http://"));
    }
    let host = url.host().filter(|host| !host.is_empty()).ok_or(expected)?;
    let names_port = url.authority().is_some_and(|authority| authority.as_str().len() > host.len());
    let port = match url.port_u16() {
        None if names_port => return Err(format!("{expected}: a port is a number up to 65535")),
        port => port.unwrap_or(80),
    };
    Ok(Place { host: host.to_owned(), port, base: url.path().trim_end_matches('/').to_owned() })
}

/// What is asked.
#[derive(Debug, Default)]
pub(super) struct Question<'a> {
    /// The path below the place.
    pub(super) path: &'a str,
    /// What is sent; nothing: it is asked by GET.
    pub(super) body: &'a str,
    /// The token that admits.
    pub(super) token: Option<&'a str>,
}

impl Place {
    /// Asks, and waits so long for a connection and for each piece of the answer: the
    /// status, and the body.
    ///
    /// # Errors
    ///
    /// Why there is no answer, in words.
    pub(super) fn ask(&self, question: &Question<'_>, patience: Duration) -> Result<(u16, String), String> {
        let answer = self.exchange(question, patience).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                format!("no answer within {} s", patience.as_secs_f32())
            }
            _ => error.to_string(),
        })?;
        let line = answer.lines().next().unwrap_or_default();
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let (Some(status), Some((_, body))) = (status, answer.split_once("\r\n\r\n")) else {
            return Err(format!("something else answers there: {line:?}"));
        };
        Ok((status, body.to_owned()))
    }

    fn exchange(&self, question: &Question<'_>, patience: Duration) -> io::Result<String> {
        let Self { host, port, base } = self;
        let bare = host.trim_matches(['[', ']']);
        let mut last = io::Error::other("the host has no address");
        for address in (bare, *port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, patience) {
                Ok(mut socket) => {
                    socket.set_read_timeout(Some(patience))?;
                    socket.set_write_timeout(Some(patience))?;
                    let Question { path, body, token } = question;
                    let method = if body.is_empty() { "GET" } else { "POST" };
                    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
                    let request = format!(
                        "{method} {base}{path} HTTP/1.0\r\nHost: {host}:{port}\r\nConnection: close\r\n\
                         {}Content-Length: {}\r\n\r\n{body}",
                        token.unwrap_or_default(),
                        body.len()
                    );
                    socket.write_all(request.as_bytes())?;
                    let mut answer = String::new();
                    socket.take(LONGEST_ANSWER).read_to_string(&mut answer)?;
                    return Ok(answer);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}
