"""Reads as much of a PNG as tells that it is a real one."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def size(content: bytes) -> tuple[int, int]:
    """Width and height; every checksum and the amount of pixels are checked on the way."""
    assert content.startswith(SIGNATURE)
    chunks = list(_chunks(content[len(SIGNATURE) :]))
    assert chunks[0][0] == b"IHDR" and chunks[-1] == (b"IEND", b"")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (compression, filtering, interlace) == (0, 0, 0)
    pixels = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    row = 1 + (width * CHANNELS[colour] * depth + 7) // 8
    assert len(pixels) == height * row
    return width, height


def _chunks(rest: bytes):
    while rest:
        length, kind = struct.unpack(">I4s", rest[:8])
        body, checksum = rest[8 : 8 + length], rest[8 + length : 12 + length]
        assert struct.unpack(">I", checksum)[0] == zlib.crc32(kind + body)
        yield kind, body
        rest = rest[12 + length :]
