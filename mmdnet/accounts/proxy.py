"""The secret by which a web server in front proves that it is that server: a file of the lab, for its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from mmdnet.errors import LabError

FILE = "proxy.key"


def proxy_secret(home: Path) -> str:
    """The lab's secret for the web server in front, made when first asked for.

    Raises:
        LabError: it cannot be written or read.
    """
    path = home.resolve() / FILE
    try:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text(encoding="ascii").strip()
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(made := secrets.token_urlsafe(32))
        return made
    except OSError as error:
        raise LabError(f"The secret for the web server in front cannot be kept in {path}: {error.strerror}.") from error
