"""`mmdnet experiment field`: every method of the field on the same features, bags and folds, and a table of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmdnet.cli_parts import (
    AsJson,
    Background,
    Folder,
    Home,
    bar,
    choices_of,
    experiments_folder,
    follow,
    kind_of_file,
    lab_at,
    project_called,
    say,
    write_out,
)
from mmdnet.errors import LabError

if TYPE_CHECKING:
    from mmdnet.experiments.field.plan import FieldPlan
    from mmdnet.experiments.field.result import FieldResult


def field(
    methods: Annotated[
        list[str] | None, typer.Option("--method", "-m", help="A method; again for more. All of them if none is given.")
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", "-p", help="A project whose labels to learn; else simulated slides.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=20, help="How many seeds, from 0.")] = 1,
    folds: Annotated[
        int | None, typer.Option(help="Cross-validate over so many parts of the patients; else 6:2:2.")
    ] = None,
    ungrouped: Annotated[
        bool, typer.Option("--ungrouped", help="Split bags at random, as the paper did. The figures are too high.")
    ] = False,
    backbone: Annotated[
        str | None, typer.Option(help="Whose frozen features; for simulated slides the demo model's if not given.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="That backbone's weights, a safetensors file.")] = None,
    choice: Annotated[
        list[str] | None, typer.Option("--set", help="Another choice as name=value, as epochs=10.")
    ] = None,
    slides: Annotated[int, typer.Option(min=10, max=1000, help="Simulated slides, two of each patient.")] = 40,
    folder: Folder = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write: .csv, .md, .tex or .json.")] = None,
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads to compute with.")] = 2,
    background: Background = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Every method of the field side by side; what is trained already is not trained again."""
    from mmdnet.experiments.field.files import KINDS
    from mmdnet.experiments.field.plan import read_plan

    kind = None if out is None else kind_of_file(out, KINDS, "A comparison", "Nothing was trained.")
    given: dict[str, Any] = {"methods": methods or [], "seeds": list(range(seeds)), "folds": folds}
    plan = read_plan(choices_of(choice or []) | given | {"split": "bags" if ungrouped else "patient"})
    if project is not None:
        result = _of_project(project, plan, backbone, weights, home, background, as_json)
    elif background:
        raise LabError("Only the experiment on a project's labels goes on in the background: name it by --project.")
    else:
        result = _of_simulated(plan, experiments_folder(folder, home), slides, backbone, weights, threads, as_json)
    if result is not None:
        _write(result, out, kind, as_json)


def _of_project(
    project: str, plan: FieldPlan, backbone: str | None, weights: Path | None, home: Path | None, background: bool,
    as_json: bool,
) -> FieldResult | None:  # fmt: skip
    lab = lab_at(home)
    job_id = lab.field.start(project_called(lab, project), plan.model_dump(mode="json"), backbone, weights)
    follow(lab, job_id, as_json, background, quiet=not background)
    return None if background else lab.field.get(job_id)


def _of_simulated(
    plan: FieldPlan, folder: Path, slides: int, backbone: str | None, weights: Path | None, threads: int, as_json: bool
) -> FieldResult:
    import torch

    from mmdnet.experiments.field.data import DEMO, extractor_of, simulated_data
    from mmdnet.experiments.field.run import run_field
    from mmdnet.progress import between

    torch.set_num_threads(threads)
    with bar(as_json, "Methods") as step:
        extractor = extractor_of(backbone or DEMO, weights)
        data = simulated_data(folder, slides, extractor=extractor, progress=between(step, 0, 0.3))
        return run_field(data, plan, folder / "field", between(step, 0.3, 1))


def _write(result: FieldResult, out: Path | None, kind: str | None, as_json: bool) -> None:
    from mmdnet.evaluation.tables import plain_table
    from mmdnet.experiments.field.comparison import Comparison
    from mmdnet.experiments.field.files import COMPARED, comparison_tables, facts, written

    comparison = Comparison(result)
    if out is not None and kind is not None:
        write_out(out, written(comparison, kind))
    words = [*facts(result), *map(plain_table, comparison_tables(comparison)), COMPARED]
    say(as_json, result, "\n\n".join(words) + (f"\nWritten to {out}." if out else ""))
