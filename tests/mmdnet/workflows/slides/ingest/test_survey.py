"""What a survey finds on a slide, and what it refuses."""

import pytest

from mmdnet.errors import LabError
from mmdnet.settings import Settings
from mmdnet.slides.geometry import PatchPlace
from mmdnet.slides.readers.open import open_slide
from mmdnet.workflows.slides.ingest.survey import SurveyedPatch, survey


def test_patches_are_laid_at_the_settings_size_judged_and_in_order(tmp_path, tissue_png):
    told = []
    with open_slide(tissue_png(), mpp=0.5) as slide:
        surveyed = survey(slide, Settings(home=tmp_path, patch_px=200), lambda share, message: told.append(share))
    assert (surveyed.patch_px, surveyed.patch_mpp) == (200, 0.5)
    cells = [(patch.place.row, patch.place.col) for patch in surveyed.patches]
    assert cells == sorted(cells) and len(cells) == 16
    assert surveyed.tissue_mm2 == pytest.approx((780 * 0.5 / 1000) ** 2, rel=0.06)
    used = [patch for patch in surveyed.patches if patch.set_aside is None]
    assert used and all(0 <= patch.fat_area_share <= 1 and "focus" in patch.quality for patch in used)
    assert told[0] == 0 and told == sorted(told)


def test_a_slide_without_scale_is_not_surveyed(tmp_path, tissue_png):
    with open_slide(tissue_png()) as slide, pytest.raises(LabError, match="how large its pixels are"):
        survey(slide, Settings(home=tmp_path), lambda share, message: None)


def test_a_patch_is_a_row_of_the_table():
    patch = SurveyedPatch(PatchPlace(1, 2, 3, 4, 0.5), {"reason": "torn"}, "unreadable")
    assert patch.columns() == {
        "row": 1, "col": 2, "x_px0": 3, "y_px0": 4, "tissue_share": 0.5, "quality": {"reason": "torn"},
        "set_aside": "unreadable", "fat_area_share": None,
    }  # fmt: skip
