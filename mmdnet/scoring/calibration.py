"""Fitting a rule's scales to slides that people graded, so that the model's grade means what theirs does."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.agreement import kappas_of_counts, quadratic_kappa
from mmdnet.labels.grading import TASKS, Task
from mmdnet.scoring.aggregate import Calibration, TaskCalibration, round_to_grade
from mmdnet.scoring.rules import COUNTED, DENSITY, PATCH_QUANTITY, Scale, counted_events
from mmdnet.scoring.summary import ScoreSummary

LEAST_SLIDES = 10  # fewer graded slides than this leave a task uncalibrated
FOLDS = 10
LEAST_PATCHES, LEAST_POSITIVE = 100, 5  # graded patches, and those that show the feature, for a threshold


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


def fit_calibration(
    scores: Sequence[ScoreSummary],
    truth: Sequence[Mapping[str, int | None]],
    patients: Sequence[str] | None = None,
    method: str = "isotonic",
    thresholds: Mapping[str, float] | None = None,
) -> Calibration:
    """Calibrate a model on slides whose grades are known.

    The slides must be ones the network was not trained on. Residuals come from folds by patient, so no slide's
    residual is taken on a scale it helped to fit.

    Args:
        scores: of the slides, all by one rule and bag size.
        truth: the slides' grades by task name, None where unknown.
        patients: whose slides they are; each slide is its own patient if not given.
        method: `isotonic` or `cuts`.
        thresholds: of `fit_thresholds`, where the slides were scored with them.

    Returns:
        What the model card's `calibration` holds. Tasks with too few slides, or all of one grade, are left out.

    Raises:
        LabError: no task could be calibrated, or the slides were scored in different ways.
    """
    if method not in METHODS:
        raise LabError(f"There is no calibration method called {method!r}; known are {', '.join(METHODS)}.")
    ways = {(score.rule, score.bag_size, score.model.weights_sha256) for score in scores}
    if len(ways) != 1:
        raise LabError("A calibration needs slides scored by one model, one rule and one bag size.")
    groups = np.asarray(patients if patients is not None else [str(k) for k in range(len(scores))])
    fits = {}
    for task in TASKS:
        known = [k for k, grades in enumerate(truth) if grades.get(task.name) is not None]
        known = [k for k in known if task.name in scores[k].tasks]
        grades = np.array([truth[k][task.name] for k in known], dtype=np.int64)
        if len(known) < LEAST_SLIDES or len(set(grades.tolist())) < 2 or len(set(groups[known])) < 2:
            continue
        quantity = np.array([scores[k].tasks[task.name].quantity for k in known], dtype=float)
        fits[task.name] = _fit_task(task, quantity, grades, groups[known], method)
    if not fits:
        raise LabError(
            f"Nothing was calibrated: each task needs at least {LEAST_SLIDES} graded slides of two patients or more, "
            "with more than one grade among them. Grade more slides and try again."
        )
    rule, bag_size, _ = next(iter(ways))
    return Calibration(rule=rule, bag_size=bag_size, thresholds=dict(thresholds or {}), tasks=fits)


def fit_thresholds(probabilities: Mapping[str, np.ndarray], grades: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Thresholds at which a count of events comes out as readers counted them; they need no graded slide.

    A network that was shown grades in equal shares holds far too many patches for positive. Where the threshold is
    set mends that, as long as the patches are of patients it was not trained on and were not picked for what they show.

    Args:
        probabilities: the network's, by task, shape (patches, grades).
        grades: readers' grades of the same patches by task, shape (patches,), -1 where unknown.

    Returns:
        Thresholds (0-1) by task, for a `Calibration`; a task with fewer than 100 graded patches, or 5 that show
        it, has none.
    """
    thresholds = {}
    for name in COUNTED:
        known = grades[name] >= 0 if name in grades and name in probabilities else np.zeros(0, dtype=bool)
        if known.sum() < LEAST_PATCHES or (grades[name][known] > 0).sum() < LEAST_POSITIVE:
            continue
        given = probabilities[name][known].astype(float)
        wanted = float(np.asarray(PATCH_QUANTITY[name])[grades[name][known]].sum())
        order = np.argsort(-(1.0 - given[:, 0]), kind="stable")
        counted = np.cumsum(counted_events(name, given[order], threshold=-1.0))
        last = int(np.argmin(np.abs(counted - wanted)))
        present = 1.0 - given[order, 0]
        below = present[last + 1] if last + 1 < len(present) else 0.0
        thresholds[name] = round(float((present[last] + below) / 2), 6)
    return thresholds


def thresholds_only(thresholds: Mapping[str, float]) -> Calibration:
    """A calibration that has fitted thresholds and no graded slides."""
    return Calibration(rule=DENSITY.name, thresholds=dict(thresholds))


def _fit_task(task: Task, quantity: np.ndarray, truth: np.ndarray, groups: np.ndarray, method: str) -> TaskCalibration:
    """One task's fit with its residuals across folds by patient."""
    grades = task.highest + 1
    fit = METHODS[method]
    names = np.unique(groups)
    fold_of = {name: k % FOLDS for k, name in enumerate(names)}
    fold = np.array([fold_of[name] for name in groups])
    held_out = np.empty(len(truth))
    for k in np.unique(fold):
        out = fold == k
        held_out[out] = fit(quantity[~out], truth[~out], grades)(quantity[out])
    scale = fit(quantity, truth, grades)
    kappa = quadratic_kappa(truth, round_to_grade(held_out, task.highest), grades)
    return TaskCalibration(
        method=method,
        quantity=scale.quantity,
        score=scale.score,
        residuals=tuple(round(float(r), 4) for r in np.sort(truth - held_out)),
        slides=len(truth),
        slides_by_grade=tuple(np.bincount(truth, minlength=grades).tolist()),
        kappa_across_folds=None if np.isnan(kappa) else round(kappa, 4),
    )
