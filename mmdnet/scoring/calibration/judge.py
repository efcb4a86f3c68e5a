"""What advising a second reader would have done on the slides a calibration was fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmdnet.labels.grading import TASKS
from mmdnet.scoring.aggregate import choose_aggregator
from mmdnet.scoring.calibration.refer import reasons_to_refer
from mmdnet.scoring.calibration_record import Calibration
from mmdnet.scoring.choices import AUTO
from mmdnet.scoring.estimate import Sampled, distribution_of, is_low_evidence
from mmdnet.scoring.evidence import SlideEvidence
from mmdnet.scoring.summary import Referral


def judge_slides(
    calibration: Calibration,
    said: Sequence[Mapping[str, Sampled]],
    truth: Sequence[Mapping[str, int]],
    evidence: Sequence[SlideEvidence],
) -> Referral | None:
    """How many slides would be referred, and the error of the NAS left on the others; None without a NAS to judge.

    Args:
        calibration: fitted on these slides.
        said: each slide's scores by task, by scales that its patient had no part in.
        truth: each slide's grades by task.
        evidence: each slide's.
    """
    summed = [task.name for task in TASKS if task.in_nas]
    if calibration.nas is None:
        return None
    owner = dict(zip(calibration.nas.slide, calibration.nas.patient, strict=True))
    errors, referred = [], []
    for slide, patient in owner.items():
        grades = distribution_of(choose_aggregator(AUTO, _without(calibration, patient)), said[slide])
        nas = grades.nas()
        if nas is None:
            continue
        errors.append(abs(nas.nas - sum(truth[slide][name] for name in summed)))
        referred.append(bool(reasons_to_refer(grades, is_low_evidence(evidence[slide]))))
    return referral_of(errors, referred) if errors else None


def referral_of(errors: Sequence[float], referred: Sequence[bool]) -> Referral:
    """What advice did on slides with these errors of the NAS, one or more: its rate, the error left on the others."""
    error, away = np.array(errors, dtype=float), np.array(referred)
    left = error[~away]
    return Referral(
        slides=len(error),
        rate=round(float(away.mean()), 4),
        error_all=round(float(error.mean()), 4),
        error_left=round(float(left.mean()), 4) if len(left) else None,
        within_left=round(float((left <= 1).mean()), 4) if len(left) else None,
    )


def _without(calibration: Calibration, patient: int) -> Calibration:
    """The calibration whose residuals are the other patients'."""
    tasks = {
        name: fit.model_copy(update={"conformal": fit.conformal.without(patient) if fit.conformal else None})
        for name, fit in calibration.tasks.items()
    }
    nas = calibration.nas.without(patient) if calibration.nas else None
    return calibration.model_copy(update={"tasks": tasks, "nas": nas})
