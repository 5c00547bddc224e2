//! `mynah health`: for a container's health check, and for waiting in scripts.

use std::{
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
    url: Uri,
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

fn ask(url: &Uri) -> Result<(), String> {
    let host = url.host().ok_or("the URL names no host")?;
    if url.scheme_str().is_some_and(|scheme| scheme != "http") {
        return Err("only http:// can be asked".to_owned());
    }
    let port = url.port_u16().unwrap_or(80);
    let answer = exchange(host, port).map_err(|error| error.to_string())?;
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
                write!(
                    socket,
                    "GET /__mynah/health HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
                )?;
                let mut answer = String::new();
                socket.take(LONGEST_ANSWER).read_to_string(&mut answer)?;
                return Ok(answer);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
