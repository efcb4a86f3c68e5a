import numpy as np

from mmdnet.labels.grading import TASKS
from mmdnet.scoring.calibration.refer import reasons_to_refer
from mmdnet.scoring.distribution import Bounds, GradeDistribution
from mmdnet.scoring.summary import Reason


def grades(own=1.0, spread=0.0, bounds=None):
    """A slide with this score in every task and draws this far around it."""
    draws = own + spread * np.linspace(-1, 1, 200)
    scores = {task.name: own for task in TASKS}
    return GradeDistribution.of(scores, {name: draws.clip(0) for name in scores}, 0, bounds)


def test_a_sure_slide_needs_no_second_reader():
    assert reasons_to_refer(grades()) == ()


def test_each_reason_is_told():
    assert reasons_to_refer(grades(own=1.49, spread=1.4))[-1:] == (Reason.NEAR_CUT,)
    wide = Bounds({}, (0.6, 5.4))
    assert reasons_to_refer(grades(bounds=wide)) == (Reason.WIDE,)
    assert reasons_to_refer(grades(bounds=Bounds({TASKS[0].name: (0.0, 2.6)}))) == (Reason.WIDE,)
    told = reasons_to_refer(grades(), low_evidence=True, odd=True, under_floor=["ballooning"])
    assert told == (Reason.LITTLE_TISSUE, Reason.ODD_TISSUE, Reason.FLOOR)
