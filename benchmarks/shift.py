"""Slides of a stain and a scanner never seen: how many are flagged by their pixels, and how often intervals hold."""

from __future__ import annotations

import numpy as np

from benchmarks._calibrated import by_patient, demo, share, slides
from benchmarks.result import Result
from mmdnet.errors import LabError
from mmdnet.experiments.graded_cohort import SeenSlide, graded
from mmdnet.labels.grading import TASKS
from mmdnet.nn.card import ModelCard
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.scoring.aggregate import choose_aggregator
from mmdnet.scoring.calibration.fit import fit_calibration
from mmdnet.scoring.calibration.guard import Guard, load_guard
from mmdnet.scoring.calibration_record import Calibration
from mmdnet.scoring.choices import AUTO
from mmdnet.scoring.estimate import estimate_slide
from mmdnet.scoring.fields import FIELD_PATCHES
from mmdnet.settings import DEMO_MODEL

FLAGGED, FALSE_ALARMS, COVERED = 0.90, 0.05, 0.85


def run(quick: bool = False) -> Result:
    """Slides of the new stain and the new scanner, and known ones, beside those the demo model was calibrated on.

    `value` is the share of new-stain slides flagged; beside it false alarms, the new scanner, and coverage of grades
    and NAS before and after widening; slides whose NAS is withheld are not among those covered.
    """
    model, card = demo()
    known = [graded([slide], model, card)[0] for slide in slides("calibration", model, card, quick)]
    calibration = fit_calibration(known, FIELD_PATCHES, card.patch_mpp)
    guard = load_guard(DEMO_MODEL)
    if guard is None:
        raise LabError("The demo model has no guard beside its weights.")
    told = {
        name: _judge([own[0] for own in by_patient(slides(name, model, card, quick))], model, card, calibration, guard)
        for name in ("test", "new stain", "new scanner")
    }
    new, old, scanner = told["new stain"], told["test"], told["new scanner"]
    also = {
        "false alarms on known slides": (old["flagged"], "most", FALSE_ALARMS),
        "new scanner flagged": (scanner["flagged"], "least", FLAGGED),
        "new scanner covered after widening": (scanner["covered"], "least", COVERED),
    }
    if new["withheld"] < 1:
        also["new stain covered after widening, where not withheld"] = (new["covered"], "least", COVERED)
    return Result(
        "shift", new["flagged"], "share of new-stain slides flagged", {"reach": FLAGGED, "also": also, **told}
    )


def _judge(
    seen: list[SeenSlide], model: MMDNet, card: ModelCard, calibration: Calibration, guard: Guard
) -> dict[str, float]:
    times, held, unwidened = [], [], []
    for slide in seen:
        case, mean = graded([slide], model, card)
        unlike = guard.unlikeness(mean)
        times.append(unlike.times)
        for widen, into in ((unlike.widening, held), (1.0, unwidened)):
            if widen > 1 and unlike.far:
                continue
            aggregator = choose_aggregator(AUTO, calibration)
            grades = estimate_slide(case.evidence, aggregator, 400, widen=widen).distribution
            for task in TASKS:
                low, high = grades.interval(task.name)
                into.append(low <= (case.grades[task.name] or 0) <= high)
            nas = grades.nas()
            assert nas is not None
            low, high = nas.interval
            into.append(low <= sum(grade or 0 for grade in case.grades.values()) <= high)
    return {
        "slides": len(seen),
        "flagged": share([distance > 1 for distance in times]),
        "withheld": share([distance > 2 for distance in times]),
        "median_unlikeness": round(float(np.median(times)), 2),
        "covered": share(held) if held else float("nan"),
        "covered_without_widening": share(unwidened),
    }
