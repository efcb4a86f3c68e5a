"""Reading: one class for callers, `SlideReader`, over one small protocol for formats, `Source`."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from types import TracebackType

import numpy as np

from mmdnet.errors import LabError
from mmdnet.slides.colour_profile import to_screen
from mmdnet.slides.facts import FileFacts
from mmdnet.slides.geometry import (
    PATCH_MPP,
    PATCH_PX,
    Level,
    PatchGrid,
    PatchPlace,
    Window,
    choose_level,
    window,
)
from mmdnet.slides.pixels import Pixels, shrink
from mmdnet.slides.readers.source import Source
from mmdnet.slides.readers.tiles.tile_cache import Recycled
from mmdnet.slides.readers.tiles.tile_pass import Here, TilePass, Tiling

BLOCK_PX = 4096 * 1024  # source pixels read at once when much is shrunk to little
STRIPE = 24  # columns of patches that are read together; memory follows this, not the slide's width
THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A patch whose pixels cannot be had, and why: a status, never white pixels."""

    reason: str


class SlideReader:
    """A slide that is open. A context manager; several threads may read; pickles as its path, for spawned workers."""

    def __init__(self, facts: FileFacts, source: Source, reopen: Callable[[], SlideReader]) -> None:
        """Read through a source; `reopen` opens the same slide again, in another process for instance."""
        self.facts = facts
        self._source = source
        self._reopen = reopen
        self._scratch = threading.local()
        self._given = Recycled(2 * STRIPE)
        self.to_screen = to_screen(facts.icc)
        """What turns pixels read into those that people are shown."""

    def __enter__(self) -> SlideReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> tuple[Callable[[], SlideReader], tuple[()]]:
        return self._reopen, ()

    def close(self) -> None:
        self._source.close()

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels that are read from: the file's own, and those kept beside it."""
        return self._source.levels

    def is_tiled(self, step_x: float, step_y: float) -> bool:
        """Whether what is read at so many level-0 pixels a pixel comes in tiles, each of which is decoded once."""
        return self._source.tiling(choose_level(self._source.levels, step_x, step_y)) is not None

    def through(self, wrap: Callable[[Source], Source]) -> SlideReader:
        """This slide, read through another source made of its own; only the new reader is to be closed."""
        return SlideReader(self.facts, wrap(self._source), self._reopen)

    @property
    def mpp_xy(self) -> tuple[float, float]:
        """µm per level-0 pixel in x and y.

        Raises:
            LabError: the slide does not say, and nobody stated it.
        """
        if self.facts.mpp_x is None or self.facts.mpp_y is None:
            raise LabError(
                f"{self.facts.path.name} does not say how large its pixels are. "
                "State the scanner's µm per pixel (0.1 to 2), then try again."
            )
        return self.facts.mpp_x, self.facts.mpp_y

    @property
    def mpp(self) -> float:
        """Mean µm per level-0 pixel. Raises LabError where unknown."""
        x, y = self.mpp_xy
        return (x + y) / 2

    def read_patch(self, x_px0: int, y_px0: int, patch_px: int = PATCH_PX, patch_mpp: float = PATCH_MPP) -> Pixels:
        """One patch of `patch_px` pixels at `patch_mpp` µm/px with its corner at a level-0 pixel.

        Returns:
            RGB, (patch_px, patch_px, 3); white where it reaches beyond the slide.

        Raises:
            LabError: no µm/px is known, or the pixels cannot be decoded.
        """
        side_px0 = PatchGrid((0, 0), patch_px, patch_mpp, *self.mpp_xy).side_px0
        return self._scaled(x_px0, y_px0, *side_px0, patch_px, patch_px)

    def read_region_px0(self, x: float, y: float, w: float, h: float, out_w: int, out_h: int) -> Pixels:
        """A level-0 rectangle, shrunk by area (or enlarged) to (out_h, out_w, 3), in little memory whatever its size.

        Raises:
            LabError: the pixels cannot be decoded.
        """
        return self._scaled(x, y, w, h, out_w, out_h)

    def thumbnail(self, max_px: int = 1024) -> Pixels:
        """The whole slide with its longer side at most `max_px`."""
        width, height = self.facts.width_px0, self.facts.height_px0
        scale = min(1.0, max_px / max(width, height))
        return self._scaled(0, 0, width, height, max(1, round(width * scale)), max(1, round(height * scale)))

    def read_patches(
        self, places: Sequence[PatchPlace], grid: PatchGrid, threads: int = THREADS
    ) -> Iterator[tuple[int, Pixels | Unreadable]]:
        """Every place with its index in `places`: row by row inside stripes of 24 columns, read ahead by threads.

        That order is always the same and never needs more of a wide slide in memory than one stripe. With `threads` 0
        the caller's own thread reads, and nothing ahead: the fewest processor seconds.
        """
        order = sorted(range(len(places)), key=lambda i: (places[i].col // STRIPE, places[i].row, places[i].col, i))
        side_x, side_y = grid.side_px0
        level = choose_level(self._source.levels, side_x / grid.patch_px, side_y / grid.patch_px)
        tiling = self._source.tiling(level)
        with ThreadPoolExecutor(max_workers=threads) if threads else Here() as pool:
            for _, stripe in groupby(order, key=lambda i: places[i].col // STRIPE):
                if tiling is None:
                    yield from self._one_by_one(list(stripe), places, grid, pool, 4 * threads)
                else:
                    yield from self._in_one_pass(list(stripe), places, grid, level, tiling, pool, threads)

    def _in_one_pass(
        self,
        stripe: list[int],
        places: Sequence[PatchPlace],
        grid: PatchGrid,
        level: int,
        tiling: Tiling,
        pool: Executor,
        ahead: int,
    ) -> Iterator[tuple[int, Pixels | Unreadable]]:
        levels = self._source.levels
        cuts = [window(levels, level, places[i].x_px0, places[i].y_px0, *grid.side_px0) for i in stripe]
        tile_pass = TilePass(tiling, levels[level], cuts, grid.patch_px, grid.patch_px, self._given)
        for number, patch in tile_pass.run(pool, ahead):
            index = stripe[number]
            # A patch that this level cannot give may still be had from a finer one.
            yield index, self._try_patch(places[index], grid) if isinstance(patch, LabError) else patch

    def _one_by_one(
        self, stripe: list[int], places: Sequence[PatchPlace], grid: PatchGrid, pool: Executor, ahead: int
    ) -> Iterator[tuple[int, Pixels | Unreadable]]:
        waiting: deque[tuple[int, Future[Pixels | Unreadable]]] = deque()
        try:
            for index in stripe:
                waiting.append((index, pool.submit(self._try_patch, places[index], grid)))
                if len(waiting) > ahead:
                    first, work = waiting.popleft()
                    yield first, work.result()
            while waiting:
                first, work = waiting.popleft()
                yield first, work.result()
        finally:
            for _, work in waiting:
                work.cancel()

    def _try_patch(self, place: PatchPlace, grid: PatchGrid) -> Pixels | Unreadable:
        try:
            width, height = grid.side_px0
            return self._scaled(place.x_px0, place.y_px0, width, height, grid.patch_px, grid.patch_px)
        except LabError as error:
            return Unreadable(str(error))

    def _scaled(self, x: float, y: float, w: float, h: float, out_w: int, out_h: int) -> Pixels:
        levels = self._source.levels
        level = choose_level(levels, w / out_w, h / out_h)
        cut = window(levels, level, x, y, w, h)
        if cut.width * cut.height > BLOCK_PX and max(out_w, out_h) > 1:
            return self._in_halves(x, y, w, h, out_w, out_h)
        while True:
            try:
                if (cut.width, cut.height) == (out_w, out_h):
                    return self._source.read(cut)
                return shrink(self._source.read(cut, self._borrow(cut)), out_w, out_h)
            except LabError:
                if level == 0:
                    raise
                level -= 1  # a damaged coarse level costs time, not tissue
                cut = window(levels, level, x, y, w, h)

    def _borrow(self, cut: Window) -> Pixels:
        """This thread's working memory: fresh memory of that size costs more to touch than to fill."""
        size = cut.width * cut.height * 3
        kept: Pixels | None = getattr(self._scratch, "pixels", None)
        if kept is None or kept.size < size:
            kept = self._scratch.pixels = np.empty(size, np.uint8)
        return kept[:size].reshape(cut.height, cut.width, 3)

    def _in_halves(self, x: float, y: float, w: float, h: float, out_w: int, out_h: int) -> Pixels:
        out = np.empty((out_h, out_w, 3), np.uint8)
        if out_w >= out_h:
            half = out_w // 2
            cut = w * half / out_w
            out[:, :half] = self._scaled(x, y, cut, h, half, out_h)
            out[:, half:] = self._scaled(x + cut, y, w - cut, h, out_w - half, out_h)
        else:
            half = out_h // 2
            cut = h * half / out_h
            out[:half] = self._scaled(x, y, w, cut, out_w, half)
            out[half:] = self._scaled(x, y + cut, w, h - cut, out_w, out_h - half)
        return out
