"""Where benchmarks keep what takes long to make: drawn slides, what a backbone saw of them, labs that were filled.

Each piece is kept when it is whole, so a run that was stopped goes on where it was, and runs share what they have in
common. `python -m benchmarks NAME --keep FOLDER` keeps it elsewhere, for example on a disk that several machines see.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdnet.progress import Progress

HERE = Path("lab-data")
SAID_EVERY_S = 20.0


@dataclass
class _Place:
    folder: Path = HERE


_PLACE = _Place()


def keep_in(folder: Path) -> None:
    """Keep everything below this folder from now on."""
    _PLACE.folder = folder


def kept(name: str) -> Path:
    """The folder of what is kept under this name; it may not be there yet."""
    return _PLACE.folder / name


def on_stderr(what: str) -> Progress:
    """Tells now and then on standard error how far something long is; the result's line stays alone on the output."""
    said = 0.0

    def tell(share: float, message: str, /, **numbers: Any) -> None:
        nonlocal said
        if share >= 1 or time.monotonic() - said > SAID_EVERY_S:
            said = time.monotonic()
            print(f"{what}: {message}", file=sys.stderr, flush=True)

    return tell
