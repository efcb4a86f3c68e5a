"""A small lab for tests of labelling: a migrated database with slides that have patches but no files."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

from sqlalchemy import insert, select

from db.engine import make_engine, migrate, session_factory
from db.models import Patch, Project, Reader, Slide
from mmdnet.settings import Settings
from mmdnet.workflows.base import Desk
from mmdnet.workflows.labelling import Labels


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

    def session(self, reader: int = 0, per_slide: int = 5, **choices):
        return self.labels.create_session(
            self.project, self.readers[reader], choices.pop("name", "First"), self.slides, per_slide, **choices
        )


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
        found = {
            slide_id: list(session.scalars(select(Patch.id).where(Patch.slide_id == slide_id).order_by(Patch.id)))
            for slide_id in slide_ids
        }
        project_id, reader_ids = project.id, [reader.id for reader in readers]
    labels = Labels(Desk(Settings(home=home), db, SimpleNamespace()))  # type: ignore[arg-type]
    return LabelBench(labels, db, url, project_id, reader_ids, slide_ids, found)


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
