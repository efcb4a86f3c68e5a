"""Pixels made smaller."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.slides.pixels import shrink, shrink_into


def test_shrinking_by_a_whole_number_is_the_rounded_mean_of_each_square():
    image = np.random.default_rng(0).integers(0, 256, (240, 240, 3)).astype(np.uint8)
    for factor in (2, 3, 4, 5, 8):
        side = 240 // factor
        mean = image.reshape(side, factor, side, factor, 3).mean((1, 3))
        assert np.abs(shrink(image, side, side) - mean).max() <= 0.5 + 1e-6


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_halving_is_the_mean_of_four_with_halves_rounded_up_also_into_a_part_of_other_memory(height, width, seed):
    whole = np.random.default_rng(seed).integers(0, 256, (90, 90, 3)).astype(np.uint8)
    image, memory = whole[3 : 3 + 2 * height, 5 : 5 + 2 * width], np.zeros((50, 50, 3), np.uint8)
    shrink_into(image, (width, height), memory[2 : 2 + height, 1 : 1 + width])
    mean = (image.reshape(height, 2, width, 2, 3).astype(int).sum((1, 3)) + 2) >> 2
    assert np.array_equal(memory[2 : 2 + height, 1 : 1 + width], mean)
    assert memory.astype(int).sum() == mean.sum()
    assert np.array_equal(shrink(image, width, height), mean)
