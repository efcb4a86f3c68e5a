"""What was seen of slides that a background job refused for want of tissue, kept for a day to be shown."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from mmdnet.files import write_aside
from mmdnet.settings import Settings
from mmdnet.workflows.slides.views import IngestOutcome

FOLDER, KEPT_S = "refused", 24 * 3600.0


class RefusedPictures:
    """Reachable as `lab.slides.refused_pictures`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def keep(self, job_id: str, outcomes: Sequence[IngestOutcome]) -> dict[str, str]:
        """Keep the pictures of a job's slides without tissue; the sentence of each, by its number."""
        self._remove_old()
        seen = {str(number): outcome for number, outcome in enumerate(outcomes) if outcome.picture}
        for number, outcome in seen.items():
            write_aside(self._file(job_id, number), outcome.picture or b"")
        return {number: outcome.problem or "" for number, outcome in seen.items()}

    def get(self, job_id: str, number: str) -> bytes | None:
        """One of a job's pictures as a PNG; None once it is no longer kept."""
        file = self._file(job_id, number)
        return file.read_bytes() if file.is_file() else None

    def _remove_old(self) -> None:
        for file in self._folder().glob("*.png"):
            if time.time() - file.stat().st_mtime > KEPT_S:
                file.unlink(missing_ok=True)

    def _file(self, job_id: str, number: str) -> Path:
        return self._folder() / f"{job_id}-{number}.png"

    def _folder(self) -> Path:
        folder = self._settings.folder("cache") / FOLDER
        folder.mkdir(exist_ok=True)
        return folder
