"""[read] One 299 px patch at 0.5 µm/px from a 0.25 µm/px JPEG slide, beside OpenSlide with Pillow's bicubic resize."""

import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import openslide
import simplejpeg
from PIL import Image

from benchmarks._mosaic import tissue_field, write_mosaic
from benchmarks.result import Result, cpu_ms
from mmdnet.slides.geometry import PATCH_MPP, PATCH_PX, PatchGrid, PatchPlace
from mmdnet.slides.readers.formats import format_of
from mmdnet.slides.readers.jpeg_tiles import JpegTileSource
from mmdnet.slides.readers.open import open_slide
from mmdnet.slides.readers.reader import SlideReader
from mmdnet.slides.readers.tiles.tiff import read_directories
from mmdnet.slides.readers.tiles.tile_cache import memory

SIDE_PX = 20_000
MPP, SCANNERS_MPP = 0.25, 0.2524  # a whole factor to 0.5, and one as scanners state it


def places_in_block(grid: PatchGrid, rows: int, cols: int) -> list[PatchPlace]:
    """A block of patches, row by row, away from the slide's corner."""
    cells = [(row, col) for row in range(2, 2 + rows) for col in range(3, 3 + cols)]
    return [PatchPlace(row, col, *grid.corner_px0(row, col), 1.0) for row, col in cells]


@contextmanager
def opened(path: Path) -> Iterator[tuple[SlideReader, Callable[[], None]]]:
    """The slide, read as the lab reads it, and what forgets its decoded tiles, so that every run decodes them again."""
    facts, source = format_of(path).open(path, None)
    with SlideReader(facts, source, partial(open_slide, path)) as slide:
        yield slide, source.forget if isinstance(source, JpegTileSource) else lambda: None


def openslide_bicubic(path: Path, places: list[PatchPlace], window: int) -> Callable[[], None]:
    """What the common extractors do for each patch."""
    slide = openslide.OpenSlide(path)

    def work() -> None:
        for place in places:
            image = slide.read_region((place.x_px0, place.y_px0), 0, (window, window)).convert("RGB")
            np.asarray(image.resize((PATCH_PX, PATCH_PX), Image.Resampling.BICUBIC))

    return work


def bare_decode(path: Path, places: list[PatchPlace], window: int) -> Callable[[], None]:
    """The limit: libjpeg-turbo on every tile the patches touch, once each, into one buffer the processor keeps near.

    Its bytes are in memory already; nothing is checked, cut, copied or shrunk.
    """
    page = read_directories(path)[0]
    tiles: dict[int, bytes] = {}
    with path.open("rb") as file:
        for place in places:
            for row in range(place.y_px0 // page.tile_height, (place.y_px0 + window - 1) // page.tile_height + 1):
                for col in range(place.x_px0 // page.tile_width, (place.x_px0 + window - 1) // page.tile_width + 1):
                    index = row * page.across + col
                    file.seek(int(page.offsets[index]))
                    tiles[index] = file.read(int(page.sizes[index]))
    near = memory((page.tile_height, page.tile_width, 3))

    def work() -> None:
        for data in tiles.values():
            simplejpeg.decode_jpeg(data, buffer=near, strict=False)

    return work


def measure(quick: bool, mpp: float = MPP) -> tuple[dict[str, float], int, str]:
    """CPU ms per patch of each way, the number of runs, and what tissue it was."""
    rows, cols, runs = (6, 10, 3) if quick else (10, 20, 9)
    field, content = tissue_field()
    with tempfile.TemporaryDirectory() as folder:
        path = write_mosaic(Path(folder) / "slide.tiff", SIDE_PX, mpp, field)
        with opened(path) as (slide, forget):
            if slide.facts.reader != "jpeg-tiles":
                content += f", read by {slide.facts.reader}"
            grid = PatchGrid((0, 0), PATCH_PX, PATCH_MPP, mpp, mpp)
            places, window = places_in_block(grid, rows, cols), round(grid.side_px0[0])

            def ours() -> None:
                deque(slide.read_patches(places, grid, threads=0), maxlen=0)

            cases = {
                "ours": ours,
                "openslide_pillow_bicubic": openslide_bicubic(path, places, window),
                "bare_decode": bare_decode(path, places, window),
            }
            return cpu_ms(cases, runs, len(places), forget), runs, content


def run(quick: bool) -> Result:
    took, runs, content = measure(quick)
    other = measure(True, SCANNERS_MPP)[0]
    beside = {
        "reach": 5,
        **{f"{name}_cpu_ms": round(ms, 3) for name, ms in took.items()},
        "tissue": content,
        f"times_fewer_at_{SCANNERS_MPP}_um_px": round(other["openslide_pillow_bicubic"] / other["ours"], 2),
        f"ours_at_{SCANNERS_MPP}_um_px_cpu_ms": round(other["ours"], 3),
    }
    return Result("read", took["openslide_pillow_bicubic"] / took["ours"], "times fewer CPU ms per patch", beside, runs)
