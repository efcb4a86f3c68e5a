"""What every use case holds: settings, the database, the queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.orm import Session, sessionmaker

from mmdnet.errors import LabError
from mmdnet.settings import Settings
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
