"""A whole slide at one coarse scale, in memory that does not follow the slide: of a large one it lies in a file."""

from __future__ import annotations

import tempfile
from types import TracebackType
from typing import BinaryIO

import numpy as np

from mmdnet.errors import LabError
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.pixels import WHITE, Pixels
from mmdnet.slides.readers.reader import SlideReader, Unreadable

SPOOLED_PX = 2_000_000  # an overview of more pixels lies in a file
BLOCK, TILED_BLOCK = 256, 64  # pixels a side, read at a time; few where every tile is decoded once anyway
BAND_PX = 50_000  # of an overview, looked at at once


def rows_at_once(width: int) -> int:
    """How many rows of an overview are looked at at once, whatever its width in so much memory."""
    return max(16, BAND_PX // width)


class PixelRows:
    """A picture, RGB (height, width, 3), that is looked at some rows at a time; a context manager."""

    _file: BinaryIO | None

    def __init__(self, height: int, width: int) -> None:
        """White all over."""
        self.shape = (height, width, 3)
        self._file = tempfile.TemporaryFile() if height * width > SPOOLED_PX else None  # noqa: SIM115 - see __exit__
        self._pixels: Pixels | None = None
        if self._file is None:
            self._pixels = np.full(self.shape, WHITE, np.uint8)
        else:
            row = bytes([WHITE]) * (3 * width)
            for _ in range(height):
                self._file.write(row)
            self._file.flush()

    def __enter__(self) -> PixelRows:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def __getitem__(self, rows: slice) -> Pixels:
        """Some rows, (rows, width, 3)."""
        begin, end, _ = rows.indices(self.shape[0])
        if self._pixels is not None:
            return self._pixels[begin:end]
        assert self._file is not None
        self._file.seek(begin * 3 * self.shape[1])
        data = self._file.read(max(0, end - begin) * 3 * self.shape[1])
        return np.frombuffer(data, np.uint8).reshape(-1, *self.shape[1:])

    def put(self, top: int, left: int, block: Pixels) -> None:
        """Paste a picture; what reaches beyond is left out."""
        block = block[: self.shape[0] - top, : self.shape[1] - left]
        if self._pixels is not None:
            rows = self._pixels[top : top + len(block)]
        else:
            assert self._file is not None
            shape = (len(block), *self.shape[1:])
            rows = np.memmap(self._file, np.uint8, "r+", offset=top * 3 * self.shape[1], shape=shape)
        rows[:, left : left + block.shape[1]] = block


def read_overview(slide: SlideReader, mpp: float) -> PixelRows:
    """The whole slide at a scale, RGB, block by block. Parts that cannot be decoded are white; the caller closes it.

    Raises:
        LabError: not one part can be decoded, or µm/px is not known.
    """
    mpp_x, mpp_y = slide.mpp_xy
    height = max(1, round(slide.facts.height_px0 * mpp_y / mpp))
    width = max(1, round(slide.facts.width_px0 * mpp_x / mpp))
    side = TILED_BLOCK if slide.is_tiled(mpp / mpp_x, mpp / mpp_y) else BLOCK
    grid = PatchGrid((0, 0), side, mpp, mpp_x, mpp_y)
    cells = [(row, col) for row in range(-(-height // side)) for col in range(-(-width // side))]
    places = [PatchPlace(row, col, *grid.corner_px0(row, col), 1.0) for row, col in cells]
    out, failures = PixelRows(height, width), 0
    for index, block in slide.read_patches(places, grid):
        if isinstance(block, Unreadable):
            failures += 1
        else:
            out.put(places[index].row * side, places[index].col * side, block)
    if failures == len(places):
        raise LabError(f"{slide.facts.path.name}: its pixels cannot be decoded. Copy or scan it again.")
    return out
