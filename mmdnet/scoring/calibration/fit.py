"""Fitting a model's calibration to slides that people graded, so that its grades mean what theirs do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.agreement import quadratic_kappa
from mmdnet.labels.grading import TASKS, Task
from mmdnet.progress import Progress, silent
from mmdnet.scoring.aggregate import Aggregator, round_to_grade
from mmdnet.scoring.calibration.judge import judge_slides
from mmdnet.scoring.calibration.scales import METHODS, Weights, beyond_reach, fit_ridge, reach_of
from mmdnet.scoring.calibration_record import (
    Calibration,
    DensityCalibration,
    RuleTried,
    TaskCalibration,
    ThresholdFit,
    stabilise,
)
from mmdnet.scoring.choices import AUTO
from mmdnet.scoring.conformal import Held, Residuals, fit_residuals
from mmdnet.scoring.estimate import Sampled, density_of_slide, grade_said, nas_of, score_of, stabilised_density
from mmdnet.scoring.evidence import SlideEvidence
from mmdnet.scoring.fields import resample_counts
from mmdnet.scoring.learned import beside_rules, on_own_scales, rule_quantities, weigh
from mmdnet.scoring.rules import DENSITY, RULES, AggregationRule, Thresholds, rule_called
from mmdnet.slides.geometry import MPP_TOLERANCE
from mmdnet.words import count

LEAST_SLIDES = 10  # fewer graded slides than this leave a task uncalibrated
FOLDS = 10
RESAMPLES = 200


@dataclass(frozen=True)
class GradedSlide:
    """A slide whose grades are known, and what a model that did not learn from it said of it.

    Attributes:
        name: of the slide.
        patient: whose it is.
        evidence: what the model said.
        grades: by task name, None where unknown.
        densities: true densities by task name, where they are known (`mmdnet.scoring.rules.density`).
    """

    name: str
    patient: str
    evidence: SlideEvidence
    grades: Mapping[str, int | None]
    densities: Mapping[str, float] = field(default_factory=dict)


def fit_calibration(
    slides: Sequence[GradedSlide],
    bag_size: int | None = None,
    patch_mpp: float | None = None,
    rule: str = AUTO,
    method: str = "isotonic",
    thresholds: Mapping[str, ThresholdFit] | None = None,
    progress: Progress = silent,
) -> Calibration:
    """Calibrate a model on slides whose grades are known.

    The slides must be ones the network was not trained on. Every rule is tried, each slide read by scales that its
    patient had no part in; the rule with the highest weighted kappa in the mean over the tasks is taken and all that
    were tried are recorded. Residuals for intervals come from the same folds.

    Args:
        slides: graded.
        bag_size: patches to a bag in their evidence.
        patch_mpp: µm per pixel of their patches.
        rule: the rule to calibrate, or `auto`: the best.
        method: of the scale of a rule with one quantity, `isotonic` or `cuts`.
        thresholds: how the tasks' thresholds were fitted (`fit_thresholds`).
        progress: told the share of the slides measured.

    Raises:
        LabError: no task can be calibrated (too few slides, grades all alike or with gaps), or the slides' patches are
            not of one size.
    """
    if method not in METHODS:
        raise LabError(f"There is no calibration method called {method!r}; known are {', '.join(METHODS)}.")
    _check_one_size(slides)
    fits = dict(thresholds or {})
    used = {name: fit.threshold for name, fit in fits.items() if fit.used}
    measured = []
    for number, slide in enumerate(slides):
        measured.append(measure(slide, used))
        progress((number + 1) / len(slides), f"{number + 1} of {count(len(slides), 'graded slide')} measured")
    cohort = _Cohort(tuple(slides), tuple(measured), tuple(_patients(slides)))
    usable, notes = _usable(cohort)
    tried = {
        name: {task.name: _fit_task(cohort, task, RULES[name], method) for task in usable}
        for name in (RULES if rule == AUTO else [rule_called(rule).name])
    }
    ranked = sorted((_tried(name, tasks) for name, tasks in tried.items()), key=lambda rule: -rule.mean)
    chosen = tried[ranked[0].rule]
    nas = _nas_residuals(cohort, {name: fit.said for name, fit in chosen.items()})
    calibration = Calibration(
        rule=ranked[0].rule,
        bag_size=bag_size,
        patch_mpp=patch_mpp,
        thresholds=used,
        threshold_fits=fits,
        tasks={name: fit.calibration for name, fit in chosen.items()},
        densities=_densities(cohort),
        nas=nas,
        nas_holds=None if nas is None else round(nas.holds(), 4),
        slides=len(slides),
        patients=len(set(cohort.patients)),
        tried=tuple(ranked),
        notes=tuple(notes),
    )
    truth = [{name: grade for name, grade in slide.grades.items() if grade is not None} for slide in slides]
    said = [{name: fit.said[k] for name, fit in chosen.items() if k in fit.said} for k in range(len(slides))]
    evidence = [slide.evidence for slide in slides]
    return calibration.model_copy(update={"referral": judge_slides(calibration, said, truth, evidence)})


@dataclass(frozen=True)
class Measured:
    """What is measured of a slide and of its resamples, by task.

    Attributes:
        by_rule: each rule's quantity, by the rule's name.
        together: what a learned rule weighs (`mmdnet.scoring.learned.slide_quantities`), by name.
        densities: Kleiner's quantity.
    """

    by_rule: Mapping[str, Mapping[str, Sampled]]
    together: Mapping[str, Mapping[str, Sampled]]
    densities: Mapping[str, Sampled]


@dataclass(frozen=True)
class _Cohort:
    slides: tuple[GradedSlide, ...]
    measured: tuple[Measured, ...]
    patients: tuple[int, ...]

    def known(self, task: Task) -> list[int]:
        """Slides that have a grade and were read for the task."""
        return [
            k
            for k, slide in enumerate(self.slides)
            if slide.grades.get(task.name) is not None and task.name in slide.evidence.patch_probabilities
        ]

    def truth(self, task: Task, at: Sequence[int]) -> np.ndarray:
        return np.array([self.slides[k].grades[task.name] for k in at], dtype=np.int64)


@dataclass(frozen=True)
class _TaskFit:
    """A fitted task, and its score of each slide (by number) by scales that the slide's patient had no part in."""

    calibration: TaskCalibration
    said: dict[int, Sampled]
    kappa: float


def measure(slide: GradedSlide, thresholds: Thresholds, resamples: int = RESAMPLES, seed: int = 0) -> Measured:
    """All quantities of a slide and of its resamples."""
    evidence = slide.evidence
    counts, random = resample_counts(evidence.blocks, resamples, seed), np.random.default_rng([seed, 1])
    aggregator = Aggregator(DENSITY, thresholds=thresholds)
    by_rule, together, densities = {}, {}, {}
    for task in TASKS:
        if task.name not in evidence.patch_probabilities:
            continue
        densities[task.name] = density_of_slide(task, evidence, aggregator, counts, random)
        once, drawn = (rule_quantities(task, evidence, rows, thresholds) for rows in (evidence.once(), counts))
        by_rule[task.name] = _sampled(once, drawn) | {DENSITY.name: densities[task.name]}
        together[task.name] = _sampled(on_own_scales(task, once), on_own_scales(task, drawn)) | _sampled(
            *(beside_rules(task, evidence, rows, thresholds) for rows in (evidence.once(), counts))
        )
    return Measured(by_rule, together, densities)


def _sampled(once: Mapping[str, np.ndarray], drawn: Mapping[str, np.ndarray]) -> dict[str, Sampled]:
    return {name: Sampled(float(once[name][0]), drawn[name]) for name in once}


def _check_one_size(slides: Sequence[GradedSlide]) -> None:
    sizes = np.array([slide.evidence.patch_mm2 for slide in slides])
    if len(sizes) and np.ptp(sizes) > 2 * MPP_TOLERANCE * sizes.mean():
        raise LabError(
            "The graded slides have patches of different sizes, so their counts do not compare. "
            "Lay the patches anew at one size. Nothing was calibrated."
        )


def _patients(slides: Sequence[GradedSlide]) -> list[int]:
    numbers: dict[str, int] = {}
    return [numbers.setdefault(slide.patient, len(numbers)) for slide in slides]


def _usable(cohort: _Cohort) -> tuple[list[Task], list[str]]:
    """The tasks that can be calibrated, and sentences on what the slides leave open."""
    usable, notes = [], []
    for task in TASKS:
        at = cohort.known(task)
        if not at:
            continue
        patients = len({cohort.patients[k] for k in at})
        if len(at) < LEAST_SLIDES or patients < 2:
            notes.append(
                f"{task.title}: {count(len(at), 'graded slide')} of {count(patients, 'patient')}; a calibration needs "
                f"at least {LEAST_SLIDES} slides of two patients."
            )
            continue
        possible, reach = reach_of(task, cohort.truth(task, at))
        if reach:
            notes.append(reach)
        if possible:
            usable.append(task)
    if not usable:
        what = " ".join(notes) or f"it needs at least {LEAST_SLIDES} graded slides, and there are none."
        raise LabError(f"Nothing was calibrated. {what} Grade more slides and try again; the model stays as it was.")
    return usable, notes


def _folds(cohort: _Cohort, at: Sequence[int]) -> np.ndarray:
    """Fold of each slide, shape (slides,): a patient's slides are in one."""
    patients = np.array([cohort.patients[k] for k in at])
    names = np.random.default_rng(0).permutation(np.unique(patients))
    fold_of = {int(name): k % min(FOLDS, len(names)) for k, name in enumerate(names)}
    return np.array([fold_of[int(patient)] for patient in patients])


Reading = Callable[[int], Sampled]
"""The score of a slide, by its number."""


def _fit_task(cohort: _Cohort, task: Task, rule: AggregationRule, method: str) -> _TaskFit:
    """One task's fit by one rule, with its scores across folds by patient."""
    at, grades = cohort.known(task), task.highest + 1
    truth, fold = cohort.truth(task, at), _folds(cohort, at)
    said: dict[int, Sampled] = {}
    for number in np.unique(fold):
        kept = [k for k, of in zip(at, fold, strict=True) if of != number]
        _, read = _fit_scale(cohort, task, rule, method, kept)
        said |= {k: read(k) for k, of in zip(at, fold, strict=True) if of == number}
    calibration, _ = _fit_scale(cohort, task, rule, method, at)
    own = np.array([said[k].own for k in at])
    kappa = quadratic_kappa(truth, round_to_grade(own, task.highest), grades)
    residuals = fit_residuals(
        [
            Held(k, cohort.patients[k], said[k].own, float(y), said[k].deviation, grade_said(task, said[k].own))
            for k, y in zip(at, truth, strict=True)
        ]
    )
    _, reach = reach_of(task, truth)
    fitted = calibration.model_copy(
        update={
            "conformal": residuals,
            "slides_by_grade": tuple(np.bincount(truth, minlength=grades).tolist()),
            "kappa_across_folds": None if np.isnan(kappa) else round(kappa, 4),
            "holds": round(residuals.holds(), 4),
            "reach": reach,
        }
    )
    return _TaskFit(fitted, said, 0.0 if np.isnan(kappa) else float(kappa))


def _fit_scale(
    cohort: _Cohort, task: Task, rule: AggregationRule, method: str, at: Sequence[int]
) -> tuple[TaskCalibration, Reading]:
    """A rule's scale on these slides, and how any slide is read by it."""
    truth = cohort.truth(task, at)
    if rule.learned:
        names = list(cohort.measured[at[0]].together[task.name])
        table = [[cohort.measured[k].together[task.name][name].own for name in names] for k in at]
        weights = fit_ridge(names, np.array(table), truth)
        scale = rule.scale(task)
    else:
        weights = None
        quantity = np.array([cohort.measured[k].by_rule[task.name][rule.name].own for k in at])
        scale = beyond_reach(METHODS[method](quantity, truth, task.highest + 1), rule.scale(task), quantity.max())
    calibration = TaskCalibration(
        method="ridge" if weights else method,
        quantity=scale.quantity,
        score=scale.score,
        coefficients=weights.coefficients if weights else {},
        intercept=weights.intercept if weights else 0.0,
        slides=len(at),
    )
    aggregator = Aggregator(rule, {task.name: calibration})

    def read(k: int) -> Sampled:
        if weights:
            return score_of(task, aggregator, _weighed(cohort.measured[k].together[task.name], weights))
        return score_of(task, aggregator, cohort.measured[k].by_rule[task.name][rule.name])

    return calibration, read


def _weighed(quantities: Mapping[str, Sampled], weights: Weights) -> Sampled:
    own = {name: np.array([quantity.own]) for name, quantity in quantities.items()}
    drawn = {name: quantity.draws for name, quantity in quantities.items()}
    said, saids = (weigh(table, weights.coefficients, weights.intercept) for table in (own, drawn))
    return Sampled(float(np.ravel(said)[0]), np.broadcast_to(saids, (RESAMPLES,)))


def _tried(name: str, tasks: Mapping[str, _TaskFit]) -> RuleTried:
    kappas = {task: round(fit.kappa, 4) for task, fit in tasks.items()}
    return RuleTried(rule=name, kappas=kappas, mean=round(float(np.mean(list(kappas.values()))), 4))


def _nas_residuals(cohort: _Cohort, said: Mapping[str, dict[int, Sampled]]) -> Residuals | None:
    """Residuals of the NAS on slides with all three grades; None where too few have them."""
    held = []
    for k, slide in enumerate(cohort.slides):
        total = nas_of({name: scores[k] for name, scores in said.items() if k in scores})
        grades = [slide.grades.get(task.name) for task in TASKS if task.in_nas]
        if total is not None and all(grade is not None for grade in grades):
            truth = float(sum(grade for grade in grades if grade is not None))
            held.append(Held(k, cohort.patients[k], total.own, truth, total.deviation))
    return fit_residuals(held) if len(held) >= LEAST_SLIDES else None


def _densities(cohort: _Cohort) -> dict[str, DensityCalibration]:
    """The densities' calibration, where enough slides have true ones."""
    fitted = {}
    for task in TASKS:
        at = [k for k, slide in enumerate(cohort.slides) if task.name in slide.densities]
        at = [k for k in at if task.name in cohort.measured[k].densities]
        if len(at) >= LEAST_SLIDES and len({cohort.patients[k] for k in at}) > 1:
            fit = _fit_density(cohort, task, at)
            if fit:
                fitted[task.name] = fit
    return fitted


def _fit_density(cohort: _Cohort, task: Task, at: Sequence[int]) -> DensityCalibration | None:
    """A line between stabilised densities, with residuals across folds; None where they do not rise together."""
    pairs = [stabilised_density(task, cohort.measured[k].densities[task.name]) for k in at]
    counted, sampled = np.array([middle for middle, _ in pairs]), [deviation for _, deviation in pairs]
    true = np.array([float(stabilise(task.name, cohort.slides[k].densities[task.name])) for k in at])
    fold, held = _folds(cohort, at), []
    if np.ptp(counted) < 1e-6:
        return None
    for number in np.unique(fold):
        slope, intercept = np.polyfit(counted[fold != number], true[fold != number], 1)
        for i in np.flatnonzero(fold == number):
            said = max(0.0, intercept + slope * counted[i])
            held.append(Held(at[int(i)], cohort.patients[at[int(i)]], said, float(true[i]), abs(slope) * sampled[i]))
    slope, intercept = np.polyfit(counted, true, 1)
    if slope <= 0:
        return None
    residuals = fit_residuals(held)
    return DensityCalibration(
        slope=float(slope), intercept=float(intercept), conformal=residuals, holds=round(residuals.holds(), 4)
    )
