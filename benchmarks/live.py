"""live: from the label that makes a learning due to the order and the suggestions that follow it, beside a reader.

2,000 patches of four patients have features and local density; the first learning is done, and a reader goes by an
uncertain-first order with suggestions on. The lab's own worker learns, in a process of its own. Features are numbers
drawn at random that hold the grades, since what a network makes of pixels costs nothing here: it was made when the
slides came.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks._label_home import (
    COLUMNS,
    ROWS,
    LabelLab,
    browser,
    grade_patches,
    more_patches,
    open_canvas,
    wait_until,
)
from benchmarks._label_home import share as percentile
from benchmarks.result import Result
from db.models import Slide
from db.slides import patches_of
from mmdnet.errors import LabError
from mmdnet.lab import open_lab
from mmdnet.labels.grading import TASK_NAMES, Grades
from mmdnet.nn.registry import PRETRAINED
from mmdnet.progress import silent
from mmdnet.settings import load_settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.slides.geometry import PATCH_PX
from mmdnet.workflows.labelling.views import LabelAct, QueueChoice
from mmdnet.workflows.slides.feature_store.extractor import Extractor
from mmdnet.workflows.slides.feature_store.features import keep_features
from mmdnet.workflows.slides.feature_store.local_densities import keep_densities
from mmdnet.workflows.slides.stored_geometry import stored_grid, stored_places
from mmdnet.workflows.training.learning import EVERY_LABELS, FIRST_LABELS
from tests.browser.drawn import draw_field
from tests.browser.lab_process import ROOT, RunningLab
from tests.small_lab import JobInProcess

PATIENTS = 4
PATCHES = 2_000
REACH_S, REACH_MS = 10.0, 50.0
LONGEST_S = 120.0
ASKED_EVERY_S = 0.25  # each question reads all labels and suggestions, beside what is measured
LEARNS = """
import sys
from pathlib import Path
from mmdnet.lab import open_lab
from mmdnet.settings import load_settings
from tests.small_lab import JobInProcess
home = Path(sys.argv[1])
lab = open_lab(load_settings(home=home))
lab.learning.run(JobInProcess(lab.settings, home / "job", "second"), int(sys.argv[2]))
"""


@dataclass(frozen=True)
class LiveLab(LabelLab):
    """A lab with a slide of each patient, `slide` the first."""

    home: Path
    slides: list[int]


def run(quick: bool = False) -> Result:
    """Seconds from the last label to order and suggestions of the new version; key to next patch beside it.

    Quick: without Chromium, worker and waiting. `value` is then the processor time of a process that learns and lays
    the order anew, from its start to its end. On two quiet cores it takes no longer.
    """
    with _four_patients() as bench:
        truth = _with_features(bench)
        reader = bench.lab.readers.ensure("Ada").id
        choice = QueueChoice(bench.slides, None, "uncertain", total=PATCHES // 2)
        session = bench.lab.labels.sessions.create(bench.project, reader, "Live", choice).id
        _label(bench, session, reader, truth, FIRST_LABELS + 10)
        bench.lab.learning.run(JobInProcess(bench.lab.settings, bench.home / "job", "first"), bench.project)
        bench.lab.labels.suggestions.switch(session, reader, on=True)
        keys: list[float] = []
        if quick:
            _label(bench, session, reader, truth, EVERY_LABELS)
            took = _learning_s(bench)
            if _version_in_use(bench, session) != 2:
                raise LabError("The second light model did not come, so nothing was measured.")
        else:
            bench.running.start_worker("cpu", "cpu")
            took, keys = _beside_a_reader(bench, session)
    beside: dict[str, Any] = {
        "reach": REACH_S,
        "reach_is": "most",
        "patches": PATCHES,
        "load_average": round(os.getloadavg()[0], 1),
    }
    if keys:
        beside["also"] = {"ms from key to next patch, p95": (percentile(keys, 95), "most", REACH_MS)}
    return Result("live", took, "processor s" if quick else "s", beside, len(keys) or 1)


@contextmanager
def _four_patients() -> Iterator[LiveLab]:
    """A lab with a drawn slide of each patient, laid over with patches and not measured."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        lab = open_lab(load_settings(home=home))
        project, slides = lab.projects.named("Live").id, []
        for number in range(PATIENTS):
            path = home / f"patient_{number}.png"
            draw_field(path, COLUMNS, ROWS, seed=number)
            stated = StatedFacts(mpp=0.5, patient=f"P{number}")
            (outcome,) = lab.slides.register(project, path, stated, measure=False)
            if outcome.slide_id is None:
                raise LabError(str(outcome.problem))
            more_patches(lab, outcome.slide_id, PATCHES // PATIENTS)
            slides.append(outcome.slide_id)
        with lab.db.begin() as session:
            for slide_id in slides:
                session.get_one(Slide, slide_id).measured = True
        for job in lab.jobs.list(project, active=True):
            lab.jobs.cancel(job.id)  # the slides' own features: these get others
        running = RunningLab(home)
        try:
            yield LiveLab(running, lab, project, slides[0], home, slides)
        finally:
            running.stop()


def _learning_s(bench: LiveLab) -> float:
    """Processor seconds of a process that learns from the labels as they stand."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", LEARNS, str(bench.home), str(bench.project)]
    subprocess.run(command, cwd=ROOT, env=bench.running.environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _with_features(bench: LiveLab) -> dict[int, Grades]:
    """Keep features, local density and fat of every patch; the grades that they hold, by patch."""
    rng = np.random.default_rng(0)
    extractor = Extractor.frozen(PRETRAINED, PATCH_PX)
    pushed = rng.normal(0, 0.3, (3, extractor.width))
    truth: dict[int, Grades] = {}
    with bench.lab.db.begin() as db:
        for slide_id in bench.slides:
            slide, patches = db.get_one(Slide, slide_id), list(patches_of(db, slide_id))
            grades = np.stack([rng.integers(0, most, len(patches)) for most in (3, 4, 4)], axis=1)
            values = (rng.normal(size=(len(patches), extractor.width)) + grades @ pushed).astype(np.float32)
            for patch, steatosis in zip(patches, grades[:, 2].tolist(), strict=True):
                patch.fat_area_share = steatosis / 10 + float(rng.normal(0.1, 0.02))
            places, grid, wanted = stored_places(patches), stored_grid(slide), list(range(len(patches)))
            keep_features(bench.lab.settings, extractor, slide, places, wanted, values, grid, "drawn at random")
            keep_densities(bench.lab.settings, slide, places, wanted, grid, silent)
            truth |= {
                patch.id: Grades(**dict(zip(TASK_NAMES, row.tolist(), strict=True)))
                for patch, row in zip(patches, grades, strict=True)
            }
    return truth


def _label(bench: LiveLab, session: int, reader: int, truth: dict[int, Grades], number: int) -> None:
    """So many labels more in the session, in its order, as a reader who knows gives them."""
    known = {label.patch_id for label in bench.lab.labels.current(bench.project)}
    queue = bench.lab.labels.sessions.queue(session, limit=PATCHES)
    due = [item.patch_id for item in queue if item.patch_id not in known][:number]
    for patch in due:
        bench.lab.labels.acts.put(LabelAct(f"live-{patch:08d}", session, reader, patch, grades=dict(truth[patch])))


def _version_in_use(bench: LiveLab, session: int) -> int:
    """The light model that the session's order and all suggestions are of; 0 where they are of several."""
    order = bench.lab.learning.order_of(session)
    offered = bench.lab.labels.suggestions.of_queue(session, 0, 200)
    return order if {hint.light for hint in offered.values()} == {order} else 0


def _beside_a_reader(bench: LiveLab, session: int) -> tuple[float, list[float]]:
    """Seconds to the second version with the labels pressed in Chromium, and of those from then on the ms from each
    patch's last key to the next patch."""
    took: list[float] = []
    before = len(bench.lab.labels.current(bench.project))

    def watch() -> None:
        due = before + EVERY_LABELS
        if not wait_until(lambda: len(bench.lab.labels.current(bench.project)) >= due, LONGEST_S, ASKED_EVERY_S):
            return
        began = time.perf_counter()
        if wait_until(lambda: _version_in_use(bench, session) == 2, LONGEST_S, ASKED_EVERY_S):
            took.append(time.perf_counter() - began)

    bench.running.start_app()
    with browser() as opened:
        page = open_canvas(opened, bench, "Ada")
        page.wait_for_timeout(3000)
        watching = threading.Thread(target=watch)
        watching.start()
        keys = grade_patches(page, 2 * EVERY_LABELS)  # the second half beside the learning
        watching.join()
    if not took:
        raise LabError("The second light model did not come, so nothing was measured.")
    return took[0], keys[EVERY_LABELS:]
