//! Reads an interaction from its document.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::{Asked, Body, Field, Interaction};
use crate::{
    document::{
        error::{Place, Problem, Source},
        read::read,
        yaml,
    },
    notation::{
        text::{self, BytesPiece},
        value::{List, Period},
    },
    plan::{
        carry::CarryAs,
        recorded::{Chunk, End, Head, Piece, Recorded, SizeLine},
    },
};

/// Reads a file beside a cassette, by its name.
pub type ReadFile = dyn Fn(&str) -> Result<Vec<u8>, String> + Send + Sync;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    cassette: u32,
    #[serde(default)]
    seq: u64,
    /// Computed from the request, so that edits count.
    #[serde(default, rename = "id")]
    _id: Option<String>,
    #[serde(default)]
    run: String,
    #[serde(default)]
    recorded: String,
    #[serde(default)]
    upstream: String,
    #[serde(default)]
    attempt: Option<u32>,
    #[serde(default, rename = "redacted")]
    is_redacted: bool,
    request: RequestDocument,
    response: ResponseDocument,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestDocument {
    method: String,
    path: String,
    #[serde(default)]
    query: IndexMap<String, List<String>>,
    #[serde(default)]
    headers: IndexMap<String, List<String>>,
    #[serde(default, deserialize_with = "given")]
    json: Option<Value>,
    text: Option<String>,
    base64: Option<String>,
    file: Option<String>,
    form: Option<Vec<FieldDocument>>,
}

/// A null that is given is something else than nothing.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldDocument {
    name: String,
    filename: Option<String>,
    #[serde(rename = "type")]
    content_type: Option<String>,
    text: Option<String>,
    base64: Option<String>,
    file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResponseDocument {
    #[serde(default)]
    interim: Vec<(Period, text::Bytes)>,
    status: Option<u16>,
    reason: Option<String>,
    version: Option<String>,
    #[serde(default)]
    head: Period,
    #[serde(default)]
    headers: Vec<(String, text::Bytes)>,
    raw: Option<text::Bytes>,
    #[serde(default)]
    sizes: SizesDocument,
    file: Option<String>,
    #[serde(default)]
    body: Vec<PieceDocument>,
    terminator: Option<text::Bytes>,
    #[serde(default)]
    rest: Vec<(Period, text::Bytes)>,
    ended: Option<Period>,
    end: End,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SizesDocument {
    #[default]
    Small,
    Capital,
}

/// `[time, bytes]`, and where needed what is odd about its chunk.
struct PieceDocument {
    at: Period,
    bytes: text::Bytes,
    extras: Extras,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Extras {
    chunk: Option<ChunkDocument>,
    line: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChunkDocument {
    GoesOn,
    Cut,
}

impl<'de> Deserialize<'de> for PieceDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = PieceDocument;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a time and bytes, such as [250ms, \"data: {}\\n\\n\"]")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<PieceDocument, A::Error> {
                let missing = |at| de::Error::invalid_length(at, &self);
                let at = items.next_element()?.ok_or_else(|| missing(0))?;
                let bytes = items.next_element()?.ok_or_else(|| missing(1))?;
                let extras = items.next_element()?.unwrap_or_default();
                if items.next_element::<de::IgnoredAny>()?.is_some() {
                    return Err(missing(4));
                }
                Ok(PieceDocument { at, bytes, extras })
            }
        }

        deserializer.deserialize_seq(Visitor)
    }
}

/// Reads the one interaction of a text. `line` is the number of its first line in
/// the file, counted from 1.
///
/// # Errors
///
/// All that is wrong with it.
pub fn interaction(source: &Arc<Source>, files: &ReadFile) -> Result<Interaction, Vec<Problem>> {
    let mut problems = Vec::new();
    let tree = match yaml::read(source).map_err(|problem| vec![problem])?.into_iter().next() {
        Some(tree) => tree,
        None => return Err(vec![Problem::error(source, Place::default(), "there is no interaction")]),
    };
    let Some(document) = read::<Document>(source, &tree, &mut problems) else { return Err(problems) };
    let wrong = |key: &str, message: String| {
        let place = tree.value(key).map_or(tree.place, |node| node.place);
        vec![Problem::error(source, place, message)]
    };
    if document.cassette != 1 {
        let message = format!("version {} of the format is not known; this is 1", document.cassette);
        return Err(wrong("cassette", message));
    }
    let is_head = document.request.method.eq_ignore_ascii_case("HEAD");
    Ok(Interaction {
        seq: document.seq,
        key: super::key::Key::default(),
        run: document.run,
        recorded: document.recorded,
        upstream: document.upstream,
        attempt: document.attempt.unwrap_or(1).max(1),
        is_redacted: document.is_redacted,
        request: request(document.request, files).map_err(|message| wrong("request", message))?,
        response: response(document.response, is_head, files)
            .map_err(|message| wrong("response", message))?,
    })
}

fn request(document: RequestDocument, files: &ReadFile) -> Result<Asked, String> {
    let pairs = |map: IndexMap<String, List<String>>| {
        let pair = |(name, List(values)): (String, List<String>)| {
            values.into_iter().map(move |value| (name.clone(), value)).collect::<Vec<_>>()
        };
        map.into_iter().flat_map(pair).collect()
    };
    let fields =
        |fields: Vec<_>| fields.into_iter().map(|it| field(it, files)).collect::<Result<Vec<_>, String>>();
    let form = document.form.map(fields);
    let body = match (document.json, document.text, document.base64, document.file, form) {
        (None, None, None, None, None) => Body::None,
        (Some(json), None, None, None, None) => Body::Json(json),
        (None, Some(text), None, None, None) => Body::Text(text),
        (None, None, Some(base64), None, None) => Body::Bytes(decode(&base64)?),
        (None, None, None, Some(file), None) => from_file(&file, files)?,
        (None, None, None, None, Some(fields)) => Body::Form(fields?),
        _ => return Err("a body is one of `json`, `text`, `base64`, `form` and `file`".to_owned()),
    };
    Ok(Asked {
        method: document.method,
        path: document.path,
        query: pairs(document.query),
        headers: pairs(document.headers),
        body,
    })
}

fn from_file(name: &str, files: &ReadFile) -> Result<Body, String> {
    let bytes: Bytes = files(name)?.into();
    Ok(match name.rsplit('.').next() {
        Some("json") => {
            Body::Json(serde_json::from_slice(&bytes).map_err(|error| format!("{name} is no JSON: {error}"))?)
        }
        Some("txt") => Body::Text(String::from_utf8_lossy(&bytes).into_owned()),
        _ => Body::Bytes(bytes),
    })
}

fn field(document: FieldDocument, files: &ReadFile) -> Result<Field, String> {
    let content = match (document.text, document.base64, document.file) {
        (Some(text), None, None) => text.into(),
        (None, Some(base64), None) => decode(&base64)?,
        (None, None, Some(file)) => files(&file)?.into(),
        _ => return Err("a field has one of `text`, `base64` and `file`".to_owned()),
    };
    Ok(Field {
        name: document.name,
        filename: document.filename,
        content_type: document.content_type,
        content,
    })
}

fn response(mut document: ResponseDocument, is_head: bool, files: &ReadFile) -> Result<Recorded, String> {
    let timed = |pieces: Vec<(Period, text::Bytes)>| -> Result<Vec<(Duration, Bytes)>, String> {
        pieces.into_iter().map(|(at, piece)| Ok((at.0, bytes(&piece)?))).collect()
    };
    let head = head(&mut document)?;
    let pieces = pieces(document.body, document.file.as_deref(), files)?;
    let end = document.end;
    let carry = head.as_ref().and_then(|head| head.carry(is_head));
    let (mut head, mut pieces) = (head, pieces);
    if carry.is_none() {
        // What an edit left behind a head that has no body.
        pieces.clear();
    }
    if let Some(last) = pieces.last_mut().filter(|last| end == End::Complete && last.chunk == Chunk::GoesOn) {
        last.chunk = Chunk::Ends;
    }
    let length = pieces.iter().map(|piece| piece.bytes.len()).sum();
    let told = (carry == Some(CarryAs::Length) && end == End::Complete).then_some(length);
    if let Some(head) = head.as_mut().filter(|head| !is_as_written(head, told)) {
        head.raw = None;
    }
    let last = pieces.last().map_or(document.head.0, |piece| piece.at);
    let usual = || {
        let is_ended = carry == Some(CarryAs::Chunked) && end == End::Complete;
        is_ended.then(|| Bytes::from_static(b"0\r\n\r\n"))
    };
    let terminator = document.terminator.map(|terminator| bytes(&terminator)).transpose()?.or_else(usual);
    Ok(Recorded {
        interim: timed(document.interim)?,
        head,
        carry,
        pieces,
        line: match document.sizes {
            SizesDocument::Small => SizeLine::Small,
            SizesDocument::Capital => SizeLine::Capital,
        },
        terminator,
        rest: timed(document.rest)?,
        end,
        end_at: document.ended.map_or(last, |ended| ended.0),
    })
}

fn head(document: &mut ResponseDocument) -> Result<Option<Head>, String> {
    let Some(status) = document.status else { return Ok(None) };
    if !(100..1000).contains(&status) {
        return Err(format!("{status} is no status of HTTP"));
    }
    let usual = || {
        let usual = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        usual.unwrap_or_default().to_owned()
    };
    let headers = std::mem::take(&mut document.headers).into_iter();
    Ok(Some(Head {
        at: document.head.0,
        version: document.version.take().unwrap_or_else(|| "1.1".to_owned()),
        status,
        reason: document.reason.take().unwrap_or_else(usual),
        headers: headers.map(|(name, value)| Ok((name, bytes(&value)?))).collect::<Result<_, String>>()?,
        raw: document.raw.take().map(|raw| bytes(&raw)).transpose()?,
    }))
}

/// Whether a head's own bytes still say what stands beside them: else they were edited,
/// and count for more.
fn is_as_written(head: &Head, length: Option<usize>) -> bool {
    let Some(raw) = &head.raw else { return true };
    let same = |known: &Head| {
        let told = known.header("content-length").map(|told| told.trim().parse::<usize>().ok());
        (known.status, &known.reason, &known.version, &known.headers)
            == (head.status, &head.reason, &head.version, &head.headers)
            && length.is_none_or(|length| told == Some(Some(length)))
    };
    super::scan::read_head(raw, head.at).is_some_and(|known| same(&known))
}

fn pieces(documents: Vec<PieceDocument>, file: Option<&str>, files: &ReadFile) -> Result<Vec<Piece>, String> {
    let mut content: Option<Bytes> = file.map(files).transpose()?.map(Bytes::from);
    let last = documents.len().saturating_sub(1);
    let piece = |(number, document): (usize, PieceDocument)| {
        let bytes = match &mut content {
            None => bytes(&document.bytes)?,
            Some(content) => {
                let count = match document.bytes.0.0.as_slice() {
                    [BytesPiece::Plain(count)] => count.parse::<usize>().ok(),
                    _ => None,
                };
                let count = count.ok_or("where the body lies in a file, pieces are counts of its bytes")?;
                // The last has the rest, however long an editor made it.
                let count = if number == last { content.len() } else { count.min(content.len()) };
                content.split_to(count)
            }
        };
        let chunk = match document.extras.chunk {
            None => Chunk::Ends,
            Some(ChunkDocument::GoesOn) => Chunk::GoesOn,
            Some(ChunkDocument::Cut) => Chunk::Cut,
        };
        Ok(Piece { at: document.at.0, bytes, chunk, line: document.extras.line })
    };
    let read: Result<Vec<_>, String> = documents.into_iter().enumerate().map(piece).collect();
    Ok(without_empty(read?))
}

/// Without pieces that somebody emptied, each of which would end the chunks.
fn without_empty(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut kept: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        if !piece.bytes.is_empty() {
            kept.push(piece);
        } else if let Some(last) = kept.last_mut().filter(|last| last.chunk == Chunk::GoesOn) {
            last.chunk = piece.chunk;
        }
    }
    kept
}

fn bytes(written: &text::Bytes) -> Result<Bytes, String> {
    let mut bytes = Vec::new();
    for piece in &written.0.0 {
        match piece {
            BytesPiece::Plain(text) => bytes.extend_from_slice(text.as_bytes()),
            BytesPiece::Base64(text) => bytes.extend_from_slice(&decode(text)?),
            BytesPiece::Json(json) => bytes.extend_from_slice(json.to_string().as_bytes()),
            _ => return Err("recorded bytes are a text, `{base64: …}` or `{json: …}`".to_owned()),
        }
    }
    Ok(bytes.into())
}

fn decode(base64: &str) -> Result<Bytes, String> {
    let compact: String = base64.split_ascii_whitespace().collect();
    STANDARD.decode(compact).map(Bytes::from).map_err(|error| format!("this is no base64: {error}"))
}
