"""A PostgreSQL server of a test's own, in a folder of its own; skipped where PostgreSQL is not installed."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def program(name: str) -> str:
    path = shutil.which(name) or next(iter(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    if path is None:
        pytest.skip(f"PostgreSQL is not installed here: no {name}")
    return str(path)


@contextmanager
def postgres(folder: Path, wait_s: float = 90) -> Iterator[str]:
    """The URL of an empty database on a server that runs until the end of the block."""
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        as_user = {"user": "postgres", "group": "postgres"}
        shutil.chown(folder, "postgres")
        for parent in folder.parents:  # of a process among several it is one deeper
            if not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
    data = folder / "data"
    subprocess.run([program("initdb"), "-D", data, "-U", "lab", "-A", "trust"], check=True, cwd=folder, **as_user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-F"]
    server = subprocess.Popen([program("postgres"), "-D", data, *options], cwd=folder, **as_user)
    try:
        ready = [program("pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q"]
        deadline = time.monotonic() + wait_s
        while subprocess.run(ready).returncode:
            assert time.monotonic() < deadline, "PostgreSQL did not start"
            time.sleep(0.1)
        yield f"postgresql://lab@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait()
