"""Fitting a rule's scale to slides that people graded, so that the model's grade means what theirs does."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.agreement import kappas_of_counts, quadratic_kappa
from mmdnet.labels.grading import TASKS, Task
from mmdnet.scoring.aggregate import COUNTED, PATCH_WORTH, Scale, counted_events, round_to_grade

CALIBRATION_VERSION = 1
LEAST_SLIDES = 10  # fewer graded slides than this leave a task uncalibrated
FOLDS = 10
LEAST_PATCHES, LEAST_POSITIVE = 100, 5  # graded patches, and those that show the feature, for a line


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
    scores: Sequence[Mapping[str, Any]],
    truth: Sequence[Mapping[str, int | None]],
    patients: Sequence[str] | None = None,
    method: str = "isotonic",
    lines: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Calibrate a model on slides whose grades are known.

    The slides must be ones the network was not trained on. Residuals come from folds by patient, so no slide's
    residual is taken on a scale it helped to fit.

    Args:
        scores: summaries of the scored slides (`SlideScore.summary()`), all by one rule and bag size.
        truth: the slides' grades by task name, None where unknown.
        patients: whose slides they are; each slide is its own patient if not given.
        method: `isotonic` or `cuts`.
        lines: of `fit_lines`, where the slides were scored with them.

    Returns:
        JSON for the model card's `calibration`: rule, bag size, lines, and per task the scale, residuals, slides, and
        the weighted kappa across folds. Tasks with too few slides, or all of one grade, are left out.

    Raises:
        LabError: no task could be calibrated, or the slides were scored in different ways.
    """
    if method not in METHODS:
        raise LabError(f"There is no calibration method called {method!r}; known are {', '.join(METHODS)}.")
    ways = {(score["rule"], score["bag_size"], score["model"]["weights_sha256"]) for score in scores}
    if len(ways) != 1:
        raise LabError("A calibration needs slides scored by one model, one rule and one bag size.")
    groups = np.asarray(patients if patients is not None else [str(k) for k in range(len(scores))])
    fits = {}
    for task in TASKS:
        known = [k for k, grades in enumerate(truth) if grades.get(task.name) is not None]
        known = [k for k in known if task.name in scores[k]["tasks"]]
        grades = np.array([truth[k][task.name] for k in known], dtype=np.int64)
        if len(known) < LEAST_SLIDES or len(set(grades.tolist())) < 2 or len(set(groups[known])) < 2:
            continue
        quantity = np.array([scores[k]["tasks"][task.name]["quantity"] for k in known], dtype=float)
        fits[task.name] = _fit_task(task, quantity, grades, groups[known], method)
    if not fits:
        raise LabError(
            f"Nothing was calibrated: each task needs at least {LEAST_SLIDES} graded slides of two patients or more, "
            "with more than one grade among them. Grade more slides and try again."
        )
    rule, bag_size, _ = next(iter(ways))
    return {
        "version": CALIBRATION_VERSION,
        "rule": rule,
        "bag_size": bag_size,
        "lines": dict(lines or {}),
        "tasks": fits,
    }


def fit_lines(probabilities: Mapping[str, np.ndarray], grades: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Lines at which a count of events comes out as readers counted them; they need no graded slide.

    A network that was shown grades in equal shares holds far too many patches for positive. Where the line is drawn
    mends that, as long as the patches are of patients it was not trained on and were not picked for what they show.

    Args:
        probabilities: the network's, by task, shape (patches, grades).
        grades: readers' grades of the same patches by task, shape (patches,), -1 where unknown.

    Returns:
        Lines (0-1) by task, for the calibration's `lines`; a task with fewer than 100 graded patches, or 5 that show
        it, has none.
    """
    lines = {}
    for name in COUNTED:
        known = grades[name] >= 0 if name in grades and name in probabilities else np.zeros(0, dtype=bool)
        if known.sum() < LEAST_PATCHES or (grades[name][known] > 0).sum() < LEAST_POSITIVE:
            continue
        found = probabilities[name][known].astype(float)
        wanted = float(np.asarray(PATCH_WORTH[name])[grades[name][known]].sum())
        order = np.argsort(-(1.0 - found[:, 0]), kind="stable")
        counted = np.cumsum(counted_events(name, found[order], line=-1.0))
        last = int(np.argmin(np.abs(counted - wanted)))
        present = 1.0 - found[order, 0]
        below = present[last + 1] if last + 1 < len(present) else 0.0
        lines[name] = round(float((present[last] + below) / 2), 6)
    return lines


def lines_only(lines: Mapping[str, float]) -> dict[str, Any]:
    """A calibration that has fitted lines and no graded slides: for the model card where slides were not graded."""
    return {"version": CALIBRATION_VERSION, "rule": "density", "bag_size": None, "lines": dict(lines), "tasks": {}}


def _fit_task(task: Task, quantity: np.ndarray, truth: np.ndarray, groups: np.ndarray, method: str) -> dict[str, Any]:
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
    return {
        "method": method,
        "quantity": list(scale.quantity),
        "score": list(scale.score),
        "residuals": [round(float(r), 4) for r in np.sort(truth - held_out)],
        "slides": len(truth),
        "slides_by_grade": np.bincount(truth, minlength=grades).tolist(),
        "kappa_across_folds": None if np.isnan(kappa) else round(kappa, 4),
    }
