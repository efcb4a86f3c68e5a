import shutil

import pytest

from mmdnet.errors import LabError
from mmdnet.experiments.calibrated_demo import calibrate
from mmdnet.nn.card import CARD
from mmdnet.settings import DEMO_MODEL
from mmdnet.simulate.cohorts import CohortPlan


@pytest.mark.slow
def test_too_few_drawn_slides_leave_the_card_as_it_is(tmp_path):
    out = shutil.copytree(DEMO_MODEL, tmp_path / "demo")
    before = (out / CARD).read_bytes()
    with pytest.raises(LabError, match="Nothing was calibrated"):
        calibrate(out, tmp_path / "work", CohortPlan(slides=2, seed=999, patches=6))
    assert (out / CARD).read_bytes() == before
