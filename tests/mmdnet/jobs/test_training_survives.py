"""A real training under a real worker, as the command line starts it: killed in the middle, it repeats no epoch."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mmdnet.lab import open_lab
from mmdnet.labels.grading import Grades
from mmdnet.settings import PROJECT_ROOT, Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.lab import Lab
from mmdnet.workflows.labelling.views import PatchGrades
from tests.mmdnet.jobs.conftest import wait_for
from tests.small_lab import SHORT_TRAINING, draw_tissue

EPOCHS = 5
LONGEST_S = 600  # a job steps back behind all else, so other tests beside it can take nine tenths of a core from it
CHOICES = {key: value for key, value in SHORT_TRAINING.items() if key != "device"}
CHOICES |= {"epochs": EPOCHS, "bags_per_epoch": 8}  # enough that the worker is killed before it is done


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A project of two small pictures, every patch graded."""
    lab = open_lab(Settings(home=tmp_path / "home"))
    project = lab.projects.create("Crash").id
    reader = lab.readers.ensure("Ada")
    for number in range(2):
        path = draw_tissue(tmp_path / f"s{number}.png", seed=number)
        slide = lab.slides.register(project, path, StatedFacts(mpp=0.5, patient=f"P{number}"))[0].slide_id
        assert slide is not None
        grades = [
            PatchGrades(patch.id, Grades(ballooning=i % 3, inflammation=i % 4, steatosis=(i + 1) % 4))
            for i, patch in enumerate(lab.slides.patches(slide))
        ]
        lab.labels.acts.put_many(project, reader.id, grades)
    return lab


@pytest.fixture
def worker(lab: Lab) -> "Callable[[], subprocess.Popen[bytes]]":
    started: list[subprocess.Popen[bytes]] = []

    def start() -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "mmdnet", "worker", "--slot", "gpu", "--queues", "gpu"]
        environment = {**os.environ, "MMDNET_HOME": str(lab.settings.home), "OMP_NUM_THREADS": "1"}
        with (lab.settings.home / "worker.log").open("ab") as log:
            started.append(subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, stdout=log, stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.timeout(3 * LONGEST_S)
def test_a_training_whose_worker_is_killed_goes_on_from_its_last_epoch(lab: Lab, worker) -> None:
    project = lab.projects.list()[0].id
    run = lab.training.start(project, CHOICES)
    first = worker()
    wait_for(lambda: len(lab.training.history(run)) >= 2, seconds=LONGEST_S)
    first.kill()
    first.wait()
    done = lab.training.history(run)
    worker()

    def ended() -> bool:
        job = lab.training.get(run).job
        assert job is not None
        assert job.status not in {"failed", "cancelled"}, f"{job.failure}\n{lab.training.log(run)}"
        return job.status == "done"

    wait_for(ended, seconds=LONGEST_S)
    history = lab.training.history(run)
    assert [row["epoch"] for row in history] == list(range(int(done[0]["epoch"]), int(done[0]["epoch"]) + EPOCHS))
    assert history[: len(done)] == done
    assert lab.training.get(run).model_id is not None
