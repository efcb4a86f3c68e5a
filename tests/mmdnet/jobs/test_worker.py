"""Real workers and real children, killed, frozen, cancelled and doubled."""

import os
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from mmdnet.jobs.child import NICE
from mmdnet.jobs.worker import DEATHS_LIMIT
from tests.mmdnet.jobs.conftest import JobLab, alive, wait_for


def test_a_job_runs_to_its_end_and_says_how_far_it_is(staffed: JobLab) -> None:
    job = staffed.submit("count", {"epochs": 3, "seconds": 0.1})
    state = staffed.wait_until(job, "done")
    row = staffed.row(job)
    assert (row.share_done, row.message, row.progress["loss"], row.failure) == (1.0, "epoch 3", 1 / 3, None)
    assert staffed.epochs(job) == [0, 1, 2]
    assert state.attempts == 1
    assert state.queued_at is not None and state.started_at is not None and state.finished_at is not None
    assert state.queued_at <= state.started_at <= state.finished_at
    assert "counted to the end" in staffed.log(job)


def test_a_job_steps_back_for_the_page_a_person_looks_at(staffed: JobLab) -> None:
    job = staffed.submit("count", {"epochs": 4, "seconds": 0.3})
    wait_for(lambda: staffed.epochs(job))
    child = psutil.Process(staffed.child_pid(job))
    assert child.nice() >= min(psutil.Process().nice() + NICE, 19)
    session = Path(f"/proc/{child.pid}/autogroup")
    if session.exists():
        assert session.read_text().split()[-1] == str(NICE)
    staffed.wait_until(job, "done")


def test_a_running_job_is_gone_within_five_seconds_of_its_cancel_and_can_go_on_later(staffed: JobLab) -> None:
    job = staffed.submit("count", {"epochs": 4, "seconds": 0.3})
    wait_for(lambda: staffed.epochs(job))
    child = staffed.child_pid(job)
    cancelled = time.monotonic()
    staffed.queue.cancel(job)
    wait_for(lambda: not alive(child), seconds=5)
    print(f"cancel took {time.monotonic() - cancelled:.2f} s")
    assert staffed.state(job).status == "cancelled"
    staffed.queue.retry(job, "cpu")
    staffed.wait_until(job, "done")
    assert staffed.epochs(job) == list(range(4))


def test_a_job_cancelled_and_at_once_tried_again_is_done_by_one_child_at_a_time(staffed: JobLab) -> None:
    job = staffed.submit("count", {"epochs": 4, "seconds": 0.3})
    wait_for(lambda: staffed.epochs(job))
    staffed.queue.cancel(job)
    staffed.queue.retry(job, "cpu")
    state = staffed.wait_until(job, "done")
    assert staffed.epochs(job) == list(range(4))
    assert state.attempts == 2


def test_a_job_that_will_not_listen_is_killed_with_its_helpers_within_five_seconds(staffed: JobLab) -> None:
    job = staffed.submit("deaf")
    pids = staffed.home / "jobs" / job / "pids.txt"
    wait_for(lambda: pids.exists() and pids.read_text())
    family = [int(pid) for pid in pids.read_text().split()]
    cancelled = time.monotonic()
    staffed.queue.cancel(job)
    wait_for(lambda: not any(alive(pid) for pid in family), seconds=5)
    print(f"cancel took {time.monotonic() - cancelled:.2f} s")


def test_a_cancelled_job_in_the_queue_never_begins(staffed: JobLab) -> None:
    spec = {"epochs": 4, "seconds": 0.3}
    first = staffed.submit("count", spec, queue="gpu")
    wait_for(lambda: staffed.events(first))
    waiting = staffed.submit("count", spec, queue="gpu")
    staffed.queue.cancel(waiting)
    staffed.wait_until(first, "done")
    time.sleep(1)
    assert staffed.state(waiting).status == "cancelled"
    assert staffed.events(waiting) == []


def test_what_a_person_can_mend_arrives_as_a_sentence_and_other_faults_stay_in_the_log(staffed: JobLab) -> None:
    refused, broken, killed = staffed.submit("refuse"), staffed.submit("broken"), staffed.submit("killed")
    for job in (refused, broken, killed):
        staffed.wait_until(job, "failed")
    assert staffed.row(refused).failure == "There are no labels yet. Grade some patches first."
    assert "private" not in (staffed.row(broken).failure or "private")
    assert "Traceback" in staffed.log(broken) and "a private detail" in staffed.log(broken)
    assert "signal 9 (SIGKILL)" in (staffed.row(killed).failure or "")
    assert f"{DEATHS_LIMIT} times" in (staffed.row(killed).failure or "")
    assert staffed.state(killed).attempts == DEATHS_LIMIT
    assert "Traceback" not in (staffed.home / "worker-both.log").read_text()


def test_a_job_whose_child_is_killed_again_and_again_goes_on_by_itself_from_where_it_was(staffed: JobLab) -> None:
    job = staffed.submit("count", {"epochs": 4, "seconds": 0.3})
    for kills in range(1, DEATHS_LIMIT + 1):
        wait_for(lambda kills=kills: len([line for line in staffed.events(job) if line.startswith("begin")]) == kills)
        if kills == DEATHS_LIMIT:  # the earlier ones came no further; this one did, and so is not given up
            wait_for(lambda: staffed.row(job).share_done > 0)
        os.kill(staffed.child_pid(job), signal.SIGKILL)
    staffed.wait_until(job, "done")
    assert staffed.epochs(job) == list(range(4))
    assert staffed.row(job).failure is None


def test_a_failed_job_that_is_tried_again_loses_its_failure(staffed: JobLab) -> None:
    job = staffed.submit("refuse_once")
    staffed.wait_until(job, "failed")
    assert staffed.row(job).failure == "Not yet."
    staffed.queue.retry(job, "cpu")
    staffed.wait_until(job, "done")
    assert staffed.row(job).failure is None


def test_a_worker_begins_what_waits_for_a_time_or_another_job_when_it_is_due(staffed: JobLab) -> None:
    spec = {"epochs": 1, "seconds": 0.1}
    begin_at = datetime.now(UTC) + timedelta(seconds=2)
    first = staffed.submit("count", spec, begin_at=begin_at)
    second = staffed.submit("count", spec, after=first)
    staffed.wait_until(second, "done")
    begun, over, then = (
        float(staffed.events(job)[at].split()[-1]) for job, at in ((first, 0), (first, -1), (second, 0))
    )
    assert begin_at.timestamp() <= begun and over < then


def test_one_gpu_runs_one_job_at_a_time_also_after_a_retry(staffed: JobLab) -> None:
    spec = {"epochs": 3, "seconds": 0.2}
    first = staffed.submit("count", spec, queue="gpu")
    wait_for(lambda: staffed.epochs(first))
    staffed.queue.cancel(first)
    second = staffed.submit("count", spec, queue="gpu")
    wait_for(lambda: staffed.epochs(second))
    staffed.queue.retry(first, "gpu")
    for job in (first, second):
        staffed.wait_until(job, "done")
    last_begin = [float(line.split()[2]) for line in staffed.events(first) if line.startswith("begin")][-1]
    assert last_begin >= float(staffed.events(second)[-1].split()[1])


def test_a_second_worker_of_the_same_name_leaves_with_a_sentence(staffed: JobLab) -> None:
    log = staffed.home / "worker-both.log"
    wait_for(lambda: "ready" in log.read_text())
    second = staffed.worker("both")
    assert second.wait(90) != 0
    assert "already running" in log.read_text()


def test_a_killed_worker_takes_its_child_along_and_repeats_no_epoch_when_it_is_back(jobs: JobLab) -> None:
    job = jobs.killed_and_back("count", {"epochs": 6, "seconds": 0.2})
    state = jobs.wait_until(job, "done")
    assert jobs.epochs(job) == list(range(6))
    assert state.attempts == 2


def test_two_workers_run_every_job_once(jobs: JobLab) -> None:
    ids = [jobs.submit("count", {"epochs": 1, "seconds": 0.2}) for _ in range(4)]
    jobs.worker("one")
    jobs.worker("two")
    for job in ids:
        jobs.wait_until(job, "done")
    assert all([line.split()[0] for line in jobs.events(job)] == ["begin", "epoch", "end"] for job in ids)


def test_a_survivor_takes_over_what_a_dead_worker_was_running(jobs: JobLab) -> None:
    dead = jobs.worker("one", lease_s=1.5)
    job = jobs.submit("count", {"epochs": 6, "seconds": 0.2})
    wait_for(lambda: len(jobs.epochs(job)) >= 2)
    dead.kill()
    jobs.worker("two", lease_s=1.5)
    state = jobs.wait_until(job, "done")
    assert jobs.epochs(job) == list(range(6))
    assert state.executor is not None and state.executor.endswith(":two")


def test_a_worker_that_ends_when_nothing_is_left_first_does_what_a_dead_one_left(jobs: JobLab) -> None:
    dead = jobs.worker("one", lease_s=1.5)
    spec = {"epochs": 3, "seconds": 0.2}
    left = jobs.submit("count", spec)
    wait_for(lambda: jobs.epochs(left))
    dead.kill()
    waiting, elsewhere = jobs.submit("count", spec), jobs.submit("count", spec, queue="gpu")
    assert jobs.worker("two", lease_s=1.5, until="until-empty").wait(90) == 0
    assert [jobs.state(job).status for job in (left, waiting, elsewhere)] == ["done", "done", "queued"]


def freeze(jobs: JobLab, *pids: int) -> None:
    """Stop processes, but not while one holds SQLite's write lock: on one machine that would stop everybody."""
    while True:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        # a thread inside a system call stops only when that returns, perhaps with the lock it was taking
        wait_for(lambda: all(psutil.Process(pid).status() == psutil.STATUS_STOPPED for pid in pids))
        time.sleep(0.05)
        if all(writable(url) for url in (jobs.settings.lab_url, jobs.settings.queue_url)):
            return
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        time.sleep(0.05)


def writable(url: str) -> bool:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0.5, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
    return True


def test_a_frozen_worker_that_wakes_beside_its_successor_spoils_nothing(jobs: JobLab) -> None:
    frozen = jobs.worker("one", lease_s=1.5)
    job = jobs.submit("count", {"epochs": 15, "seconds": 0.2})
    wait_for(lambda: jobs.epochs(job))
    sleeper = jobs.child_pid(job)
    freeze(jobs, frozen.pid, sleeper)
    jobs.worker("two", lease_s=1.5)
    wait_for(lambda: jobs.child_pid(job) != sleeper)
    successor = jobs.child_pid(job)
    for pid in (frozen.pid, sleeper):
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: not alive(sleeper), seconds=5)
    state = jobs.wait_until(job, "done")
    assert jobs.epochs(job) == list(range(15))
    assert jobs.child_pid(job) == successor
    assert state.executor is not None and state.executor.endswith(":two")
