"""What acquisition functions are made of: how much a label of a patch would tell of one task. Pure functions.

Probabilities are a model's, shape (patches, grades), rows summing to 1; NaN rows (not assessed) give NaN. The functions
themselves stand beside the plans that go by them (`mmdnet.labels.plans`) and take all that is known (`Evidence`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmdnet.labels.grading import UNKNOWN

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
