"""[scale-out] Slides scored by two workers beside one, as a press scores them; and a list of 10,000 jobs.

The slides are small and their features are kept by a scoring before, which is not counted: else whoever came second
would find what the first had computed. What is left is each job's process and its slides' scoring, a core's work each.

Two workers can be twice as fast only where each has a core for itself beside the database and this program: on two
cores the figure says whether they hinder each other, and a reach of 1.9 is shown on four quiet ones.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks._full_lab import Size, make_full_lab
from benchmarks._workers import until
from benchmarks.result import Result, cpu_ms
from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from tests.browser.drawn import draw_field
from tests.browser.lab_process import RunningLab

ROUNDS = 2
COLUMNS, ROWS = 4, 3  # of a slide, in patches


def run(quick: bool = False) -> Result:
    """`value` is how many times faster two workers are. Quick: 40 slides and one round, not 200 and two."""
    slides, rounds = (40, 1) if quick else (200, ROUNDS)
    times: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "lab"
        home.mkdir()
        lab = open_lab(Settings(home=home))
        project, model = lab.projects.create("Scaled").id, lab.models.shipped()
        ids = []
        for number in range(slides):
            path = home / f"S{number}.png"
            draw_field(path, COLUMNS, ROWS, seed=number)
            (outcome,) = lab.slides.register(project, path, StatedFacts(mpp=0.5), measure=False)
            assert outcome.slide_id is not None, outcome.problem
            ids.append(outcome.slide_id)
        first_s = _scored(home, project, model, ids, 2)
        for _ in range(rounds):
            for workers, taken in times.items():
                taken.append(_scored(home, project, model, ids, workers))
        size = Size(slides=20, patches=200, labels=40, jobs=10_000)
        full = make_full_lab(Path(folder) / "full", size)
        listing_s = cpu_ms({"list": lambda: full.lab.jobs.list(full.project)}, runs=5)["list"] / 1000
    beside = {
        "reach": 1.9,
        "one_worker_s": [round(each, 1) for each in times[1]],
        "two_workers_s": [round(each, 1) for each in times[2]],
        "two_workers_computing_features_s": round(first_s, 1),
        "slides": slides,
        "load_average": round(os.getloadavg()[0], 1),
        "also": {"CPU s for the list of 10,000 jobs": (round(listing_s, 3), "most", 0.5)},
    }
    faster = statistics.median(times[1]) / statistics.median(times[2])
    return Result("scale-out", faster, "times faster with two workers", beside, rounds)


def _scored(home: Path, project: int, model: int, slides: list[int], workers: int) -> float:
    """Seconds that the scoring of all slides takes so many workers, which are ready before it is asked for."""
    lab, running = open_lab(Settings(home=home)), RunningLab(home)
    logs = [home / f"worker-gpu-{workers}-{number}.log" for number in range(workers)]
    try:
        for log in logs:
            log.unlink(missing_ok=True)
            running.start_worker(log.stem.removeprefix("worker-"), "gpu")
        until(lambda: all("ready" in log.read_text() for log in logs), "The workers' beginning")
        begun = time.monotonic()
        jobs = lab.scoring.start(project, slides, model)
        until(lambda: all(lab.jobs.get(job).status in ("done", "failed") for job in jobs), "The scoring", 3600)
        assert [lab.jobs.get(job).status for job in jobs] == ["done"] * len(jobs)
        return time.monotonic() - begun
    finally:
        running.stop()
