"""The same on PostgreSQL, in a cluster made for the test; skipped where PostgreSQL is not installed."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.mmdnet.jobs.conftest import JobLab, alive, open_lab, wait_for

pytestmark = pytest.mark.slow


def program(name: str) -> str:
    found = shutil.which(name) or next(iter(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    if found is None:
        pytest.skip(f"PostgreSQL is not installed here: no {name}")
    return str(found)


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("cluster")
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        as_user = {"user": "postgres", "group": "postgres"}
        shutil.chown(folder, "postgres")
        for parent in list(folder.parents)[:3]:
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
        wait_for(lambda: subprocess.run(ready).returncode == 0)
        yield f"postgresql://lab@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def jobs(tmp_path: Path, database_url: str) -> Iterator[JobLab]:
    yield from open_lab(tmp_path / "home", database_url)


def test_a_killed_worker_repeats_no_epoch_when_it_is_back(jobs: JobLab) -> None:
    worker = jobs.worker()
    job = jobs.submit("count", {"epochs": 6, "seconds": 0.2})
    wait_for(lambda: len(jobs.epochs(job)) >= 3)
    child = jobs.child_pid(job)
    worker.kill()
    wait_for(lambda: not alive(child), seconds=2)
    jobs.worker()
    jobs.wait_until(job, "done")
    assert jobs.epochs(job) == list(range(6))
    assert jobs.row(job).share_done == 1.0


def test_a_survivor_takes_over_and_a_cancel_ends_within_five_seconds(jobs: JobLab) -> None:
    dead = jobs.worker("one", lease_s=1.5)
    job = jobs.submit("count", {"epochs": 50, "seconds": 0.2})
    wait_for(lambda: len(jobs.epochs(job)) >= 2)
    first = jobs.child_pid(job)
    dead.kill()
    jobs.worker("two", lease_s=1.5)
    wait_for(lambda: jobs.child_pid(job) != first)
    second = jobs.child_pid(job)
    jobs.queue.cancel(job)
    wait_for(lambda: not alive(second), seconds=5)
    assert jobs.state(job).status == "cancelled"
    assert jobs.epochs(job) == list(range(len(jobs.epochs(job))))
