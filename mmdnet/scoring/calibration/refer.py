"""When a second reader is advised: by rule, so that how often it happens and what it leaves can be measured."""

from collections.abc import Collection

from mmdnet.labels.grading import TASKS
from mmdnet.scoring.distribution import GradeDistribution
from mmdnet.scoring.summary import Reason

WIDE_NAS = 4  # from a NAS to one this much higher is half of the scale
WIDE_GRADES = 2.5
LEAST_FAVOURED = 0.5  # of the draws: a grade that is no more probable than all others lies near a cut


def reasons_to_refer(
    grades: GradeDistribution, low_evidence: bool = False, odd: bool = False, under_floor: Collection[str] = ()
) -> tuple[Reason, ...]:
    """Why a second reader is advised for a slide; empty where none is.

    Args:
        grades: of the slide.
        low_evidence: too little tissue.
        odd: tissue unlike the training's.
        under_floor: tasks graded above 0 with a density that control slides reach too.
    """
    known = [task for task in TASKS if task.name in grades.own]
    reasons = []
    nas = grades.nas()
    widths = [high - low for low, high in (grades.interval(task.name) for task in known)]
    if (nas and nas.interval[1] - nas.interval[0] >= WIDE_NAS) or any(width > WIDE_GRADES for width in widths):
        reasons.append(Reason.WIDE)
    if any(max(grades.probabilities(task.name)) < LEAST_FAVOURED for task in known):
        reasons.append(Reason.NEAR_CUT)
    reasons += [Reason.LITTLE_TISSUE] * low_evidence + [Reason.ODD_TISSUE] * odd + [Reason.FLOOR] * bool(under_floor)
    return tuple(reasons)
