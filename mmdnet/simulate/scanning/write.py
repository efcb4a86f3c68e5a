"""The slide as a file: a pyramidal tiled TIFF, written band by band, never whole in memory."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import tifffile

from mmdnet.errors import LabError
from mmdnet.simulate.recipes import SlideRecipe

TILE = 256
STEP = 4  # each level is this much coarser than the one before
SMALLEST = 512


def level_shapes(width_px: int, height_px: int) -> list[tuple[int, int]]:
    """(height, width) of every level: full, a quarter, a sixteenth, while there is something to see."""
    shapes = [(height_px, width_px)]
    while min(shapes[-1]) // STEP >= SMALLEST // STEP and len(shapes) < 6 and min(shapes[-1]) > SMALLEST:
        height, width = shapes[-1]
        shapes.append((height // STEP, width // STEP))
    return shapes


class TileRows:
    """Cuts rows of one level into encoded tiles as soon as a full row of tiles is there."""

    def __init__(self, shape: tuple[int, int], quality: int) -> None:
        self.height, self.width = shape
        self.quality = quality
        self.waiting: list[np.ndarray] = []
        self.rows_waiting = 0
        self.rows_done = 0

    def add(self, rows: np.ndarray) -> Iterator[bytes]:
        """Take the next rows (uint8, shape (n, width, 3)) and give the tiles that are complete by them."""
        self.waiting.append(rows)
        self.rows_waiting += len(rows)
        if self.rows_waiting < TILE and self.rows_done + self.rows_waiting < self.height:
            return
        rows = np.concatenate(self.waiting)
        while len(rows) >= TILE or (len(rows) and self.rows_done + len(rows) >= self.height):
            yield from self._encode(rows[:TILE])
            self.rows_done += min(TILE, len(rows))
            rows = rows[TILE:]
        self.waiting, self.rows_waiting = [rows], len(rows)

    def _encode(self, rows: np.ndarray) -> Iterator[bytes]:
        for left in range(0, self.width, TILE):
            tile = rows[:, left : left + TILE]
            missing = TILE - tile.shape[0], TILE - tile.shape[1]
            if any(missing):
                tile = cv2.copyMakeBorder(tile, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE)
            yield bytes(
                imagecodecs.jpeg8_encode(
                    np.ascontiguousarray(tile),
                    level=self.quality,
                    colorspace="RGB",
                    outcolorspace="YCBCR",
                    subsampling="420",
                )
            )


class CoarserLevel:
    """A reduced level that grows while the full one is written; its encoded tiles wait in a temporary file."""

    def __init__(self, shape: tuple[int, int], quality: int) -> None:
        self.shape = shape
        self.tiles = TileRows(shape, quality)
        self.rest: np.ndarray | None = None
        self.lengths: list[int] = []
        self.store = tempfile.SpooledTemporaryFile(max_size=32 << 20)  # noqa: SIM115  (closed by `close`)

    def add(self, rows: np.ndarray) -> np.ndarray:
        """Take rows of the finer level; returns the rows of this level they complete."""
        if self.rest is not None and len(self.rest):
            rows = np.concatenate([self.rest, rows])
        whole = len(rows) // STEP
        self.rest = rows[whole * STEP :].copy()
        height = min(whole, self.shape[0] - self.tiles.rows_done - self.tiles.rows_waiting)
        if height <= 0:
            return np.zeros((0, self.shape[1], 3), np.uint8)
        source = rows[: height * STEP, : self.shape[1] * STEP]
        small = cv2.resize(source, (self.shape[1], height), interpolation=cv2.INTER_AREA)
        for tile in self.tiles.add(small):
            self.lengths.append(len(tile))
            self.store.write(tile)
        return small

    def encoded(self) -> Iterator[bytes]:
        self.store.seek(0)
        for length in self.lengths:
            yield self.store.read(length)

    def close(self) -> None:
        self.store.close()


def description(recipe: SlideRecipe) -> str:
    """What the file says about itself: that it is simulated, and from what."""
    facts = {
        "simulated": True,
        "stain": recipe.stain,
        "scanner": recipe.scanner,
        "site": recipe.site,
        "patient": recipe.patient,
        "mpp": recipe.mpp,
        "seed": recipe.seed,
        "objective": round(10 / recipe.mpp),
    }
    if recipe.staining_run:
        facts["staining_run"] = recipe.staining_run
    return json.dumps({"mmdnet": facts})


def write_pyramid(path: Path, recipe: SlideRecipe, quality: int, bands: Iterator[np.ndarray]) -> None:
    """Write a slide from its rows.

    Args:
        path: of the file; it appears only when complete.
        quality: of the JPEG tiles.
        bands: uint8 RGB rows from top to bottom, each of shape (n, width, 3).

    Raises:
        LabError: the folder cannot be written to or is full.
    """
    partial = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(partial, recipe, quality, bands)
        partial.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise LabError(f"The simulated slide {path.name} could not be written: {reason}. Nothing was kept.") from error
    finally:
        partial.unlink(missing_ok=True)


def _write(partial: Path, recipe: SlideRecipe, quality: int, bands: Iterator[np.ndarray]) -> None:
    shapes = level_shapes(recipe.width_px, recipe.height_px)
    coarser = [CoarserLevel(shape, quality) for shape in shapes[1:]]

    def full_level() -> Iterator[bytes]:
        tiles = TileRows(shapes[0], quality)
        for band in bands:
            rows = band
            for level in coarser:
                rows = level.add(rows)
            yield from tiles.add(band)

    try:
        with tifffile.TiffWriter(partial, bigtiff=recipe.width_px * recipe.height_px > 4_000_000_000) as tiff:
            for index, shape in enumerate(shapes):
                per_cm = 1e4 / (recipe.mpp * STEP**index)
                tiff.write(
                    full_level() if index == 0 else coarser[index - 1].encoded(),
                    shape=(*shape, 3),
                    dtype=np.uint8,
                    photometric="ycbcr",
                    subsampling=(2, 2),
                    tile=(TILE, TILE),
                    compression="jpeg",
                    resolution=(per_cm, per_cm),
                    resolutionunit="CENTIMETER",
                    description=description(recipe) if index == 0 else None,
                    software="mmdnet simulate",
                    subfiletype=0 if index == 0 else 1,
                    metadata=None,
                )
    finally:
        for level in coarser:
            level.close()
