import numpy as np
import pytest

from mmdnet.simulate.outline import tissue_outlines
from mmdnet.simulate.recipes import SlideRecipe


@pytest.mark.parametrize("form", ["needle", "wedge"])
def test_tissue_lies_on_the_slide_and_is_drawn_alike_each_time(form):
    recipe = SlideRecipe(seed=4, form=form, width_px=6000, height_px=5000)
    outlines = tissue_outlines(recipe)
    for outline in outlines:
        assert outline.shape[1] == 2
        assert (outline > 0).all() and (outline < [recipe.width_um, recipe.height_um]).all()
    again = tissue_outlines(recipe)
    assert all(np.array_equal(outline, other) for outline, other in zip(outlines, again, strict=True))


def test_a_wedge_is_one_piece_and_a_wide_slide_holds_more_cores_than_a_narrow_one():
    assert len(tissue_outlines(SlideRecipe(seed=1, form="wedge"))) == 1
    wide, narrow = (
        tissue_outlines(SlideRecipe(seed=1, form="needle", width_px=14_000, height_px=height))
        for height in (10_000, 3000)
    )
    assert (len(wide), len(narrow)) == (2, 1)


def test_cores_lie_along_the_longer_side():
    upright = tissue_outlines(SlideRecipe(seed=1, form="needle", width_px=3000, height_px=9000))[0]
    across, along = np.ptp(upright, axis=0)
    assert along > 3 * across
