import numpy as np
import pytest

from mmdnet.experiments.attention import lesion_mask
from mmdnet.simulate.truth import SlideTruth


def test_a_lesions_outline_lies_where_it_was_drawn():
    nothing = np.zeros((0, 3))
    truth = SlideTruth(
        {},
        0.5,
        1000,
        1000,
        {},
        0,
        0,
        0,
        0,
        1,
        nothing,
        np.array([[100.0, 60.0, 8.0, 4.0, 0.0]]),
        np.array([[80.0, 50.0, 10.0]]),
        nothing,
    )
    focus = lesion_mask(truth, "inflammation", 60, 20)
    assert focus[80, 100] and not focus[80, 125]
    assert focus.sum() == pytest.approx(np.pi * 20**2, rel=0.06)
    assert lesion_mask(truth, "steatosis", 60, 20)[100, 140]
    assert not lesion_mask(truth, "ballooning", 60, 20).any()
