"""How often 90 % intervals hold, by task, NAS and density, at one, two and four slides' tissue."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from benchmarks._calibrated import by_patient, demo, share, slides
from benchmarks.result import Result
from mmdnet.experiments.graded_cohort import graded
from mmdnet.labels.grading import TASKS
from mmdnet.scoring.aggregate import choose_aggregator
from mmdnet.scoring.calibration.fit import GradedSlide, fit_calibration
from mmdnet.scoring.calibration_record import Calibration
from mmdnet.scoring.choices import AUTO
from mmdnet.scoring.estimate import estimate_slide
from mmdnet.scoring.fields import FIELD_PATCHES

LEAST, MOST = 0.86, 0.94
TISSUE = (1, 2, 4)


def run(quick: bool = False) -> Result:
    """Test patients of the demo model, calibrated on other drawn patients at one slide's tissue.

    `value` is the lowest share over tasks, NAS and densities and amounts of tissue; beside it all shares with mean
    widths, and the same without calibration (sampling only).
    """
    model, card = demo()
    known = [graded([slide], model, card)[0] for slide in slides("calibration", model, card, quick)]
    calibration = fit_calibration(known, FIELD_PATCHES, card.patch_mpp)
    patients = by_patient(slides("test", model, card, quick))
    held, width, sampling = {}, {}, {}
    for pieces in TISSUE:
        cases = [graded(own[:pieces], model, card)[0] for own in patients if len(own) >= pieces]
        held[pieces], width[pieces] = judge(cases, calibration)
        sampling[pieces], _ = judge(cases, Calibration())
    every = [value for shares in held.values() for value in shares.values()]
    beside = {
        "reach": LEAST,
        "also": {"highest share": (max(every), "most", MOST)},
        "patients": len(patients),
        "calibrated_on": len(known),
        "rule": calibration.rule,
        "held": held,
        "mean_width": width,
        "held_by_sampling_only": sampling,
        "told_by_the_calibration": {name: fit.holds for name, fit in calibration.tasks.items()},
    }
    return Result("coverage", min(every), "lowest share of 90 % intervals that hold", beside)


def judge(cases: list[GradedSlide], calibration: Calibration) -> tuple[dict[str, float], dict[str, float]]:
    """How often each interval holds, and its mean width, by name."""
    held, width = defaultdict(list), defaultdict(list)
    for case in cases:
        estimate = estimate_slide(case.evidence, choose_aggregator(AUTO, calibration), 400)
        told = {task.name: (estimate.distribution.interval(task.name), case.grades[task.name]) for task in TASKS}
        told |= {
            f"{name} density": (stated.density_interval, case.densities[name])
            for name, stated in estimate.tasks.items()
        }
        nas = estimate.distribution.nas()
        if nas:
            told["NAS"] = (nas.interval, sum(grade or 0 for grade in case.grades.values()))
        for name, ((low, high), truth) in told.items():
            held[name].append(low <= truth <= high)
            width[name].append(high - low)
    return (
        {name: share(values) for name, values in held.items()},
        {name: round(float(np.mean(values)), 2) for name, values in width.items()},
    )
