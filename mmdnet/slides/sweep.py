"""Many windows of one level in one pass: every tile is decoded once and pasted into each window it is part of.

Tiles are taken row by row, so that no more windows are open at once than one row of tiles meets. Where a whole number
of pixels becomes one, and none of those squares lies across two tiles, the parts of a tile are shrunk as they are
pasted, while the processor's own cache still holds it: the same values as of a window read whole, with less to move.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from mmdnet.errors import LabError
from mmdnet.slides.geometry import Level, Window
from mmdnet.slides.pixels import Pixels, blank, clip, shrink, whole_factor
from mmdnet.slides.tile_cache import memory


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a level is cut into tiles of one size, numbered row by row, `across` in a row.

    `load` decodes one by its number into RGB (height, width, 3) and may raise LabError; several threads may call it.
    """

    width: int
    height: int
    across: int
    load: Callable[[int, Pixels], None]


class Sweep:
    """Windows of one level, each wanted as (out_h, out_w, 3); `run` gives them as they become whole."""

    def __init__(self, tiling: Tiling, level: Level, windows: Sequence[Window], out_w: int, out_h: int) -> None:
        self._tiling = tiling
        self._level = level
        self._windows = windows
        self._size = (out_w, out_h)
        self._factors = [self._factor(cut) for cut in windows]
        self._boxes = [clip(cut, level) for cut in windows]
        rows = [_span(box[1], box[3], tiling.height) for box in self._boxes]
        self._rows_left = [len(span) for span in rows]
        self._touched: dict[int, list[int]] = defaultdict(list)  # rows of tiles -> windows they are part of
        self._ending: dict[int, list[int]] = defaultdict(list)  # rows of tiles -> windows that are whole with them
        for number, span in enumerate(rows):
            self._ending[span[-1]].append(number)
            for row in span:
                self._touched[row].append(number)
        self._canvases: dict[int, Pixels] = {}
        self._free: deque[Pixels] = deque()
        self._failures: dict[int, LabError] = {}
        self._results: dict[int, Pixels | LabError] = {}
        self._lock = threading.Lock()
        self._own = threading.local()

    def run(self, pool: ThreadPoolExecutor, ahead: int) -> Iterator[tuple[int, Pixels | LabError]]:
        """Each window's number and its pixels, or why it cannot be had; `ahead` rows of tiles are decoded at once."""
        rows = deque(sorted(self._touched))
        waiting: deque[tuple[int, Future[None]]] = deque()
        try:
            while rows or waiting:
                while rows and len(waiting) <= ahead:
                    row = rows.popleft()
                    self._open(row)
                    waiting.append((row, pool.submit(self._row, row)))
                row, work = waiting.popleft()
                work.result()
                for number in self._ending[row]:
                    yield number, self._results.pop(number)
        finally:
            for _, work in waiting:
                work.cancel()

    def _factor(self, cut: Window) -> int:
        """How much each tile may be shrunk before it is pasted: 1 where a square would lie across an edge."""
        factor = whole_factor(cut, *self._size)
        sides = (cut.x, cut.y, self._tiling.width, self._tiling.height)
        inside = cut.x + cut.width <= self._level.width_px and cut.y + cut.height <= self._level.height_px
        return factor if min(cut.x, cut.y) >= 0 and inside and not any(side % factor for side in sides) else 1

    def _open(self, row: int) -> None:
        """Memory for the windows that begin in this row of tiles."""
        for number in self._touched[row]:
            if row == _span(self._boxes[number][1], self._boxes[number][3], self._tiling.height)[0]:
                cut, factor = self._windows[number], self._factors[number]
                shape = (cut.height // factor, cut.width // factor, 3)
                used = self._free.pop() if self._free and factor == 1 and self._free[-1].shape == shape else None
                canvas = np.empty(shape, np.uint8) if used is None else used
                self._canvases[number] = blank(cut, self._level, canvas) if factor == 1 else canvas

    def _row(self, row: int) -> None:
        below: dict[int, list[int]] = defaultdict(list)
        for number in self._touched[row]:
            x0, y0, x1, y1 = self._boxes[number]
            for col in _span(x0, x1, self._tiling.width) if x0 < x1 and y0 < y1 else ():
                below[col].append(number)
        for col in sorted(below):
            self._paste(row, col, below[col])
        for number in self._touched[row]:
            with self._lock:
                self._rows_left[number] -= 1
                whole = self._rows_left[number] == 0
            if whole:
                self._results[number] = self._finish(number)

    def _paste(self, row: int, col: int, numbers: list[int]) -> None:
        """Decode one tile and put its parts where they belong."""
        wide, high = self._tiling.width, self._tiling.height
        tile = self._borrow()
        try:
            self._tiling.load(row * self._tiling.across + col, tile)
        except LabError as error:
            self._failures.update(dict.fromkeys(numbers, error))
            return
        x, y = col * wide, row * high
        for number in numbers:
            factor, cut, (x0, y0, x1, y1) = self._factors[number], self._windows[number], self._boxes[number]
            left, right, top, bottom = max(x0, x), min(x1, x + wide), max(y0, y), min(y1, y + high)
            part = tile[top - y : bottom - y, left - x : right - x]
            down, across = (top - cut.y) // factor, (left - cut.x) // factor
            height, width = (bottom - top) // factor, (right - left) // factor
            place = self._canvases[number][down : down + height, across : across + width]
            if factor == 1:
                place[...] = part
            else:
                shrink(part, width, height, place)

    def _finish(self, number: int) -> Pixels | LabError:
        canvas = self._canvases.pop(number)
        if number in self._failures:
            return self._failures.pop(number)
        out = shrink(canvas, *self._size)
        if out is not canvas:
            self._free.append(canvas)
        return out

    def _borrow(self) -> Pixels:
        """This thread's memory for one tile: always the same, so always near."""
        tile: Pixels | None = getattr(self._own, "tile", None)
        if tile is None:
            tile = self._own.tile = memory((self._tiling.height, self._tiling.width, 3))
        return tile


def _span(low: int, high: int, side: int) -> range:
    """Rows (or columns) of tiles between two pixels; for nothing, the one beside it, so that all windows have a row."""
    return range(low // side, max(low, high - 1) // side + 1)
