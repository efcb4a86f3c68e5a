"""The pyramid: its levels, and tiles cut from rows that come in any portions."""

import itertools

import imagecodecs
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.simulate.scanning.write import STEP, TILE, TileRows, level_shapes


@given(st.integers(256, 60000), st.integers(256, 60000))
def test_every_level_is_a_quarter_of_the_one_before_and_none_is_tiny(width, height):
    shapes = level_shapes(width, height)
    assert shapes[0] == (height, width)
    for finer, coarser in itertools.pairwise(shapes):
        assert coarser == (finer[0] // STEP, finer[1] // STEP)
        assert min(coarser) >= 64


@settings(max_examples=15)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=5), st.integers(1, 600))
def test_tiles_cover_the_level_once_whatever_the_portions(portions, width):
    height = sum(portions)
    rows = np.full((height, width, 3), 90, np.uint8)
    tiles = TileRows((height, width), 90)
    encoded, done = [], 0
    for portion in portions:
        encoded += list(tiles.add(rows[done : done + portion]))
        done += portion
    assert len(encoded) == -(-height // TILE) * -(-width // TILE)
    assert imagecodecs.jpeg8_decode(encoded[-1]).shape == (TILE, TILE, 3)
