"""Facts and grades of a project's slides as a table: out to a file and in again, all of it or nothing."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from pathlib import PurePosixPath

from sqlalchemy.orm import Session

from db import event_log, slide_readings
from db.models import Project, Reader, Slide
from db.projects import add_change, ensure_reader
from db.slides import slides_of
from mmdnet import tables
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.progress import Progress, part_of, silent
from mmdnet.tables import Line, NoTable
from mmdnet.words import count
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.fetched.place import open_file
from mmdnet.workflows.slides.ingest.register import write_survey
from mmdnet.workflows.slides.ingest.survey import Survey, survey
from mmdnet.workflows.slides.tables.facts_plan import FactsPlan, FactsPlanner, Planned
from mmdnet.workflows.slides.tables.facts_rows import COLUMNS, FACTS, check_columns

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Source:
    """Where rows come from: a file's name and hash, for the record of what they bring; `lines` reads them anew."""

    name: str
    sha256: str
    lines: Callable[[], Iterable[Line]]


class FactsTables:
    """Use cases reachable as `lab.slides.tables`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def rows(self, project_id: int, seen_by: int | None = None) -> list[dict[str, object]]:
        """A row per slide and reader, by `COLUMNS`; a slide nobody read has one without grades.

        Args:
            seen_by: others' grades only of slides this reader has read: whoever still has to read one stays blind.
        """
        with self._services.db() as session:
            must_get(session, Project, project_id, "project")
            return _rows(session, project_id, seen_by)

    def export(self, project_id: int, kind: str, seen_by: int | None = None) -> bytes:
        """The same as a file.

        Args:
            kind: csv, xlsx or parquet.
        """
        rows = self.rows(project_id, seen_by)
        if kind == "csv":
            return tables.to_csv(COLUMNS, rows).encode()
        return tables.to_xlsx(COLUMNS, rows, "Slides") if kind == "xlsx" else _to_parquet(rows)

    def import_file(
        self,
        project_id: int,
        name: str,
        data: bytes,
        *,
        reader: str = "",
        by: int | None = None,
        operator: str = "",
        apply: bool = False,
        progress: Progress = silent,
    ) -> FactsPlan:
        """What a table would change, line by line; done if asked to, all of it or, where one row is wrong, nothing.

        Args:
            name: the file's; its ending says csv, xlsx or parquet.
            reader: who graded where a row does not say.
            by: the reader who brings it; may add others' grades and not change those that stand. None: may do both.
            operator: who brings it where no reader does, for the record.

        Raises:
            LabError: it cannot be read as a table; or, if it was to be applied, a row is wrong.
        """
        kind = kind_of(name)
        source = _Source(name, hashlib.sha256(data).hexdigest(), lambda: tables.read_rows(data, kind, check_columns))
        try:
            return self._bring(project_id, source, reader, by, operator, apply, progress)
        except NoTable as problem:
            raise LabError(f"{name} {problem}. Nothing was changed.") from problem

    def import_rows(
        self,
        project_id: int,
        rows: Mapping[int, Row],
        *,
        reader: str = "",
        by: int | None = None,
        apply: bool = False,
        progress: Progress = silent,
    ) -> FactsPlan:
        """The same of rows that were edited on a page, by the number they are shown with.

        Raises:
            LabError: it was to be applied, and a row is wrong.
        """
        lines = [Line(number, row) for number, row in rows.items()]
        return self._bring(project_id, _Source("the page", "", lambda: lines), reader, by, "", apply, progress)

    def _bring(
        self, project_id: int, source: _Source, reader: str, by: int | None, operator: str, apply: bool,
        progress: Progress,
    ) -> FactsPlan:  # fmt: skip
        with self._services.db() as session:
            planned = self._planned(session, project_id, source, reader, by)
        if not apply:
            return planned.plan
        _refuse_problems(planned.plan)
        surveyed = self._surveyed(planned, progress)
        with event_log.appending(self._services.db) as session:
            now = self._planned(session, project_id, source, reader, by)
            if now.plan != planned.plan:
                raise LabError("The slides were changed by somebody else meanwhile. Look at the table again.")
            self._write(session, now, surveyed, source, by, operator)
            if now.plan.changes:
                add_change(
                    session, project_id, "table taken in", f"{count(len(now.plan.changes), 'row')} of {source.name}", by
                )
        return now.plan

    def _planned(self, session: Session, project_id: int, source: _Source, reader: str, by: int | None) -> Planned:
        must_get(session, Project, project_id, "project")
        return FactsPlanner(session, project_id, reader, by).plan(source.lines())

    def _surveyed(self, planned: Planned, progress: Progress) -> dict[int, Survey]:
        """Tissue and patches of the slides whose µm per pixel changes; reading files takes long, so nothing waits.

        Raises:
            LabError: a file cannot be read, or there is no tissue on it.
        """
        from mmdnet.slides.readers.open import open_slide

        surveyed = {}
        for number, (slide_id, mpp) in enumerate(sorted(planned.mpp.items())):
            with self._services.db() as session:
                slide = must_get(session, Slide, slide_id, "slide")
            steps = part_of(progress, number, len(planned.mpp), slide.name)
            with open_file(self._services.settings, slide.path, partial(open_slide, mpp=mpp), steps) as opened:
                surveyed[slide_id] = survey(opened, self._services.settings, steps)
        return surveyed

    def _write(
        self, session: Session, planned: Planned, surveyed: Mapping[int, Survey], source: _Source, by: int | None,
        operator: str,
    ) -> None:  # fmt: skip
        for slide_id, stated in planned.facts.items():
            slide = session.get_one(Slide, slide_id)
            slide.facts = slide.facts.with_stated(stated)
            if slide_id in surveyed:
                write_survey(session, slide, surveyed[slide_id])
        who = operator if by is None else session.get_one(Reader, by).name
        origin = {"file": source.name, "sha256": source.sha256, "imported_by": who}
        for reading in planned.readings:
            slide_readings.put(
                session,
                reading.slide_id,
                ensure_reader(session, reading.row.reader).id,
                "import",
                reading.row.grades,
                shown=origin | {"row": reading.row.line},
                **reading.said,
            )


def kind_of(name: str) -> str:
    """csv, xlsx or parquet, by the file's ending.

    Raises:
        LabError: another ending.
    """
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower().lstrip(".")
    kind = {"txt": "csv", "tsv": "csv"}.get(suffix, suffix)
    if kind not in tables.KINDS:
        raise LabError(f"Facts of slides are kept in files ending in .csv, .xlsx or .parquet, not {name}.")
    return kind


def _refuse_problems(plan: FactsPlan) -> None:
    if plan.problems:
        first, more = plan.problems[0], len(plan.problems) - 1
        others = f" {count(more, 'more row is', 'more rows are')} wrong." if more else ""
        raise LabError(f"Row {first.line} {first.problem}.{others} Nothing was changed.")


def _rows(session: Session, project_id: int, seen_by: int | None) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    slides = slides_of(session, project_id)
    read = slide_readings.with_readers(session, [slide.id for slide in slides])
    for slide in slides:
        facts = {name: getattr(slide, name) for name in FACTS if name != "mpp"}
        common: dict[str, object] = {"slide": slide.name, "path": slide.path, **facts, "mpp": slide.mpp_x}
        readings = read[slide.id]
        own = any(reader.id == seen_by for _, reader in readings)
        shown = [(r, reader) for r, reader in readings if seen_by is None or own or reader.id == seen_by]
        for reading, reader in shown:
            grades = {name: getattr(reading, name) for name in (*TASK_NAMES, "nas", "fibrosis")}
            day = (reading.read_on or reading.at.astimezone(UTC).date()).isoformat()
            rows.append(common | grades | {"reader": reader.name, "date": day})
        if not shown:
            rows.append(common | dict.fromkeys((*TASK_NAMES, "nas", "fibrosis", "reader", "date")))
    return rows


def _to_parquet(rows: Sequence[Row]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = dict.fromkeys(COLUMNS, pa.string()) | {"mpp": pa.float64(), "nas": pa.int8()}
    schema = pa.schema([(name, pa.int8() if name in TASK_NAMES else types[name]) for name in COLUMNS])
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), out)
    return out.getvalue()
