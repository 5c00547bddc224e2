//! `mynah health`: for a container's health check, and for waiting in scripts.

use std::{
    fmt,
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use clap::Args;
use http::Uri;

use super::{Exit, output};

/// How long to wait for the connection, and for the answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes of an answer that are looked at.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// Ask a running server whether it is well
#[derive(Debug, Args)]
pub(super) struct Health {
    /// Where it listens, such as http://127.0.0.1:4100
    #[arg(value_parser = place)]
    url: Place,
}

/// A host and a port.
#[derive(Clone, Debug)]
struct Place {
    host: String,
    port: u16,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

fn place(text: &str) -> Result<Place, String> {
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
    Ok(Place { host: host.to_owned(), port })
}

impl Health {
    pub(super) fn run(&self) -> Exit {
        match ask(&self.url) {
            Ok(()) => {
                output::print("ok\n");
                Exit::Ok
            }
            Err(problem) => {
                output::complain(&format!("{} is not healthy: {problem}", self.url));
                Exit::Failed
            }
        }
    }
}

fn ask(place: &Place) -> Result<(), String> {
    let answer = exchange(&place.host, place.port).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("no answer within {} s", PATIENCE.as_secs())
        }
        _ => error.to_string(),
    })?;
    let status = answer.lines().next().unwrap_or_default();
    if status.contains(" 200 ") && answer.contains(r#""name":"mynah""#) {
        return Ok(());
    }
    Err(format!("something else answers there: {status:?}"))
}

/// One request on a plain socket: no runtime is worth starting for it.
fn exchange(host: &str, port: u16) -> io::Result<String> {
    let bare = host.trim_matches(['[', ']']);
    let mut last = io::Error::other("the host has no address");
    for address in (bare, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(mut socket) => {
                socket.set_read_timeout(Some(PATIENCE))?;
                socket.set_write_timeout(Some(PATIENCE))?;
                let request = format!(
                    "GET /__mynah/health HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
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
