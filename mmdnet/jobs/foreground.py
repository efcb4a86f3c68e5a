"""Waiting for a job on the command line, with a worker of one's own where no other takes it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from mmdnet.progress import Progress

if TYPE_CHECKING:
    from mmdnet.workflows.lab import Lab

PATIENCE_S = 4.0  # how long other workers have to take the job
LOOK_EVERY_S = 0.5


def wait_for(lab: Lab, job_id: str, step: Progress) -> None:
    """Return when the job has ended. If nobody takes it, a worker is started here and ended with it."""
    started = time.monotonic()
    own_worker: subprocess.Popen[bytes] | None = None
    try:
        while (job := lab.jobs.get(job_id)).active:
            step(job.share_done, job.message or job.status)
            if own_worker is None and job.status == "queued" and time.monotonic() - started > PATIENCE_S:
                own_worker = _start_worker(lab)
            time.sleep(LOOK_EVERY_S)
        step(job.share_done, job.message or job.status)
    finally:
        if own_worker is not None:
            own_worker.stdin.close()  # type: ignore[union-attr]  # it watches its stdin, and its job child goes with it
            own_worker.wait()


def _start_worker(lab: Lab) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mmdnet.jobs.parent_watch", "mmdnet", "worker"]
    command += ["--slot", f"terminal-{os.getpid()}", "--home", str(lab.settings.home.resolve())]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
