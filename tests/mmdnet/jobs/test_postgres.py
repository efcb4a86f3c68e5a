"""The same on PostgreSQL, in a cluster made for the test; skipped where PostgreSQL is not installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mmdnet.jobs.conftest import JobLab, alive, open_lab, wait_for
from tests.postgres import postgres

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def jobs(tmp_path: Path, database_url: str) -> Iterator[JobLab]:
    yield from open_lab(tmp_path / "home", database_url)


def test_a_killed_worker_repeats_no_epoch_when_it_is_back(jobs: JobLab) -> None:
    job = jobs.killed_and_back("count", {"epochs": 6, "seconds": 0.2})
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
