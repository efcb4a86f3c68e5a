"""How far readers agree: Cohen's, Fleiss', Krippendorff's and Gwet's coefficients, with bootstrap intervals.

Tables hold one row per patch and one column per reader; -1 is "not graded". Where a kept library computes a coefficient
(scikit-learn, statsmodels, krippendorff) the tests hold ours to it to 1e-9; ours exist because a bootstrap needs them a
thousand times over. Gwet's AC is ours alone (its package does not install beside ours) and tested on published cases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.grading import UNKNOWN

WEIGHTS = ("plain", "linear", "quadratic")
FEWEST = 2  # patches both have graded, below which no coefficient is given
RESAMPLES = 1000

# Weighted kappa between human readers, for reference lines. Whole-biopsy figures and those of bags of patches never
# share an axis: `unit` says which they are.
PUBLISHED: tuple[tuple[str, str, dict[str, float]], ...] = (
    ("Kleiner 2005, between readers", "biopsy", {"steatosis": 0.79, "inflammation": 0.45, "ballooning": 0.56}),
    ("Davison 2020, three readers", "biopsy", {"steatosis": 0.61, "inflammation": 0.33, "ballooning": 0.52}),
    ("Heinemann 2022, quadratic", "biopsy", {"steatosis": 0.66, "inflammation": 0.24, "ballooning": 0.43}),
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A coefficient with its bootstrap interval (95 %); all None where it is not defined. `n` patches."""

    value: float | None
    low: float | None
    high: float | None
    n: int


def weights_of(grades: int, kind: str) -> np.ndarray:
    """Agreement weights, shape (grades, grades): 1 on the diagonal, falling with distance.

    Raises:
        LabError: there is no such weighting.
    """
    if kind not in WEIGHTS:
        raise LabError(f"There is no weighting called {kind}. Known are {', '.join(WEIGHTS)}.")
    if kind == "plain":
        return np.eye(grades)
    apart = np.abs(np.subtract.outer(np.arange(grades), np.arange(grades))) / max(grades - 1, 1)
    return 1 - (apart if kind == "linear" else apart**2)


def confusion(first: np.ndarray, second: np.ndarray, grades: int) -> np.ndarray:
    """Counts of grade pairs on patches both graded, shape (grades, grades), rows the first reader."""
    both = (first != UNKNOWN) & (second != UNKNOWN)
    return np.bincount(first[both] * grades + second[both], minlength=grades**2).reshape(grades, grades)


def cohen(counts: np.ndarray, kind: str = "quadratic") -> float | None:
    r"""Cohen's (weighted) kappa of a confusion matrix.

    .. math:: \kappa = (p_o - p_e) / (1 - p_e), p_o = \sum w_{ij} p_{ij}, p_e = \sum w_{ij} p_{i\cdot} p_{\cdot j}

    None where it is not defined: fewer than two patches, or both readers gave one and the same grade throughout.
    """
    total = counts.sum()
    if total < FEWEST:
        return None
    share, weights = counts / total, weights_of(len(counts), kind)
    expected = float((weights * np.outer(share.sum(1), share.sum(0))).sum())
    return None if np.isclose(expected, 1) else (float((weights * share).sum()) - expected) / (1 - expected)


def gwet(counts: np.ndarray, kind: str = "quadratic") -> float | None:
    r"""Gwet's AC1 (plain) or AC2 (weighted) of a confusion matrix (Gwet 2008; 2014, ch. 3).

    .. math:: p_e = \frac{T_w}{q(q-1)} \sum_k \pi_k (1 - \pi_k), \pi_k = (p_{k\cdot} + p_{\cdot k}) / 2

    with :math:`T_w` the sum of all weights. It stays near the raw agreement where one grade is rare, as kappa does not.
    """
    total, grades = counts.sum(), len(counts)
    if total < FEWEST:
        return None
    share, weights = counts / total, weights_of(grades, kind)
    prevalence = (share.sum(1) + share.sum(0)) / 2
    expected = float(weights.sum() / (grades * (grades - 1)) * (prevalence * (1 - prevalence)).sum())
    return (float((weights * share).sum()) - expected) / (1 - expected)


def fleiss(table: np.ndarray, grades: int) -> float | None:
    """Fleiss' kappa over the patches that all readers graded; table of shape (patches, readers)."""
    whole = table[(table != UNKNOWN).all(axis=1)]
    if len(whole) < FEWEST or whole.shape[1] < 2:
        return None
    counts = np.stack([(whole == grade).sum(axis=1) for grade in range(grades)], axis=1)
    readers = whole.shape[1]
    observed = ((counts**2).sum(axis=1) - readers) / (readers * (readers - 1))
    expected = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    return None if np.isclose(expected, 1) else (float(observed.mean()) - expected) / (1 - expected)


def alpha(table: np.ndarray, grades: int) -> float | None:
    """Krippendorff's alpha for ordinal grades; patches with gaps count as far as they go."""
    import krippendorff

    graded = table[(table != UNKNOWN).sum(axis=1) >= 2]
    if len(graded) < FEWEST or len(np.unique(graded[graded != UNKNOWN])) < 2:
        return None
    data = np.where(graded == UNKNOWN, np.nan, graded).T
    domain = list(range(grades))
    return float(krippendorff.alpha(reliability_data=data, level_of_measurement="ordinal", value_domain=domain))


def bootstrap(
    measure: Callable[[np.ndarray], float | None],
    table: np.ndarray,
    slides: np.ndarray,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """A coefficient of a table with its percentile interval.

    Patches of one slide are alike, so slides are drawn, not patches, where there are five or more; with fewer, patches.

    Args:
        measure: the coefficient of a table of shape (patches, readers).
        table: grades, -1 where not graded.
        slides: slide of each patch, shape (patches,).
    """
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(slides == slide) for slide in np.unique(slides)]
    if len(groups) < 5:
        groups = [np.array([row]) for row in range(len(table))]
    drawn = []
    for _ in range(resamples if len(table) >= FEWEST else 0):
        rows = np.concatenate([groups[n] for n in rng.integers(0, len(groups), len(groups))])
        value = measure(table[rows])
        if value is not None:
            drawn.append(value)
    value = measure(table)
    if value is None or not drawn:
        return Estimate(None, None, None, len(table))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(value, float(low), float(high), len(table))
