"""search-kill: a search over EfficientNet-Lite0's frozen features, its worker killed -9 in the middle of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks._workers import kill_all, until
from benchmarks.first_minutes import add_slide, true_grades
from benchmarks.result import Result
from mmdnet.cli_parts import experiments_folder
from mmdnet.experiments.ablation import home_of
from mmdnet.experiments.field.data import SEED, SLIDES
from mmdnet.experiments.search.trial import Trial
from mmdnet.experiments.simulated_cohorts import draw
from mmdnet.lab import open_lab
from mmdnet.nn.registry import PRETRAINED
from mmdnet.settings import Settings
from mmdnet.simulate.recipes import training_recipes
from mmdnet.workflows.lab import Lab
from mmdnet.workflows.labelling.views import PatchGrades
from mmdnet.workflows.training.views import SearchView

PATIENCE_S = 3600.0
WORKER = "import sys; from mmdnet.cli import main; sys.exit(main())"
Done = dict[tuple[int, int], Any]  # what a finished training came to, by trial and fold


def run(quick: bool = False) -> Result:
    """Finished trainings that were lost or done again after kills of the worker and all it had started.

    24 slides of 12 patients (of fewer a fold may hold one grade alone), an hour, ten kills. Quick: three minutes, two
    kills.
    """
    slides, minutes, kills = 24, *((3.0, 2) if quick else (60.0, 10))
    home = home_of(experiments_folder(), SLIDES, SEED) / "slides"
    paths = draw(training_recipes(SLIDES, SEED)[:slides], home)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        lab = open_lab(Settings(home=Path(folder)))
        search = _started(lab, paths, minutes)
        worker = _worker(lab)
        kept: Done = {}
        try:
            for number in range(kills):
                until(lambda: len(_done(lab, search)) > len(kept) or _ended(lab, search), "a training", PATIENCE_S)
                if _ended(lab, search):
                    kills = number
                    break
                kept.update(_done(lab, search))
                kill_all([worker.pid])
                worker.wait()
                worker = _worker(lab)
            until(lambda: _ended(lab, search), "the end of the search", PATIENCE_S)
        finally:
            kill_all([worker.pid])
            worker.wait()
        view, done = lab.searches.get(search), _done(lab, search)
    wrong = sum(done.get(place) != known for place, known in kept.items())
    best, given = view.best, view.trials[0]
    beside = {
        "reach": 0, "reach_is": "most", "kills": kills, "finished_before_a_kill": len(kept), "trainings": len(done),
        "trials": len(view.trials), "trained_min": round(view.spent_s / 60, 2), "state": _state(view),
        "kappa_as_given": _rounded(given), "kappa_best": _rounded(best), "best": {} if best is None else best.params,
    }  # fmt: skip
    return Result("search-kill", wrong, "finished trainings lost or done again", beside, kills)


def _started(lab: Lab, paths: list[Path], minutes: float) -> int:
    """A project of these slides, labelled from the truth, and a search on it."""
    project, reader = lab.projects.create("Search").id, lab.readers.ensure("Ada").id
    for path in paths:
        grades = true_grades(lab, path, add_slide(lab, project, path))
        lab.labels.acts.put_many(project, reader, [PatchGrades(patch, given) for patch, given in grades.items()])
    return lab.searches.start(project, {"backbone": PRETRAINED}, {"minutes": minutes, "folds": 4})


def _worker(lab: Lab) -> subprocess.Popen[bytes]:
    given = ["worker", "--slot", "search", "--queues", "cpu,gpu", "--home", str(lab.settings.home)]
    return subprocess.Popen([sys.executable, "-c", WORKER, *given], stdout=subprocess.DEVNULL)


def _done(lab: Lab, search: int) -> Done:
    return {
        (trial.number, fold): result.model_dump()
        for trial in lab.searches.get(search).trials
        for fold, result in enumerate(trial.folds)
    }


def _ended(lab: Lab, search: int) -> bool:
    job = lab.searches.get(search).job
    return job is not None and not job.active


def _state(view: SearchView) -> str:
    return "" if view.job is None else view.job.status


def _rounded(trial: Trial | None) -> float | None:
    return None if trial is None or trial.kappa is None else round(trial.kappa, 3)
