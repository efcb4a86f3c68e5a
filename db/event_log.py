"""The event log of labels: appended under one lock, chained by hash, checked link by link.

The hash of an event is SHA-256 over the hash before it and every field of the event (see `digest`), so a row that is
altered, added, or taken out in between breaks the chain at a place that can be named. A chain cut off at its end still
fits together: whoever must notice that keeps the count and last hash `verify` returns (label sets do).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session, sessionmaker

from db.labels import GENESIS, last_hash
from db.models import LabelEvent, now
from mmdnet.labels.grading import TASK_NAMES, Grades

HASHED = ("ballooning", "inflammation", "steatosis")  # tasks there were when the chain began, in this order for good
PLAIN = ("key", "session_id", "reader_id", "patch_id", "act", "ignored", "flagged", "took_ms")
TAKEN_OUT = "it does not follow the event before it: one was taken out or put in"
CHANGED = "its content was changed after it was written"
_PG_LOCK = 7_210_113  # any number, the same in every process


@dataclass(frozen=True, slots=True)
class NewEvent:
    """What is to be appended. `shown` must be JSON."""

    key: str
    session_id: int | None
    reader_id: int
    patch_id: int
    act: str
    grades: Grades = field(default_factory=Grades)
    ignored: bool = False
    flagged: bool = False
    shown: dict[str, object] | None = None  # JSON of whoever gave the label, hashed as it was written
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
    """Hash of an event: SHA-256 of previous hash, the plain fields, time and what was shown, `|` between.

    No plain field can hold a `|` (`key` is checked where it comes in), and `shown` stands last, so two different
    events never give one text.
    """
    content = f"{previous}|{'|'.join('' if value is None else str(value) for value in fields)}|{at}|{shown}"
    return hashlib.sha256(content.encode()).hexdigest()


def plain_fields(event: NewEvent) -> list[object]:
    """The fields of an event that are hashed, in the chain's order.

    A task that came after the chain began stands behind all others, and only where it has a grade: so no event from
    before it hashes otherwise.
    """
    first = [event.grades[name] for name in HASHED]
    later = [f"{name}={grade}" for name, grade in event.grades.items() if name not in HASHED and grade is not None]
    ids = [event.key, event.session_id, event.reader_id, event.patch_id, event.act]
    return [*ids, *first, int(event.ignored), int(event.flagged), event.took_ms, *later]


def append(session: Session, events: Iterable[NewEvent], at: datetime | None = None) -> int:
    """Append events in order and chain them; how many. The session comes from `appending`."""
    moment = at or now()
    stamp = canonical_time(moment)
    previous = last_hash(session)
    rows = []
    for event in events:
        shown = canonical_json(event.shown or {})
        hashed = digest(previous, plain_fields(event), stamp, shown)
        rows.append(
            {name: getattr(event, name) for name in PLAIN}
            | dict(event.grades)
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
    took = "took_ms"
    if later := [name for name in TASK_NAMES if name not in HASHED]:  # as `plain_fields` writes them
        took = " || ".join(["coalesce(CAST(took_ms AS TEXT), '')", *(f"coalesce('|{n}=' || {n}, '')" for n in later)])
    fields = ["previous_hash", "key", "session_id", "reader_id", "patch_id", "act", *HASHED]
    fields += ["CAST(ignored AS INTEGER)", "CAST(flagged AS INTEGER)", took, at, "CAST(shown AS TEXT)"]
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
