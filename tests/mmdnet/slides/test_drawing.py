"""Lengths and areas are measured with either side's scale; what is none is refused."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.errors import LabError
from mmdnet.slides.drawing import MOST_CORNERS, Drawn, drawn

SIZE = (1000, 800)
corner = st.tuples(st.integers(0, SIZE[0]), st.integers(0, SIZE[1]))


def test_a_length_and_an_area_are_in_micrometres_of_either_side():
    assert Drawn("length", ((0, 0), (30, 0), (30, 40))).length_um(0.5, 0.25) == 25
    square = Drawn("area", ((0, 0), (40, 0), (40, 20), (0, 20)))
    assert (square.length_um(0.5, 0.25), square.area_um2(0.5, 0.25)) == (50, 100)
    assert Drawn("length", ((0, 0), (1, 1))).area_um2(1, 1) is None


@settings(max_examples=50)
@given(outline=st.lists(corner, min_size=3, max_size=12))
def test_an_outline_that_is_kept_never_crosses_itself_and_goes_round_what_it_says(outline):
    import shapely

    try:
        kept = drawn("area", outline, *SIZE)
    except LabError:
        return
    polygon = shapely.Polygon(kept.points_px0)
    assert kept.area_um2(0.5, 0.5) == pytest.approx(polygon.area / 4)
    assert polygon.area > 0 and polygon.is_valid
    assert all(0 <= x <= SIZE[0] and 0 <= y <= SIZE[1] for x, y in kept.points_px0)


def test_of_an_eight_the_larger_half_is_kept():
    kept = drawn("area", [(0, 0), (100, 100), (100, 0), (0, 200)], *SIZE)
    assert kept.area_um2(1, 1) < 100 * 200 and len(kept.points_px0) == 3


@pytest.mark.parametrize(
    ("kind", "points", "why"),
    [
        ("circle", [[0, 0], [1, 1]], "nothing else"),
        ("length", [[0, 0]], "2 to 2,000 points; 1 were drawn"),
        ("area", [[0, 0], [9, 9]], "3 to 2,000 points"),
        ("length", [[5, 5]] * (MOST_CORNERS + 1), "2 to 2,000 points"),
        ("length", [[5, 5], [5, 5]], "no length"),
        ("area", [[0, 0], [5, 5], [9, 9]], "no area"),
        ("length", [[0, 0], [2000, 5]], "beside the slide"),
        ("length", [[0, 0], [-1, 5]], "beside the slide"),
        ("length", [[0, 0], [10**400, 5]], "beside the slide"),
        ("length", [[0, 0], [math.nan, 5]], "could not be read"),
        ("length", [[0, 0], [math.inf, 5]], "could not be read"),
        ("length", [[0, 0], ["1", 5]], "could not be read"),
        ("length", [[0, 0, 0], [1, 5]], "could not be read"),
        ("length", [7, 8], "could not be read"),
        ("length", "0,0 1,1", "2 to 2,000 points; 0 were drawn"),
        ("length", None, "2 to 2,000 points; 0 were drawn"),
    ],
)
def test_what_is_no_line_or_outline_on_the_slide_is_refused(kind, points, why):
    with pytest.raises(LabError, match=why):
        drawn(kind, points, *SIZE)
