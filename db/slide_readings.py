"""Readings of whole slides: appended in a chain of their own, and what each reader says of a slide as it stands.

The chain is made and checked as that of label events (`db.event_log`): each event's hash covers the hash before it and
every field, so a changed, added or missing row is found and named.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, insert, or_, select
from sqlalchemy.orm import Session

from db.event_log import CHANGED, HASHED, TAKEN_OUT, Verdict, canonical_json, canonical_time, digest
from db.labels import CHUNK, GENESIS
from db.models import Reader, SlideReading, now
from db.persons import newest_of_each, other_names, same_person
from mmdnet.labels.grading import Grades

CLEAR, SETTLING = "clear", "adjudicate"
ACTS = ("grade", "import", "sign", SETTLING, CLEAR)
NOT_BLIND = ("sign", SETTLING)
"""Acts with a model's score or others' grades in view."""


@dataclass(frozen=True, slots=True)
class NewReading:
    """What is to be appended. `fibrosis` is text as given, without "|"; `shown` must be JSON."""

    slide_id: int
    reader_id: int
    act: str
    grades: Grades = field(default_factory=Grades)
    nas: int | None = None
    fibrosis: str | None = None
    blinded: bool = True
    read_on: date | None = None
    shown: dict[str, object] | None = None  # JSON of whoever gave the reading, hashed as it was written
    took_ms: int | None = None
    key: str = field(default_factory=lambda: f"slide-reading-{uuid.uuid4().hex}")

    @property
    def says_something(self) -> bool:
        return self.grades.any_known or self.nas is not None or self.fibrosis is not None


def append(session: Session, readings: Iterable[NewReading], at: datetime | None = None) -> int:
    """Append readings in order and chain them; how many. The session comes from `event_log.appending`.

    One with a key that is there already is left out.
    A reader who once saw a model's score or others' grades of a slide is not blind to it any more, whatever is claimed.
    """
    moment = at or now()
    stamp = canonical_time(moment)
    wanted = list(readings)
    there = set(
        session.scalars(select(SlideReading.key).where(SlideReading.key.in_([reading.key for reading in wanted])))
    )
    given = [reading for reading in wanted if reading.key not in there]
    seen = _not_blind(session, {reading.slide_id for reading in given})
    previous = session.scalar(select(SlideReading.hash).order_by(SlideReading.id.desc()).limit(1)) or GENESIS
    rows = []
    for reading in given:
        who = (reading.slide_id, reading.reader_id)
        blinded = reading.blinded and reading.act not in NOT_BLIND and who not in seen
        if not blinded:
            seen.add(who)
        row: dict[str, object] = {
            name: getattr(reading, name)
            for name in ("key", "slide_id", "reader_id", "act", "nas", "fibrosis", "read_on", "took_ms")
        }
        row |= dict(reading.grades) | {"blinded": blinded, "shown": reading.shown or {}, "at": moment}
        hashed = digest(previous, _plain_fields(row), stamp, canonical_json(row["shown"]))
        rows.append(row | {"previous_hash": previous, "hash": hashed})
        previous = hashed
    if rows:
        session.connection().execute(insert(SlideReading.__table__), rows)  # type: ignore[arg-type]
    return len(rows)


def put(
    session: Session, slide_id: int, reader_id: int, act: str, grades: Mapping[str, int | None], **said: Any
) -> None:
    """Append a reading that changes these grades alone and leaves what else the reader said of the slide as it stood.

    `said` are other fields of `NewReading`. The session comes from `event_log.appending`.
    """
    before = next((r for r in current(session, [slide_id]) if r.reader_id == reader_id), None)
    stood = {} if before is None else dict(Grades.of(before))
    kept = {} if before is None else {name: getattr(before, name) for name in ("nas", "fibrosis", "read_on")}
    append(session, [NewReading(slide_id, reader_id, act, Grades(**stood | dict(grades)), **kept | said)])


def current(session: Session, slide_ids: Iterable[int], blinded_only: bool = False) -> list[SlideReading]:
    """Every reader's reading of these slides as it stands, in the order they were given.

    Args:
        blinded_only: each reader's newest blinded reading instead, whatever that reader said later.
    """
    readings: list[SlideReading] = []
    ids = sorted(set(slide_ids))
    for start in range(0, len(ids), CHUNK):
        newest = select(func.max(SlideReading.id)).where(SlideReading.slide_id.in_(ids[start : start + CHUNK]))
        if blinded_only:
            newest = newest.where(or_(SlideReading.blinded, SlideReading.act == CLEAR))
        newest = newest.group_by(SlideReading.slide_id, SlideReading.reader_id)
        standing = select(SlideReading).where(SlideReading.id.in_(newest), SlideReading.act != CLEAR)
        readings += session.scalars(standing)
    readings.sort(key=lambda reading: reading.id)
    names = other_names(session)
    return newest_of_each(readings, names, lambda reading: reading.reader_id, lambda reading: reading.slide_id)


def with_readers(session: Session, slide_ids: Iterable[int]) -> dict[int, list[tuple[SlideReading, Reader]]]:
    """Readings of these slides as they stand, by slide id, with whose they are: one of each person."""
    ids, names = list(slide_ids), other_names(session)
    readers = {reader.id: reader for reader in session.scalars(select(Reader))}
    by_slide: dict[int, list[tuple[SlideReading, Reader]]] = {slide_id: [] for slide_id in ids}
    for reading in current(session, ids):
        by_slide[reading.slide_id].append((reading, readers[names.get(reading.reader_id, reading.reader_id)]))
    return by_slide


def history(session: Session, slide_id: int) -> Sequence[SlideReading]:
    """Every reading of a slide, oldest first."""
    return session.scalars(
        select(SlideReading).where(SlideReading.slide_id == slide_id).order_by(SlideReading.id)
    ).all()


def readings_on(session: Session, slide_id: int) -> int:
    """How many readings there are of a slide."""
    return session.scalar(select(func.count(SlideReading.id)).where(SlideReading.slide_id == slide_id)) or 0


def verify(session: Session) -> Verdict:
    """Walk the whole chain of slide readings; the first event that does not fit is named."""
    previous, count = GENESIS, 0
    columns = list(SlideReading.__table__.columns)
    for row in map(dict, session.execute(select(*columns).order_by(SlideReading.id)).mappings()):
        if row["previous_hash"] != previous:
            return Verdict(count, previous, row["id"], TAKEN_OUT)
        fields = _plain_fields(row)
        written = digest(previous, fields, canonical_time(row["at"]), canonical_json(row["shown"]))
        if written != row["hash"]:
            return Verdict(count, previous, row["id"], CHANGED)
        previous = row["hash"]
        count += 1
    return Verdict(count, previous)


def _plain_fields(row: Mapping[str, Any]) -> list[object]:
    """The fields that are hashed, in the chain's order; a task later than `HASHED` behind all, where it has a grade."""
    first = [row[name] for name in ("key", "slide_id", "reader_id", "act", *HASHED, "nas", "fibrosis")]
    read_on = None if row["read_on"] is None else row["read_on"].isoformat()
    later = [f"{name}={row[name]}" for name in Grades() if name not in HASHED and row[name] is not None]
    return [*first, int(row["blinded"]), read_on, row["took_ms"], *later]


def _not_blind(session: Session, slide_ids: set[int]) -> set[tuple[int, int]]:
    """(slide, reader) of those who have seen a score or others' grades, under whatever name of theirs."""
    seen: set[tuple[int, int]] = set()
    ids = sorted(slide_ids)
    for start in range(0, len(ids), CHUNK):
        rows = session.execute(
            select(SlideReading.slide_id, SlideReading.reader_id)
            .where(SlideReading.slide_id.in_(ids[start : start + CHUNK]))
            .where(~SlideReading.blinded, SlideReading.act != CLEAR)
            .distinct()
        )
        seen |= set(rows.tuples().all())
    for slide_id, reader_id in list(seen if other_names(session) else ()):
        seen |= {(slide_id, name) for name in same_person(session, reader_id)}
    return seen
