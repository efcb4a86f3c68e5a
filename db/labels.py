"""Label events: appended under one lock, chained by hash; what a patch is labelled now is read from them.

The hash of an event is SHA-256 over the hash before it and every field of the event (see `digest`), so a row that is
altered, added, or taken out in between breaks the chain at a place that can be named. A chain cut off at its end still
fits together: whoever must notice that keeps the count and last hash `verify` returns (label sets do).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, and_, func, insert, not_, or_, select, text
from sqlalchemy.orm import Session, aliased, sessionmaker

from db.models import LabelEvent, Patch, Slide, now
from mmdnet.labels.grading import TASKS

GENESIS = "0" * 64
NO_LABEL_BY_ITSELF = ("undo", "clear", "flag")  # acts after which a patch may have no label at all
GRADES = ("ballooning", "inflammation", "steatosis")
TAKEN_OUT = "it does not follow the event before it: one was taken out or put in"
CHANGED = "its content was changed after it was written"
CHUNK = 500  # ids in one IN (...): SQLite's oldest limit on parameters is 999
_PG_LOCK = 7_210_113  # any number, the same in every process


@dataclass(frozen=True, slots=True)
class NewEvent:
    """What is to be appended; grades are None where unknown. `shown` must be JSON."""

    key: str
    session_id: int | None
    reader_id: int
    patch_id: int
    act: str
    ballooning: int | None = None
    inflammation: int | None = None
    steatosis: int | None = None
    ignored: bool = False
    flagged: bool = False
    shown: dict[str, Any] | None = None
    took_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found. `broken_id` is the first event that does not fit, `reason` how; both None if all fit."""

    events: int
    last_hash: str
    broken_id: int | None = None
    reason: str | None = None

    @property
    def intact(self) -> bool:
        return self.broken_id is None


def is_label(event: LabelEvent) -> bool:
    """Whether the event leaves a label (also one of all unknown, given on purpose), and not an emptied patch."""
    given = (event.ballooning, event.inflammation, event.steatosis)
    return event.act not in NO_LABEL_BY_ITSELF or event.ignored or any(grade is not None for grade in given)


LABELS = or_(
    LabelEvent.act.not_in(NO_LABEL_BY_ITSELF),
    LabelEvent.ignored,
    LabelEvent.ballooning.is_not(None),
    LabelEvent.inflammation.is_not(None),
    LabelEvent.steatosis.is_not(None),
)
"""`is_label`, said in SQL."""


@contextmanager
def appending(db: sessionmaker[Session]) -> Iterator[Session]:
    """A transaction that holds the right to append from its first statement on; others wait, none is refused.

    On SQLite an UPDATE that matches no row takes the write lock before anything is read, so what is read in here
    is still true when it is written. On PostgreSQL an advisory lock does the same.
    """
    with db.begin() as session:
        if session.get_bind().dialect.name == "sqlite":
            session.execute(text("UPDATE projects SET id = id WHERE id = -1"))
        else:
            session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _PG_LOCK})
        yield session


def canonical_json(value: object) -> str:
    """JSON with sorted keys: the same text for the same facts."""
    return json.dumps(value, sort_keys=True)


def canonical_time(moment: datetime) -> str:
    """UTC with microseconds, as SQLite stores it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def digest(previous: str, fields: Sequence[object], at: str, shown: str) -> str:
    """Hash of an event: SHA-256 of previous hash, the eleven plain fields, time and what was shown, `|` between.

    No plain field can hold a `|` (`key` is checked where it comes in), and `shown` stands last, so two different
    events never give one text.
    """
    content = f"{previous}|{'|'.join('' if value is None else str(value) for value in fields)}|{at}|{shown}"
    return hashlib.sha256(content.encode()).hexdigest()


def last_hash(session: Session) -> str:
    return session.scalar(select(LabelEvent.hash).order_by(LabelEvent.id.desc()).limit(1)) or GENESIS


def append(session: Session, events: Iterable[NewEvent], at: datetime | None = None) -> int:
    """Append events in order and chain them; how many. The session comes from `appending`."""
    moment = at or now()
    stamp = canonical_time(moment)
    previous = last_hash(session)
    rows = []
    for event in events:
        shown = canonical_json(event.shown or {})
        fields = (
            event.key,
            event.session_id,
            event.reader_id,
            event.patch_id,
            event.act,
            event.ballooning,
            event.inflammation,
            event.steatosis,
            int(event.ignored),
            int(event.flagged),
            event.took_ms,
        )
        hashed = digest(previous, fields, stamp, shown)
        names = ("key", "session_id", "reader_id", "patch_id", "act", "ballooning", "inflammation", "steatosis")
        rows.append(
            dict(zip(names, fields, strict=False))
            | {"ignored": event.ignored, "flagged": event.flagged, "took_ms": event.took_ms}
            | {"shown": json.loads(shown), "at": moment, "previous_hash": previous, "hash": hashed}
        )
        previous = hashed
    if rows:
        session.connection().execute(insert(LabelEvent.__table__), rows)  # type: ignore[arg-type]
    return len(rows)


def verify(session: Session) -> Verdict:
    """Walk the whole chain; the first event that does not fit is named.

    The database itself writes out what was hashed (as `digest` does) and its driver hands the rows over with nothing
    between: a million events take seconds, most of them the database's and SHA-256's own.
    """
    previous, count = GENESIS, 0
    for number, follows, hashed, written in _written_out(session):
        if follows != previous:
            return Verdict(count, previous, number, TAKEN_OUT)
        if hashlib.sha256(written.encode()).hexdigest() != hashed:
            return Verdict(count, previous, number, CHANGED)
        previous = hashed
        count += 1
    return Verdict(count, previous)


def _written_out(session: Session) -> Iterator[tuple[int, str, str, str]]:
    """(id, previous hash, hash, what was hashed) of every event in order, from the driver's own cursor."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    at = "at" if sqlite else "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
    fields = ["previous_hash", "key", "session_id", "reader_id", "patch_id", "act", *GRADES]
    fields += ["CAST(ignored AS INTEGER)", "CAST(flagged AS INTEGER)", "took_ms", at, "CAST(shown AS TEXT)"]
    written = f"{'printf' if sqlite else 'format'}('{'|'.join(['%s'] * len(fields))}', {', '.join(fields)})"
    driver: Any = session.connection().connection.driver_connection
    cursor = driver.cursor() if sqlite else driver.cursor("audit")  # named: PostgreSQL hands a million over in parts
    try:
        if not sqlite:
            cursor.itersize = 5000
        cursor.execute(f"SELECT id, previous_hash, hash, {written} FROM label_events ORDER BY id")
        yield from cursor
    finally:
        cursor.close()


def before(session: Session, act: Sequence[LabelEvent], inside: bool) -> dict[int, LabelEvent]:
    """The reader's event just before this act on each of its patches, where there is one: by patch id.

    `act` is one event, or all those of a bulk act (one reader, one label session, each patch once, in a row). `inside`
    looks in its label session only.
    """
    first = min(event.id for event in act)
    found: dict[int, LabelEvent] = {}
    for start in range(0, len(act), CHUNK):
        patches = [event.patch_id for event in act[start : start + CHUNK]]
        newest = select(func.max(LabelEvent.id)).where(
            LabelEvent.reader_id == act[0].reader_id, LabelEvent.patch_id.in_(patches), LabelEvent.id < first
        )
        if inside:
            newest = newest.where(LabelEvent.session_id == act[0].session_id)
        events = session.scalars(select(LabelEvent).where(LabelEvent.id.in_(newest.group_by(LabelEvent.patch_id))))
        found.update((event.patch_id, event) for event in events)
    return found


def latest_in_session(
    session: Session, session_id: int, reader_id: int, patches: Iterable[int]
) -> dict[int, LabelEvent]:
    """The newest event of a label session on each of these patches that has one."""
    found: dict[int, LabelEvent] = {}
    ids = list(patches)
    for start in range(0, len(ids), CHUNK):
        rows = session.scalars(
            select(LabelEvent)
            .where(LabelEvent.reader_id == reader_id, LabelEvent.patch_id.in_(ids[start : start + CHUNK]))
            .where(LabelEvent.session_id == session_id)
            .order_by(LabelEvent.id)
        )
        found.update((event.patch_id, event) for event in rows)
    return found


def standing_of_others(session: Session, reader_id: int, patches: Sequence[int]) -> dict[int, list[LabelEvent]]:
    """What other readers' labels of these patches are as they stand, in an order that hides who gave which."""
    found: dict[int, list[LabelEvent]] = {}
    for start in range(0, len(patches), CHUNK):
        newest = (
            select(func.max(LabelEvent.id))
            .where(LabelEvent.patch_id.in_(patches[start : start + CHUNK]), LabelEvent.reader_id != reader_id)
            .group_by(LabelEvent.reader_id, LabelEvent.patch_id)
        )
        for event in session.scalars(select(LabelEvent).where(LabelEvent.id.in_(newest), LABELS)):
            found.setdefault(event.patch_id, []).append(event)
    for events in found.values():
        events.sort(key=lambda event: hashlib.sha256(f"{event.patch_id} {event.hash}".encode()).digest())
    return found


def last_standing(session: Session, session_id: int, reader_id: int) -> LabelEvent | None:
    """The newest event of the session that was not undone; None if nothing is left to undo."""
    undone: set[str] = set()
    events = session.execute(  # plain rows: after a bulk act was taken back, thousands are passed over
        select(LabelEvent.id, LabelEvent.key, LabelEvent.act, LabelEvent.shown)
        .where(LabelEvent.session_id == session_id, LabelEvent.reader_id == reader_id)
        .order_by(LabelEvent.id.desc())
        .execution_options(yield_per=200)
    )
    for number, key, act, shown in events:
        if act == "undo":
            undone.add(shown.get("undoes", ""))
        elif key not in undone:
            return session.get(LabelEvent, number)
    return None


def with_keys(session: Session, keys: Sequence[str]) -> list[LabelEvent]:
    """The events of these keys, oldest first."""
    found: list[LabelEvent] = []
    for start in range(0, len(keys), CHUNK):
        found.extend(session.scalars(select(LabelEvent).where(LabelEvent.key.in_(keys[start : start + CHUNK]))))
    return sorted(found, key=lambda event: event.id)


def _newest_ids(project_id: int, reader_id: int | None) -> Select[Any]:
    statement = (
        select(func.max(LabelEvent.id))
        .join(Patch, Patch.id == LabelEvent.patch_id)
        .join(Slide, Slide.id == Patch.slide_id)
        .where(Slide.project_id == project_id)
        .group_by(LabelEvent.reader_id, LabelEvent.patch_id)
    )
    return statement if reader_id is None else statement.where(LabelEvent.reader_id == reader_id)


def current(session: Session, project_id: int, reader_id: int | None = None) -> list[tuple[LabelEvent, int]]:
    """Every reader's label of every patch as it stands, with the slide's id; in the order they were given."""
    rows = session.execute(
        select(LabelEvent, Patch.slide_id)
        .join(Patch, Patch.id == LabelEvent.patch_id)
        .where(LabelEvent.id.in_(_newest_ids(project_id, reader_id)), LABELS)
        .order_by(LabelEvent.id)
    )
    return [(event, slide_id) for event, slide_id in rows]


def standing_grades(
    session: Session, project_id: int, reader_id: int
) -> list[tuple[int, int | None, int | None, int | None, bool, bool]]:
    """(patch id, ballooning, inflammation, steatosis, ignored, flagged) of a reader's labels as they stand."""
    grades = [getattr(LabelEvent, name) for name in GRADES]
    rows = session.execute(
        select(LabelEvent.patch_id, *grades, LabelEvent.ignored, LabelEvent.flagged).where(
            LabelEvent.id.in_(_newest_ids(project_id, reader_id)), LABELS
        )
    )
    return [(patch, b, i, s, ignored, flagged) for patch, b, i, s, ignored, flagged in rows]


def labelled_by_slide(session: Session, project_id: int) -> dict[int, int]:
    """Patches per slide that carry a label (a grade, or ignored) by at least one reader."""
    rows = session.execute(
        select(Patch.slide_id, func.count(func.distinct(LabelEvent.patch_id)))
        .join(Patch, Patch.id == LabelEvent.patch_id)
        .where(LabelEvent.id.in_(_newest_ids(project_id, None)), LABELS)
        .group_by(Patch.slide_id)
    )
    return {slide_id: count for slide_id, count in rows}  # noqa: C416


def labelled_patches(session: Session, project_id: int, reader_id: int) -> set[int]:
    """Patches the reader has a standing label on."""
    return set(
        session.scalars(
            select(LabelEvent.patch_id).where(LabelEvent.id.in_(_newest_ids(project_id, reader_id)), LABELS)
        )
    )


def any_label(session: Session, project_id: int) -> bool:
    """Whether anybody has labelled a patch of the project."""
    statement = (
        select(LabelEvent.id).join(Patch, Patch.id == LabelEvent.patch_id).join(Slide, Slide.id == Patch.slide_id)
    )
    return session.scalar(statement.where(Slide.project_id == project_id, LABELS).limit(1)) is not None


def grade_counts(session: Session, project_id: int) -> dict[str, list[int]]:
    """Per task how many standing labels each grade has, by grade."""
    standing = LabelEvent.id.in_(_newest_ids(project_id, None))
    found: dict[str, list[int]] = {}
    for task in TASKS:
        column = getattr(LabelEvent, task.name)
        counts = session.execute(select(column, func.count()).where(standing, column.is_not(None)).group_by(column))
        by_grade = {grade: count for grade, count in counts}  # noqa: C416
        found[task.name] = [by_grade.get(grade.value, 0) for grade in task.grades]
    return found


def done_in_session(session_id: int, reader_id: int) -> Select[Any]:
    """Patches that carry a label given in this label session (their newest event in it is one)."""
    newer = aliased(LabelEvent)
    superseded = (
        select(newer.id)
        .where(
            newer.reader_id == reader_id,
            newer.patch_id == LabelEvent.patch_id,
            newer.session_id == session_id,
            newer.id > LabelEvent.id,
        )
        .exists()
    )
    return select(LabelEvent.patch_id).where(
        and_(LabelEvent.reader_id == reader_id, LabelEvent.session_id == session_id, LABELS, not_(superseded))
    )


def recent_times_ms(session: Session, reader_id: int, limit: int = 50) -> list[int]:
    """How long the reader's newest labels took, newest first, in milliseconds."""
    return list(
        session.scalars(
            select(LabelEvent.took_ms)
            .where(LabelEvent.reader_id == reader_id, LabelEvent.took_ms.is_not(None))
            .order_by(LabelEvent.id.desc())
            .limit(limit)
        )
    )
