//! However a stream travels, it says the same.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use mynah::plan::WirePlan;
use proptest::prelude::*;
use serde_json::Value;

use super::{
    asked::{Way, builder, explain, plan},
    grammar::harmless,
};
use crate::cases;

/// A body without its coding.
fn decoded(plan: &WirePlan, is_raw: bool) -> Vec<u8> {
    let body = plan.body.as_ref();
    let mut plain = Vec::new();
    let coding = plan.headers.get("content-encoding").map(|coding| coding.to_str().unwrap());
    let read = match coding {
        None => return body.to_vec(),
        Some("gzip") => MultiGzDecoder::new(body).read_to_end(&mut plain),
        Some("deflate") if is_raw => DeflateDecoder::new(body).read_to_end(&mut plain),
        Some("deflate") => ZlibDecoder::new(body).read_to_end(&mut plain),
        Some("br") => brotli::Decompressor::new(body, 4096).read_to_end(&mut plain),
        Some("zstd") => zstd::Decoder::new(body).unwrap().read_to_end(&mut plain),
        Some(coding) => panic!("{coding}"),
    };
    read.unwrap_or_else(|error| panic!("{coding:?}: {error}"));
    plain
}

/// The payloads of a stream of server-sent events, by the rules of the standard.
fn payloads(body: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(body).unwrap().replace("\r\n", "\n").replace('\r', "\n");
    let blocks = text.split("\n\n").map(|block| {
        let lines = block.split('\n').filter_map(|line| line.strip_prefix("data:"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
    });
    blocks.filter(|payload| !payload.is_empty()).collect()
}

/// What a stream of either dialect says.
fn said(payloads: &[String]) -> String {
    let read = payloads.iter().filter(|payload| *payload != "[DONE]").map(|payload| {
        let payload: Value =
            serde_json::from_str(payload).unwrap_or_else(|error| panic!("{error}: {payload}"));
        let openai = payload.pointer("/choices/0/delta/content");
        let text = openai.or(payload.pointer("/candidates/0/content/parts/0/text"));
        text.and_then(Value::as_str).unwrap_or_default().to_owned()
    });
    read.collect()
}

/// The body behind a head, by the rules of HTTP; `None` where the head tells of
/// none of them.
fn dechunked(wire: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (mut body, mut sizes, mut rest) = (Vec::new(), Vec::new(), wire);
    loop {
        let at = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap(), 16).unwrap();
        rest = &rest[at + 2..];
        if size == 0 {
            return (body, sizes);
        }
        assert_eq!(&rest[size..size + 2], b"\r\n");
        body.extend_from_slice(&rest[..size]);
        sizes.push(size);
        rest = &rest[size + 2..];
    }
}

/// Body and chunks of an answer as it stands on the wire, answers in front of it
/// passed over.
pub(super) fn unwired(wire: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let end = wire.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let (head, rest) = wire.split_at(end);
    let head = std::str::from_utf8(head).unwrap().to_lowercase();
    if head.starts_with("http/1.1 1") {
        unwired(rest)
    } else if head.contains("transfer-encoding: chunked") {
        dechunked(rest)
    } else {
        if let Some((_, length)) = head.split_once("content-length: ") {
            assert_eq!(length.lines().next().unwrap().parse(), Ok(rest.len()));
        }
        (rest.to_vec(), vec![rest.len()])
    }
}

proptest! {
    #![proptest_config(cases(80))]

    #[test]
    fn what_only_travels_otherwise_says_the_same(yaml in harmless(), number in 0..2_usize) {
        let way = Way::new([0, 3][number], false);
        let Some(explanation) = explain(builder(&yaml), way) else { return Ok(()) };
        let played = explanation.plan;
        prop_assert_eq!(&played.missed, &Vec::<String>::new(), "{}", yaml);
        if let Some(script) = &played.script {
            prop_assert_eq!(unwired(&script.bytes).0, played.body.to_vec(), "{}", yaml);
        }
        let (line, rest) = yaml.split_once('{').unwrap();
        let (reply, _) = rest.rsplit_once(", wire:").unwrap();
        let reply = reply.split_once(", pace:").map_or(reply, |(reply, _)| reply);
        let plain = plan(&format!("{line}{{{reply}}}}}"), way);
        let body = decoded(&played, yaml.contains("raw_deflate"));
        prop_assert_eq!(said(&payloads(&body)), said(&payloads(&plain.body)), "{}", yaml);
        prop_assert_eq!(payloads(&body).len(), payloads(&plain.body).len(), "{}", yaml);
    }

    #[test]
    fn texts_are_said_as_they_were_given(texts in proptest::collection::vec("\\PC{0,8}|[\\n\\r\\t\"\\\\\u{0}\u{2028}é😀]{1,4}", 1..6), number in 0..2_usize) {
        let yaml = serde_json::json!({"scenario": 1, "stubs": {"then": {"text": texts}}}).to_string();
        let plan = plan(&yaml, Way::new([0, 3][number], false));
        let told = super::told::concat(&plan.json()["pieces"]);
        prop_assert_eq!(said(&payloads(&told)), texts.concat());
    }
}
