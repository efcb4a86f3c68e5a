"""Which readings of a patch are blind, and which were given with others' grades in view.

A label given in an adjudication session (or imported as one) settles a disagreement: its reader saw the others' grades
of that patch, and whatever that reader says of it later is not blind either.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from db.labels import LABELS, done_in_session, labelled_patches
from db.models import LabelEvent, LabelSession, Patch, QueueItem, Slide

SETTLED_IMPORT = "import_settled"
"""The act of an imported label that settles a disagreement."""


def sessions_of_kind(session: Session, project_id: int, kind: str) -> set[int]:
    """Label sessions of a project of that kind: plan, second, repeat or adjudication."""
    found = session.scalars(select(LabelSession).where(LabelSession.project_id == project_id))
    return {row.id for row in found if row.plan.get("kind", "plan") == kind}


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


def blind(session: Session, project_id: int) -> list[tuple[LabelEvent, int]]:
    """Every reader's newest blind label of every patch that stands, with the slide's id; in the order given."""
    settling = sessions_of_kind(session, project_id, "adjudication")
    seen = (
        _in_project(project_id, LabelEvent.reader_id, LabelEvent.patch_id, func.min(LabelEvent.id).label("first"))
        .where(settles(settling))
        .group_by(LabelEvent.reader_id, LabelEvent.patch_id)
        .subquery()
    )
    newest = (
        _in_project(project_id, func.max(LabelEvent.id))
        .outerjoin(seen, and_(seen.c.reader_id == LabelEvent.reader_id, seen.c.patch_id == LabelEvent.patch_id))
        .where(or_(seen.c.first.is_(None), LabelEvent.id < seen.c.first))
        .group_by(LabelEvent.reader_id, LabelEvent.patch_id)
    )
    return _standing(session, newest)


def settled(session: Session, project_id: int) -> list[tuple[LabelEvent, int]]:
    """Every reader's newest label that settles a disagreement and stands, with the slide's id; in the order given."""
    settling = sessions_of_kind(session, project_id, "adjudication")
    newest = (
        _in_project(project_id, func.max(LabelEvent.id))
        .where(settles(settling))
        .group_by(LabelEvent.reader_id, LabelEvent.patch_id)
    )
    return _standing(session, newest)


def _standing(session: Session, newest: Select[Any]) -> list[tuple[LabelEvent, int]]:
    rows = session.execute(
        select(LabelEvent, Patch.slide_id)
        .join(Patch, Patch.id == LabelEvent.patch_id)
        .where(LabelEvent.id.in_(newest), LABELS)
        .order_by(LabelEvent.id)
    )
    return [(event, slide_id) for event, slide_id in rows]


def repeats(session: Session, project_id: int) -> list[tuple[LabelEvent, LabelEvent, int]]:
    """Repeat reads that stand: the reader's blind label before, the repeated one, and the slide's id."""
    again = sessions_of_kind(session, project_id, "repeat")
    newest = (
        select(func.max(LabelEvent.id))
        .where(LabelEvent.session_id.in_(again))
        .group_by(LabelEvent.session_id, LabelEvent.patch_id)
    )
    settling = sessions_of_kind(session, project_id, "adjudication")
    found = []
    for event, slide_id in _standing(session, newest):
        before = session.scalar(
            select(LabelEvent)
            .where(LabelEvent.reader_id == event.reader_id, LabelEvent.patch_id == event.patch_id)
            .where(LabelEvent.id < _first_of(session, event), LabelEvent.act != SETTLED_IMPORT)
            .where(or_(LabelEvent.session_id.is_(None), LabelEvent.session_id.not_in(settling)))
            .order_by(LabelEvent.id.desc())
            .limit(1)
        )
        if before is not None:
            found.append((before, event, slide_id))
    return found


def _first_of(session: Session, event: LabelEvent) -> int:
    """The first event of this label session on the same patch."""
    same = (LabelEvent.session_id == event.session_id, LabelEvent.patch_id == event.patch_id)
    return session.scalar(select(func.min(LabelEvent.id)).where(*same)) or event.id


def queued_for(session: Session, project_id: int, reader_id: int, settling: bool) -> set[int]:
    """Patches in this reader's adjudication queues (`settling`), or in all the reader's other queues."""
    ids = sessions_of_kind(session, project_id, "adjudication")
    of_kind = QueueItem.session_id.in_(ids) if settling else QueueItem.session_id.not_in(ids)
    return set(
        session.scalars(
            select(QueueItem.patch_id)
            .join(LabelSession, LabelSession.id == QueueItem.session_id)
            .where(LabelSession.project_id == project_id, LabelSession.reader_id == reader_id, of_kind)
        )
    )


def may_see(session: Session, project_id: int, reader_id: int) -> set[int]:
    """Patches on which others' labels may be shown to this reader: graded, and not waiting to be read a second time."""
    again = sessions_of_kind(session, project_id, "repeat")
    waiting: set[int] = set()
    for session_id in again:
        row = session.get_one(LabelSession, session_id)
        if row.reader_id == reader_id:
            done = done_in_session(session_id, reader_id)
            queued = select(QueueItem.patch_id).where(QueueItem.session_id == session_id)
            waiting |= set(session.scalars(queued.where(QueueItem.patch_id.not_in(done))))
    return labelled_patches(session, project_id, reader_id) - waiting
