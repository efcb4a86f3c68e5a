"""The handful of quantities a slide has, and the grade that graded slides make of them together.

For each task: what every other rule says on its own scale, the share of patches that show the feature, and the density
scores of the other tasks (lesions go together). Few enough for tens of graded slides to weigh them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmdnet.labels.grading import TASKS, Task
from mmdnet.scoring.evidence import SlideEvidence
from mmdnet.scoring.rules import RULES, THRESHOLD, Thresholds, density_score

SHARE = "share"  # of patches that show the feature, times the highest grade
OTHERS = "other."  # and the task's name: the density score of another task


def rule_quantities(
    task: Task, evidence: SlideEvidence, counts: np.ndarray, thresholds: Thresholds
) -> dict[str, np.ndarray]:
    """What each rule that needs no weights measures, by the rule's name, shape (resamples,) each."""
    return {rule.name: rule.quantity(task, evidence, counts, thresholds) for rule in RULES.values() if not rule.learned}


def slide_quantities(
    task: Task, evidence: SlideEvidence, counts: np.ndarray, thresholds: Thresholds
) -> dict[str, np.ndarray]:
    """A slide's quantities by name, for each resample, shape (resamples,); about 0 to the task's highest grade."""
    by_rule = rule_quantities(task, evidence, counts, thresholds)
    return on_own_scales(task, by_rule) | beside_rules(task, evidence, counts, thresholds)


def on_own_scales(task: Task, by_rule: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The rules' quantities as scores, each on its rule's own scale."""
    return {name: RULES[name].scale(task)(values) for name, values in by_rule.items()}


def beside_rules(
    task: Task, evidence: SlideEvidence, counts: np.ndarray, thresholds: Thresholds
) -> dict[str, np.ndarray]:
    """The quantities that are no rule's: the share of patches that show the feature, and the other tasks' densities."""
    present = 1.0 - evidence.patch_probabilities[task.name][:, 0] > thresholds.get(task.name, THRESHOLD)
    showing = counts @ np.bincount(evidence.block, present, evidence.blocks)
    said = {SHARE: task.highest * showing / (counts @ np.bincount(evidence.block, minlength=evidence.blocks))}
    for other in TASKS:
        if other.name != task.name and other.name in evidence.patch_probabilities:
            said[f"{OTHERS}{other.name}"] = density_score(other, evidence, counts, thresholds)
    return said


def weigh(quantities: Mapping[str, np.ndarray], coefficients: Mapping[str, float], intercept: float) -> np.ndarray:
    """The score that learnt weights make of a slide's quantities, shape (resamples,); others do not count."""
    weighed = [coefficients[name] * values for name, values in quantities.items() if name in coefficients]
    return intercept + np.sum(weighed, axis=0)
