"""The whole lab as it really runs: app and workers as processes, on a free port, over a home of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@dataclass
class RunningLab:
    """A home, and the processes that serve it; they can be killed and started again over the same home."""

    home: Path
    port: int = field(default_factory=free_port)
    base: str = ""  # the sub-path it is served under, such as "/lab"
    arguments: list[str] = field(default_factory=list)  # more of Streamlit's
    database_url: str = ""
    app: subprocess.Popen | None = None
    workers: list[subprocess.Popen] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.base}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "MMDNET_HOME": str(self.home),
            "MMDNET_DATABASE_URL": self.database_url,
            "MMDNET_SLIDE_ROOTS": os.sep,
            "MMDNET_BACKUP_EVERY_H": "0",
            "OMP_NUM_THREADS": "1",
            "STREAMLIT_SERVER_HEADLESS": "true",
            "STREAMLIT_SERVER_BASE_URL_PATH": self.base,
        }

    def start_app(self, wait_s: float = 180) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port), *self.arguments]
        self.app = self._start(command, "app.log")
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer,
            ):
                if answer.status == 200:
                    return
            if self.app.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"the app did not start:\n{(self.home / 'app.log').read_text()[-3000:]}")

    def start_worker(self, slot: str, queues: str) -> None:
        command = [sys.executable, "-m", "mmdnet", "worker", "--slot", slot, "--queues", queues]
        self.workers.append(self._start(command, f"worker-{slot}.log"))

    def _start(self, command: list[str], log: str) -> subprocess.Popen:
        with (self.home / log).open("ab") as out:
            return subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )

    def kill_app(self) -> None:
        """End the app at once, as a power cut would."""
        if self.app is not None:
            self.app.kill()
            self.app.wait()
            self.app = None

    def stop(self) -> None:
        for process in [*self.workers, *([self.app] if self.app else [])]:
            process.terminate()
        for process in [*self.workers, *([self.app] if self.app else [])]:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.app, self.workers = None, []
