"""`mmdnet qupath …`: a slide's patches, tissue and labels out to QuPath, regions and labels in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmdnet.cli_parts import (
    AsJson,
    Home,
    Project,
    check_place,
    lab_at,
    project_called,
    read_in,
    reader_called,
    say,
    slide_called,
    write_out,
)
from mmdnet.words import count

qupath_app = typer.Typer(help="Patches, tissue and labels out to QuPath, regions and labels in.", no_args_is_help=True)


@qupath_app.command("export")
def qupath_export(
    slide: Annotated[str, typer.Argument(help="Name of the slide.")],
    file: Annotated[Path, typer.Argument(help="Where to: a .geojson file.")],
    project: Project = "",
    reader: Annotated[str | None, typer.Option(help="With this reader's labels and drawings.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write a slide's tissue and patches, and a reader's labels and drawings if one is named, for QuPath."""
    lab = lab_at(home)
    slide_id = slide_called(lab, project_called(lab, project), slide)
    check_place(file)
    text = lab.qupath.export(slide_id, reader_called(lab, reader) if reader else None)
    write_out(file, text)
    say(as_json, {"file": file}, f"{slide} written to {file}. In QuPath: File, Import objects.")


@qupath_app.command("import")
def qupath_import(
    slide: Annotated[str, typer.Argument(help="Name of the slide.")],
    file: Annotated[Path, typer.Argument(help="A .geojson file of regions and labels.")],
    project: Project = "",
    reader: Annotated[str, typer.Option(help="Who graded, where a label does not say.")] = "",
    cropped: Annotated[
        bool | None, typer.Option("--cropped/--whole", help="Whether QuPath's image was cropped to the slide's bounds.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Use only what regions of class Include hold, leave out what those of class Exclude hold, take labels in."""
    lab = lab_at(home)
    slide_id = slide_called(lab, project_called(lab, project), slide)
    done = lab.qupath.bring(slide_id, file.name, read_in(file), reader, cropped=cropped)
    regions = count(done.included + done.excluded, "region leaves", "regions leave")
    words = f"{regions} {count(done.set_aside, 'patch', 'patches')} out; {count(done.labels, 'label')} imported."
    words = " ".join([words, *done.notes])
    say(as_json, done, words)
