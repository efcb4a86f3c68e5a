"""One tile, or strip, of a TIFF by itself: its size, the size its bytes claim, and a small TIFF made of it alone."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import tifffile
from PIL import Image

from mmdnet.slides.readers.tiles.tiff import JPEG_TABLES, JPEG_XL

COPIED_TAGS = {258: "H", 262: "H", 277: "H", 284: "H", 317: "H", 530: "H"}  # into the small TIFF for the second reader
BYTES = 7
JPEGXL_START = b"\xff\x0a"
JPEGXL_SIDE_BITS = (9, 13, 18, 30)
JPEGXL_RATIOS = (None, (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # of width to height


def piece_of(page: tifffile.TiffPage) -> tuple[int, int]:
    """Width and height of a page's tiles, or strips."""
    if page.is_tiled:
        return int(page.tilewidth), int(page.tilelength)
    return int(page.imagewidth), min(int(page.rowsperstrip), int(page.imagelength))


def small_tiff(page: tifffile.TiffPage, index: int, data: bytes) -> bytes:
    """A TIFF of one tile alone: its bytes as they are, under the page's tags that say how they are decoded."""
    wide, high = piece_of(page)
    if not page.is_tiled:
        high = min(high, page.imagelength - index * high)
    tags: list[tuple[int, str, Sequence[int]]] = [
        (256, "I", [wide]), (257, "I", [high]), (259, "H", [int(page.compression)]), (273, "I", [8]),
        (278, "I", [high]), (279, "I", [len(data)]),
    ]  # fmt: skip
    for number, kind in COPIED_TAGS.items():
        if number in page.tags:
            value = page.tags[number].value
            tags.append((number, kind, [int(each) for each in (value if isinstance(value, tuple) else (value,))]))
    if page.jpegtables:
        tags.append((JPEG_TABLES, "B", list(page.jpegtables)))
    body = data + b"\0" * (len(data) % 2)
    begin = 8 + len(body)
    beyond = begin + 2 + 12 * len(tags) + 4
    entries, more = b"", b""
    for number, kind, values in sorted(tags):
        packed = struct.pack(f"<{len(values)}{kind}", *values)
        type_number = {"H": 3, "I": 4, "B": BYTES}[kind]
        if len(packed) > 4:
            entries += struct.pack("<HHII", number, type_number, len(values), beyond + len(more))
            more += packed + b"\0" * (len(packed) % 2)
        else:
            entries += struct.pack("<HHI", number, type_number, len(values)) + packed.ljust(4, b"\0")
    return struct.pack("<2sHI", b"II", 42, begin) + body + struct.pack("<H", len(tags)) + entries + bytes(4) + more


def claimed_size(coding: int, data: bytes) -> tuple[int, int]:
    """Width and height that a tile's own header claims.

    Raises:
        ValueError, OSError: no such header.
    """
    if coding in JPEG_XL:
        return jpegxl_size(data)
    with Image.open(io.BytesIO(data)) as header:
        return header.size


def jpegxl_size(data: bytes) -> tuple[int, int]:
    """Width and height that a JPEG XL picture claims (ISO/IEC 18181-1, SizeHeader), bare or in boxes.

    Raises:
        ValueError: no JPEG XL picture.
    """
    start = 0 if data[:2] == JPEGXL_START else data.find(b"jxlc" + JPEGXL_START) + 4
    bits, at = int.from_bytes(data[start + 2 : start + 16], "little"), 0
    if data[start : start + 2] != JPEGXL_START:
        raise ValueError("no JPEG XL picture")

    def take(count: int) -> int:
        nonlocal at
        at += count
        return (bits >> (at - count)) & ((1 << count) - 1)

    small = take(1)

    def side() -> int:
        return 8 * (take(5) + 1) if small else 1 + take(JPEGXL_SIDE_BITS[take(2)])

    height = side()
    ratio = JPEGXL_RATIOS[take(3)]
    return (height * ratio[0] // ratio[1] if ratio else side()), height
