"""A rule with the scale it is read on: what a model's calibration, where it has one, makes of an aggregation rule.

A rule turns a slide into one *quantity* per task (a count per field, a share, a highest grade) and the quantity into a
*score*: a number on the task's scale, 0 to its highest grade, whose rounding is the grade. Both are computed for many
resamples of the slide's blocks at once, which gives intervals for free.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mmdnet.labels.grading import Task
from mmdnet.scoring.calibration_record import Calibration, DensityCalibration, TaskCalibration
from mmdnet.scoring.choices import AUTO
from mmdnet.scoring.conformal import Residuals
from mmdnet.scoring.evidence import SlideEvidence
from mmdnet.scoring.learned import slide_quantities, weigh
from mmdnet.scoring.rules import DEFAULT_RULE, DENSITY, THRESHOLD, AggregationRule, Scale, rule_called


@dataclass(frozen=True)
class Aggregator:
    """A rule with, per task, the scale it is read on, and the thresholds events are counted at.

    Attributes:
        rule: the rule.
        calibrations: by task, of this rule.
        thresholds: by task.
        densities: by task, whatever the rule.
        nas: residuals of the sum of the scores, where this rule was calibrated.
    """

    rule: AggregationRule
    calibrations: Mapping[str, TaskCalibration] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    densities: Mapping[str, DensityCalibration] = field(default_factory=dict)
    nas: Residuals | None = None

    def threshold(self, task: Task) -> float:
        """A patch shows the feature where its probability of grade 1 or more is above this."""
        return self.thresholds.get(task.name, THRESHOLD)

    def rests_on(self, task: Task) -> str:
        """What the grade rests on, in a reader's words."""
        calibration = self.calibrations.get(task.name)
        return self.rule.rests_on(calibration.slides if calibration else None)

    def quantity(self, task: Task, evidence: SlideEvidence, counts: np.ndarray) -> np.ndarray:
        """The rule's quantity for each resample (`counts`, shape (resamples, blocks)), shape (resamples,)."""
        calibration = self.calibrations.get(task.name)
        if calibration and calibration.coefficients:
            quantities = slide_quantities(task, evidence, counts, self.thresholds)
            return weigh(quantities, calibration.coefficients, calibration.intercept)
        return self.rule.quantity(task, evidence, counts, self.thresholds)

    def density(self, task: Task, evidence: SlideEvidence, counts: np.ndarray) -> np.ndarray:
        """Kleiner's quantity for each resample, which every report states whatever the rule; shape (resamples,)."""
        return DENSITY.quantity(task, evidence, counts, self.thresholds)

    def scale(self, task: Task) -> Scale:
        """From quantity to score: the calibration's, else the rule's own."""
        calibration = self.calibrations.get(task.name)
        return calibration.scale if calibration else self.rule.scale(task)


def choose_aggregator(rule: str, calibration: Calibration) -> Aggregator:
    """The aggregator for a model: its calibration's where it has one of that rule, else the rule on its own scale.

    Args:
        rule: a rule's name, or `auto`: the calibration's rule, else the default one.
        calibration: the model's (`read_calibration`).

    Raises:
        LabError: there is no such rule.
    """
    chosen = rule_called((calibration.rule or DEFAULT_RULE) if rule == AUTO else rule)
    fits = calibration.rule == chosen.name
    return Aggregator(
        rule=chosen,
        calibrations=calibration.tasks if fits else {},
        thresholds=calibration.safe_thresholds,
        densities=calibration.densities,
        nas=calibration.nas if fits else None,
    )


def middle_grade(probabilities: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """The highest grade that is reached more likely than not, shape (n,), of probabilities (n, grades); 0 for NaN.

    Grade 0 is left at the threshold that counts are drawn at: a patch whose grade is not 0 is a patch that counts.
    """
    reached = np.cumsum(probabilities[:, ::-1], axis=1)[:, ::-1]
    middle = (reached[:, 1:] > 0.5).sum(axis=1)
    return np.where(reached[:, 1] > threshold, np.maximum(middle, 1), 0)


def round_to_grade(score: np.ndarray, highest: int) -> np.ndarray:
    """The grade of a continuous score: halves go up, as the cuts are the halves."""
    return np.clip(np.floor(np.asarray(score) + 0.5), 0, highest).astype(np.int64)
