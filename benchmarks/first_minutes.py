"""first-minutes: from an empty lab with slides to a light model that grades patients it never saw.

Simulated slides, graded by keys from the truth. Two clocks run, of a core each: the reader's (adding the slides, then
1.5 s a key, which are not waited for) and the worker's (features of every slide as real ones have them at once, then
learning whenever enough labels came, its process' start included), all of it in measured processor seconds. A version
learns from the labels there were when it was due, and is there when the worker's clock says so. Drawing the slides does
not count. Judged is the mean quadratic kappa over the tasks on the slides of patients nobody labelled, against the
truth; the slides are others than those by which the light model's features were chosen.
"""

from __future__ import annotations

import resource
import subprocess
import sys
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

SLIDES, SEED = 24, 107
KEY_S = 1.5
KEYS_A_PATCH = len(TASKS)
KAPPA = 0.4
LIMIT_S = 600.0
RIVAL = "with_instance_loss"  # `small` from random weights, what a lab trained by default before
A_JOB_LOADS = "import mmdnet.lab, mmdnet.workflows.job_kinds, sklearn.linear_model"


def run(quick: bool = False) -> Result:
    """Seconds until the mean kappa is above 0.4, adding, features, labels and learning included; the versions beside.

    16 slides of 8 patients, half of them labelled, beside the minutes that training from random weights took to the
    same kappa of validation patients (without its labels). Quick: eight slides, no training beside.
    """
    recipes = training_recipes(SLIDES, SEED)[: 8 if quick else 16]
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


def _label_and_learn(home: Path, paths: list[Path]) -> list[dict[str, Any]]:
    """Labels, seconds and kappa at each version that is there before the time is over."""
    lab = open_lab(Settings(home=home))
    project, reader = lab.projects.create("First").id, lab.readers.ensure("Ada").id
    began = time.process_time()
    slides = [add_slide(lab, project, path) for path in paths]
    reader_s = time.process_time() - began
    truth = {slide_id: true_grades(lab, path, slide_id) for path, slide_id in zip(paths, slides, strict=True)}
    patients = {slide_id: str(lab.slides.get(slide_id).patient) for slide_id in slides}
    labelled = sorted(set(patients.values()))[::2]
    mine = [slide_id for slide_id in slides if patients[slide_id] in labelled]
    held_out = [slide_id for slide_id in slides if slide_id not in mine]
    if not held_out:
        raise LabError("Two patients at least are needed, one to label and one to judge by.")
    began = time.process_time()
    lab.slides.embedding.compute(project, lambda share, words, /, **more: None)
    worker_s = reader_s + time.process_time() - began
    starting_s = _starting_s()
    known = {patch: grades for slide_id in mine for patch, grades in truth[slide_id].items()}
    session = lab.labels.sessions.create(
        project, reader, "First", QueueChoice(mine, None, "random", total=len(known))
    ).id
    queue = lab.labels.sessions.queue(session, limit=len(known))
    due = [item.patch_id for item in queue if item.patch_id in known]
    steps: list[dict[str, Any]] = []
    labels = 0
    while True:
        wanted = max(
            labels + EVERY_LABELS if labels else FIRST_LABELS, int((worker_s - reader_s) / KEY_S / KEYS_A_PATCH)
        )
        given = reader_s + wanted * KEYS_A_PATCH * KEY_S
        if wanted > len(due) or given > LIMIT_S:
            return steps
        lab.labels.acts.put_many(project, reader, [PatchGrades(patch, known[patch]) for patch in due[labels:wanted]])
        labels, began = wanted, time.process_time()
        lab.learning.run(JobInProcess(lab.settings, home / "job", f"learn-{labels}"), project)
        worker_s = max(worker_s, given) + starting_s + time.process_time() - began
        kappas = _kappas(lab, project, held_out, truth)
        steps.append({"labels": labels, "s": round(worker_s, 1), "kappa": round(float(np.mean(kappas)), 3),
                      "by_task": [round(kappa, 2) for kappa in kappas]})  # fmt: skip


def _starting_s() -> float:
    """Processor seconds until a job's own process has loaded what learning needs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", A_JOB_LOADS], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def add_slide(lab: Lab, project: int, path: Path) -> int:
    """Add a slide, laid but not measured, as the page leaves it when labelling can begin."""
    (outcome,) = lab.slides.register(project, path, StatedFacts(), measure=False)
    if outcome.slide_id is None:
        raise LabError(str(outcome.problem))
    return outcome.slide_id


def true_grades(lab: Lab, path: Path, slide_id: int) -> dict[int, Grades]:
    """The true grades of a slide's patches that have any."""
    drawn, grades = load_truth(path), {}
    for patch in lab.slides.patches(slide_id):
        told = drawn.patch_grades(patch.x_px0, patch.y_px0, PATCH_PX)
        if told["ignored"] is None:
            grades[patch.id] = Grades(**{task.name: told[task.name] for task in TASKS})
    return grades


def _kappas(lab: Lab, project: int, slides: list[int], truth: dict[int, dict[int, Grades]]) -> list[float]:
    """Quadratic kappa by task of the newest version on patches of these slides; 0 for a task without."""
    models = ModelsInView(Services(lab.settings, lab.db, None), lab.predictions)  # type: ignore[arg-type]
    light = models.light(project)
    if light is None:
        return [0.0] * len(TASKS)
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
    return np.nan_to_num(kappas).tolist()
