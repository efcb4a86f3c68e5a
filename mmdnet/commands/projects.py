"""`mmdnet projects …`: which projects there are, how each is run, and who changed what of it."""

from __future__ import annotations

from typing import Annotated

import typer

from mmdnet.cli_parts import AsJson, Home, Project, lab_at, project_called, reader_called, say
from mmdnet.words import count

projects_app = typer.Typer(help="Projects: which there are, their settings, who changed what.", no_args_is_help=True)


@projects_app.command("list")
def projects_list(home: Home = None, as_json: AsJson = False) -> None:
    """List the projects in sight."""
    known = lab_at(home).projects.list()
    words = "\n".join(f"{project.name}: {count(project.slides, 'slide')}" for project in known)
    say(as_json, {"projects": known}, words or "No project yet. mmdnet ingest makes one.")


@projects_app.command("settings")
def projects_settings(
    project: Project = "",
    reader_first: Annotated[
        bool | None,
        typer.Option(
            "--reader-first/--model-at-once",
            help="Whether reports show the model's grades only once the reader has given theirs.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[int | None, typer.Option(help="Number of the model that is offered first for reports.")] = None,
    by: Annotated[str | None, typer.Option(help="The reader who changes it, for the project's history.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show or change how a project is run. Where readers differ, `mmdnet labels rule` decides."""
    lab = lab_at(home)
    project_id = project_called(lab, project)
    who = reader_called(lab, by) if by else None
    if model is not None:
        lab.models.use_for_reports(project_id, model, by=who)
    if reader_first is not None:
        lab.projects.set_reader_first(project_id, reader_first, by=who)
    now, rule = lab.projects.get(project_id), lab.labels.consensus.rule(project_id)
    facts = {
        "project": now.name, "reader_first": now.reader_first, "report_model_id": now.report_model_id,
        "consensus_rule": rule.rule,
    }  # fmt: skip
    words = [
        f"{now.name}",
        f"reader's grades first: {'on' if now.reader_first else 'off'}",
        f"model for reports: {'the newest' if now.report_model_id is None else now.report_model_id}",
        f"where readers differ: {rule.rule}",
    ]
    say(as_json, facts, "\n".join(words))


@projects_app.command("history")
def projects_history(project: Project = "", home: Home = None, as_json: AsJson = False) -> None:
    """Say who added or changed what of a project, newest first."""
    lab = lab_at(home)
    changes = lab.projects.changes(project_called(lab, project))
    words = "\n".join(f"{kept.at:%Y-%m-%d %H:%M}  {kept.reader or '-'}: {kept.act}, {kept.what}" for kept in changes)
    say(as_json, {"changes": changes}, words or "Nothing was written down of this project yet.")
