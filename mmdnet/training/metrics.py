"""How well grades agree with the truth."""

from collections.abc import Mapping

import numpy as np


def quadratic_kappa(truth: np.ndarray, predicted: np.ndarray, classes: int) -> float | None:
    r"""Cohen's kappa with quadratic weights over the whole scale (Cohen 1968).

    .. math:: \kappa = 1 - \frac{\sum_{ij} (i-j)^2 O_{ij}}{\sum_{ij} (i-j)^2 E_{ij}}

    Args:
        truth: grades, -1 where unknown; those items are left out.
        predicted: grades of the same items.
        classes: length of the scale.

    Returns:
        At most 1; None where it is not defined: nothing to compare, or the truth holds one grade only.
    """
    known = truth >= 0
    truth, predicted = truth[known].astype(int), predicted[known].astype(int)
    if len(np.unique(truth)) < 2:
        return None
    observed = np.zeros((classes, classes))
    np.add.at(observed, (truth, predicted), 1)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / len(truth)
    steps = np.subtract.outer(np.arange(classes), np.arange(classes)) ** 2
    return float(1 - (steps * observed).sum() / (steps * expected).sum())


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
        result[f"kappa_{name}"] = quadratic_kappa(truth[:, t], predicted[:, t], classes)
        hits = truth[known, t] == predicted[known, t]
        result[f"accuracy_{name}"] = float(hits.mean()) if known.any() else None
        result[f"n_{name}"] = float(known.sum())
    kappas = [k for name in tasks if (k := result[f"kappa_{name}"]) is not None]
    result["kappa_mean"] = float(np.mean(kappas)) if kappas else None
    return result
