"""Writing files so that no reader ever meets half of one; bytes as the address of themselves."""

import base64
import contextlib
import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def moved_into_place(path: Path) -> Iterator[Path]:
    """A hidden path beside `path` to make a file or folder at; on success it takes the place of what is there.

    A file is flushed to the disk first. Nothing is left behind, and nothing there is touched, when the making fails.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    _remove(aside)
    try:
        yield aside
        if aside.is_dir():
            _remove(path)
        else:
            _flush(aside)
        aside.replace(path)
    except BaseException:
        _remove(aside)
        raise


def write_aside(path: Path, content: str | bytes) -> None:
    """Write beside the target, flush to the disk, move into place; nothing is left behind when that fails."""
    with moved_into_place(path) as aside:
        aside.write_bytes(content.encode() if isinstance(content, str) else content)


def lock(file: BinaryIO, *, alone: bool) -> None:
    """Lock an open file until it is closed, seen by every process on this machine: shared to read, alone to remove.

    Raises:
        OSError: another process holds it (BlockingIOError).
    """
    if os.name != "nt":  # there, what is open cannot be moved or removed anyhow
        import fcntl

        fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def data_uri(data: bytes, kind: str) -> str:
    """Bytes of a media type as an address that holds them (RFC 2397): nothing is fetched for it."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
