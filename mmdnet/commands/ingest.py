"""`mmdnet ingest`: slides into a project, each with what is stated of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmdnet.cli_parts import AsJson, Home, Project, as_plain, bar, lab_at, project_named
from mmdnet.commands.slides import say_incoming
from mmdnet.errors import LabError
from mmdnet.progress import part_of
from mmdnet.words import count

if TYPE_CHECKING:
    from mmdnet.slides.facts import StatedFacts
    from mmdnet.workflows.lab import Lab
    from mmdnet.workflows.slides.views import IngestOutcome, SlideView


def ingest(
    paths: Annotated[list[str], typer.Argument(help="Slides or folders of slides: paths, or URLs (s3://, https://).")],
    project: Project = "",
    mpp: Annotated[float | None, typer.Option(help="µm per pixel, where the file does not say.")] = None,
    overrule_scale: Annotated[
        bool, typer.Option("--overrule-scale", help="Take --mpp though the file says otherwise; this is recorded.")
    ] = False,
    stain: str | None = None,
    scanner: str | None = None,
    site: str | None = None,
    patient: str | None = None,
    visit: Annotated[str | None, typer.Option(help="Which of the patient's biopsies.")] = None,
    staining_run: Annotated[str | None, typer.Option(help="The batch it was stained in.")] = None,
    control: Annotated[str | None, typer.Option(help="What kind of control it is (donor, chow).")] = None,
    accession_number: Annotated[str | None, typer.Option(help="The hospital's number of the case.")] = None,
    barcode: Annotated[str | None, typer.Option(help="Of the slide's label, where the file does not say.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what each file is; nothing is added.")] = False,
    relink: Annotated[
        bool, typer.Option("--relink", help="Slides whose files were moved get their new place.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Add slides to a project: checked, tissue found, patches laid. Each fails alone."""
    from mmdnet.slides.facts import StatedFacts

    lab = lab_at(home)
    if overrule_scale and mpp is None:
        raise LabError("--overrule-scale needs the scale that counts: add --mpp. Nothing was changed.")
    stated = StatedFacts(
        mpp,
        stain,
        scanner,
        site,
        patient,
        visit,
        staining_run,
        control,
        accession_number,
        barcode,
        overrule_scale=overrule_scale,
    )
    for path in paths:  # before a project is made for them
        lab.slides.place(path)
    if check or relink:
        say_incoming(lab, paths, project, check, as_json)
        if check:
            return
    outcomes, added = _registered(lab, project, paths, stated, as_json)
    _say_outcomes(outcomes, added, as_json)
    if passed_over := lab.slides.passed_over(paths):
        print(f"{passed_over}.", file=sys.stderr)
    if any(outcome.problem for outcome in outcomes):
        sys.exit(1)


def _registered(
    lab: Lab, project: str, paths: Sequence[str], stated: StatedFacts, as_json: bool
) -> tuple[list[IngestOutcome], list[SlideView]]:
    """What became of each path, and the slides that came in; a project made for them goes again where none did."""
    from mmdnet.workflows.slides.views import IngestOutcome

    before = {there.id for there in lab.projects.list()}
    project_id = project_named(lab, project)
    outcomes: list[IngestOutcome] = []
    try:
        with bar(as_json, "Adding slides") as progress:
            for number, path in enumerate(paths):
                part = part_of(progress, number, len(paths))
                try:
                    outcomes += lab.slides.register(project_id, path, stated, part)
                except LabError as refusal:
                    outcomes.append(IngestOutcome(Path(path).name, None, str(refusal)))
    finally:
        if project_id not in before and not lab.slides.list(project_id):
            lab.projects.remove(project_id)
    slides = {slide.id: slide for slide in lab.slides.list(project_id)}
    return outcomes, [slides[outcome.slide_id] for outcome in outcomes if outcome.slide_id is not None]


def _say_outcomes(outcomes: Sequence[IngestOutcome], added: Sequence[SlideView], as_json: bool) -> None:
    if as_json:
        plain = [
            {"name": each.name, "slide_id": each.slide_id, "problem": each.problem, "notes": each.notes}
            for each in outcomes
        ]
        print(json.dumps({"outcomes": plain, "slides": as_plain(added)}))
    else:
        for problem in filter(None, (outcome.problem for outcome in outcomes)):
            print(problem, file=sys.stderr)
        for outcome in outcomes:
            for note in outcome.notes:
                print(f"{outcome.name}: {note}", file=sys.stderr)
        for slide in added:
            usable = f"{slide.usable:,} of {count(slide.patches, 'patch', 'patches')} to use"
            print(f"{slide.name}: {slide.reason or usable}")
