"""Which levels of a file are levels of its slide: those that show, reduced, what the finest one shows.

Files hold pictures of the same size as each other (focal planes, masks), and levels padded to whole tiles, whose size
says nothing of their scale. So a level's scale is tried on seeded windows: the one under which its pixels agree with a
finer level's is its own; where there is none, the level is not used and finer ones serve.
"""

from __future__ import annotations

import math
import random
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import cv2
import numpy as np

from mmdnet.errors import LabError
from mmdnet.slides.geometry import Level
from mmdnet.slides.pixels import Pixels, shrink

WINDOW_PX = 64
WINDOWS = 4
MOST_FINER_PX = 1024  # side of a window in the finer level
MAP_PX = 2_500_000  # a level of at most so many pixels is looked at as a whole, to find where the slide has detail
MAP_BLOCKS = 24
ROUNDING_PX = 2.0
ASPECT = 0.01
AS_FINE = 0.98  # a level nearly as large as a finer one gains nothing
DETAIL = 3.0  # grey levels of deviation: less says nothing of where a window lies
AGREE, MOST_APART = 0.7, 40.0  # correlation of two levels' windows, and grey levels between them
SOFT_PX = 1.5  # some pyramids take every n-th pixel instead of the mean
MOST_CANDIDATES = 12

T = TypeVar("T")
Read = Callable[[int, int, int, int, int], Pixels]  # level, x, y, width, height, in that level's pixels


@dataclass(frozen=True, slots=True)
class StoredLevel:
    """A level as it is stored; `tile` is 0 where it has none, `downsample` is what the file states, if it does."""

    width_px: int
    height_px: int
    tile: tuple[int, int] = (0, 0)
    downsample: float | None = None


@dataclass(frozen=True, slots=True)
class UsedLevel:
    """A level of the slide: the index it is stored under, and its true size and scale."""

    index: int
    level: Level


class Remembered(Generic[T]):
    """What was found of files that have not changed since, for the files asked about last."""

    def __init__(self, most: int = 512) -> None:
        self._found: OrderedDict[tuple[object, ...], T] = OrderedDict()
        self._most = most

    def of(self, files: Iterable[Path], more: Hashable, find: Callable[[], T]) -> T:
        """What was found of files, and of `more` that it depends on; else as `find` finds it."""
        stats = [(str(file), file.stat()) for file in files]
        key = (*((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats), more)
        if key not in self._found:
            self._found[key] = find()
            while len(self._found) > self._most:
                self._found.popitem(last=False)
        return self._found[key]


def used_levels(stored: Sequence[StoredLevel], read: Read, seed: str) -> tuple[UsedLevel, ...]:
    """The levels that agree with level 0, the finest first; level 0 always is one.

    Args:
        read: pixels of a stored level; where it raises LabError, that window says nothing.
        seed: of the windows that are compared.
    """
    first = stored[0]
    used = [UsedLevel(0, Level(first.width_px, first.height_px, 1.0, 1.0))]
    places = _places(stored, read, seed) if len(stored) > 1 else []
    for index, level in enumerate(stored[1:], 1):
        last = used[-1].level
        if level.width_px > AS_FINE * last.width_px and level.height_px > AS_FINE * last.height_px:
            continue
        fitting = _fitting(first, level)
        agreeing = [(_agreement(index, each, used[-1], places, read), each) for each in fitting]
        best = max(agreeing, key=lambda pair: pair[0], default=None)
        if best is not None and best[0] >= AGREE:
            used.append(UsedLevel(index, best[1]))
    return tuple(used)


def _fitting(first: StoredLevel, level: StoredLevel) -> list[Level]:
    """The scales a level of that size may have: by its size, as stated, and whole factors where it is padded."""
    across, down = first.width_px / level.width_px, first.height_px / level.height_px
    scales: list[Level] = []
    slack = ROUNDING_PX + ASPECT * min(level.width_px, level.height_px)
    if abs(first.height_px / across - level.height_px) <= slack or abs(first.width_px / down - level.width_px) <= slack:
        scales.append(Level(level.width_px, level.height_px, across, down))
    factors = {level.downsample} if level.downsample else set()
    least = max(2, math.floor(max(across, down)))
    factors |= {float(factor) for factor in range(least, least + MOST_CANDIDATES) if _padded(first, level, factor)}
    for factor in sorted(factors):
        width, height = math.ceil(first.width_px / factor), math.ceil(first.height_px / factor)
        known = any(each.downsample_x == factor == each.downsample_y for each in scales)
        if not known and width <= level.width_px + ROUNDING_PX and height <= level.height_px + ROUNDING_PX:
            scales.append(Level(min(width, level.width_px), min(height, level.height_px), factor, factor))
    return scales


def _padded(first: StoredLevel, level: StoredLevel, factor: int) -> bool:
    """Whether a level is the first one, smaller by a whole factor and filled up to whole tiles."""
    for side0, side, tile in zip(
        (first.width_px, first.height_px), (level.width_px, level.height_px), level.tile, strict=True
    ):
        reduced = math.ceil(side0 / factor)
        if tile <= 1 or side % tile or not reduced <= side < reduced + 2 * tile:
            return False
    return True


def _places(stored: Sequence[StoredLevel], read: Read, seed: str) -> list[tuple[float, float]]:
    """Where to compare, as shares of the slide's width and height: the richest spot of each quarter."""
    chance = random.Random(seed)
    small = [i for i, level in enumerate(stored) if level.width_px * level.height_px <= MAP_PX]
    if small:
        level = stored[small[0]]
        try:
            picture = read(small[0], 0, 0, level.width_px, level.height_px)
        except LabError:
            pass
        else:
            return _richest(picture)
    return [(chance.random(), chance.random()) for _ in range(4 * WINDOWS)]


def _richest(picture: Pixels) -> list[tuple[float, float]]:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    rows, cols = min(MAP_BLOCKS, grey.shape[0]), min(MAP_BLOCKS, grey.shape[1])
    mean = cv2.resize(grey, (cols, rows), interpolation=cv2.INTER_AREA)
    square = cv2.resize(grey * grey, (cols, rows), interpolation=cv2.INTER_AREA)
    detail = np.asarray(square - mean * mean)
    places = []
    for top, bottom in ((0, rows // 2), (rows // 2, rows)):
        for left, right in ((0, cols // 2), (cols // 2, cols)):
            quarter = detail[top:bottom, left:right]
            if quarter.size:
                row, col = np.unravel_index(int(quarter.argmax()), quarter.shape)
                places.append(((left + col + 0.5) / cols, (top + row + 0.5) / rows))
    return places


def _agreement(index: int, level: Level, finer: UsedLevel, places: Sequence[tuple[float, float]], read: Read) -> float:
    """How well a level agrees with a finer one, -1 to 1: the middle correlation of their windows; 1 where all is bare.

    Windows without detail say nothing of scale, but still whether both show the same colour.
    """
    across = level.downsample_x / finer.level.downsample_x
    down = level.downsample_y / finer.level.downsample_y
    side = max(12, min(WINDOW_PX, int(MOST_FINER_PX / max(across, down))))
    width, height = min(side, level.width_px), min(side, level.height_px)
    scores: list[float] = []
    apart: list[float] = []
    for share_x, share_y in places:
        x = min(max(0, round(share_x * level.width_px - width / 2)), level.width_px - width)
        y = min(max(0, round(share_y * level.height_px - height / 2)), level.height_px - height)
        fine = (round(x * across), round(y * down), max(1, round(width * across)), max(1, round(height * down)))
        try:
            coarse = read(index, x, y, width, height)
            same = shrink(read(finer.index, *_inside(fine, finer.level)), width, height)
        except LabError:
            continue
        apart.append(float(np.abs(coarse.astype(np.float32) - same).mean()))
        score = _correlation(coarse, same)
        if score is not None:
            scores.append(score)
    if apart and float(np.median(apart)) > MOST_APART:
        return -1.0
    return float(np.median(scores)) if scores else 1.0


def _inside(cut: tuple[int, int, int, int], level: Level) -> tuple[int, int, int, int]:
    x, y, width, height = cut
    x, y = min(x, level.width_px - 1), min(y, level.height_px - 1)
    return x, y, min(width, level.width_px - x), min(height, level.height_px - y)


def _correlation(image: Pixels, other: Pixels) -> float | None:
    """Of two pictures' brightness, softened; None where neither has detail."""
    soft = [
        cv2.GaussianBlur(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), SOFT_PX)
        for each in (image, other)
    ]
    first, second = (np.asarray(image) - image.mean() for image in soft)
    deviations = float(first.std()), float(second.std())
    if max(deviations) < DETAIL:
        return None
    if min(deviations) < 0.1 * max(deviations):
        return 0.0
    return float((first * second).mean()) / (deviations[0] * deviations[1])
