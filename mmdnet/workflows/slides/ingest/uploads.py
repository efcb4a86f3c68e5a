"""Small slide files sent by the browser: stored under their own hash, then registered as any other."""

from __future__ import annotations

import hashlib
from pathlib import Path

from db.projects import add_change
from mmdnet.files import write_aside
from mmdnet.progress import Progress, silent
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.ingest.register import register_file
from mmdnet.workflows.slides.views import IngestOutcome

LIMIT_MIB = 200
LONGEST_NAME = 120


class Uploads:
    """Reachable as `lab.slides.uploads`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add(
        self,
        project_id: int,
        filename: str,
        data: bytes,
        stated: StatedFacts | None = None,
        progress: Progress = silent,
        by: int | None = None,
    ) -> IngestOutcome:
        """Register a file sent by the browser; stored under its own hash, never under the name it came with."""
        suffix = Path(filename).suffix.lower()
        name = Path(filename.replace("\\", "/")).name[:LONGEST_NAME]
        problem = _problem(suffix, len(data))
        if problem:
            return IngestOutcome(name, None, f"{name} was not added: {problem}")
        target = self._services.settings.folder("uploads") / f"{hashlib.sha256(data).hexdigest()}{suffix}"
        fresh = not target.exists()
        if fresh:
            write_aside(target, data)
        outcome = register_file(self._services, project_id, target, stated or StatedFacts(), progress, name=name)
        if outcome.slide_id is None and fresh:
            target.unlink(missing_ok=True)
        if outcome.slide_id is not None:
            with self._services.db.begin() as session:
                add_change(session, project_id, "slides added", outcome.name, by)
        return outcome


def _problem(suffix: str, size: int) -> str | None:
    """Why a file of this kind and size cannot be taken; None where it can."""
    from mmdnet.slides.readers.formats import format_of_suffix

    known = format_of_suffix(suffix)
    if known is None:
        return f"{suffix or 'a file without ending'} is no slide."
    if known.more_files:
        return (
            f"a {known.name} slide is this file and {known.more_files}. Put both on the server, give the file's path."
        )
    if size > LIMIT_MIB * 2**20:
        return f"it is over {LIMIT_MIB} MiB. Put it on the server, give its path."
    return None
