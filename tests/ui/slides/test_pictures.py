"""What a click or a drag on the displayed overview means on the slide."""

from hypothesis import given
from hypothesis import strategies as st

from tests.ui.shell.test_words import slide
from ui.slides.pictures import Region, Spot, display_width, from_display

SIZES = st.integers(100, 200_000)
SHOWN = st.integers(50, 3_000)
PLACES = st.floats(-500, 4_000)


def value(x1, y1, x2, y2, width, height):
    return {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "width": width, "height": height, "unix_time": 1}


@given(SIZES, SIZES, SHOWN, SHOWN, PLACES, PLACES, PLACES, PLACES)
def test_what_is_drawn_on_the_picture_always_lies_on_the_slide(width, height, shown_w, shown_h, x1, y1, x2, y2):
    shown_slide = slide(width_px0=width, height_px0=height)
    meant = from_display(value(x1, y1, x2, y2, shown_w, shown_h), shown_slide)
    if isinstance(meant, Spot):
        assert 0 <= meant.x_px0 < width and 0 <= meant.y_px0 < height
    else:
        assert isinstance(meant, Region)
        assert 0 <= meant.x0 <= meant.x1 < width and 0 <= meant.y0 <= meant.y1 < height


def test_a_press_that_hardly_moves_is_a_click_and_not_a_region():
    meant = from_display(value(100, 50, 102, 49, 500, 200), slide(width_px0=5_000, height_px0=2_000))
    assert meant == Spot(1000.0, 500.0)


def test_a_drag_is_the_same_rectangle_from_whichever_corner_it_began():
    shown_slide = slide(width_px0=5_000, height_px0=2_000)
    forward, back = value(10, 20, 210, 120, 500, 200), value(210, 120, 10, 20, 500, 200)
    assert from_display(forward, shown_slide) == from_display(back, shown_slide) == Region(100.0, 200.0, 2100.0, 1200.0)


def test_nothing_clicked_or_a_picture_without_size_means_nothing():
    assert from_display(None, slide()) is None
    assert from_display(value(1, 1, 1, 1, 0, 0), slide()) is None


def test_a_tall_needle_is_drawn_narrow_enough_to_be_seen_whole():
    assert display_width(slide(width_px0=10_000, height_px0=4_000), 690) is None
    assert display_width(slide(width_px0=2_000, height_px0=40_000), 690) == 160
