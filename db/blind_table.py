"""The blind readings of a project as columns: pages ask for hundreds of thousands of them after every label."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

import numpy as np
from sqlalchemy.orm import Session

from db import readings
from db.event_cache import EventCache
from db.persons import other_names
from db.readings import Reading
from mmdnet.labels.grading import TASK_NAMES

MOST_TABLES = 4  # that stay in memory


@dataclass(frozen=True)
class BlindTable:
    """One row for each reader and patch, sorted by patch, then in the order given.

    Attributes:
        id: the label event, (rows,).
        reader, patch, slide: their ids, (rows,).
        grades: by task in the order of `TASK_NAMES`, -1 where unknown, int8 (rows, tasks).
        ignored: (rows,).
        alone: no suggestion stood beside the patch, (rows,).
        at_s: when it was given, seconds since 1970 in UTC, (rows,).
    """

    id: np.ndarray
    reader: np.ndarray
    patch: np.ndarray
    slide: np.ndarray
    grades: np.ndarray
    ignored: np.ndarray
    alone: np.ndarray
    at_s: np.ndarray

    def __len__(self) -> int:
        return len(self.id)

    def rows(self, chosen: np.ndarray) -> BlindTable:
        """The rows of a mask or of places."""
        return BlindTable(**{column.name: getattr(self, column.name)[chosen] for column in fields(self)})

    def of_reader(self, reader_id: int) -> BlindTable:
        return self.rows(self.reader == reader_id)


def blind_table(session: Session, project_id: int) -> BlindTable:
    """Every reader's newest blind label of every patch that stands (see `readings.blind`).

    What was read before is kept, see `db.event_cache`, as long as no two readers were joined.
    """

    def read(slides: Collection[int] | None) -> BlindTable:
        return _table(readings.blind(session, project_id, slides))

    return _TABLES.get(session, project_id, read, asked=tuple(sorted(other_names(session).items())))


def _table(given: Sequence[Reading]) -> BlindTable:
    def column(name: str) -> np.ndarray:
        return np.fromiter((getattr(reading, name) for reading in given), np.int64, len(given))

    table = BlindTable(
        id=column("id"),
        reader=column("reader_id"),
        patch=column("patch_id"),
        slide=column("slide_id"),
        grades=np.array([reading.grades.as_numbers for reading in given], np.int8).reshape(-1, len(TASK_NAMES)),
        ignored=column("ignored").astype(bool),
        alone=np.array([reading.suggestion is None for reading in given], bool),
        at_s=np.array([reading.at.timestamp() for reading in given], float),
    )
    return _sorted(table)


def _joined(before: BlindTable, fresh: BlindTable, touched: Collection[int]) -> BlindTable:
    """The rows of before, those on the touched slides put aside for the fresh ones."""
    stays = before.rows(~np.isin(before.slide, sorted(touched)))
    both = {column.name: np.concatenate([getattr(stays, column.name), getattr(fresh, column.name)])
            for column in fields(BlindTable)}  # fmt: skip
    return _sorted(BlindTable(**both))


def _sorted(table: BlindTable) -> BlindTable:
    return table.rows(np.lexsort((table.id, table.patch)))


_TABLES = EventCache(MOST_TABLES, _joined)
