"""Pixels made smaller."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmdnet.slides.pixels import shrink, shrink_into


def test_shrinking_by_a_whole_number_is_the_rounded_mean_of_each_square():
    image = np.random.default_rng(0).integers(0, 256, (240, 240, 3)).astype(np.uint8)
    for factor in (2, 3, 4, 5, 8):
        side = 240 // factor
        mean = image.reshape(side, factor, side, factor, 3).mean((1, 3))
        assert np.abs(shrink(image, side, side) - mean).max() <= 0.5 + 1e-6


def area_weights(many: int, few: int) -> np.ndarray:
    """What share of each of `many` pixels goes into each of `few`, (few, many): by the length they have in common."""
    edges, pixel = np.arange(few + 1) * many / few, np.arange(many)
    shared = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return np.clip(shared, 0, None) * few / many


@given(st.integers(1, 60), st.integers(1, 60), st.floats(1, 5), st.floats(1, 5), st.integers(0, 1000))
@example(299, 299, 1 / 0.2524 / 2, 1 / 0.2524 / 2, 0)
@example(41, 41, 3.609375, 1.59375, 41)  # beyond one grey level
@settings(max_examples=60)
def test_shrinking_by_any_factor_is_the_mean_over_each_area_within_nine_eighths_of_a_grey_level(
    width, height, across, down, seed
):
    chance = np.random.default_rng(seed)
    image = chance.integers(0, 256, (round(height * down), round(width * across), 3)).astype(np.uint8)
    image = np.where(chance.random(image.shape[:2])[..., None] < 0.3, 255, image).astype(np.uint8)
    mean = np.einsum("yr,rxc->yxc", area_weights(len(image), height), image.astype(float))
    mean = np.einsum("xr,yrc->yxc", area_weights(image.shape[1], width), mean)
    off = shrink(image, width, height) - mean
    assert np.abs(off).max() <= 9 / 8


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 1000))
@settings(max_examples=60)
def test_halving_is_the_mean_of_four_with_halves_rounded_up_also_into_a_part_of_other_memory(height, width, seed):
    whole = np.random.default_rng(seed).integers(0, 256, (90, 90, 3)).astype(np.uint8)
    image, memory = whole[3 : 3 + 2 * height, 5 : 5 + 2 * width], np.zeros((50, 50, 3), np.uint8)
    shrink_into(image, (width, height), memory[2 : 2 + height, 1 : 1 + width])
    mean = (image.reshape(height, 2, width, 2, 3).astype(int).sum((1, 3)) + 2) >> 2
    assert np.array_equal(memory[2 : 2 + height, 1 : 1 + width], mean)
    assert memory.astype(int).sum() == mean.sum()
    assert np.array_equal(shrink(image, width, height), mean)
