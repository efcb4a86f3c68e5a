"""What a job may do, and when it must stop."""

from pathlib import Path

import pytest

from mmdnet.jobs.context import JobContext, JobProgress, JobStopped, write_token
from mmdnet.settings import Settings


@pytest.fixture
def told() -> list[JobProgress]:
    return []


@pytest.fixture
def context(tmp_path: Path, told: list[JobProgress]) -> JobContext:
    write_token(tmp_path, "1 here")
    return JobContext("job", Settings(home=tmp_path), tmp_path, "1 here", told.append)


def test_progress_is_told_as_a_share_words_and_numbers(context: JobContext, told: list[JobProgress]) -> None:
    context.progress(1.2, "epoch 3 of 3", epoch=3, loss=0.5)
    assert told == [JobProgress(1.0, "epoch 3 of 3", {"epoch": 3, "loss": 0.5, "eta_s": None})]
    context.progress(0.1, "epoch 1 of 9", eta_s=90.0)
    assert told[-1].numbers == {"eta_s": 90.0}, "work that knows its time left tells its own"


def test_an_attempt_that_was_replaced_goes_no_further(context: JobContext, tmp_path: Path) -> None:
    context.check()
    write_token(tmp_path, "2 there")
    with pytest.raises(JobStopped, match="another attempt"):
        context.check()


def test_a_stop_ends_the_job_at_its_next_word_and_is_no_failure(context: JobContext) -> None:
    context.stop()
    with pytest.raises(JobStopped):
        context.progress(0.5, "half way")
    assert not issubclass(JobStopped, Exception)
