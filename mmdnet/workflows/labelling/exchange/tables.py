"""A project's labels as lines of a file, and a file's lines against the project's patches; nothing is written here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import readings
from db.event_log import canonical_time
from db.models import Patch, Reader, Slide
from db.readings import Reading
from mmdnet.errors import LabError
from mmdnet.labels.files import COUNTED, SquareOf, kind_of, read_lines
from mmdnet.labels.records import COLUMNS, LabelRecord, LineProblem, record_of
from mmdnet.tables import Line, NoTable, counted
from mmdnet.workflows.labelling.views import ImportProblem

ORDER = attrgetter("slide", "fingerprint", "y_px0", "x_px0", "reader", "adjudicated")
PatchCorner = tuple[int, int, int]  # slide, and the patch's corner
Given = tuple[str, int, bool]  # reader's name in small letters, patch, whether it settles a disagreement


@dataclass(frozen=True, slots=True)
class NewLabel:
    """A label that is to be put in: from which line of the file, on which patch."""

    line: Line
    patch_id: int
    record: LabelRecord


@dataclass(frozen=True)
class ReadTable:
    """A file understood: new labels, how many stand already, what was wrong, which columns mean nothing here."""

    counted: str
    new: tuple[NewLabel, ...] = ()
    unchanged: int = 0
    problems: tuple[ImportProblem, ...] = ()
    not_read: tuple[str, ...] = ()


def standing_records(session: Session, project_id: int) -> list[tuple[LabelRecord, int, int]]:
    """Labels as they stand, each with its reader's and patch's number; by slide, place and reader.

    A reader who graded a patch blind and later settled a disagreement on it has two.
    """
    names = {reader.id: reader.name for reader in session.scalars(select(Reader))}
    places = {patch_id: place for place, patch_id in _places(session, project_id).items()}
    slides = {slide.id: slide for slide in _slides(session, project_id)}
    settled = {reading.id for reading in readings.settled(session, project_id)}
    given = readings.newest(session, project_id)
    settling = {(reading.reader_id, reading.patch_id) for reading in given if reading.id in settled}
    if settling:
        given += [
            reading
            for reading in readings.blind(session, project_id)
            if (reading.reader_id, reading.patch_id) in settling
        ]
    records = []
    for reading in given:
        slide_id, x_px0, y_px0 = places[reading.patch_id]
        corner, adjudicated = (x_px0, y_px0), reading.id in settled
        records.append((_record(reading, slides[slide_id], corner, names[reading.reader_id], adjudicated), reading))
    records.sort(key=lambda pair: ORDER(pair[0]))
    return [(record, reading.reader_id, reading.patch_id) for record, reading in records]


def _record(reading: Reading, slide: Slide, corner: tuple[int, int], reader: str, adjudicated: bool) -> LabelRecord:
    return LabelRecord(
        slide=slide.name,
        x_px0=corner[0],
        y_px0=corner[1],
        reader=reader,
        grades=reading.grades,
        ignored=reading.ignored,
        flagged=reading.flagged,
        adjudicated=adjudicated,
        at=reading.given_at or canonical_time(reading.at),
        fingerprint=slide.fingerprint,
    )


def visible_records(
    session: Session, project_id: int, reader_id: int | None, seen_by: int | None
) -> tuple[list[LabelRecord], int]:
    """Labels for a file: of one reader if given, and only those `seen_by` may see; how many those are not.

    A reader sees the labels of others on patches they have graded themselves and are not about to grade again.
    """
    records = standing_records(session, project_id)
    if reader_id is not None:
        records = [row for row in records if row[1] == reader_id]
    if seen_by is None:
        return [record for record, *_ in records], 0
    own = readings.may_see(session, project_id, seen_by)
    shown = [record for record, who, patch in records if who == seen_by or patch in own]
    return shown, len(records) - len(shown)


def read_table(
    session: Session,
    project_id: int,
    name: str,
    data: bytes,
    square_of: SquareOf,
    reader: str = "",
    by: int | None = None,
    most: int | None = None,
) -> ReadTable:
    """Understand a file against the project's patches.

    Args:
        name: the file's name; its ending says what it is, and of a GeoJSON that does not say it, the slide.
        reader: who graded, where the file does not say.
        by: who brings the file. Labels of other readers that stand already then stay as they are, and whether the
            file's are the same is not told, so that nobody can try out what a colleague gave. None is the operator.
        most: rows of the file that are read; more are refused.
    """
    try:
        kind = kind_of(name)
    except LabError as problem:
        return ReadTable("line", problems=(ImportProblem(1, str(problem)),))
    slides = _Known(_slides(session, project_id))
    try:
        lines = counted(read_lines(data, kind, square_of, slides.meant_by(name)), most)
        own = None if by is None else session.get_one(Reader, by).name.lower()
        return _Against(session, project_id, slides, reader, own).read(lines, COUNTED[kind])
    except NoTable as problem:
        return ReadTable(COUNTED[kind], problems=(ImportProblem(problem.line, str(problem)),))


class _Known:
    """The project's slides, by name and by fingerprint."""

    def __init__(self, slides: Sequence[Slide]) -> None:
        self.by_print = {slide.fingerprint: slide.id for slide in slides}
        self.by_name: dict[str, list[int]] = {}
        for slide in slides:
            self.by_name.setdefault(slide.name, []).append(slide.id)

    def find(self, record: LabelRecord) -> int:
        """The slide a label is of.

        Raises:
            LineProblem: none, or it is not clear which.
        """
        if record.fingerprint in self.by_print:
            return self.by_print[record.fingerprint]
        named = self.by_name.get(record.slide, [])
        if not named:
            raise LineProblem(f"names a slide that is not in this project: {record.slide}")
        if record.fingerprint:
            raise LineProblem(
                f"is of another file called {record.slide} (its fingerprint differs); without the fingerprint "
                "its name alone would count"
            )
        if len(named) > 1:
            raise LineProblem(f"names {record.slide}, and {len(named)} slides here are called so; give the fingerprint")
        return named[0]

    def meant_by(self, file: str) -> str:
        """The slide a GeoJSON's name speaks of: `case 7.svs.geojson` and `case 7.geojson` are of `case 7.svs`."""
        stem = file.replace("\\", "/").rsplit("/", 1)[-1].rpartition(".")[0]
        named = [name for name in self.by_name if name == stem]
        named = named or [name for name in self.by_name if name.rpartition(".")[0] == stem]
        return named[0] if len(named) == 1 else ""


@dataclass
class _Against:
    """The project as it stands, and lines held against it one by one."""

    session: Session
    project_id: int
    slides: _Known
    reader: str
    own: str | None
    seen: dict[Given, Line] = field(default_factory=dict)

    def read(self, lines: Iterable[Line], counted: str) -> ReadTable:
        places = _places(self.session, self.project_id)
        standing = {
            (record.reader.lower(), patch, record.adjudicated): record
            for record, _, patch in standing_records(self.session, self.project_id)
        }
        new: list[NewLabel] = []
        problems: list[ImportProblem] = []
        unchanged, strange = 0, set()
        for line in lines:
            strange |= set(line.fields) - set(COLUMNS)
            try:
                label = self._label(line, places, counted)
            except LineProblem as problem:
                problems.append(ImportProblem(line.number, str(problem), line.file))
                continue
            there = standing.get(self._reading(label))
            if there is not None and (self._is_anothers(label) or _same(there, label.record)):
                unchanged += 1
            else:
                new.append(label)
        new.sort(key=lambda label: label.record.at)  # stable: lines that say no time keep their order
        return ReadTable(counted, tuple(new), unchanged, tuple(problems), tuple(sorted(map(str, strange))))

    def _label(self, line: Line, places: Mapping[PatchCorner, int], counted: str) -> NewLabel:
        if line.problem:
            raise LineProblem(line.problem)
        record = record_of(line.fields, self.reader)
        place = (self.slides.find(record), record.x_px0, record.y_px0)
        if place not in places:
            raise LineProblem(
                f"names no patch of {record.slide}: none has its corner at {record.x_px0}, {record.y_px0}"
            )
        label = NewLabel(line, places[place], record)
        first = self.seen.setdefault(self._reading(label), line)
        if first is not line:
            where = f" of {first.file}" if first.file != line.file else ""
            raise LineProblem(f"repeats {counted} {first.number}{where}")
        return label

    @staticmethod
    def _reading(label: NewLabel) -> Given:
        return label.record.reader.lower(), label.patch_id, label.record.adjudicated

    def _is_anothers(self, label: NewLabel) -> bool:
        return self.own is not None and label.record.reader.lower() != self.own


def _same(there: LabelRecord, new: LabelRecord) -> bool:
    return (there.grades, there.ignored, there.flagged) == (new.grades, new.ignored, new.flagged)


def _slides(session: Session, project_id: int) -> Sequence[Slide]:
    return session.scalars(select(Slide).where(Slide.project_id == project_id).order_by(Slide.id)).all()


def _places(session: Session, project_id: int) -> dict[PatchCorner, int]:
    places = session.execute(
        select(Slide.id, Patch.x_px0, Patch.y_px0, Patch.id)
        .join(Patch, Patch.slide_id == Slide.id)
        .where(Slide.project_id == project_id)
    )
    return {(slide_id, x_px0, y_px0): patch_id for slide_id, x_px0, y_px0, patch_id in places}
