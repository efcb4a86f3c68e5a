"""Slides judged instead of bags: a slide is graded as its highest bag, as in the paper's Table 4.

A fold has few slides, often of one grade, of which no kappa says anything: the folds of a seed are judged as one, in
which each slide was graded once, by a network that saw nothing of its patient.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmdnet.experiments.field.result import Cell, Cost, TaskSaid, TestedBags
from mmdnet.labels.grading import UNKNOWN

BY_SLIDE = (
    "A slide is graded as its highest bag, the paper's rule. Its true grade is the one it was given as a whole, else "
    "that of its highest labelled patch. The more bags a slide has, the likelier one of them is too high. The folds "
    "of a seed are judged as one."
)


def judged_by_slide(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """A cell for each method and seed, with a row for each slide: the folds of a seed together."""
    parts: dict[tuple[str, int], list[Cell]] = {}
    for cell in cells:
        parts.setdefault((cell.method, cell.seed), []).append(by_slide(cell))
    return tuple(of[0] if len(of) == 1 else _together(of) for of in parts.values())


def _together(folds: Sequence[Cell]) -> Cell:
    """Folds as one cell; where a fold was not taught a task, the true grades of its slides do not count in it."""
    tasks = list(dict.fromkeys(task for cell in folds for task in cell.said))
    counts = {task: len(cell.said[task].probabilities[0]) for cell in folds for task in cell.said}
    bags = TestedBags(
        patients=tuple(name for cell in folds for name in cell.bags.patients),
        slides=tuple(slide for cell in folds for slide in cell.bags.slides),
        truth={task: tuple(grade for cell in folds for grade in _truth(cell, task)) for task in tasks},
    )
    said = {
        task: [cell.said.get(task) or _nothing(len(cell.bags.slides), counts[task]) for cell in folds] for task in tasks
    }
    costs = [cell.cost for cell in folds]
    return Cell(
        method=folds[0].method, part=f"seed {folds[0].seed}", seed=folds[0].seed, bags=bags, curve=(),
        said={task: TaskSaid(
            grades=tuple(grade for of in parts for grade in of.grades),
            expected=tuple(value for of in parts for value in of.expected),
            probabilities=tuple(row for of in parts for row in of.probabilities),
        ) for task, parts in said.items()},
        best_epoch=round(float(np.mean([cell.best_epoch for cell in folds]))),
        cost=Cost(
            parameters=costs[0].parameters, train_processor_s=sum(cost.train_processor_s for cost in costs),
            patches_per_s=float(np.mean([cost.patches_per_s for cost in costs])),
        ),
        warnings=tuple(dict.fromkeys(warning for cell in folds for warning in cell.warnings)),
    )  # fmt: skip


def _truth(cell: Cell, task: str) -> tuple[int, ...]:
    known = cell.bags.truth.get(task)
    return known if known is not None and task in cell.said else (UNKNOWN,) * len(cell.bags.slides)


def _nothing(slides: int, grades: int) -> TaskSaid:
    """Rows that no true grade makes count."""
    return TaskSaid(
        grades=(0,) * slides, expected=(0.0,) * slides, probabilities=((1.0, *(0.0,) * (grades - 1)),) * slides
    )


def by_slide(cell: Cell) -> Cell:
    """The same cell with one row for each slide: what its highest bag was called, and the slide's true grade."""
    rows: dict[int, list[int]] = {}
    for row, slide in enumerate(cell.bags.slides):
        rows.setdefault(slide, []).append(row)
    own = list(rows.values())
    bags = TestedBags(
        patients=tuple(cell.bags.patients[of[0]] for of in own),
        slides=tuple(rows),
        truth={
            task: tuple(_true_grade(truth, cell.bags.of_slides.get(task), of) for of in own)
            for task, truth in cell.bags.truth.items()
        },
    )
    said = {task: _highest(of_task, own) for task, of_task in cell.said.items()}
    return cell.model_copy(update={"bags": bags, "said": said})


def _true_grade(of_bags: tuple[int, ...], of_slides: tuple[int, ...] | None, rows: list[int]) -> int:
    given = of_slides[rows[0]] if of_slides else UNKNOWN
    return given if given != UNKNOWN else max(of_bags[row] for row in rows)


def _highest(said: TaskSaid, slides: list[list[int]]) -> TaskSaid:
    chosen = [max(rows, key=lambda row: (said.grades[row], said.expected[row])) for rows in slides]
    return TaskSaid(
        grades=tuple(said.grades[row] for row in chosen),
        expected=tuple(said.expected[row] for row in chosen),
        probabilities=tuple(said.probabilities[row] for row in chosen),
    )
