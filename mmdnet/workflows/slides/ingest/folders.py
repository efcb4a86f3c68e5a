"""The folders that slides may be added from, looked into one by one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mmdnet.errors import LabError
from mmdnet.settings import SLIDES_IN_HOME, Settings
from mmdnet.workflows.slides.ingest.register import allowed_path

MOST = 500  # entries of a folder that are told


@dataclass(frozen=True, slots=True)
class FolderView:
    """What lies in a folder: names of folders and of files that may be slides, at most `MOST` of each.

    `path` is None above the allowed folders, where `folders` are those themselves, as whole paths.
    """

    path: str | None
    above: str | None
    folders: tuple[str, ...]
    files: tuple[str, ...]


def look_into(settings: Settings, path: str | None) -> FolderView:
    """What a person may choose there.

    Raises:
        LabError: it is no folder, lies outside those that slides may be added from, or may not be read.
    """
    from mmdnet.slides.readers.formats import format_of_suffix

    roots = [root.expanduser().resolve() for root in settings.slide_roots]
    if path is None:
        own = [settings.home.resolve() / name for name in SLIDES_IN_HOME]
        known = [str(root) for root in dict.fromkeys([*roots, *own]) if root.is_dir()]
        return FolderView(None, None, tuple(known), ())
    place = allowed_path(settings, path)
    try:
        with os.scandir(place) as entries:
            seen = [entry for entry in entries if not entry.name.startswith(".")]
        folders = sorted(entry.name for entry in seen if entry.is_dir())
        files = sorted(e.name for e in seen if e.is_file() and format_of_suffix(Path(e.name).suffix.lower()))
    except OSError as error:
        raise LabError(f"{place.name} cannot be looked into: {error.strerror}. Nothing was changed.") from error
    above = None if place in roots or place.parent == place else str(place.parent)
    return FolderView(str(place), above, tuple(folders[:MOST]), tuple(files[:MOST]))
