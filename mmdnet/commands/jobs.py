"""`mmdnet jobs …`: what runs in the background, its log, and what can be done about it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from mmdnet.cli_parts import (
    AsJson,
    Home,
    NotBefore,
    Priority,
    Project,
    lab_at,
    plan_of,
    project_called,
    say,
    settings_at,
)
from mmdnet.errors import LabError
from mmdnet.words import count

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mmdnet.workflows.jobs import Jobs
    from mmdnet.workflows.lab import Lab
    from mmdnet.workflows.views import JobView

jobs_app = typer.Typer(
    help="Background jobs: list, log, plan, cancel, try again, dismiss; who is told of their end.", no_args_is_help=True
)
JobNumber = Annotated[str, typer.Argument(help="Number of the job, or its beginning, as `mmdnet jobs list` has it.")]
SHORTEST = 4  # characters of a number that name a job


@jobs_app.command("list")
def jobs_list(
    project: Project = "",
    active: Annotated[bool, typer.Option("--active", help="Only those that wait or run.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first: all that wait or run, and the newest that ended."""
    lab = lab_at(home)
    known = lab.jobs.list(project_called(lab, project), active)
    say(as_json, {"jobs": known}, "\n".join(map(_line, known)) or "No job.")


@jobs_app.command("log")
def jobs_log(job: JobNumber, home: Home = None, as_json: AsJson = False) -> None:
    """Print the last lines of a job's log."""
    lab = lab_at(home)
    known = _called(lab, job)
    log = lab.jobs.log(known.id)
    say(as_json, {"job": known.id, "log": log}, log or "Nothing written yet.")


@jobs_app.command("plan")
def jobs_plan(
    job: JobNumber,
    priority: Priority = None,
    not_before: NotBefore = None,
    after: Annotated[str | None, typer.Option(help="Number of a job that has to be done before.")] = None,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Neither a time nor another job is waited for any more.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Change when a waiting job begins; what is not named stays as it was."""
    lab = lab_at(home)
    known = _called(lab, job)
    if at_once and (not_before is not None or after is not None):
        raise LabError("--at-once goes with neither --not-before nor --after. Nothing was changed.")
    old = plan_of(known.priority, None) if at_once else replace(
        plan_of(known.priority, None), not_before=known.not_before, after=known.after
    )  # fmt: skip
    new = replace(plan_of(priority or known.priority, not_before), after=_called(lab, after).id if after else old.after)
    lab.jobs.plan(known.id, replace(new, not_before=new.not_before or old.not_before))
    _told(lab, known.id, as_json)


@jobs_app.command("cancel")
def jobs_cancel(job: JobNumber, home: Home = None, as_json: AsJson = False) -> None:
    """Take a job out of the queue, or end it; what it finished stays."""
    _act(lambda jobs, job_id: jobs.cancel(job_id), job, home, as_json)


@jobs_app.command("retry")
def jobs_retry(job: JobNumber, home: Home = None, as_json: AsJson = False) -> None:
    """Start a failed or cancelled job again; it goes on from its last saved state."""
    _act(lambda jobs, job_id: jobs.retry(job_id), job, home, as_json)


@jobs_app.command("dismiss")
def jobs_dismiss(job: JobNumber, home: Home = None, as_json: AsJson = False) -> None:
    """Have a job that ended shown on the Jobs page alone."""
    _act(lambda jobs, job_id: jobs.dismiss(job_id), job, home, as_json)


@jobs_app.command("try-notice")
def jobs_try_notice(home: Home = None, as_json: AsJson = False) -> None:
    """Send a trial by every way on which this lab tells of a job's end, and say what came of it."""
    from mmdnet.jobs.notices import send, trial

    said = send(settings_at(home), trial(), pauses_s=())
    if not said:
        raise LabError(
            "This lab tells nobody when a job has ended. Set MMDNET_NOTIFY_URL, or MMDNET_MAIL_TO, MMDNET_MAIL_FROM "
            "and MMDNET_MAIL_SERVER, for the workers too."
        )
    say(as_json, {"sent": said}, "\n".join(f"{channel}: {problem or 'sent'}" for channel, problem in said.items()))
    if any(said.values()):
        raise typer.Exit(1)


def _called(lab: Lab, number: str) -> JobView:
    """The one job whose number is this, or begins so.

    Raises:
        LabError: there is none, or more than one.
    """
    if len(number) >= SHORTEST:
        known = lab.jobs.numbered(number)
        if len(known) > 1:
            raise LabError(f"{count(len(known), 'job')} have numbers that begin with {number}. Write more of it.")
        if known:
            return known[0]
    return lab.jobs.get(number)


def _act(act: Callable[[Jobs, str], None], number: str, home: Path | None, as_json: bool) -> None:
    lab = lab_at(home)
    known = _called(lab, number)
    act(lab.jobs, known.id)
    _told(lab, known.id, as_json)


def _told(lab: Lab, job_id: str, as_json: bool) -> None:
    job = lab.jobs.get(job_id)
    say(as_json, job, _line(job))


def _line(job: JobView) -> str:
    waits = [f"priority {job.priority}"] if job.status == "queued" and job.priority != "normal" else []
    if job.status == "queued" and job.after_title is not None:
        waits.append(f"after {job.after_title}")
    if job.status == "queued" and job.not_before is not None:
        waits.append(f"not before {job.not_before.astimezone():%Y-%m-%d %H:%M}")
    done = f"{job.share_done:.0%}" if job.status == "running" else ""
    said = " · ".join(part for part in (done, *waits, job.failure or "") if part)
    return f"{job.id[:8]}  {job.status:9}  {job.title}" + (f": {said}" if said else "")
