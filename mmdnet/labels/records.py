"""One label as a line of a file: what its fields mean, and what is wrong with a line that is none.

Fields: `slide` (name), `x_px0`, `y_px0` (the patch's corner, level-0 pixels), `reader`, one field per task (empty is
unknown), `ignored`, `flagged`, `adjudicated` (0 or 1; adjudicated: given to settle a disagreement, others' grades in
view), `at` (UTC, when it was given) and `fingerprint` (of the slide's file, which tells slides of one name apart).
Coming in, only slide, place and one task are needed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mmdnet.labels.grading import TASK_NAMES, TASKS, Grades

NEEDED = ("slide", "x_px0", "y_px0")
_BEFORE = (*NEEDED, "reader")
FLAGS = ("ignored", "flagged", "adjudicated")
TIME = "%Y-%m-%d %H:%M:%S.%f"
_HIGHEST = {task.name: task.highest for task in TASKS}
_YES_NO = {"": False, "0": False, "1": True, "false": False, "true": True, "no": False, "yes": True}
_WHOLE = re.compile(r"([+-]?\d{1,15})(?:\.0*)?", re.ASCII)
_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)


class LineProblem(Exception):
    """What is wrong with one line, to be read after "line 7"."""


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """A reader's label of one patch. `at` is UTC as text, "" where the file does not say."""

    slide: str
    x_px0: int
    y_px0: int
    reader: str
    grades: Grades = field(default_factory=Grades)
    ignored: bool = False
    flagged: bool = False
    adjudicated: bool = False
    at: str = ""
    fingerprint: str = ""

    def fields(self) -> dict[str, str | int | None]:
        """Every field by name, in the order of `COLUMNS`."""
        return {name: self.grades[name] if name in TASK_NAMES else getattr(self, name) for name in COLUMNS}


COLUMNS: tuple[str, ...] = (*_BEFORE, *TASK_NAMES, *FLAGS, "at", "fingerprint")


def record_of(line: Mapping[str, object], reader: str = "") -> LabelRecord:
    """The label a line holds; `reader` is who gave it where the line does not say.

    Raises:
        LineProblem: it holds none.
    """
    refuse_undecoded(line)
    who = " ".join((text_cell(line, "reader") or reader).split())
    if not who:
        raise LineProblem("does not say who graded")
    if len(who) > 80 or not who.isprintable():
        raise LineProblem("has a reader's name that is not 1 to 80 printable characters")
    slide = line.get("slide")
    if not isinstance(slide, str) or not slide:
        raise LineProblem("names no slide")
    x_px0, y_px0 = _place(line, "x_px0"), _place(line, "y_px0")
    grades = Grades(**{name: grade_cell(line, name) for name in TASK_NAMES})
    ignored, at = _flag(line, "ignored"), _time(text_cell(line, "at"))
    if ignored and grades.any_known:
        raise LineProblem("is ignored and graded at once")
    if not ignored and not grades.any_known and not at:  # all unknown on purpose is a label, and says when it was given
        raise LineProblem("has no grade and is not ignored")
    mark = text_cell(line, "fingerprint")
    return LabelRecord(
        slide,
        x_px0,
        y_px0,
        who,
        grades,
        ignored=ignored,
        flagged=_flag(line, "flagged"),
        adjudicated=_flag(line, "adjudicated"),
        at=at,
        fingerprint=mark,
    )


def refuse_undecoded(line: Mapping[str, object]) -> None:
    """Refuse a line with bytes that are no UTF-8.

    Raises:
        LineProblem: names the field.
    """
    for name, value in line.items():
        if isinstance(value, str) and not value.isascii() and any("\udc80" <= letter <= "\udcff" for letter in value):
            raise LineProblem(f"is not UTF-8 text (see {name}); save the whole table as UTF-8")


def text_cell(line: Mapping[str, object], name: str) -> str:
    """A field as text: numbers as they are written, nothing as ""."""
    value = line.get(name)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).strip()


def whole_cell(line: Mapping[str, object], name: str) -> int | None:
    """A field as a whole number; None where there is nothing.

    Raises:
        LineProblem: it is something else.
    """
    written = text_cell(line, name)
    if not written:
        return None
    number = _WHOLE.fullmatch(written)
    if number is None:
        why = ", a decimal comma" if _COMMA.fullmatch(written) else ""
        raise LineProblem(f"has {written[:40]} as {name}{why}; it must be a whole number")
    return int(number[1])


def _place(line: Mapping[str, object], name: str) -> int:
    number = whole_cell(line, name)
    if number is None:
        raise LineProblem(f"has nothing as {name}; it must be a whole number")
    return number


def grade_cell(line: Mapping[str, object], name: str) -> int | None:
    """A field as a grade of the task of its name; None where there is nothing.

    Raises:
        LineProblem: it is no whole number, or off the scale.
    """
    grade = whole_cell(line, name)
    if grade is not None and not 0 <= grade <= _HIGHEST[name]:
        raise LineProblem(f"has {name} {grade}; the scale is 0 to {_HIGHEST[name]}")
    return grade


def _flag(line: Mapping[str, object], name: str) -> bool:
    written = text_cell(line, name).lower()
    if written not in _YES_NO:
        raise LineProblem(f"has {written[:40]} as {name}, which is neither 0 nor 1")
    return _YES_NO[written]


def _time(written: str) -> str:
    if not written:
        return ""
    try:
        moment = datetime.fromisoformat(written)
        utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise LineProblem(f"has {written[:40]} as at, which is no date and time (write 2026-11-22 09:30:00)") from None
    return utc.strftime(TIME) if utc.year >= 1000 else _refuse_year(written)


def _refuse_year(written: str) -> str:
    raise LineProblem(f"has {written[:40]} as at, which is no date of this time")
