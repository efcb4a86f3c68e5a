"""Slide grades on cohorts whose densities lie across the cuts: kappa by feature, and the paper's rule beside."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._kept import kept, on_stderr
from benchmarks.result import Result
from mmdnet.evaluation.result import CaseRow, Evaluation
from mmdnet.labels.agreement import COEFFICIENTS, draws_of_rows
from mmdnet.labels.grading import SHOWN_TASKS, Grades
from mmdnet.scoring.choices import AUTO
from mmdnet.scoring.rules import HIGHEST_BAG
from mmdnet.settings import Settings
from mmdnet.simulate.cohorts import CohortPlan, cohort_recipes
from mmdnet.workflows.lab import Lab

REACH, WITHIN_ONE, BETTER_BY = 0.85, 0.95, 0.10
FIRST_SEED = 900  # cohorts that no model was trained, calibrated or looked at on


@dataclass
class Here:
    """A job that runs in this process."""

    settings: Settings
    folder: Path
    job_id: str

    def progress(self, share: float, message: str, /, **numbers: Any) -> None:
        """Nobody waits for it."""

    def check(self) -> None:
        """Nobody takes it over."""


def run(quick: bool = False) -> Result:
    """Judge the shipped model on 5 cohorts of 48 patients, 120 patches each (quick: one of 16, 40 patches each).

    Slides go the product's whole way: registered, tissue found, patches surveyed, scored, judged by the truth that was
    drawn. No slide is of a patient the model has seen. `value` is the least of the three quadratic kappas, each the
    mean over cohorts. The difference to the paper's rule, the highest bag, is that of the mean kappa, patients drawn.
    """
    cohorts, slides, patches = (1, 16, 40) if quick else (5, 48, 120)
    ours, paper = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + cohorts):
        plan = CohortPlan(slides=slides, seed=seed, slides_per_patient=1, patches=patches)
        lab, project = _project(plan, kept("benchmarks") / f"slide-scores-{seed}-{slides}-{patches}")
        for rule, judged in ((AUTO, ours), (HIGHEST_BAG.name, paper)):
            with tempfile.TemporaryDirectory() as folder:  # of the run's own: the model's card may have changed since
                context = Here(lab.settings, Path(folder), f"judged-{rule}")
                judged.append(lab.evaluations.run(context, project, lab.models.shipped(), rule))
    kappas = {task.name: _mean(ours, task.name) for task in SHOWN_TASKS}
    difference = _difference([row for of in ours for row in of.cases], [row for of in paper for row in of.cases])
    within_one = float(np.mean([of.scales["nas"].within_one.value for of in ours]))
    return Result(
        benchmark="slide-scores",
        value=min(kappas.values()),
        unit="quadratic kappa of slides, the least of three features",
        beside={
            "reach": REACH,
            "also": {
                "NAS within 1": (within_one, "least", WITHIN_ONE),
                "mean kappa above the paper's rule": (difference[0], "least", BETTER_BY),
            },
            "kappa": {name: round(value, 3) for name, value in kappas.items()},
            "kappa_paper_rule": {task.name: round(_mean(paper, task.name), 3) for task in SHOWN_TASKS},
            "difference_95": [round(end, 3) for end in difference[1:]],
            "nas_exact": round(float(np.mean([of.scales["nas"].accuracy.value for of in ours])), 3),
            "nas_exact_paper_rule": round(float(np.mean([of.scales["nas"].accuracy.value for of in paper])), 3),
            "bias": {task.name: round(_mean(ours, task.name, "bias"), 2) for task in SHOWN_TASKS},
            "coverage": {
                name: round(float(np.mean([of.scales[name].intervals.coverage.value for of in ours])), 2)
                for name in ours[0].scales
            },
            "rule": ours[0].rule,
            "slides": sum(of.slides for of in ours),
            "patches_a_slide": patches,
        },
        runs=cohorts,
    )


def _project(plan: CohortPlan, home: Path) -> tuple[Lab, int]:
    """A lab whose one project holds the cohort's slides with what was drawn as a reader's grades; kept between runs."""
    from db import event_log, slide_readings
    from mmdnet.experiments.simulated_cohorts import draw
    from mmdnet.lab import open_lab
    from mmdnet.simulate.truth import load_truth
    from mmdnet.workflows.demo import TRUTH_READER

    paths = draw(cohort_recipes(plan), home / "slides", on_stderr(f"cohort {plan.seed}"))
    lab = open_lab(Settings(home=home / "lab"))
    project, reader = lab.projects.named("Cohort", simulated=True).id, lab.readers.ensure(TRUTH_READER).id
    there = {slide.name: slide.id for slide in lab.slides.list(project)}
    tell = on_stderr(f"cohort {plan.seed}")
    for number, path in enumerate(paths, start=1):
        slide = there.get(path.name) or lab.slides.register(project, path)[0].slide_id
        if slide is not None:
            drawn = Grades(**load_truth(path).grades)
            with event_log.appending(lab.db) as session:
                slide_readings.put(session, slide, reader, "import", drawn, key=f"drawn-truth-slide-{slide}")
        tell(number / len(paths), f"{number} of {len(paths)} slides registered")
    return lab, project


def _mean(judged: Sequence[Evaluation], scale: str, measure: str = "kappa_quadratic") -> float:
    values = [getattr(of.scales[scale], measure).value for of in judged]
    return float(np.mean([value for value in values if value is not None]))


def _difference(ours: Sequence[CaseRow], paper: Sequence[CaseRow]) -> tuple[float, float, float]:
    """By how much the mean kappa of the three features is higher than by the other rule, with its 95 % interval."""
    by_slide = {row.slide: row for row in paper}
    both = [(row, by_slide[row.slide]) for row in ours if row.slide in by_slide]
    draws = draws_of_rows(np.unique([row.patient for row, _ in both], return_inverse=True)[1])
    kappa, drawn, point = COEFFICIENTS["kappa_quadratic"], [], []
    for task in SHOWN_TASKS:
        values = []
        for side in (0, 1):
            table = np.array([[row[0].truth[task.name], row[side].said[task.name]] for row in both])
            sums = kappa.sums(table, task.highest + 1)
            values.append(
                (kappa.value(sums.sum(axis=0), task.highest + 1), kappa.value(draws @ sums, task.highest + 1))
            )
        point.append(values[0][0] - values[1][0])
        drawn.append(values[0][1] - values[1][1])
    low, high = np.nanpercentile(np.mean(drawn, axis=0), [2.5, 97.5])
    return float(np.mean(point)), float(low), float(high)
