"""`mmdnet experiment field | backbones | slides`: methods, or backbones, on the same bags and folds, as tables.

`experiment ablation` and `experiment alpha` come here, too, where they are of a project's labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    settings_at,
    write_out,
)
from mmdnet.errors import LabError

if TYPE_CHECKING:
    from mmdnet.experiments.field.plan import FieldPlan
    from mmdnet.experiments.field.result import FieldResult

Methods = Annotated[
    list[str] | None, typer.Option("--method", "-m", help="A method; again for more. All of them if none is given.")
]
Project = Annotated[
    str | None, typer.Option("--project", "-p", help="A project whose labels to learn; else simulated slides.")
]
Seeds = Annotated[int, typer.Option(min=1, max=20, help="How many seeds, from 0.")]
Folds = Annotated[int, typer.Option(help="Cross-validate over so many parts of the patients.")]
Ungrouped = Annotated[
    bool, typer.Option("--ungrouped", help="Split bags at random, as the paper did. The figures are too high.")
]
Backbone = Annotated[
    str | None, typer.Option(help="Whose frozen features; for simulated slides the demo model's if not given.")
]
Weights = Annotated[Path | None, typer.Option(help="That backbone's weights, a safetensors file.")]
Choice = Annotated[list[str] | None, typer.Option("--set", help="Another choice as name=value, as epochs=10.")]
Slides = Annotated[int, typer.Option(min=10, max=1000, help="Simulated slides, two of each patient.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="File to write: .csv, .md, .tex or .json.")]
Threads = Annotated[int, typer.Option(min=1, max=64, help="Threads to compute with.")]


def field(
    methods: Methods = None,
    project: Project = None,
    seeds: Seeds = 1,
    folds: Annotated[
        int | None, typer.Option(help="Cross-validate over so many parts of the patients; else 6:2:2.")
    ] = None,
    ungrouped: Ungrouped = False,
    backbone: Backbone = None,
    weights: Weights = None,
    choice: Choice = None,
    slides: Slides = 40,
    folder: Folder = None,
    out: Out = None,
    threads: Threads = 2,
    background: Background = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Every method of the field side by side; what is trained already is not trained again."""
    asked: dict[str, object] = {"methods": methods or [], "seeds": list(range(seeds)), "folds": folds}
    asked |= {"split": "bags" if ungrouped else "patient"}
    source = Source(project, backbone, weights, {}, slides, folder, home, threads)
    _compare(asked, choice, source, out, background, as_json)


def backbones(
    backbone: Annotated[
        list[str] | None,
        typer.Option(
            "--backbone", "-b", help="NAME, or NAME=FILE with its weights (safetensors); again for more. All if none."
        ),
    ] = None,
    method: Annotated[
        str | None, typer.Option("--method", "-m", help="The method trained on each; MMD-Net if not given.")
    ] = None,
    project: Project = None,
    seeds: Seeds = 1,
    folds: Folds = 5,
    choice: Choice = None,
    slides: Slides = 40,
    folder: Folder = None,
    out: Out = None,
    threads: Threads = 2,
    background: Background = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The paper's Table 3: one method on the frozen features of each backbone, folds by patient."""
    from mmdnet.nn.registry import BACKBONES

    named = {name: file for name, _, file in (given.partition("=") for given in backbone or BACKBONES)}
    asked: dict[str, object] = {"methods": [method] if method else [], "backbones": list(named)}
    asked |= {"seeds": list(range(seeds)), "folds": folds}
    files = {name: Path(file) for name, file in named.items() if file}
    source = Source(project, None, None, files, slides, folder, home, threads)
    _compare(asked, choice, source, out, background, as_json)


def slides_by_highest_bag(
    methods: Methods = None,
    project: Project = None,
    seeds: Seeds = 1,
    folds: Folds = 5,
    backbone: Backbone = None,
    weights: Weights = None,
    choice: Choice = None,
    slides: Slides = 40,
    folder: Folder = None,
    out: Out = None,
    threads: Threads = 2,
    background: Background = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The paper's Table 4: whole slides graded by their highest bag, each by a network that saw nothing of its patient.

    The trainings are those of `experiment field --folds`; what is trained there is not trained again.
    """
    asked: dict[str, object] = {"methods": methods or [], "seeds": list(range(seeds)), "folds": folds, "unit": "slide"}
    source = Source(project, backbone, weights, {}, slides, folder, home, threads)
    _compare(asked, choice, source, out, background, as_json)


def of_project(
    project: str, asked: Mapping[str, Any], backbone: str | None, out: Path | None, background: bool, home: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """The paper's Table 2, or a grid of alpha, on a project's labels: heads on frozen features.

    Raises:
        LabError: as for the other experiments.
    """
    _compare(asked, None, Source(project, backbone, None, {}, 0, None, home, 2), out, background, as_json)


@dataclass(frozen=True)
class Source:
    """What is learnt from: a project's labels, or simulated slides drawn into a folder; and whose features.

    `files` holds weights by backbone, where backbones are compared.
    """

    project: str | None
    backbone: str | None
    weights: Path | None
    files: Mapping[str, Path]
    slides: int
    folder: Path | None
    home: Path | None
    threads: int


def _compare(
    asked: Mapping[str, Any], choice: Sequence[str] | None, source: Source, out: Path | None, background: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Check, train what is missing, print the tables and write the file.

    Raises:
        LabError: a choice that does not work, or nothing could be trained.
    """
    from mmdnet.experiments.field.files import KINDS
    from mmdnet.experiments.field.plan import check_files, read_plan

    kind = None if out is None else kind_of_file(out, KINDS, "A comparison", "Nothing was trained.")
    plan = read_plan(choices_of(choice or []) | dict(asked))
    check_files(source.files.values())
    if source.project is not None:
        result = _of_project(source.project, plan, source, background, as_json)
    elif background:
        raise LabError("Only the experiment on a project's labels goes on in the background: name it by --project.")
    else:
        result = _of_simulated(plan, experiments_folder(source.folder, source.home), source, as_json)
    if result is not None:
        _write(result, out, kind, as_json)


def _of_project(project: str, plan: FieldPlan, source: Source, background: bool, as_json: bool) -> FieldResult | None:
    lab = lab_at(source.home)
    choices = plan.model_dump(mode="json")
    number = project_called(lab, project)
    job_id = lab.field.start(number, choices, source.backbone, source.weights, files=source.files)
    follow(lab, job_id, as_json, background, quiet=not background)
    return None if background else lab.field.get(job_id)


def _of_simulated(plan: FieldPlan, folder: Path, source: Source, as_json: bool) -> FieldResult:
    import torch

    from mmdnet.experiments.field.data import DEMO, FieldData, extractor_of, simulated_data
    from mmdnet.experiments.field.run import run_backbones, run_field
    from mmdnet.nn.hub.fetch import usable_weights
    from mmdnet.nn.packaged import packaged_weights
    from mmdnet.progress import Progress, between

    def data_of(name: str, told: Progress) -> FieldData:
        extractor = extractor_of(name, source.files.get(name, source.weights) or fetched(name))
        return simulated_data(
            folder, source.slides, extractor=extractor, progress=told, scales=plan.scales, ignored=plan.ignored_task
        )

    def fetched(name: str) -> Path | None:
        known = name == DEMO or packaged_weights(name) is not None
        return None if known else usable_weights(name, settings_at(source.home).fetched_backbones)

    torch.set_num_threads(source.threads)
    with bar(as_json, f"{plan.rows.capitalize()}s") as step:
        if plan.backbones:
            return run_backbones(data_of, plan, folder / "field", step)
        data = data_of(source.backbone or DEMO, between(step, 0, 0.3))
        return run_field(data, plan, folder / "field", between(step, 0.3, 1))


def _write(result: FieldResult, out: Path | None, kind: str | None, as_json: bool) -> None:
    from mmdnet.evaluation.tables import plain_table
    from mmdnet.experiments.field.comparison import Comparison
    from mmdnet.experiments.field.files import compared, comparison_tables, definitions, facts, written

    comparison = Comparison(result)
    if out is not None and kind is not None:
        write_out(out, written(comparison, kind))
    meanings = "\n".join(f"{name}: {said}" for name, said in definitions(result))
    words = [*facts(result), *map(plain_table, comparison_tables(comparison)), compared(result), meanings]
    say(as_json, result, "\n\n".join(words) + (f"\nWritten to {out}." if out else ""))
