"""Every use case on the command line: `mmdnet doctor | ingest | labels | train | score | evaluate | report | ...`.

With `--json` a command prints one JSON object for machines and no progress bar. What a person can mend leaves exit code
1 and one sentence on stderr.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmdnet.cli_parts import (
    UNWRITTEN,
    AsJson,
    Background,
    Home,
    NotBefore,
    Priority,
    Project,
    check_place,
    follow,
    follow_all,
    kind_of_file,
    lab_at,
    plan_of,
    project_called,
    read_in,
    say,
    settings_at,
    slide_called,
    write_out,
)
from mmdnet.commands.accounts import accounts_app, readers_app
from mmdnet.commands.augment import augment
from mmdnet.commands.backbones import backbones_app
from mmdnet.commands.backup import backup, migrate_to, restore
from mmdnet.commands.evaluate import evaluate
from mmdnet.commands.experiment import experiment_app
from mmdnet.commands.ingest import ingest
from mmdnet.commands.jobs import jobs_app
from mmdnet.commands.labels import audit_app, import_tiles, labels_app
from mmdnet.commands.models import models_app
from mmdnet.commands.projects import projects_app
from mmdnet.commands.qupath import qupath_app
from mmdnet.commands.search import search_app
from mmdnet.commands.simulate import simulate
from mmdnet.commands.slides import deidentify, slides_app
from mmdnet.commands.store import store_app
from mmdnet.commands.train import TrainCommand, train
from mmdnet.errors import LabError
from mmdnet.scoring.choices import AUTO

if TYPE_CHECKING:
    from mmdnet.workflows.lab import Lab

app = typer.Typer(
    help="Scores fatty-liver biopsies from weak labels. Research use only.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # boxes around the help cost more time than all else of it
)
app.add_typer(labels_app, name="labels")
app.add_typer(audit_app, name="audit")
app.add_typer(store_app, name="store")
app.add_typer(qupath_app, name="qupath")
app.add_typer(slides_app, name="slides")
app.add_typer(backbones_app, name="backbones")
app.add_typer(models_app, name="models")
app.add_typer(jobs_app, name="jobs")
app.add_typer(projects_app, name="projects")
app.add_typer(search_app, name="search")
app.add_typer(accounts_app, name="accounts")
app.add_typer(readers_app, name="readers")
app.add_typer(experiment_app, name="experiment")
app.command()(backup)
app.command()(restore)
app.command()(migrate_to)


def main() -> None:
    """Run a command; turn what a person can mend into one sentence and exit code 1."""
    try:
        app(standalone_mode=True)
    except LabError as error:
        print(str(error), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("Stopped. What was finished is kept.", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        from mmdnet.troubles import trouble_of

        trouble = trouble_of(error)
        if trouble is None and isinstance(error, OSError) and error.filename is not None:
            trouble = f"{error.filename} cannot be read or written: {error.strerror}."
        if trouble is None:
            raise
        print(f"{trouble} What was finished is kept.", file=sys.stderr)
        sys.exit(1)


@app.command()
def doctor(home: Home = None, as_json: AsJson = False) -> None:
    """Name what is missing on this machine, and the mend."""
    from mmdnet.doctor import main as examine

    sys.exit(examine(home=home, as_json=as_json))


app.command()(simulate)
app.command()(evaluate)
app.command()(deidentify)
app.command()(augment)
app.command()(ingest)
app.command("import-tiles")(import_tiles)
app.command(cls=TrainCommand)(train)


@app.command()
def score(
    project: Project = "",
    slide: Annotated[list[str] | None, typer.Option("--slide", help="Name of a slide; may be repeated.")] = None,
    model: Annotated[int | None, typer.Option(help="Number of the model; the newest one if not given.")] = None,
    rule: Annotated[
        str, typer.Option(help="How patches become a grade: auto, as the model was calibrated, or a rule's name.")
    ] = AUTO,
    after_training: Annotated[
        str | None,
        typer.Option("--after-training", help="Name of a training that waits or runs: score with its model when done."),
    ] = None,
    priority: Priority = None,
    not_before: NotBefore = None,
    background: Background = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Score slides (all that are ready, if none is named) with a trained network."""
    lab, plan = lab_at(home), plan_of(priority, not_before)
    project_id = project_called(lab, project)
    slides = lab.slides.list(project_id)
    named = [slide_called(lab, project_id, name) for name in dict.fromkeys(slide or [])]
    chosen = named or [known.id for known in slides if known.status == "ready"]
    if after_training is not None:
        if model is not None:
            raise LabError("--after-training names the model to come, so --model cannot name another.")
        run_id = _training_called(lab, project_id, after_training)
        follow_all(lab, lab.scoring.start_after(project_id, chosen, run_id, rule, plan), as_json, True)
        return
    models = lab.models.list(project_id)
    model_id = model or (models[0].id if models else lab.models.shipped())
    queued = lab.scoring.start(project_id, chosen, model_id, rule, plan)
    follow_all(lab, queued, as_json, background or plan.not_before is not None)


def _training_called(lab: Lab, project_id: int, name: str) -> int:
    runs = [run for run in lab.training.runs(project_id) if run.name == name]
    if not runs:
        known = ", ".join(run.name for run in lab.training.runs(project_id)) or "none yet"
        raise LabError(f"There is no training called {name}. Known are: {known}. Nothing was queued.")
    return runs[0].id  # the newest


@app.command()
def calibrate(
    project: Project = "",
    model: Annotated[int | None, typer.Option(help="Number of the model; the newest one if not given.")] = None,
    rule: Annotated[
        str,
        typer.Option(help="The rule to calibrate: auto, the one that agrees best with graded slides, or its name."),
    ] = AUTO,
    check: Annotated[bool, typer.Option("--check", help="Only say which slides it would rest on.")] = False,
    background: Background = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Calibrate a model on the project's graded slides that it did not learn from."""
    from mmdnet.workflows.scoring.calibrating import plan_words

    lab = lab_at(home)
    project_id = project_called(lab, project)
    models = lab.models.list(project_id)
    model_id = model or (models[0].id if models else lab.models.shipped())
    plan = lab.calibrations.plan(project_id, model_id)
    if check:
        say(as_json, plan, plan_words(plan))
        return
    follow(lab, lab.calibrations.start(project_id, model_id, rule), as_json, background)


@app.command()
def report(
    slide: Annotated[str, typer.Argument(help="Name of the slide.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="File to write: .pdf, .html, .csv, .json, .geojson, .sr.dcm, .map.dcm, .patches.dcm or .fhir.json.",
        ),
    ],
    cam: Annotated[
        Path | None,
        typer.Option(help="ZIP to write too: what on each of its patches speaks for the grade (Grad-CAM++)."),
    ] = None,
    project: Project = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write the report of a slide: of the score that was signed last, else of the newest.

    For archives and hospital systems: .sr.dcm is a DICOM structured report of the grades, .map.dcm a parametric map of
    attention, .patches.dcm the patches' grades as annotations, .fhir.json a FHIR R4 bundle; all are preliminary.
    """
    from mmdnet.workflows.scoring.scored_slide import REPORT_KINDS

    kind = kind_of_file(out, REPORT_KINDS, "A report", UNWRITTEN)
    if cam is not None:
        kind_of_file(cam, ("zip",), "What speaks for the grades", UNWRITTEN)
    lab = lab_at(home)
    project_id = project_called(lab, project)
    leading = lab.scoring.leading(project_id).get(slide_called(lab, project_id, slide))
    if leading is None:
        raise LabError(f"{slide} is not scored yet. Score it first: mmdnet score --slide {slide}")
    scored = lab.reports.open(leading.id)
    if cam is not None and not scored.maps_made:
        follow(lab, lab.evidence_maps.start(leading.id), as_json, background=False, quiet=True)
        scored = lab.reports.open(leading.id)  # HTML and PDF show the maps that are there
    written = {out: scored.file(kind)}
    if cam is not None:
        written[cam] = lab.reports.patch_maps(leading.id)
    for file, data in written.items():  # once all of it is made
        write_out(file, data)
    said = scored.shown
    facts = {
        "file": out, "score_id": leading.id, "reportable": said.validity.words or "yes", "nas": said.nas.value,
        "grades": said.model_grades, "maps": cam,
    }  # fmt: skip
    say(as_json, facts, f"Report written to {out}." + (f" Maps of its patches written to {cam}." if cam else ""))


@app.command()
def reports(
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: .csv, .xlsx, .parquet or .zip.")],
    project: Project = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write the reports of all scored slides: one table, or a ZIP of it with each report's PDF, JSON and GeoJSON."""
    check_place(out)
    lab = lab_at(home)
    write_out(out, lab.project_reports.file(project_called(lab, project), out.suffix.lower().removeprefix(".")))
    say(as_json, {"file": out}, f"Reports written to {out}.")


@app.command()
def verify_report(
    file: Annotated[Path, typer.Argument(help="JSON of a report, as `mmdnet report --out FILE.json` writes it.")],
    hashes_only: Annotated[
        bool, typer.Option("--hashes-only", help="Do not make the score again, which takes as long as scoring does.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Check a report's JSON: its content, signatures and the model's weights against what the lab keeps.

    Then the score is made again from the slide, where this machine computes as the one that made it did.
    """
    from mmdnet.reports.verify import read_report
    from mmdnet.workflows.scoring.scores_again import finding_of

    document, lab = read_in(file, "Nothing was verified."), lab_at(home)
    score_id = read_report(document).provenance.score_id
    findings = [*lab.reports.verify(score_id, document)]
    if not hashes_only:
        job = lab.scores_again.start(score_id)
        follow(lab, job, as_json, background=False, quiet=True)
        findings += filter(None, [finding_of(lab.jobs.get(job))])
    right = all(finding.right is not False for finding in findings)
    said = {True: "right", False: "WRONG", None: "not checked"}
    words = "\n".join(f"{said[finding.right]}: {finding.words}" for finding in findings)
    say(as_json, {"right": right, "findings": findings}, words)
    if not right:
        sys.exit(1)


@app.command()
def worker(
    slot: Annotated[str, typer.Option(help="Name of this worker's place on this machine.")] = "cpu",
    queues: Annotated[str, typer.Option(help="Queues it serves, separated by commas: cpu, gpu.")] = "cpu,gpu",
    gpu: Annotated[str | None, typer.Option(help="Number of the GPU it uses.")] = None,
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="End when nothing is left to do in its queues.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Run a worker: it takes jobs until it is stopped. One line says when it is ready."""
    from mmdnet.backups.daily import keep_daily
    from mmdnet.jobs.worker import run_worker

    settings = settings_at(home)
    if "cpu" in queues.split(","):
        keep_daily(settings)
    run_worker(settings, slot, queues.split(","), gpu, as_json=as_json, until_empty=until_empty)


@app.command()
def demo(background: Background = False, home: Home = None, as_json: AsJson = False) -> None:
    """Make the demo project: twelve simulated slides, labelled from their truth, scored by the shipped model."""
    from mmdnet.workflows.demo import submit_demo

    lab = lab_at(home)
    follow(lab, submit_demo(lab), as_json, background)
