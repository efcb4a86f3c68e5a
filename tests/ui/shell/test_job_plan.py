"""Why a job waits, in words; `tests/pages/test_jobs.py` changes it on the page."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from ui.shell import job_plan
from ui.shell.job_plan import time_zone, waiting_words


def job(**changes):
    facts = {"after_title": None, "not_before": None, "priority": "normal", "queue": "gpu"} | changes
    return SimpleNamespace(**facts)


@pytest.fixture(autouse=True)
def going(monkeypatch):
    """The jobs that wait or run."""
    going = []
    lab = SimpleNamespace(jobs=SimpleNamespace(list=lambda active: going))
    monkeypatch.setattr(job_plan, "lab", lambda: lab)
    monkeypatch.setattr(job_plan, "KNOWN_FOR_S", -1.0)
    return going


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Waits for its turn"),
        ({"priority": "last"}, "Waits for its turn, goes last"),
        ({"after_title": "Train *A*"}, r"Waits for Train \*A\*"),
    ],
)
def test_a_waiting_job_says_why_it_does_not_run(changes, words):
    assert waiting_words(job(**changes)) == words


def test_a_job_without_a_worker_says_what_such_workers_do_now(going):
    going += [
        job(status="queued", title="Score", queue="gpu"),
        job(status="running", title="Measure", queue="cpu"),
        job(status="running", title="Train *A*", queue="gpu"),
    ]
    assert waiting_words(job()) == r"Waits for its turn; now runs Train \*A\*"
    going.append(job(status="running", title="Train B", queue="gpu"))
    assert waiting_words(job()) == "Waits for its turn; now runs Train B and 1 more"
    assert waiting_words(job(after_title="Train")) == "Waits for Train", "why it waits is known without it"


def test_a_job_for_the_night_says_when_in_the_browsers_time():
    later = datetime.now(UTC) + timedelta(days=2)
    said = waiting_words(job(not_before=later, after_title="Train"))
    assert said == f"Waits for Train, not before {later.astimezone(time_zone()):%a %d %b, %H:%M}"
