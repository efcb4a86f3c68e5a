"""All reports of a project in one file: a table of the score that leads of each slide, or everything in one ZIP."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mmdnet import tables
from mmdnet.errors import LabError
from mmdnet.workflows.scoring.scored_slide import ScoredSlide, load_scored_slide
from mmdnet.workflows.scoring.scoring import Scoring
from mmdnet.workflows.services import Services

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT_KINDS = (*tables.KINDS, "zip")  # endings of the files all reports are written as
ZIPPED = ("pdf", "json", "geojson")  # of each report in the ZIP, beside the one table


class ProjectReports:
    """The reports of all scored slides of a project; of a slide the score that leads counts (see `leading_of`)."""

    def __init__(self, services: Services, scoring: Scoring) -> None:
        self._services = services
        self._scoring = scoring

    def file(self, project_id: int, kind: str) -> str | bytes:
        """All reports as one of the kinds of file.

        Raises:
            LabError: there is no such kind, nothing is scored, or a score cannot be opened.
        """
        if kind not in PROJECT_KINDS:
            known = ", ".join(f".{name}" for name in PROJECT_KINDS)
            raise LabError(f"All reports are written as {known}, not as {kind or 'a file without ending'}.")
        leading = sorted(score.id for score in self._scoring.leading(project_id).values())
        if not leading:
            raise LabError("No slide of this project is scored yet, so there is no report. Score slides first.")
        return self._zip(leading) if kind == "zip" else self._table(map(self._open, leading), kind)

    def _open(self, score_id: int) -> ScoredSlide:
        return load_scored_slide(self._services, score_id)

    def _table(self, scored: Iterable[ScoredSlide], kind: str) -> str | bytes:
        from mmdnet.reports.csv import COLUMNS, report_rows

        lines = (row for opened in scored for row in report_rows(opened.report))
        if kind == "csv":
            return tables.to_csv(COLUMNS, lines)
        if kind == "xlsx":
            return tables.to_xlsx(COLUMNS, lines, "Reports")
        return tables.to_parquet(COLUMNS, lines)

    def _zip(self, leading: Sequence[int]) -> bytes:
        """A slide at a time, each opened once; the table of all comes last, as it is known last."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:

            def written() -> Iterator[ScoredSlide]:
                for opened in map(self._open, leading):
                    for kind in ZIPPED:
                        name = f"{_stem(opened.slide.name)}_{opened.score.id}.{kind}"
                        archive.writestr(name, opened.file(kind))
                    yield opened

            archive.writestr("reports.csv", self._table(written(), "csv"))
        return out.getvalue()


def _stem(name: str) -> str:
    """A slide's name as a file's: letters, digits, - and _ alone."""
    return re.sub(r"[^\w-]", "_", name)[:80]
