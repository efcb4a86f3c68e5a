"""Which readings of a patch are blind, and which were given with others' grades in view.

A label given in an adjudication session (or imported as one) settles a disagreement: its reader saw the others' grades
of that patch, and whatever that reader says of it later is not blind either.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from db.labels import LABELS, done_in_session, labelled_patches
from db.models import LabelEvent, LabelSession, Patch, QueueItem, Slide
from db.persons import newest_of_each, other_names, same_person
from db.sessions import ASKED, sessions_of_kind
from mmdnet.labels.grading import TASK_NAMES, Grades

SETTLED_IMPORT = "import_settled"
"""The act of an imported label that settles a disagreement."""


class Reading(NamedTuple):
    """A label as it stands, without the rest of its event: a project may hold a hundred thousand.

    `given_at` is when an imported label was given, as text; `suggestion` what stood beside the patch, None if nothing.
    """

    id: int
    reader_id: int
    patch_id: int
    slide_id: int
    session_id: int | None
    grades: Grades
    ignored: bool
    flagged: bool
    at: datetime
    given_at: str | None
    suggestion: str | None


def settles(settling: set[int]) -> ColumnElement[bool]:
    """Whether an event was given to settle a disagreement; `settling` are the project's adjudication sessions."""
    return or_(LabelEvent.session_id.in_(settling), LabelEvent.act == SETTLED_IMPORT)


def _in_project(project_id: int, *columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .join(Patch, Patch.id == LabelEvent.patch_id)
        .join(Slide, Slide.id == Patch.slide_id)
        .where(Slide.project_id == project_id)
    )


def newest(session: Session, project_id: int) -> list[Reading]:
    """Every reader's label of every patch as it stands, blind or not; in the order given."""
    ids = select(func.max(LabelEvent.id)).group_by(LabelEvent.reader_id, LabelEvent.patch_id)
    return _by_person(_standing(session, project_id, ids), other_names(session))


def blind(session: Session, project_id: int, slide_ids: Collection[int] | None = None) -> list[Reading]:
    """Every reader's newest blind label of every patch that stands; in the order given. Only on these slides, if given.

    Who saw others' grades under one name is not blind under another.
    """
    settling = sessions_of_kind(session, project_id, "adjudication")
    seen = (
        _in_project(project_id, LabelEvent.reader_id, LabelEvent.patch_id, func.min(LabelEvent.id).label("first"))
        .where(settles(settling))
        .group_by(LabelEvent.reader_id, LabelEvent.patch_id)
        .subquery()
    )
    ids = (
        select(func.max(LabelEvent.id))
        .outerjoin(seen, and_(seen.c.reader_id == LabelEvent.reader_id, seen.c.patch_id == LabelEvent.patch_id))
        .where(or_(seen.c.first.is_(None), LabelEvent.id < seen.c.first))
        .group_by(LabelEvent.reader_id, LabelEvent.patch_id)
    )
    if slide_ids is not None:
        ids = ids.where(LabelEvent.patch_id.in_(select(Patch.id).where(Patch.slide_id.in_(slide_ids))))
    readings, names = _standing(session, project_id, ids), other_names(session)
    if names:
        first: dict[tuple[int, int], int] = {}
        for reader, patch, event in session.execute(select(seen.c.reader_id, seen.c.patch_id, seen.c.first)):
            key = (names.get(reader, reader), patch)
            first[key] = min(event, first.get(key, event))
        readings = [
            reading
            for reading in readings
            if reading.id <= first.get((names.get(reading.reader_id, reading.reader_id), reading.patch_id), reading.id)
        ]
    return _by_person(readings, names)


def _by_person(readings: list[Reading], names: dict[int, int]) -> list[Reading]:
    """One reading of each person and patch, under the name that person has now."""
    own = newest_of_each(readings, names, lambda reading: reading.reader_id, lambda reading: reading.patch_id)
    return [reading._replace(reader_id=names.get(reading.reader_id, reading.reader_id)) for reading in own]


def settled(session: Session, project_id: int) -> list[Reading]:
    """Every reader's newest label that settles a disagreement and stands; in the order given."""
    settling = sessions_of_kind(session, project_id, "adjudication")
    ids = _in_project(project_id, func.max(LabelEvent.id)).where(settles(settling))
    readings = _standing(session, project_id, ids.group_by(LabelEvent.reader_id, LabelEvent.patch_id))
    return _by_person(readings, other_names(session))


def _standing(session: Session, project_id: int, ids: Select[Any]) -> list[Reading]:
    """Those of the events that leave a label in the project."""
    before = [LabelEvent.id, LabelEvent.reader_id, LabelEvent.patch_id, Patch.slide_id, LabelEvent.session_id]
    grades = [getattr(LabelEvent, name) for name in TASK_NAMES]
    said = [LabelEvent.shown[name].as_string() for name in ("given_at", "suggestion")]
    rows = session.execute(
        select(*before, *grades, LabelEvent.ignored, LabelEvent.flagged, LabelEvent.at, *said)
        .join(Patch, Patch.id == LabelEvent.patch_id)
        .join(Slide, Slide.id == Patch.slide_id)
        .where(LabelEvent.id.in_(ids), Slide.project_id == project_id, LABELS)
        .order_by(LabelEvent.id)
    )
    first, after = len(before), len(before) + len(grades)
    return [Reading._make((*row[:first], Grades.from_values(row[first:after]), *row[after:])) for row in rows]


def repeats(session: Session, project_id: int) -> list[tuple[Reading, Reading]]:
    """Repeat reads that stand: the reader's blind label before, and the repeated one."""
    again = sessions_of_kind(session, project_id, "repeat")
    if not again:
        return []
    settling = sessions_of_kind(session, project_id, "adjudication")
    ids = select(func.max(LabelEvent.id)).where(LabelEvent.session_id.in_(again))
    pairs = []
    for reading in _standing(session, project_id, ids.group_by(LabelEvent.session_id, LabelEvent.patch_id)):
        before = (
            select(func.max(LabelEvent.id))
            .where(LabelEvent.reader_id == reading.reader_id, LabelEvent.patch_id == reading.patch_id)
            .where(LabelEvent.id < _first_of(session, reading), LabelEvent.act != SETTLED_IMPORT)
            .where(or_(LabelEvent.session_id.is_(None), LabelEvent.session_id.not_in(settling)))
        )
        pairs += [(first, reading) for first in _standing(session, project_id, before)]
    return pairs


def _first_of(session: Session, reading: Reading) -> int:
    """The first event of this reading's label session on the same patch."""
    same = (LabelEvent.session_id == reading.session_id, LabelEvent.patch_id == reading.patch_id)
    return session.scalar(select(func.min(LabelEvent.id)).where(*same)) or reading.id


def may_see(session: Session, project_id: int, reader_id: int) -> set[int]:
    """Patches on which others' labels may be shown to this reader: graded, and not waiting to be read a second time."""
    again = sessions_of_kind(session, project_id, "repeat")
    own = same_person(session, reader_id)
    waiting: set[int] = set()
    for session_id in again:
        row = session.get_one(LabelSession, session_id)
        if row.reader_id in own:
            done = done_in_session(session_id, row.reader_id)
            queued = select(QueueItem.patch_id).where(QueueItem.session_id == session_id, ASKED)
            waiting |= set(session.scalars(queued.where(QueueItem.patch_id.not_in(done))))
    return set[int]().union(*(labelled_patches(session, project_id, name) for name in own)) - waiting
