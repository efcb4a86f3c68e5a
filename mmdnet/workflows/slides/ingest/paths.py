"""Paths as people write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

BETWEEN = ";"
ONE = re.compile(rf'(?:"[^"]*"|[^{BETWEEN}])+')

Paths = str | Path | Sequence[str | Path]


def each_path(paths: Paths) -> Sequence[str | Path]:
    """One path or several, as several."""
    return [paths] if isinstance(paths, str | Path) else paths


def as_typed(path: str) -> str:
    """A path as a person copies or types it, without spaces around it, quotes or `file://`."""
    path = path.strip()
    if len(path) > 1 and path[0] == path[-1] and path[0] in "\"'":
        path = path[1:-1].strip()
    return unquote(path.removeprefix("file://")) if path.startswith("file://") else path


def paths_in(written: str) -> list[str]:
    """The paths in a line, one or several with `;` between; one that holds a `;` itself stands in double quotes."""
    return [path for part in ONE.findall(written) if (path := as_typed(part))]


def written(paths: Sequence[str]) -> str:
    """The line that `paths_in` reads these from."""
    return f"{BETWEEN} ".join(f'"{path}"' if BETWEEN in path else path for path in paths)
