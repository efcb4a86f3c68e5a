"""What is drawn for a step: a bag has one stain and one scanner, and nothing is drawn for what is switched off."""

import numpy as np

from mmdnet.augment.stain import draw_stains
from mmdnet.augment.variation import Variation


def drawn(seed=0, **how):
    return Variation(**how).draw([0, 1], [3, 2], np.random.default_rng(seed))


def test_as_usual_it_is_the_jitter_of_stain_and_no_scanner():
    made = drawn()
    assert np.array_equal(made.stains, draw_stains(2, np.random.default_rng(0)).repeat([3, 2], axis=0))
    assert (made.patches[:, 3] == 1).all() and (made.patches[:, 4] == 0).all()


def test_a_bag_has_one_stain_and_one_sharpness_and_each_patch_its_own_scale():
    made = drawn(scanner=True)
    assert len(np.unique(made.patches[:, 4])) == 2 and len(np.unique(made.patches[:, 3])) == 5
    assert ((made.patches[:, 3] >= 0.9) & (made.patches[:, 3] <= 1.1)).all()
    assert np.array_equal(made.stains[0], made.stains[2]) and not np.array_equal(made.stains[0], made.stains[3])
    assert np.array_equal(made.stains, drawn(scanner=True).stains)


def test_without_either_the_colours_stay():
    assert drawn(stain="none").stains is None
    assert drawn(stain="none", scanner=True).stains is not None
