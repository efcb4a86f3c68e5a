"""The blind readings of a project as columns, kept while this program runs.

A project may hold hundreds of thousands of readings, and pages ask for them after every label. Label events are only
ever added, and neither they nor the patches they point at are deleted: so what was read before stays true of every
slide without a newer event, as long as the chain of events goes on from where it was and no two readers were joined.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy.orm import Session

from db import readings
from db.labels import FEW_SLIDES, EventHead, newest_event, slides_with_events_after
from db.persons import other_names
from db.readings import Reading
from mmdnet.labels.grading import TASK_NAMES, UNKNOWN


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
    """Every reader's newest blind label of every patch that stands (see `readings.blind`)."""
    kept = _KEPT.setdefault(session.get_bind(), {})
    names, head = other_names(session), newest_event(session)
    known = kept.get(project_id)
    if known is not None and known.names == names:
        if known.head == head:
            return known.table
        touched = slides_with_events_after(session, project_id, known.head)
        if touched is not None and len(touched) <= FEW_SLIDES:
            fresh = _table(readings.blind(session, project_id, touched))
            kept[project_id] = _Kept(head, names, _joined(known.table, fresh, touched))
            return kept[project_id].table
    kept[project_id] = _Kept(head, names, _table(readings.blind(session, project_id)))
    return kept[project_id].table


class _Kept(NamedTuple):
    """What was read when this was the newest event, and which readers were another's person then."""

    head: EventHead | None
    names: dict[int, int]
    table: BlindTable


_KEPT: WeakKeyDictionary[Any, dict[int, _Kept]] = WeakKeyDictionary()


def _table(given: Sequence[Reading]) -> BlindTable:
    def column(name: str) -> np.ndarray:
        return np.fromiter((getattr(reading, name) for reading in given), np.int64, len(given))

    grades = [[UNKNOWN if grade is None else grade for grade in reading.grades.as_tuple] for reading in given]
    table = BlindTable(
        id=column("id"),
        reader=column("reader_id"),
        patch=column("patch_id"),
        slide=column("slide_id"),
        grades=np.array(grades, np.int8).reshape(-1, len(TASK_NAMES)),
        ignored=column("ignored").astype(bool),
        alone=np.array([reading.suggestion is None for reading in given], bool),
        at_s=np.array([reading.at.timestamp() for reading in given], float),
    )
    return table.rows(np.lexsort((table.id, table.patch)))


def _joined(before: BlindTable, fresh: BlindTable, touched: Collection[int]) -> BlindTable:
    """The rows of before, those on the touched slides put aside for the fresh ones."""
    stays = before.rows(~np.isin(before.slide, sorted(touched)))
    both = {column.name: np.concatenate([getattr(stays, column.name), getattr(fresh, column.name)])
            for column in fields(BlindTable)}  # fmt: skip
    table = BlindTable(**both)
    return table.rows(np.lexsort((table.id, table.patch)))
