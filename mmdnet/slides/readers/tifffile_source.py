"""TIFFs that OpenSlide does not take, or takes half, by tifffile: strips, WebP and JPEG 2000 tiles, OME-TIFF's levels.

OME-TIFF keeps its reduced levels as SubIFDs and its scale in XML (OME-TIFF specification 6.0, "Sub-resolutions").
What tifffile decodes is believed after a second reader gave the same of some tiles: OpenSlide where it opens the file,
else Pillow, whose LibTIFF is handed one tile as a small TIFF of its own.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import openslide
import tifffile
from PIL import Image

from mmdnet.errors import LabError
from mmdnet.slides.colour_profile import profile_note
from mmdnet.slides.facts import FileFacts, check_size, fingerprint, scale_of
from mmdnet.slides.geometry import Level, Window
from mmdnet.slides.pixels import WHITE, Pixels
from mmdnet.slides.readers.levels import StoredLevel, used_levels
from mmdnet.slides.readers.openslide_source import (
    PRINT_MPP,
    check_tile,
    planes_note,
    refuse_absurd_claims,
    refuse_turned,
)
from mmdnet.slides.readers.refusals import damaged
from mmdnet.slides.readers.tiles.second_reader import Tiles, compare
from mmdnet.slides.readers.tiles.tiff import MOST_DIRECTORIES, PICTURE_CODINGS, TiffBytes, read_directories
from mmdnet.slides.readers.tiles.tiff_tiles import claimed_size, piece_of, small_tiff
from mmdnet.slides.readers.tiles.tile_cache import TileCache
from mmdnet.slides.readers.tiles.tile_pass import Tiling, read_tiles
from mmdnet.words import count

CACHE_BYTES = 48 * 1024 * 1024
UNITS_UM = {"m": 1e6, "cm": 1e4, "mm": 1e3, "µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3, "pm": 1e-6}
INCH, CENTIMETRE = 2, 3
PER_UNIT_UM = {INCH: 25_400.0, CENTIMETRE: 10_000.0}
ICC_PROFILE = 34675


logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it has to say of damaged files is said in a refusal


class TiffFileSource:
    """The levels of one TIFF, decoded tile by tile (or strip by strip) by tifffile."""

    def __init__(self, path: Path, file: tifffile.TiffFile) -> None:
        """Find the levels: the largest picture, its SubIFDs, and whatever else of the file agrees with it.

        Raises:
            LabError: no picture, colours that are not 8-bit RGB, or an absurd size.
        """
        self.name = path.name
        pages = _pages(file.pages)
        first = max(pages, key=lambda page: page.imagewidth * page.imagelength)
        _check_colours(path, first)
        others = [*_pages(first.pages or ()), *(page for page in pages if page is not first)]
        smaller = [page for page in others if _is_level(first, page)]
        self.planes = 1 + sum(page.shape == first.shape for page in pages if page is not first)
        """Pictures as large as the slide itself: focal planes, or masks. The first is read."""
        stored = [first, *sorted(smaller, key=lambda page: -page.imagewidth)]
        for page in stored:
            check_size(self.name, page.imagewidth, page.imagelength)
            check_tile(path, *piece_of(page))
            _ = page.decode, page.jpegtables, page.dataoffsets, page.databytecounts  # read while the file is open
        self._file = TiffBytes(path)
        self._cache = TileCache(CACHE_BYTES)
        self._stored = stored
        self._end = path.stat().st_size
        sizes = [StoredLevel(page.imagewidth, page.imagelength, piece_of(page)) for page in stored]
        used = used_levels(sizes, self._stored_pixels, f"{path.name}:{self._end}")
        self.levels: tuple[Level, ...] = tuple(each.level for each in used)
        self.pages: tuple[tifffile.TiffPage, ...] = tuple(stored[each.index] for each in used)

    def _stored_pixels(self, index: int, x: int, y: int, width: int, height: int) -> Pixels:
        page = self._stored[index]
        level = Level(page.imagewidth, page.imagelength, 1.0, 1.0)
        return read_tiles(Window(0, x, y, width, height), level, self._tiling(page), self._cache, page.offset)

    def tiling(self, level: int) -> Tiling:
        """See Source.tiling; a strip is a tile as wide as the level."""
        return self._tiling(self.pages[level])

    def _tiling(self, page: tifffile.TiffPage) -> Tiling:
        width, height = piece_of(page)
        return Tiling(width, height, -(-page.imagewidth // width), partial(self.load, page))

    def read(self, window: Window, out: Pixels | None = None) -> Pixels:
        level, page = self.levels[window.level], self.pages[window.level]
        return read_tiles(window, level, self._tiling(page), self._cache, page.offset, out)

    def load(self, page: tifffile.TiffPage, index: int, out: Pixels) -> None:
        """Decode one tile, or strip, of a page into `out`, RGB (height, width, 3); what it does not fill is white.

        Raises:
            LabError: it is not in the file, damaged, or of another size than the file states.
        """
        data = self.bytes_of(page, index)
        if data is None:
            out.fill(WHITE)
            return
        try:
            coding = int(page.compression)
            if coding in PICTURE_CODINGS and claimed_size(coding, data) != piece_of(page):  # before memory is taken
                raise ValueError("a tile of another size than the file states")
            decoded = page.decode(data, index, jpegtables=page.jpegtables)[0]
            pixels = np.asarray(decoded)[0, :, :, :3]
        except Exception as error:  # tifffile and imagecodecs raise almost anything on damaged bytes
            raise LabError(f"{self.name}: pixels cannot be decoded there ({_first_line(error)}).") from error
        if pixels.shape[:2] != out.shape[:2]:
            out.fill(WHITE)
        out[: pixels.shape[0], : pixels.shape[1]] = pixels[: out.shape[0], : out.shape[1]]

    def bytes_of(self, page: tifffile.TiffPage, index: int) -> bytes | None:
        """A tile's bytes; None where it is empty, which stands for "not scanned".

        Raises:
            LabError: they do not lie in the file.
        """
        try:
            offset, size = int(page.dataoffsets[index]), int(page.databytecounts[index])
        except IndexError as error:
            raise LabError(f"{self.name}: a tile is missing.") from error
        if size == 0:
            return None
        if offset < 0 or size < 0 or offset + size > self._end:
            raise LabError(f"{self.name}: a tile lies beyond the end of the file.")
        return self._file.at(offset, size)

    def close(self) -> None:
        self._file.close()
        self._cache.clear()


def open_tiff(path: Path, mpp: float | None) -> tuple[FileFacts, TiffFileSource]:
    """Open a TIFF by tifffile.

    Raises:
        LabError: damaged, not 8-bit RGB, turned, of an absurd size, or decoded otherwise by a second reader.
    """
    refuse_absurd_claims(path)
    for page in read_directories(path):
        refuse_turned(path.name, page)
    try:
        with tifffile.TiffFile(path) as file:
            source = TiffFileSource(path, file)
            scale, objective = _statements(file, source.pages[0])
            icc = source.pages[0].tags.valueof(ICC_PROFILE)
    except LabError:
        raise
    except Exception as error:  # as in `load`
        raise damaged(path.name, "its directories cannot be read") from error
    try:
        reason = _believed(path, source)
    except BaseException:
        source.close()
        raise
    mpp_x, mpp_y, mpp_source = scale_of(scale or (None, None), mpp)
    facts = FileFacts(
        path=path,
        vendor="tiff",
        reader="tifffile",
        width_px0=source.levels[0].width_px,
        height_px0=source.levels[0].height_px,
        mpp_x=mpp_x,
        mpp_y=mpp_y,
        mpp_source=mpp_source,
        objective=objective,
        levels=source.levels,
        fingerprint=fingerprint(path),
        former_fingerprint=_former_fingerprint(path),
        notes=(reason, *planes_note(source.planes), *profile_note(icc)),
        icc=icc,
    )
    return facts, source


def _former_fingerprint(path: Path) -> str | None:
    """What OpenSlide, which reads the finest level of an OME-TIFF, had earlier builds call the file."""
    with suppress(openslide.OpenSlideError), openslide.OpenSlide(path) as slide:
        return fingerprint(path, slide.properties.get(openslide.PROPERTY_NAME_QUICKHASH1, ""))
    return None


def _is_rgb(page: tifffile.TiffPage) -> bool:
    return page.samplesperpixel == 3 and page.bitspersample == 8 and page.planarconfig == 1 and page.imagedepth == 1


def _pages(pages: Iterable[tifffile.TiffPage | tifffile.TiffFrame]) -> list[tifffile.TiffPage]:
    return [page for page in islice(pages, MOST_DIRECTORIES) if isinstance(page, tifffile.TiffPage)]


def _is_level(first: tifffile.TiffPage, page: tifffile.TiffPage) -> bool:
    return _is_rgb(page) and page.imagewidth < first.imagewidth


def _check_colours(path: Path, page: tifffile.TiffPage) -> None:
    if _is_rgb(page) and page.dtype == np.uint8:
        return
    if page.samplesperpixel == 1 or page.planarconfig != 1:
        what = "its colours are stored as planes of their own, or it has one channel only"
    elif page.bitspersample != 8:
        what = f"its pixels have {page.bitspersample} bits a colour, and 8 are read"
    else:
        what = f"its pixels have {page.samplesperpixel} samples, and red, green and blue are read"
    raise LabError(f"{path.name} was not added: {what}. Export it as 8-bit RGB. Nothing was changed.")


def _statements(file: tifffile.TiffFile, page: tifffile.TiffPage) -> tuple[tuple[float, float] | None, float | None]:
    """µm/px in x and y, and the objective, as OME-XML or the resolution tags state them; None where they do not."""
    said, objective = _ome_statements(file.ome_metadata or "")
    if said is not None:
        return said, objective
    per_unit = PER_UNIT_UM.get(int(page.resolutionunit))
    x, y = page.resolution
    if per_unit is None or not x or not y or max(per_unit / x, per_unit / y) > PRINT_MPP:
        return None, objective
    if 282 not in page.tags:  # TiffPage fills in 1 for a tag that is not there
        return None, objective
    return (per_unit / x, per_unit / y), objective


def _ome_statements(xml: str) -> tuple[tuple[float, float] | None, float | None]:
    try:
        elements = list(ElementTree.fromstring(xml).iter()) if xml else []
    except ElementTree.ParseError:
        return None, None
    scale, objective = None, None
    for element in elements:
        name = element.tag.rpartition("}")[2]
        with suppress(KeyError, ValueError):
            if name == "Pixels" and scale is None:
                scale = _physical(element, "X"), _physical(element, "Y")
            if name == "Objective" and objective is None:
                objective = float(element.attrib["NominalMagnification"])
    return scale, objective


def _physical(pixels: ElementTree.Element, axis: str) -> float:
    size = float(pixels.attrib[f"PhysicalSize{axis}"]) * UNITS_UM[pixels.attrib.get(f"PhysicalSize{axis}Unit", "µm")]
    if not 0 < size < PRINT_MPP:
        raise ValueError("no length of a pixel")
    return size


def _believed(path: Path, source: TiffFileSource) -> str:
    """Compare some tiles of each level with a second reader's; the sentence that says which was taken and why.

    Raises:
        LabError: a second reader gives other pixels, or not one tile can be decoded.
    """
    why = _why(source)
    with suppress(openslide.OpenSlideError):
        with openslide.OpenSlide(path) as second:
            compared = _compare(source, partial(_by_openslide, second), source.pages[:1])
        if compared:
            return f"{why} OpenSlide gave the same pixels of its finest level."
    compared = _compare(source, _by_pillow, source.pages)
    if not compared:
        return f"{why} No second reader decodes it, so its pixels could not be compared."
    return f"{why} Pillow gave the same pixels of {count(compared, 'part')}."


def _why(source: TiffFileSource) -> str:
    page = source.pages[0]
    if not page.is_tiled:
        return "Read by tifffile: its picture is stored in strips."
    if page.compression in PICTURE_CODINGS:
        return f"Read by tifffile: its tiles are {PICTURE_CODINGS[int(page.compression)]}."
    if page.subifds:
        return "Read by tifffile: its reduced levels are SubIFDs."
    return "Read by tifffile: its reduced levels are not marked as such."


Second = Callable[[TiffFileSource, tifffile.TiffPage, int], Pixels | None]


def _compare(source: TiffFileSource, again: Second, pages: Sequence[tifffile.TiffPage]) -> int:
    """How many tiles both readers decode alike. See `second_reader.compare`."""
    return compare(
        source.name,
        (
            Tiles(page.databytecounts, *piece_of(page), partial(source.load, page), partial(again, source, page))
            for page in pages
        ),
    )


def _by_openslide(
    slide: openslide.OpenSlide, source: TiffFileSource, page: tifffile.TiffPage, index: int
) -> Pixels | None:
    wide, high = piece_of(page)
    row, col = divmod(index, -(-page.imagewidth // wide))
    size = min(wide, page.imagewidth - col * wide), min(high, page.imagelength - row * high)
    try:
        read = np.asarray(slide.read_region((col * wide, row * high), 0, size))
    except openslide.OpenSlideError:
        return None
    return read[..., :3] if read[..., 3].min() == WHITE else None


def _by_pillow(source: TiffFileSource, page: tifffile.TiffPage, index: int) -> Pixels | None:
    """One tile as Pillow decodes it; None where it does not."""
    data = source.bytes_of(page, index)
    if data is None:
        return None
    try:
        alone = data if page.compression in PICTURE_CODINGS else small_tiff(page, index, data)
        with Image.open(io.BytesIO(alone)) as picture:
            return np.asarray(picture.convert("RGB"))
    except Exception:  # a damaged picture raises almost anything; a codec LibTIFF lacks, OSError
        return None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
