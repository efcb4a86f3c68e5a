"""`mmdnet labels …`, `mmdnet audit …`, `mmdnet import-tiles`: labels in and out, compared, and their record."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmdnet.accounts.owner import owner
from mmdnet.cli_parts import (
    AsJson,
    Home,
    Project,
    as_plain,
    bar,
    check_place,
    lab_at,
    project_called,
    project_named,
    read_in,
    reader_called,
    say,
    slide_called,
    write_out,
)
from mmdnet.errors import LabError
from mmdnet.words import count
from mmdnet.workflows.slides.ingest.tile_layout import READER, STAIN, TILE_MPP, read_layout

if TYPE_CHECKING:
    from mmdnet.workflows.labelling.views import AuditView

labels_app = typer.Typer(help="Labels: how many there are, out to a file and in again.", invoke_without_command=True)
audit_app = typer.Typer(help="The record of who labelled what, when.", no_args_is_help=True)


def import_tiles(
    folder: Annotated[
        Path, typer.Argument(help="The data set's folder: CNN/ in it, data/ and ground_truth.csv beside.")
    ],
    project: Project = "",
    reader: Annotated[str, typer.Option(help="Whose labels they become.")] = READER,
    stain: Annotated[str, typer.Option(help="Stain of the tiles.")] = STAIN,
    mpp: Annotated[float, typer.Option(min=0.1, max=2.0, help="µm per pixel of the tiles.")] = TILE_MPP,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take in the paper's public data set of graded tiles: slides, labels, slide grades. May be started again."""
    lab = lab_at(home)
    place = lab.slides.allowed(folder)
    read_layout(place)  # before a project is made for it
    project_id = project_named(lab, project)
    with bar(as_json, "Adding tiles") as step:
        done = lab.tile_sets.add(project_id, place, step, reader, stain, mpp, operator=owner())
    said = [*done.problems, *(f"Left out: {number} {what}." for what, number in done.left_out.items())]
    said.append(
        f"{count(done.slides, 'slide')} with {count(done.tiles, 'tile')} added, {done.labels:,} of them labelled "
        f"({done.ignored:,} ignored), {count(done.slide_grades, 'slide')} graded; "
        f"{count(done.there, 'slide was', 'slides were')} there already."
    )
    say(as_json, done, "\n".join(said))
    if done.problems:
        sys.exit(1)


@labels_app.callback()
def labels_count(context: typer.Context, project: Project = "", home: Home = None, as_json: AsJson = False) -> None:
    """How many patches carry which grade; out to a file and in again."""
    if context.invoked_subcommand:
        return
    lab = lab_at(home)
    counts = lab.labels.counts(project_called(lab, project))
    patches, readers = count(counts.patches, "patch", "patches"), count(counts.readers, "reader")
    lines = [f"{patches} labelled by {readers}, {counts.ignored:,} ignored"]
    lines += [
        f"  {name}: " + ", ".join(f"grade {grade}: {number}" for grade, number in sorted(grades.items()))
        for name, grades in counts.grades.items()
        if grades
    ]
    say(as_json, counts, "\n".join(lines))


@labels_app.command("export")
def labels_export(
    file: Annotated[Path, typer.Argument(help="Where to: .csv, .parquet, .jsonl, .geojson (one slide) or .zip.")],
    project: Project = "",
    reader: Annotated[str | None, typer.Option(help="Only this reader's labels.")] = None,
    slide: Annotated[str | None, typer.Option(help="Only labels on this slide.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write every reader's labels to a file; its ending says which kind."""
    from mmdnet.labels.files import kind_of

    lab = lab_at(home)
    project_id = project_called(lab, project)
    reader_id = reader_called(lab, reader) if reader else None
    slide_id = slide_called(lab, project_id, slide) if slide else None
    kind = kind_of(file.name)
    check_place(file)
    exported = lab.labels.files.export(project_id, kind, reader_id, slide_id)
    write_out(file, exported.data)
    say(as_json, {"file": file, "rows": exported.labels}, f"{count(exported.labels, 'label')} written to {file}.")


@labels_app.command("import")
def labels_import(
    file: Annotated[Path, typer.Argument(help="A .csv, .parquet, .jsonl, .geojson or .zip of labels.")],
    project: Project = "",
    good_rows: Annotated[bool, typer.Option("--good-rows", help="Take the good rows although others are bad.")] = False,
    reader: Annotated[str, typer.Option(help="Who graded, where the file does not say.")] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Read labels from a file; nothing is imported if one row is wrong, unless asked to."""
    lab = lab_at(home)
    if not file.is_file():
        raise LabError(f"{file} is not there or no file. Nothing was imported.")
    data = read_in(file, "Nothing was imported.")
    outcome = lab.labels.files.import_file(
        project_called(lab, project), file.name, data, take_good=good_rows, reader=reader, operator=owner()
    )
    said = [f"{wrong.file} {outcome.counted} {wrong.line}: {wrong.problem}".strip() for wrong in outcome.problems]
    if outcome.not_read:
        said.append(f"Columns that mean nothing here: {', '.join(outcome.not_read)}.")
    said.append(f"{count(outcome.imported, 'label')} imported, {outcome.unchanged:,} stood already.")
    say(as_json, outcome, "\n".join(said))
    if outcome.problems:
        sys.exit(1)


@labels_app.command("agreement")
def labels_agreement(project: Project = "", home: Home = None, as_json: AsJson = False) -> None:
    """How far readers agree: with each other, with the consensus of the others, with a model, with themselves."""
    lab = lab_at(home)
    view = lab.labels.agreement.of_project(project_called(lab, project))
    lines = []
    for pair in view.comparisons:
        kappa = pair.estimates["kappa_quadratic"]
        value = "not defined" if kappa.value is None else f"{kappa.value:.2f}"
        between = "" if kappa.low is None else f" ({kappa.low:.2f} to {kappa.high:.2f})"
        patches = count(pair.n, "patch", "patches")
        lines.append(f"{pair.first} and {pair.second}, {pair.task}: quadratic kappa {value}{between}, {patches}")
    said = "\n".join(lines) or "Nobody has graded what somebody else, or a model, has graded, too."
    say(as_json, view, said)


@labels_app.command("rule")
def labels_rule(
    rule: Annotated[str | None, typer.Argument(help="latest, majority, adjudicated or reader; none to see it.")] = None,
    reader: Annotated[str | None, typer.Option(help="Whose labels count, for the rule `reader`.")] = None,
    project: Project = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """By which rule a project makes one label of several readers'."""
    lab = lab_at(home)
    project_id = project_called(lab, project)
    now = lab.labels.consensus.rule(project_id)
    if rule is not None:
        now = lab.labels.consensus.set_rule(project_id, rule, reader_called(lab, reader) if reader else None)
    say(as_json, now, f"Where readers differ: {now.rule}" + (f" ({now.reader})" if now.reader else ""))


def _audit_words(what: str, verdict: AuditView) -> str:
    if verdict.intact:
        return f"{count(verdict.events, what)}, all as they were written."
    return (
        f"{what.capitalize()} {verdict.broken_id} ({verdict.broken_act}) is wrong: {verdict.reason}. "
        f"{count(verdict.events, f'{what} before it is', f'{what}s before it are')} intact."
    )


@audit_app.command("verify")
def audit_verify(home: Home = None, as_json: AsJson = False) -> None:
    """Check that no label, reading of a slide or access was altered, added or taken out behind the program's back."""
    verdict, readings, access = lab_at(home).labels.record.verify_all()
    words = [_audit_words("event", verdict)]
    for what, chain in (("slide reading", readings), ("access event", access)):
        if chain.events or not chain.intact:
            words.append(_audit_words(what, chain))
    told = as_plain(verdict) | {"slide_readings": as_plain(readings), "access_events": as_plain(access)}
    say(as_json, told, "\n".join(words))
    if not (verdict.intact and readings.intact and access.intact):
        sys.exit(1)


@labels_app.command("learn")
def labels_learn(project: Project = "", home: Home = None, as_json: AsJson = False) -> None:
    """Learn from the labels so far, as the Label page does by itself: kappa by feature on patients left out."""
    from mmdnet.jobs.foreground import wait_for

    lab = lab_at(home)
    project_id = project_called(lab, project)
    job_id = lab.learning.submit(project_id)
    with bar(as_json, "Learning") as step:
        wait_for(lab, job_id, step)
    failure, version = lab.jobs.get(job_id).failure, lab.learning.state(project_id).version
    if failure or version is None:
        raise LabError(failure or "There is too little to learn from: label patches of two grades of a feature first.")
    lines = [f"{version.title} from {count(version.labels, 'label')}"]
    for name, kappa in version.estimate.kappa.items():
        interval = "" if kappa.low is None or kappa.high is None else f" ({kappa.low:.2f} to {kappa.high:.2f})"
        lines.append(f"  {name}: kappa {kappa.value:.2f}{interval}")
    say(as_json, version, "\n".join(lines))
