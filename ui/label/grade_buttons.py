"""The buttons of the grades as the browser's scripts take them: names, words and colours of every task."""

from __future__ import annotations

from dataclasses import dataclass

from mmdnet.labels.grading import SHOWN_TASKS
from mmdnet.scoring.palette import GRADE_RAMPS, ink_on


@dataclass(frozen=True, slots=True)
class GradeButton:
    """One grade: what it means on a patch and on a whole slide, its colour, and the colour of what is written on it."""

    value: int
    patch: str
    slide: str
    fill: str
    ink: str


@dataclass(frozen=True, slots=True)
class TaskButtons:
    """A task and its grades, the lowest first."""

    name: str
    title: str
    grades: tuple[GradeButton, ...]


def task_buttons() -> list[TaskButtons]:
    """The buttons of all tasks, in the order in which they are graded: that of reports, and of the NAS as written."""
    return [
        TaskButtons(
            task.name,
            task.title,
            tuple(
                GradeButton(grade.value, grade.patch, grade.slide, fill, ink_on(fill))
                for grade, fill in zip(task.grades, GRADE_RAMPS[task.name], strict=True)
            ),
        )
        for task in SHOWN_TASKS
    ]
