//! Whatever bytes come, the server neither ends nor hangs.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use proptest::{collection::vec, prelude::*};

use crate::{
    bad_http::{CHAT, GEMINI, GENERATE, OPENAI, chunked},
    command::Serving,
    raw::{Raw, request},
};

/// Four good requests of every kind, one behind the other.
pub(crate) fn good() -> Vec<u8> {
    let extra = [("authorization", "Bearer k"), ("expect", "100-continue"), ("accept", "*/*")];
    let streamed = CHAT.replacen('{', r#"{"stream": true, "#, 1);
    [
        request(OPENAI, &extra, CHAT),
        chunked(GEMINI, GENERATE).replace("0\r\n\r\n", "0;x=y\r\na: b\r\n\r\n"),
        request("GET /v1/models?key=k", &[("connection", "keep-alive")], ""),
        request(OPENAI, &[], &streamed),
    ]
    .concat()
    .into_bytes()
}

/// A change of bytes: where, how many go, and what comes in their place.
fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, Vec<u8>)>> {
    let telling = prop::sample::select(vec![
        &b"\r\n"[..],
        b"\n",
        b"\r",
        b"\0",
        b": ",
        b" ",
        b"\t",
        b",",
        b";",
        b"0",
        b"ffffffffffffffff",
        b"\r\n\r\n",
        b"content-length: 7\r\n",
        b"transfer-encoding: chunked\r\n",
        b"HTTP/1.0",
        b"HTTP/2.0",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01",
        b"expect: 100-continue\r\n",
        b"upgrade: h2c\r\n",
        b"*",
        b"%00%ff",
    ]);
    let put = prop_oneof![3 => telling.prop_map(<[u8]>::to_vec), 1 => vec(any::<u8>(), 0..20)];
    vec((any::<prop::sample::Index>(), prop_oneof![3 => 0..3_usize, 1 => 0..200_usize], put), 0..5)
}

fn edited((start, edits): (prop::sample::Index, Vec<(prop::sample::Index, usize, Vec<u8>)>)) -> Vec<u8> {
    let mut bytes = good();
    for (at, gone, put) in edits {
        let at = at.index(bytes.len() + 1);
        let end = (at + gone).min(bytes.len());
        drop(bytes.splice(at..end, put));
    }
    // Mostly all of it, else from somewhere on.
    let start = start.index(4 * bytes.len() + 1);
    bytes.split_off(if start < bytes.len() { start } else { 0 })
}

/// Whether the server ends the connection, once it got these bytes and their end.
fn ends(url: &str, bytes: &[u8], piece: usize) -> bool {
    let mut socket = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let sent = bytes.chunks(piece).all(|piece| socket.write_all(piece).is_ok());
    // It may be over before.
    let _ = sent && socket.shutdown(Shutdown::Write).is_ok();
    match socket.read_to_end(&mut Vec::new()) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn nothing_that_comes_ends_the_server_or_holds_it_up() {
    let serving = Serving::start(&["--log", "off"]);
    let url = serving.url().to_owned();
    assert!(ends(&url, &good(), 10_000));
    let mutated = (any::<prop::sample::Index>(), edits()).prop_map(edited);
    let bytes = prop_oneof![3 => mutated, 1 => vec(any::<u8>(), 0..300)];
    let pieces = prop_oneof![Just(1_usize), 2..100_usize, Just(100_000)];
    proptest!(|(bytes in bytes, piece in pieces)| {
        prop_assert!(ends(&url, &bytes, piece));
        prop_assert_eq!(Raw::connect(&url).ask(OPENAI, &[], CHAT).status(), 200);
    });
    serving.signal("TERM");
    // Where a task of the server's panics, it says so there.
    assert_eq!(serving.end(), (Some(0), String::new()));
}
