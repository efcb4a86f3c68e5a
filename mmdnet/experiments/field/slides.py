"""Slides judged instead of bags: a slide is graded as its highest bag, as in the paper's Table 4."""

from __future__ import annotations

from mmdnet.experiments.field.result import Cell, TaskSaid, TestedBags
from mmdnet.labels.grading import UNKNOWN

BY_SLIDE = (
    "A slide is graded as its highest bag, the paper's rule. Its true grade is the one it was given as a whole, else "
    "that of its highest labelled patch. The more bags a slide has, the likelier one of them is too high."
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
