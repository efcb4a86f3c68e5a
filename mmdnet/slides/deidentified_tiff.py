"""The pyramid of an SVS or TIFF slide, tile for tile, in a new file that holds nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mmdnet.errors import LabError
from mmdnet.slides.facts import FileFacts
from mmdnet.slides.tile_copy import (
    BIG,
    COPIED_FROM,
    DECODED_BY,
    all_pages,
    hash_of,
    level_pages,
    same_pages,
    state_colours,
    stated_by,
    take_any,
    write_page,
)

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

KEPT_ORIGINAL = "The slide itself was not touched, and no copy was made."
JPEG = 7
X_RESOLUTION, Y_RESOLUTION, DESCRIPTION = 282, 283, 270
# Beside what pixels depend on: which level a page is, where its tiles lie, its scale, and the range of its colours.
KEPT_TAGS = frozenset((*DECODED_BY, 254, DESCRIPTION, X_RESOLUTION, Y_RESOLUTION, 296, 324, 325, 532))
WORDLESS = (1, 5, 8, 32773, 32946, 50000)  # compressions of numbers alone: none, LZW, deflate, PackBits, zstd
# Segments of a JPEG (ITU-T T.81, table B.1) that hold numbers alone: frames, tables, scans and restarts.
WORDLESS_SEGMENTS = frozenset((*range(0xC0, 0xC8), *range(0xC9, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD))
# JFIF's density without a thumbnail (APP0), and Adobe's of which colours the samples are (APP14); with their length.
KNOWN_SEGMENTS = {0xE0: b"\x00\x10JFIF\0", 0xEE: b"\x00\x0eAdobe"}
START_OF_IMAGE, END_OF_IMAGE, START_OF_SCAN = b"\xff\xd8", 0xD9, 0xDA
AFTER_SCAN = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")  # a marker, not a stuffed byte or a restart


@dataclass(frozen=True, slots=True)
class Deidentified:
    """What became of a copy.

    Attributes:
        levels: of the pyramid, each copied tile for tile.
        left_out: what of the original is not in it, in words.
    """

    path: Path
    levels: int
    tiles: int
    left_out: tuple[str, ...]


def unshown(name: str, why: str) -> LabError:
    """The refusal of a slide of which it cannot be shown that nothing identifying is left."""
    return LabError(f"{name} cannot be de-identified here: {why}. {KEPT_ORIGINAL}")


def copy_tiff(facts: FileFacts, out: Path) -> Deidentified:
    """Write the levels of a slide to a new file, and read it back.

    Raises:
        LabError: a slide of another maker, or one whose tiles hold words.
    """
    import tifffile

    name = facts.path.name
    with tifffile.TiffFile(facts.path) as source:
        first = source.pages.first
        if facts.vendor not in COPIED_FROM or first.is_ome or first.subifds:
            raise unshown(name, f"a slide as {facts.vendor} writes it may say whose it is at places not known here")
        pages = level_pages(source, facts)
        if not pages:
            raise unshown(name, "its picture is not stored in tiles")
        with tifffile.TiffWriter(out, bigtiff=facts.path.stat().st_size > BIG) as writer:
            for number, page in enumerate(pages):
                _check_coding(page, name)
                check = partial(_check_jpeg, name) if page.compression == JPEG else take_any
                write_page(writer, page, check, **_described(page, facts, number))
        hashes, stated = [hash_of(page) for page in pages], [stated_by(page) for page in pages]
        tiles, left_out = sum(len(page.dataoffsets) for page in pages), _left_out(source, pages)
    with tifffile.TiffFile(out, mode="r+") as copy:
        state_colours(all_pages(copy), stated)
    with tifffile.TiffFile(out) as copy:
        only_kept = all({tag.code for tag in page.tags} <= KEPT_TAGS for page in all_pages(copy))
        if not only_kept or not same_pages(all_pages(copy), hashes, stated):
            raise unshown(name, "what was written is not what was read")
    return Deidentified(out, len(hashes), tiles, left_out)


def _check_coding(page: TiffPage, name: str) -> None:
    """Refuse tiles that are files of their own, which may hold words anywhere.

    Raises:
        LabError: so they are.
    """
    import tifffile

    if page.compression != JPEG and page.compression not in WORDLESS:
        coding = tifffile.COMPRESSION(page.compression).name
        raise unshown(name, f"its tiles are {coding}, which may hold words beside pixels")
    if page.jpegtables is not None:
        _check_jpeg(name, page.jpegtables)


def _check_jpeg(name: str, tile: bytes) -> None:
    more = more_than_pixels(tile)
    if more is not None:
        raise unshown(name, f"its tiles hold more than pixels ({more})")


def _left_out(source: TiffFile, kept: Sequence[TiffPage]) -> tuple[str, ...]:
    indices = {page.index for page in kept}
    others = [page for page in all_pages(source) if page.index not in indices]
    pictures = [f"a picture of {page.imagewidth} × {page.imagelength} pixels" for page in others]
    tags = {tag.name for page in kept for tag in page.tags if tag.code not in KEPT_TAGS}
    words = ["words of the description"] if any(DESCRIPTION in page.tags for page in kept) else []
    return (*pictures, *words, *(f"the tag {tag}" for tag in sorted(tags)))


def _described(page: TiffPage, facts: FileFacts, number: int) -> dict[str, object]:
    """What a level says beside its pixels, as tifffile takes it: its scale, and of Aperio's which level it is."""
    aperio = facts.vendor == "aperio"
    scale = {}
    if X_RESOLUTION in page.tags and Y_RESOLUTION in page.tags:
        resolution = page.tags[X_RESOLUTION].value, page.tags[Y_RESOLUTION].value
        scale = {"resolution": resolution, "resolutionunit": page.resolutionunit}
    return scale | {
        "description": _description(page, facts) if aperio else None,
        "subfiletype": int(number > 0 and not aperio),
        "software": False,
        "metadata": None,
    }


def _description(page: TiffPage, facts: FileFacts) -> str:
    """What an Aperio slide says of a level, made of numbers alone."""
    size, tile = f"{facts.width_px0}x{facts.height_px0}", f"({page.tilewidth}x{page.tilelength})"
    reduced = page.imagewidth != facts.width_px0
    shown = f"{size} [0,0 {size}] {tile}" + (f" -> {page.imagewidth}x{page.imagelength}" if reduced else "")
    said = dict(re.findall(r"\|\s*(AppMag|MPP)\s*=\s*([0-9]+(?:\.[0-9]+)?)", page.description))
    return "|".join([f"Aperio Image Library v0\r\n{shown} JPEG/RGB", *(f"{key} = {said[key]}" for key in said)])


def more_than_pixels(tile: bytes) -> str | None:
    """What of a JPEG may hold words, None where nothing may: only segments that are known to hold numbers pass.

    A tile without bytes is one that was not scanned.
    """
    if not tile:
        return None
    if not tile.startswith(START_OF_IMAGE):
        return "bytes that are no JPEG"
    at = len(START_OF_IMAGE)
    while (marker := _marker(tile, at)) is not None:
        code, at = marker
        if code == END_OF_IMAGE:
            return "bytes after its end" if tile[at:].strip(b"\0\xff") else None
        length = int.from_bytes(tile[at : at + 2], "big")
        known = KNOWN_SEGMENTS.get(code)
        if code not in WORDLESS_SEGMENTS and not (known is not None and tile.startswith(known, at)):
            return f"segment {code:02X} of a JPEG"
        at += length
        if code == START_OF_SCAN:
            after = AFTER_SCAN.search(tile, at)
            at = len(tile) if after is None else after.start()
    return "bytes of no segment, or no end"


def _marker(tile: bytes, at: int) -> tuple[int, int] | None:
    """The code of the marker at a place of a JPEG and where it ends; None where there is none."""
    fill = at
    while tile[fill : fill + 1] == b"\xff":
        fill += 1
    return (tile[fill], fill + 1) if at < fill < len(tile) else None
