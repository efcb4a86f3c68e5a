"""Which attempt counts; the crash tests of the worker hold it in processes that are frozen and killed."""

import pytest

from mmdnet.jobs.fence import OUT_OF_REACH, Fence, Turns
from mmdnet.jobs.queue import Claim

MINE = Claim("here", 7)


class Queue:
    def __init__(self, answer):
        self.answer = answer

    def claim(self, _):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "lease_s", "reason"),
    [
        (MINE, 9.0, None),
        (None, 9.0, "it was cancelled"),
        (Claim("there", 7), 9.0, "there has taken over"),
        (OSError(), 9.0, None),
        (OSError(), -1.0, OUT_OF_REACH),
    ],
)
def test_an_attempt_ends_when_the_queue_says_so_or_says_nothing_for_too_long(answer, lease_s, reason):
    assert Fence(Queue(answer), lease_s, "job", MINE, lambda: True).ask() == reason


def test_only_the_latest_turn_of_a_worker_at_a_job_counts():
    turns = Turns()
    with turns.take("job") as first:
        assert first()
    with turns.take("job") as second:
        assert second() and not first()
        assert Fence(Queue(MINE), 9.0, "job", MINE, first).ask() == "it was started again"
