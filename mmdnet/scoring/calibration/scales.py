"""From a slide's quantities to a score, fitted to grades: rising curves, cuts, ridge regression; and their reach."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.agreement import kappas_of_counts
from mmdnet.labels.grading import Task
from mmdnet.scoring.rules import Scale

ALPHAS = tuple(np.logspace(-1, 3, 17).tolist())  # strengths of the ridge that are tried
LEAST_OF_A_GRADE = 2  # slides with a grade, for it to count as seen


def fit_isotonic(quantity: np.ndarray, truth: np.ndarray, grades: int) -> Scale:
    """The rising curve nearest to the grades in least squares."""
    from sklearn.isotonic import IsotonicRegression

    fit = IsotonicRegression(y_min=0.0, y_max=grades - 1.0, out_of_bounds="clip").fit(quantity, truth)
    return Scale(tuple(map(float, fit.X_thresholds_)), tuple(map(float, fit.y_thresholds_)))


def fit_cuts(quantity: np.ndarray, truth: np.ndarray, grades: int) -> Scale:
    """Cuts between the grades that make the weighted kappa highest, one cut moved at a time."""
    values = np.unique(quantity)
    middles = (values[1:] + values[:-1]) / 2
    if len(middles) == 0:
        raise LabError("All graded slides have the same measured quantity, so there is nothing to calibrate on.")
    cuts = np.quantile(middles, np.linspace(0, 1, grades + 1)[1:-1])
    for _ in range(4):
        for k in range(len(cuts)):
            trials = [np.sort(np.r_[np.delete(cuts, k), middle]) for middle in middles]
            cells = np.stack([truth * grades + np.digitize(quantity, trial) for trial in trials])
            counts = (cells[:, :, None] == np.arange(grades**2)).sum(axis=1).reshape(-1, grades, grades)
            kappas = kappas_of_counts(counts)
            cuts = trials[int(np.nanargmax(kappas))] if not np.isnan(kappas).all() else cuts
    apart = cuts + np.arange(len(cuts)) * 1e-9  # equal cuts skip a grade; straight lines need rising points
    low, high = min(0.0, float(apart[0]) - 1e-9), max(float(values[-1]), float(apart[-1]) + 1e-9)
    halves = tuple(0.5 + k for k in range(len(cuts)))
    return Scale((low, *map(float, apart), high), (0.0, *halves, grades - 1.0))


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, int], Scale]] = {"isotonic": fit_isotonic, "cuts": fit_cuts}


@dataclass(frozen=True)
class Weights:
    """Weights of a slide's quantities, by name, and what is added to their sum."""

    coefficients: dict[str, float]
    intercept: float


def fit_ridge(names: Sequence[str], quantities: np.ndarray, truth: np.ndarray) -> Weights:
    """Ridge regression of the grades on standardised quantities, its strength by leaving one slide out.

    Args:
        names: of the quantities.
        quantities: shape (slides, names).
        truth: grades, shape (slides,).
    """
    from sklearn.linear_model import RidgeCV

    middle, deviation = quantities.mean(axis=0), quantities.std(axis=0)
    varies = deviation > 1e-9
    if not varies.any():
        return Weights({}, float(truth.mean()))
    standard = (quantities[:, varies] - middle[varies]) / deviation[varies]
    fit = RidgeCV(alphas=ALPHAS).fit(standard, truth)
    weights = fit.coef_ / deviation[varies]
    kept = [name for name, keep in zip(names, varies, strict=True) if keep]
    coefficients = {name: float(weight) for name, weight in zip(kept, weights, strict=True)}
    return Weights(coefficients, float(fit.intercept_ - middle[varies] @ weights))


def beyond_reach(fitted: Scale, own: Scale, highest_seen: float) -> Scale:
    """The fitted scale, and above the largest graded quantity the rule's own where that is higher.

    An isotonic curve ends at the highest grade it was shown; a slide with more than any graded one is not held down.
    """
    top = fitted.score[-1]
    more = [(q, s) for q, s in zip(own.quantity, own.score, strict=True) if q > highest_seen and s > top]
    if not more:
        return fitted
    quantity, score = fitted.quantity, fitted.score
    if quantity[-1] < highest_seen:
        quantity, score = (*quantity, highest_seen), (*score, top)
    return Scale((*quantity, *(q for q, _ in more)), (*score, *(s for _, s in more)))


def reach_of(task: Task, truth: np.ndarray) -> tuple[bool, str]:
    """Whether the grades of these slides can carry a scale, and what they leave open, in a sentence.

    A grade between two others that no slide has leaves a gap which a curve would fill by guessing: no scale. Grades
    missing at an end leave that end to the rule's own scale, and this is said.
    """
    by_grade = np.bincount(truth, minlength=task.highest + 1)
    seen = np.flatnonzero(by_grade >= LEAST_OF_A_GRADE)
    title = task.title
    if len(seen) < 2:
        return (
            False,
            f"{title}: the graded slides are all alike (or one of a grade), so there is nothing to calibrate on.",
        )
    missing = [k for k in range(seen[0], seen[-1] + 1) if k not in seen]
    if missing:
        listed = " and ".join(map(str, missing))
        return False, (
            f"{title}: fewer than {LEAST_OF_A_GRADE} graded slides have grade {listed}, between others that are there; "
            "a scale would guess where it lies, so this feature is not calibrated."
        )
    if seen[0] > 0 or seen[-1] < task.highest:
        return True, (
            f"{title}: the graded slides reach from grade {seen[0]} to {seen[-1]} only; beyond that the calibration "
            "says nothing."
        )
    return True, ""
