"""One JPEG tile of a TIFF to pixels by libjpeg-turbo (simplejpeg), or a refusal: never a guess at what is missing.

libjpeg fills what it cannot decode with grey and only warns. Here a warning is an error, and so are damages it does not
even see: a tile that does not end as a JPEG, one of another size than the file states, a run of zeros.
"""

from functools import lru_cache

import simplejpeg

from mmdnet.slides.pixels import Pixels
from mmdnet.slides.readers.tiles.tiff import Directory

START, END, SCAN_HEADER = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
FRAMES = {0xC0, 0xC1, 0xC2}
PROGRESSIVE, TABLES, SCAN, JFIF = 0xC2, 0xC4, 0xDA, 0xE0
TRAILER = 16  # bytes after a JPEG's end that writers pad with
ZEROS = bytes(48)  # of a disk's lost block; in Huffman codes over a hundred coefficients in a row of exactly -1
RGB, YCBCR = 2, 6  # TIFF's photometric interpretations
# Adobe's marker says how the components are to be read.
COLOURS = {
    photometric: b"\xff\xee\x00\x0eAdobe" + bytes((0, 100, 0, 0, 0, 0, transform))
    for photometric, transform in ((RGB, 0), (YCBCR, 1))
}


def decode(data: bytes, page: Directory, out: Pixels) -> None:
    """Decode one tile into `out`, RGB (tile height, tile width, 3).

    Raises:
        ValueError: damaged, cut short, or of another size than the file states.
    """
    end = data.rfind(END, max(0, len(data) - TRAILER))
    if end < 0:
        raise ValueError("a tile is cut short")
    frame = check_frame(data[: data.find(SCAN_HEADER)], page.tile_width, page.tile_height)
    if data.find(ZEROS, frame, end) >= 0 and _lost_block(data, frame, end, page.tables):
        raise ValueError("a part of a tile is zeros")
    simplejpeg.decode_jpeg(_whole(data, page), "RGB", buffer=out)


@lru_cache(maxsize=256)  # nearly all tiles of a slide begin with the same header
def check_frame(header: bytes, width: int, height: int) -> int:
    """Refuse a JPEG whose header claims another size, before memory is taken for it; where its frame header lies.

    Raises:
        ValueError: no frame header, or another size.
    """
    at = 2
    while at + 9 < len(header) and header[at] == 0xFF:
        marker = header[at + 1]
        if marker in FRAMES:
            size = int.from_bytes(header[at + 7 : at + 9]), int.from_bytes(header[at + 5 : at + 7])
            if size != (width, height) or header[at + 9] != 3:
                raise ValueError("a tile has another size than the file states")
            return at
        at += 1 if marker == 0xFF else 2 + int.from_bytes(header[at + 2 : at + 4])
    raise ValueError("a tile holds no JPEG frame")


def _whole(data: bytes, page: Directory) -> bytes:
    """The tile with what its directory says for all tiles: tables (TIFF Technical Note 2) and colours.

    A JFIF header means YCbCr whatever Adobe's marker says, so it is left out where that is not so.
    """
    jfif = data[3] == JFIF
    if jfif and page.tables is None and page.photometric == YCBCR:
        return data
    begin = 2 + (2 + int.from_bytes(data[4:6]) if jfif else 0)
    tables = page.tables[2:-2] if page.tables else b""
    return b"".join((START, COLOURS[page.photometric], tables, memoryview(data)[begin:]))


def _lost_block(data: bytes, frame: int, end: int, tables: bytes | None) -> bool:
    """Whether zeros in the scan cannot be what was written.

    In blank tiles they can, where the Huffman tables were made for them: zero bits then stand for empty blocks.
    """
    if data[frame + 1] == PROGRESSIVE:
        return False
    shortest: dict[int, int] = {}  # of the tables for AC coefficients: what a code of nothing but zero bits stands for
    _first_codes(tables or b"", shortest)
    scan = _first_codes(data, shortest)
    if scan is None or data.find(ZEROS, scan, end) < 0:
        return False
    components = scan + 4
    table = next((data[i + 1] & 15 for i in range(components + 1, components + 7, 2)), 0)
    return shortest.get(table, 0) != 0  # 0 is "the rest of the block is empty"


def _first_codes(data: bytes, shortest: dict[int, int]) -> int | None:
    """Note the first symbol of each AC table in a stream's header; where its scan header lies, if it has one."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if marker == SCAN:
            return at
        if marker == TABLES:
            inside = at + 4
            while inside + 17 < at + 2 + length <= len(data):
                kind, symbols = data[inside], sum(data[inside + 1 : inside + 17])
                if kind >> 4 == 1:
                    shortest[kind & 15] = data[inside + 17]
                inside += 17 + symbols
        at += 1 if marker == 0xFF else 2 + length
    return None
