"""What the commands share: their common options, the lab they work on, and how they speak to people and machines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from mmdnet.errors import LabError
from mmdnet.progress import Progress, silent

if TYPE_CHECKING:
    from mmdnet.settings import Settings
    from mmdnet.workflows.job_plans import JobPlan
    from mmdnet.workflows.lab import Lab

UNWRITTEN = "Nothing was written."
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, no progress bar.")]
Home = Annotated[Path | None, typer.Option("--home", help="The lab's folder (default: MMDNET_HOME or ./lab-data).")]
Project = Annotated[
    str,
    typer.Option(
        "--project", "-p", help="Name of the project (default: the only one there is, else My lab).", show_default=False
    ),
]
FIRST_PROJECT = "My lab"  # what the first one is called where a command makes it
Folder = Annotated[
    Path | None,
    typer.Option("--folder", help="Slides, patches and results are kept here (default: in the lab's folder)."),
]
Background = Annotated[bool, typer.Option("--background", help="Queue it and return at once.")]

Priority = Annotated[
    str | None, typer.Option("--priority", help="Of the jobs that wait, it goes first, normal or last.")
]
NotBefore = Annotated[
    str | None, typer.Option("--not-before", help="Time from which it may begin: 22:00, or 2026-12-01 22:00.")
]


def settings_at(home: Path | None) -> Settings:
    """The settings of this home."""
    from mmdnet.settings import load_settings

    return load_settings(**({"home": home} if home else {}))


def lab_at(home: Path | None) -> Lab:
    """The lab in this home, as its owner: a command asks no account, and what it takes out or deletes is logged."""
    from mmdnet.lab import open_lab
    from mmdnet.workflows.guarded import as_owner

    return as_owner(open_lab(settings_at(home)))


def project_called(lab: Lab, name: str) -> int:
    """Number of the project of that name, "" for the one that is meant where none was named.

    Raises:
        LabError: there is none.
    """
    projects = {project.name: project.id for project in lab.projects.list()}
    name = name or _meant(list(projects))
    if name not in projects:
        raise LabError(f"There is no project called {name}. Known are: {', '.join(projects) or 'none yet'}.")
    return projects[name]


def project_named(lab: Lab, name: str) -> int:
    """The same for commands that bring something into a project: one that is not there is made.

    Raises:
        LabError: none was named where there are several.
    """
    return lab.projects.named(name or _meant([project.name for project in lab.projects.list()])).id


def _meant(names: Sequence[str]) -> str:
    if len(names) > 1 and FIRST_PROJECT not in names:
        raise LabError(f"There are {len(names)} projects: name one with --project. Known are: {', '.join(names)}.")
    return names[0] if len(names) == 1 else FIRST_PROJECT


def reader_called(lab: Lab, name: str) -> int:
    """Number of the reader of that name.

    Raises:
        LabError: there is none.
    """
    readers = lab.readers.list()
    for reader in readers:
        if reader.name.lower() == name.lower():
            return reader.id
    raise LabError(f"There is no reader called {name}. Known are: {', '.join(reader.name for reader in readers)}.")


def choices_of(pairs: Sequence[str]) -> dict[str, object]:
    """Choices of a training that were given as name=value.

    Raises:
        LabError: one has no equals sign.
    """
    choices: dict[str, object] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise LabError(f"{pair} is no choice; write it as name=value, for example --set head=corn.")
        choices[key] = value
    return choices


def kind_of_file(out: Path, kinds: Sequence[str], what: str, undone: str) -> str:
    """The kind of file by its ending; asked before long work, so that none is done for nothing.

    Args:
        kinds: the endings that can be written, without the dot; of two that fit (.json, .fhir.json) the longer counts.
        what: is to be written, as a sentence begins ("A comparison").
        undone: what was not done where it is refused ("Nothing was trained.").

    Raises:
        LabError: it is not written so, or the folder is not there.
    """
    kind = max((name for name in kinds if out.name.lower().endswith(f".{name}")), key=len, default=None)
    if kind is None:
        known = ", ".join(f".{name}" for name in kinds)
        raise LabError(f"{what} is written as {known}, not as {out.suffix or 'a file without an ending'}. {undone}")
    check_place(out, undone)
    return kind


def check_place(out: Path, undone: str = UNWRITTEN) -> None:
    """Whether a file can be written there.

    Raises:
        LabError: it is a folder, or lies in none, or this user may not write there.
    """
    if out.is_dir():
        raise LabError(f"{out} is a folder; name a file. {undone}")
    if not out.parent.is_dir():
        raise LabError(f"The folder {out.parent} is not there. {undone}")
    if not os.access(out.parent, os.W_OK):
        raise LabError(f"The folder {out.parent} cannot be written. Choose another place. {undone}")


def write_out(out: Path, content: str | bytes) -> None:
    """Write the file a command was asked for, whole or not at all.

    Raises:
        LabError: it cannot be written; what is there stays.
    """
    from mmdnet.files import write_aside

    try:
        write_aside(out, content)
    except OSError as error:
        raise LabError(f"{out} cannot be written: {error.strerror or error}. Choose another place.") from error


def read_in(file: Path, undone: str = "Nothing was changed.") -> bytes:
    """The file a command was given.

    Raises:
        LabError: it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise LabError(f"{file} cannot be read: {error.strerror or error}. {undone}") from error


def experiments_folder(folder: Path | None = None, home: Path | None = None) -> Path:
    """Where an experiment keeps its slides and results: as given, else in the lab's folder. Nothing is made here.

    Raises:
        LabError: it is no folder.
    """
    from mmdnet.settings import EXPERIMENTS

    place = folder or settings_at(home).home.resolve() / EXPERIMENTS
    if place.exists() and not place.is_dir():
        raise LabError(f"{place} is no folder. Choose another with --folder. Nothing was done.")
    return place


def slide_called(lab: Lab, project_id: int, name: str) -> int:
    """Number of the project's slide of that name, or path.

    Raises:
        LabError: there is none, or more than one.
    """
    slides = [slide for slide in lab.slides.list(project_id) if name in {slide.name, slide.path}]
    if not slides:
        raise LabError(f"There is no slide called {name} here.")
    if len(slides) > 1:
        paths = ", ".join(slide.path for slide in slides)
        raise LabError(f"There are {len(slides)} slides called {name} here; name the one by its path: {paths}.")
    return slides[0].id


def as_plain(value: object) -> Any:
    """The same as JSON can say it: frozen facts as objects, paths and times as text."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value)


def say(as_json: bool, facts: object, words: str) -> None:
    """Print facts for machines, or words for people."""
    print(json.dumps(as_plain(facts)) if as_json else words)


@contextmanager
def bar(as_json: bool, title: str) -> Iterator[Progress]:
    """A progress bar for people, silence for machines."""
    if as_json:
        yield silent
        return
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.TextColumn("{task.percentage:>3.0f} %"),
        rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(*columns, console=Console(stderr=True)) as drawn:
        task = drawn.add_task(title, total=1.0)

        def progress(share: float, message: str, /, **numbers: Any) -> None:
            drawn.update(task, completed=share, description=f"{title}: {message}"[:90] if message else title)

        yield progress


def plan_of(priority: str | None, not_before: str | None) -> JobPlan:
    """When a job is to begin, as it was written.

    Raises:
        LabError: there is no such priority, or what stands for a time is none.
    """
    from mmdnet.workflows.job_plans import JobPlan, moment_of

    plan = JobPlan(cast("Any", priority or "normal"), None if not_before is None else moment_of(not_before))
    plan.check()
    return plan


def follow(lab: Lab, job_id: str, as_json: bool, background: bool, quiet: bool = False) -> None:
    """Wait for a job, running a worker here if none takes it; what it came to is printed unless `quiet`.

    Raises:
        LabError: it failed or was cancelled.
    """
    from mmdnet.jobs.foreground import wait_for

    if not background:
        with bar(as_json, lab.jobs.get(job_id).title) as step:
            wait_for(lab, job_id, step)
    job = lab.jobs.get(job_id)
    if job.status in {"failed", "cancelled"}:
        raise LabError(job.failure or f"{job.title}: {job.status}.")
    if not quiet:
        say(as_json, job, f"{job.title}: {job.status}. {job.message}".strip())


def follow_all(lab: Lab, job_ids: Sequence[str], as_json: bool, background: bool) -> None:
    """The same of several jobs, one after the other; what the last ones came to is told also where one failed.

    Raises:
        LabError: one failed or was cancelled, the first of them.
    """
    problems: list[LabError] = []
    for job_id in job_ids:
        try:
            follow(lab, job_id, as_json, background)
        except LabError as problem:
            problems.append(problem)
    if problems:
        raise problems[0]
