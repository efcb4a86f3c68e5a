"""`mmdnet backup`, `restore`, `migrate-to`: a lab saved elsewhere, verified, put back; its databases moved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmdnet.cli_parts import AsJson, Home, bar, say, settings_at
from mmdnet.errors import LabError
from mmdnet.words import count


def backup(
    folder: Annotated[
        str | None,
        typer.Argument(help="Folder or URL (file://, ftp://, s3:// …) for backups (default: MMDNET_BACKUP_DIR)."),
    ] = None,
    slides: Annotated[bool, typer.Option(help="Also slides that lie in the lab's home.")] = True,
    automatic: Annotated[
        bool, typer.Option("--automatic", help="As every day: without slides, and the oldest are cleared.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Save the lab while people go on labelling, and restore the copy on trial."""
    from mmdnet.backups.backup import clear_old, make_backup
    from mmdnet.backups.remote import backup_to, is_url

    settings = settings_at(home)
    made: Path | str
    cleared: list[Path] = []
    with bar(as_json or automatic, "Backing up") as step:
        if folder is not None and is_url(folder):
            if automatic:
                raise LabError("The automatic backup goes into a folder (MMDNET_BACKUP_DIR). Leave out --automatic.")
            made, manifest = backup_to(settings, folder, slides, step)
        else:
            place = settings.backup_folder if folder is None else Path(folder)
            made, manifest = make_backup(settings, place, slides and not automatic, automatic, step)
            cleared = clear_old(place, settings.backup_keep) if automatic else []
    checked = f"{count(manifest.rows.get('label_events', 0), 'label event')}, restored on trial and intact."
    told = {"backup": made, "verified": manifest.verified, "doubt": manifest.doubt, "files": len(manifest.files)}
    say(as_json, told | {"cleared": cleared}, f"Backed up to {made}: {manifest.doubt or checked}")


def restore(
    backup: Annotated[str, typer.Argument(help="The backup's own folder or URL, ending in mmdnet-<moment>.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Put a backup back into a new, empty folder; no lab is ever overwritten."""
    from mmdnet.backups.backup import restore_backup
    from mmdnet.backups.remote import is_url, restore_from

    settings = settings_at(home)
    manifest = restore_from(backup, settings) if is_url(backup) else restore_backup(Path(backup), settings)
    left_out = "" if manifest.slides else " Slides that lay in the lab's home are not in this backup."
    said = f"Restored to {settings.home.resolve()}, as it was on {manifest.moment:%Y-%m-%d %H:%M} UTC.{left_out}"
    say(as_json, {"home": settings.home.resolve(), "moment": manifest.moment, "files": len(manifest.files)}, said)


def migrate_to(
    url: Annotated[
        str, typer.Argument(help="An empty database: postgresql://user@host/name or sqlite:////folder/lab.sqlite.")
    ],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Copy a stopped lab's databases elsewhere, SQLite to PostgreSQL or back, compared row by row and by the record."""
    from dataclasses import asdict

    from mmdnet.backups.moving import move_lab

    settings = settings_at(home)
    with bar(as_json, "Moving") as step:
        moved = move_lab(settings, url, step)
    rows = sum(moved.rows.values())
    queue = f"MMDNET_JOBS_URL to {moved.jobs_url}" if moved.jobs_url else "without MMDNET_JOBS_URL"
    said = (
        f"Copied {count(rows, 'row')} and {count(moved.jobs, 'job')}, the same row by row; the record of "
        f"{count(moved.events, 'label event')} is intact. Start app and workers with MMDNET_DATABASE_URL set to that "
        f"address and {queue} from now on; this lab's own databases are as they were."
    )
    say(as_json, asdict(moved), said)
