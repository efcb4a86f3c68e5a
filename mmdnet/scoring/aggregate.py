"""From patches and bags to the grade of a slide: the rules.

A rule turns a slide into one *quantity* per task (a count per field, a share, a highest grade) and the quantity into a
*score*: a number on the task's scale, 0 to its highest grade, whose rounding is the grade. Both are computed for many
resamples of the slide's blocks at once, which gives intervals for free.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.grading import FIELD_MM2, STEATOSIS_CUTS, Task
from mmdnet.scoring.evidence import SlideEvidence

# What one patch of a grade contributes. Steatosis: share of hepatocytes with fat, the middle of the grade's range.
# Counts: the grade is the count, and "so many or more" stands for a little more than so many.
PATCH_WORTH: dict[str, tuple[float, ...]] = {
    "ballooning": (0.0, 1.0, 2.3),
    "inflammation": (0.0, 1.0, 2.0, 3.3),
    "steatosis": (0.02, 0.19, 0.50, 0.82),
}
# Events per field (steatosis is a share), with how often one event is counted: at a patch's edge it is seen on two.
# On 40 simulated slides exact patch grades held 1.1 ballooned cells and 1.2 foci for each one drawn; a circle of 25 to
# 40 µm that is seen where three tenths of it lie on a patch gives the same.
COUNTED = {"ballooning": 1.1, "inflammation": 1.2}
LINE = 0.5  # a patch counts where "at least one" is more probable than this


@dataclass(frozen=True)
class Scale:
    """Quantity to score by straight lines between given points; outside them the end values hold."""

    quantity: tuple[float, ...]
    score: tuple[float, ...]

    def __call__(self, quantity: np.ndarray) -> np.ndarray:
        return np.interp(quantity, self.quantity, self.score)


def scale_from_cuts(cuts: tuple[float, ...], top: float) -> Scale:
    """The scale on which each cut is the half-way point between two grades and `top` is the highest grade."""
    halves = tuple(0.5 + k for k in range(len(cuts)))
    return Scale((0.0, *cuts, top), (0.0, *halves, float(len(cuts))))


# Kleiner 2005, table 1. Her lowest grade of a count is "none", but a network's count is never quite none: under half an
# event per field counts as none. "Few" and "many" balloon cells are cut at 4 per field (mmdnet.labels.grading).
KLEINER_SCALES: dict[str, Scale] = {
    "ballooning": scale_from_cuts((0.5, 4.0), 8.0),
    "inflammation": scale_from_cuts((0.5, 2.0, 4.0), 8.0),
    "steatosis": scale_from_cuts(STEATOSIS_CUTS, 1.0),
}


class Rule(Protocol):
    """One way from a slide's evidence to a quantity per task."""

    name: str
    title: str

    def quantity(self, task: Task, evidence: SlideEvidence, counts: np.ndarray) -> np.ndarray:
        """The task's quantity for each resample.

        Args:
            task: which feature.
            evidence: the slide.
            counts: how often each block is drawn, shape (resamples, blocks).

        Returns:
            Shape (resamples,).
        """
        ...

    def scale(self, task: Task) -> Scale:
        """From quantity to score where nothing was calibrated."""
        ...


class HighestBag:
    """The paper's rule: a slide has the highest grade any of its bags was given.

    One bag graded too high moves the whole slide, and more so the more bags a slide has: with an error of 6 % per
    bag, a slide of 50 bags is overcalled with probability 0.95.
    """

    name = "max"
    title = "highest bag"

    def quantity(self, task: Task, evidence: SlideEvidence, counts: np.ndarray) -> np.ndarray:
        grade_of_bag = evidence.bag_probabilities[task.name].argmax(axis=1)
        bag_of_block = np.zeros(evidence.blocks, dtype=np.int64)
        bag_of_block[evidence.block] = evidence.bag
        grade_of_block = grade_of_bag[bag_of_block]
        return np.where(counts > 0, grade_of_block, 0).max(axis=1).astype(float)

    def scale(self, task: Task) -> Scale:
        grades = tuple(float(grade.value) for grade in task.grades)
        return Scale(grades, grades)


def counted_events(task_name: str, probabilities: np.ndarray, line: float) -> np.ndarray:
    """Events each patch counts, shape (n,), of probabilities (n, grades): what is expected if there is at least one."""
    present = 1.0 - probabilities[:, 0]
    worth = probabilities @ np.asarray(PATCH_WORTH[task_name])
    return np.where(present > line, worth / np.maximum(present, 1e-9), 0.0)


class Density:
    """Kleiner's own quantities: share of hepatocytes with fat; foci and balloon cells per 200x field of tissue.

    Steatosis is the mean over patches, weighted by tissue, of the expected share. A focus or balloon cell is counted on
    a patch only where the probability of "at least one" is above the task's line: training shows the network far more
    positive patches than a slide has, and the doubts of many empty patches would add up to events. The line is one half
    unless it was fitted to patches that readers graded (`mmdnet.scoring.calibration.fit_lines`).

    Args:
        lines: fitted lines by task.
    """

    name = "density"
    title = "density per field"

    def __init__(self, lines: Mapping[str, float] | None = None) -> None:
        self.lines = dict(lines or {})

    def line(self, task_name: str) -> float:
        return self.lines.get(task_name, LINE)

    def quantity(self, task: Task, evidence: SlideEvidence, counts: np.ndarray) -> np.ndarray:
        probabilities = evidence.patch_probabilities[task.name].astype(float)
        tissue = np.bincount(evidence.block, evidence.tissue_share, evidence.blocks)
        if task.name in COUNTED:
            events = counted_events(task.name, probabilities, self.line(task.name)) / COUNTED[task.name]
            fields = counts @ tissue * evidence.patch_mm2 / FIELD_MM2
            return counts @ np.bincount(evidence.block, events, evidence.blocks) / fields
        worth = probabilities @ np.asarray(PATCH_WORTH[task.name])
        fatty = np.bincount(evidence.block, worth * evidence.tissue_share, evidence.blocks)
        return (counts @ fatty) / (counts @ tissue)

    def scale(self, task: Task) -> Scale:
        return KLEINER_SCALES[task.name]


RULES: dict[str, Rule] = {rule.name: rule for rule in (HighestBag(), Density())}


@dataclass(frozen=True)
class Calibration:
    """A rule's scale for one task, fitted to slides that people graded.

    `residuals` are truth minus score on slides the scale was not fitted on; they make intervals honest about the
    model's own error.
    """

    method: str
    scale: Scale
    residuals: tuple[float, ...]
    slides: int


@dataclass(frozen=True)
class Aggregator:
    """A rule with, per task, the scale it is read on; and densities, which every report states."""

    rule: Rule
    density: Density
    calibrations: Mapping[str, Calibration]

    def title(self, task: Task) -> str:
        """What the grade rests on, in a reader's words."""
        if task.name in self.calibrations:
            found = self.calibrations[task.name]
            return f"{self.rule.title}, calibrated on {found.slides} graded slides"
        if self.rule.name == "max":
            return f"{self.rule.title}, as in the MMD-Net paper; not calibrated"
        return f"{self.rule.title}, read by Kleiner's cuts; not calibrated"

    def scale(self, task: Task) -> Scale:
        found = self.calibrations.get(task.name)
        return found.scale if found else self.rule.scale(task)


def choose_aggregator(rule: str, calibration: Mapping[str, Any] | None) -> Aggregator:
    """The aggregator for a model: its calibration's where it has one of that rule, else the rule on its own scale.

    Args:
        rule: `max`, `density`, or `auto` (the calibration's rule, else density: on 150 held-out simulated slides
            density reached a weighted kappa of 0.88 for steatosis without any calibration, the highest bag 0.54).
        calibration: what `fit_calibration` returned, from the model's card, or None.

    Raises:
        LabError: there is no such rule.
    """
    fitted_rule = calibration.get("rule") if calibration else None
    name = (fitted_rule or "density") if rule == "auto" else rule
    if name not in RULES:
        raise LabError(f"There is no aggregation rule called {name!r}; known are auto, {', '.join(sorted(RULES))}.")
    found: dict[str, Calibration] = {}
    if calibration and fitted_rule == name:
        for task_name, fit in calibration["tasks"].items():
            scale = Scale(tuple(fit["quantity"]), tuple(fit["score"]))
            found[task_name] = Calibration(fit["method"], scale, tuple(fit["residuals"]), int(fit["slides"]))
    density = Density((calibration or {}).get("lines"))
    return Aggregator(density if name == density.name else RULES[name], density, found)


def middle_grade(probabilities: np.ndarray, line: float = LINE) -> np.ndarray:
    """The highest grade that is reached more likely than not, shape (n,), of probabilities (n, grades); 0 for NaN.

    Grade 0 is left at the line that counts are drawn at: a patch whose grade is not 0 is a patch that counts.
    """
    reached = np.cumsum(probabilities[:, ::-1], axis=1)[:, ::-1]
    middle = (reached[:, 1:] > 0.5).sum(axis=1)
    return np.where(reached[:, 1] > line, np.maximum(middle, 1), 0)


def round_to_grade(score: np.ndarray, highest: int) -> np.ndarray:
    """The grade of a continuous score: halves go up, as the cuts are the halves."""
    return np.clip(np.floor(np.asarray(score) + 0.5), 0, highest).astype(np.int64)
