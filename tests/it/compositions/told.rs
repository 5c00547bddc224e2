//! What a plan's JSON tells: all of it is put together again.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use mynah::notation::value::{Period, Word};
use serde_json::Value;

/// How a connection is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// It ended.
    Ended,
    /// It was reset.
    Reset,
    /// It takes a further request.
    Open,
}

/// An answer, as its plan's JSON tells it.
#[derive(Debug)]
pub(crate) struct Told {
    /// All that comes, in order. The lines of the head are in no order where
    /// HTTP writes them.
    pub(crate) bytes: Vec<u8>,
    pub(crate) left: Left,
    pub(crate) has_script: bool,
}

pub(crate) fn told(plan: &Value) -> Told {
    let socket = &plan["socket"];
    if socket.is_null() {
        return Told { bytes: by_http(plan), left: Left::Open, has_script: false };
    }
    let end = &socket["end"];
    let mut all = concat(&socket["writes"]);
    all.extend(bytes(&end["put"]));
    all.extend(bytes(&end["then"]));
    let left = match (end["how"].as_str().unwrap(), socket["closes"].as_bool().unwrap()) {
        ("complete", false) => Left::Open,
        ("complete", true) | ("close" | "half_close", _) => Left::Ended,
        ("reset", _) => Left::Reset,
        (how, _) => panic!("{how}"),
    };
    Told { bytes: all, left, has_script: true }
}

/// The status line and what is under it, but for what tells the body's length.
pub(crate) fn head(plan: &Value) -> Vec<u8> {
    let mut head =
        format!("HTTP/1.1 {} {}\r\n", plan["status"], plan["reason"].as_str().unwrap()).into_bytes();
    for header in plan["headers"].as_array().unwrap() {
        head.extend([header[0].as_str().unwrap().as_bytes(), b": ", &bytes(&header[1]), b"\r\n"].concat());
    }
    head
}

/// As HTTP writes it.
fn by_http(plan: &Value) -> Vec<u8> {
    let mut head = head(plan);
    let body = if plan["carry"] == "chunked" {
        head.extend(b"transfer-encoding: chunked\r\n");
        let pieces = plan["pieces"].as_array().unwrap().iter().map(|piece| bytes(&piece["bytes"]));
        let chunk = |piece: Vec<u8>| [format!("{:X}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat();
        let chunks: Vec<_> = pieces.filter(|piece| !piece.is_empty()).map(chunk).collect();
        [chunks.concat(), b"0\r\n\r\n".to_vec()].concat()
    } else {
        let body = concat(&plan["pieces"]);
        head.extend(format!("content-length: {}\r\n", body.len()).as_bytes());
        body
    };
    [in_no_order(&head), b"\r\n".to_vec(), body].concat()
}

/// The same lines of a head, sorted.
pub(crate) fn in_no_order(head: &[u8]) -> Vec<u8> {
    let mut lines: Vec<_> = head.split_inclusive(|byte| *byte == b'\n').collect();
    lines[1..].sort_unstable();
    lines.concat()
}

/// The bytes of all these, one behind the other.
pub(crate) fn concat(all: &Value) -> Vec<u8> {
    all.as_array().unwrap().iter().flat_map(|one| bytes(&one["bytes"])).collect()
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.clone().into_bytes(),
        value => STANDARD.decode(value["base64"].as_str().unwrap()).unwrap(),
    }
}

pub(crate) fn time(value: &Value) -> Duration {
    Period::from_text(value.as_str().unwrap()).unwrap().0
}
