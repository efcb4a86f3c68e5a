"""How `20b346b.tar.xz` was made: a small home as the build of commit 20b346b leaves it.

Run in a checkout of that commit: `python make_home_20b346b.py OUT.tar.xz` with the checkout on PYTHONPATH. It uses that
build's names, so it runs nowhere else. The backbone starts from weights rounded to sixteenths and stays frozen, so that
network, best weights and checkpoint pack into a few hundred kilobytes; all else is as a person would have done it.
"""

import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

CHOICES = {
    "mode": "fast", "warm_up_epochs": 0, "epochs": 1, "projection": 8, "bag_size": 4, "bags_per_step": 2,
    "bags_per_epoch": 4, "domain_key": "none", "device": "cpu", "seed": 3,
}  # fmt: skip
DRAWN = (("P1", 700, 0, 1, 2), ("P2", 700, 2, 3, 1), ("P3", 700, 1, 0, 3), ("P4", 400, 1, 2, 2))


def worker(home: str) -> None:
    """Serve jobs with a child that rounds a network's first weights."""
    from mmdnet.jobs.worker import run_worker
    from mmdnet.settings import Settings

    child = (sys.executable, str(Path(__file__).resolve()), "--child")
    run_worker(Settings(home=Path(home)), "cpu", ["cpu", "gpu"], child=child)


def child() -> int:
    """Do one job; a new backbone's weights are sixteenths."""
    from mmdnet.jobs.child import main
    from mmdnet.nn import backbones

    drawn = backbones.SmallConvNet.__init__

    def rounded(net: backbones.SmallConvNet) -> None:
        drawn(net)
        with torch.no_grad():
            for weights in net.parameters():
                weights.copy_((weights * 16).round() / 16)

    backbones.SmallConvNet.__init__ = rounded
    return main()


def wait(lab, job_id: str, until=lambda job: not job.active):
    """The job once it is as wanted."""
    while not until(job := lab.jobs.get(job_id)):
        time.sleep(0.02)
    return job


def make(home: Path) -> None:
    """Slides, labels, a training, a stopped training, a score, two signatures."""
    from mmdnet.workflows.label_views import LabelAct, QueueChoice

    from mmdnet.lab import open_lab
    from mmdnet.settings import Settings
    from mmdnet.simulate.recipes import SlideRecipe
    from mmdnet.simulate.slide import simulate_many

    recipes = [
        SlideRecipe(
            seed=number, patient=patient, form="wedge", width_px=side, height_px=side, artefacts=0.0,
            grades={"ballooning": ballooning, "inflammation": inflammation, "steatosis": steatosis},
        )
        for number, (patient, side, ballooning, inflammation, steatosis) in enumerate(DRAWN)
    ]  # fmt: skip
    slides = home / "slides"
    simulate_many(recipes, slides, processes=1)
    lab = open_lab(Settings(home=home))
    serving = subprocess.Popen([sys.executable, __file__, "--worker", str(home)], stdin=subprocess.PIPE)
    try:
        project = lab.projects.create("Kept study").id
        job = wait(lab, lab.slides.submit(project, slides, stain="H&E", site="North"))
        assert job.status == "done", job.failure
        ada, ben = lab.readers.ensure("Ada").id, lab.readers.ensure("Ben").id
        ids = [slide.id for slide in lab.slides.list(project)]
        for slide in lab.slides.list(project):
            lab.slides.set_facts(slide.id, patient=slide.name.split("_")[1].upper())
        session = lab.labels.create_session(project, ada, "First reading", QueueChoice(ids, 6, audit_share=0.2))
        queue = lab.labels.queue(session.id)
        for number, item in enumerate(queue):
            grades = {"ballooning": number % 3, "inflammation": number % 4, "steatosis": (number + 1) % 4}
            act = LabelAct(
                f"ada-press-{number:04d}", session.id, ada, item.patch_id, grades=grades, took_ms=900 + number
            )
            lab.labels.put(act)
        lab.labels.undo(session.id, ada, key="ada-undo-0001")
        last = queue[-1].patch_id
        lab.labels.put(LabelAct("ada-press-9999", session.id, ada, last, act="ignore", ignored=True))
        second = lab.labels.create_review(project, ben, "second", share=1.0)
        for number, item in enumerate(lab.labels.queue(second.id)):
            grades = {"ballooning": number % 2, "inflammation": number % 4, "steatosis": number % 3}
            lab.labels.put(LabelAct(f"ben-press-{number:04d}", second.id, ben, item.patch_id, grades=grades))
        lab.labels.set_consensus_rule(project, "reader", ada, set_by=ben)

        finished = lab.training.start(project, CHOICES, "Finished training")
        job = wait(lab, lab.training.get(finished).job.id)
        assert job.status == "done", job.failure
        stopped = lab.training.start(project, CHOICES | {"epochs": 40}, "Stopped training")
        job_id = lab.training.get(stopped).job.id
        wait(lab, job_id, lambda job: not job.active or len(lab.training.history(stopped)) >= 2)
        lab.training.cancel(stopped)
        wait(lab, job_id)
        model = lab.training.get(finished).model_id
        job = wait(lab, lab.scoring.start(project, ids[:2], model))
        assert job.status == "done", job.failure
        score = next(score for score in lab.scoring.list(project) if score.slide_id == ids[0])
        grades = {name: task["grade"] for name, task in score.result["tasks"].items()}
        lab.reports.sign(score.id, ada, grades)
        lab.reports.sign(score.id, ben, {**grades, "steatosis": (grades["steatosis"] + 1) % 4}, "fat counted by eye")
        assert lab.labels.verify().intact
    finally:
        serving.stdin.close()
        serving.terminate()
        serving.wait()
    print("numpy", np.__version__, "torch", torch.__version__, "home", home)


def pack(home: Path, out: Path) -> None:
    """Everything in the home but locks, logs of TensorBoard, and all patch stores but the smallest."""
    import sqlite3

    for name in ("lab.sqlite", "jobs.sqlite"):
        with sqlite3.connect(home / name) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("VACUUM")
        connection.close()
    (home / "made-in.txt").write_text(str(home))
    stores = sorted((home / "cache" / "patches").glob("*/patches.u8"), key=lambda pixels: pixels.stat().st_size)
    left_out = ["tensorboard", "locks", "-wal", "-shm", ".lock", ".geojson", *(path.parent.name for path in stores[1:])]
    with tarfile.open(out, "w:xz", preset=9) as archive:
        for path in sorted(home.rglob("*")):
            if path.is_file() and not any(part in str(path.relative_to(home)) for part in left_out):
                archive.add(path, path.relative_to(home))


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        worker(sys.argv[2])
    elif sys.argv[1] == "--child":
        sys.exit(child())
    else:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder).resolve() / "home"
            made.mkdir()
            make(made)
            pack(made, Path(sys.argv[1]))
