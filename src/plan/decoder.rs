//! Takes a compressed body apart again, piece by piece.

use std::io::{self, Write};

/// Bytes that a body may have when it is no longer compressed.
const MOST_BYTES: usize = 256 << 20;

/// What comes out of each piece of a body in this coding, as headers name it. Without
/// one the pieces are what they are.
///
/// # Errors
///
/// Where the coding is not known, or the bytes are none of it.
pub fn decode<'a>(coding: &str, pieces: impl Iterator<Item = &'a [u8]>) -> io::Result<Vec<Vec<u8>>> {
    match coding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(pieces.map(<[u8]>::to_vec).collect()),
        "gzip" | "x-gzip" => {
            by(flate2::write::MultiGzDecoder::new(Room::default()), pieces, |it| it.get_mut())
        }
        "deflate" => {
            let pieces: Vec<_> = pieces.collect();
            // Some leave the wrapping out that the name stands for.
            let wrapped = flate2::write::ZlibDecoder::new(Room::default());
            by(wrapped, pieces.iter().copied(), |it| it.get_mut()).or_else(|_| {
                let bare = flate2::write::DeflateDecoder::new(Room::default());
                by(bare, pieces.iter().copied(), |it| it.get_mut())
            })
        }
        "br" => by(brotli::DecompressorWriter::new(Room::default(), 4096), pieces, |it| it.get_mut()),
        "zstd" => by(zstd::stream::write::Decoder::new(Room::default())?, pieces, |it| it.get_mut()),
        other => Err(io::Error::other(format!("the coding {other:?} is not known"))),
    }
}

fn by<'a, W: Write>(
    mut decoder: W,
    pieces: impl Iterator<Item = &'a [u8]>,
    out: impl Fn(&mut W) -> &mut Room,
) -> io::Result<Vec<Vec<u8>>> {
    let mut decoded = Vec::new();
    for piece in pieces {
        decoder.write_all(piece)?;
        decoder.flush()?;
        decoded.push(std::mem::take(&mut out(&mut decoder).bytes));
    }
    Ok(decoded)
}

/// Room for so many bytes and no more: a few may stand for very many.
#[derive(Default)]
struct Room {
    bytes: Vec<u8>,
    taken: usize,
}

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.taken += bytes.len();
        if self.taken > MOST_BYTES {
            return Err(io::Error::other(format!("it has more than {MOST_BYTES} bytes")));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_gives_what_its_bytes_stand_for() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut pieces = Vec::new();
        for text in ["one ", "two ", "three"] {
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.flush().unwrap();
            pieces.push(std::mem::take(encoder.get_mut()));
        }
        pieces.push(encoder.finish().unwrap());
        let decoded = decode("gzip", pieces.iter().map(Vec::as_slice)).unwrap();
        let texts: Vec<_> = decoded.iter().map(|piece| String::from_utf8_lossy(piece)).collect();
        assert_eq!(texts, ["one ", "two ", "three", ""]);
        assert!(decode("gzip", [b"this is no gzip at all".as_slice()].into_iter()).is_err());
        assert!(decode("snappy", [].into_iter()).is_err());
    }
}
