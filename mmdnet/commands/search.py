"""`mmdnet search …`: better settings of a training, sought on patients it does not test on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmdnet.cli_parts import (
    AsJson,
    Background,
    Home,
    NotBefore,
    Priority,
    Project,
    choices_of,
    follow,
    kind_of_file,
    lab_at,
    plan_of,
    project_called,
    reader_called,
    say,
    write_out,
)
from mmdnet.words import count

search_app = typer.Typer(
    help="Better settings of a training: try, judged on validation patients alone, and train with the best.",
    no_args_is_help=True,
)
Number = Annotated[int, typer.Argument(help="Number of the search, as `mmdnet search list` has it.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="File to write: .csv, .md or .json.")]


@search_app.command()
def options(as_json: AsJson = False) -> None:
    """Say what a search may try, and within which range."""
    from mmdnet.experiments.search.space import searchable

    known = searchable().values()
    facts = [
        {"name": each.name, "title": each.title, "range": each.range, "usual": each.usual, "whole": each.whole}
        for each in known
    ]
    lines = [
        f"{each.name}{' *' if each.usual else ''}: {each.title}. {each.range}"
        + (" (where the backbone learns)" if each.whole else "")
        for each in known
    ]
    say(as_json, {"options": facts}, "\n".join([*lines, "* searched where none is named"]))


@search_app.command()
def start(
    project: Project = "",
    over: Annotated[
        list[str] | None,
        typer.Option("--over", help="An option to search, see `mmdnet search options`; again for more."),
    ] = None,
    minutes: Annotated[float, typer.Option(help="How long it may train.")] = 60,
    folds: Annotated[int, typer.Option(help="Parts of the patients; each validates once.")] = 4,
    seed: Annotated[int, typer.Option(help="Of what is tried.")] = 0,
    choice: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting to start from as name=value; see `mmdnet train --help`."),
    ] = None,
    reader: Annotated[str | None, typer.Option(help="Only this reader's labels.")] = None,
    out: Out = None,
    priority: Priority = None,
    not_before: NotBefore = None,
    background: Background = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Try settings by successive halving over folds until the minutes are over. Test patients are not looked at."""
    from mmdnet.workflows.labelling.views import LabelChoice

    kind = _kind(out)
    lab = lab_at(home)
    project_id = project_called(lab, project)
    labels = LabelChoice(reader_id=reader_called(lab, reader) if reader else None)
    asked = {"over": over or [], "minutes": minutes, "folds": folds, "seed": seed}
    plan = plan_of(priority, not_before)
    search = lab.searches.start(project_id, choices_of(choice or []), asked, labels, plan)
    _follow(search, kind, out, background or plan.not_before is not None, home, as_json)


@search_app.command()
def extend(
    search: Number,
    minutes: Annotated[float, typer.Option(help="How many minutes more.")] = 60,
    out: Out = None,
    priority: Priority = None,
    not_before: NotBefore = None,
    background: Background = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let a search that has ended go on from where it was; no finished training is repeated."""
    kind = _kind(out)
    plan = plan_of(priority, not_before)
    lab_at(home).searches.extend(search, minutes, plan)
    _follow(search, kind, out, background or plan.not_before is not None, home, as_json)


@search_app.command("list")
def list_searches(project: Project = "", home: Home = None, as_json: AsJson = False) -> None:
    """List a project's searches, newest first."""
    lab = lab_at(home)
    known = lab.searches.list(project_called(lab, project))
    lines = [
        f"{view.id:4}  {view.created_at:%Y-%m-%d %H:%M}  {count(len(view.trials), 'trial')}. {view.words}"
        for view in known
    ]
    facts = [
        {"search": view.id, "trials": len(view.trials), "best": view.best.number if view.best else None}
        for view in known
    ]
    say(as_json, {"searches": facts}, "\n".join(lines) or "No search yet. Begin one: mmdnet search start")


@search_app.command()
def show(search: Number, out: Out = None, home: Home = None, as_json: AsJson = False) -> None:
    """Say what a search has come to, as a table or as a file."""
    _say(search, _kind(out), out, home, as_json)


def _kind(out: Path | None) -> str | None:
    from mmdnet.experiments.search.files import KINDS

    return None if out is None else kind_of_file(out, KINDS, "A search", "Nothing was done.")


def _follow(
    search: int, kind: str | None, out: Path | None, background: bool, home: Path | None, as_json: bool
) -> None:
    lab = lab_at(home)
    job = lab.searches.get(search).job
    assert job is not None
    follow(lab, job.id, as_json, background, quiet=not background)
    if not background:
        _say(search, kind, out, home, as_json)


def _say(search: int, kind: str | None, out: Path | None, home: Path | None, as_json: bool) -> None:
    from mmdnet.evaluation.tables import plain_table
    from mmdnet.experiments.search.files import trial_table, written
    from mmdnet.experiments.search.trial import TOO_GOOD

    view = lab_at(home).searches.get(search)
    if out is not None and kind is not None:
        write_out(out, written(view.plan, view.trials, kind))
    facts = {"search": view.id, "best": view.best, "trials": view.trials, "spent_s": view.spent_s}
    words = f"Search {view.id}. {view.words} {TOO_GOOD}\n\n{plain_table(trial_table(view.plan, view.trials))}"
    if view.best is not None:
        words += f"\nTrain with the best: mmdnet train --from-search {view.id}"
    say(as_json, facts, words + (f"\nWritten to {out}." if out else ""))
