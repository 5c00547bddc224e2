//! The encode stage: how a body is compressed, and when its bytes come out.

use std::io::{self, Write};

use brotli::{CompressorWriter, enc::BrotliEncoderParams};
use flate2::{
    Compression, GzBuilder,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::notation::value::{Size, Word};

/// A coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Coding {
    /// None.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950.
    Deflate,
    /// RFC 1951, which some take for it.
    RawDeflate,
    /// RFC 7932.
    Br,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    /// Its name in `content-encoding` (RFC 9110, 8.4.1): none where nothing is
    /// coded, and the same for both that are taken for `deflate`.
    pub fn token(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Deflate | Self::RawDeflate => Some("deflate"),
            Self::Br => Some("br"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// When compressed bytes come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// Behind every event.
    Event,
    /// Every event is a stream of its own.
    Member,
    /// At the end.
    End,
    /// Every so many bytes.
    Size(Size),
}

impl Serialize for Flush {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Event => serializer.serialize_str("event"),
            Self::Member => serializer.serialize_str("member"),
            Self::End => serializer.serialize_str("end"),
            Self::Size(size) => size.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Flush {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.as_str() {
            "event" => Ok(Self::Event),
            "member" => Ok(Self::Member),
            "end" => Ok(Self::End),
            text => Size::from_text(text).map(Self::Size).ok_or_else(|| {
                D::Error::custom(format!(
                    "expected `event`, `member`, `end` or a size such as 1KiB, found {text:?}"
                ))
            }),
        }
    }
}

impl JsonSchema for Flush {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Flush".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"enum": ["event", "member", "end"]}, Size::json_schema(generator)]})
    }
}

/// A body, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The body as it stands on the wire.
    pub body: Vec<u8>,
    /// What it leaves in; the last end is the body's.
    pub pieces: Vec<Piece>,
    /// So many pieces, from the first, belong to the event of the same number
    /// each. None do where events share what comes out.
    pub events: usize,
}

/// Bytes that come out of the encoder together: from where the piece before
/// ends. A coder may have nothing to say of an empty event; its piece is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it ends in the encoded body.
    pub end: usize,
    /// When it comes out.
    pub due: Due,
}

/// When bytes come out of the encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// When so many bytes of the plain body went in: with the last of them.
    Input(usize),
    /// When the body ends.
    End,
}

/// Encodes a body whose events end at `ends`; what stands behind the last of
/// them belongs to none. The same for the same arguments.
///
/// - [`Flush::Event`]: a piece for each event, and one for what finishes the
///   stream.
/// - [`Flush::Member`]: a piece for each event. Without events there is nothing.
/// - [`Flush::End`]: one piece.
/// - [`Flush::Size`]: a piece for every so many bytes, and one for the rest and
///   what finishes the stream. 0 is taken for 1.
///
/// [`Coding::Identity`] holds nothing back, so it leaves the pieces as they are.
///
/// # Errors
///
/// The coder's own, which for a body in memory is only that it lacks memory.
pub fn encode(body: &[u8], ends: &[usize], coding: Coding, flush: Flush) -> io::Result<Encoded> {
    match flush {
        Flush::Member => members(body, ends, coding),
        // What is not coded can be cut anywhere.
        _ if coding == Coding::Identity => members(body, ends, coding),
        Flush::Event => {
            let mut stream = Stream::new(coding, body.len())?;
            for event in split(body, ends) {
                stream.piece(event)?;
            }
            let events = stream.pieces.len();
            stream.end(body, events)
        }
        Flush::End => Stream::new(coding, body.len())?.end(body, 0),
        Flush::Size(size) => {
            let size = usize::try_from(size.0).unwrap_or(usize::MAX).max(1);
            let mut stream = Stream::new(coding, body.len())?;
            for chunk in body.chunks_exact(size) {
                stream.piece(chunk)?;
            }
            stream.end(body, 0)
        }
    }
}

fn members(body: &[u8], ends: &[usize], coding: Coding) -> io::Result<Encoded> {
    let mut encoded = Encoded { body: Vec::new(), pieces: Vec::with_capacity(ends.len()), events: 0 };
    let mut taken = 0;
    for event in split(body, ends) {
        encoded.body = member(event, coding, encoded.body)?;
        taken += event.len();
        encoded.pieces.push(Piece { end: encoded.body.len(), due: Due::Input(taken) });
    }
    encoded.events = encoded.pieces.len();
    if taken < body.len() {
        encoded.body = member(&body[taken..], coding, encoded.body)?;
        encoded.pieces.push(Piece { end: encoded.body.len(), due: Due::End });
    }
    Ok(encoded)
}

/// A complete stream, behind what is there.
fn member(plain: &[u8], coding: Coding, out: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut coder = Coder::new(coding, plain.len(), out)?;
    coder.writer().write_all(plain)?;
    coder.finish()
}

/// The events of a body, by their ends. Ends that go back or too far are empty
/// events, or shorter ones.
fn split<'a>(body: &'a [u8], ends: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut from = 0;
    ends.iter().map(move |end| {
        let to = (*end).clamp(from, body.len());
        let event = &body[from..to];
        from = to;
        event
    })
}

/// One stream that is flushed in between.
struct Stream {
    coder: Coder,
    taken: usize,
    pieces: Vec<Piece>,
}

impl Stream {
    fn new(coding: Coding, size: usize) -> io::Result<Self> {
        Ok(Self { coder: Coder::new(coding, size, Vec::new())?, taken: 0, pieces: Vec::new() })
    }

    /// Takes these bytes, and gives out all that it has.
    fn piece(&mut self, plain: &[u8]) -> io::Result<()> {
        let writer = self.coder.writer();
        writer.write_all(plain)?;
        writer.flush()?;
        self.taken += plain.len();
        self.pieces.push(Piece { end: self.coder.out().len(), due: Due::Input(self.taken) });
        Ok(())
    }

    /// Takes what is left of the body, and finishes.
    fn end(mut self, body: &[u8], events: usize) -> io::Result<Encoded> {
        self.coder.writer().write_all(&body[self.taken..])?;
        let body = self.coder.finish()?;
        self.pieces.push(Piece { end: body.len(), due: Due::End });
        Ok(Encoded { body, pieces: self.pieces, events })
    }
}

/// A coder that writes into memory.
enum Coder {
    Identity(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
    RawDeflate(DeflateEncoder<Vec<u8>>),
    Br(Box<CompressorWriter<Vec<u8>>>),
    Zstd(zstd::Encoder<'static, Vec<u8>>),
}

/// The operating system in gzip's header (RFC 1952, 2.3.1): unknown, wherever
/// this runs.
const NO_SYSTEM: u8 = 255;

/// Between speed and size, where servers that compress on the fly stand.
const BROTLI_QUALITY: i32 = 5;

/// Bounds of brotli's window, as powers of two (RFC 7932, 9.1), and the bytes
/// that it lacks to its power.
const BROTLI_WINDOWS: (u32, u32) = (10, 22);
const BROTLI_WINDOW_GAP: usize = 16;

/// How much of brotli's output is copied at once.
const BROTLI_BUFFER: usize = 4096;

impl Coder {
    /// A coder that appends to `out` and will take `size` bytes: what is small
    /// gets small tables.
    fn new(coding: Coding, size: usize, out: Vec<u8>) -> io::Result<Self> {
        let level = Compression::default();
        Ok(match coding {
            Coding::Identity => Self::Identity(out),
            Coding::Gzip => {
                Self::Gzip(GzBuilder::new().mtime(0).operating_system(NO_SYSTEM).write(out, level))
            }
            Coding::Deflate => Self::Deflate(ZlibEncoder::new(out, level)),
            Coding::RawDeflate => Self::RawDeflate(DeflateEncoder::new(out, level)),
            Coding::Br => {
                let params = brotli_params(size);
                Self::Br(Box::new(CompressorWriter::with_params(out, BROTLI_BUFFER, &params)))
            }
            Coding::Zstd => {
                let mut coder = zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                coder.set_pledged_src_size(u64::try_from(size).ok())?;
                // A server that streams does not know it, so the header does not tell it.
                coder.include_contentsize(false)?;
                Self::Zstd(coder)
            }
        })
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Identity(out) => out,
            Self::Gzip(coder) => coder,
            Self::Deflate(coder) => coder,
            Self::RawDeflate(coder) => coder,
            Self::Br(coder) => coder,
            Self::Zstd(coder) => coder,
        }
    }

    /// What came out so far.
    fn out(&self) -> &[u8] {
        match self {
            Self::Identity(out) => out,
            Self::Gzip(coder) => coder.get_ref(),
            Self::Deflate(coder) => coder.get_ref(),
            Self::RawDeflate(coder) => coder.get_ref(),
            Self::Br(coder) => coder.get_ref(),
            Self::Zstd(coder) => coder.get_ref(),
        }
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity(out) => Ok(out),
            Self::Gzip(coder) => coder.finish(),
            Self::Deflate(coder) => coder.finish(),
            Self::RawDeflate(coder) => coder.finish(),
            Self::Br(coder) => Ok(coder.into_inner()),
            Self::Zstd(coder) => coder.finish(),
        }
    }
}

fn brotli_params(size: usize) -> BrotliEncoderParams {
    let (least, most) = BROTLI_WINDOWS;
    let window = (least..most).find(|log| size + BROTLI_WINDOW_GAP <= 1 << log).unwrap_or(most);
    BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: window.cast_signed(),
        size_hint: size,
        ..BrotliEncoderParams::default()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
    use proptest::prelude::*;

    use super::*;

    const CODINGS: [Coding; 6] =
        [Coding::Identity, Coding::Gzip, Coding::Deflate, Coding::RawDeflate, Coding::Br, Coding::Zstd];

    /// All that can be decoded, and whether the stream was whole.
    fn decode(coded: &[u8], coding: Coding) -> (Vec<u8>, bool) {
        let mut decoder: Box<dyn Read + '_> = match coding {
            Coding::Identity => Box::new(coded),
            Coding::Gzip => Box::new(MultiGzDecoder::new(coded)),
            Coding::Deflate => Box::new(ZlibDecoder::new(coded)),
            Coding::RawDeflate => Box::new(DeflateDecoder::new(coded)),
            Coding::Br => Box::new(brotli::Decompressor::new(coded, 4096)),
            Coding::Zstd => Box::new(zstd::Decoder::new(coded).unwrap()),
        };
        let mut plain = Vec::new();
        let whole = decoder.read_to_end(&mut plain).is_ok();
        (plain, whole)
    }

    fn whole(coded: &[u8], coding: Coding) -> Vec<u8> {
        let (plain, whole) = decode(coded, coding);
        assert!(whole, "{coding:?} is cut short");
        plain
    }

    fn joined(events: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let (mut body, mut ends) = (Vec::new(), Vec::new());
        for event in events {
            body.extend_from_slice(event);
            ends.push(body.len());
        }
        (body, ends)
    }

    /// So many prefixes of a body are decoded, as each takes its time.
    const PREFIXES: usize = 16;

    /// What must hold of every encoded body, whatever the arguments.
    fn check(body: &[u8], ends: &[usize], coding: Coding, flush: Flush) -> Encoded {
        let encoded = encode(body, ends, coding, flush).unwrap();
        assert_eq!(encoded, encode(body, ends, coding, flush).unwrap());
        let (mut end, mut input) = (0, 0);
        let stride = encoded.pieces.len() / PREFIXES + 1;
        for (at, piece) in encoded.pieces.iter().enumerate() {
            assert!(end <= piece.end);
            match piece.due {
                Due::Input(due) => assert!(input <= due && due <= body.len()),
                Due::End => assert_eq!(at, encoded.pieces.len() - 1),
            }
            end = piece.end;
            let due = if let Due::Input(due) = piece.due { due } else { body.len() };
            if flush != Flush::Member && end > 0 && at % stride == 0 {
                // A client has all that went in as soon as the piece is there.
                assert_eq!(decode(&encoded.body[..end], coding).0, &body[..due], "{coding:?} {flush:?}");
            } else if flush == Flush::Member && coding != Coding::Identity {
                let from = if at == 0 { 0 } else { encoded.pieces[at - 1].end };
                assert_eq!(whole(&encoded.body[from..end], coding), &body[input..due], "{coding:?}");
            }
            input = due;
        }
        assert_eq!(end, encoded.body.len());
        encoded
    }

    fn flush() -> impl Strategy<Value = Flush> {
        prop_oneof![
            Just(Flush::Event),
            Just(Flush::Member),
            Just(Flush::End),
            (0..200u64).prop_map(|size| Flush::Size(Size(size))),
        ]
    }

    /// Events as text (which is shortened) and as noise (which is not).
    fn events() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let text = r#"(data: \{"text":"[a-z ]{0,9}"\}\n){0,9}"#.prop_map(String::into_bytes);
        let noise = prop::collection::vec(any::<u8>(), 0..300);
        prop::collection::vec(prop_oneof![text, noise], 0..8)
    }

    proptest! {
        // Each case is one for every coding, at the speed of a debug build.
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_body_comes_back(events in events(), flush in flush()) {
            let (body, ends) = joined(&events);
            for coding in CODINGS {
                let encoded = check(&body, &ends, coding, flush);
                let own = matches!(flush, Flush::Event | Flush::Member) || coding == Coding::Identity;
                prop_assert_eq!(encoded.events, if own { ends.len() } else { 0 });
                for (piece, end) in encoded.pieces[..encoded.events].iter().zip(&ends) {
                    prop_assert_eq!(piece.due, Due::Input(*end));
                }
                if flush != Flush::Member {
                    prop_assert_eq!(whole(&encoded.body, coding), body.clone());
                }
            }
        }

        #[test]
        fn wrong_ends_do_no_harm(
            body in prop::collection::vec(any::<u8>(), 0..50),
            ends in prop::collection::vec(0..80usize, 0..6),
            flush in flush(),
        ) {
            for coding in CODINGS {
                check(&body, &ends, coding, flush);
            }
        }
    }

    #[test]
    fn gzip_and_zstd_members_are_one_body() {
        let (body, ends) = joined(&[b"one".to_vec(), Vec::new(), b"three".to_vec()]);
        for coding in [Coding::Gzip, Coding::Zstd] {
            let encoded = encode(&body, &ends, coding, Flush::Member).unwrap();
            assert_eq!(whole(&encoded.body, coding), body);
            assert_eq!(encoded.pieces.len(), 3);
        }
    }

    #[test]
    fn what_finishes_a_stream_belongs_to_no_event() {
        for coding in CODINGS.into_iter().filter(|coding| *coding != Coding::Identity) {
            let encoded = encode(b"onetwo", &[3, 6], coding, Flush::Event).unwrap();
            let [first, second, last] = encoded.pieces[..] else { panic!("{:?}", encoded.pieces) };
            assert!(0 < first.end && first.end < second.end && second.end < last.end, "{coding:?}");
            assert_eq!(last.due, Due::End);
            let (_, whole) = decode(&encoded.body[..second.end], coding);
            assert!(!whole, "{coding:?} ends too early");
        }
    }

    #[test]
    fn no_body_is_a_stream_of_nothing() {
        for coding in CODINGS {
            for flush in [Flush::Event, Flush::End, Flush::Size(Size(0))] {
                assert_eq!(whole(&encode(b"", &[], coding, flush).unwrap().body, coding), b"");
            }
            assert_eq!(encode(b"", &[], coding, Flush::Member).unwrap().pieces, []);
        }
    }

    #[test]
    fn sizes_are_counted_across_events() {
        let encoded = encode(&[b'x'; 10], &[1, 2, 10], Coding::Gzip, Flush::Size(Size(4))).unwrap();
        let due: Vec<_> = encoded.pieces.iter().map(|piece| piece.due).collect();
        assert_eq!(due, [Due::Input(4), Due::Input(8), Due::End]);
        assert_eq!(encoded.events, 0);
        let encoded = encode(&[b'x'; 10], &[10], Coding::Gzip, Flush::Size(Size(u64::MAX))).unwrap();
        assert_eq!(encoded.pieces.len(), 1);
    }

    #[test]
    fn identity_leaves_everything_as_it_is() {
        for flush in [Flush::Event, Flush::Member, Flush::End, Flush::Size(Size(1))] {
            let encoded = encode(b"onetwo", &[3, 6], Coding::Identity, flush).unwrap();
            let ends: Vec<_> = encoded.pieces.iter().map(|piece| piece.end).collect();
            assert_eq!((&*encoded.body, &*ends, encoded.events), (&b"onetwo"[..], &[3, 6][..], 2));
        }
    }

    #[test]
    fn gzips_header_tells_nothing_of_time_and_place() {
        let encoded = encode(b"x", &[1], Coding::Gzip, Flush::End).unwrap();
        assert_eq!(encoded.body[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, NO_SYSTEM]);
    }

    #[test]
    fn a_megabyte_of_noise_goes_through() {
        let mut seed = 1u64;
        let mut noise = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed.to_le_bytes()[7]
        };
        let body: Vec<u8> = (0..1 << 20).map(|_| noise()).collect();
        for coding in CODINGS {
            for flush in [Flush::Event, Flush::Member, Flush::End] {
                check(&body, &[1, 1, 1 << 19, 1 << 20], coding, flush);
            }
        }
    }

    #[test]
    fn the_header_names_what_clients_take_it_for() {
        let tokens: Vec<_> = CODINGS.into_iter().map(Coding::token).collect();
        let words = ["gzip", "deflate", "deflate", "br", "zstd"].map(Some);
        assert_eq!(tokens, [&[None], &words[..]].concat());
    }
}
