"""Measures of one ordinal scale: predicted grades against true ones, intervals by drawing patients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmdnet.evaluation.result import GradeMeasures, IntervalMeasures, OrdinalMeasures, PartMeasures, ReliabilityBin
from mmdnet.labels.agreement import RESAMPLES, Estimate, draws_of_rows, estimate_of, estimates, quadratic_kappa

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

    clusters = np.unique(np.asarray(patients), return_inverse=True)[1]
    draws = draws_of_rows(clusters, seed, resamples)
    kappas = estimates(KAPPAS, np.c_[truth, said], highest + 1, clusters, seed, resamples)
    if len(np.unique(truth)) < 2:
        kappas = dict.fromkeys(KAPPAS, Estimate(None, None, None, len(truth)))
    table = confusion_matrix(truth, said, labels=range(highest + 1))
    by_grade, averages = _precision_recall(truth, said, highest)
    apart = np.abs(said - truth)
    return OrdinalMeasures(
        slides=len(truth),
        patients=len(set(patients)),
        accuracy=mean_estimate(apart == 0, draws),
        within_one=mean_estimate(apart <= 1, draws),
        mae=mean_estimate(apart, draws),
        bias=mean_estimate(said - truth, draws),
        **kappas,  # type: ignore[arg-type]
        **averages,  # type: ignore[arg-type]
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
    clusters = np.unique(np.asarray(patients), return_inverse=True)[1]
    covered = mean_estimate((low <= truth) & (truth <= high), draws_of_rows(clusters, seed, resamples))
    return IntervalMeasures(slides=len(truth), coverage=covered, width=float((high - low).mean()))


def mean_estimate(values: np.ndarray, draws: np.ndarray) -> Estimate:
    """The mean over slides with its interval; `draws` (resamples, slides) says how often each is drawn."""
    numbers = np.asarray(values, float)
    return estimate_of(float(numbers.mean()), draws @ numbers / draws.sum(axis=1), len(numbers))


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
    right: np.ndarray, probability: np.ndarray, bins: int = BINS
) -> tuple[tuple[ReliabilityBin, ...], float | None]:
    """The calibration curve of the favoured grade and the expected calibration error (Guo 2017), bins of equal width.

    Args:
        right: whether the favoured grade was the true one, shape (slides,).
        probability: that it was given, 0-1, shape (slides,).
    """
    from sklearn.calibration import calibration_curve

    if not len(right):
        return (), None
    edges = np.linspace(0, 1, bins + 1)
    share, mean = calibration_curve(right, probability, n_bins=bins)
    counts = np.bincount(np.clip(np.searchsorted(edges[1:-1], probability), 0, bins - 1), minlength=bins)
    curve = tuple(
        ReliabilityBin(
            low=float(edges[k]), high=float(edges[k + 1]), slides=int(counts[k]), probability=float(p), right=float(r)
        )
        for k, r, p in zip(np.flatnonzero(counts), share, mean, strict=True)
    )
    error = sum(part.slides * abs(part.right - part.probability) for part in curve) / len(right)
    return curve, float(error)


def _precision_recall(
    truth: np.ndarray, said: np.ndarray, highest: int
) -> tuple[tuple[GradeMeasures, ...], dict[str, float]]:
    """Precision, recall and F1 of each grade, and their macro and weighted means by one definition."""
    from sklearn.metrics import precision_recall_fscore_support

    def of(labels: Sequence[int], average: str | None, nothing: float) -> Sequence[np.ndarray]:
        return precision_recall_fscore_support(truth, said, labels=labels, average=average, zero_division=nothing)

    precision, recall, f1, support = of(range(highest + 1), None, np.nan)
    by_grade = tuple(
        GradeMeasures(
            grade=g, precision=_known(precision[g]), recall=_known(recall[g]), f1=_known(f1[g]), slides=int(support[g])
        )
        for g in range(highest + 1)
    )
    occurring = sorted(set(truth.tolist()) | set(said.tolist()))
    averages: dict[str, float] = {}
    for average in ("macro", "weighted"):
        means = of(occurring, average, 0.0)
        averages |= {
            f"{name}_{average}": float(mean) for name, mean in zip(("precision", "recall", "f1"), means, strict=False)
        }
    return by_grade, averages


def _spearman(truth: np.ndarray, scores: np.ndarray) -> float | None:
    from scipy.stats import spearmanr

    if len(np.unique(truth)) < 2 or len(np.unique(scores)) < 2:
        return None
    return float(spearmanr(truth, scores).statistic)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
