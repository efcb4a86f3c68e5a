"""Label sessions and their queues: which patches a reader is asked for, in which order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, and_, delete, func, not_, or_, select, update
from sqlalchemy.orm import Session

from db import labels
from db.models import LabelEvent, LabelSession, Patch, QueueItem, Slide
from db.slides import USABLE

ASKED = QueueItem.position >= 0
"""Of places that are asked for. One below 0 was set back for another: an act on it is still taken, since a browser may
show it, and nobody is asked for it."""

PLACES = np.dtype(
    [("patch_id", "<i8"), ("slide_id", "<i8"), ("x_px0", "<i4"), ("y_px0", "<i4"), ("fat_area_share", "<f4")]
)
UNMEASURED = -1.0  # no fat has that share

BLIND_KINDS = ("plan", "second", "repeat")
KINDS = (*BLIND_KINDS, "adjudication")
PLANNED = ("plan", "audit")  # streams drawn by a plan; whoever points at a patch wants to be asked for it here


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One place in a queue, with what is needed to find and show the patch."""

    position: int
    stream: str
    patch: Patch
    slide: Slide


def sessions_of(session: Session, project_id: int, reader_id: int | None = None) -> Sequence[LabelSession]:
    """The project's label sessions, newest first; only one reader's if given."""
    statement = select(LabelSession).where(LabelSession.project_id == project_id).order_by(LabelSession.id.desc())
    return session.scalars(
        statement if reader_id is None else statement.where(LabelSession.reader_id == reader_id)
    ).all()


def sessions_of_kind(session: Session, project_id: int, *kinds: str, reader_id: int | None = None) -> set[int]:
    """Label sessions of a project that are of one of these `KINDS`; only one reader's if given."""
    rows = sessions_of(session, project_id, reader_id)
    return {row.id for row in rows if row.plan.get("kind", "plan") in kinds}


def usable_patches(session: Session, project_id: int, slide_ids: Iterable[int]) -> list[tuple[int, int, float | None]]:
    """(patch id, slide id, fat area share) of the patches of ready slides that may be asked for, by patch id."""
    rows = session.execute(
        select(Patch.id, Patch.slide_id, Patch.fat_area_share)
        .join(Slide, Slide.id == Patch.slide_id)
        .where(Slide.project_id == project_id, Slide.status == "ready", Patch.slide_id.in_(list(slide_ids)), USABLE)
        .order_by(Patch.id)
    )
    return [(patch_id, slide_id, fat) for patch_id, slide_id, fat in rows]


def _places(*columns: Any, project_id: int) -> Select[Any]:
    usable = select(*columns).join(Slide, Slide.id == Patch.slide_id)
    return usable.where(Slide.project_id == project_id, Slide.status == "ready", USABLE)


def places_of_patches(session: Session, project_id: int) -> np.ndarray:
    """Every usable patch of ready slides, by id: a structured array of `PLACES`; unmeasured fat is NaN.

    Read as the database gives it: objects of a million patches take longer than the database itself.
    """
    columns = (Patch.id, Patch.slide_id, Patch.x_px0, Patch.y_px0, func.coalesce(Patch.fat_area_share, UNMEASURED))
    found = session.connection().execute(_places(*columns, project_id=project_id).order_by(Patch.id))
    places = np.fromiter(map(tuple, found), dtype=PLACES)
    places["fat_area_share"][places["fat_area_share"] == UNMEASURED] = np.nan
    return places


def mark_of_places(session: Session, project_id: int) -> tuple[object, ...]:
    """What another `places_of_patches` has another of: a patch more, less or exchanged, another fat."""
    ids, fat = func.sum(Patch.id), func.sum(Patch.fat_area_share)
    return tuple(session.execute(_places(func.count(), ids, fat, project_id=project_id)).one())


def queued_for(session: Session, project_id: int, reader_id: int, kinds: Sequence[str] = KINDS) -> set[int]:
    """Patches in this reader's queues of these kinds in the project, labelled or not."""
    own = sessions_of_kind(session, project_id, *kinds, reader_id=reader_id)
    return set(session.scalars(select(QueueItem.patch_id).where(QueueItem.session_id.in_(own), ASKED)))


def to_read_again(session: Session, project_id: int, reader_id: int) -> set[int]:
    """Patches that wait in this reader's second and repeat reads."""
    waiting: set[int] = set()
    for number in sessions_of_kind(session, project_id, "second", "repeat", reader_id=reader_id):
        done = labels.done_in_session(number, reader_id)
        queue = select(QueueItem.patch_id).where(QueueItem.session_id == number, ASKED)
        waiting.update(session.scalars(queue.where(QueueItem.patch_id.not_in(done))))
    return waiting


def positions_of(session: Session, places: Sequence[tuple[int | None, int]]) -> dict[tuple[int | None, int], int]:
    """Position of each (label session, patch) that is asked for in that session."""
    at: dict[tuple[int | None, int], int] = {}
    for number in {number for number, _ in places if number is not None}:
        patches = [patch for of, patch in places if of == number]
        for start in range(0, len(patches), labels.CHUNK):
            rows = session.execute(
                select(QueueItem.patch_id, QueueItem.position)
                .where(QueueItem.session_id == number, QueueItem.patch_id.in_(patches[start : start + labels.CHUNK]))
                .where(ASKED)
            )
            at.update({(number, patch): position for patch, position in rows})
    return at


def runs_of_slides(session: Session, slide_ids: Iterable[int]) -> dict[int, tuple[str | None, ...]]:
    """What slides were stained and scanned alike by, by slide id: site, staining run, stain."""
    rows = session.execute(
        select(Slide.id, Slide.site, Slide.staining_run, Slide.stain).where(Slide.id.in_(list(slide_ids)))
    )
    return {slide_id: tuple(run) for slide_id, *run in rows}


def project_of_patch(session: Session, patch_id: int) -> int | None:
    """The project a patch belongs to; None if there is no such patch."""
    return session.scalar(select(Slide.project_id).join(Patch, Patch.slide_id == Slide.id).where(Patch.id == patch_id))


def patches_in_project(session: Session, project_id: int, patch_ids: Sequence[int]) -> set[int]:
    """Those of the patches that exist and belong to the project."""
    here: set[int] = set()
    for start in range(0, len(patch_ids), labels.CHUNK):
        here.update(
            session.scalars(
                select(Patch.id)
                .join(Slide, Slide.id == Patch.slide_id)
                .where(Slide.project_id == project_id, Patch.id.in_(patch_ids[start : start + labels.CHUNK]))
            )
        )
    return here


def given_elsewhere(session: Session, session_id: int) -> Select[LabelEvent] | None:
    """Labels its reader gave elsewhere that serve for what the session's plan asks for; None where there are none.

    None serves for a review: it is read blind and again.
    """
    row = session.get(LabelSession, session_id)
    if row is None or row.plan.get("kind", "plan") != "plan":
        return None
    given = labels.given_elsewhere(row)
    return None if session.scalar(given.limit(1)) is None else given


def _labelled(session: Session, session_id: int, reader_id: int) -> ColumnElement[bool]:
    """Of places in a queue: labelled in this session, or asked for by its plan and labelled elsewhere since."""
    here = QueueItem.patch_id.in_(labels.done_in_session(session_id, reader_id))
    given = given_elsewhere(session, session_id)
    if given is None:  # mostly; and the database need not look for it at every place
        return here
    elsewhere = QueueItem.patch_id.in_(given.with_only_columns(LabelEvent.patch_id))
    return or_(here, and_(QueueItem.stream.in_(PLANNED), elsewhere))


def queued_patches(session: Session, session_id: int) -> set[int]:
    return set(session.scalars(select(QueueItem.patch_id).where(QueueItem.session_id == session_id, ASKED)))


def append_items(session: Session, session_id: int, items: Sequence[tuple[int, str]], at: int | None = None) -> None:
    """Put (patch id, stream) pairs at the end of a queue, or at position `at` with what stands there moved back."""
    _forget_set_back(session, session_id, [patch for patch, _ in items])
    end = session.scalar(select(func.max(QueueItem.position)).where(QueueItem.session_id == session_id, ASKED))
    start = 0 if end is None else end + 1
    if at is not None and at < start:
        moved = update(QueueItem).where(QueueItem.session_id == session_id, QueueItem.position >= at)
        session.execute(moved.values(position=QueueItem.position + len(items)))
        start = at
    if items:
        connection = session.connection()  # straight to the driver: a queue may hold a million places
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        connection.exec_driver_sql(
            f"INSERT INTO queue_items (session_id, patch_id, position, stream) VALUES ({', '.join([mark] * 4)})",
            [(session_id, patch, position, stream) for position, (patch, stream) in enumerate(items, start)],
        )


def _forget_set_back(session: Session, session_id: int, patch_ids: Sequence[int]) -> None:
    for start in range(0, len(patch_ids), labels.CHUNK):
        part = patch_ids[start : start + labels.CHUNK]
        session.execute(
            delete(QueueItem).where(QueueItem.session_id == session_id, QueueItem.patch_id.in_(part), not_(ASKED))
        )


def open_places(session: Session, session_id: int, reader_id: int, first: int) -> list[tuple[int, int, int]]:
    """(position, patch id, slide id) of the plan's places from position `first` on that have no label, in order."""
    rows = session.execute(
        select(QueueItem.position, QueueItem.patch_id, Patch.slide_id)
        .join(Patch, Patch.id == QueueItem.patch_id)
        .where(QueueItem.session_id == session_id, QueueItem.stream == "plan", QueueItem.position >= max(0, first))
        .where(not_(_labelled(session, session_id, reader_id)))
        .order_by(QueueItem.position)
    )
    return [(position, patch_id, slide_id) for position, patch_id, slide_id in rows]


def lay_anew(session: Session, session_id: int, before: Sequence[tuple[int, int]], now: Sequence[int]) -> None:
    """Ask for the patches `now` at the places of `before`, (position, patch id) each, as many; the others are set back.

    A patch of `now` is one of `before`, or is not asked for in this session.
    """
    queue_of = QueueItem.session_id == session_id
    there = {patch for _, patch in before}
    _forget_set_back(session, session_id, [patch for patch in now if patch not in there])
    places = {patch: position for (position, _), patch in zip(before, now, strict=True)}
    for position, patch in before:
        at = places.pop(patch, -1)
        if at != position:
            session.execute(update(QueueItem).where(queue_of, QueueItem.patch_id == patch).values(position=at))
    session.add_all(
        QueueItem(session_id=session_id, patch_id=patch, position=at, stream="plan") for patch, at in places.items()
    )


def length(session: Session, session_id: int) -> int:
    return session.scalar(select(func.count(QueueItem.id)).where(QueueItem.session_id == session_id, ASKED)) or 0


def items(session: Session, session_id: int, offset: int, limit: int) -> list[QueueRow]:
    """The queue from position `offset` on, at most `limit` places."""
    rows = session.execute(
        select(QueueItem.position, QueueItem.stream, Patch, Slide)
        .join(Patch, Patch.id == QueueItem.patch_id)
        .join(Slide, Slide.id == Patch.slide_id)
        .where(QueueItem.session_id == session_id, QueueItem.position >= offset)
        .order_by(QueueItem.position)
        .limit(limit)
    )
    return [QueueRow(position, stream, patch, slide) for position, stream, patch, slide in rows]


def first_open(session: Session, session_id: int, reader_id: int) -> int | None:
    """Position of the first patch that waits for a label; None when none does."""
    return session.scalar(
        select(func.min(QueueItem.position)).where(
            QueueItem.session_id == session_id,
            ASKED,
            not_(_labelled(session, session_id, reader_id)),
        )
    )


def progress(session: Session, session_id: int, reader_id: int) -> tuple[int, int]:
    """Patches that a label session asks for, and those of them that are labelled."""
    asked = select(func.count()).select_from(QueueItem).where(QueueItem.session_id == session_id, ASKED)
    labelled = asked.where(_labelled(session, session_id, reader_id))
    return session.scalar(asked) or 0, session.scalar(labelled) or 0


def progress_by_slide(session: Session, session_id: int, reader_id: int) -> list[tuple[int, str, int, int]]:
    """(slide id, slide name, patches asked for, patches labelled) per slide of the queue, by name."""
    total = session.execute(
        select(Slide.id, Slide.name, func.count())
        .join(Patch, Patch.slide_id == Slide.id)
        .join(QueueItem, QueueItem.patch_id == Patch.id)
        .where(QueueItem.session_id == session_id, ASKED)
        .group_by(Slide.id, Slide.name)
        .order_by(Slide.name)
    ).all()
    done_rows = session.execute(
        select(Patch.slide_id, func.count())
        .join(QueueItem, QueueItem.patch_id == Patch.id)
        .where(
            QueueItem.session_id == session_id,
            ASKED,
            _labelled(session, session_id, reader_id),
        )
        .group_by(Patch.slide_id)
    )
    done = {slide_id: count for slide_id, count in done_rows}  # noqa: C416
    return [(slide_id, name, count, done.get(slide_id, 0)) for slide_id, name, count in total]
