"""[augment-kill] A batch of synthetic patches whose process is killed again and again: nothing lost, nothing twice."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.result import Result
from mmdnet.files import sha256_of
from mmdnet.lab import open_lab
from mmdnet.labels.grading import Grades
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.lab import Lab
from mmdnet.workflows.labelling.views import PatchGrades
from tests.diffusion_folder import make_folder
from tests.small_lab import JobInProcess, draw_tissue

CHILDREN = 4


def run(quick: bool = False) -> Result:
    """`value` is how many images are missing, there twice, without a row, or not the file that its row names.

    Tiny random networks, so that the lab's own writing is most of it. Quick: 32 images and 3 kills, not 1,000 and 40.
    """
    parents, kills = (8, 3) if quick else (250, 40)
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        lab = open_lab(Settings(home=home))
        batch = _begun(home, parents)
        wanted = lab.augmenting.get(batch).counts.wanted
        killed = 0
        for _ in range(kills):
            before = lab.augmenting.get(batch).counts.made
            process = _worker(home, batch)
            _wait_for_more(process, lab, batch, before)
            time.sleep(random.uniform(0, 0.4))
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
            process.wait()
        last = _worker(home, batch)
        failed = last.wait()
        children = lab.augmenting.children(batch)
        there = {(child.parent_id, child.number) for child in children}
        files = {path.stem for path in lab.augmenting.folder(batch).glob("[0-9]*-[0-9]*.png")}
        wrong = wanted - len(there) + len(children) - len(there) + len(files ^ {f"{p}-{n}" for p, n in there})
        wrong += sum(not child.judged for child in children) + _changed(lab, batch)
    beside = {"reach": 0, "reach_is": "most", "images": wanted, "kills": killed, "last_exit_code": failed}
    return Result("augment-kill", wrong, "images lost, twice or damaged", beside, killed)


def _begun(home: Path, parents: int) -> int:
    """A lab with graded patches of three patients, and a batch that is queued and not begun."""
    lab = open_lab(Settings(home=home))
    project, reader = lab.projects.create("Rare").id, lab.readers.ensure("Ada").id
    side = 900 if parents <= 12 else 3600
    for number in range(3):
        path = draw_tissue(home / f"s{number}.png", seed=number, side=side)
        facts = StatedFacts(0.5, patient=f"P{number}", site="North", stain="H&E")
        slide = lab.slides.register(project, path, facts)[0].slide_id
        patches = lab.slides.patches(slide)
        labels = [PatchGrades(p.id, Grades(ballooning=i % 2, steatosis=0)) for i, p in enumerate(patches)]
        lab.labels.acts.put_many(project, reader, labels)
    given = {
        "weights": make_folder(home / "weights" / "tiny"), "steps": 20, "strength": 0.2, "batch_size": 4,
        "children": CHILDREN, "most_parents": parents, "negatives": False, "device": "cpu", "gate_model": None,
    }  # fmt: skip
    return lab.augmenting.start(project, given)


def _worker(home: Path, batch: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.augment_kill", str(home), str(batch)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _wait_for_more(process: subprocess.Popen[bytes], lab: Lab, batch: int, before: int) -> None:
    """Until it has made something, or ended."""
    while process.poll() is None and lab.augmenting.get(batch).counts.made <= before:
        time.sleep(0.1)


def _changed(lab: Lab, batch: int) -> int:
    from sqlalchemy import select

    from db.models import SyntheticPatch

    with lab.db() as session:
        rows = session.scalars(select(SyntheticPatch).where(SyntheticPatch.augmentation_id == batch)).all()
    folder = lab.augmenting.folder(batch)
    paths = [(row, folder / f"{row.parent_id}-{row.number}.png") for row in rows]
    return sum(not path.is_file() or sha256_of(path) != row.sha256 for row, path in paths)


if __name__ == "__main__":
    opened = open_lab(Settings(home=Path(sys.argv[1])))
    opened.augmenting.run(JobInProcess(opened.settings, Path(sys.argv[1]) / "job"), int(sys.argv[2]))
