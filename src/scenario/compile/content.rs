//! Texts, bytes and pictures, made ready as far as they can be before a request
//! comes.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;

use super::{Compiler, Path};
use crate::{
    answer::png::png,
    notation::text::{self, BytesPiece, Fill, Piece, Text, Texts},
    reply::Media,
    scenario::{stub::Pieces, then},
};

/// Bytes that a reply may be filled with.
const LONGEST_FILL: u64 = 256 << 20;

/// Bytes that all fills and files of a scenario may have: they are held ready.
const MOST_HELD: u64 = 1 << 30;

impl Compiler<'_> {
    pub(super) fn media(&mut self, media: &then::Media, path: &Path<'_>, sort: &str) -> Option<Media> {
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
            (None, None, Some(text)) => (self.base64(text, &path.key("base64"))?, usual),
            _ => {
                self.error(path, "exactly one of `size`, `file` and `base64` is needed");
                return None;
            }
        };
        let mime = mime.map_or_else(|| guessed.to_owned().into(), Into::into);
        Some(Media { mime, content: content.into() })
    }

    pub(super) fn bytes(&mut self, bytes: &text::Bytes, path: &Path<'_>) -> Option<Vec<Piece>> {
        let pieces: Vec<_> =
            bytes.0.0.iter().enumerate().map(|(at, piece)| self.piece(piece, &path.index(at))).collect();
        pieces.into_iter().collect()
    }

    fn piece(&mut self, piece: &BytesPiece, path: &Path<'_>) -> Option<Piece> {
        let bytes = match piece {
            BytesPiece::Plain(text) => text.clone().into_bytes(),
            BytesPiece::Hex(digits) => match from_hex(digits) {
                Some(bytes) => bytes,
                None => {
                    self.error(&path.key("hex"), "expected an even number of hexadecimal digits");
                    return None;
                }
            },
            BytesPiece::Base64(text) => self.base64(text, &path.key("base64"))?,
            BytesPiece::Json(json) => json.to_string().into_bytes(),
            BytesPiece::Fill(fill) => self.fill(fill, &path.key("fill"))?.into_bytes(),
            BytesPiece::Random(size) => {
                self.made(size.0, &path.key("random"))?;
                return usize::try_from(size.0).ok().map(Piece::Random);
            }
            BytesPiece::File(name) => self.file(name, &path.key("file"))?,
        };
        Some(Piece::Bytes(Bytes::from(bytes)))
    }

    pub(super) fn pieces(&mut self, texts: &Texts, path: &Path<'_>) -> Option<Pieces> {
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
    pub(super) fn text(&mut self, text: &Text, path: &Path<'_>) -> Option<Text> {
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
        self.made(fill.size.0, path)?;
        Some(fill.text())
    }

    pub(super) fn file(&mut self, name: &str, path: &Path<'_>) -> Option<Vec<u8>> {
        let content = (self.files)(name).map_err(|reason| self.error(path, reason)).ok()?;
        self.made(content.len() as u64, path)?;
        Some(content)
    }

    /// Whether a piece of so many bytes more can be held ready.
    pub(super) fn made(&mut self, bytes: u64, path: &Path<'_>) -> Option<()> {
        if bytes > LONGEST_FILL {
            self.error(
                path,
                format!("these are {bytes} bytes; {LONGEST_FILL} (256MiB) are made at the most"),
            );
            return None;
        }
        self.hold(bytes, path)
    }

    /// Whether so many bytes more can be held ready; told once where not.
    pub(super) fn hold(&mut self, bytes: u64, path: &Path<'_>) -> Option<()> {
        let before = self.held;
        self.held = before.saturating_add(bytes);
        if before <= MOST_HELD && self.held > MOST_HELD {
            self.error(path, "here the texts, files and random bytes of this scenario exceed 1GiB");
        }
        (self.held <= MOST_HELD).then_some(())
    }

    fn base64(&mut self, text: &str, path: &Path<'_>) -> Option<Vec<u8>> {
        STANDARD.decode(text).map_err(|error| self.error(path, why_no_base64(text, &error))).ok()
    }
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

/// What of a text is no base64.
fn why_no_base64(text: &str, error: &base64::DecodeError) -> String {
    match error {
        base64::DecodeError::InvalidByte(at, _) => {
            let character = text.char_indices().rfind(|(start, _)| start <= at).map(|(_, found)| found);
            format!("this is no base64: {:?} cannot stand there", character.unwrap_or_default())
        }
        base64::DecodeError::InvalidLength(_) | base64::DecodeError::InvalidPadding => {
            "this is no base64: it is not filled up with `=` to a multiple of four characters".to_owned()
        }
        base64::DecodeError::InvalidLastSymbol { .. } => {
            "this is no base64: its last character is wrong".to_owned()
        }
    }
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
