"""A lab in a temporary folder with real worker processes that the tests may kill."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from db.engine import make_engine, migrate, session_factory
from db.models import Job
from mmdnet.jobs.lease import LEASE_S
from mmdnet.jobs.queue import JobQueue, JobState
from mmdnet.settings import PROJECT_ROOT, Settings
from mmdnet.workflows.job_plans import HELD

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")


def wait_for(condition: Callable[[], Any], seconds: float = 90.0) -> Any:
    """The first true value of `condition`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := condition():
            return value
        time.sleep(0.05)  # what is waited for is asked of a database, and on the same cores
    raise AssertionError(f"not true within {seconds} s")


@dataclass
class JobLab:
    home: Path
    database_url: str = ""
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.settings = Settings(home=self.home, database_url=self.database_url)
        self.home.mkdir(parents=True, exist_ok=True)
        self.queue = JobQueue(self.settings.queue_url)
        self.queue.prepare()
        migrate(self.settings.lab_url)
        self.engine = make_engine(self.settings.lab_url)
        self.sessions = session_factory(self.engine)

    def worker(
        self, slot: str = "cpu", queues: str = "cpu", lease_s: float = LEASE_S, until: str = "for-ever"
    ) -> "subprocess.Popen[bytes]":
        log = (self.home / f"worker-{slot}.log").open("ab")
        command = [sys.executable, str(FAKE_WORKER), str(self.home), slot, queues, str(lease_s), until]
        process = subprocess.Popen(
            [*command, *([self.database_url] if self.database_url else [])],
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        )
        self.workers.append(process)
        return process

    def submit(
        self,
        kind: str,
        spec: dict[str, Any] | None = None,
        queue: str = "cpu",
        after: str | None = None,
        begin_at: datetime | None = None,
    ) -> str:
        job_id = uuid.uuid4().hex
        waits = {"after_id": after, "attend": after is not None}
        with self.sessions.begin() as session:
            session.add(Job(id=job_id, kind=kind, queue=queue, title=kind, spec=spec or {}, **waits))
        self.queue.submit(kind, job_id, queue, begin_at=HELD if after else begin_at)
        return job_id

    def row(self, job_id: str) -> Job:
        with self.sessions() as session:
            row = session.get(Job, job_id)
        assert row is not None
        return row

    def state(self, job_id: str) -> JobState:
        state = self.queue.state(job_id)
        assert state is not None
        return state

    def wait_until(self, job_id: str, status: str, seconds: float = 90.0) -> JobState:
        wait_for(lambda: self.state(job_id).status == status, seconds)
        return self.state(job_id)

    def events(self, job_id: str) -> list[str]:
        file = self.home / "jobs" / job_id / "events.txt"
        return file.read_text().splitlines() if file.exists() else []

    def epochs(self, job_id: str) -> list[int]:
        return [int(line.split()[1]) for line in self.events(job_id) if line.startswith("epoch")]

    def killed_and_back(self, kind: str, spec: dict[str, Any], epochs: int = 3) -> str:
        """A job whose worker is killed after so many epochs, takes its child along, and is started again."""
        worker = self.worker()
        job = self.submit(kind, spec)
        wait_for(lambda: len(self.epochs(job)) >= epochs)
        child = self.child_pid(job)
        worker.kill()
        wait_for(lambda: not alive(child), seconds=2)
        self.worker()
        return job

    def child_pid(self, job_id: str) -> int:
        """The latest child's process id."""
        return int([line for line in self.events(job_id) if line.startswith("begin")][-1].split()[1])

    def log(self, job_id: str) -> str:
        return (self.home / "jobs" / job_id / "log.txt").read_text()


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def open_lab(home: Path, database_url: str = "") -> Iterator[JobLab]:
    lab = JobLab(home, database_url)
    yield lab
    for process in lab.workers:
        process.kill()
        process.wait()
    lab.queue.close()
    lab.engine.dispose()


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[JobLab]:
    """A lab of the test's own, without a worker yet."""
    yield from open_lab(tmp_path / "home")


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobLab]:
    """A lab shared by tests that harm no worker, with one for each queue."""
    for lab in open_lab(tmp_path_factory.mktemp("staffed") / "home"):
        lab.worker("both", queues="cpu,gpu")
        yield lab
