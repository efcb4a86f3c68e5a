"""Two decoders beside each other: alike, apart, one that gives up."""

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.slides.readers.tiles.second_reader import Tiles, compare

TILE = np.random.default_rng(0).integers(2, 255, (8, 8, 3)).astype(np.uint8)


def fill(index, out):
    if index == 3:
        raise LabError("damaged")
    out[...] = TILE


def tiles(second):
    return Tiles([10, 20, 5, 90], 8, 8, fill, second)


def test_tiles_of_every_level_are_compared_and_damaged_ones_passed_over():
    seen = []
    assert compare("a", [tiles(lambda index: seen.append(index) or TILE[:5] + 1)] * 2) == len(seen) >= 4
    assert 3 not in seen and {0, 1} <= set(seen)
    assert compare("a", [tiles(lambda index: None)]) == 0


def test_readers_that_differ_and_slides_without_pixels_are_refused():
    with pytest.raises(LabError, match="by up to 2 grey levels"):
        compare("a", [tiles(lambda index: TILE - 2)])
    with pytest.raises(LabError, match="cannot be decoded"):
        compare("a", [Tiles([1] * 4, 8, 8, lambda index, out: fill(3, out), lambda index: TILE)])
