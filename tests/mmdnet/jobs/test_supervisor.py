import sys

import pytest

from mmdnet.jobs.child import DONE, FAILED, STOPPED, Order
from mmdnet.jobs.context import JobProgress
from mmdnet.jobs.fence import CLAIM_EVERY_S
from mmdnet.jobs.supervisor import GRACE_S, POLL_S, Outcome, job_folder, supervise
from mmdnet.settings import Settings

READ = "import sys, time; sys.stdin.readline(); "


@pytest.fixture
def order(tmp_path):
    return Order("one", job_folder(tmp_path / "jobs", "one"), "1 here", Settings(home=tmp_path))


def run(order, code, must_stop=lambda: None, told=None):
    def hear(progress):
        if told is not None:
            told.append(progress)

    return supervise([sys.executable, "-c", READ + code], order, {}, must_stop, hear)


def test_a_cancelled_job_that_does_not_listen_is_killed_well_within_two_seconds():
    assert POLL_S + CLAIM_EVERY_S + GRACE_S <= 1.6


def test_the_exit_code_says_how_it_ended(order):
    assert run(order, f"sys.exit({DONE})").done
    stopped = run(order, f"sys.exit({STOPPED})")
    assert not stopped.done and stopped.failure is None and stopped.stopped is None
    broke = run(order, f"sys.exit({FAILED})")
    assert broke.died and "exit code 1" in broke.failure
    killed = run(order, "import os; os.kill(os.getpid(), 9)")
    assert killed.died and "signal 9 (SIGKILL)" in killed.failure


def test_the_childs_own_sentence_is_the_failure_and_its_last_progress_is_heard(order):
    told = []
    code = (
        """print('@progress {"share": 0.5, "message": "half", "numbers": {"loss": 1}}', flush=True); """
        """print('noise'); print('@failure {"sentence": "No labels."}', flush=True); sys.exit(1)"""
    )
    outcome = run(order, code, told=told)
    assert (outcome.failure, outcome.died) == ("No labels.", False)
    assert told == [JobProgress(0.5, "half", {"loss": 1})]


def test_a_database_that_goes_away_under_the_child_is_no_failure_of_the_job(order):
    outcome = run(order, """print('@failure {"sentence": "Away.", "passing": true}', flush=True); sys.exit(1)""")
    assert outcome == Outcome()


def test_a_child_that_must_stop_is_asked_and_ends(order):
    outcome = run(order, "sys.stdin.readline(); sys.exit(0)", must_stop=lambda: "it was cancelled")
    assert outcome.stopped == "it was cancelled" and not outcome.done


def test_the_log_holds_what_attempts_wrote_one_after_the_other(order):
    for word in ("first", "second"):
        run(order, f"print('{word}', file=sys.stderr)")
    log = (order.folder / "log.txt").read_text()
    assert log.index("first") < log.index("second") and log.count("attempt 1 here") == 2
