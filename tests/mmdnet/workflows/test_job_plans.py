"""When a job begins, as a person writes it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mmdnet.errors import LabError
from mmdnet.workflows.job_plans import AT_ONCE, NUMBERS, JobPlan, moment_of, priority_of, still_to_come

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 28, 11, 0, tzinfo=UTC)  # 12:00 in Berlin, the day before the clocks change


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("22:00", "2026-03-28T21:00+00:00"),
        (" 7:05 ", "2026-03-29T05:05+00:00"),  # over for today; tomorrow it is summer time
        ("12:00", "2026-03-29T10:00+00:00"),
        ("2026-12-01 22:00", "2026-12-01T21:00+00:00"),
        ("2026-12-01T22:00+05:00", "2026-12-01T17:00+00:00"),
    ],
)
def test_a_time_is_the_persons(text, utc):
    assert moment_of(text, NOON, BERLIN) == datetime.fromisoformat(utc)


@pytest.mark.parametrize("text", ["", "tonight", "25:00", "2026-13-01", "22:00:00:00", "١٢:٣٠x"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(LabError, match=r"is no time\. Write 22:00"):
        moment_of(text, NOON, BERLIN)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (replace(AT_ONCE, priority="urgent"), "no priority urgent; there are first, normal, last"),
        (JobPlan(not_before=datetime.now(UTC) - timedelta(seconds=1)), "over already"),
        (JobPlan(not_before=datetime.now(UTC) + timedelta(days=400)), "more than a year away"),
        (JobPlan(not_before=datetime.now()), "no time zone"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(plan, words):
    with pytest.raises(LabError, match=words):
        plan.check()


def test_a_time_that_is_over_is_waited_for_no_more():
    now = datetime.now(UTC)
    assert still_to_come(None) is None and still_to_come(now - timedelta(seconds=1)) is None
    assert still_to_come(later := now + timedelta(hours=1)) == later


def test_a_queues_number_says_the_priority_and_of_earlier_builds_too():
    assert all(priority_of(number) == name for name, number in NUMBERS.items())
    assert priority_of(0) == "first" and priority_of(2**31 - 1) == "last"
