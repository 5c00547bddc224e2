//! Replies: exactly one kind, and everything in it right.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{Compiler, Path};
use crate::{
    answer::png::png,
    dialect::{DIALECTS, event::Framing, patch},
    notation::value::List,
    reply::{self, Arguments, Media, Retry},
    scenario::{
        error::{Problem, did_you_mean},
        file::Operation,
        payload::{self, BytesPiece, Fill, InnerReply, Text, Texts},
        stub::{Candidate, Dress, Kind, Part, Payload, Pieces, Raw, RawPiece, Reply, Sort, TextSort},
        then::{self, Embedding, ErrorReply, From, KINDS, RetryAfter, SORTS, Then},
        tree::{OnKey, expected_words},
    },
};

/// Bytes that a reply may be filled with.
const LONGEST_FILL: u64 = 256 << 20;

impl Kind {
    /// The operations that it answers where none is given; `None`: any.
    pub(super) fn operations(&self) -> Option<&'static [Operation]> {
        match self {
            Self::Error(..) | Self::Raw(_) => None,
            Self::Embedding(_) => Some(&[Operation::Embed]),
            Self::Count(_) => Some(&[Operation::Count]),
            Self::Models(_) => Some(&[Operation::Models]),
            Self::Say(_) | Self::Block(_) | Self::Events(_) | Self::Below | Self::BuiltIn => {
                Some(&[Operation::Generate])
            }
        }
    }
}

impl Compiler<'_> {
    pub(super) fn reply(&mut self, then: &Then, path: &Path<'_>, defaults: Option<&Then>) -> Option<Reply> {
        let own = self.dress(then, path);
        let dress = match defaults {
            // What is wrong with the defaults is told once.
            Some(defaults) => own.over(&Compiler { problems: Vec::new(), ..*self }.dress(defaults, path)),
            None => own,
        };
        let kinds = then.kinds();
        match kinds.as_slice() {
            [_] => {}
            [] => {
                let hint = expected_words(&KINDS);
                self.problems.push(
                    self.document
                        .problem(path, OnKey::No, "this reply says nothing: it has no kind")
                        .hint(hint),
                );
                return None;
            }
            [first, second, ..] => {
                let message = format!("a reply has one kind, and this has two: `{first}` and `{second}`");
                self.error_at_key(&path.key(second), message);
                return None;
            }
        }
        self.useless(then, kinds[0], path);
        self.kind(then, path).map(|kind| Reply { kind, dress })
    }

    fn kind(&mut self, then: &Then, path: &Path<'_>) -> Option<Kind> {
        if let Some(text) = &then.text {
            let pieces = self.pieces(text, &path.key("text"))?;
            return Some(Kind::Say(vec![said(text_part(TextSort::Text, pieces))]));
        }
        if let Some(List(parts)) = &then.parts {
            let parts = self.parts(parts, &path.key("parts"))?;
            return Some(Kind::Say(vec![Candidate { parts, finish: None, split: None }]));
        }
        if let Some(json) = &then.json {
            let pieces = Pieces::Split(Text::Plain(json.to_string()));
            return Some(Kind::Say(vec![said(text_part(TextSort::Text, pieces))]));
        }
        if let Some(List(candidates)) = &then.candidates {
            return self.candidates(candidates, &path.key("candidates")).map(Kind::Say);
        }
        if let Some(error) = &then.error {
            return self.error_reply(error, &path.key("error"));
        }
        if let Some(List(events)) = &then.events {
            let path = path.key("events");
            let events = events.iter().enumerate();
            let events: Vec<_> = events.map(|(at, event)| self.payload(event, &path.index(at))).collect();
            return events.into_iter().collect::<Option<_>>().map(Kind::Events);
        }
        if let Some(raw) = &then.raw {
            return self.raw(raw, &path.key("raw")).map(|raw| Kind::Raw(Box::new(raw)));
        }
        if let Some(embedding) = &then.embedding {
            return Some(Kind::Embedding(match embedding {
                Embedding::One(vector) => vec![vector.clone()],
                Embedding::Each(vectors) => vectors.clone(),
            }));
        }
        if let Some(block) = &then.block {
            return Some(Kind::Block(block.clone()));
        }
        match (then.count, &then.models, then.from) {
            (Some(count), ..) => Some(Kind::Count(count)),
            (_, Some(List(models)), _) => Some(Kind::Models(models.clone())),
            (.., Some(From::Below)) => Some(Kind::Below),
            (.., Some(From::BuiltIn)) => Some(Kind::BuiltIn),
            // Cassettes and upstreams are told about elsewhere.
            _ => None,
        }
    }

    /// Keys that do nothing beside this kind.
    fn useless(&mut self, then: &Then, kind: &str, path: &Path<'_>) {
        let is_said = matches!(kind, "text" | "parts" | "json" | "candidates" | "from");
        let is_cut = then.text.as_ref().is_none_or(|texts| matches!(texts, Texts::One(_)));
        let patches = [
            ("gemini", then.gemini.is_some()),
            ("openai", then.openai.is_some()),
            ("anthropic", then.anthropic.is_some()),
        ];
        let mut keys = vec![
            ("finish", then.finish.is_some() && !is_said),
            ("usage", then.usage.is_some() && !is_said && kind != "block" && kind != "embedding"),
            ("split", then.split.is_some() && !(is_said && is_cut)),
            ("shape", then.shape.is_some() && kind == "raw"),
        ];
        keys.extend(patches.map(|(key, is_given)| (key, is_given && !is_said && kind != "block")));
        for (key, _) in keys.into_iter().filter(|(_, is_useless)| *is_useless) {
            let why = match (kind, key) {
                ("text", _) => "the list gives the deltas as they are",
                ("error", "gemini" | "openai" | "anthropic") => {
                    "members of the error object stand in `error`"
                }
                _ => "this kind of reply has none",
            };
            self.warn_at_key(&path.key(key), format!("`{key}` does nothing beside `{kind}`: {why}"));
        }
    }

    fn candidates(&mut self, candidates: &[then::Candidate], path: &Path<'_>) -> Option<Vec<Candidate>> {
        if candidates.is_empty() {
            self.error(path, "at least one candidate is needed");
        }
        let mut all = Vec::new();
        for (at, candidate) in candidates.iter().enumerate() {
            let path = path.index(at);
            let parts = match (&candidate.text, &candidate.parts, &candidate.json) {
                (Some(text), None, None) => {
                    self.pieces(text, &path.key("text")).map(|pieces| vec![text_part(TextSort::Text, pieces)])
                }
                (None, Some(List(parts)), None) => self.parts(parts, &path.key("parts")),
                (None, None, Some(json)) => {
                    Some(vec![text_part(TextSort::Text, Pieces::Split(Text::Plain(json.to_string())))])
                }
                _ => {
                    self.error(&path, "a candidate has exactly one of `text`, `parts` and `json`");
                    None
                }
            };
            let (finish, split) = (candidate.finish.clone(), candidate.split);
            all.push(parts.map(|parts| Candidate { parts, finish, split }));
        }
        all.into_iter().collect()
    }

    fn parts(&mut self, parts: &[then::Part], path: &Path<'_>) -> Option<Vec<Part>> {
        let parts: Vec<_> =
            parts.iter().enumerate().map(|(at, part)| self.part(part, &path.index(at))).collect();
        parts.into_iter().collect()
    }

    fn part(&mut self, part: &then::Part, path: &Path<'_>) -> Option<Part> {
        let signature = part.signature.as_ref().map(|text| self.text(text, &path.key("signature")));
        let signature = match signature {
            Some(None) => return None,
            Some(signature) => signature,
            None => None,
        };
        let sort = match (part.sorts().as_slice(), &signature) {
            ([], Some(_)) => None,
            ([sort], _) => Some(self.sort(part, path, sort)?),
            ([], None) => {
                let problem = self.document.problem(path, OnKey::No, "this part is empty");
                self.problems.push(problem.hint(expected_words(&SORTS)));
                return None;
            }
            ([first, second, ..], _) => {
                let message = format!("a part is of one sort, and this has two: `{first}` and `{second}`");
                self.error_at_key(&path.key(second), message);
                return None;
            }
        };
        Some(Part { sort, signature })
    }

    fn sort(&mut self, part: &then::Part, path: &Path<'_>, sort: &str) -> Option<Sort> {
        let path = path.key(sort);
        let texts = [
            (TextSort::Text, &part.text),
            (TextSort::Thought, &part.thought),
            (TextSort::Refusal, &part.refusal),
            (TextSort::Code, &part.code),
            (TextSort::CodeResult, &part.code_result),
        ];
        for (sort, texts) in texts {
            if let Some(texts) = texts {
                return self.pieces(texts, &path).map(|pieces| Sort::Text(sort, pieces));
            }
        }
        if let Some(call) = &part.call {
            return self.call(call, &path).map(Sort::Call);
        }
        let media = [&part.image, &part.audio, &part.video].into_iter().flatten().next()?;
        self.media(media, &path, sort).map(Sort::Media)
    }

    fn call(&mut self, call: &then::Call, path: &Path<'_>) -> Option<reply::Call> {
        let arguments = match (&call.args, &call.fragments) {
            (Some(_), Some(_)) => {
                self.error_at_key(&path.key("fragments"), "a call has `args` or `fragments`, not both");
                return None;
            }
            (None, Some(List(fragments))) => Arguments::Fragments(fragments.clone()),
            (args, None) => Arguments::Object(args.clone().unwrap_or_default().into()),
        };
        if call.name.is_empty() {
            self.error(&path.key("name"), "a call needs the name of its tool");
        }
        Some(reply::Call { name: call.name.clone(), id: call.id.clone(), arguments })
    }

    fn media(&mut self, media: &then::Media, path: &Path<'_>, sort: &str) -> Option<Media> {
        let usual = match sort {
            "image" => "image/png",
            "audio" => "audio/wav",
            _ => "video/mp4",
        };
        let mime = media.mime.clone();
        let (content, guessed) = match (&media.size, &media.file, &media.base64) {
            (Some(size), None, None) if sort == "image" => {
                let Some((width, height)) = dimensions(size) else {
                    let message =
                        format!("{size:?} is no size of a picture: write it as 64x64, up to 8192x8192");
                    self.error(&path.key("size"), message);
                    return None;
                };
                (png(width, height), "image/png")
            }
            (Some(_), None, None) => {
                self.error_at_key(
                    &path.key("size"),
                    format!("only pictures are made by size; give this {sort} a `file` or `base64`"),
                );
                return None;
            }
            (None, Some(name), None) => (self.file(name, &path.key("file"))?, mime_of(name).unwrap_or(usual)),
            (None, None, Some(text)) => match STANDARD.decode(text) {
                Ok(content) => (content, usual),
                Err(error) => {
                    self.error(&path.key("base64"), format!("this is no base64: {error}"));
                    return None;
                }
            },
            _ => {
                self.error(path, "exactly one of `size`, `file` and `base64` is needed");
                return None;
            }
        };
        let mime = mime.map_or_else(|| guessed.to_owned().into(), Into::into);
        Some(Media { mime, content: content.into() })
    }

    fn error_reply(&mut self, error: &ErrorReply, path: &Path<'_>) -> Option<Kind> {
        if !(400..=599).contains(&error.status) {
            self.error(
                &path.key("status"),
                format!("an error's status lies between 400 and 599, not {}", error.status),
            );
            return None;
        }
        let retry = match &error.retry_after {
            Some(hint) => Some(self.retry(hint, &path.key("retry_after"))?),
            None => None,
        };
        Some(Kind::Error(Box::new(error.clone()), retry))
    }

    fn retry(&mut self, hint: &RetryAfter, path: &Path<'_>) -> Option<Retry> {
        let forms = [
            hint.after.map(|time| Retry::After(time.0)),
            hint.seconds.map(|time| Retry::Seconds(time.0)),
            hint.date.map(|time| Retry::Date(time.0)),
            hint.ms.map(|time| Retry::Milliseconds(time.0)),
            hint.info.map(|time| Retry::Info(time.0)),
        ];
        let given: Vec<_> = forms.into_iter().flatten().collect();
        match given.as_slice() {
            [only] => Some(only.clone()),
            _ => {
                self.error(path, "exactly one of a duration, `seconds`, `date`, `ms` and `info` is needed");
                None
            }
        }
    }

    fn raw(&mut self, raw: &then::Raw, path: &Path<'_>) -> Option<Raw> {
        let status = raw.status.unwrap_or(200);
        let Some(status) =
            StatusCode::from_u16(status).ok().filter(|status| (200..=599).contains(&status.as_u16()))
        else {
            self.error(&path.key("status"), format!("a status lies between 200 and 599, not {status}"));
            return None;
        };
        let mut headers = HeaderMap::new();
        for (name, List(values)) in raw.headers.iter().flatten() {
            let Ok(name) = HeaderName::try_from(name) else {
                self.error_at_key(&path.key("headers").key(name), format!("`{name}` is no name of a header"));
                continue;
            };
            for value in values {
                match HeaderValue::try_from(value) {
                    Ok(value) => drop(headers.append(&name, value)),
                    Err(_) => {
                        self.error(&path.key("headers").key(name.as_str()), "no header can have this value");
                    }
                }
            }
        }
        let body = raw.body.as_ref().map_or(Some(Vec::new()), |body| self.bytes(body, &path.key("body")))?;
        Some(Raw { status, headers, body })
    }

    pub(super) fn payload(&mut self, payload: &payload::Payload, path: &Path<'_>) -> Option<Payload> {
        match (&payload.json, &payload.text, &payload.lines, &payload.raw, &payload.reply) {
            (Some(json), None, None, None, None) => Some(Payload::Json(json.clone())),
            (None, Some(text), None, None, None) => {
                self.text(text, &path.key("text")).map(|text| Payload::Text(text, Framing::Data))
            }
            (None, None, Some(List(lines)), None, None) => {
                let path = path.key("lines");
                let lines: Vec<_> =
                    lines.iter().enumerate().map(|(at, line)| self.text(line, &path.index(at))).collect();
                lines.into_iter().collect::<Option<_>>().map(Payload::Lines)
            }
            (None, None, None, Some(raw), None) => self.bytes(raw, &path.key("raw")).map(Payload::Raw),
            (None, None, None, None, Some(inner)) => {
                let reply = self.reply(&inner.as_then(), &path.key("reply"), None)?;
                Some(Payload::Reply(Box::new(reply)))
            }
            _ => {
                self.error(path, "an event has exactly one of `json`, `text`, `lines`, `raw` and `reply`");
                None
            }
        }
    }

    pub(super) fn bytes(&mut self, bytes: &payload::Bytes, path: &Path<'_>) -> Option<Vec<RawPiece>> {
        let pieces: Vec<_> =
            bytes.0.0.iter().enumerate().map(|(at, piece)| self.piece(piece, &path.index(at))).collect();
        pieces.into_iter().collect()
    }

    fn piece(&mut self, piece: &BytesPiece, path: &Path<'_>) -> Option<RawPiece> {
        let bytes = match piece {
            BytesPiece::Plain(text) => text.clone().into_bytes(),
            BytesPiece::Hex(digits) => match from_hex(digits) {
                Some(bytes) => bytes,
                None => {
                    self.error(&path.key("hex"), "expected an even number of hexadecimal digits");
                    return None;
                }
            },
            BytesPiece::Base64(text) => match STANDARD.decode(text) {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.error(&path.key("base64"), format!("this is no base64: {error}"));
                    return None;
                }
            },
            BytesPiece::Json(json) => json.to_string().into_bytes(),
            BytesPiece::Fill(fill) => self.fill(fill, &path.key("fill"))?.into_bytes(),
            BytesPiece::Random(size) if size.0 > LONGEST_FILL => {
                self.error(&path.key("random"), format!("more than {LONGEST_FILL} bytes are not made"));
                return None;
            }
            BytesPiece::Random(size) => return usize::try_from(size.0).ok().map(RawPiece::Random),
            BytesPiece::File(name) => self.file(name, &path.key("file"))?,
        };
        Some(RawPiece::Bytes(Bytes::from(bytes)))
    }

    fn pieces(&mut self, texts: &Texts, path: &Path<'_>) -> Option<Pieces> {
        match texts {
            Texts::One(text) => self.text(text, path).map(Pieces::Split),
            Texts::Pieces(pieces) => {
                let pieces: Vec<_> =
                    pieces.iter().enumerate().map(|(at, text)| self.text(text, &path.index(at))).collect();
                pieces.into_iter().collect::<Option<_>>().map(Pieces::Given)
            }
        }
    }

    /// A text with all that can be known of it before a request comes.
    fn text(&mut self, text: &Text, path: &Path<'_>) -> Option<Text> {
        Some(match text {
            Text::Plain(_) | Text::Echo(_) => text.clone(),
            Text::Fill(fill) => Text::Plain(self.fill(fill, &path.key("fill"))?),
            Text::File(name) => {
                let path = path.key("file");
                let Ok(text) = String::from_utf8(self.file(name, &path)?) else {
                    self.error(&path, "this file is no UTF-8, so it is no text");
                    return None;
                };
                Text::Plain(text)
            }
        })
    }

    fn fill(&mut self, fill: &Fill, path: &Path<'_>) -> Option<String> {
        if fill.size.0 > LONGEST_FILL {
            self.error(path, format!("more than {LONGEST_FILL} bytes are not filled"));
            return None;
        }
        Some(fill.text())
    }

    fn file(&mut self, name: &str, path: &Path<'_>) -> Option<Vec<u8>> {
        (self.files)(name).map_err(|reason| self.error(path, reason)).ok()
    }

    /// What stands beside the kind.
    pub(super) fn dress(&mut self, then: &Then, path: &Path<'_>) -> Dress {
        let mut heartbeat = None;
        if let Some(pace) = &then.pace {
            let path = path.key("pace");
            if let Some(beat) = &pace.heartbeat {
                let path = path.key("heartbeat");
                if beat.every.0.is_zero() {
                    self.error(&path.key("every"), "heartbeats need some time between them");
                }
                heartbeat = self.payload(&beat.as_payload(), &path);
            }
            for (at, pause) in pace.pause.iter().flat_map(|List(pauses)| pauses).enumerate() {
                if pause.before.is_some() == pause.after.is_some() {
                    self.error(
                        &path.key("pause").index(at),
                        "a pause has exactly one of `before` and `after`",
                    );
                }
            }
            if pace.load.is_some_and(|load| load.0 < 0.0) {
                self.error(&path.key("load"), "delays do not get shorter with load");
            }
        }
        let patches = [("gemini", &then.gemini), ("openai", &then.openai), ("anthropic", &then.anthropic)];
        for (name, patch) in patches {
            for member in patch.iter().flat_map(|patch| patch.keys()) {
                self.check_patch(name, member, &path.key(name));
            }
        }
        Dress {
            finish: then.finish.clone(),
            usage: then.usage,
            split: then.split,
            shape: then.shape,
            pace: then.pace.clone(),
            heartbeat,
            set: then.set.clone().unwrap_or_default(),
            patches: patches.into_iter().filter_map(|(name, patch)| Some((name, patch.clone()?))).collect(),
        }
    }

    fn check_patch(&mut self, dialect: &str, member: &str, path: &Path<'_>) {
        let served = DIALECTS.iter().find(|known| known.name() == dialect);
        let patches = served.map_or(&patch::ANTHROPIC, |dialect| dialect.patches());
        if patches.know(member) {
            return;
        }
        let meant = did_you_mean(member, patches.names());
        let meant = meant.map(|meant| format!(", did you mean `{meant}`?")).unwrap_or_default();
        let names: Vec<_> = patches.names().collect();
        let problem: Problem = self.document.problem(
            &path.key(member),
            OnKey::Yes,
            format!("{dialect}'s answers have no member `{member}`{meant}"),
        );
        self.problems.push(problem.hint(expected_words(&names)));
    }
}

fn said(part: Part) -> Candidate {
    Candidate { parts: vec![part], finish: None, split: None }
}

fn text_part(sort: TextSort, pieces: Pieces) -> Part {
    Part { sort: Some(Sort::Text(sort, pieces)), signature: None }
}

fn dimensions(size: &str) -> Option<(u32, u32)> {
    let (width, height) = size.split_once('x')?;
    let side = |text: &str| text.trim().parse().ok().filter(|side| (1..=8192).contains(side));
    Some((side(width)?, side(height)?))
}

fn mime_of(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1.to_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "pcm" => "audio/L16;codec=pcm;rate=24000",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "pdf" => "application/pdf",
        _ => return None,
    })
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if digits.len() % 2 == 1 {
        return None;
    }
    let pairs = digits.chunks(2).map(|pair| {
        let text = std::str::from_utf8(pair).ok()?;
        text.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u8::from_str_radix(text, 16).ok())?
    });
    pairs.collect()
}

impl InnerReply {
    /// The same as a reply.
    pub(super) fn as_then(&self) -> Then {
        Then {
            text: self.text.clone(),
            parts: self.parts.clone(),
            json: self.json.clone(),
            candidates: self.candidates.clone(),
            block: self.block.clone(),
            error: self.error.clone(),
            finish: self.finish.clone(),
            usage: self.usage,
            split: self.split,
            ..Then::default()
        }
    }
}

impl crate::scenario::pace::Heartbeat {
    /// What is sent.
    fn as_payload(&self) -> payload::Payload {
        payload::Payload {
            json: self.json.clone(),
            text: self.text.clone(),
            lines: self.lines.clone(),
            raw: self.raw.clone(),
            reply: self.reply.clone(),
        }
    }
}
