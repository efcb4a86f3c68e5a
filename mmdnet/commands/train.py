"""`mmdnet train`: a network on a project's labels, with choices given one by one or found by a search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from mmdnet.cli_parts import (
    AsJson,
    Background,
    Home,
    NotBefore,
    Priority,
    Project,
    choices_of,
    follow,
    lab_at,
    plan_of,
    project_called,
    reader_called,
    say,
)
from mmdnet.errors import LabError

if TYPE_CHECKING:
    from mmdnet.workflows.lab import Lab


class TrainCommand(TyperCommand):
    """Its help is made of the configuration's fields when it is asked for; other commands need not load those."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write what each choice is, its range and its default."""
        from mmdnet.training.config import GROUPS, sentence, training_options

        options = {option.name: option for option in training_options()}
        for parameter in self.params:
            if isinstance(parameter, TyperOption) and parameter.name in options:
                parameter.help = sentence(options[parameter.name])
        listed = [
            f"{title}:\n\n"
            + "\n\n".join(f"  {o.name}: {sentence(o)}" for o in options.values() if o.option.group == group)
            for group, title in GROUPS.items()
        ]
        self.epilog = "\n\n".join(["Choices for --set:", *listed])
        super().format_help(ctx, formatter)


def train(
    project: Project = "",
    choice: Annotated[
        list[str] | None, typer.Option("--set", help="A choice as name=value, listed below; may be repeated.")
    ] = None,
    backbone: str | None = None,
    epochs: int | None = None,
    device: str | None = None,
    seed: int | None = None,
    processes: int | None = None,
    name: Annotated[
        str | None, typer.Option(help="Of the training; made from backbone and patches if not given.")
    ] = None,
    reader: Annotated[str | None, typer.Option(help="Only this reader's labels.")] = None,
    from_search: Annotated[
        int | None, typer.Option("--from-search", help="With the best settings of this search; --set wins over them.")
    ] = None,
    trial: Annotated[int | None, typer.Option(help="Of that search, in place of the best trial.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say whether it would start, and with what.")] = False,
    background: Background = False,
    priority: Priority = None,
    not_before: NotBefore = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Train a network on a project's labels."""
    from mmdnet.workflows.labelling.views import LabelChoice

    lab, plan = lab_at(home), plan_of(priority, not_before)
    project_id = project_called(lab, project)
    choices = _searched(lab, project_id, from_search, trial) | choices_of(choice or [])
    given = {"backbone": backbone, "epochs": epochs, "device": device, "seed": seed, "processes": processes}
    choices |= {key: value for key, value in given.items() if value is not None}
    labels = LabelChoice(reader_id=reader_called(lab, reader) if reader else None)
    prepared = lab.training.prepare(project_id, choices, labels)
    report = prepared.check
    if not report.ok:
        raise LabError(report.problem or "This training cannot start.")
    if not as_json or check:
        say(as_json, report, "\n".join([*report.lines, *(f"Note: {warning}" for warning in report.warnings)]))
    if check:
        return
    run = lab.training.queue(prepared, name, plan)
    job = lab.training.get(run).job
    assert job is not None
    follow(lab, job.id, as_json, background or plan.not_before is not None)


def _searched(lab: Lab, project_id: int, search: int | None, trial: int | None) -> dict[str, object]:
    """Choices that a search found; none where no search is named."""
    if search is None:
        if trial is not None:
            raise LabError("--trial is one of a search: name it with --from-search. Nothing was started.")
        return {}
    if lab.searches.get(search).project_id != project_id:
        raise LabError(f"Search {search} is of another project. Nothing was started.")
    return lab.searches.settings(search, trial)
