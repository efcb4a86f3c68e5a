"""The tiles of a TIFF's pyramid into another TIFF, byte for byte: nothing is decoded, so nothing is lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from mmdnet.slides.facts import FileFacts
from mmdnet.slides.readers.tiles.tiff import MOST_DIRECTORIES

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage, TiffWriter

BIG = 2**32 - 2**25  # bytes from which a TIFF needs longer offsets
COPIED_FROM = frozenset({"aperio", "generic-tiff"})  # whose levels are pages of tiles and nothing more
YCBCR = 6
PHOTOMETRIC, ORIENTATION, SUBSAMPLING, ICC = 262, 274, 530, 34675
DECODED_BY = (256, 257, 258, 259, PHOTOMETRIC, ORIENTATION, 277, 284, 317, 322, 323, 338, 339, 347, SUBSAMPLING, ICC)
"""Tags that the pixels depend on: where a page states one, its copy states the same."""

Stated = Mapping[int, object]
"""Values of tags by their numbers."""


def all_pages(source: TiffFile) -> list[TiffPage]:
    """The pages of a file's chain, of a file without end the first of them; SubIFDs are not among them."""
    from tifffile import TiffPage

    return [page for page in islice(source.pages, MOST_DIRECTORIES) if isinstance(page, TiffPage)]


def level_pages(source: TiffFile, facts: FileFacts) -> list[TiffPage]:
    """The pages of a slide's pyramid: tiled, one for each level, the first of its size; none where one is missing."""
    wanted = [(level.width_px, level.height_px) for level in facts.levels]
    pages: dict[tuple[int, int], TiffPage] = {}
    for page in all_pages(source):
        size = page.imagewidth, page.imagelength
        if page.is_tiled and size in wanted:
            pages.setdefault(size, page)
    return [pages[size] for size in wanted] if set(wanted) <= set(pages) else []


def stated_by(page: TiffPage) -> Stated:
    """What a page says of how its pixels are decoded."""
    return {code: page.tags[code].value for code in DECODED_BY if code in page.tags}


def take_any(tile: bytes) -> None:
    """A check that every tile passes."""


def tiles_of(page: TiffPage, check: Callable[[bytes], None] = take_any) -> Iterator[bytes]:
    """The bytes of a page's tiles, one after the other, each put to a check that may raise."""
    file = page.parent.filehandle
    for offset, size in zip(page.dataoffsets, page.databytecounts, strict=True):
        file.seek(offset)
        data = file.read(size)
        check(data)
        yield data


def hash_of(page: TiffPage) -> str:
    """SHA-256 over a page's tiles and their lengths."""
    digest = hashlib.sha256()
    for data in tiles_of(page):
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def write_page(writer: TiffWriter, page: TiffPage, check: Callable[[bytes], None] = take_any, **given: Any) -> None:
    """A page with the same tiles, of tifffile's own tags and those `given`; `state_colours` is still to follow."""
    stated = stated_by(page)
    orientation = [(ORIENTATION, "H", 1, stated[ORIENTATION], True)] if ORIENTATION in stated else []
    writer.write(
        tiles_of(page, check),
        shape=page.shape,
        dtype=page.dtype,
        photometric=page.photometric,
        planarconfig=page.planarconfig if page.samplesperpixel > 1 else None,
        extrasamples=page.extrasamples or None,
        tile=(page.tilelength, page.tilewidth),
        compression=page.compression,
        predictor=page.predictor if page.predictor > 1 else None,
        subsampling=page.subsampling if page.photometric == YCBCR else None,
        jpegtables=page.jpegtables,
        iccprofile=page.iccprofile,
        extratags=orientation,
        **given,
    )


def state_colours(pages: Sequence[TiffPage], stated: Sequence[Stated]) -> None:
    """Of pages open for writing, state colours as those they were copied from: tifffile takes JPEG to be YCbCr."""
    for page, known in zip(pages, stated, strict=True):
        for code in (PHOTOMETRIC, SUBSAMPLING):
            if code in known and code in page.tags and page.tags[code].value != known[code]:
                page.tags[code].overwrite(known[code])


def same_pages(pages: Sequence[TiffPage], hashes: Sequence[str], stated: Sequence[Stated]) -> bool:
    """Whether pages hold these tiles, and say of them what was said."""
    return len(pages) == len(hashes) and all(
        hash_of(page) == expected and stated_by(page).items() >= known.items()
        for page, expected, known in zip(pages, hashes, stated, strict=True)
    )
