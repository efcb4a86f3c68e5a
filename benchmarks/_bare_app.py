"""A Streamlit application that does next to nothing, as Streamlit serves it: the floor under any page of it."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.zoom import WAIT_MS
from tests.browser.lab_process import free_port

ONE_LINE = 'import streamlit as st\n\nst.title("One line", anchor="one-line")\n'


@contextmanager
def bare_app(home: Path, script: str = ONE_LINE) -> Iterator[str]:
    """The address of a server that draws `script`, with Streamlit's own settings."""
    folder, port = home / "bare", free_port()
    folder.mkdir()
    (folder / "bare.py").write_text(script, "utf-8")
    command = [sys.executable, "-m", "streamlit", "run", "bare.py", "--server.port", str(port)]
    command += ["--server.headless", "true", "--browser.gatherUsageStats", "false"]
    address = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        for _ in range(int(WAIT_MS / 100)):
            with suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                break
            time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait()
