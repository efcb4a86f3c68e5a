"""`mmdnet slides …`: facts and grades of slides by table, and who is one patient."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmdnet.accounts.owner import owner
from mmdnet.cli_parts import (
    UNWRITTEN,
    AsJson,
    Home,
    Project,
    as_plain,
    bar,
    check_place,
    kind_of_file,
    lab_at,
    project_called,
    read_in,
    say,
    slide_called,
    write_out,
)
from mmdnet.errors import LabError
from mmdnet.nn.registry import PRETRAINED
from mmdnet.words import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmdnet.workflows.lab import Lab
    from mmdnet.workflows.slides.tables.facts_plan import FactsPlan

slides_app = typer.Typer(help="Slides: facts and grades by table, and who is one patient.", no_args_is_help=True)
facts_app = typer.Typer(help="Facts and grades of slides, out to a table and in again.", no_args_is_help=True)
features_app = typer.Typer(help="Features of slides, computed or taken in.")
slides_app.add_typer(facts_app, name="facts")
slides_app.add_typer(features_app, name="features")
MOST_LINES = 500
WAYS = {"add": "It can be added.", "relink": "--relink takes its new place.", "skip": "It stays out."}


def say_incoming(lab: Lab, paths: Sequence[str], project: str, check: bool, as_json: bool) -> None:
    """Tell what files are before they come in; unless it is only a check, relink the slides whose files were moved.

    Exits with 1 where a check names one that cannot be added.
    """
    projects = {there.name: there.id for there in lab.projects.list()}
    here = projects.get(project) if project else (project_called(lab, project) if projects else None)
    with bar(as_json, "Looking at files") as progress:
        files = lab.slides.incoming.look(here, paths, list(projects.values()), progress)
    if not check:
        for file in files:
            if file.kind == "moved" and file.slide_id is not None:
                lab.slides.incoming.relink(file.slide_id, file.path)
                print(f"{file.says} It was relinked to {file.path}.", file=sys.stderr)
        return
    told = [f"{file.says or f'{file.name} is new.'} {WAYS[file.choices[0]]}" for file in files]
    say(as_json, {"files": files}, "\n".join([*told, "Nothing was changed."]))
    if any(file.choices == ("skip",) for file in files):
        sys.exit(1)


@facts_app.command("export")
def facts_export(
    file: Annotated[Path, typer.Argument(help="Where to: .csv, .xlsx or .parquet.")],
    project: Project = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write what is known of each slide, and every reader's grades of it, to a table; a row per slide and reader."""
    from mmdnet.workflows.slides.tables.facts_table import kind_of

    lab, kind = lab_at(home), kind_of(file.name)
    project_id = project_called(lab, project)
    check_place(file)
    write_out(file, lab.slides.tables.export(project_id, kind))
    rows = len(lab.slides.tables.rows(project_id))
    say(as_json, {"file": file, "rows": rows}, f"{count(rows, 'row')} written to {file}.")


@facts_app.command("import")
def facts_import(
    file: Annotated[Path, typer.Argument(help="A .csv, .xlsx or .parquet with a column slide or path.")],
    project: Project = "",
    reader: Annotated[str, typer.Option(help="Who read the slides, where a row does not say.")] = "",
    apply: Annotated[bool, typer.Option("--apply", help="Change it; without, only say what would change.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Say what a table would change, row by row; with --apply, change it: every row, or none where one is wrong.

    Columns: slide or path, patient, visit, site, stain, scanner, staining_run, control, accession_number, barcode, mpp,
    steatosis, inflammation, ballooning, nas, fibrosis, reader, date. An empty cell changes nothing.
    """
    lab = lab_at(home)
    project_id = project_called(lab, project)
    data = read_in(file)
    tables, operator = lab.slides.tables, owner()
    plan = tables.import_file(project_id, file.name, data, reader=reader, operator=operator)
    done = apply and not plan.problems
    if done:
        with bar(as_json, "Reading slides") as progress:
            plan = tables.import_file(
                project_id, file.name, data, reader=reader, operator=operator, apply=True, progress=progress
            )
    say(as_json, as_plain(plan) | {"applied": done}, "\n".join(_lines(plan, done)))
    if plan.problems:
        sys.exit(1)


def _lines(plan: FactsPlan, done: bool) -> list[str]:
    """What a table changes, in words."""
    lines = [f"Row {wrong.line} {wrong.problem}." for wrong in plan.problems]
    lines += [f"Row {change.line}, {change.slide}: {'; '.join(change.says)}" for change in plan.changes]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"... and {count(len(lines) - MOST_LINES, 'more row')}."]
    lines += [f"Note: {note}" for note in plan.notes]
    if plan.not_read:
        lines.append(f"Note: columns that mean nothing here: {', '.join(plan.not_read)}.")
    counted = (
        f"{count(len(plan.changes), 'row changes', 'rows change')} something, "
        f"{count(plan.unchanged, 'row says', 'rows say')} what stands already"
    )
    if plan.problems:
        return [*lines, f"{count(len(plan.problems), 'row is', 'rows are')} wrong; {counted}. Nothing was changed."]
    if done:
        return [*lines, f"Done: {counted}."]
    return [*lines, f"{counted}. Nothing was changed yet." + (" Add --apply to do it." if plan.changes else "")]


@features_app.callback(invoke_without_command=True)
def features(context: typer.Context, project: Project = "", home: Home = None, as_json: AsJson = False) -> None:
    """Compute the pretrained backbone's features of all slides, so that training and scoring begin at once.

    What was computed before is kept; stopped half-way, the next call goes on from there. With import, take in those
    that another program made.
    """
    if context.invoked_subcommand is not None:
        return
    lab = lab_at(home)
    project_id = project_called(lab, project)
    with bar(as_json, "Features") as progress:
        done, refused = lab.slides.embedding.compute(project_id, progress)
    lines = [*refused, f"Features of {done} of {count(done + len(refused), 'slide')} are kept."]
    say(as_json, {"slides": done, "refused": refused}, "\n".join(lines))
    if refused:
        sys.exit(1)


@features_app.command("import")
def features_import(
    file: Annotated[Path, typer.Argument(help="A .h5 file of TRIDENT, CLAM or STAMP.")],
    slide: Annotated[str, typer.Option("--slide", help="Name of the slide whose patches they are of.")],
    backbone: Annotated[str, typer.Option(help="What made them; its weights must be in this lab.")] = PRETRAINED,
    side_px0: Annotated[
        float | None, typer.Option(help="Side of the file's patches in level-0 pixels, where it does not say.")
    ] = None,
    project: Project = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take in features of a slide that another program made on this lab's patches.

    Corners and scale must be those of the slide's patches, and some are computed here and compared.
    """
    lab = lab_at(home)
    slide_id = slide_called(lab, project_called(lab, project), slide)
    if not file.is_file():
        raise LabError(f"There is no file {file}. Nothing was imported.")
    with bar(as_json, "Features") as progress:
        done = lab.slides.imported.bring(slide_id, file, backbone, side_px0, progress)
    say(as_json, done, f"{done.words}.")


@features_app.command("coordinates")
def features_coordinates(
    file: Annotated[Path, typer.Argument(help="Where to: a .h5 file.")],
    slide: Annotated[str, typer.Option("--slide", help="Name of the slide.")],
    project: Project = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write a slide's patches in use as TRIDENT keeps coordinates, for another program to make their features."""
    check_place(file)
    lab = lab_at(home)
    data, patches = lab.slides.imported.coordinates(slide_called(lab, project_called(lab, project), slide))
    write_out(file, data)
    say(as_json, {"file": file, "patches": patches}, f"{count(patches, 'patch', 'patches')} written to {file}.")


@slides_app.command("label")
def label(
    slide: Annotated[str, typer.Argument(help="Name of the slide.")],
    out: Annotated[Path, typer.Argument(help="Where to: a .png file.")],
    picture: Annotated[str, typer.Option(help="Which of the pictures: label, macro ...")] = "label",
    project: Project = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write the picture of a slide's label, or another of its glass; it may name the patient, and this is logged."""
    kind_of_file(out, ("png",), "A label", UNWRITTEN)
    lab = lab_at(home)
    slide_id = slide_called(lab, project_called(lab, project), slide)
    write_out(out, lab.slides.glass_pictures.get(slide_id, picture))
    say(as_json, {"file": out, "picture": picture}, f"The {picture} of {slide} was written to {out}.")


@slides_app.command("convert")
def convert(
    slide: Annotated[Path, typer.Argument(help="The slide's file: SVS or tiled TIFF.")],
    out: Annotated[Path, typer.Argument(help="Where to: a .ome.tif file.")],
    mpp: Annotated[float | None, typer.Option(help="µm per pixel, where the file does not say.")] = None,
    as_json: AsJson = False,
) -> None:
    """Copy a slide to an OME-TIFF pyramid, its tiles as they are: no pixel changes, label and macro stay behind."""
    from mmdnet.slides.convert import to_ome_tiff

    made = to_ome_tiff(slide, out, mpp)
    written = f"{count(made.levels, 'level')} of {count(made.tiles, 'tile')}"
    say(as_json, made, f"{written} written to {made.path}, byte for byte.")


def deidentify(
    slide: Annotated[Path, typer.Argument(help="The slide's file; of a DICOM slide its folder or one of its files.")],
    out: Annotated[Path, typer.Argument(help="Where to: a new file, of a DICOM slide a new folder.")],
    as_json: AsJson = False,
) -> None:
    """Copy a slide without label, macro and what identifies a patient; its pixels are the very bytes.

    What is needed to read it is kept and all else left out. Formats of which that cannot be shown are refused. The
    name of the copy is yours: let it name nobody.
    """
    from mmdnet.slides.deidentify import deidentify as copy

    made = copy(slide, out)
    lines = [f"Left out: {', '.join(made.left_out) or 'nothing but the names'}."]
    lines.append(f"{count(made.levels, 'level')} of {count(made.tiles, 'tile')} written to {made.path}, byte for byte.")
    say(as_json, made, "\n".join(lines))


@slides_app.command("stains")
def stains(
    confirm: Annotated[bool, typer.Option("--confirm", help="Take what is proposed as the slides' stain.")] = False,
    slide: Annotated[str, typer.Option("--slide", help="Only this slide (default: all without a stain).")] = "",
    project: Project = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Say what stain slides' colours look like, where nobody says it; with --confirm, take it."""
    lab = lab_at(home)
    project_id = project_called(lab, project)
    wanted = [slide_called(lab, project_id, slide)] if slide else [there.id for there in lab.slides.list(project_id)]
    asked = [key for key in wanted if not lab.slides.get(key).stain and lab.slides.get(key).status == "ready"]
    with bar(as_json, "Looking at colours") as progress:
        refused = lab.slides.stains.propose(asked, progress)
    views = [lab.slides.get(key) for key in asked]
    taken = lab.slides.stains.confirm(asked) if confirm else 0
    told = [{"slide": view.name, "stain": view.proposed_stain, "certainty": view.stain_certainty} for view in views]
    lines = [
        f"{view.name}: {view.proposed_stain or 'not sure'} ({view.stain_certainty:.0%})"
        for view in views
        if view.stain_certainty is not None
    ]
    lines += refused
    if confirm:
        lines.append(f"Stain of {count(taken, 'slide')} confirmed.")
    elif any(view.proposed_stain for view in views):
        lines.append("Nothing was changed. Look at the slides, then add --confirm to take what is proposed.")
    facts = {"slides": told, "confirmed": taken, "refused": refused}
    say(as_json, facts, "\n".join(lines) or "Every slide's stain is stated.")


@slides_app.command("patient")
def patient(
    patient_id: Annotated[str, typer.Argument(help="The id that several sites use.")],
    same: Annotated[bool, typer.Option("--same/--different", help="One person at all sites, or another one at each.")],
    project: Project = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a patient id that two sites use is one person; a training asks before it splits."""
    lab = lab_at(home)
    answer = lab.slides.patients.answer(project_called(lab, project), patient_id, one_person=same)
    who = "one person" if same else "a person of its own at each site"
    say(as_json, answer, f"{patient_id} at {' and '.join(answer.sites)}: {who}.")
