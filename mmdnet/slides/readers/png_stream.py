"""Whether a PNG holds every one of its pixels, without laying them out: a third of what decoding it takes.

A PNG's pixels are one zlib stream of rows, each a filter's number and its bytes (PNG specification, 3rd edition, W3C).
Where every chunk's CRC and the stream's Adler-32 are right, the stream is as long as the rows together, and each row
names a filter that there is, any decoder gives all pixels; undoing the filters can no longer fail.
"""

import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # by colour type; a palette's may be asked for a colour that it lacks
DEPTHS = (8, 16)
HIGHEST_FILTER = 4


def holds_all_pixels(png: bytes) -> bool:
    """True where all pixels of a plain PNG are there: 8 or 16 bits, no palette, not interlaced.

    False says nothing: it may be another kind, damaged, or sound in a way that a more lenient decoder takes.
    """
    import imagecodecs

    chunks = _chunks(png)
    if chunks is None or len(chunks) < 2 or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        return False
    header = chunks[0][1]
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
    depth, colour, compression, filters, interlaced = header[8:]
    if depth not in DEPTHS or colour not in CHANNELS or compression or filters or interlaced or not width or not height:
        return False
    data = [n for n, (kind, _) in enumerate(chunks) if kind == b"IDAT"]
    if not data or data != list(range(data[0], data[-1] + 1)):
        return False
    stride = 1 + width * CHANNELS[colour] * depth // 8
    try:
        rows = imagecodecs.deflate_decode(b"".join(chunks[n][1] for n in data), out=height * stride)
    except Exception:  # of the codec's own kind; whoever decodes it says what is wrong
        return False
    if len(rows) != height * stride:
        return False
    return bool(np.frombuffer(rows, np.uint8)[::stride].max() <= HIGHEST_FILTER)


def _chunks(png: bytes) -> list[tuple[bytes, bytes]] | None:
    """Kind and content of all chunks but the end; None where one is cut off, its CRC is wrong, or there is no end."""
    if not png.startswith(SIGNATURE):
        return None
    chunks: list[tuple[bytes, bytes]] = []
    at = len(SIGNATURE)
    while at + 12 <= len(png):
        end = at + 8 + int.from_bytes(png[at : at + 4])
        if zlib.crc32(png[at + 4 : end]) != int.from_bytes(png[end : end + 4]):
            return None
        kind = png[at + 4 : at + 8]
        if kind == b"IEND":
            return chunks
        chunks.append((kind, png[at + 8 : end]))
        at = end + 4
    return None
