import numpy as np

from mmdnet.labels.grading import TASKS
from mmdnet.scoring.calibration.judge import judge_slides
from mmdnet.scoring.calibration_record import Calibration, TaskCalibration
from mmdnet.scoring.conformal import Held, fit_residuals
from mmdnet.scoring.estimate import Sampled
from tests.mmdnet.scoring.crafted import slide


def test_the_error_of_slides_that_are_not_referred_is_told():
    """Twenty slides that are right and hold much tissue, twenty that are a grade off and hold little."""
    sure = np.arange(40) < 20
    truth = np.where(sure, 1, 2)
    spread = np.where(sure, 0.0, 1.0)
    said = [{task.name: Sampled(1.0, 1.0 + s * np.linspace(-1, 1, 50)) for task in TASKS} for s in spread]
    held = [Held(k, k, 1.0, float(t), float(s)) for k, (t, s) in enumerate(zip(truth, spread, strict=True))]
    nas = [Held(known.slide, known.patient, 3.0, 3 * known.truth, 3 * known.sampled) for known in held]
    fit = TaskCalibration(method="isotonic", quantity=(0, 3), score=(0, 3), slides=40, conformal=fit_residuals(held))
    calibration = Calibration(rule="density", tasks={task.name: fit for task in TASKS}, nas=fit_residuals(nas))
    evidence = [slide(10, 10)] * 20 + [slide(4, 4)] * 20
    told = judge_slides(calibration, said, [{task.name: int(t) for task in TASKS} for t in truth], evidence)
    assert told.slides == 40 and told.error_all == 1.5
    assert told.rate == 0.5 and told.error_left == 0 and told.within_left == 1


def test_without_a_nas_there_is_nothing_to_judge():
    assert judge_slides(Calibration(), [], [], []) is None
