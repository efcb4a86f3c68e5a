"""A lab that is full: slides, patches, labels, scores and jobs by the thousand, written in bulk and seeded.

Slides are links to one drawn picture, so that every page reads real pixels; labels are events of the real chain, and
each slide has a score whose file can be opened. What is drawn at random comes of one seed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sqlalchemy import MetaData, Table, create_engine, insert, select

from db import event_log, sessions, slide_readings
from db.engine import as_url
from db.models import Job, LabelSession, Patch, Score, Slide
from mmdnet.lab import open_lab
from mmdnet.labels.grading import TASK_NAMES, TASKS, Grades
from mmdnet.scoring.result import ScoreArrays, SlideScore
from mmdnet.scoring.summary import ScoredBy, ScoreSummary, TaskSummary
from mmdnet.settings import Settings
from mmdnet.slides.geometry import PATCH_PX
from mmdnet.slides.readers.open import open_slide
from mmdnet.workflows.job_specs import IngestSpec
from mmdnet.workflows.lab import Lab
from mmdnet.workflows.labelling.views import SessionPlan
from tests.browser.drawn import draw_field

COLUMNS, ROWS = 6, 4  # of the picture all slides are links to, in patches
SLIDES_A_PATIENT = 2
GRADED_SHARE = 0.25
READERS = ("Ada", "Ben")
AT_ONCE = 20_000  # rows in one statement
KINDS = ("ingest", "score", "measure", "features")
BEGAN = datetime(2026, 1, 5, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Size:
    """How much a full lab holds; labels are shared among `READERS`, each patch once by each reader."""

    slides: int
    patches: int
    labels: int
    jobs: int

    @property
    def patches_a_slide(self) -> int:
        return self.patches // self.slides


FULL = Size(slides=2_000, patches=1_000_000, labels=200_000, jobs=10_000)
QUICK = Size(slides=300, patches=100_000, labels=20_000, jobs=2_000)


@dataclass(frozen=True)
class FullLab:
    """A full lab, its one project, and its readers' ids in the order of `READERS`."""

    lab: Lab
    project: int
    readers: tuple[int, ...]


@contextmanager
def full_lab(size: Size, seed: int = 0) -> Iterator[FullLab]:
    """A full lab in a temporary home."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield make_full_lab(Path(folder) / "home", size, seed)


def make_full_lab(home: Path, size: Size, seed: int = 0) -> FullLab:
    """Fill an empty home."""
    rng = np.random.default_rng(seed)
    lab = open_lab(Settings(home=home, slide_roots=(home,)))
    project = lab.projects.create("Full cohort").id
    readers = tuple(lab.readers.ensure(name).id for name in READERS)
    model = lab.models.shipped()
    slides = _slides(lab, project, size.slides, rng)
    patches = _patches(lab, slides, size.patches_a_slide, rng)
    _labels(lab, project, readers, slides, patches, size, rng)
    _readings(lab, readers[0], slides, rng)
    write_scores(lab, model, slides, size.patches_a_slide, rng)
    _jobs(lab, project, size.jobs, rng)
    with lab.db() as session:
        session.connection().exec_driver_sql("ANALYZE")
        session.commit()
    return FullLab(lab, project, readers)


def _slides(lab: Lab, project: int, number: int, rng: np.random.Generator) -> list[int]:
    folder = lab.settings.folder("slides")
    picture = folder / "field.png"
    draw_field(picture, COLUMNS, ROWS)
    with open_slide(picture) as reader:
        fingerprint = reader.facts.fingerprint  # another one's file would be refused as changed
    rows = []
    for index in range(number):
        path = folder / f"S{index:05d}.png"
        os.link(picture, path)
        rows.append(
            {
                "project_id": project, "name": path.stem, "path": str(path), "fingerprint": fingerprint,
                "vendor": "image", "reader": "image", "width_px0": PATCH_PX * COLUMNS, "height_px0": PATCH_PX * ROWS,
                "mpp_x": 0.5, "mpp_y": 0.5, "mpp_source": "person", "stain": "H&E", "scanner": f"Scanner {index % 3}",
                "site": f"Site {index // SLIDES_A_PATIENT % 5}", "patient": f"P{index // SLIDES_A_PATIENT:05d}",
                "simulated": False,
                "status": "ready", "tissue_mm2": round(float(rng.uniform(4, 40)), 2),
                "fat_area_share": float(rng.uniform(0, 0.4)), "patch_px": PATCH_PX, "patch_mpp": 0.5, "notes": [],
                "measured": True,
            }
        )  # fmt: skip
    with lab.db.begin() as session:
        session.execute(insert(Slide), rows)
        return list(session.scalars(select(Slide.id).where(Slide.project_id == project).order_by(Slide.id)))


def _patches(lab: Lab, slides: list[int], each: int, rng: np.random.Generator) -> np.ndarray:
    """Patches laid over the picture, many on one place; their ids, shape (slides, each)."""
    side = int(np.ceil(np.sqrt(each)))
    row, col = np.divmod(np.arange(each), side)
    x = col * (PATCH_PX * (COLUMNS - 1)) // side
    y = row * (PATCH_PX * (ROWS - 1)) // side
    measured = {"focus": 1.0, "pen_share": 0.0, "blur_share": 0.02}
    with lab.db.begin() as session:
        waiting: list[dict[str, object]] = []
        for slide in slides:
            fat, aside = rng.uniform(0, 0.5, each), rng.random(each) < 0.03
            waiting += [
                {
                    "slide_id": slide, "row": int(row[i]), "col": int(col[i]), "x_px0": int(x[i]), "y_px0": int(y[i]),
                    "tissue_share": 1.0, "fat_area_share": float(fat[i]), "quality": measured,
                    "set_aside": "blur" if aside[i] else None, "overruled": False,
                }
                for i in range(each)
            ]  # fmt: skip
            if len(waiting) >= AT_ONCE:
                session.execute(insert(Patch), waiting)
                waiting = []
        if waiting:
            session.execute(insert(Patch), waiting)
        ids = session.scalars(select(Patch.id).order_by(Patch.slide_id, Patch.row, Patch.col)).all()
    return np.array(ids).reshape(len(slides), each)


def _labels(
    lab: Lab, project: int, readers: tuple[int, ...], slides: list[int], patches: np.ndarray, size: Size,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Every reader grades the same patches of each slide, in one session each; the second differs now and then."""
    each = size.labels // len(readers) // len(slides)
    chosen = patches[:, :each].ravel()
    truth = np.stack([rng.integers(0, len(task.grades), len(chosen)) for task in TASKS], axis=1)
    for number, reader in enumerate(readers):
        given = truth.copy()
        other = rng.random(given.shape) < 0.15 * number
        given[other] = np.maximum(given[other] - 1, 0)
        with event_log.appending(lab.db) as session:
            plan = SessionPlan(kind="plan", plan="random", slides=tuple(slides), per_slide=each).kept()
            row = LabelSession(project_id=project, reader_id=reader, name="First", plan=plan)
            session.add(row)
            session.flush()
            sessions.append_items(session, row.id, [(int(patch), "plan") for patch in chosen])
            event_log.append(
                session,
                (
                    event_log.NewEvent(
                        key=f"full-{reader}-{patch}", session_id=row.id, reader_id=reader, patch_id=int(patch),
                        act="grade", grades=Grades(**dict(zip(TASK_NAMES, map(int, grades), strict=True))),
                        took_ms=2_000,
                    )
                    for patch, grades in zip(chosen, given, strict=True)
                ),
            )  # fmt: skip


def _readings(lab: Lab, reader: int, slides: list[int], rng: np.random.Generator) -> None:
    graded = slides[: int(len(slides) * GRADED_SHARE)]
    for start in range(0, len(graded), 500):
        given = [
            slide_readings.NewReading(slide, reader, "import", _drawn_grades(rng), key=f"full-slide-{slide}")
            for slide in graded[start : start + 500]
        ]
        with event_log.appending(lab.db) as session:
            slide_readings.append(session, given)


def _drawn_grades(rng: np.random.Generator) -> Grades:
    return Grades(**{task.name: int(rng.integers(len(task.grades))) for task in TASKS})


def write_scores(lab: Lab, model: int, slides: list[int], each: int, rng: np.random.Generator) -> None:
    """A score of each of these slides by that model, as scoring would write it; `each` has so many patches."""
    view = lab.models.get(model)
    by = ScoredBy(name=view.name, weights_sha256=view.weights_sha256, simulated=True)
    side = int(np.ceil(np.sqrt(each)))
    row, col = np.divmod(np.arange(each), side)
    rows = []
    for slide in slides:
        grades = _drawn_grades(rng)
        summary = _summary(grades, each, by)
        arrays = ScoreArrays(
            assessed=np.ones(each, bool),
            p_ignore=np.full(each, 0.02, np.float32),
            bag=(np.arange(each) // 24).astype(np.int32),
            row=row.astype(np.int32),
            col=col.astype(np.int32),
            attention={name: rng.dirichlet(np.ones(each)) for name in TASK_NAMES},
            patch_probabilities={task.name: rng.dirichlet(np.ones(len(task.grades)), each) for task in TASKS},
            bag_probabilities={task.name: np.full((each // 24 + 1, len(task.grades)), 0.25) for task in TASKS},
        )
        file = f"full-{slide}.safetensors"
        SlideScore(summary, arrays).save(lab.settings.folder("scores") / file)
        rows.append({"slide_id": slide, "model_id": model, "result": summary.to_json(), "file": file})
    with lab.db.begin() as session:
        session.execute(insert(Score), rows)


def _summary(grades: Grades, patches: int, by: ScoredBy) -> ScoreSummary:
    tasks = {}
    for task in TASKS:
        grade = int(grades[task.name] or 0)
        shares = np.full(len(task.grades), 0.1)
        shares[grade] += 1 - shares.sum()
        tasks[task.name] = TaskSummary(
            grade=grade, probabilities=tuple(map(float, shares)), expected=float(grade),
            interval=(max(0.0, grade - 0.4), grade + 0.4), quantity=0.2, quantity_interval=(0.1, 0.3), density=0.2,
            density_interval=(0.1, 0.3), positive_patch_share=0.4, threshold=0.5, rests_on="density",
            calibrated=True, covers_error=True, holds=0.9, highest_attention=3.0,
        )  # fmt: skip
    nas = sum(int(grades[name] or 0) for name in TASK_NAMES)
    return ScoreSummary(
        tasks=tasks, nas=nas, nas_expected=float(nas), nas_interval=(max(0, nas - 1), min(8, nas + 1)), p_active=0.5,
        patches=patches, assessed_patches=patches, set_aside=0, ignored_by_model=0, not_read={}, area_mm2=10.0,
        fields=10.5, bags=patches // 24 + 1, bag_size=24, blocks=12, rule="density", aggregator="density",
        resamples=200, seed=0, low_evidence=False, model=by, refer=(),
    )  # fmt: skip


def _jobs(lab: Lab, project: int, number: int, rng: np.random.Generator) -> None:
    """Jobs that are done: the first goes through the queue itself, the others are made of its row."""
    spec = IngestSpec(project_id=project, path=str(lab.settings.home))
    first = lab.jobs.submit("Add slides", spec, project)
    lab.jobs.cancel(first)
    engine = create_engine(as_url(lab.settings.queue_url))
    table = Table("workflow_status", MetaData(), autoload_with=engine)
    told, queued = [], []
    with engine.begin() as connection:
        like = dict(connection.execute(select(table).where(table.c.workflow_uuid == first)).mappings().one())
        for index in range(1, number):
            job_id = rng.bytes(16).hex()
            made = BEGAN + timedelta(minutes=index)
            at_ms = int(made.timestamp() * 1000)
            times = dict.fromkeys(("created_at", "updated_at", "started_at_epoch_ms", "completed_at"), at_ms)
            own = {"workflow_uuid": job_id, "status": "SUCCESS"} | {n: t for n, t in times.items() if n in table.c}
            queued.append(like | own)
            told.append(
                {
                    "id": job_id, "project_id": project, "kind": KINDS[index % len(KINDS)], "queue": "cpu",
                    "title": f"Job {index}", "spec": spec.model_dump(mode="json"), "share_done": 1.0,
                    "message": "done", "progress": {}, "created_at": made, "updated_at": made,
                }
            )  # fmt: skip
        for start in range(0, len(queued), AT_ONCE):
            connection.execute(insert(table), queued[start : start + AT_ONCE])
    engine.dispose()
    with lab.db.begin() as session:
        session.execute(insert(Job), told)
