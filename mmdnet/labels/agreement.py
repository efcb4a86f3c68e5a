"""How far readers agree: Cohen's, Fleiss', Krippendorff's and Gwet's coefficients, with bootstrap intervals.

Tables hold one row per patch and one column per reader; -1 is "not graded". Every coefficient is a function of sums
over patches, so a bootstrap adds up sums that are there instead of counting a thousand tables anew: that is why they
are not a library's. Where one computes the same (scikit-learn, statsmodels, krippendorff, irrCAC) the tests hold ours
to it to 1e-9. A single kappa, without an interval, is scikit-learn's (`quadratic_kappa`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.grading import UNKNOWN

WEIGHTS = ("plain", "linear", "quadratic")
FEWEST = 2  # patches graded in common, below which no coefficient is given
FEWEST_CLUSTERS = 5  # patients or slides, below which patches are drawn instead
RESAMPLES = 1000

Sums = Callable[[np.ndarray, int], np.ndarray]
Value = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True, slots=True)
class Published:
    """Weighted kappa between human readers as published, by task. `unit`: what was graded, biopsy or bag.

    Figures of different units never share an axis without saying so.
    """

    name: str
    unit: str
    source: str
    kappa: Mapping[str, float]


KLEINER = Published(
    "Kleiner 2005",
    "biopsy",
    "Kleiner et al., Hepatology 2005: between readers, weighted kappa",
    {"steatosis": 0.79, "inflammation": 0.45, "ballooning": 0.56},
)
PUBLISHED: tuple[Published, ...] = (
    KLEINER,
    Published(
        "Davison 2020",
        "biopsy",
        "Davison et al., J Hepatol 2020: three readers, weighted kappa",
        {"steatosis": 0.61, "inflammation": 0.33, "ballooning": 0.52},
    ),
    Published(
        "Heinemann 2022",
        "biopsy",
        "Heinemann et al. 2022: model against pathologists, quadratic kappa",
        {"steatosis": 0.66, "inflammation": 0.24, "ballooning": 0.43},
    ),
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A coefficient with its bootstrap interval (95 %); None where it is not defined. `n` patches.

    Where every resample says the same there is no interval: "1.00 to 1.00" would be taken for certainty, and says only
    that the few cases at hand hold no exception.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A coefficient of agreement.

    Attributes:
        sums: of a table (patches, readers), one row of addends per patch, shape (patches, numbers).
        value: of added rows, shape (..., numbers), the coefficient, shape (...); NaN where it is not defined.
    """

    title: str
    sums: Sums
    value: Value


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


def confusion(table: np.ndarray, grades: int) -> np.ndarray:
    """Counts of grade pairs of two readers on patches both graded, shape (grades, grades), rows the first reader."""
    both = table[(table != UNKNOWN).all(axis=1)]
    return np.bincount(both[:, 0] * grades + both[:, 1], minlength=grades**2).reshape(grades, grades)


def quadratic_kappa(first: np.ndarray, second: np.ndarray, grades: int) -> float:
    """Cohen's kappa with quadratic weights over the whole scale (Cohen 1968), of grades -1 where unknown.

    NaN where it is not defined: nobody graded the same, or all grades are one and the same.
    """
    from sklearn.metrics import cohen_kappa_score

    known = (first != UNKNOWN) & (second != UNKNOWN)
    one_side, other_side = np.asarray(first)[known].astype(int), np.asarray(second)[known].astype(int)
    if np.unique([one_side, other_side]).size < 2:
        return float("nan")
    return float(cohen_kappa_score(one_side, other_side, labels=range(grades), weights="quadratic"))


def kappas_of_counts(counts: np.ndarray, kind: str = "quadratic") -> np.ndarray:
    """Cohen's kappa of many tables of counts at once, shape (..., grades, grades) to (...); NaN where not defined."""
    return _cohen(kind)(counts.reshape(*counts.shape[:-2], -1).astype(float), counts.shape[-1])


def _pairs(table: np.ndarray, grades: int) -> np.ndarray:
    """One cell of the confusion matrix per patch, shape (patches, grades²); nothing where one did not grade."""
    both = (table != UNKNOWN).all(axis=1)
    cell = np.where(both, table[:, 0] * grades + table[:, 1], 0)
    return np.eye(grades**2)[cell] * both[:, None]


def _counts(table: np.ndarray, grades: int) -> np.ndarray:
    """How many readers gave each grade, shape (patches, grades)."""
    return (table[:, :, None] == np.arange(grades)).sum(axis=1).astype(float)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole; NaN where whole is (as good as) nothing."""
    some = np.abs(whole) > 1e-12
    return np.where(some, part / np.where(some, whole, 1), np.nan)


def _cohen(kind: str) -> Value:
    r""":math:`(p_o - p_e) / (1 - p_e), p_o = \sum w_{ij} p_{ij}, p_e = \sum w_{ij} p_{i\cdot} p_{\cdot j}`."""

    def value(sums: np.ndarray, grades: int) -> np.ndarray:
        cells = sums.reshape(*sums.shape[:-1], grades, grades)
        total = cells.sum((-1, -2))
        share, weights = _ratio(cells, total[..., None, None]), weights_of(grades, kind)
        observed = (weights * share).sum((-1, -2))
        expected = np.einsum("ij,...i,...j->...", weights, share.sum(-1), share.sum(-2))
        return np.where(total >= FEWEST, _ratio(observed - expected, 1 - expected), np.nan)

    return value


def _fleiss_sums(table: np.ndarray, grades: int) -> np.ndarray:
    """Agreeing pairs as a share of all pairs, shares of grades, and 1: on patches that all readers graded."""
    counts, readers = _counts(table, grades), table.shape[1]
    whole = (table != UNKNOWN).all(axis=1, keepdims=True)
    agreed = (counts * (counts - 1)).sum(1, keepdims=True) / max(readers * (readers - 1), 1)
    return np.hstack([agreed, counts / readers, np.ones_like(agreed)]) * whole


def _fleiss(sums: np.ndarray, grades: int) -> np.ndarray:
    total = sums[..., -1]
    observed, share = _ratio(sums[..., 0], total), _ratio(sums[..., 1:-1], total[..., None])
    expected = (share**2).sum(-1)
    return np.where(total >= FEWEST, _ratio(observed - expected, 1 - expected), np.nan)


def _coincidences(table: np.ndarray, grades: int) -> np.ndarray:
    """Krippendorff's coincidence matrix of each patch that two or more graded, and 1, shape (patches, grades² + 1)."""
    counts = _counts(table, grades)
    given = counts.sum(1)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(grades)
    shared = (given >= 2)[:, None]
    cells = pairs.reshape(len(table), grades**2) / np.maximum(given - 1, 1)[:, None]
    return np.hstack([cells, np.ones((len(table), 1))]) * shared


def _alpha(ordinal: bool) -> Value:
    """1 - observed / expected disagreement (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, section D).

    The ordinal distance counts the values between two grades, half of those at either end.
    """

    def value(sums: np.ndarray, grades: int) -> np.ndarray:
        cells = sums[..., :-1].reshape(*sums.shape[:-1], grades, grades)
        given = cells.sum(-1)
        total = given.sum(-1)
        if ordinal:
            middle = np.cumsum(given, axis=-1) - given / 2
            distance = (middle[..., :, None] - middle[..., None, :]) ** 2
        else:
            distance = np.broadcast_to(1 - np.eye(grades), cells.shape)
        observed = (cells * distance).sum((-1, -2))
        expected = (given[..., :, None] * given[..., None, :] * distance).sum((-1, -2))
        alpha = 1 - _ratio(observed * (total - 1), expected)
        return np.where(sums[..., -1] >= FEWEST, alpha, np.nan)

    return value


def _gwet_sums(kind: str) -> Sums:
    """Weighted agreement where two or more graded, 1 there, shares of grades where anybody did, 1 there."""

    def sums(table: np.ndarray, grades: int) -> np.ndarray:
        counts = _counts(table, grades)
        given = counts.sum(1, keepdims=True)
        near = counts @ weights_of(grades, kind)
        agreed = (counts * (near - 1)).sum(1, keepdims=True) / np.maximum(given * (given - 1), 1)
        shared, any_ = given >= 2, given >= 1
        return np.hstack([agreed * shared, shared, counts / np.maximum(given, 1), any_])

    return sums


def _gwet(kind: str) -> Value:
    r"""Gwet 2008, 2014 (ch. 3): :math:`p_e = \frac{T_w}{q(q-1)} \sum_k \pi_k (1 - \pi_k)`, T_w all weights added.

    It stays near the raw agreement where one grade is rare, as kappa does not.
    """

    def value(sums: np.ndarray, grades: int) -> np.ndarray:
        observed = _ratio(sums[..., 0], sums[..., 1])
        share = _ratio(sums[..., 2:-1], sums[..., -1:])
        expected = weights_of(grades, kind).sum() / (grades * (grades - 1)) * (share * (1 - share)).sum(-1)
        return np.where(sums[..., 1] >= FEWEST, _ratio(observed - expected, 1 - expected), np.nan)

    return value


COEFFICIENTS: Mapping[str, Coefficient] = {
    "kappa_quadratic": Coefficient("Cohen's κ, quadratic", _pairs, _cohen("quadratic")),
    "kappa_linear": Coefficient("Cohen's κ, linear", _pairs, _cohen("linear")),
    "kappa_plain": Coefficient("Cohen's κ, plain", _pairs, _cohen("plain")),
    "fleiss": Coefficient("Fleiss' κ", _fleiss_sums, _fleiss),
    "alpha_ordinal": Coefficient("Krippendorff's α, ordinal", _coincidences, _alpha(True)),
    "alpha_nominal": Coefficient("Krippendorff's α, nominal", _coincidences, _alpha(False)),
    "ac1": Coefficient("Gwet's AC1, plain", _gwet_sums("plain"), _gwet("plain")),
    "ac2": Coefficient("Gwet's AC2, quadratic", _gwet_sums("quadratic"), _gwet("quadratic")),
}
OF_TWO = tuple(COEFFICIENTS)
OF_MANY = tuple(name for name in COEFFICIENTS if not name.startswith("kappa"))


def coefficient(name: str, table: np.ndarray, grades: int) -> float | None:
    """A coefficient of a table (patches, readers); None where it is not defined."""
    known = COEFFICIENTS[name]
    value = float(known.value(known.sums(np.asarray(table), grades).sum(axis=0), grades))
    return None if np.isnan(value) else value


def estimates(
    names: Sequence[str],
    table: np.ndarray,
    grades: int,
    clusters: np.ndarray,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Estimate]:
    """Coefficients of a table with their percentile intervals.

    Patches of one patient are alike, so clusters are drawn, not patches, where there are enough (see `drawn_by`). An
    interval is given where at least half of the draws have a value.

    Args:
        table: grades, -1 where not graded, shape (patches, readers).
        clusters: patient or slide of each patch, shape (patches,).
    """
    if not len(table):
        return dict.fromkeys(names, Estimate(None, None, None, 0))
    number = int(((table != UNKNOWN).sum(axis=1) >= 2).sum())
    patterns, pattern = _patterns(table, grades)  # a row's addends follow from what it says
    group = np.unique(clusters, return_inverse=True)[1].reshape(-1) if _enough(clusters) else pattern
    times = np.bincount(group).astype(float)
    held = np.bincount(group * len(patterns) + pattern, minlength=len(times) * len(patterns))
    held = held.reshape(len(times), len(patterns)).astype(float)
    if _enough(clusters):
        draws = _even_draws(len(times), seed, resamples)
    else:  # equal rows are one group: drawing patches is drawing groups by how many rows they hold
        draws = np.random.default_rng(seed).multinomial(len(table), times / len(table), size=resamples) / times
    drawn: dict[str, Estimate] = {}
    for name in names:
        known = COEFFICIENTS[name]
        added = held @ known.sums(patterns, grades)
        values = known.value(draws @ added, grades)
        drawn[name] = _estimate(
            float(known.value(added.sum(axis=0), grades)), values[~np.isnan(values)], resamples, number
        )
    return drawn


def draws_of_rows(clusters: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> np.ndarray:
    """How often each row is drawn in each resample, shape (resamples, rows), by the rule of `estimates`.

    Args:
        clusters: patient or slide of each row, shape (rows,): drawn whole where there are enough of them.
    """
    units = clusters if _enough(clusters) else np.arange(len(clusters))
    group = np.unique(units, return_inverse=True)[1]
    number = int(group.max(initial=-1)) + 1
    return _even_draws(number, seed, resamples)[:, group]


@lru_cache(maxsize=4)
def _even_draws(number: int, seed: int, resamples: int) -> np.ndarray:
    """How often each of `number` units is drawn in each resample, shape (resamples, number)."""
    draws = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=resamples).astype(float)
    draws.flags.writeable = False
    return draws


def number_drawn(clusters: np.ndarray) -> int:
    """How many units a resample draws: clusters where there are enough of them, else rows."""
    return len(np.unique(clusters)) if _enough(clusters) else len(clusters)


def estimate_of(value: float, drawn: np.ndarray, number: int) -> Estimate:
    """A value with the percentile interval of its resamples, shape (resamples,), NaN where one has none."""
    return _estimate(value, drawn[~np.isnan(drawn)], len(drawn), number)


def _patterns(table: np.ndarray, grades: int) -> tuple[np.ndarray, np.ndarray]:
    """The different rows of a table, and which of them each row is; column by column, faster than by whole rows."""
    pattern = np.zeros(len(table), np.int64)
    for column in table.T:
        _, first, pattern = np.unique(pattern * (grades + 1) + column - UNKNOWN, return_index=True, return_inverse=True)
    return table[first], pattern


def _enough(clusters: np.ndarray) -> bool:
    return len(np.unique(clusters)) >= FEWEST_CLUSTERS


def _estimate(value: float, drawn: np.ndarray, resamples: int, number: int) -> Estimate:
    if np.isnan(value):
        return Estimate(None, None, None, number)
    if 2 * len(drawn) < resamples:
        return Estimate(value, None, None, number)
    low, high = np.percentile(drawn, [2.5, 97.5])
    if np.isclose(np.ptp(drawn), 0, atol=1e-9):
        return Estimate(value, None, None, number)
    return Estimate(value, float(low), float(high), number)
