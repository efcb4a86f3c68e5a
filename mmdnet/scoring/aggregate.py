"""A rule with the scale it is read on: what a model's calibration, where it has one, makes of an aggregation rule.

A rule turns a slide into one *quantity* per task (a count per field, a share, a highest grade) and the quantity into a
*score*: a number on the task's scale, 0 to its highest grade, whose rounding is the grade. Both are computed for many
resamples of the slide's blocks at once, which gives intervals for free.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from mmdnet.errors import LabError
from mmdnet.labels.grading import Task
from mmdnet.scoring.choices import AUTO
from mmdnet.scoring.evidence import SlideEvidence
from mmdnet.scoring.rules import DEFAULT_RULE, DENSITY, THRESHOLD, AggregationRule, Scale, rule_called

CALIBRATION_VERSION = 1


class TaskCalibration(BaseModel):
    """A rule's scale for one task, fitted to slides that people graded.

    Attributes:
        method: how it was fitted.
        quantity, score: points of the scale.
        residuals: truth minus score on slides the scale was not fitted on; they make intervals honest about the model's
            own error.
        slides, slides_by_grade: that it was fitted on.
        kappa_across_folds: weighted kappa on the slides of each fold; None where nothing varies.
    """

    model_config = ConfigDict(frozen=True)

    method: str
    quantity: tuple[float, ...]
    score: tuple[float, ...]
    residuals: tuple[float, ...]
    slides: int
    slides_by_grade: tuple[int, ...] = ()
    kappa_across_folds: float | None = None

    @property
    def scale(self) -> Scale:
        return Scale(self.quantity, self.score)


class Calibration(BaseModel):
    """What a model card's `calibration` holds: fitted thresholds, and the scales of one rule where slides were graded.

    `bag_size` is what the slides were scored with; None where there were none.
    """

    model_config = ConfigDict(frozen=True)

    version: int = CALIBRATION_VERSION
    rule: str | None = None
    bag_size: int | None = None
    thresholds: dict[str, float] = Field(
        default_factory=dict, validation_alias=AliasChoices("thresholds", "lines"), serialization_alias="lines"
    )
    tasks: dict[str, TaskCalibration] = Field(default_factory=dict)

    def to_json(self) -> dict[str, JsonValue]:
        """For the model card."""
        return self.model_dump(mode="json", by_alias=True)


def read_calibration(values: Mapping[str, Any] | None) -> Calibration:
    """A calibration out of a model card's JSON; an empty one where the card has none.

    Raises:
        LabError: it is none.
    """
    try:
        return Calibration.model_validate(values or {})
    except ValidationError as problem:
        raise LabError("The calibration on the model's card is damaged. Train the model again.") from problem


@dataclass(frozen=True)
class Aggregator:
    """A rule with, per task, the scale it is read on, and the thresholds events are counted at."""

    rule: AggregationRule
    calibrations: Mapping[str, TaskCalibration] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def threshold(self, task: Task) -> float:
        """A patch shows the feature where its probability of grade 1 or more is above this."""
        return self.thresholds.get(task.name, THRESHOLD)

    def rests_on(self, task: Task) -> str:
        """What the grade rests on, in a reader's words."""
        calibration = self.calibrations.get(task.name)
        return self.rule.rests_on(calibration.slides if calibration else None)

    def quantity(self, task: Task, evidence: SlideEvidence, counts: np.ndarray) -> np.ndarray:
        """The rule's quantity for each resample (`counts`, shape (resamples, blocks)), shape (resamples,)."""
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
    fitted = calibration.tasks if calibration.rule == chosen.name else {}
    return Aggregator(chosen, fitted, calibration.thresholds)


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
