import numpy as np
import pytest

from mmdnet.labels.grading import FIELD_MM2
from mmdnet.scoring.evidence import lay_out
from tests.mmdnet.scoring.crafted import PATCH_MM2, slide


def test_the_assessed_tissue_is_what_lies_on_the_patches():
    evidence = slide(10, 10)
    evidence.tissue_share[:50] = 0.5
    assert evidence.area_mm2 == pytest.approx(75 * PATCH_MM2)
    assert evidence.fields == pytest.approx(75 * PATCH_MM2 / FIELD_MM2)


def test_the_slide_once_has_every_block_once():
    evidence = slide(10, 10)
    assert evidence.blocks == evidence.block.max() + 1
    assert evidence.once().tolist() == [[1] * evidence.blocks]


@pytest.mark.parametrize("side", [3, 10, 40])
def test_a_block_lies_within_one_bag_and_a_bag_holds_no_more_than_it_may(side):
    row, col = (axis.ravel() for axis in np.mgrid[:side, :side])
    layout = lay_out(row, col, 48)
    assert np.bincount(layout.bag).max() <= 48
    assert all(len(np.unique(layout.bag[layout.block == block])) == 1 for block in np.unique(layout.block))
