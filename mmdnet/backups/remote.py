"""Backups at a URL: another machine's disk or an object store, by fsspec; what a URL can name is what fsspec is given.

`file://` and `ftp://` need nothing more; `s3://` needs the package s3fs beside the program, `sftp://` paramiko.
"""

from __future__ import annotations

import ftplib
import hashlib
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mmdnet.backups.backup import make_backup, restore_backup
from mmdnet.backups.manifest import FILE, Manifest, parsed
from mmdnet.errors import LabError
from mmdnet.progress import Progress, between, silent
from mmdnet.settings import Settings

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

AT_ONCE = 2**20  # bytes
UNREACHED = (OSError, ValueError, EOFError, ftplib.Error)  # what an FTP server refuses is no OSError
OURS = {"mmdnet", "db", "sqlalchemy", "psycopg", "pydantic_core", "alembic"}  # whose errors have other homes


def is_url(place: str) -> bool:
    return "://" in place


def backup_to(settings: Settings, url: str, slides: bool = True, step: Progress = silent) -> tuple[str, Manifest]:
    """Make a backup in a temporary folder, which restores it on trial, send it, and read it back; its place.

    The manifest is sent last: what is only half there is no backup.

    Raises:
        LabError: the URL cannot be written, what is read back is not what was sent, or see `make_backup`.
    """
    with (
        _reached(url) as (system, root),
        tempfile.TemporaryDirectory(dir=settings.folder("cache"), prefix="backup-") as aside,
    ):
        system.makedirs(root, exist_ok=True)  # what cannot be written is said before the work
        made, manifest = make_backup(settings, Path(aside), slides, step=between(step, 0.0, 0.5))
        target = f"{root}/{made.name}"
        for number, (name, known) in enumerate(manifest.files.items()):
            step(0.5 + 0.5 * number / len(manifest.files), f"Sending {Path(name).name}")
            _send(system, made / name, f"{target}/{name}")
            if _sha256_of(system, f"{target}/{name}") != known.sha256:
                raise LabError(
                    f"{name} is not at {told(url)} as it was sent. The backup there is not whole; try again."
                )
        _send(system, made / FILE, f"{target}/{FILE}")
        return f"{told(url).rstrip('/')}/{made.name}", manifest


def restore_from(url: str, settings: Settings) -> Manifest:
    """Fetch a backup into a temporary folder beside the new home, and put it back; see `restore_backup`.

    Raises:
        LabError: the URL cannot be read, holds no backup, or see `restore_backup`. Nothing was changed.
    """
    beside = next(folder for folder in settings.home.resolve().parents if folder.is_dir())
    with _reached(url) as (system, root), tempfile.TemporaryDirectory(dir=beside, prefix=".restore-") as folder:
        manifest = parsed(system.cat_file(f"{root}/{FILE}")) if system.exists(f"{root}/{FILE}") else None
        if manifest is None:
            raise LabError(
                f"{told(url)} is no backup of a lab: it has no {FILE} that can be read. Nothing was changed."
            )
        for name in (*manifest.files, FILE):
            target = Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if system.exists(f"{root}/{name}"):  # what is missing is said by the restoring
                system.get_file(f"{root}/{name}", str(target))
        return restore_backup(Path(folder), settings)


def told(url: str) -> str:
    """A URL as it may be shown: without the password in it."""
    password = urlsplit(url).password
    return url.replace(f":{password}@", ":…@", 1) if password else url


@contextmanager
def _reached(url: str) -> Iterator[tuple[AbstractFileSystem, str]]:
    """The file system behind a URL, and the path on it; what goes wrong there becomes a sentence."""
    from fsspec.core import url_to_fs

    try:
        system, root = url_to_fs(url)
        yield system, root.rstrip("/")
    except ImportError as error:
        raise LabError(f"{told(url)} cannot be used here: {error}. Nothing was changed.") from error
    except Exception as error:
        if not (isinstance(error, UNREACHED) or _is_of_a_file_system(error)):
            raise
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if password := urlsplit(url).password:
            why = why.replace(password, "…")
        why = why.rstrip(".")
        raise LabError(f"{told(url)} cannot be read or written: {why}. Nothing was changed here.") from error


def _is_of_a_file_system(error: Exception) -> bool:
    """Whether a package behind fsspec has it as a class of its own: paramiko's and botocore's are no OSErrors."""
    package = type(error).__module__.partition(".")[0]
    return package not in OURS and package not in sys.stdlib_module_names


def _send(system: AbstractFileSystem, source: Path, target: str) -> None:
    system.makedirs(target.rpartition("/")[0], exist_ok=True)
    system.put_file(str(source), target)


def _sha256_of(system: AbstractFileSystem, path: str) -> str:
    digest = hashlib.sha256()
    with system.open(path, "rb") as file:
        while part := file.read(AT_ONCE):
            digest.update(part)
    return digest.hexdigest()
