"""What one decoder gives is believed after a second one gave the same of some tiles: decision 18."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mmdnet.errors import LabError
from mmdnet.slides.pixels import Pixels

COMPARED = 6  # tiles of each level
ROUNDING = 1  # grey levels that two decoders of one lossy tile may differ by


@dataclass(frozen=True, slots=True)
class Tiles:
    """The tiles of one level: how many bytes each has, their width and height, and both ways to decode one.

    `load` fills RGB (height, width, 3) and may raise LabError; `second` gives None where it cannot decode one, and of
    a tile at the edge it may give less.
    """

    sizes: Sequence[int]
    width: int
    height: int
    load: Callable[[int, Pixels], None]
    second: Callable[[int], Pixels | None]


def compare(name: str, levels: Iterable[Tiles]) -> int:
    """How many tiles both readers decode alike: of each level some at random (seeded) and those that hold most.

    Raises:
        LabError: they differ, or not one tile can be decoded.
    """
    compared, decoded = 0, 0
    for level in levels:
        tiles = len(level.sizes)
        chance = random.Random(f"{name}:{tiles}")
        richest = np.argsort([-size for size in level.sizes], kind="stable")[: COMPARED // 2].tolist()
        for index in sorted({*richest, *(chance.randrange(tiles) for _ in range(COMPARED // 2))}):
            ours = np.empty((level.height, level.width, 3), np.uint8)
            try:
                level.load(index, ours)
            except LabError:
                continue  # a damaged tile says nothing about the rest of the slide
            decoded += 1
            theirs = level.second(index)
            if theirs is not None:
                _refuse_others(name, ours, theirs)
                compared += 1
    if not decoded:
        raise LabError(
            f"{name} was not added: the file opens, but its pixels cannot be decoded. Copy or scan it again. "
            "Nothing was changed."
        )
    return compared


def _refuse_others(name: str, ours: Pixels, theirs: Pixels) -> None:
    rows, cols = min(len(ours), theirs.shape[0]), min(ours.shape[1], theirs.shape[1])
    apart = np.abs(ours[:rows, :cols].astype(np.int16) - theirs[:rows, :cols])
    if apart.max() > ROUNDING:
        raise LabError(
            f"{name} was not added: two readers decode its pixels differently (by up to {apart.max()} "
            "grey levels), so none of them is believed. Export it with JPEG tiles. Nothing was changed."
        )
