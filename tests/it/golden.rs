//! Transcripts of the wire: `tests/golden/wire/NAME.yaml` says what is sent,
//! `NAME.txt` beside it what then stands on the wire, byte for byte.
//!
//! `MYNAH_BLESS=1 cargo test` writes the transcripts anew, for a reviewer to
//! read in the diff.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use serde::Deserialize;

use crate::raw::{Answer, Raw, request};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default)]
    base_path: String,
    max_body: Option<u64>,
    exchanges: Vec<Exchange>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    /// Such as `POST /v1/chat/completions`.
    request: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

#[tokio::test]
async fn every_transcript_is_still_what_stands_on_the_wire() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/wire");
    let mut cases: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
    cases.sort();
    assert!(!cases.is_empty());
    let mut changed = Vec::new();
    for path in cases {
        let text = fs::read_to_string(&path).unwrap();
        let case: Case =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let transcript = transcript(case).await;
        let golden = path.with_extension("txt");
        if std::env::var_os("MYNAH_BLESS").is_some_and(|bless| bless == "1") {
            fs::write(&golden, &transcript).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != transcript {
            changed.push(format!("{}:\n{transcript}", golden.display()));
        }
    }
    assert!(changed.is_empty(), "changed, or never blessed (MYNAH_BLESS=1):\n{}", changed.join("\n"));
}

async fn transcript(case: Case) -> String {
    let mut builder = mynah::Server::builder()
        .seed(7)
        .clock("2026-01-01T00:00:00Z".parse().unwrap())
        .base_path(&case.base_path);
    for key in &case.keys {
        builder = builder.api_key(key);
    }
    if let Some(bytes) = case.max_body {
        builder = builder.max_body(bytes);
    }
    let server = builder.start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let mut text = format!("{}\n", case.about.trim_end());
    for exchange in case.exchanges {
        let headers: Vec<_> =
            exchange.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let sent = request(&exchange.request, &headers, exchange.body.trim_end());
        client.send(&sent);
        let Answer { head, wire, .. } = client.answer();
        text.push('\n');
        show(&mut text, "> ", sent.as_bytes());
        show(&mut text, "< ", head.as_bytes());
        show(&mut text, "< ", &wire);
    }
    text
}

/// A line for each line on the wire, its end shown.
fn show(text: &mut String, mark: &str, bytes: &[u8]) {
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        text.push_str(mark);
        for piece in line.utf8_chunks() {
            for character in piece.valid().chars() {
                match character {
                    '\r' => text.push_str("\\r"),
                    '\n' => text.push_str("\\n"),
                    '\\' => text.push_str("\\\\"),
                    character if character.is_control() => text.extend(character.escape_unicode()),
                    character => text.push(character),
                }
            }
            for byte in piece.invalid() {
                write!(text, "\\x{byte:02x}").unwrap();
            }
        }
        text.push('\n');
    }
}
