//! A PNG of any size: one colour, so that the largest is as quickly written as
//! the smallest is small.
//!
//! One bit a pixel, and all of them 0, as are the filters in front of the rows:
//! the image data is a single run, which needs no compressor.

/// Pixels that a side has at the most.
pub const LONGEST_SIDE: u32 = 8192;

const COLOUR: [u8; 3] = [0xf2, 0xb1, 0x34];

/// A PNG of so many pixels; sides are brought to between 1 and
/// [`LONGEST_SIDE`].
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let [width, height] = [width, height].map(|side| side.clamp(1, LONGEST_SIDE));
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let (mut header, [w, h]) = (Vec::with_capacity(13), [width, height].map(u32::to_be_bytes));
    // One bit, a palette, and the only ways to compress, filter and interlace.
    for field in [&w[..], &h, &[1, 3, 0, 0, 0]] {
        header.extend_from_slice(field);
    }
    chunk(&mut png, *b"IHDR", &header);
    chunk(&mut png, *b"PLTE", &COLOUR);
    chunk(&mut png, *b"IDAT", &zeros(height * (1 + width.div_ceil(8))));
    chunk(&mut png, *b"IEND", &[]);
    png
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) {
    // No chunk comes near to 4 GB.
    png.extend_from_slice(&u32::try_from(content.len()).unwrap_or_default().to_be_bytes());
    let start = png.len();
    png.extend_from_slice(&kind);
    png.extend_from_slice(content);
    let sum = crc32(&png[start..]);
    png.extend_from_slice(&sum.to_be_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

/// Bytes that one match repeats at the most.
const LONGEST_MATCH: u32 = 258;

/// So many zeros (at least one) as zlib compresses them (RFC 1950 and 1951),
/// in one block of fixed codes.
fn zeros(count: u32) -> Vec<u8> {
    let mut bits = Bits { bytes: vec![0x78, 0x01], open: 0, length: 0 };
    // The last block, of fixed codes.
    bits.put(0b011, 3);
    // The first byte itself, then the longest match, one byte back, as often as
    // it fits, then again the bytes themselves. Codes stand bit by bit from
    // their highest, and so are written here the other way round.
    let (literal, longest_match) = ((0b0000_1100, 8), (0b0_0000_1010_0011, 13));
    let (matches, rest) = ((count - 1) / LONGEST_MATCH, (count - 1) % LONGEST_MATCH);
    bits.put(literal.0, literal.1);
    for _ in 0..matches {
        bits.put(longest_match.0, longest_match.1);
    }
    for _ in 0..rest {
        bits.put(literal.0, literal.1);
    }
    // The end of the block, and what fills up its last byte.
    bits.put(0, 7);
    bits.put(0, 7);
    // Adler-32: 1 and the bytes, and the sum of all these sums.
    let sum = (count % 65_521) << 16 | 1;
    bits.bytes.extend_from_slice(&sum.to_be_bytes());
    bits.bytes
}

/// Bits, the lowest of a byte first.
struct Bits {
    bytes: Vec<u8>,
    open: u32,
    length: u32,
}

impl Bits {
    fn put(&mut self, code: u32, length: u32) {
        self.open |= code << self.length;
        self.length += length;
        while self.length >= 8 {
            self.bytes.push(self.open.to_le_bytes()[0]);
            self.open >>= 8;
            self.length -= 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standards() {
        assert_eq!(crc32(b"IEND"), 0xae42_6082);
        // zlib's own of one zero.
        assert!(zeros(1).ends_with(&[0, 1, 0, 1]));
    }

    #[test]
    fn a_small_picture_is_small_and_a_large_one_not_large() {
        let side = |at: usize, png: &[u8]| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        for (size, most) in [((1, 1), 90), ((64, 64), 200), ((1024, 1024), 1_200), ((8192, 8192), 54_000)] {
            let png = png(size.0, size.1);
            assert_eq!((side(16, &png), side(20, &png)), size);
            assert!(png.len() < most, "{size:?}: {}", png.len());
        }
    }

    #[test]
    fn sides_that_no_picture_has_are_brought_into_bounds() {
        assert_eq!(png(0, 0), png(1, 1));
        assert_eq!(png(u32::MAX, 9000), png(8192, 8192));
    }
}
