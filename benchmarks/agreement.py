"""agreement: two readers' 100,000 labels compared, saved to a file, and taken into a fresh lab."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from benchmarks.result import Result
from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.views import PatchGrades
from tests.label_bench import LabelBench, make_label_bench

SLIDES = 10
Made = TypeVar("Made")


def run(quick: bool = False) -> Result:
    """Seconds until every coefficient with its interval is there; beside them, what files of the same labels take."""
    patches = 500 if quick else 5000
    took: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Made]) -> Made:
        start, processor = time.perf_counter(), time.process_time()
        made = work()
        took[name], took[f"{name}_processor"] = time.perf_counter() - start, time.process_time() - processor
        return made

    with TemporaryDirectory() as folder:
        bench = _filled(Path(folder) / "one", patches)
        view = timed("compare_s", lambda: bench.labels.agreement.of_project(bench.project))
        file = timed("export_csv_s", lambda: bench.labels.files.export(bench.project))
        fresh = make_label_bench(_made(Path(folder) / "two"), SLIDES, patches)
        done = timed("import_csv_s", lambda: fresh.labels.files.import_file(fresh.project, "labels.csv", file.data))
        same = fresh.labels.files.export(fresh.project).data == file.data
    beside = {name: round(seconds, 2) for name, seconds in took.items()}
    beside |= {"labels": file.labels, "imported": done.imported, "comes_back_the_same": same}
    beside |= {"comparisons": len(view.comparisons), "coefficients": len(view.comparisons[0].estimates)}
    return Result("agreement", took["compare_s"], "s", beside)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _filled(folder: Path, patches: int) -> LabelBench:
    bench = make_label_bench(_made(folder), SLIDES, patches)
    rng = np.random.default_rng(0)
    ids = [patch for own in bench.patches.values() for patch in own]
    for reader in bench.readers[:2]:
        grades = np.stack([rng.integers(0, top, len(ids)) for top in (3, 4, 4)], axis=1).tolist()
        rows = [PatchGrades(patch, Grades.from_values(values)) for patch, values in zip(ids, grades, strict=True)]
        bench.labels.acts.put_many(bench.project, reader, rows)
    return bench
