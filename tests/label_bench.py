"""A small lab for tests of labelling: a migrated database with slides that have patches but no files."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
from sqlalchemy import insert, select

from db.engine import make_engine, migrate, session_factory
from db.models import Model, Patch, Project, Reader, Score, Slide
from mmdnet.labels.grading import TASKS, Grades
from mmdnet.settings import Settings
from mmdnet.workflows.labelling.labels import Labels
from mmdnet.workflows.labelling.views import LabelAct, PatchGrades, QueueChoice
from mmdnet.workflows.scoring.predictions import Predictions
from mmdnet.workflows.services import Services


@dataclass
class LabelBench:
    """What a test needs: the use cases, the database, and the ids in it."""

    labels: Labels
    db: object
    url: str
    project: int
    readers: list[int]
    slides: list[int]
    patches: dict[int, list[int]]
    services: Services

    def session(self, reader: int = 0, per_slide: int = 5, **choices):
        name = choices.pop("name", "First")
        choice = QueueChoice(self.slides, per_slide, **choices)
        return self.labels.sessions.create(self.project, self.readers[reader], name, choice)

    def scored(
        self, slide: int, probabilities: dict[str, np.ndarray], model: str = "first", p_ignore: float = 0.0
    ) -> int:
        """Write a score of this slide; see `write_score`."""
        return write_score(self.services.settings, self.db, slide, probabilities, model, p_ignore)


def act(bench: LabelBench, view, item, number: int = 0, **changes) -> LabelAct:
    """An act of the first reader on an item of a session's queue."""
    return dataclasses.replace(
        LabelAct(
            key=f"press-{number:08d}",
            session_id=view.id,
            reader_id=bench.readers[0],
            patch_id=item.patch_id,
            grades={"ballooning": 1, "inflammation": 0, "steatosis": 3},
            took_ms=2000,
        ),
        **changes,
    )


def grade_all(bench: LabelBench, reader: int, grades, slide: int = 0, task: str = "steatosis") -> None:
    """These grades to the first patches of a slide; None leaves one out."""
    patches = bench.patches[bench.slides[slide]]
    labels = [
        PatchGrades(patch, Grades(**{task: grade}))
        for patch, grade in zip(patches, grades, strict=False)
        if grade is not None
    ]
    bench.labels.acts.put_many(bench.project, bench.readers[reader], labels)


def settle(bench: LabelBench, reader: int, given, kind="adjudication", **choices):
    """A review of this reader in which every patch gets this grade."""
    view = bench.labels.reviews.create(bench.project, bench.readers[reader], kind, **choices)
    for item in bench.labels.sessions.queue(view.id):
        key = f"press-{view.id}-{item.position:06d}"
        settling = LabelAct(key, view.id, bench.readers[reader], item.patch_id, grades={"steatosis": given})
        bench.labels.acts.put(settling)
    return view


def write_score(
    settings: Settings,
    db,
    slide: int,
    probabilities: dict[str, np.ndarray],
    model: str = "first",
    p_ignore: float = 0.0,
) -> int:
    """Write a score of this slide as scoring would; the model's number. Probabilities: task to (patches, grades)."""
    from safetensors.numpy import save

    folder = settings.folder("scores")
    with db.begin() as session:
        row = session.scalar(select(Model).where(Model.name == model))
        if row is None:
            row = Model(name=model, folder=f"nowhere/{model}", weights_sha256="a" * 64, card={})
            session.add(row)
            session.flush()
        cells = session.execute(
            select(Patch.row, Patch.col).where(Patch.slide_id == slide).order_by(Patch.row, Patch.col)
        ).all()
        table = np.array([tuple(cell) for cell in cells], dtype=np.int32)
        arrays = {"row": table[:, 0].copy(), "col": table[:, 1].copy()}
        arrays["p_ignore"] = np.full(len(table), p_ignore, np.float32)
        arrays |= {f"patches.{name}": np.asarray(p, np.float32) for name, p in probabilities.items()}
        score = Score(slide_id=slide, model_id=row.id, result={"patches": len(table)}, file="")
        session.add(score)
        session.flush()
        score.file = f"{score.id}.safetensors"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / score.file).write_bytes(save(arrays, metadata={"summary": json.dumps(score.result)}))
        return row.id


def sure(grades: np.ndarray, task: str, share: float = 0.9) -> np.ndarray:
    """Probabilities of a model that gives these grades (patches,) of a task with this share; shape (patches, grades)."""
    size = next(len(known.grades) for known in TASKS if known.name == task)
    table = np.full((len(grades), size), (1 - share) / (size - 1))
    table[np.arange(len(grades)), grades] = share
    return table


def make_label_bench(home: Path, slides: int = 2, patches: int = 30, url: str | None = None) -> LabelBench:
    if url is None:
        url = f"sqlite:///{home / 'lab.sqlite'}"
        (home / "lab.sqlite").write_bytes(_migrated())
    else:
        migrate(url)
    db = session_factory(make_engine(url))
    with db.begin() as session:
        project = Project(name="Study")
        readers = [Reader(name=name) for name in ("Ada", "Ben", "Cleo")]
        session.add_all([project, *readers])
        session.flush()
        slide_ids = [_slide(session, project.id, number) for number in range(slides)]
        for slide_id in slide_ids:
            session.execute(insert(Patch), [_patch(slide_id, number) for number in range(patches)])
        patches_of = {
            slide_id: list(session.scalars(select(Patch.id).where(Patch.slide_id == slide_id).order_by(Patch.id)))
            for slide_id in slide_ids
        }
        project_id, reader_ids = project.id, [reader.id for reader in readers]
    services = Services(Settings(home=home), db, SimpleNamespace())  # type: ignore[arg-type]
    labels = Labels(services, Predictions(services))
    return LabelBench(labels, db, url, project_id, reader_ids, slide_ids, patches_of, services)


@cache
def _migrated() -> bytes:
    """An empty database at the newest revision, made once per test run."""
    with TemporaryDirectory() as folder:
        migrate(f"sqlite:///{folder}/lab.sqlite")
        connection = sqlite3.connect(f"{folder}/lab.sqlite")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return Path(folder, "lab.sqlite").read_bytes()


def _slide(session, project_id: int, number: int) -> int:
    slide = Slide(
        project_id=project_id,
        name=f"slide {number}",
        path=f"nowhere/{number}",
        fingerprint=f"print{number}",
        vendor="none",
        width_px0=10_000,
        height_px0=8_000,
        mpp_x=0.5,
        mpp_y=0.5,
        mpp_source="file",
        status="ready",
        patch_px=299,
        patch_mpp=0.5,
    )
    session.add(slide)
    session.flush()
    return slide.id


def _patch(slide_id: int, number: int) -> dict[str, object]:
    row, col = divmod(number, 100)
    return {
        "slide_id": slide_id,
        "row": row,
        "col": col,
        "x_px0": col * 299 % 9000,
        "y_px0": row * 299 % 7000 + col // 30,
        "tissue_share": 1.0,
        "fat_area_share": (number % 7) / 20,
        "quality": {},
        "set_aside": None,
        "overruled": False,
    }
