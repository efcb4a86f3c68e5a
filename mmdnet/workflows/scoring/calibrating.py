"""Calibrating a model on a project's graded slides that it did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from db.models import Model, Slide
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, TASKS
from mmdnet.labels.slide_truth import SlideTruth
from mmdnet.progress import Progress, part_of
from mmdnet.scoring.choices import AUTO
from mmdnet.words import count
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.job_specs import CalibrateSpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.scoring.models import card_of, guard_folder, load_kept, model_folder
from mmdnet.workflows.scoring.scoring import check_rule
from mmdnet.workflows.scoring.slide_features import features_of
from mmdnet.workflows.scoring.slide_truth import slide_truth
from mmdnet.workflows.services import Services, must_get

if TYPE_CHECKING:
    import numpy as np

    from mmdnet.nn.card import ModelCard
    from mmdnet.scoring.calibration_record import Calibration
    from mmdnet.scoring.evidence import SlideEvidence

LEARNT = "the model learnt from this patient, or was tested on it"


@dataclass(frozen=True, slots=True)
class CalibrationPlan:
    """Which slides a calibration would rest on.

    Attributes:
        graded: slides with blinded readings that the model did not learn from.
        controls: slides marked as controls, graded or not.
        left_out: names of graded slides that cannot be used, each with why.
    """

    graded: tuple[SlideTruth, ...]
    controls: tuple[SlideTruth, ...]
    left_out: tuple[tuple[str, str], ...]


class Calibrations:
    """Use cases reachable as `lab.calibrations`."""

    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs

    def plan(self, project_id: int, model_id: int) -> CalibrationPlan:
        """Which slides would be used, and which not and why.

        Only readings given without a model's score in view count: a calibration on what the model suggested would
        praise itself. Patients of the model's training are left out, and those it was tested on, so that tests stay
        tests; its validation patients may be used.
        """
        with self._services.db() as session:
            model = must_get(session, Model, model_id, "model")
            card, of_project = card_of(model), model.project_id == project_id
            truths = slide_truth(session, project_id, blinded_only=True)
            slides = {truth.slide_id: must_get(session, Slide, truth.slide_id, "slide") for truth in truths}
        parts = {truth.slide_id: card.part_of(truth.slide_id) if of_project else None for truth in truths}
        away = {truth.person or truth.name for truth in truths if parts[truth.slide_id] in {"train", "test"}}
        graded, left_out = [], []
        for truth in truths:
            if all(truth.grades[name] is None for name in TASK_NAMES):
                continue
            why = LEARNT if (truth.person or truth.name) in away else _unfit(slides[truth.slide_id], card)
            if why:
                left_out.append((truth.name, why))
            else:
                graded.append(truth)
        controls = [t for t in truths if t.control and not _unfit(slides[t.slide_id], card)]
        return CalibrationPlan(tuple(graded), tuple(controls), tuple(left_out))

    def start(self, project_id: int, model_id: int, rule: str = AUTO) -> str:
        """Queue a calibration; the job's number.

        Raises:
            LabError: too few graded slides, no such rule, or the model's files are gone. Nothing is changed.
        """
        check_rule(rule)
        model_folder(self._services, model_id)
        check_enough(self.plan(project_id, model_id))
        with self._services.db() as session:
            name = must_get(session, Model, model_id, "model").name
        spec = CalibrateSpec(project_id=project_id, model_id=model_id, rule=rule)
        return self._jobs.submit(f"Calibrate {name}", spec, project_id)

    def run(self, context: JobContext, project_id: int, model_id: int, rule: str = AUTO) -> Calibration:
        """Do a calibration (in the worker) and write it into the model's card; the model stays as it was on refusal."""

        def told(share: float, message: str, /, **_: object) -> None:
            context.check()
            context.progress(share, message)

        calibration = self.calibrate(project_id, model_id, rule, told)
        context.progress(1.0, words_of(calibration))
        return calibration

    def calibrate(self, project_id: int, model_id: int, rule: str, progress: Progress) -> Calibration:
        """Fit and keep a model's calibration.

        Raises:
            LabError: the slides cannot carry one; nothing is changed.
        """
        from mmdnet.nn.device import best_device
        from mmdnet.scoring.calibration.fit import GradedSlide, fit_calibration
        from mmdnet.scoring.calibration.guard import fit_guard
        from mmdnet.scoring.calibration_record import read_calibration
        from mmdnet.scoring.fields import FIELD_PATCHES
        from mmdnet.scoring.slide import evidence_of

        check_rule(rule)
        plan = self.plan(project_id, model_id)
        check_enough(plan)
        model, card = load_kept(self._services, model_id)
        before = read_calibration(card.calibration)
        device = best_device()

        def seen(truth: SlideTruth, told: Progress) -> tuple[SlideEvidence, np.ndarray]:
            with self._services.db() as session:
                slide = must_get(session, Slide, truth.slide_id, "slide")
            features, places, grid = features_of(self._services, model, card, slide, told)
            return evidence_of(model, card, features, places, grid, device, FIELD_PATCHES)

        wanted = list({truth.slide_id: truth for truth in (*plan.graded, *plan.controls)}.values())
        evidence, means = {}, {}
        for number, truth in enumerate(wanted):
            told = part_of(progress, number, len(wanted) + 1, f"{truth.name} ({number + 1} of {len(wanted)})")
            evidence[truth.slide_id], means[truth.slide_id] = seen(truth, told)
        graded = [
            GradedSlide(
                truth.name,
                truth.person or truth.name,
                evidence[truth.slide_id],
                {name: truth.grades[name] for name in TASK_NAMES},
                self._drawn_densities(truth),
            )
            for truth in plan.graded
        ]
        fit = fit_calibration(graded, FIELD_PATCHES, card.patch_mpp, rule, thresholds=before.threshold_fits)
        calibration = fit.model_copy(
            update={
                "floors": _floors(fit, [(truth, evidence[truth.slide_id]) for truth in plan.controls]),
                "here": True,
                "slide_ids": tuple(truth.slide_id for truth in plan.graded),
            }
        )
        guard = fit_guard([means[t.slide_id] for t in plan.graded], [slide.patient for slide in graded])
        if guard:
            folder = guard_folder(self._services, model_id)
            folder.mkdir(parents=True, exist_ok=True)
            guard.save(folder)
        self._keep(model_id, calibration)
        return calibration

    def _keep(self, model_id: int, calibration: Calibration) -> None:
        with self._services.db.begin() as session:
            model = must_get(session, Model, model_id, "model")
            model.card = {**model.card, "calibration": calibration.to_json()}

    def _drawn_densities(self, truth: SlideTruth) -> dict[str, float]:
        """The densities of a simulated slide, which are known exactly; of a real one they are not."""
        if not truth.simulated:
            return {}
        from mmdnet.simulate.truth import load_truth

        with self._services.db() as session:
            path = must_get(session, Slide, truth.slide_id, "slide").path
        try:
            return load_truth(Path(path)).densities
        except LabError:
            return {}


def check_enough(plan: CalibrationPlan) -> None:
    """Refuse a calibration on too few slides before anything is computed.

    Raises:
        LabError: fewer than ten graded slides that the model did not learn from.
    """
    from mmdnet.scoring.calibration.fit import LEAST_SLIDES

    if len(plan.graded) >= LEAST_SLIDES:
        return
    learnt = sum(why == LEARNT for _, why in plan.left_out)
    beside = f" {learnt} more are graded, but {LEARNT}." if learnt else ""
    raise LabError(
        f"Nothing was calibrated: it needs at least {LEAST_SLIDES} graded slides that the model did not learn from, "
        f"and there are {len(plan.graded)}.{beside} Grade more slides, without looking at a score, and try again."
    )


def plan_words(plan: CalibrationPlan) -> str:
    """Which slides a calibration would rest on, in lines."""
    lines = [
        f"{count(len(plan.graded), 'graded slide')} that the model did not learn from, "
        f"{count(len(plan.controls), 'control')}."
    ]
    return "\n".join([*lines, *(f"{name} is left out: {why}." for name, why in plan.left_out)])


def words_of(calibration: Calibration) -> str:
    """What came out, in sentences."""
    tasks = {task.name: task.title.lower() for task in TASKS}
    kappas = ", ".join(
        f"{tasks[name]} {fit.kappa_across_folds:.2f}"
        for name, fit in calibration.tasks.items()
        if fit.kappa_across_folds is not None
    )
    said = (
        f"Calibrated on {count(calibration.slides, 'slide')} of {count(calibration.patients, 'patient')}"
        f" by the rule {calibration.rule}; "
        f"weighted κ on patients left out: {kappas}."
    )
    held = f"90 % intervals of the NAS held {calibration.nas_holds:.0%} of them." if calibration.nas_holds else ""
    return " ".join(sentence for sentence in (said, held, *calibration.notes) if sentence)


def _unfit(slide: Slide, card: ModelCard) -> str:
    """Why a slide cannot be used; empty where it can."""
    from mmdnet.scoring.slide import check_patch_size
    from mmdnet.workflows.slides.stored_geometry import stored_grid

    if slide.status != "ready":
        return slide.reason or "it has no patches"
    try:
        check_patch_size(card, stored_grid(slide))
    except LabError as problem:
        return str(problem)
    return ""


def _floors(
    calibration: Calibration, controls: Sequence[tuple[SlideTruth, SlideEvidence]]
) -> dict[str, dict[str, float]]:
    """The highest density that control slides reach, by staining run and task."""
    from mmdnet.scoring.aggregate import choose_aggregator
    from mmdnet.scoring.estimate import estimate_slide

    floors: dict[str, dict[str, float]] = {}
    for truth, evidence in controls:
        of_run = floors.setdefault(truth.staining_run, {})
        estimate = estimate_slide(evidence, choose_aggregator(AUTO, calibration), resamples=1)
        for name, stated in estimate.tasks.items():
            of_run[name] = max(of_run.get(name, 0.0), stated.density)
    return floors
