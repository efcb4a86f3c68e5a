"""The pyramid of an SVS or TIFF slide, tile for tile, in a new file that holds nothing else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmdnet.slides.deidentify import Deidentified, unshown
from mmdnet.slides.facts import FileFacts

if TYPE_CHECKING:
    from tifffile import TiffPage

BIG = 2**32 - 2**25  # bytes from which a TIFF needs longer offsets
JPEG = 7
# Tags of TIFF 6.0 that say how pixels are stored, where levels are, how large a pixel is and what its colours mean.
KEPT_TAGS = frozenset(
    (254, 256, 257, 258, 259, 262, 270, 274, 277, 282, 283, 284, 296, 317, 322, 323, 324, 325, 338, 339, 347, 530, 532)
) | {34675}
DESCRIPTION, ORIENTATION, PHOTOMETRIC, SUBSAMPLING, ICC = 270, 274, 262, 530, 34675
DECODED_BY = (256, 257, 258, 259, PHOTOMETRIC, ORIENTATION, 277, 284, 317, 322, 323, 338, 339, 347, SUBSAMPLING, ICC)
"""Tags that the pixels depend on: where the slide states one, the copy states the same."""
NO_WORDS = set(range(0xE1, 0xF0)) | {0xFE}  # JPEG segments that may hold words: APP1 to APP15 but Adobe's, comments
ADOBE = 0xEE  # says which colours the samples are


def copy_tiff(facts: FileFacts, out: Path) -> Deidentified:
    """Write the levels of a slide to a new file, and read it back.

    Raises:
        LabError: a slide of another maker, or one whose tiles hold words.
    """
    import tifffile

    name = facts.path.name
    with tifffile.TiffFile(facts.path) as source:
        first = source.pages.first
        if facts.vendor not in {"aperio", "generic-tiff"} or first.is_ome or first.subifds:
            raise unshown(name, f"a slide as {facts.vendor} writes it may say whose it is at places not known here")
        pages = _levels(source, facts)
        if not pages:
            raise unshown(name, "its picture is not stored in tiles")
        left_out = _left_out(source, pages)
        hashes: list[str] = []
        decoded_by = [_decoded_by(page) for page in pages]
        with tifffile.TiffWriter(out, bigtiff=facts.path.stat().st_size > BIG) as writer:
            for number, page in enumerate(pages):
                digest = hashlib.sha256()
                _write(writer, page, _tiles(page, digest, name), facts, number)
                hashes.append(digest.hexdigest())
        tiles = sum(len(page.dataoffsets) for page in pages)
    _state_colours(out, decoded_by)
    _read_back(out, hashes, decoded_by, name)
    return Deidentified(out, len(hashes), tiles, left_out)


def _levels(source: object, facts: FileFacts) -> list[TiffPage]:
    """The pages of the pyramid: tiled, one for each level of the slide, the first of its size."""
    wanted = [(level.width_px, level.height_px) for level in facts.levels]
    pages: dict[tuple[int, int], TiffPage] = {}
    for page in source.pages:  # type: ignore[attr-defined]
        size = page.imagewidth, page.imagelength
        if page.is_tiled and size in wanted:
            pages.setdefault(size, page)
    return [pages[size] for size in wanted if size in pages]


def _left_out(source: object, kept: Sequence[TiffPage]) -> tuple[str, ...]:
    indices = {page.index for page in kept}
    others = [page for page in source.pages if page.index not in indices]  # type: ignore[attr-defined]
    pictures = [f"a picture of {page.imagewidth} × {page.imagelength} pixels" for page in others]
    tags = {tag.name for page in kept for tag in page.tags if tag.code not in KEPT_TAGS}
    words = ["words of the description"] if any(DESCRIPTION in page.tags for page in kept) else []
    return (*pictures, *words, *(f"the tag {tag}" for tag in sorted(tags)))


def _write(writer: object, page: TiffPage, tiles: Iterator[bytes], facts: FileFacts, number: int) -> None:
    tags = page.tags
    aperio = facts.vendor == "aperio"
    scale = {}
    if 282 in tags and 283 in tags:
        scale = {"resolution": (tags[282].value, tags[283].value), "resolutionunit": page.resolutionunit}
    writer.write(  # type: ignore[attr-defined]
        tiles,
        shape=page.shape,
        dtype=page.dtype,
        photometric=page.photometric,
        planarconfig=page.planarconfig if page.samplesperpixel > 1 else None,
        extrasamples=page.extrasamples or None,
        tile=(page.tilelength, page.tilewidth),
        compression=page.compression,
        predictor=page.predictor if page.predictor > 1 else None,
        subsampling=page.subsampling if page.photometric == 6 else None,
        jpegtables=page.jpegtables,
        iccprofile=tags[ICC].value if ICC in tags else None,
        description=_description(page, facts) if aperio else None,
        subfiletype=int(number > 0) if not aperio else 0,
        software=False,
        metadata=None,
        extratags=[(ORIENTATION, "H", 1, int(tags[ORIENTATION].value), True)] if ORIENTATION in tags else [],
        **scale,
    )


def _description(page: TiffPage, facts: FileFacts) -> str:
    """What an Aperio slide says of a level, made of numbers alone."""
    size, tile = f"{facts.width_px0}x{facts.height_px0}", f"({page.tilewidth}x{page.tilelength})"
    reduced = page.imagewidth != facts.width_px0
    shown = f"{size} [0,0 {size}] {tile}" + (f" -> {page.imagewidth}x{page.imagelength}" if reduced else "")
    said = dict(re.findall(r"\|\s*(AppMag|MPP)\s*=\s*([0-9]+(?:\.[0-9]+)?)", page.description))
    return "|".join([f"Aperio Image Library v0\r\n{shown} JPEG/RGB", *(f"{key} = {said[key]}" for key in said)])


def _tiles(page: TiffPage, digest: hashlib._Hash, name: str) -> Iterator[bytes]:
    """The bytes of a page's tiles, one after the other.

    Raises:
        LabError: a tile holds words.
    """
    file = page.parent.filehandle
    for offset, size in zip(page.dataoffsets, page.databytecounts, strict=True):
        file.seek(offset)
        data = file.read(size)
        if page.compression == JPEG and (segment := words_in_jpeg(data)) is not None:
            raise unshown(name, f"its tiles hold more than pixels (segment {segment:02X} of a JPEG)")
        digest.update(size.to_bytes(8, "little") + data)
        yield data


def words_in_jpeg(tile: bytes) -> int | None:
    """The first segment of a JPEG that may hold words; None where there is none before its pixels."""
    at = 2
    while at + 4 <= len(tile) and tile[at] == 0xFF:
        marker = tile[at + 1]
        if marker in {0xDA, 0xD9}:
            return None
        if marker in NO_WORDS and not (marker == ADOBE and tile[at + 4 : at + 9] == b"Adobe"):
            return marker
        at += 2 + int.from_bytes(tile[at + 2 : at + 4], "big")
    return None


def _decoded_by(page: TiffPage) -> dict[int, object]:
    return {code: page.tags[code].value for code in DECODED_BY if code in page.tags}


def _state_colours(path: Path, decoded_by: Sequence[Mapping[int, object]]) -> None:
    """State the colours of JPEG tiles as the slide does; tifffile writes YCbCr, as it makes tiles itself."""
    import tifffile

    with tifffile.TiffFile(path, mode="r+b") as copy:
        for page, stated in zip(copy.pages, decoded_by, strict=True):
            for code in (PHOTOMETRIC, SUBSAMPLING):
                if code in stated and code in page.tags and page.tags[code].value != stated[code]:
                    page.tags[code].overwrite(stated[code])


def _read_back(path: Path, hashes: Sequence[str], decoded_by: Sequence[Mapping[int, object]], name: str) -> None:
    """Whether a copy holds these tiles, said to be what they are, and no other picture or tag.

    Raises:
        LabError: it does not.
    """
    import tifffile

    with tifffile.TiffFile(path) as copy:
        same = len(copy.pages) == len(hashes)
        for page, expected, stated in zip(copy.pages, hashes, decoded_by, strict=False):
            digest = hashlib.sha256()
            for _ in _tiles(page, digest, name):
                pass
            same = same and digest.hexdigest() == expected and {tag.code for tag in page.tags} <= KEPT_TAGS
            same = same and _decoded_by(page).items() >= stated.items()
    if not same:
        raise unshown(name, "what was written is not what was read")
