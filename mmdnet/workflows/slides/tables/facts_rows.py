"""A row of a table of slides' facts and grades: what it says, or what is wrong with it; no database here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from mmdnet.errors import LabError
from mmdnet.labels.grading import SHOWN_TASKS, TASK_NAMES
from mmdnet.labels.records import LineProblem, grade_cell, refuse_undecoded, text_cell, whole_cell
from mmdnet.slides.facts import StatedFacts
from mmdnet.tables import NoTable

FACTS = StatedFacts.names()
GRADED = (*(task.name for task in SHOWN_TASKS), "nas", "fibrosis")
COLUMNS = ("slide", "path", *(name for name in FACTS if name != "mpp"), "mpp", *GRADED, "reader", "date")
"""Of a table as it is written; one that is read needs `slide` or `path` and at least one of `SAYING`."""
SAYING = COLUMNS[2:-2]
"""Columns that say something of a slide; a reader and a date alone do not."""
ALIASES = {
    "name": "slide", "file": "path", "run": "staining_run", "read_on": "date", "µm_per_pixel": "mpp",
    "accession": "accession_number",
}  # fmt: skip
HIGHEST_NAS = 8
LONGEST_FIBROSIS = 16  # letters: "1a", "F3", "Ishak 4"
FIRST_YEAR = 1900
_COMMA = re.compile(r"[+-]?\d+,\d+")


@dataclass(frozen=True, slots=True)
class FactsRow:
    """What a row says of a slide; an empty cell says nothing and changes nothing.

    Attributes:
        line: its number in the file, 1 the header.
        slide, path: which slide; one of the two may be "".
        grades: only the tasks that have a grade.
        reader: who graded; "" in a row without grades, NAS and fibrosis.
    """

    line: int
    slide: str
    path: str
    facts: StatedFacts
    grades: Mapping[str, int] = field(default_factory=dict)
    nas: int | None = None
    fibrosis: str | None = None
    reader: str = ""
    read_on: date | None = None

    @property
    def graded(self) -> bool:
        return bool(self.grades) or self.nas is not None or self.fibrosis is not None

    @property
    def called(self) -> str:
        """The slide as the row names it."""
        return self.path or self.slide


def column_name(written: str) -> str:
    """The column a header means: case and spaces make no difference."""
    name = re.sub(r"\s+", "_", written.strip().lower())
    return ALIASES.get(name, name)


def check_columns(written: Sequence[str]) -> None:
    """Refuse a header no facts can be read under.

    Raises:
        NoTable: no slide is named, nothing is said of it, or a column is there twice.
    """
    names = [column_name(name) for name in written]
    twice = sorted({name for name in names if name in COLUMNS and names.count(name) > 1})
    if not {"slide", "path"} & set(names):
        raise NoTable("has no column slide or path")
    if not set(names) & set(SAYING):
        raise NoTable(f"has none of the columns {', '.join(SAYING)}")
    if twice:
        raise NoTable(f"has the column {', '.join(twice)} twice")


def row_of(line: int, cells: Mapping[str, object], reader: str, today: date) -> FactsRow:
    """What a row says.

    Args:
        line: its number.
        cells: by column as written.
        reader: who graded where the row does not say.
        today: no slide was read later.

    Raises:
        LineProblem: what is wrong with it, to be read after "row 3".
    """
    refuse_undecoded(cells)
    said = {column_name(name): value for name, value in cells.items()}
    slide, path = _word(said, "slide"), text_cell(said, "path")
    if not slide and not path:
        raise LineProblem("names no slide")
    words = [_word(said, name) for name in StatedFacts.words()]
    try:
        facts = StatedFacts(_number(said, "mpp"), *words)
    except LabError as problem:
        raise LineProblem(f"says {str(problem).removesuffix(' Nothing was changed.').rstrip('.')}") from problem
    grades = {name: grade for name in TASK_NAMES if (grade := grade_cell(said, name)) is not None}
    row = FactsRow(line, slide, path, facts, grades, _nas(said), _fibrosis(said))
    if not row.graded:
        return row
    who = " ".join((text_cell(said, "reader") or reader).split())
    if not who:
        raise LineProblem("has grades and does not say who read the slide (column reader)")
    if len(who) > 80 or not who.isprintable():
        raise LineProblem("has a reader's name that is not 1 to 80 printable characters")
    return FactsRow(line, slide, path, facts, grades, row.nas, row.fibrosis, who, _date(said, today))


def _word(said: Mapping[str, object], name: str) -> str:
    """A field as text; a whole number that a spreadsheet keeps as 3.0 is "3"."""
    value = said.get(name)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else text_cell(said, name)


def _number(said: Mapping[str, object], name: str) -> float | None:
    written = text_cell(said, name)
    if not written:
        return None
    try:
        return float(written)
    except ValueError:
        why = ", a decimal comma; write a point" if _COMMA.fullmatch(written) else "; it must be a number"
        raise LineProblem(f"has {written[:40]} as {name}{why}") from None


def _nas(said: Mapping[str, object]) -> int | None:
    nas = whole_cell(said, "nas")
    if nas is not None and not 0 <= nas <= HIGHEST_NAS:
        raise LineProblem(f"has NAS {nas}; it is 0 to {HIGHEST_NAS}")
    return nas


def _fibrosis(said: Mapping[str, object]) -> str | None:
    stage = " ".join(_word(said, "fibrosis").split())
    if len(stage) > LONGEST_FIBROSIS or not stage.isprintable() or "|" in stage:
        raise LineProblem(f"has a fibrosis stage that is not {LONGEST_FIBROSIS} printable characters at most")
    return stage or None


def _date(said: Mapping[str, object], today: date) -> date | None:
    written = text_cell(said, "date")
    if not written:
        return None
    try:
        read_on = date.fromisoformat(written.replace(" ", "T").split("T")[0])
    except ValueError:
        raise LineProblem(f"has {written[:40]} as date; write it as year-month-day, 2026-03-01") from None
    if not read_on.year >= FIRST_YEAR or read_on > today:
        raise LineProblem(f"has {written[:40]} as date, which is not a day a slide can have been read on")
    return read_on
