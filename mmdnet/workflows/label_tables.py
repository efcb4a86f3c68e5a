"""Labels out as CSV and in again, exactly.

One row per reader and patch. Columns: `slide` (name), `x_px0`, `y_px0` (the patch's corner, level-0 pixels), `reader`,
`ballooning`, `inflammation`, `steatosis` (empty is unknown), `ignored`, `flagged` (0 or 1), `at` (UTC). Coming in, only
`slide`, `x_px0`, `y_px0` and one task are needed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import labels as rows
from db.labels import canonical_time
from db.models import Patch, Reader, Slide
from mmdnet.labels.grading import TASK_NAMES, TASKS
from mmdnet.workflows.label_views import ImportProblem, PatchGrades

COLUMNS = ("slide", "x_px0", "y_px0", "reader", *TASK_NAMES, "ignored", "flagged", "at")
NEEDED = ("slide", "x_px0", "y_px0")
_HIGHEST = {task.name: task.highest for task in TASKS}
_YES_NO = {"": False, "0": False, "1": True, "false": False, "true": True, "no": False, "yes": True}


@dataclass(frozen=True)
class ReadTable:
    """A table understood: new labels by reader's name, how many stand already, what was wrong."""

    new: Mapping[str, list[PatchGrades]] = field(default_factory=dict)
    unchanged: int = 0
    problems: tuple[ImportProblem, ...] = ()


def export_csv(session: Session, project_id: int, reader_id: int | None = None) -> str:
    """The labels as they stand, by slide, place and reader."""
    places = {
        patch_id: (name, x_px0, y_px0)
        for patch_id, name, x_px0, y_px0 in session.execute(
            select(Patch.id, Slide.name, Patch.x_px0, Patch.y_px0)
            .join(Slide, Slide.id == Patch.slide_id)
            .where(Slide.project_id == project_id)
        )
    }
    readers = {reader.id: reader.name for reader in session.scalars(select(Reader))}
    table: list[tuple[Any, ...]] = []
    for event, _ in rows.current(session, project_id, reader_id):
        grades = ("" if getattr(event, name) is None else getattr(event, name) for name in TASK_NAMES)
        place = (*places[event.patch_id], readers[event.reader_id])
        table.append((*place, *grades, int(event.ignored), int(event.flagged), canonical_time(event.at)))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    table.sort(key=itemgetter(0, 2, 1, 3))
    writer.writerows(table)
    return out.getvalue()


class _LineError(Exception):
    """What is wrong with one line."""


def read_csv(session: Session, project_id: int, data: bytes, reader: str | None = None) -> ReadTable:
    """Understand a table against the project's patches; nothing is written."""
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return ReadTable(problems=(ImportProblem(line, "is not UTF-8 text; save the table as CSV UTF-8"),))
    header_line = content.split("\n", 1)[0]
    table = csv.DictReader(io.StringIO(content, newline=""), delimiter=";" if ";" in header_line else ",")
    names = tuple(name.strip().lower() for name in table.fieldnames or ())
    table.fieldnames = names
    missing = [name for name in NEEDED if name not in names]
    if missing or not set(names) & set(TASK_NAMES):
        what = f"has no column {', '.join(missing)}" if missing else f"has none of the columns {', '.join(TASK_NAMES)}"
        return ReadTable(problems=(ImportProblem(1, what),))
    return _read_lines(session, project_id, table, reader)


def _read_lines(session: Session, project_id: int, table: csv.DictReader, reader: str | None) -> ReadTable:
    places = _places(session, project_id)
    slides = {name for name, *_ in places}
    standing = _standing(session, project_id)
    new: dict[str, list[PatchGrades]] = {}
    seen: dict[tuple[str, int], int] = {}
    problems, unchanged = [], 0
    for line in table:
        try:
            who = (line.get("reader") or reader or "").strip()
            if not who:
                raise _LineError("does not say who graded")
            label = _label(_patch(line, places, slides), line)
            if (who.lower(), label.patch_id) in seen:
                raise _LineError(f"repeats line {seen[who.lower(), label.patch_id]}")
            seen[who.lower(), label.patch_id] = table.line_num
        except _LineError as problem:
            problems.append(ImportProblem(table.line_num, str(problem)))
            continue
        if standing.get((who.lower(), label.patch_id)) == label:
            unchanged += 1
        else:
            new.setdefault(who, []).append(label)
    return ReadTable(new, unchanged, tuple(problems))


def _places(session: Session, project_id: int) -> dict[tuple[str, int, int], int]:
    found = session.execute(
        select(Slide.name, Patch.x_px0, Patch.y_px0, Patch.id)
        .join(Patch, Patch.slide_id == Slide.id)
        .where(Slide.project_id == project_id)
    )
    return {(name, x_px0, y_px0): patch_id for name, x_px0, y_px0, patch_id in found}


def _standing(session: Session, project_id: int) -> dict[tuple[str, int], PatchGrades]:
    readers = {reader.id: reader.name.lower() for reader in session.scalars(select(Reader))}
    return {
        (readers[event.reader_id], event.patch_id): PatchGrades(
            event.patch_id, event.ballooning, event.inflammation, event.steatosis, event.ignored
        )
        for event, _ in rows.current(session, project_id)
    }


def _patch(line: Mapping[str, str | None], places: Mapping[tuple[str, int, int], int], slides: set[str]) -> int:
    slide = (line.get("slide") or "").strip()
    if slide not in slides:
        raise _LineError(f"names a slide that is not in this project: {slide or '(empty)'}")
    x_px0, y_px0 = (_whole(line, name) for name in ("x_px0", "y_px0"))
    if (slide, x_px0, y_px0) not in places:
        raise _LineError(f"names no patch of {slide}: none has its corner at {x_px0}, {y_px0}")
    return places[slide, x_px0, y_px0]


def _whole(line: Mapping[str, str | None], name: str) -> int:
    value = (line.get(name) or "").strip()
    try:
        return int(value)
    except ValueError:
        raise _LineError(f"has {value or 'nothing'} as {name}, which is not a whole number") from None


def _label(patch_id: int, line: Mapping[str, str | None]) -> PatchGrades:
    grades: dict[str, int] = {}
    for name in TASK_NAMES:
        if (line.get(name) or "").strip():
            grades[name] = _whole(line, name)
            if not 0 <= grades[name] <= _HIGHEST[name]:
                raise _LineError(f"has {name} {grades[name]}; the scale is 0 to {_HIGHEST[name]}")
    written = (line.get("ignored") or "").strip().lower()
    if written not in _YES_NO:
        raise _LineError(f"has {written} as ignored, which is neither 0 nor 1")
    ignored = _YES_NO[written]
    if ignored and grades:
        raise _LineError("is ignored and graded at once")
    if not ignored and not grades:
        raise _LineError("has no grade and is not ignored")
    return PatchGrades(patch_id, **grades, ignored=ignored)
