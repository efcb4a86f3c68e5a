"""Measures of one ordinal scale: predicted grades against true ones, intervals by drawing patients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmdnet.evaluation.result import GradeMeasures, IntervalMeasures, OrdinalMeasures, PartMeasures, ReliabilityBin
from mmdnet.labels.agreement import (
    RESAMPLES,
    Estimate,
    draws_of_rows,
    estimate_of,
    estimates,
    number_drawn,
    quadratic_kappa,
)

BINS = 10
KAPPAS = ("kappa_plain", "kappa_linear", "kappa_quadratic")


def ordinal_measures(
    truth: np.ndarray, said: np.ndarray, scores: np.ndarray, highest: int, patients: Sequence[str], auroc_from: int = 1,
    seed: int = 0, resamples: int = RESAMPLES,
) -> OrdinalMeasures:  # fmt: skip
    """All that truth and prediction alone say.

    Args:
        truth, said: grades 0 to `highest`, shape (slides,), at least one slide.
        scores: continuous, higher for worse, shape (slides,).
        patients: of each slide; a resample draws patients (slides, where there are fewer than five).
        auroc_from: grade from which a slide counts as positive.
    """
    from sklearn.metrics import confusion_matrix

    clusters = _clusters(patients)
    draws, units = draws_of_patients(patients, seed, resamples), number_drawn(clusters)
    kappas = estimates(KAPPAS, np.c_[truth, said], highest + 1, clusters, seed, resamples)
    if len(np.unique(truth)) < 2:
        kappas = dict.fromkeys(KAPPAS, Estimate(None, None, None, len(truth)))
    table = confusion_matrix(truth, said, labels=range(highest + 1))
    by_grade = _by_grade(truth, said, highest)
    apart = np.abs(said - truth)
    return OrdinalMeasures(
        slides=len(truth),
        patients=len(set(patients)),
        accuracy=share_estimate(apart == 0, draws, units),
        within_one=share_estimate(apart <= 1, draws, units),
        mae=mean_estimate(apart, draws),
        bias=mean_estimate(said - truth, draws),
        **kappas,  # type: ignore[arg-type]
        **averages(truth, said, highest, draws),  # type: ignore[arg-type]
        spearman=_spearman(truth, scores),
        auroc=auroc_estimate(truth >= auroc_from, scores, draws),
        auroc_from=auroc_from,
        by_grade=by_grade,
        confusion=tuple(tuple(map(int, row)) for row in table),
    )


def part_measures(truth: np.ndarray, said: np.ndarray, highest: int, covered: np.ndarray | None) -> PartMeasures:
    """The few measures that a part of the slides is judged by, without intervals."""
    kappa = quadratic_kappa(truth, said, highest + 1)
    apart = np.abs(said - truth)
    return PartMeasures(
        slides=len(truth),
        accuracy=float((apart == 0).mean()),
        mae=float(apart.mean()),
        bias=float((said - truth).mean()),
        kappa_quadratic=None if np.isnan(kappa) or len(np.unique(truth)) < 2 else kappa,
        coverage=float(covered.mean()) if covered is not None and len(covered) else None,
    )


def interval_measures(
    truth: np.ndarray, low: np.ndarray, high: np.ndarray, patients: Sequence[str], seed: int = 0,
    resamples: int = RESAMPLES,
) -> IntervalMeasures:  # fmt: skip
    """Share of truths within their intervals, ends included, and the intervals' mean width; all shape (slides,)."""
    draws = draws_of_patients(patients, seed, resamples)
    covered = share_estimate((low <= truth) & (truth <= high), draws, number_drawn(_clusters(patients)))
    return IntervalMeasures(slides=len(truth), coverage=covered, width=float((high - low).mean()))


def draws_of_patients(patients: Sequence[str], seed: int = 0, resamples: int = RESAMPLES) -> np.ndarray:
    """How often each slide is drawn where its patient is, shape (resamples, slides); see `draws_of_rows`."""
    return draws_of_rows(_clusters(patients), seed, resamples)


def _clusters(patients: Sequence[str]) -> np.ndarray:
    return np.unique(np.asarray(patients), return_inverse=True)[1]


def mean_estimate(values: np.ndarray, draws: np.ndarray) -> Estimate:
    """The mean over slides with its interval; `draws` (resamples, slides) says how often each is drawn."""
    numbers = np.asarray(values, float)
    return estimate_of(float(numbers.mean()), draws @ numbers / draws.sum(axis=1), len(numbers))


def share_estimate(yes: np.ndarray, draws: np.ndarray, units: int) -> Estimate:
    """A share of slides with its interval; where all or none are, the exact one (Clopper and Pearson 1934).

    Args:
        yes: shape (slides,), bool.
        draws: how often each slide is drawn, shape (resamples, slides).
        units: patients (or slides) that were drawn: the independent cases.
    """
    from scipy.stats import binomtest

    estimate = mean_estimate(yes, draws)
    if not len(yes) or yes.any() != yes.all():
        return estimate
    exact = binomtest(units if yes.all() else 0, units).proportion_ci(method="exact")
    return Estimate(estimate.value, float(exact.low), float(exact.high), estimate.n)


def auroc_estimate(positive: np.ndarray, scores: np.ndarray, draws: np.ndarray) -> Estimate:
    """Area under the ROC curve, the chance that a positive slide scores above a negative one; ties count half.

    The point is scikit-learn's; the draws weigh the same pairs by how often both slides are drawn.
    """
    from sklearn.metrics import roc_auc_score

    if len(np.unique(positive)) < 2:
        return Estimate(None, None, None, len(positive))
    above = scores[positive][:, None] - scores[~positive][None]
    wins = (above > 0) + 0.5 * (above == 0)
    one_side, other_side = draws[:, positive], draws[:, ~positive]
    pairs = one_side.sum(axis=1) * other_side.sum(axis=1)
    won = ((one_side @ wins) * other_side).sum(axis=1)
    drawn = np.divide(won, pairs, out=np.full(len(draws), np.nan), where=pairs > 0)
    return estimate_of(float(roc_auc_score(positive, scores)), drawn, len(positive))


def reliability(
    right: np.ndarray, probability: np.ndarray, draws: np.ndarray, bins: int = BINS
) -> tuple[tuple[ReliabilityBin, ...], Estimate | None]:
    """The calibration curve of the favoured grade and the expected calibration error (Guo 2017), bins of equal width.

    Args:
        right: whether the favoured grade was the true one, shape (slides,), at least one slide.
        probability: that it was given, 0-1, shape (slides,).
        draws: how often each slide is drawn, shape (resamples, slides).
    """
    from sklearn.calibration import calibration_curve

    edges = np.linspace(0, 1, bins + 1)
    share, mean = calibration_curve(right, probability, n_bins=bins)
    held = np.clip(np.searchsorted(edges[1:-1], probability), 0, bins - 1)
    counts = np.bincount(held, minlength=bins)
    curve = tuple(
        ReliabilityBin(
            low=float(edges[k]), high=float(edges[k + 1]), slides=int(counts[k]), probability=float(p), right=float(r)
        )
        for k, r, p in zip(np.flatnonzero(counts), share, mean, strict=True)
    )
    error = sum(part.slides * abs(part.right - part.probability) for part in curve) / len(right)
    gaps = np.where(held[:, None] == np.arange(bins), (right - probability)[:, None], 0.0)  # (slides, bins)
    drawn = np.abs(draws @ gaps).sum(axis=1) / draws.sum(axis=1)
    return curve, estimate_of(float(error), drawn, len(right))


def averages(truth: np.ndarray, said: np.ndarray, highest: int, draws: np.ndarray) -> dict[str, Estimate]:
    """Macro and weighted means of precision, recall and F1 by one definition (`definitions`), each with its interval.

    The point is scikit-learn's; a resample is the same slides, each counted as often as it is drawn.

    Args:
        truth, said: grades, shape (slides,).
        draws: how often each slide is drawn, shape (resamples, slides).
    """
    from sklearn.metrics import precision_recall_fscore_support

    grades = sorted(set(truth.tolist()) | set(said.tolist()))
    drawn = _averages_drawn(truth, said, np.array(grades), draws)
    estimated: dict[str, Estimate] = {}
    for average in ("macro", "weighted"):
        means = precision_recall_fscore_support(truth, said, labels=grades, average=average, zero_division=0.0)
        for name, mean in zip(("precision", "recall", "f1"), means, strict=False):
            key = f"{name}_{average}"
            estimated[key] = estimate_of(float(mean), drawn[key], len(truth))
    return estimated


def _averages_drawn(
    truth: np.ndarray, said: np.ndarray, grades: np.ndarray, draws: np.ndarray
) -> dict[str, np.ndarray]:
    """The means of `averages` in each resample, shape (resamples,): over the grades that occur in it."""
    is_true, is_said = truth[:, None] == grades, said[:, None] == grades  # (slides, grades)
    hit, support, given = draws @ (is_true & is_said), draws @ is_true, draws @ is_said  # (resamples, grades)
    counts = {"precision": (hit, given), "recall": (hit, support), "f1": (2 * hit, support + given)}
    occurs = (support + given) > 0
    drawn: dict[str, np.ndarray] = {}
    for name, (above, below) in counts.items():
        share = np.divide(above, below, out=np.zeros_like(below), where=below > 0)
        drawn[f"{name}_macro"] = (share * occurs).sum(axis=1) / occurs.sum(axis=1)
        drawn[f"{name}_weighted"] = (share * support).sum(axis=1) / support.sum(axis=1)
    return drawn


def _by_grade(truth: np.ndarray, said: np.ndarray, highest: int) -> tuple[GradeMeasures, ...]:
    """Precision, recall and F1 of each grade of the scale."""
    from sklearn.metrics import precision_recall_fscore_support

    labels = range(highest + 1)
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, said, labels=labels, average=None, zero_division=np.nan
    )
    return tuple(
        GradeMeasures(
            grade=g, precision=_known(precision[g]), recall=_known(recall[g]), f1=_known(f1[g]), slides=int(support[g])
        )
        for g in labels
    )


def _spearman(truth: np.ndarray, scores: np.ndarray) -> float | None:
    from scipy.stats import spearmanr

    if len(np.unique(truth)) < 2 or len(np.unique(scores)) < 2:
        return None
    return float(spearmanr(truth, scores).statistic)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
