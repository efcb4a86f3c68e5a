"""Why a job waits, in words; `tests/pages/test_jobs.py` changes it on the page."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from ui.shell.job_plan import time_zone, waiting_words


def job(**changes):
    facts = {"after_title": None, "not_before": None, "priority": "normal"} | changes
    return SimpleNamespace(**facts)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Waiting for a free worker"),
        ({"priority": "last"}, "Waiting for a free worker, goes last"),
        ({"after_title": "Train *A*"}, r"Waits for Train \*A\*"),
    ],
)
def test_a_waiting_job_says_why_it_does_not_run(changes, words):
    assert waiting_words(job(**changes)) == words


def test_a_job_for_the_night_says_when_in_the_browsers_time():
    later = datetime.now(UTC) + timedelta(days=2)
    said = waiting_words(job(not_before=later, after_title="Train"))
    assert said == f"Waits for Train, not before {later.astimezone(time_zone()):%a %d %b, %H:%M}"
