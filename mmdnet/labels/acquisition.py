"""Acquisition functions: how much a label of a patch would tell, what ranked plans order patches by. Pure functions.

Probabilities are a model's, shape (patches, grades), rows summing to 1; NaN rows (not assessed) give NaN. The functions
of a plan take all that is known (`Evidence`) and give one value per patch, higher asked for sooner, NaN not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmdnet.labels.grading import TASKS, UNKNOWN

SMALL = 1e-12
LEAST_DISTANCE = 0.25  # of the scale: a label and a model closer than this do not disagree
ENOUGH_LABELS = 30  # from here on labels say how rare a grade is, before that the model's own shares


@dataclass(frozen=True)
class Evidence:
    """What is known of `patches` patches; a plan is given only what it reads (`labels.plans.Plan.reads`).

    Attributes:
        probabilities: a model's, by task that it grades, shape (patches, grades); NaN rows where it says nothing.
        label_counts: by task, how many labels each grade has so far.
        grades: readers' standing grades by task, shape (patches, readers), -1 where a reader gave none.
        ignored: shape (patches, 2): whether any reader did not ignore the patch, and whether any did.
    """

    patches: int
    probabilities: Mapping[str, np.ndarray] = field(default_factory=dict)
    label_counts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    grades: Mapping[str, np.ndarray] = field(default_factory=dict)
    ignored: np.ndarray | None = None


def most_uncertain(known: Evidence) -> np.ndarray:
    """Entropy of the task the model is least sure of."""
    return over_tasks({name: entropy(table) for name, table in known.probabilities.items()})


def smallest_margin(known: Evidence) -> np.ndarray:
    """1 minus the margin between two grades, of the task where it is smallest."""
    return over_tasks({name: 1 - margin(table) for name, table in known.probabilities.items()})


def rarest_grade(known: Evidence) -> np.ndarray:
    """How rare the grade is that the model expects, of the task where it is rarest."""
    return over_tasks({name: rarity(table, known.label_counts[name]) for name, table in known.probabilities.items()})


def disagreement(known: Evidence) -> np.ndarray:
    """How far readers lie apart, or a reader and the model; NaN where neither do."""
    apart: dict[str, np.ndarray] = {}
    for task in TASKS:
        grades = known.grades[task.name]
        between = spread(grades, task.highest)
        apart[f"readers on {task.name}"] = np.where(between > 0, between, np.nan)
        for column in range(grades.shape[1]) if task.name in known.probabilities else ():
            away = distance(known.probabilities[task.name], grades[:, column])
            apart[f"model and reader {column} on {task.name}"] = np.where(away >= LEAST_DISTANCE, away, np.nan)
    if known.ignored is not None:
        apart["ignored by some"] = np.where(known.ignored.all(axis=1), 1.0, np.nan)
    return over_tasks(apart)


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Shannon entropy as a share of its largest value, shape (patches,): 0 is sure, 1 knows nothing."""
    p = np.clip(probabilities, SMALL, 1.0)
    return -(p * np.log(p)).sum(axis=1) / np.log(p.shape[1])


def margin(probabilities: np.ndarray) -> np.ndarray:
    """How much likelier the likeliest grade is than the next, shape (patches,): 0 is torn between two."""
    likeliest = np.partition(probabilities, -2, axis=1)[:, -2:]
    return likeliest[:, 1] - likeliest[:, 0]


def distance(probabilities: np.ndarray, grade: np.ndarray) -> np.ndarray:
    """Expected distance between the model's grade and a reader's, as a share of the scale; NaN where not graded.

    Args:
        probabilities: shape (patches, grades).
        grade: what a reader gave, shape (patches,), -1 where unknown.
    """
    grades = np.arange(probabilities.shape[1])
    away = np.abs(grades[None, :] - grade[:, None])
    expected = (probabilities * away).sum(axis=1) / grades[-1]
    return np.where(grade == UNKNOWN, np.nan, expected)


def spread(grades: np.ndarray, highest: int) -> np.ndarray:
    """How far readers lie apart on a patch as a share of the scale; NaN with fewer than two grades.

    Args:
        grades: shape (patches, readers), -1 where a reader gave none.
        highest: the task's highest grade.
    """
    known = grades != UNKNOWN
    top = np.where(known, grades, -1).max(axis=1, initial=-1)
    low = np.where(known, grades, highest + 1).min(axis=1, initial=highest + 1)
    return np.where(known.sum(axis=1) >= 2, (top - low) / highest, np.nan)


def rarity(probabilities: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """How rare the patch's grade is expected to be, in nats, shape (patches,): sum of p · -log(share of the grade).

    Args:
        probabilities: shape (patches, grades).
        labels: how many labels each grade has so far; with fewer than `ENOUGH_LABELS` in all, the model's mean
            probabilities stand in for them.
    """
    counts = np.asarray(labels, dtype=float)
    if counts.sum() >= ENOUGH_LABELS:
        share = (counts + 1) / (counts.sum() + counts.size)
    else:
        share = np.clip(np.nanmean(probabilities, axis=0), 1e-3, 1.0)
    return probabilities @ -np.log(share)


def over_tasks(values: Mapping[str, np.ndarray]) -> np.ndarray:
    """The largest of one value per task, shape (patches,); NaN where all are.

    Raises:
        ValueError: there is no task.
    """
    table = np.stack(list(values.values()))
    known = ~np.isnan(table)
    largest = np.where(known, table, -np.inf).max(axis=0)
    return np.where(known.any(axis=0), largest, np.nan)
