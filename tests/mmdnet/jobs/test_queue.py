"""The queue alone, without a worker."""

import subprocess
import sys

import pytest

from mmdnet.errors import LabError
from mmdnet.jobs.queue import JobQueue
from mmdnet.settings import PROJECT_ROOT
from tests.mmdnet.jobs.conftest import JobLab


def test_a_job_is_queued_once_however_often_it_is_submitted(jobs: JobLab) -> None:
    job = jobs.submit("count")
    jobs.queue.submit("count", job)
    assert jobs.state(job).status == "queued"
    assert jobs.state(job).attempts == 0
    assert list(jobs.queue.states([job, "unknown"])) == [job]


def test_states_of_many_jobs_come_together(jobs: JobLab) -> None:
    ids = [f"job-{number}" for number in range(1001)]
    for job in ids[:3] + ids[-3:]:
        jobs.queue.submit("count", job)
    assert sorted(jobs.queue.states(ids)) == sorted(ids[:3] + ids[-3:])


def test_only_a_job_that_failed_or_was_cancelled_is_tried_again(jobs: JobLab) -> None:
    job = jobs.submit("count")
    with pytest.raises(LabError, match="still going on"):
        jobs.queue.retry(job, "cpu")
    jobs.queue.cancel(job)
    jobs.queue.cancel(job)
    jobs.queue.cancel("unknown")
    jobs.queue.retry(job, "cpu")
    assert jobs.state(job).status == "queued"
    with pytest.raises(LabError, match="not in the queue"):
        jobs.queue.retry("unknown", "cpu")


def test_a_queue_that_does_not_exist_is_refused(jobs: JobLab) -> None:
    with pytest.raises(LabError, match="no queue called tpu"):
        jobs.queue.submit("count", "job", queue="tpu")


def test_a_database_out_of_reach_is_a_sentence(tmp_path) -> None:
    with pytest.raises(LabError, match="cannot be opened"):
        JobQueue(f"sqlite:///{tmp_path / 'no-folder' / 'jobs.sqlite'}").prepare()


def test_the_application_that_holds_the_queue_loads_no_network_code() -> None:
    code = "import sys, mmdnet.jobs.queue; sys.exit(any(name in sys.modules for name in ('torch', 'openslide')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT).returncode == 0
