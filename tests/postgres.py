"""A PostgreSQL server of a test's own, in a folder of its own; skipped where PostgreSQL is not installed."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
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
def postgres(wait_s: float = 90) -> Iterator[str]:
    """The URL of an empty database on a server that runs until the end of the block; see `server`."""
    with server(wait_s) as running:
        yield running.url


@contextmanager
def server(wait_s: float = 90) -> Iterator["Server"]:
    """A server in a folder of its own: each pytest that starts takes the rights of others away from pytest's folders,
    in which a server of another user would then find its files no more.
    """
    with tempfile.TemporaryDirectory(prefix="mmdnet-postgres-", ignore_cleanup_errors=True) as folder:
        running = Server(Path(folder), wait_s)
        try:
            running.start()
            yield running
        finally:
            running.stop()


class Server:
    """A PostgreSQL server that may be killed and started again over the same data.

    Attributes:
        url: of its one database.
        process: the postmaster; None before the first start.
    """

    def __init__(self, folder: Path, wait_s: float) -> None:
        self._folder, self._wait_s = folder, wait_s
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self._as_user = {"user": "postgres", "group": "postgres"}
            shutil.chown(folder, "postgres")
        data = folder / "data"
        subprocess.run(
            [program("initdb"), "-D", data, "-U", "lab", "-A", "trust"], check=True, cwd=folder, **self._as_user
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"postgresql://lab@127.0.0.1:{self._port}/postgres"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = ["-h", "127.0.0.1", "-p", str(self._port), "-k", str(self._folder), "-F"]
        command = [program("postgres"), "-D", self._folder / "data", *options]
        deadline = time.monotonic() + self._wait_s
        ready = [program("pg_isready"), "-h", "127.0.0.1", "-p", str(self._port), "-q"]
        while subprocess.run(ready).returncode:
            if self.process is None or self.process.poll() is not None:  # after a kill -9, children end a moment later
                self.process = subprocess.Popen(command, cwd=self._folder, **self._as_user)
            assert time.monotonic() < deadline, "PostgreSQL did not start"
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill -9 of the postmaster, as if the machine's memory had run out."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # a fast shutdown: it waits for no client
            self.process.wait()
