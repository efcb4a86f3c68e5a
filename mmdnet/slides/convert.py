"""A slide as OME-TIFF, which QuPath, Fiji and others read: its tiles copied as they are, so that no pixel changes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmdnet.errors import LabError
from mmdnet.files import moved_into_place
from mmdnet.slides.facts import FileFacts
from mmdnet.slides.tile_copy import (
    BIG,
    COPIED_FROM,
    hash_of,
    level_pages,
    same_pages,
    state_colours,
    stated_by,
    write_page,
)

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

ENDINGS = (".ome.tif", ".ome.tiff")
NOTHING_WRITTEN = "Nothing was written."


@dataclass(frozen=True, slots=True)
class Converted:
    """A slide's copy in another format: how many levels, of how many tiles."""

    path: Path
    levels: int
    tiles: int


def to_ome_tiff(slide: Path, out: Path, mpp: float | None = None) -> Converted:
    """Copy an SVS or tiled TIFF slide to an OME-TIFF, its reduced levels as SubIFDs (OME-TIFF 6.0), and read it back.

    Label, macro and words of the original are not in it. `mpp` is µm per pixel as stated, where the file does not say.

    Raises:
        LabError: no slide, one whose tiles cannot be copied, one of unknown scale, or a place that cannot be written.
    """
    from mmdnet.slides.readers.open import open_slide

    if not out.name.lower().endswith(ENDINGS):
        raise LabError(f"An OME-TIFF ends with {' or '.join(ENDINGS)}, not as {out.name} does. {NOTHING_WRITTEN}")
    if out.exists() or not out.parent.is_dir():
        where = f"{out} is there already" if out.exists() else f"The folder {out.parent} is not there"
        raise LabError(f"{where}. Name another place. {NOTHING_WRITTEN}")
    with open_slide(slide, mpp) as opened:
        facts = opened.facts
    if facts.vendor not in COPIED_FROM or not facts.path.is_file():
        raise LabError(
            f"{slide.name} cannot be converted here: tiles as {facts.vendor} stores them cannot be copied unchanged. "
            f"It can be used as it is. {NOTHING_WRITTEN}"
        )
    if facts.mpp_x is None or facts.mpp_y is None:
        raise LabError(f"{slide.name} does not say how large its pixels are. Add --mpp. {NOTHING_WRITTEN}")
    try:
        with moved_into_place(out) as aside:
            made = _write(facts, aside)
    except (ValueError, TypeError, KeyError, NotImplementedError, struct.error) as error:
        raise LabError(f"{slide.name} cannot be converted here: it is damaged. {NOTHING_WRITTEN}") from error
    except OSError as error:
        raise LabError(f"{out} cannot be written: {error.strerror or error}. {NOTHING_WRITTEN}") from error
    return Converted(out, *made)


def _write(facts: FileFacts, out: Path) -> tuple[int, int]:
    """Levels and tiles that were written.

    Raises:
        LabError: the picture is not stored in tiles, or what was written is not what was read.
    """
    import tifffile

    with tifffile.TiffFile(facts.path) as source:
        pages = level_pages(source, facts)
        if not pages or source.pages.first.subifds:
            raise LabError(
                f"{facts.path.name} cannot be converted here: "
                + ("it is an OME-TIFF already" if pages else "its picture is not stored in tiles")
                + f". {NOTHING_WRITTEN}"
            )
        scale = {"axes": "YXS", "PhysicalSizeX": facts.mpp_x, "PhysicalSizeY": facts.mpp_y}
        scale |= {"PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm"}
        with tifffile.TiffWriter(out, ome=True, bigtiff=facts.path.stat().st_size > BIG) as writer:
            for number, page in enumerate(pages):
                first = {"subifds": len(pages) - 1, "metadata": scale}
                write_page(writer, page, **(first if number == 0 else {"subfiletype": 1, "metadata": None}))
        hashes, stated = [hash_of(page) for page in pages], [stated_by(page) for page in pages]
        tiles = sum(len(page.dataoffsets) for page in pages)
    with tifffile.TiffFile(out, mode="r+") as copy:
        state_colours(_pyramid(copy), stated)
    with tifffile.TiffFile(out) as copy:
        if not same_pages(_pyramid(copy), hashes, stated):
            raise LabError(f"{facts.path.name}: what was written is not what was read. {NOTHING_WRITTEN}")
    return len(hashes), tiles


def _pyramid(copy: TiffFile) -> list[TiffPage]:
    """The first page and the levels that hang below it."""
    from tifffile import TiffPage

    first = copy.pages.first
    return [first, *(page for page in first.pages or () if isinstance(page, TiffPage))]
