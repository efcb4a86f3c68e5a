"""Reduced levels of slides whose file holds none that overviews can be drawn from, made once and kept.

A strip TIFF, or a large slide of one level, has to be decoded whole for an overview, a tissue mask or a coarse tile of
the deep zoom. Of such a slide levels are kept, area-averaged and without loss: the finest four to sixteen times smaller
each way, by the slide's size, and its halves.
"""

from __future__ import annotations

import builtins
import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, product
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdnet.errors import LabError
from mmdnet.files import moved_into_place, sha256_of
from mmdnet.slides.geometry import Level, PatchGrid, PatchPlace, Window, choose_level
from mmdnet.slides.pixels import WHITE, Pixels, blank, clip, shrink_into
from mmdnet.slides.readers.reader import SlideReader, Unreadable
from mmdnet.slides.readers.source import Source
from mmdnet.slides.readers.tiles.tile_pass import Tiling
from mmdnet.slides.stores.patches import StoreEntry

FACTORS = (4, 8, 16)  # the first that leaves no more than so many pixels, else the last
MOST_KEPT_PX = 16_000_000
SMALLEST_PX = 1_000_000  # a level of no more than so many pixels is halved no further
WANTED_FOR = 32  # times smaller than level 0, as overviews are: 8 µm/px of a slide of 0.25
MOST_DECODED_PX = 48_000_000  # a third of a second: an overview that decodes more has its level kept
BLOCK_PX = 64  # pixels of the kept level a side that are made, and fail, together
REDUCED_VERSION = 1  # raised whenever the same slide would give other pixels
PIXELS, NOTE = ".npy", ".json"


@dataclass(frozen=True)
class KeptLevels:
    """Levels, the finest first: how many times smaller than level 0 each is, and its pixels, RGB (height, width, 3).

    `failed`, (rows, columns) of the finest one's blocks, is True where the slide's own pixels could not be decoded.
    """

    factors: tuple[int, ...]
    pixels: tuple[Pixels, ...]
    failed: NDArray[np.bool_]


class ReducedSource:
    """A slide's own levels that are finer than the kept ones, and those."""

    def __init__(self, source: Source, kept: KeptLevels) -> None:
        self._source, self._kept = source, kept
        finer = tuple(level for level in source.levels if level.downsample_x < kept.factors[0])
        self._own = len(finer)
        self.levels: tuple[Level, ...] = finer + tuple(
            Level(pixels.shape[1], pixels.shape[0], factor, factor)
            for factor, pixels in zip(kept.factors, kept.pixels, strict=True)
        )

    def tiling(self, level: int) -> Tiling | None:
        """See Source.tiling; kept levels have none, for they lie decoded."""
        return self._source.tiling(level) if level < self._own else None

    def read(self, window: Window, out: Pixels | None = None) -> Pixels:
        if window.level < self._own:
            return self._source.read(window, out)
        number = window.level - self._own
        x0, y0, x1, y1 = clip(window, self.levels[window.level])
        out = blank(window, self.levels[window.level], out)
        if x0 == x1 or y0 == y1:
            return out
        block = BLOCK_PX * self._kept.factors[0] / self._kept.factors[number]
        rows, cols = slice(int(y0 / block), math.ceil(y1 / block)), slice(int(x0 / block), math.ceil(x1 / block))
        if self._kept.failed[rows, cols].any():
            raise LabError("Pixels of the reduced level could not be decoded there.")
        out[y0 - window.y : y1 - window.y, x0 - window.x : x1 - window.x] = self._kept.pixels[number][y0:y1, x0:x1]
        return out

    def close(self) -> None:
        self._source.close()


class ReducedStore:
    """Reduced levels in one folder, each slide's in a file under its key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def widened(self, slide: SlideReader, limit_bytes: int) -> SlideReader:
        """The slide, with its reduced levels where it needs any: opened where they are kept, else made.

        Where the disk has no room, or they are larger than the limit, the slide as it is. The longest unused of other
        slides give way. Raises LabError where not one pixel of the slide can be decoded.
        """
        if not needs_reduced(slide.levels):
            return slide
        home = self.folder / reduced_key(slide)
        kept = _load(home)
        if kept is None:
            if _offsets(_shapes(slide))[-1] > limit_bytes:
                return slide
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                _make(home, slide)
            except OSError:
                return slide
            self.prune(limit_bytes)
            kept = _load(home)
        if kept is None:
            return slide
        with suppress(OSError):
            os.utime(home.with_suffix(PIXELS))
        levels = kept
        return slide.through(lambda source: ReducedSource(source, levels))

    def list(self, verify: bool = False) -> builtins.list[StoreEntry]:
        """What is kept, the longest unused first; `verify` also compares the checksums."""
        entries = [_entry(file, verify) for file in self.folder.glob(f"*{PIXELS}") if file.name[0] != "."]
        return sorted((entry for entry in entries if entry), key=lambda entry: (entry.used_at, entry.key))

    def prune(self, limit_bytes: int, verify: bool = False) -> builtins.list[StoreEntry]:
        """Remove what is damaged, then the longest unused until the rest fits; returns what went.

        Who has a level open reads on from it.
        """
        entries = self.list(verify)
        total, gone = sum(entry.bytes for entry in entries), []
        for entry in entries:
            if entry.fault is not None or total > limit_bytes:
                for suffix in (PIXELS, NOTE):
                    (self.folder / f"{entry.key}{suffix}").unlink(missing_ok=True)
                total -= entry.bytes
                gone.append(entry)
        return gone


def needs_reduced(levels: Sequence[Level]) -> bool:
    """Whether an overview of a slide with these levels would decode so much that a level is kept for it."""
    used = levels[choose_level(tuple(levels), WANTED_FOR, WANTED_FOR)]
    return used.width_px * used.height_px > MOST_DECODED_PX and used.downsample_x < FACTORS[0]


def _shapes(slide: SlideReader) -> dict[int, tuple[int, int, int]]:
    """Of each level to keep of a slide: how many times smaller than level 0, and its shape; the finest first."""
    width, height = slide.facts.width_px0, slide.facts.height_px0
    factor = next((each for each in FACTORS if width * height <= MOST_KEPT_PX * each**2), FACTORS[-1])
    shapes = {factor: (math.ceil(height / factor), math.ceil(width / factor), 3)}
    while math.prod(shapes[factor]) > 3 * SMALLEST_PX:
        factor *= 2
        shapes[factor] = (math.ceil(height / factor), math.ceil(width / factor), 3)
    return shapes


def _offsets(shapes: Mapping[int, tuple[int, int, int]]) -> list[int]:
    """Where each level begins in the file of all, in bytes, and where the last one ends."""
    return [0, *accumulate(math.prod(shape) for shape in shapes.values())]


def _views(pixels: NDArray[np.uint8], shapes: Mapping[int, tuple[int, int, int]]) -> tuple[Pixels, ...]:
    starts = _offsets(shapes)
    return tuple(
        pixels[start:end].reshape(shape) for start, end, shape in zip(starts, starts[1:], shapes.values(), strict=False)
    )


def reduced_key(slide: SlideReader) -> str:
    """SHA-256 of everything that changes a pixel: the file, its size, the version of the code's pixels."""
    said = [slide.facts.fingerprint, list(_shapes(slide).items()), REDUCED_VERSION]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _make(home: Path, slide: SlideReader) -> None:
    """Reduce a slide, block by block into a file, and move it into place; memory does not follow the slide."""
    shapes = _shapes(slide)
    with moved_into_place(home.with_suffix(PIXELS)) as aside:
        pixels = np.lib.format.open_memmap(aside, "w+", np.uint8, (_offsets(shapes)[-1],))
        finest, *coarser = _views(pixels, shapes)
        factor = next(iter(shapes))
        failed = _reduce(slide, finest, factor)
        for by, level in zip((each // factor for each in list(shapes)[1:]), coarser, strict=True):
            _halve(finest, by, level)
        pixels.flush()
        note = {
            "slide": slide.facts.path.name,
            "shapes": list(shapes.items()),
            "failed": sorted(set(failed)),
            "sha256": sha256_of(aside),
        }
        with moved_into_place(home.with_suffix(NOTE)) as beside:
            beside.write_text(json.dumps(note), encoding="utf-8")


def _reduce(slide: SlideReader, finest: Pixels, factor: int) -> list[tuple[int, int]]:
    """Fill the finest kept level; the blocks that could not be decoded, which stay white."""
    finest[...] = WHITE
    whole_h, whole_w = slide.facts.height_px0 // factor, slide.facts.width_px0 // factor
    failed: list[tuple[int, int]] = []
    grid = PatchGrid((0, 0), BLOCK_PX, float(factor), 1.0, 1.0)
    cells = product(range(-(-whole_h // BLOCK_PX)), range(-(-whole_w // BLOCK_PX)))
    places = [PatchPlace(row, col, *grid.corner_px0(row, col), 1.0) for row, col in cells]
    for index, block in slide.read_patches(places, grid):
        row, col = places[index].row, places[index].col
        if isinstance(block, Unreadable):
            failed.append((row, col))
            continue
        top, left = row * BLOCK_PX, col * BLOCK_PX
        here = finest[top : min(top + BLOCK_PX, whole_h), left : min(left + BLOCK_PX, whole_w)]
        here[...] = block[: here.shape[0], : here.shape[1]]
    if places and len(failed) == len(places):
        raise LabError(f"{slide.facts.path.name}: its pixels cannot be decoded. Copy or scan it again.")
    return failed + _edges(slide, finest, factor)


def _edges(slide: SlideReader, finest: Pixels, factor: int) -> list[tuple[int, int]]:
    """Fill the last column and row where they average less than a whole square; the blocks that could not be."""
    height, width = finest.shape[:2]
    whole_w, whole_h = slide.facts.width_px0 // factor, slide.facts.height_px0 // factor
    parts, failed = [], []
    if width > whole_w:
        parts += [(whole_w, top, 1, min(BLOCK_PX, whole_h - top)) for top in range(0, whole_h, BLOCK_PX)]
    if height > whole_h:
        parts += [(left, whole_h, min(BLOCK_PX, whole_w - left), 1) for left in range(0, whole_w, BLOCK_PX)]
    if width > whole_w and height > whole_h:
        parts.append((whole_w, whole_h, 1, 1))
    for x, y, w, h in parts:
        x0, y0 = x * factor, y * factor
        wide, high = min(w * factor, slide.facts.width_px0 - x0), min(h * factor, slide.facts.height_px0 - y0)
        try:
            finest[y : y + h, x : x + w] = slide.read_region_px0(x0, y0, wide, high, w, h)
        except LabError:
            failed.append((y // BLOCK_PX, x // BLOCK_PX))
    return failed


def _halve(finest: Pixels, by: int, out: Pixels) -> None:
    """Reduce a level by a whole factor, band by band; what a last square lacks is as its last pixels."""
    beside = -finest.shape[1] % by
    for top in range(0, len(out), BLOCK_PX):
        band = finest[top * by : (top + BLOCK_PX) * by]
        band = np.asarray(cv2.copyMakeBorder(band, 0, -len(band) % by, 0, beside, cv2.BORDER_REPLICATE), np.uint8)
        shrink_into(band, (out.shape[1], len(band) // by), out[top : top + BLOCK_PX])


def _load(home: Path) -> KeptLevels | None:
    """Kept levels; None where they are not there, or damaged."""
    try:
        note = json.loads(home.with_suffix(NOTE).read_text(encoding="utf-8"))
        pixels = np.load(home.with_suffix(PIXELS), mmap_mode="r", allow_pickle=False)
        shapes = {int(factor): (int(shape[0]), int(shape[1]), 3) for factor, shape in note["shapes"]}
        if pixels.dtype != np.uint8 or pixels.shape != (_offsets(shapes)[-1],):
            return None
        height, width, _ = next(iter(shapes.values()))
        failed = np.zeros((-(-height // BLOCK_PX), -(-width // BLOCK_PX)), bool)
        for row, col in note["failed"]:
            failed[row, col] = True
        return KeptLevels(tuple(shapes), _views(pixels, shapes), failed)
    except (OSError, ValueError, KeyError, IndexError, TypeError, StopIteration):
        return None


def _entry(file: Path, verify: bool) -> StoreEntry | None:
    """None: another process removed it while we looked."""
    try:
        used_at, size = file.stat().st_mtime, file.stat().st_size
        note = json.loads(file.with_suffix(NOTE).read_text(encoding="utf-8"))
        whole = _load(file.with_suffix("")) is not None and (not verify or sha256_of(file) == note["sha256"])
        slide = str(note["slide"])
    except FileNotFoundError:
        if not file.exists():
            return None
        whole, slide = False, ""
    except (OSError, ValueError, KeyError, TypeError):
        whole, slide = False, ""
    fault = None if whole else f"The reduced levels {file.stem[:12]} are damaged. They are made again when needed."
    return StoreEntry(file.stem, slide, 0, size, used_at, False, fault, "reduced levels")
