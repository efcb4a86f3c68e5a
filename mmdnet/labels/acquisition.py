"""How much a label of a patch would tell: what ranked plans order patches by. Pure functions over arrays.

Probabilities are a model's, shape (patches, grades), rows summing to 1; NaN rows (not assessed) give NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmdnet.labels.grading import UNKNOWN

SMALL = 1e-12
ENOUGH_LABELS = 30  # from here on labels say how rare a grade is, before that the model's own shares


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Shannon entropy as a share of its largest value, shape (patches,): 0 is sure, 1 knows nothing."""
    p = np.clip(probabilities, SMALL, 1.0)
    return -(p * np.log(p)).sum(axis=1) / np.log(p.shape[1])


def narrowness(probabilities: np.ndarray) -> np.ndarray:
    """1 minus the margin between the two likeliest grades, shape (patches,): 1 is torn between two."""
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return 1.0 - (two[:, 1] - two[:, 0])


def distance(probabilities: np.ndarray, grade: np.ndarray) -> np.ndarray:
    """Expected distance between the model's grade and a reader's, as a share of the scale; NaN where not graded.

    Args:
        probabilities: shape (patches, grades).
        grade: what a reader gave, shape (patches,), -1 where unknown.
    """
    grades = np.arange(probabilities.shape[1])
    away = np.abs(grades[None, :] - grade[:, None])
    found = (probabilities * away).sum(axis=1) / grades[-1]
    return np.where(grade == UNKNOWN, np.nan, found)


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


def over_tasks(worth: Mapping[str, np.ndarray], how: str = "max") -> np.ndarray:
    """One worth per patch out of one per task, shape (patches,): the largest, or the mean; NaN where all are.

    Raises:
        ValueError: there is no task.
    """
    table = np.stack(list(worth.values()))
    known = ~np.isnan(table)
    if how == "mean":
        found = np.where(known, table, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    else:
        found = np.where(known, table, -np.inf).max(axis=0)
    return np.where(known.any(axis=0), found, np.nan)
