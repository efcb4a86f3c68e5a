"""How well grades agree with the truth."""

from collections.abc import Mapping

import numpy as np

from mmdnet.labels.agreement import quadratic_kappa
from mmdnet.labels.grading import UNKNOWN


def kappa_or_none(truth: np.ndarray, predicted: np.ndarray, classes: int) -> float | None:
    """Quadratic kappa of grades, -1 where unknown; None where nothing is known, or the truth holds one grade only."""
    if len(np.unique(truth[truth != UNKNOWN])) < 2:
        return None
    return quadratic_kappa(truth, predicted, classes)


def agreement(truth: np.ndarray, predicted: np.ndarray, tasks: Mapping[str, int]) -> dict[str, float | None]:
    """Per task quadratic kappa ("kappa_<task>"), share of exact hits ("accuracy_<task>") and how many were judged
    ("n_<task>"), and the mean kappa over the tasks that have one ("kappa_mean").

    Args:
        truth: (items, tasks), -1 where unknown.
        predicted: (items, tasks).
        tasks: number of grades by task, in the columns' order.
    """
    result: dict[str, float | None] = {}
    for t, (name, classes) in enumerate(tasks.items()):
        known = truth[:, t] >= 0
        result[f"kappa_{name}"] = kappa_or_none(truth[:, t], predicted[:, t], classes)
        hits = truth[known, t] == predicted[known, t]
        result[f"accuracy_{name}"] = float(hits.mean()) if known.any() else None
        result[f"n_{name}"] = float(known.sum())
    kappas = [k for name in tasks if (k := result[f"kappa_{name}"]) is not None]
    result["kappa_mean"] = float(np.mean(kappas)) if kappas else None
    return result
