"""first-minutes: from an empty lab with slides to a light model that grades patients it never saw.

Simulated slides, graded by keys from the truth. Every processor second of the lab counts as if one core did it all, and
every key as 1.5 s, which is not waited for; drawing the slides does not count. Judged is the mean quadratic kappa over
the tasks on the slides of patients nobody labelled, against the truth.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.result import Result
from mmdnet.cli_parts import experiments_folder
from mmdnet.errors import LabError
from mmdnet.experiments.processor import learn
from mmdnet.experiments.simulated_cohorts import draw
from mmdnet.lab import open_lab
from mmdnet.labels.agreement import quadratic_kappa
from mmdnet.labels.grading import TASKS, UNKNOWN, Grades
from mmdnet.labels.light import likeliest_grade
from mmdnet.settings import Settings
from mmdnet.simulate.recipes import training_recipes
from mmdnet.simulate.truth import load_truth
from mmdnet.slides.facts import StatedFacts
from mmdnet.slides.geometry import PATCH_PX
from mmdnet.workflows.lab import Lab
from mmdnet.workflows.labelling.views import PatchGrades, QueueChoice
from mmdnet.workflows.scoring.light_predictions import ModelsInView
from mmdnet.workflows.services import Services
from mmdnet.workflows.training.learning import EVERY_LABELS, FIRST_LABELS
from tests.small_lab import JobInProcess

SLIDES, SEED = 24, 7  # those of `benchmarks places`, of which the first are taken
KEY_S = 1.5
KEYS_A_PATCH = len(TASKS)
KAPPA = 0.4
LIMIT_S = 600.0
RIVAL = "with_instance_loss"  # `small` from random weights, what a lab trained by default before


def run(quick: bool = False) -> Result:
    """Seconds until the mean kappa is above 0.4, adding, features, labels and learning included.

    16 slides of 8 patients, half of them labelled, beside the minutes that training from random weights took to the
    same kappa of validation patients (without its labels). Quick: six slides of three patients, and no training beside.
    """
    recipes = training_recipes(SLIDES, SEED)[: 6 if quick else 16]
    paths = draw(recipes, experiments_folder() / "slides")
    with TemporaryDirectory(ignore_cleanup_errors=True) as home:
        steps = _label_and_learn(Path(home), paths)
    reached = next((step for step in steps if step["kappa"] > KAPPA), None)
    beside: dict[str, Any] = {"reach": LIMIT_S, "reach_is": "most", "slides": len(paths), "steps": steps}
    if not quick:
        curve = learn(experiments_folder(), [RIVAL], say=print)[RIVAL]["curve"]
        took = next((at["processor_min"] * 60 for at in curve if at.get("mean", 0) > KAPPA), None)
        if took and reached:
            beside["also"] = {"times sooner than training from random weights": (took / reached["s"], "least", 5)}
    return Result("first-minutes", None if reached is None else reached["s"], "s", beside)


def _label_and_learn(home: Path, paths: list[Path]) -> list[dict[str, float]]:
    """Labels, seconds and mean kappa at each version, until it is high enough or the time is over."""
    began = time.process_time()
    lab = open_lab(Settings(home=home))
    project, reader = lab.projects.create("First").id, lab.readers.ensure("Ada").id
    truth = dict(_added(lab, project, path) for path in paths)
    patients = {slide_id: lab.slides.get(slide_id).patient for slide_id in truth}
    labelled_of = sorted({str(patient) for patient in patients.values()})[::2]
    mine = [slide_id for slide_id in truth if patients[slide_id] in labelled_of]
    held_out = [slide_id for slide_id in truth if slide_id not in mine]
    if not held_out:
        raise LabError("Two patients at least are needed, one to label and one to judge by.")
    known = {patch: grades for slide_id in mine for patch, grades in truth[slide_id].items()}
    choice = QueueChoice(mine, None, "random", total=len(known))
    session = lab.labels.sessions.create(project, reader, "First", choice).id
    due = [item.patch_id for item in lab.labels.sessions.queue(session) if item.patch_id in known]
    steps: list[dict[str, float]] = []
    labels = FIRST_LABELS
    while labels <= len(due):
        given = [PatchGrades(patch, known[patch]) for patch in due[:labels]]
        lab.labels.acts.put_many(project, reader, given[0 if not steps else -EVERY_LABELS :])
        lab.learning.run(JobInProcess(lab.settings, home / "job", f"learn-{labels}"), project)
        took = time.process_time() - began + labels * KEYS_A_PATCH * KEY_S
        judging = time.process_time()
        steps.append({"labels": labels, "s": round(took, 1), "kappa": _kappa(lab, project, held_out, truth)})
        began += time.process_time() - judging
        if steps[-1]["kappa"] > KAPPA or took > LIMIT_S:
            break
        labels += EVERY_LABELS
    return steps


def _added(lab: Lab, project: int, path: Path) -> tuple[int, dict[int, Grades]]:
    """Add a slide, laid but not measured, as the page leaves it when labelling can begin; the truth of its patches."""
    (outcome,) = lab.slides.register(project, path, StatedFacts(), measure=False)
    if outcome.slide_id is None:
        raise LabError(str(outcome.problem))
    drawn, grades = load_truth(path), {}
    for patch in lab.slides.patches(outcome.slide_id):
        told = drawn.patch_grades(patch.x_px0, patch.y_px0, PATCH_PX)
        if told["ignored"] is None:
            grades[patch.id] = Grades(**{task.name: told[task.name] for task in TASKS})
    return outcome.slide_id, grades


def _kappa(lab: Lab, project: int, slides: list[int], truth: dict[int, dict[int, Grades]]) -> float:
    """Mean quadratic kappa over the tasks of the newest version on patches of these slides; 0 for a task without."""
    models = ModelsInView(Services(lab.settings, lab.db, None), lab.predictions)  # type: ignore[arg-type]
    light = models.light(project)
    if light is None:
        return 0.0
    given: dict[str, list[np.ndarray]] = {task.name: [] for task in TASKS}
    for slide_id in slides:
        told = models.light_of_slide(project, light, slide_id)
        if told is None:
            continue
        rows = [n for n, patch in enumerate(told.patch_id.tolist()) if patch in truth[slide_id]]
        for name, shares in told.probabilities.items():
            wanted = [truth[slide_id][int(told.patch_id[n])][name] for n in rows]
            said = likeliest_grade(shares[rows])
            given[name].append(np.array([[UNKNOWN if w is None else w, s] for w, s in zip(wanted, said, strict=True)]))
    kappas = []
    for task in TASKS:
        pairs = np.concatenate(given[task.name]) if given[task.name] else np.empty((0, 2), int)
        pairs = pairs[pairs[:, 0] != UNKNOWN]
        kappas.append(quadratic_kappa(pairs[:, 0], pairs[:, 1], len(task.grades)) if len(pairs) else 0.0)
    return round(float(np.nan_to_num(kappas).mean()), 3)
