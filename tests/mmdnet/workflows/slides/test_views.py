"""Rows of slides and patches as pages see them."""

import pytest

from db.models import Patch, Slide
from mmdnet.slides.drawing import Drawn
from mmdnet.slides.facts import SlideFacts
from mmdnet.workflows.slides.views import AnnotationView, PatchView, patch_views, slide_view

FACTS = SlideFacts("mark", "aperio", "jpeg-tiles", 5000, 4000, 0.25, 0.5, "file", 20.0, "H&E", None, None, "P1", True)


@pytest.fixture
def slide() -> Slide:
    return Slide(id=3, project_id=1, name="a", path="/a.svs", facts=FACTS, status="ready", patch_px=299, patch_mpp=0.5)


def patch(**more) -> Patch:
    known = {"id": 7, "slide_id": 3, "row": 1, "col": 2, "x_px0": 600, "y_px0": 300, "tissue_share": 0.9, "quality": {}}
    return Patch(**(known | {"overruled": False} | more))


def test_a_slides_facts_are_its_columns(slide):
    assert (slide.fingerprint, slide.mpp_y, slide.patient, slide.simulated) == ("mark", 0.5, "P1", True)
    view = slide_view(slide, patches=9, usable=8, labelled=7)
    assert all(getattr(view, name) == getattr(FACTS, name) for name in SlideFacts.__dataclass_fields__)
    assert (view.id, view.name, view.patches, view.usable, view.labelled) == (3, "a", 9, 8, 7)


def test_a_patchs_square_is_in_the_slides_own_pixels(slide):
    (view,) = patch_views(slide, [patch()])
    assert (view.width_px0, view.height_px0) == (598, 299)
    assert patch_views(slide, []) == []


@pytest.mark.parametrize(
    ("rectangle", "meets"),
    [
        ((600, 300, 600, 300), True),
        ((599.9, 300, 599.9, 300), False),
        ((1197.5, 598.5, 1197.5, 598.5), True),
        ((1198, 300, 1198, 300), False),
        ((0, 0, 5000, 4000), True),
        ((0, 0, 599, 4000), False),
        ((700, 599, 800, 700), False),
    ],
)
def test_a_patch_is_met_where_its_square_is(slide, rectangle, meets):
    (view,) = patch_views(slide, [patch()])
    assert view.meets(*rectangle) is meets


@pytest.mark.parametrize(
    ("set_aside", "overruled", "usable"), [(None, False, True), ("pen", False, False), ("pen", True, True)]
)
def test_a_patch_is_used_unless_set_aside_and_not_overruled(slide, set_aside, overruled, usable):
    (view,) = patch_views(slide, [patch(set_aside=set_aside, overruled=overruled)])
    assert isinstance(view, PatchView) and view.usable is usable


@pytest.mark.parametrize(
    ("length_um", "area_um2", "words"),
    [
        (999.7, None, "1000 µm"), (4.256, None, "4.26 µm"), (12_345.0, None, "12.3 mm"),
        (1.0, 99_990.0, "100000 µm²"), (1.0, 123_456.0, "0.123 mm²"), (1.0, 1_880e6, "1880 mm²"),
    ],
)  # fmt: skip
def test_a_measure_has_three_digits_and_no_exponent(length_um, area_um2, words):
    drawn = Drawn("length" if area_um2 is None else "area", ((0, 0), (1, 0), (1, 1)))
    assert AnnotationView(1, drawn, "", length_um, area_um2).words == words
