"""Many windows of one level in one pass: every tile is decoded once and pasted into each window it is part of.

Tiles are taken row by row, so that no more windows are open at once than one row of tiles meets. Where a whole number
of pixels becomes one, and none of those squares lies across two tiles, the parts of a tile are shrunk as they are
pasted, while the processor's own cache still holds it: the same values as of a window read whole, with less to move.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import ParamSpec, TypeVar

from mmdnet.errors import LabError
from mmdnet.slides.geometry import Level, Window
from mmdnet.slides.pixels import Pixels, blank, clip, shrink, shrink_into, whole_factor
from mmdnet.slides.readers.tiles.tile_cache import Recycled, TileCache, memory


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a level is cut into tiles of one size, numbered row by row, `across` in a row.

    `load` decodes one by its number into RGB (height, width, 3) and may raise LabError; several threads may call it.
    """

    width: int
    height: int
    across: int
    load: Callable[[int, Pixels], None]


def read_tiles(
    window: Window, level: Level, tiling: Tiling, cache: TileCache, of: Hashable, out: Pixels | None = None
) -> Pixels:
    """A window of a level put together of its tiles, RGB (height, width, 3); white beyond the level.

    Args:
        window: what to read.
        level: its level.
        tiling: how that is cut.
        cache: where its tiles are kept, each as (`of`, number).
        out: filled where given.

    Raises:
        LabError: a tile cannot be decoded.
    """
    x0, y0, x1, y1 = clip(window, level)
    out = blank(window, level, out)
    if x0 == x1 or y0 == y1:
        return out
    wide, high = tiling.width, tiling.height
    for row in range(y0 // high, (y1 - 1) // high + 1):
        top, bottom = max(y0, row * high), min(y1, (row + 1) * high)
        for col in range(x0 // wide, (x1 - 1) // wide + 1):
            left, right = max(x0, col * wide), min(x1, (col + 1) * wide)
            index = row * tiling.across + col
            with cache.tile((of, index), (high, wide, 3), partial(tiling.load, index)) as tile:
                part = tile[top - row * high : bottom - row * high, left - col * wide : right - col * wide]
                out[top - window.y : bottom - window.y, left - window.x : right - window.x] = part
    return out


P = ParamSpec("P")
T = TypeVar("T")


class Here(Executor):
    """Work is done where it is handed in: waking another thread for a row of tiles costs a thirtieth of decoding it."""

    def submit(self, work: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> Future[T]:
        done: Future[T] = Future()
        done.set_result(work(*args, **named))
        return done


_Piece = tuple[int, slice, slice]  # a row (or column) of tiles, what is taken of it, where that goes in a window
_Part = tuple[int, slice, slice, Pixels, tuple[int, int] | None]  # window, rows, columns, place, its size if shrunk


class TilePass:
    """Windows of one level, each wanted as (out_h, out_w, 3); `run` gives them as they become whole."""

    def __init__(
        self, tiling: Tiling, level: Level, windows: Sequence[Window], out_w: int, out_h: int, given: Recycled
    ) -> None:
        self._tiling = tiling
        self._level = level
        self._windows = windows
        self._size = (out_w, out_h)
        self._factors = [self._factor(cut) for cut in windows]
        self._down: list[tuple[_Piece, ...]] = []
        self._across: list[tuple[_Piece, ...]] = []
        self._touched: dict[int, list[int]] = defaultdict(list)  # rows of tiles -> windows they are part of
        self._ending: dict[int, list[int]] = defaultdict(list)  # rows of tiles -> windows that are whole with them
        pieces = lru_cache(4096)(_pieces)  # windows beside and below each other share theirs
        for number, (cut, factor) in enumerate(zip(windows, self._factors, strict=True)):
            x0, y0, x1, y1 = clip(cut, level)
            self._down.append(pieces(y0, y1, cut.y, tiling.height, factor))
            self._across.append(pieces(x0, x1, cut.x, tiling.width, factor) if x0 < x1 and y0 < y1 else ())
            rows = [row for row, *_ in self._down[number]]
            for row in rows:
                self._touched[row].append(number)
            self._ending[rows[-1]].append(number)
        self._rows_left = [len(down) for down in self._down]
        self._canvases: dict[int, Pixels] = {}
        self._memory = given
        self._failures: dict[int, LabError] = {}
        self._results: dict[int, Pixels | LabError] = {}
        self._lock = threading.Lock()
        self._own = threading.local()

    def run(self, pool: Executor, ahead: int) -> Iterator[tuple[int, Pixels | LabError]]:
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
            if row == self._down[number][0][0]:
                cut, factor = self._windows[number], self._factors[number]
                shape = (cut.height // factor, cut.width // factor, 3)
                canvas = self._memory.empty(shape)
                self._canvases[number] = blank(cut, self._level, canvas) if factor == 1 else canvas

    def _row(self, row: int) -> None:
        """Decode a row of tiles, left to right, and finish the windows that are whole with it."""
        below: dict[int, list[_Part]] = defaultdict(list)
        for number in self._touched[row]:
            down, shrunk = self._down[number], self._factors[number] > 1
            _, rows, into = down[row - down[0][0]]
            band = self._canvases[number][into]
            for col, cols, into in self._across[number]:
                size = (into.stop - into.start, len(band)) if shrunk else None
                below[col].append((number, rows, cols, band[:, into], size))
        tile, first, load = self._borrow(), row * self._tiling.across, self._tiling.load
        for col in sorted(below):
            try:
                load(first + col, tile)
            except LabError as error:
                self._failures.update((number, error) for number, *_ in below[col])
                continue
            for _, rows, cols, place, size in below[col]:
                if size is None:
                    place[...] = tile[rows, cols]
                else:
                    shrink_into(tile[rows, cols], size, place)
        for number in self._touched[row]:
            with self._lock:
                self._rows_left[number] -= 1
                whole = self._rows_left[number] == 0
            if whole:
                self._results[number] = self._finish(number)

    def _finish(self, number: int) -> Pixels | LabError:
        canvas = self._canvases.pop(number)
        if number in self._failures:
            return self._failures.pop(number)
        return shrink(canvas, *self._size)

    def _borrow(self) -> Pixels:
        """This thread's memory for one tile: always the same, so always near."""
        tile: Pixels | None = getattr(self._own, "tile", None)
        if tile is None:
            tile = self._own.tile = memory((self._tiling.height, self._tiling.width, 3))
        return tile


def _pieces(low: int, high: int, begin: int, side: int, factor: int) -> tuple[_Piece, ...]:
    """The rows (or columns) of tiles between two pixels, for a window that begins at a third and is shrunk.

    For no pixel, nothing of the tile beside it, so that every window has a row.
    """
    pieces = []
    for tile in range(low // side, max(low, high - 1) // side + 1):
        start, end = max(low, tile * side), min(high, (tile + 1) * side)
        taken = slice(start - tile * side, end - tile * side)
        pieces.append((tile, taken, slice((start - begin) // factor, (end - begin) // factor)))
    return tuple(pieces)
