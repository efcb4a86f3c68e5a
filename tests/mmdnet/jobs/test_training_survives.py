"""A real training under a real worker, as the command line starts it: killed in the middle, it repeats no epoch."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmdnet.lab import open_lab
from mmdnet.labels.grading import Grades
from mmdnet.settings import PROJECT_ROOT, Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.lab import Lab
from mmdnet.workflows.labelling.views import PatchGrades
from tests.mmdnet.jobs.conftest import wait_for

EPOCHS = 5
CHOICES = {
    "backbone": "small", "epochs": EPOCHS, "bag_size": 4, "bags_per_step": 2, "bags_per_epoch": 16, "domain_key": "none",
}  # fmt: skip


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A project of two small pictures, every patch graded."""
    import cv2

    lab = open_lab(Settings(home=tmp_path / "home"))
    project = lab.projects.create("Crash").id
    reader = lab.readers.ensure("Ada")
    for number in range(2):
        rng = np.random.default_rng(number)
        picture = np.full((900, 900, 3), 244, np.uint8)
        picture[60:-60, 60:-60] = np.clip(rng.normal((190, 150, 205), 12, (780, 780, 3)), 0, 255)
        for x, y in rng.integers(70, 830, (300, 2)):
            cv2.circle(picture, (int(x), int(y)), 5, (130, 50, 90), -1)
        path = tmp_path / f"s{number}.png"
        cv2.imwrite(str(path), picture)
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


def test_a_training_whose_worker_is_killed_goes_on_from_its_last_epoch(lab: Lab, worker) -> None:
    project = lab.projects.list()[0].id
    run = lab.training.start(project, CHOICES)
    first = worker()
    wait_for(lambda: len(lab.training.history(run)) >= 2, seconds=240)
    first.kill()
    first.wait()
    done = lab.training.history(run)
    worker()

    def ended() -> bool:
        job = lab.training.get(run).job
        assert job is not None
        assert job.status not in {"failed", "cancelled"}, f"{job.failure}\n{lab.training.log(run)}"
        return job.status == "done"

    wait_for(ended, seconds=240)
    history = lab.training.history(run)
    assert [row["epoch"] for row in history] == list(range(int(done[0]["epoch"]), int(done[0]["epoch"]) + EPOCHS))
    assert history[: len(done)] == done
    assert lab.training.get(run).model_id is not None
