"""A lab with graded patches of three patients and tiny diffusion weights, and the same with a finished batch: made once
for the tests of two rooms, which copy it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mmdnet.lab import open_lab
from mmdnet.labels.grading import Grades
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.lab import Lab
from mmdnet.workflows.labelling.views import PatchGrades
from tests.diffusion_folder import make_folder
from tests.small_lab import JobInProcess, draw_tissue


@dataclass(frozen=True)
class Graded:
    """A lab, its project and, where one was made, its batch; `given` are quick choices."""

    lab: Lab
    project: int
    given: dict[str, Any]
    batch: int = 0

    def copied(self, home: Path) -> Graded:
        shutil.copytree(self.lab.settings.home, home)
        return replace(self, lab=open_lab(Settings(home=home)))

    def run(self, batch: int, folder: Path, last: str | None = None) -> JobInProcess:
        job = JobInProcess(self.lab.settings, folder, last=last)
        self.lab.augmenting.run(job, batch)
        return job


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    return make_folder(tmp_path_factory.mktemp("weights") / "tiny-sd")


@pytest.fixture(scope="session")
def graded_once(tmp_path_factory, new_home, weights) -> Graded:
    folder = tmp_path_factory.mktemp("graded")
    lab = open_lab(Settings(home=shutil.copytree(new_home, folder / "home")))
    project, reader = lab.projects.create("Rare").id, lab.readers.ensure("Ada").id
    for number in range(3):
        path = draw_tissue(folder / f"s{number}.png", seed=number)
        outcome = lab.slides.register(project, path, StatedFacts(0.5, patient=f"P{number}", site="North", stain="H&E"))
        patches = lab.slides.patches(outcome[0].slide_id)
        labels = [PatchGrades(p.id, Grades(ballooning=int(i < 2), steatosis=0)) for i, p in enumerate(patches)]
        lab.labels.acts.put_many(project, reader, labels)
    given = {
        "weights": weights, "steps": 20, "strength": 0.2, "batch_size": 8, "children": 1, "most_parents": 2,
        "device": "cpu", "gate_model": None,
    }  # fmt: skip
    return Graded(lab, project, given)


@pytest.fixture(scope="session")
def finished_once(graded_once, tmp_path_factory) -> Graded:
    folder = tmp_path_factory.mktemp("finished")
    own = graded_once.copied(folder / "home")
    batch = own.lab.augmenting.start(own.project, own.given)
    own.run(batch, folder)
    lab = own.lab
    lab.jobs.cancel(
        lab.augmenting.get(batch).job.id
    )  # it ran here and not by a worker: the queue is told that it ended
    return replace(own, batch=batch)
