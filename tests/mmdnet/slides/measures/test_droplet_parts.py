"""White parts: where they are, what they are like, how likely each is fat."""

import cv2
import numpy as np
import pytest

from mmdnet.slides.measures.droplet_parts import (
    FEATURES,
    describe,
    dilatable,
    fat_share,
    inside,
    largest,
    places_of,
    prior_shift,
)
from mmdnet.slides.measures.droplet_weights import BIAS, CENTRE, SPREAD, WEIGHTS

MPP = 0.5


@pytest.fixture
def parts():
    """A disc, numbered 1, and a long channel, numbered 2, both clear."""
    numbers = np.zeros((200, 200), np.int32)
    cv2.circle(numbers, (60, 60), 20, 1, -1)
    cv2.line(numbers, (20, 150), (180, 150), 2, 5)
    clear = (numbers > 0).astype(np.float32)
    return describe(numbers, clear, np.zeros_like(clear), 0.5, MPP)


def test_the_weights_are_those_of_the_features():
    count = len(FEATURES)
    assert CENTRE.shape == SPREAD.shape == (count,)
    assert WEIGHTS.shape == (2 * count + count * (count - 1) // 2,)
    assert np.isfinite([BIAS, *WEIGHTS]).all() and (SPREAD > 0).all()


def test_places_are_those_that_are_numbered_in_reading_order():
    numbers = np.array([[0, 2], [1, 0]], np.int32)
    assert places_of(numbers).tolist() == [1, 2]
    assert largest(numbers, np.array([[9.0, 3.0], [4.0, 9.0]]), 3).tolist() == [0, 4, 3]


def test_numbers_are_dilated_in_half_the_memory_only_where_they_fit():
    for most, kind in ((65_535, np.uint16), (65_536, np.float32)):
        numbers = np.zeros((5, 5), np.int32)
        numbers[2, 2] = most
        assert dilatable(numbers).dtype == kind
        assert cv2.dilate(dilatable(numbers), np.ones((3, 3), np.uint8))[1, 1] == most


def test_parts_that_touch_have_a_border_between_them():
    numbers = np.array([[1, 1, 2, 2]], np.int32)
    assert inside(numbers).tolist() == [[1, 1, 0, 1]]


def test_a_disc_is_round_and_a_channel_long(parts):
    named = [dict(zip(FEATURES, row, strict=True)) for row in parts.features]
    assert parts.area_um2[1] == pytest.approx(np.pi * 10**2, rel=0.05)
    assert named[1]["log aspect"] == pytest.approx(0, abs=0.02)
    assert np.exp(named[1]["log width"]) == pytest.approx(20, rel=0.05)
    assert named[2]["log aspect"] > np.log(10)


def test_a_clear_disc_is_fat_and_what_is_usual_on_the_image_tips_the_scale(parts):
    disc = fat_share(parts.features)[1]
    assert disc > 0.9
    assert fat_share(parts.features, 2.0)[1] > disc > fat_share(parts.features, -2.0)[1]
    assert 0 < prior_shift(parts) <= 3  # hardly anything here is no fat
