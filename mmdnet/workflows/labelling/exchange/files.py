"""Labels out to a file and in again: CSV, JSON lines, Parquet, QuPath GeoJSON."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import event_log
from db.models import Project, Reader, Slide
from db.projects import ensure_reader
from db.readings import SETTLED_IMPORT
from db.slides import first_patch
from mmdnet.labels.files import Square, SquareOf, write_records
from mmdnet.settings import Settings
from mmdnet.workflows.labelling.exchange import tables as label_tables
from mmdnet.workflows.labelling.exchange.tables import ReadTable
from mmdnet.workflows.labelling.views import ExportedLabels, ImportOutcome
from mmdnet.workflows.services import Services, must_get


class Files:
    """Use cases reachable as `lab.labels.files`."""

    def __init__(self, services: Services, after_labels: Callable[[int], object]) -> None:
        self._services = services
        self._after_labels = after_labels

    def export(
        self,
        project_id: int,
        kind: str = "csv",
        reader_id: int | None = None,
        slide_id: int | None = None,
        seen_by: int | None = None,
    ) -> ExportedLabels:
        """Every reader's label of every patch as it stands, as a file; only one reader's or one slide's if given.

        Args:
            kind: csv, parquet, jsonl, geojson (one slide) or zip (a GeoJSON per slide).
            seen_by: leave out what this reader may not see: labels of others on patches the reader has not graded.

        Raises:
            LabError: there is no such kind, or a GeoJSON would hold several slides.
        """
        with self._services.db() as session:
            must_get(session, Project, project_id, "project")
            records, hidden = label_tables.visible_records(session, project_id, reader_id, seen_by)
            if slide_id is not None:
                name = must_get(session, Slide, slide_id, "slide").name
                records = [record for record in records if record.slide == name]
            marks = {record.fingerprint for record in records} if kind in ("geojson", "zip") else set()
            data = write_records(records, kind, _squares(session, self._services.settings, project_id, marks))
            return ExportedLabels(data, len(records), hidden)

    def import_file(
        self,
        project_id: int,
        name: str,
        data: bytes,
        take_good: bool = False,
        reader: str = "",
        by: int | None = None,
        operator: str = "",
        preview: bool = False,
        taken_from: tuple[str, str] | None = None,
        most: int | None = None,
    ) -> ImportOutcome:
        """Put the labels of a file in, as one act; nothing if a line is wrong, unless `take_good`.

        Args:
            name: the file's name; its ending says what it is.
            reader: who graded, where the file does not say.
            by: the reader who brings the file; see `label_tables.read_table` for what it then leaves alone.
            operator: who brings it where no reader does, for the record.
            preview: only say what would be done.
            most: rows of the file that are read; more are refused.
            taken_from: name and SHA-256 of the file the labels were taken out of, where `data` is not that file.
        """
        with self._services.db() as session:
            must_get(session, Project, project_id, "project")
            from_qupath = name.lower().endswith(("json", "zip"))
            square_of = _squares(session, self._services.settings, project_id, None if from_qupath else set())
            read = label_tables.read_table(session, project_id, name, data, square_of, reader, by, most)
        refused = bool(read.problems) and not take_good
        if not preview and not refused:
            source = taken_from or (name, hashlib.sha256(data).hexdigest())
            with event_log.appending(self._services.db) as session:
                event_log.append(session, _events(session, read, source, by, operator))
            self._after_labels(project_id)
        imported = 0 if refused and not preview else len(read.new)
        readers = Counter(label.record.reader for label in read.new)
        return ImportOutcome(
            imported, read.unchanged, read.problems, read.counted, tuple(sorted(readers.items())), read.not_read
        )


def _events(
    session: Session, read: ReadTable, source: tuple[str, str], by: int | None, operator: str
) -> Iterator[event_log.NewEvent]:
    """One event per new label; each says from which line of which file it came, and who brought it."""
    readers = {name: ensure_reader(session, name).id for name in {label.record.reader for label in read.new}}
    key = f"import-{uuid.uuid4().hex}"
    facts = {"batch": key, "of": len(read.new), "file": source[0], "sha256": source[1]}
    facts["imported_by"] = operator if by is None else session.get_one(Reader, by).name
    for number, label in enumerate(read.new):
        record = label.record
        where = {read.counted: label.line.number} | ({"member": label.line.file} if label.line.file else {})
        yield event_log.NewEvent(
            key=f"{key}:{number}",
            session_id=None,
            reader_id=readers[record.reader],
            patch_id=label.patch_id,
            act=SETTLED_IMPORT if record.adjudicated else "import",
            grades=record.grades,
            ignored=record.ignored,
            flagged=record.flagged,
            shown=facts | where | ({"given_at": record.at} if record.at else {}),
        )


def _squares(session: Session, settings: Settings, project_id: int, marks: Collection[str] | None) -> SquareOf:
    """Where QuPath sees the patches of the slides with these fingerprints; None for all."""
    from mmdnet.workflows.slides.stored_geometry import image_corner_px0, stored_grid

    squares: dict[str, Square] = {}
    slides = session.scalars(select(Slide).where(Slide.project_id == project_id, Slide.patch_px.is_not(None))).all()
    for slide in slides:
        if marks is not None and slide.fingerprint not in marks:
            continue
        corner = image_corner_px0(slide, first_patch(session, slide.id), settings)
        squares[slide.fingerprint] = Square(*corner, *stored_grid(slide).size_px0)
    names: dict[str, str] = {slide.name: slide.fingerprint for slide in slides}
    return lambda name, mark: squares.get(mark or names.get(name, ""))
