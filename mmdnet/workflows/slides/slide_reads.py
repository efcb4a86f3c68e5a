"""Reading whole slides: which are due for a reader, by whom nobody is told, and what was said appended to the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy.orm import Session

from db import event_log, slide_readings
from db.models import Project, Reader, Slide, SlideReading
from db.slides import slide_ids_of
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, Grades
from mmdnet.workflows.services import Services, must_get

ReadKind = Literal["own", "second", "settle"]
KINDS: tuple[ReadKind, ...] = ("own", "second", "settle")
"""A first read, one of a slide that another reader has read already, and one that settles a disagreement."""


@dataclass(frozen=True, slots=True)
class ReadsDue:
    """How many slides are due for a reader by kind, and which, by name."""

    own: tuple[int, ...] = ()
    second: tuple[int, ...] = ()
    settle: tuple[int, ...] = ()

    def of(self, kind: ReadKind) -> tuple[int, ...]:
        slides: tuple[int, ...] = getattr(self, kind)
        return slides


class SlideReads:
    """Use cases reachable as `lab.slides.reads`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def due(self, project_id: int, reader_id: int) -> ReadsDue:
        """Slides this reader has not read (nobody has, or another reader), and disagreements nobody settled."""
        with self._services.db() as session:
            must_get(session, Project, project_id, "project")
            must_get(session, Reader, reader_id, "reader")
            slides = slide_ids_of(session, project_id)
            readings = _by_slide(session, slides)
        mine = {key for key in slides if any(r.reader_id == reader_id for r in readings[key])}
        return ReadsDue(
            own=tuple(key for key in slides if not readings[key]),
            second=tuple(key for key in slides if readings[key] and key not in mine),
            settle=tuple(key for key in slides if key in mine and _differ(readings[key])),
        )

    def votes(self, slide_id: int, reader_id: int) -> Sequence[Grades]:
        """What readers said of a slide, without their names, for one who settles a disagreement.

        Raises:
            LabError: this reader has not read the slide yet, and would not be blind to it any more.
        """
        with self._services.db() as session:
            readings = _by_slide(session, [slide_id])[slide_id]
        if all(reading.reader_id != reader_id for reading in readings):
            raise LabError("Others' grades of a slide are shown to who has read it. Read it first.")
        return sorted((Grades.of(reading) for reading in readings), key=lambda grades: str(grades.as_tuple))

    def own(self, slide_id: int, reader_id: int) -> Grades | None:
        """What this reader said of the slide, as it stands."""
        with self._services.db() as session:
            readings = slide_readings.current(session, [slide_id])
        return next((Grades.of(reading) for reading in readings if reading.reader_id == reader_id), None)

    def put(
        self,
        slide_id: int,
        reader_id: int,
        grades: Mapping[str, int | None],
        *,
        kind: ReadKind = "own",
        key: str,
        shown: Mapping[str, Any] | None = None,
        took_ms: int | None = None,
    ) -> None:
        """Append a reading; one that settles a disagreement is not blind, and says so.

        Args:
            grades: of every task, None where it cannot be told.
            key: the client's; the same reading sent twice is one.
            shown: what the reader saw, as JSON.

        Raises:
            LabError: no grade at all, one off its scale, or a disagreement settled by somebody who has not read it.
        """
        try:
            given = Grades(**grades)
        except ValueError as problem:
            raise LabError(f"{problem} Nothing was saved.") from problem
        if not given.any_known:
            raise LabError("No feature has a grade. Grade one at least; nothing was saved.")
        if kind == "settle":
            self.votes(slide_id, reader_id)
        act = slide_readings.SETTLING if kind == "settle" else "grade"
        with event_log.appending(self._services.db) as session:
            must_get(session, Slide, slide_id, "slide")
            must_get(session, Reader, reader_id, "reader")
            seen = dict(shown or {}) | {"read": kind}
            slide_readings.put(session, slide_id, reader_id, act, given, key=key, shown=seen, took_ms=took_ms)

    def clear(self, slide_id: int, reader_id: int, key: str) -> None:
        """Take one's own reading back; it stays in the log.

        Raises:
            LabError: there is none.
        """
        if self.own(slide_id, reader_id) is None:
            raise LabError("You have no reading of this slide. Nothing was changed.")
        with event_log.appending(self._services.db) as session:
            cleared = slide_readings.NewReading(slide_id, reader_id, slide_readings.CLEAR, key=key)
            slide_readings.append(session, [cleared])


def _by_slide(session: Session, slide_ids: Sequence[int]) -> dict[int, list[SlideReading]]:
    readings: dict[int, list[SlideReading]] = defaultdict(list)
    for reading in slide_readings.current(session, slide_ids):
        readings[reading.slide_id].append(reading)
    return readings


def _differ(readings: Sequence[SlideReading]) -> bool:
    """Whether readers differ in a task both graded, and nobody settled it."""
    if any(reading.act == slide_readings.SETTLING for reading in readings):
        return False
    known = [{g for r in readings if (g := Grades.of(r)[name]) is not None} for name in TASK_NAMES]
    return any(len(grades) > 1 for grades in known)
