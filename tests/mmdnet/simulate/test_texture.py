"""Textures stay where they are on the slide."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmdnet.simulate.texture import Window, texture


@given(st.integers(-3000, 9000), st.integers(-3000, 9000), st.sampled_from(["grain", "slow", "fibre", "sensor"]))
def test_a_texture_is_the_same_in_every_window(x, y, name):
    whole = texture(name, Window(x, y, 40, 30, 0.5), seed=5)
    part = texture(name, Window(x + 7, y + 11, 20, 10, 0.5), seed=5)
    assert np.array_equal(whole[11:21, 7:27], part)


def test_points_are_measured_from_pixel_centres():
    window = Window(10, 20, 50, 50, 0.5)
    assert np.allclose(window.to_px(np.array([[5.25, 10.25]])), [[0, 0]])


def test_reaches_knows_which_discs_touch_the_window():
    window = Window(0, 0, 100, 100, 0.5)
    points = np.array([[25.0, 25.0], [-5.0, 25.0], [60.0, 25.0]])
    assert window.reaches(points, 4.0).tolist() == [True, False, False]
    assert window.reaches(points, np.array([1.0, 6.0, 11.0])).all()
