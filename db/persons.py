"""Readers that are one person under several names (`Reader.same_as`): what was given under any is that person's.

Events keep the reader they were written with; only what is read off them goes by persons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import Reader

Row = TypeVar("Row")


def other_names(session: Session) -> dict[int, int]:
    """Readers that are another reader's person: id to that reader's id. Mostly there are none."""
    rows = session.execute(select(Reader.id, Reader.same_as).where(Reader.same_as.is_not(None)))
    return {reader: person for reader, person in rows if person is not None}


def same_person(session: Session, reader_id: int) -> list[int]:
    """Every reader that is this reader's person, itself among them."""
    own = session.scalar(select(func.coalesce(Reader.same_as, Reader.id)).where(Reader.id == reader_id))
    return list(session.scalars(select(Reader.id).where((Reader.id == own) | (Reader.same_as == own))))


def newest_of_each(
    rows: Iterable[Row], names: Mapping[int, int], reader_of: Callable[[Row], int], thing_of: Callable[[Row], int]
) -> list[Row]:
    """Of rows in the order they were given the last of each person on each thing, in that order.

    Args:
        names: as `other_names` gives them; where it is empty, nothing is left out.
        thing_of: the patch or slide a row is of.
    """
    listed = list(rows)
    if not names:
        return listed
    last = {(names.get(reader_of(row), reader_of(row)), thing_of(row)): place for place, row in enumerate(listed)}
    return [listed[place] for place in sorted(last.values())]
