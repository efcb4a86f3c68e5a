"""What a backup holds and whether it was restored on trial: `manifest.json` in the backup's folder.

A backup is a folder `mmdnet-<moment>` with `databases/` (`lab.sqlite` and `jobs.sqlite`, or `lab.dump`) and `home/`
(the lab's other files as they stood: models, runs, scores, keys, and where wanted its slides).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

FILE = "manifest.json"
PREFIX = "mmdnet-"
DATABASES, HOME = "databases", "home"


class StoredFile(BaseModel):
    """A file of the backup; `mtime_ns` is the original's, by which the next backup knows that it did not change."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    size: int
    mtime_ns: int


class Manifest(BaseModel):
    """A backup's own account of itself.

    `moment` (UTC) is when it began: every label acknowledged before it is in. `verified` is None where the backup was
    not restored on trial, and `doubt` then says why.
    """

    model_config = ConfigDict(frozen=True)

    format: int = 1
    moment: datetime
    home: str
    revision: str
    automatic: bool
    slides: bool
    rows: dict[str, int]
    last_hash: str
    files: dict[str, StoredFile]
    verified: datetime | None = None
    doubt: str = ""

    @field_validator("files")
    @classmethod
    def _inside(cls, files: dict[str, StoredFile]) -> dict[str, StoredFile]:
        for name in files:
            place = PurePosixPath(name)
            if (
                place.is_absolute()
                or ".." in place.parts
                or "\\" in name
                or place.parts[:1] not in ((DATABASES,), (HOME,))
            ):
                raise ValueError(f"{name} leads out of the backup")
        return files


def manifest_of(folder: Path) -> Manifest | None:
    """The account of the backup in this folder; None where there is none that can be read."""
    try:
        return parsed((folder / FILE).read_bytes())
    except OSError:
        return None


def parsed(data: bytes) -> Manifest | None:
    """A manifest's bytes; None where they are none, or name files outside the backup."""
    try:
        return Manifest.model_validate_json(data)
    except ValidationError:
        return None


def backups_in(folder: Path) -> list[tuple[Path, Manifest]]:
    """The backups in a folder, newest first."""
    if not folder.is_dir():
        return []
    read = [(path, manifest_of(path)) for path in folder.glob(f"{PREFIX}*")]
    known = [(path, manifest) for path, manifest in read if manifest is not None]
    return sorted(known, key=lambda pair: pair[1].moment, reverse=True)


def last_verified(folder: Path) -> tuple[Path, Manifest] | None:
    """The newest backup that was restored on trial."""
    return next((pair for pair in backups_in(folder) if pair[1].verified is not None), None)
