"""What a table of slides' facts and grades would change, row by row, against the project as it stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from sqlalchemy.orm import Session

from db import slide_readings
from db.models import Reader, Slide, SlideReading
from db.slides import labelled_events, slides_of
from mmdnet.labels.grading import Grades, task
from mmdnet.labels.records import LineProblem
from mmdnet.slides.facts import StatedFacts
from mmdnet.slides.geometry import MPP_TOLERANCE
from mmdnet.slides.identity import identity_key
from mmdnet.tables import Line
from mmdnet.workflows.slides.tables.facts_rows import COLUMNS, FactsRow, column_name, row_of


@dataclass(frozen=True, slots=True)
class RowChange:
    """What one row changes: a sentence part for each thing, as "patient: P1 → P2"."""

    line: int
    slide: str
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with a row, to be read after "Row 3"."""

    line: int
    problem: str


@dataclass(frozen=True, slots=True)
class FactsPlan:
    """What a table would do.

    Attributes:
        unchanged: rows that say what stands already.
        notes: what is taken as it is and is odd.
        not_read: columns that mean nothing here.
    """

    changes: tuple[RowChange, ...] = ()
    problems: tuple[RowProblem, ...] = ()
    unchanged: int = 0
    notes: tuple[str, ...] = ()
    not_read: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedReading:
    """A reading to append: of which slide, by which row, and what else of `db.slide_readings.NewReading` it says."""

    slide_id: int
    row: FactsRow
    said: dict[str, object]  # keyword arguments of `slide_readings.put`


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what is to be written for it: facts and µm per pixel by slide, and readings."""

    plan: FactsPlan
    facts: dict[int, StatedFacts]
    mpp: dict[int, float]
    readings: tuple[PlannedReading, ...]


@dataclass
class FactsPlanner:
    """Reads rows against a project; the session is only read from.

    Args:
        reader: who graded where a row does not say.
        by: the reader who brings the table, who may not change what stands of others; None may.
    """

    session: Session
    project_id: int
    reader: str = ""
    by: int | None = None
    _said: dict[int, dict[str, tuple[int, object]]] = field(default_factory=lambda: defaultdict(dict))
    _rows: dict[tuple[int, str], int] = field(default_factory=dict)
    _notes: list[str] = field(default_factory=list)

    def plan(self, lines: Iterable[Line]) -> Planned:
        """What these rows would change."""
        slides = slides_of(self.session, self.project_id)
        index = _Index(slides)
        names = {reader.id: reader.name for reader in self.session.query(Reader)}
        standing = {
            (reading.slide_id, names[reading.reader_id].lower()): reading
            for reading in slide_readings.current(self.session, [slide.id for slide in slides])
        }
        changes: list[RowChange] = []
        problems: list[RowProblem] = []
        facts: dict[int, StatedFacts] = {}
        mpp: dict[int, float] = {}
        readings: list[PlannedReading] = []
        unchanged = 0
        columns: dict[str, None] = {}
        today = datetime.now(UTC).date()
        for line in lines:
            columns |= dict.fromkeys(line.fields)
            try:
                if line.problem:
                    raise LineProblem(line.problem)
                row = row_of(line.number, line.fields, self.reader, today)
                slide = index.find(row)
                self._refuse_double(row, slide)
                stated, told = self._facts(row, slide)
                reading, graded = self._reading(row, slide, standing)
            except LineProblem as problem:
                problems.append(RowProblem(line.number, str(problem)))
                continue
            if not told and not graded:
                unchanged += 1
                continue
            changes.append(RowChange(row.line, slide.name, (*told, *graded)))
            if told:
                facts[slide.id] = _joined(facts.get(slide.id), stated)
                if stated.mpp is not None:
                    mpp[slide.id] = stated.mpp
            if reading:
                readings.append(reading)
        not_read = tuple(name for name in columns if column_name(name) not in COLUMNS)
        plan = FactsPlan(tuple(changes), tuple(problems), unchanged, tuple(self._notes), not_read)
        return Planned(plan, facts, mpp, tuple(readings))

    def _refuse_double(self, row: FactsRow, slide: Slide) -> None:
        who = row.reader.lower()
        before = self._rows.setdefault((slide.id, who), row.line)
        if before != row.line:
            raise LineProblem(f"is of the same slide{f' and reader ({row.reader})' if who else ''} as row {before}")
        for name, value in _stated(row.facts).items():
            first, said = self._said[slide.id].setdefault(name, (row.line, value))
            if said != value:
                title = StatedFacts.title(name).lower()
                raise LineProblem(f"says {title} {value} of {slide.name}, and row {first} says {said}")

    def _facts(self, row: FactsRow, slide: Slide) -> tuple[StatedFacts, list[str]]:
        """What is new of the facts, and that in words."""
        new: dict[str, Any] = {}  # by fact: text, or a number of µm
        told = []
        for name, value in _stated(row.facts).items():
            before = slide.mpp_x if name == "mpp" else getattr(slide, name)
            if value == before or (name == "mpp" and before is not None and self._same_mpp(row, slide)):
                continue
            new[name] = value
            same = name == "patient" and identity_key(slide.patient) == identity_key(row.facts.patient)
            told.append(
                f"{StatedFacts.title(name)}: {'–' if before is None else before} → {value}"
                + (" (the same patient)" if same else "")
            )
        return StatedFacts(**new), told

    def _same_mpp(self, row: FactsRow, slide: Slide) -> bool:
        """Whether the row states the µm per pixel that holds.

        Raises:
            LineProblem: it is another than the file's own, or labels lie on the slide's patches.
        """
        assert slide.mpp_x and row.facts.mpp
        if abs(row.facts.mpp / slide.mpp_x - 1) <= MPP_TOLERANCE:
            return True
        if slide.mpp_source == "file":
            raise LineProblem(
                f"says {row.facts.mpp:g} µm per pixel, and the file of {slide.name} itself says {slide.mpp_x:g}; leave "
                "the cell empty"
            )
        if labelled_events(self.session, slide.id):
            raise LineProblem(
                f"says {row.facts.mpp:g} µm per pixel, and {slide.name} carries labels laid by {slide.mpp_x:g}"
            )
        return False

    def _reading(
        self, row: FactsRow, slide: Slide, standing: Mapping[tuple[int, str], SlideReading]
    ) -> tuple[PlannedReading | None, list[str]]:
        """What is new of the grades, and that in words."""
        if not row.graded:
            return None, []
        before = standing.get((slide.id, row.reader.lower()))
        old = Grades() if before is None else Grades.of(before)
        told = [
            f"{row.reader}, {task(name).title.lower()}: {'–' if old[name] is None else old[name]} → {grade}"
            for name, grade in row.grades.items()
            if grade != old[name]
        ]
        said = {name: getattr(row, name) for name in ("nas", "fibrosis", "read_on")}
        said = {name: value for name, value in said.items() if value is not None}
        for name, value in said.items():
            earlier = getattr(before, name, None)
            by_default = name == "read_on" and before is not None and before.at.astimezone(UTC).date()
            if value not in (earlier, by_default):
                told.append(f"{row.reader}, {_TITLES[name]}: {'–' if earlier is None else earlier} → {value}")
        if not told:
            return None, []
        if before is not None and self.by not in (None, before.reader_id):
            raise LineProblem(f"changes what {row.reader} said of {slide.name}, and only {row.reader} may change that")
        total = Grades(**dict(old) | dict(row.grades)).total
        if row.nas is not None and total is not None and row.nas != total:
            self._notes.append(f"Row {row.line}: NAS {row.nas} is kept as given; the grades come to {total}.")
        return PlannedReading(slide.id, row, said), told


_TITLES = {"nas": "NAS", "fibrosis": "fibrosis", "read_on": "read on"}


class _Index:
    """A project's slides by what rows call them."""

    def __init__(self, slides: Iterable[Slide]) -> None:
        self._by_path: dict[str, Slide] = {}
        self._by_name: list[dict[str, list[Slide]]] = [defaultdict(list) for _ in range(3)]
        for slide in slides:
            self._by_path[slide.path] = slide
            for place, name in enumerate(_ways(slide.name)):
                self._by_name[place][name].append(slide)

    def find(self, row: FactsRow) -> Slide:
        """The slide a row is of: by its path, else by its name; exactly, else but for case, else without its ending.

        Raises:
            LineProblem: there is none, or more than one.
        """
        if row.path:
            slide = self._by_path.get(row.path)
            if slide is None:
                raise LineProblem(f"is of {row.path}, and no slide of this project lies there")
            if row.slide and slide not in self._named(row.slide):
                raise LineProblem(f"names {row.slide}, and the slide at its path is called {slide.name}")
            return slide
        named = self._named(row.slide)
        if len(named) > 1:
            raise LineProblem(f"names {row.slide}, and {len(named)} slides are called so; give the path too")
        if not named:
            raise LineProblem(f"names {row.slide}, and no slide of this project is called so")
        return named[0]

    def _named(self, name: str) -> list[Slide]:
        for by_name, way in zip(self._by_name, _ways(name), strict=True):
            if by_name.get(way):
                return by_name[way]
        return []


def _ways(name: str) -> tuple[str, str, str]:
    return name, name.casefold(), PurePath(name.casefold()).stem


def _stated(facts: StatedFacts) -> dict[str, Any]:  # by fact: text, or a number of µm
    return {name: value for name in StatedFacts.names() if (value := getattr(facts, name)) is not None}


def _joined(before: StatedFacts | None, stated: StatedFacts) -> StatedFacts:
    return stated if before is None else replace(before, **_stated(stated))
