"""What every use case holds: settings, the database, the queue."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.orm import Session, sessionmaker

from db.models import Slide
from db.slides import slides_by_id
from mmdnet.errors import LabError
from mmdnet.settings import COPIES, Settings
from mmdnet.workflows.context import Queue

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Services:
    """Settings, database sessions and the job queue, handed to each group of use cases."""

    settings: Settings
    db: sessionmaker[Session]
    queue: Queue


def must_get(session: Session, kind: type[Row], key: int | str, what: str) -> Row:
    """The row with this key.

    Raises:
        LabError: there is none.
    """
    row = session.get(kind, key)
    if row is None:
        raise LabError(f"There is no {what} with the number {key} here.")
    return row


def must_get_slides(session: Session, slide_ids: Sequence[int]) -> list[Slide]:
    """The slides with these numbers, in this order, of whatever projects; all are asked for at once.

    Raises:
        LabError: one is not there.
    """
    known = slides_by_id(session, slide_ids)
    return [known.get(slide_id) or must_get(session, Slide, slide_id, "slide") for slide_id in slide_ids]


def copies_of(settings: Settings, fingerprints: Iterable[str]) -> list[str]:
    """De-identified copies of files of these contents, by their place in the lab's home."""
    folder, names = settings.home / COPIES, {copy_name(fingerprint) for fingerprint in fingerprints}
    there = folder.iterdir() if folder.is_dir() else ()
    return [f"{COPIES}/{path.name}" for path in there if path.name.partition(".")[0] in names]


def copy_name(fingerprint: str) -> str:
    """What a de-identified copy is called, before its ending: it names nobody."""
    return fingerprint[:16]


def remove_from_home(settings: Settings, files: Iterable[str]) -> None:
    """Remove files and folders that the lab made in its own home; nothing that lies elsewhere."""
    home = settings.home.resolve()
    for file in files:
        path = (home / file).resolve()
        if path.is_relative_to(home) and path != home:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
