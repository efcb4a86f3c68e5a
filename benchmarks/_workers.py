"""Labs whose real workers run jobs that only count, as the crash tests have them; and a PostgreSQL server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from mmdnet.errors import LabError
from tests.mmdnet.jobs.conftest import JobLab, open_lab
from tests.postgres import Server, server

PATIENCE_S = 600.0


@contextmanager
def job_lab(database_url: str = "") -> Iterator[JobLab]:
    """A lab in a temporary home, without a worker yet; its workers are ended with the block."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield from open_lab(Path(folder) / "home", database_url)


@contextmanager
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server of its own with an empty database.

    Raises:
        LabError: PostgreSQL is not installed.
    """
    try:
        with server() as running:
            yield running
    except pytest.skip.Exception as missing:
        raise LabError(str(missing)) from None


@contextmanager
def postgres_url() -> Iterator[str]:
    """The same, as the database's URL."""
    with postgres_server() as running:
        yield running.url


def until(true: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> float:
    """Seconds it took to become true.

    Raises:
        LabError: it did not in time.
    """
    begun = time.monotonic()
    while not true():
        if time.monotonic() - begun > seconds:
            raise LabError(f"{what} did not happen within {seconds:.0f} s, so nothing was measured.")
        time.sleep(0.02)
    return time.monotonic() - begun


def family(pid: int) -> list[psutil.Process]:
    """A process and all it has started."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def kill_all(pids: Sequence[int]) -> None:
    """Kill -9 these processes and all they have started, at once, as a power cut does."""
    struck = [process for pid in pids if psutil.pid_exists(pid) for process in family(pid)]
    for process in struck:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(struck, 10)
