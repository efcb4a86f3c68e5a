"""JPEG tiles read straight from a TIFF: the same pixels as OpenSlide's, without its painting.

OpenSlide's time goes into painting tiles onto a surface, not into decoding them. Here a tile's bytes are read at their
offset and decoded by libjpeg-turbo. Which levels may be read so is not believed but compared: when a slide is opened,
seeded windows must equal OpenSlide's bit for bit.
"""

import random
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from mmdnet.errors import LabError
from mmdnet.slides.geometry import Level, Window
from mmdnet.slides.pixels import Pixels
from mmdnet.slides.readers.openslide_source import OpenSlideSource
from mmdnet.slides.readers.tiles.jpeg import COLOURS, decode
from mmdnet.slides.readers.tiles.tiff import Directory, NotTiffError, TiffBytes, read_directories
from mmdnet.slides.readers.tiles.tile_cache import TileCache
from mmdnet.slides.readers.tiles.tile_pass import Tiling, read_tiles

JPEG = 7
VENDORS = {"aperio", "generic-tiff"}  # their tiles lie side by side; others overlap them or leave gaps
CACHE_BYTES = 24 * 1024 * 1024
WINDOWS = 6
FEWEST_WINDOWS = 3
WINDOW_PX = 300
EXACT = 1 / 1024  # of a level's pixel: OpenSlide interpolates where a window begins between pixels


class JpegTileSource:
    """Levels that passed the comparison are decoded here, the others by OpenSlide."""

    def __init__(self, path: Path, openslide: OpenSlideSource, pages: Mapping[int, Directory]) -> None:
        self._name = path.name
        self._openslide = openslide
        self._pages = dict(pages)
        self.levels: tuple[Level, ...] = openslide.levels
        self._file = TiffBytes(path)
        self._cache = TileCache(CACHE_BYTES)

    def tiling(self, level: int) -> Tiling | None:
        """See Source.tiling."""
        page = self._pages.get(level)
        if page is None:
            return None
        return Tiling(page.tile_width, page.tile_height, page.across, partial(self._load, page))

    def read(self, window: Window, out: Pixels | None = None) -> Pixels:
        tiling = self.tiling(window.level)
        if tiling is None:
            return self._openslide.read(window, out)
        return read_tiles(window, self.levels[window.level], tiling, self._cache, window.level, out)

    def _load(self, page: Directory, index: int, out: Pixels) -> None:
        try:
            decode(self._file.at(int(page.offsets[index]), int(page.sizes[index])), page, out)
        except (ValueError, OSError) as error:
            raise LabError(f"{self._name}: pixels cannot be decoded there ({error}).") from error

    def close(self) -> None:
        self._file.close()
        self._cache.clear()
        self._openslide.close()

    def forget(self) -> None:
        """Drop decoded tiles."""
        self._cache.forget()


def direct_pages(path: Path, openslide: OpenSlideSource) -> dict[int, Directory]:
    """The levels of a slide that can be read directly and, on seeded windows, gave OpenSlide's very pixels."""
    if openslide.properties.get("openslide.vendor") not in VENDORS:
        return {}
    try:
        directories = read_directories(path)
    except (NotTiffError, OSError):
        return {}
    end = path.stat().st_size
    pages: dict[int, Directory] = {}
    for index, level in enumerate(openslide.levels):
        fitting = [page for page in directories if _readable(page, level, end)]
        same = (page for page in fitting if _same_pixels(path, openslide, index, page))
        page = next(same, None)  # focal planes and masks are as large as the level
        if page is not None:
            pages[index] = page
    return pages


def _readable(page: Directory, level: Level, end: int) -> bool:
    if (page.width, page.height) != (level.width_px, level.height_px) or not page.tile_width or not page.tile_height:
        return False
    tiles = page.across * page.down
    return (
        page.compression == JPEG
        and page.photometric in COLOURS
        and (page.samples, page.planar) == (3, 1)
        and len(page.offsets) == len(page.sizes) == tiles
        and bool((page.offsets > 0).all() and (page.offsets <= end - page.sizes).all())
        and bool((page.sizes <= 8 * page.tile_width * page.tile_height).all())
        and bool((page.sizes > 0).all())  # an empty tile stands for "not scanned", which OpenSlide knows how to fill
    )


def _same_pixels(path: Path, openslide: OpenSlideSource, index: int, page: Directory) -> bool:
    direct = JpegTileSource(path, openslide, {index: page})
    compared = 0
    try:
        for window in check_windows(openslide, index, page):
            try:
                ours, theirs = direct.read(window), openslide.read(window)
            except LabError:
                continue  # a damaged tile says nothing about the rest of the slide
            if not np.array_equal(ours, theirs):
                return False
            compared += 1
        return compared >= FEWEST_WINDOWS
    finally:
        direct._file.close()


def check_windows(openslide: OpenSlideSource, index: int, page: Directory) -> list[Window]:
    """Seeded windows that both readers can address exactly, half of them on the tiles that hold most detail."""
    level, downsample = openslide.levels[index], openslide.downsamples[index]
    width, height = min(WINDOW_PX, level.width_px), min(WINDOW_PX, level.height_px)
    chance = random.Random(f"{openslide.properties.get('openslide.quickhash-1')}:{index}")
    richest = np.argsort(-page.sizes, kind="stable")[: 4 * WINDOWS].tolist()

    def near(wanted: int, most: int) -> int:
        """The place nearest to the wanted one that is a whole level-0 pixel times the downsample; 0 always is."""
        for step in range(2048):
            for place in (wanted - step, wanted + step):
                if 0 <= place <= most and abs(round(place * downsample) / downsample - place) < EXACT:
                    return place
        return 0

    windows = []
    for i in range(WINDOWS):
        if i % 2:
            tile = chance.choice(richest)
            x = tile % page.across * page.tile_width - chance.randrange(page.tile_width)
            y = tile // page.across * page.tile_height - chance.randrange(page.tile_height)
        else:
            x, y = chance.randrange(level.width_px), chance.randrange(level.height_px)
        x, y = min(max(0, x), level.width_px - width), min(max(0, y), level.height_px - height)
        windows.append(Window(index, near(x, level.width_px - width), near(y, level.height_px - height), width, height))
    return windows
