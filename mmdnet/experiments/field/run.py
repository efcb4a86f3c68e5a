"""A field experiment from its plan to its result: cells that are there are not done again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mmdnet.errors import LabError
from mmdnet.experiments.field.bags import parts_of
from mmdnet.experiments.field.data import FieldData
from mmdnet.experiments.field.plan import UNGROUPED, FieldPlan, alpha_row
from mmdnet.experiments.field.result import (
    RESULT,
    Cell,
    FieldResult,
    cell_file,
    known_cell,
    write_cell,
    write_curve,
)
from mmdnet.experiments.field.slides import judged_by_slide
from mmdnet.files import write_aside
from mmdnet.labels.grading import TASKS
from mmdnet.nn.baselines.registry import baselines_called
from mmdnet.progress import Progress, between, part_of, silent
from mmdnet.words import count

DataOf = Callable[[str, Progress], FieldData]


def run_field(data: FieldData, plan: FieldPlan, folder: Path, progress: Progress = silent) -> FieldResult:
    """Train and test what is not there yet, part by part; a part that cannot be trained is said and passed over.

    Where bags are split at random, the same methods are tested with patients kept apart as well, so that the difference
    stands beside them.

    Args:
        data: features and grades.
        plan: what to do, on one backbone; methods or alphas stand in the rows.
        folder: of the cells; a stopped experiment goes on there.
        progress: told after every method's epoch; what it raises ends the experiment, which goes on from its cells.

    Raises:
        LabError: no part could be trained.
    """
    began = time.monotonic()
    apart: list[Cell] = []
    if plan.alphas:
        cells, notes = _alphas(data, plan, folder, progress)
    elif plan.split == "bags":
        cells, notes = _cells(data, plan, _home(folder, plan, data), between(progress, 0, 0.5))
        apart, said = _with_patients_apart(data, plan, folder, between(progress, 0.5, 1))
        notes += said
    else:
        cells, notes = _cells(data, plan, _home(folder, plan, data), progress)
    result = _result(plan, data, data.extractor, cells, notes, began)
    result = result.model_copy(update={"apart": _judged(plan, apart)})
    if not plan.alphas:
        write_aside(_home(folder, plan, data) / RESULT, result.model_dump_json())
    progress(1.0, f"{count(len(cells), 'training')} compared")
    return result


def _home(folder: Path, plan: FieldPlan, data: FieldData) -> Path:
    """The folder of a plan's cells on this data."""
    return folder / plan.identity(data.key)


def _alphas(data: FieldData, plan: FieldPlan, folder: Path, progress: Progress) -> tuple[list[Cell], list[str]]:
    cells: list[Cell] = []
    notes: list[str] = []
    for number, alpha in enumerate(plan.alphas):
        of_one, row = plan.of_alpha(alpha), alpha_row(alpha)
        told = part_of(progress, number, len(plan.alphas), row)
        own, said = _cells(data, of_one, _home(folder, of_one, data), told)
        cells += [cell.model_copy(update={"method": row}) for cell in own]
        notes += said
    return cells, notes


def _with_patients_apart(
    data: FieldData, plan: FieldPlan, folder: Path, progress: Progress
) -> tuple[list[Cell], list[str]]:
    """The cells of the same methods with patients kept apart, or why there are none."""
    own = plan.kept_apart()
    try:
        return _cells(data, own, _home(folder, own, data), progress)[0], []
    except LabError as refused:
        return [], [f"With patients kept apart nothing could be tested beside it: {refused}"]


def run_backbones(data_of: DataOf, plan: FieldPlan, folder: Path, progress: Progress = silent) -> FieldResult:
    """One method on the features of each backbone in turn; a backbone that cannot be used is said and passed over.

    Args:
        data_of: gives the same slides with the features of the backbone of that name; told how far it is.
        plan: what to do, with backbones.
        folder: of the cells; a stopped experiment goes on there.
        progress: as in `run_field`.

    Raises:
        LabError: no backbone could be used.
    """
    began = time.monotonic()
    of_one = plan.on_one_backbone()
    cells: list[Cell] = []
    notes: list[str] = []
    data: FieldData | None = None
    for number, name in enumerate(plan.backbones):
        told = part_of(progress, number, len(plan.backbones), name)
        try:
            seen = data_of(name, between(told, 0, 0.7))
            own, said = _cells(seen, of_one, _home(folder, of_one, seen), between(told, 0.7, 1))
        except LabError as refused:
            notes.append(f"{name} was left out: {refused}")
            continue
        data = seen
        cells += [cell.model_copy(update={"method": name}) for cell in own]
        notes += [f"{name}: {seen.extracted}.", *said]
    if data is None:
        raise LabError(" ".join(notes))
    progress(1.0, f"{count(len(cells), 'training')} compared")
    extractor = f"{of_one.asked[0]} on frozen features of {count(len({cell.method for cell in cells}), 'backbone')}"
    return _result(plan, data, extractor, cells, notes, began)


def _cells(data: FieldData, plan: FieldPlan, home: Path, progress: Progress) -> tuple[list[Cell], list[str]]:
    """All cells of a plan, trained where they are missing, and what was to be said of them.

    Raises:
        LabError: there is not one.
    """
    from mmdnet.experiments.field.learning import learn_part

    notes: list[str] = [UNGROUPED] if plan.split == "bags" else []
    parts = parts_of(data.cohort, plan, notes.append)
    unread = 0
    for number, part in enumerate(parts):
        missing = [name for name in plan.asked if known_cell(home, name, part.name) is None]
        if not missing:
            continue
        unread += sum(cell_file(home, name, part.name).exists() for name in missing)

        def keep(cell: Cell) -> None:
            write_cell(home, cell)
            write_curve(home, cell)

        try:
            told = part_of(progress, number, len(parts), part.name)
            notes += learn_part(data, part, baselines_called(missing), plan, keep, told)
        except LabError as refused:
            notes.append(str(refused))
    if unread:
        were = count(unread, "finished training was", "finished trainings were")
        notes.append(f"{were} damaged or of another version of the program, and done anew.")
    cells = [cell for part in parts for name in plan.asked if (cell := known_cell(home, name, part.name)) is not None]
    if not cells:
        raise LabError(" ".join(notes) or "Nothing was trained.")
    return cells, [*notes, *(f"{c.part}: {w}" for c in cells for w in c.warnings if w != UNGROUPED)]


def _result(
    plan: FieldPlan, data: FieldData, extractor: str, cells: Sequence[Cell], notes: Sequence[str], began: float
) -> FieldResult:
    return FieldResult(
        plan=plan, data=data.name, extractor=extractor,
        simulated=all(slide.simulated for slide in data.cohort.slides),
        tasks={task.name: task.highest + 1 for task in TASKS}, cells=_judged(plan, cells),
        notes=tuple(dict.fromkeys(notes)),
        wall_min=round((time.monotonic() - began) / 60, 2),
    )  # fmt: skip


def _judged(plan: FieldPlan, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    return judged_by_slide(cells) if plan.unit == "slide" else tuple(cells)
