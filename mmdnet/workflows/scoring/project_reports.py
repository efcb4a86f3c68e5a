"""All reports of a project in one file: a table of the newest score of each slide, or everything in one ZIP."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from db import scores as rows
from mmdnet import tables
from mmdnet.errors import LabError
from mmdnet.workflows.scoring.scored_slide import ScoredSlide, load_scored_slide
from mmdnet.workflows.services import Services

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT_KINDS = (*tables.KINDS, "zip")  # endings of the files all reports are written as
ZIPPED = ("pdf", "json", "geojson")  # of each report in the ZIP, beside the one table


class ProjectReports:
    """The reports of all scored slides of a project; a slide's newest score counts."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def file(self, project_id: int, kind: str) -> str | bytes:
        """All reports as one of the kinds of file.

        Raises:
            LabError: there is no such kind, nothing is scored, or a score cannot be opened.
        """
        if kind not in PROJECT_KINDS:
            known = ", ".join(f".{name}" for name in PROJECT_KINDS)
            raise LabError(f"All reports are written as {known}, not as {kind or 'a file without ending'}.")
        newest = self._newest(project_id)
        if not newest:
            raise LabError("No slide of this project is scored yet, so there is no report. Score slides first.")
        return self._zip(newest) if kind == "zip" else self._table(map(self._open, newest), kind)

    def _newest(self, project_id: int) -> list[int]:
        """The newest score of each slide, oldest first."""
        with self._services.db() as session:
            by_slide = {row[1].id: row[0].id for row in reversed(rows.scores_of(session, project_id))}
        return sorted(by_slide.values())

    def _open(self, score_id: int) -> ScoredSlide:
        return load_scored_slide(self._services, score_id)

    def _table(self, scored: Iterator[ScoredSlide], kind: str) -> str | bytes:
        from mmdnet.reports.csv import COLUMNS, report_rows

        lines = (row for opened in scored for row in report_rows(opened.report))
        if kind == "csv":
            return tables.to_csv(COLUMNS, lines)
        if kind == "xlsx":
            return tables.to_xlsx(COLUMNS, lines, "Reports")
        return tables.to_parquet(COLUMNS, lines)

    def _zip(self, newest: Sequence[int]) -> bytes:
        """A slide at a time; the table of all comes first."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("reports.csv", self._table(map(self._open, newest), "csv"))
            for score_id in newest:
                opened = self._open(score_id)
                for kind in ZIPPED:
                    archive.writestr(f"{_stem(opened.slide.name)}_{score_id}.{kind}", opened.file(kind))
        return out.getvalue()


def _stem(name: str) -> str:
    """A slide's name as a file's: letters, digits, - and _ alone."""
    return re.sub(r"[^\w-]", "_", name)[:80]
