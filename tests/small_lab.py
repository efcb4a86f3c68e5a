"""What small labs of tests are made of: pictures of tissue, a job that runs in this process, a short training."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from sqlalchemy import create_engine, text

from db.jobs import job_progress
from db.models import Job
from mmdnet.settings import Settings
from mmdnet.workflows.job_kinds import run_job
from mmdnet.workflows.lab import Lab

SHORT_TRAINING = {
    "backbone": "small", "epochs": 1, "bag_size": 4, "bags_per_step": 2, "bags_per_epoch": 2, "domain_key": "none", "device": "cpu",
}  # fmt: skip


@dataclass
class JobInProcess:
    """The context of a job that runs in this process: keeps what it is told, and stops at a message if asked to.

    Attributes:
        last: a part of the message at which the job is stopped, as a person stops it; None: never.
    """

    settings: Settings
    folder: Path
    job_id: str = "job"
    last: str | None = None
    told: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)

    def progress(self, share: float, message: str, /, **numbers: Any) -> None:
        self.told.append((share, message, numbers))
        if self.last is not None and self.last in message:
            raise KeyboardInterrupt

    def check(self) -> None:
        pass


def do_here(lab: Lab, job_id: str, folder: Path) -> None:
    """Do a queued job in this process, as a worker would: what it told last stands in its row, and it is done."""
    context = JobInProcess(lab.settings, folder, job_id)
    with lab.db() as session:
        job = session.get_one(Job, job_id)
    run_job(job.kind, job.spec, context)
    share, message, numbers = context.told[-1]
    with lab.db.begin() as session:
        job_progress(session, job_id, share, message, numbers)
    queue = create_engine(lab.settings.queue_url)
    with queue.begin() as base:
        ended = "UPDATE workflow_status SET status = 'SUCCESS' WHERE workflow_uuid = :job"
        base.execute(text(ended), {"job": job_id})
    queue.dispose()


def draw_tissue(path: Path, seed: int = 0, side: int = 900, glass: int = 0) -> Path:
    """Pink noise with purple dots on glass, `glass` px of it on the right: enough to be tissue to the finder."""
    path.write_bytes(_drawn(seed, side, glass, path.suffix))
    return path


@cache
def _drawn(seed: int, side: int, glass: int, suffix: str) -> bytes:
    rng = np.random.default_rng(seed)
    picture = np.full((side, side, 3), 244, np.uint8)
    pink = np.array([205, 150, 190]) + rng.normal(0, 12, (side - 120, side - 120, 3))
    picture[60:-60, 60:-60] = np.clip(pink, 0, 255).astype(np.uint8)
    for x, y in rng.integers(70, side - 70, (side // 3, 2)):
        cv2.circle(picture, (int(x), int(y)), 5, (90, 50, 130), -1)
    picture[:, side - glass :] = 244
    return cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
