"""Who is alive, by a clock the test moves."""

from pathlib import Path

import pytest

from db.jobs import leases
from mmdnet.errors import LabError
from mmdnet.jobs.lease import Watch, beat_once, lock_slot
from tests.mmdnet.jobs.conftest import JobLab


class Clock:
    def __init__(self) -> None:
        self.moment = 0.0

    def __call__(self) -> float:
        return self.moment


def test_only_a_counter_that_stood_still_for_the_whole_lease_is_overdue() -> None:
    clock = Clock()
    watch = Watch("me", lease_s=15, now=clock)
    assert watch.overdue([("me", 1), ("other", 1)]) == []
    for second in range(2, 29, 2):  # it moves until 14 s
        clock.moment = float(second)
        assert watch.overdue([("me", 1), ("other", min(second, 14))]) == []
    clock.moment = 29.5
    assert watch.overdue([("me", 1), ("other", 14)]) == [("other", 14)]


def test_workers_that_were_all_kept_from_the_database_do_not_bury_each_other() -> None:
    clock = Clock()
    watch = Watch("me", lease_s=7, now=clock)
    watch.overdue([("me", 1), ("other", 1)])
    clock.moment = 60
    assert watch.overdue([("me", 1), ("other", 1)]) == []
    clock.moment = 61
    assert watch.overdue([("me", 2), ("other", 2)]) == []


def test_of_two_survivors_one_takes_over(jobs: JobLab) -> None:
    clock = Clock()
    first, second, dead = (Watch(name, 15, clock) for name in ("one", "two", "dead"))
    taken: list[str] = []

    def note(who: str) -> list[str]:
        taken.append(who)
        return [who]

    for watch in (dead, first, second, first, second):
        beat_once(jobs.sessions, watch, {}, lambda who: [])
    for second_passed in range(1, 17):
        clock.moment = float(second_passed)
        for watch in (first, second):
            beat_once(jobs.sessions, watch, {}, note)
    assert taken == ["dead"]
    with jobs.sessions() as session:
        assert [lease.executor_id for lease in leases(session)] == ["one", "two"]


def test_a_take_over_that_fails_is_tried_again(jobs: JobLab) -> None:
    clock = Clock()
    dead, survivor = Watch("dead", 15, clock), Watch("survivor", 15, clock)
    for watch in (dead, *[survivor] * 4):
        beat_once(jobs.sessions, watch, {}, lambda who: [])
        clock.moment += 4

    def out_of_reach(who: str) -> list[str]:
        raise ConnectionError(who)

    with pytest.raises(ConnectionError):
        beat_once(jobs.sessions, survivor, {}, out_of_reach)
    assert beat_once(jobs.sessions, survivor, {}, lambda who: ["job of " + who]) == ["job of dead"]


def test_a_worker_taken_for_dead_gives_signs_of_life_again(jobs: JobLab) -> None:
    watch = Watch("back", 15, Clock())
    beat_once(jobs.sessions, watch, {}, lambda who: [])
    with jobs.sessions.begin() as session:
        session.delete(leases(session)[0])
    beat_once(jobs.sessions, watch, {"slot": "cpu"}, lambda who: [])
    with jobs.sessions() as session:
        assert [lease.info for lease in leases(session)] == [{"slot": "cpu"}]


def test_a_slot_is_held_by_one_and_free_again_afterwards(tmp_path: Path) -> None:
    with lock_slot(tmp_path, "gpu-0"):
        with pytest.raises(LabError, match="already running"):
            lock_slot(tmp_path, "gpu-0")
        lock_slot(tmp_path, "gpu-1").close()
    lock_slot(tmp_path, "gpu-0").close()
