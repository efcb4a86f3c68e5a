"""QPTIFF (PerkinElmer, Akoya): which of its pages are the slide, what it says of itself, its label and overview.

Each page says in XML what it is (`ImageType`). A brightfield scan is one page in red, green and blue with reduced ones;
a fluorescence scan has one grey page for each channel, and is refused: its first channel would pass for a slide.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from mmdnet.errors import LabError
from mmdnet.slides.facts import FileFacts
from mmdnet.slides.readers.openslide_source import refuse_absurd_claims
from mmdnet.slides.readers.refusals import damaged
from mmdnet.slides.readers.tiles.tiff import (
    DESCRIPTION,
    MOST_DIRECTORIES,
    NotTiffError,
    first_words,
    read_directories,
)
from mmdnet.words import count

if TYPE_CHECKING:
    from tifffile import TiffPage

SUFFIXES = (".qptiff",)
MAKER = b"PerkinElmer-QPI"
FULL, REDUCED = "FullResolution", "ReducedResolution"
PICTURES = {"Label": "label", "Overview": "macro", "Thumbnail": "thumbnail"}
"""What a page may be beside the slide, and what such pictures are called here."""


@dataclass(frozen=True, slots=True)
class Qptiff:
    """What a brightfield QPTIFF says beside its pixels; None where it does not.

    `is_marked` is whether its reduced pages are said to be reduced in TIFF's own way too; `pictures` are the numbers of
    the pages that show label and glass.
    """

    objective: float | None
    barcode: str | None
    scanner: str | None
    is_marked: bool
    pictures: Mapping[str, int]

    def added_to(self, facts: FileFacts) -> FileFacts:
        """The facts of its pixels, and these."""
        return replace(
            facts,
            objective=facts.objective or self.objective,
            barcode=facts.barcode or self.barcode,
            scanner=facts.scanner or self.scanner,
        )


def is_qptiff(path: Path) -> bool:
    """Whether a file is one, whatever its name ends with."""
    return path.is_file() and MAKER in first_words(path)


def look_into(path: Path) -> Qptiff:
    """Read what a file says of its pages.

    Raises:
        LabError: a fluorescence scan, more than 8 bits a colour, or damaged.
    """
    import tifffile

    try:
        read_directories(path)
    except NotTiffError as error:
        raise damaged(path.name, str(error)) from error
    refuse_absurd_claims(path)
    try:
        with tifffile.TiffFile(path) as file:
            pages = [page for page in islice(file.pages, MOST_DIRECTORIES) if isinstance(page, tifffile.TiffPage)]
            said = [_said(page) for page in pages]
            full = [page for page, xml in zip(pages, said, strict=True) if xml.get("ImageType") == FULL] or pages[:1]
            reason = _reason(full)
    except Exception as error:  # tifffile raises almost anything on damaged files
        raise damaged(path.name, "its directories cannot be read") from error
    if reason is not None:
        raise LabError(f"{path.name} was not added: {reason} Nothing was changed.")
    reduced = [page for page, xml in zip(pages, said, strict=True) if xml.get("ImageType") == REDUCED]
    return Qptiff(
        objective=_magnification(said[0].get("Objective", "")),
        barcode=said[0].get("Barcode") or None,
        scanner=said[0].get("InstrumentType") or None,
        is_marked=all(page.is_reduced for page in reduced),
        pictures={PICTURES[xml["ImageType"]]: i for i, xml in enumerate(said) if xml.get("ImageType") in PICTURES},
    )


def _reason(full: list[TiffPage]) -> str | None:
    first = full[0]
    if first.samplesperpixel == 1:
        return (
            f"it is a fluorescence scan of {count(len(full), 'channel')}, each a grey picture, and a brightfield scan "
            "in red, green and blue is read. Give the brightfield scan."
        )
    if first.bitspersample != 8:
        return f"its pixels have {first.bitspersample} bits a colour, and 8 are read. Export it as 8-bit RGB."
    return None


def _said(page: TiffPage) -> dict[str, str]:
    """The elements at the top of a page's XML; empty where there is none. It says UTF-16 and is mostly UTF-8."""
    text = page.tags.valueof(DESCRIPTION)
    if isinstance(text, bytes):
        text = text.decode("utf-16" if text[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8", "replace")
    try:
        root = ElementTree.fromstring(
            re.sub(r"^.*?\?>", "", str(text or "").strip("\0\ufeff \r\n"), count=1, flags=re.S)
        )
    except ElementTree.ParseError:
        return {}
    return {element.tag: " ".join((element.text or "").split()) for element in root}


def _magnification(text: str) -> float | None:
    number = re.match(r"([0-9]{1,3}(?:\.[0-9])?)\s*x?", text, re.I)
    return float(number[1]) if number else None


def picture(path: Path, name: str, largest_px: int) -> bytes:
    """The page that shows label, macro or thumbnail, as a PNG.

    Raises:
        LabError: it is absurdly large, or damaged.
    """
    import tifffile

    number = look_into(path).pictures[name]
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages[number].aspage()
            if page.imagewidth * page.imagelength > largest_px:
                raise LabError(
                    f"The {name} of {path.name} claims to be {page.imagewidth} × {page.imagelength} pixels. "
                    "It is damaged."
                )
            shown = Image.fromarray(np.asarray(page.asarray(), np.uint8)).convert("RGB")
    except LabError:
        raise
    except Exception as error:  # as in `look_into`
        raise damaged(path.name, f"its {name} cannot be decoded") from error
    out = io.BytesIO()
    shown.save(out, "PNG")
    return out.getvalue()
