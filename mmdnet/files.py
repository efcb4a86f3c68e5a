"""Writing files so that no reader ever meets half of one."""

import hashlib
import os
import threading
from pathlib import Path


def write_aside(path: Path, content: str | bytes) -> None:
    """Write beside the target, flush to the disk, move into place; nothing is left behind when that fails."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    data = content.encode() if isinstance(content, str) else content
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
