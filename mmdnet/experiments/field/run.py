"""A field experiment from its plan to its result: cells that are there are not done again."""

from __future__ import annotations

import time
from pathlib import Path

from mmdnet.errors import LabError
from mmdnet.experiments.field.bags import parts_of
from mmdnet.experiments.field.data import FieldData
from mmdnet.experiments.field.plan import UNGROUPED, FieldPlan
from mmdnet.experiments.field.result import RESULT, Cell, FieldResult, known_cell, write_cell
from mmdnet.files import write_aside
from mmdnet.labels.grading import TASKS
from mmdnet.nn.baselines.registry import baselines_called
from mmdnet.progress import Progress, part_of, silent


def run_field(data: FieldData, plan: FieldPlan, folder: Path, progress: Progress = silent) -> FieldResult:
    """Train and test what is not there yet, part by part; a part that cannot be trained is said and passed over.

    Args:
        data: features and grades.
        plan: what to do.
        folder: of the cells; a stopped experiment goes on there.
        progress: told after every method's epoch; what it raises ends the experiment, which goes on from its cells.

    Raises:
        LabError: no part could be trained.
    """
    from mmdnet.experiments.field.learning import learn_part

    began = time.monotonic()
    home = folder / plan.identity(data.key)
    parts = parts_of(data.cohort, plan)
    notes: list[str] = [UNGROUPED] if plan.split == "bags" else []
    for number, part in enumerate(parts):
        missing = [name for name in plan.asked if known_cell(home, name, part.name) is None]
        if not missing:
            continue

        def keep(cell: Cell) -> None:
            write_cell(home, cell)

        try:
            learn_part(
                data, part, baselines_called(missing), plan, keep, part_of(progress, number, len(parts), part.name)
            )
        except LabError as refused:
            notes.append(str(refused))
    cells = [cell for part in parts for name in plan.asked if (cell := known_cell(home, name, part.name)) is not None]
    if not cells:
        raise LabError(" ".join(notes) or "Nothing was trained.")
    result = FieldResult(
        plan=plan, data=data.name, extractor=data.extractor,
        simulated=all(slide.simulated for slide in data.cohort.slides),
        tasks={task.name: task.highest + 1 for task in TASKS}, cells=tuple(cells),
        notes=tuple(dict.fromkeys((*notes, *(f"{c.part}: {w}" for c in cells for w in c.warnings if w != UNGROUPED)))),
        wall_min=round((time.monotonic() - began) / 60, 2),
    )  # fmt: skip
    write_aside(home / RESULT, result.model_dump_json())
    progress(1.0, f"{len(cells)} trainings compared")
    return result
