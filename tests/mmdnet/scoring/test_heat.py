import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.scoring.heat import (
    HeatLegend,
    MapFrame,
    attention_legend,
    heat_png,
    pick_places,
    relative_attention,
    round_ticks,
    scale_bar_um,
)
from mmdnet.scoring.palette import GRADE_RAMPS, HEAT_OPAQUE, heat_rgba, ink_on, rgb

LEGEND = HeatLegend(0.0, 1.0, (0.0, 0.5, 1.0), "share")


def frame(rows=3, cols=4, side=299.0):
    row, col = (axis.ravel() for axis in np.mgrid[:rows, :cols])
    return MapFrame(round(cols * side), round(rows * side), col * side, row * side, side, side)


def decoded(png):
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)


def test_each_patch_is_one_flat_square_of_its_own_colour():
    values = np.linspace(0, 1, 12)
    picture = decoded(heat_png(frame(), values, LEGEND, width_px=400))
    assert picture.shape == (300, 400, 4)
    for k, value in enumerate(values):
        square = picture[k // 4 * 100 : k // 4 * 100 + 100, k % 4 * 100 : k % 4 * 100 + 100]
        assert (square == heat_rgba(value)).all()


def test_a_patch_that_was_not_assessed_is_hatched_and_one_without_attention_clear():
    values = np.ones(12)
    values[5], values[6] = np.nan, 0.0
    picture = decoded(heat_png(frame(), values, LEGEND, width_px=400, opacity=0.5))
    hatched, clear = picture[100:200, 100:200], picture[100:200, 200:300]
    assert 0.1 < (hatched[..., 3] > 0).mean() < 0.2 and (hatched[hatched[..., 3] > 0] <= 82).all()
    assert (clear[..., 3] == 0).all()
    assert (picture[:100, ..., 3] == round(255 * HEAT_OPAQUE / 2)).all()


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(1, 12), st.floats(5, 400), st.integers(40, 900))
def test_neighbours_meet_without_a_seam_at_any_size(rows, cols, side, width_px):
    whole = frame(rows, cols, side)
    right, bottom = whole.edges(width_px)[0][-1, 2:]
    alpha = decoded(heat_png(whole, np.ones(rows * cols), LEGEND, width_px=width_px))[:, :, 3]
    assert alpha[:bottom, :right].min() > 0


def test_a_slide_beyond_the_patches_stays_clear():
    wide = MapFrame(3000, 1000, np.array([1000.0]), np.array([500.0]), 300, 300)
    alpha = decoded(heat_png(wide, np.array([1.0]), LEGEND, width_px=300))[:, :, 3]
    assert alpha.sum() == round(255 * HEAT_OPAQUE) * 30 * 30
    assert alpha[50:80, 100:130].min() > 0


def test_grade_ramps_darken_with_the_grade_and_their_ink_is_readable():
    for ramp in GRADE_RAMPS.values():
        light = [np.dot(rgb(colour), [0.2126, 0.7152, 0.0722]) for colour in ramp]
        assert light == sorted(light, reverse=True)
    assert ink_on("#ffffff") != ink_on("#000000")


def test_attention_is_told_in_multiples_of_the_mean():
    times = relative_attention(np.array([0.5, 0.25, 0.25, np.nan]))
    assert times[:3] == pytest.approx([1.5, 0.75, 0.75])
    assert np.isnan(times[3])


def test_one_hot_patch_does_not_dim_the_rest():
    attention = np.full(1000, 0.5 / 999)
    attention[0] = 0.5
    assert attention_legend(attention).high == 2.0


def test_ticks_and_scale_bars_are_round():
    assert round_ticks(0, 7.3) == (0, 2, 4, 6)
    assert round_ticks(0, 2.0) == (0, 0.5, 1.0, 1.5, 2.0)
    assert scale_bar_um(2000) == 500
    assert scale_bar_um(13_000) == 2000


def test_evidence_shows_the_top_the_bottom_and_some_at_random_none_twice():
    values = np.arange(100, dtype=float)
    values[::10] = np.nan
    picked = pick_places(values, 6, 3, 3, seed=1)
    assert picked["top"] == [99, 98, 97, 96, 95, 94]
    assert picked["low"] == [1, 2, 3]
    assert len({k for kind in picked.values() for k in kind}) == 12
    assert not any(np.isnan(values[k]) for kind in picked.values() for k in kind)


def test_a_slide_of_four_patches_shows_each_once():
    picked = pick_places(np.array([0.1, 0.4, 0.2, 0.3]), 6, 3, 3, seed=1)
    assert picked == {"top": [1, 3, 2, 0], "low": [], "random": []}
