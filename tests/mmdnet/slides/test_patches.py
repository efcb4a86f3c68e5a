"""Patches laid on tissue."""

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.slides.geometry import PATCH_MPP, PATCH_PX
from mmdnet.slides.measures.tissue import Tissue
from mmdnet.slides.patches import lay_patches, patch_grid
from mmdnet.slides.readers.open import open_slide


@pytest.fixture
def slide(odd_pyramid):
    with open_slide(odd_pyramid) as reader:
        yield reader


def test_the_grid_begins_at_the_slides_corner_with_the_usual_patch(slide):
    grid = patch_grid(slide)
    assert (grid.origin_px0, grid.patch_px, grid.patch_mpp) == ((0, 0), PATCH_PX, PATCH_MPP)
    assert grid.side_px0 == pytest.approx((598, 598), rel=1e-4)


def test_only_whole_patches_with_enough_tissue_are_laid_row_by_row(slide):
    mask = np.zeros((47, 47), bool)
    mask[:, :24] = True  # the left half: 384 µm at 8 µm/px, so two columns and a part of the third
    tissue = Tissue(mask, 8.0, slide.mpp_xy, 0.0, None)
    grid, places = lay_patches(slide, tissue, 256, 0.5, min_tissue_share=0.6)
    assert [(place.row, place.col) for place in places] == [(0, 0), (1, 0)]
    assert [place.tissue_share for place in places] == pytest.approx([1.0, 1.0])
    assert all((place.x_px0, place.y_px0) == grid.corner_px0(place.row, place.col) for place in places)
    _, more = lay_patches(slide, tissue, 256, 0.5, min_tissue_share=0.4)
    assert [(place.row, place.col) for place in more] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_a_slide_smaller_than_a_patch_is_refused(slide):
    everywhere = Tissue(np.ones((47, 47), bool), 8.0, slide.mpp_xy, 0.0, None)
    with pytest.raises(LabError, match="smaller than one patch"):
        lay_patches(slide, everywhere, 1024, 0.5)
