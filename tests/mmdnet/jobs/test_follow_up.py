"""What waits for a job begins when that is done, or says why it cannot; ends are told once."""

import shutil
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from db.jobs import mark_ended
from db.models import Job
from mmdnet.errors import LabError
from mmdnet.jobs.follow_up import follow_up
from mmdnet.jobs.queue import CONCURRENCY, NOBODYS, JobQueue
from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from mmdnet.workflows.job_plans import JobPlan
from mmdnet.workflows.job_specs import DemoSpec

SPEC = DemoSpec(project_id=1)


class Followed:
    def __init__(self, home):
        self.lab = open_lab(Settings(home=home))
        self.queue = JobQueue(self.lab.settings.queue_url)
        self.told = []

    def submit(self, title="Train", **plan):
        return self.lab.jobs.submit(title, SPEC, plan=JobPlan(**plan))

    def ends(self, job, status):
        """As the queue has it when a worker is through with the job."""
        with sqlite3.connect(self.lab.settings.home / "jobs.sqlite") as base:
            base.execute("UPDATE workflow_status SET status = ? WHERE workflow_uuid = ?", (status, job))

    def look(self):
        follow_up(self.lab.db, self.queue, self.told.append)

    def raw(self, job):
        (row,) = self.queue._rows([job])
        return row


@pytest.fixture
def followed(tmp_path, new_home):
    return Followed(shutil.copytree(new_home, tmp_path / "home"))


def test_a_job_begins_when_the_one_it_waits_for_is_done_and_not_before(followed):
    train = followed.submit()
    score = followed.submit("Score", after=train, priority="last")
    later = followed.submit("Report", after=train, not_before=datetime.now(UTC) + timedelta(hours=1))
    followed.look()
    assert followed.raw(score).status == followed.raw(later).status == "DELAYED"
    view = followed.lab.jobs.get(score)
    assert (view.status, view.after_title, view.priority) == ("queued", "Train", "last")
    followed.ends(train, "SUCCESS")
    for _ in range(2):
        followed.look()
    assert followed.raw(score).status == "ENQUEUED" and followed.raw(score).priority == 100
    assert followed.raw(later).status == "DELAYED"  # its own time has not come
    assert abs(followed.raw(later).delay_until_epoch_ms / 1000 - datetime.now(UTC).timestamp() - 3600) < 60


@pytest.mark.parametrize(("end", "words"), [("ERROR", "which failed"), ("CANCELLED", "which was cancelled")])
def test_what_waits_for_a_job_without_success_says_so_and_so_does_what_waits_for_that(followed, end, words):
    train = followed.submit()
    score = followed.submit("Score", after=train)
    report = followed.submit("Report", after=score)
    followed.ends(train, end)
    for _ in range(3):
        followed.look()
    views = [followed.lab.jobs.get(job) for job in (score, report)]
    assert [view.status for view in views] == ["cancelled", "cancelled"]
    assert f"after Train, {words}" in views[0].failure and "after Score, which was cancelled" in views[1].failure
    assert [notice.job for notice in followed.told] == [score, report]
    with pytest.raises(LabError, match="waits for Train, which is"):
        followed.lab.jobs.retry(score)
    followed.lab.jobs.retry(train)
    followed.lab.jobs.retry(score)
    followed.look()
    assert followed.raw(score).status == "DELAYED" and followed.lab.jobs.get(score).failure is None


def test_a_job_that_is_queued_again_by_a_kill_at_its_end_is_told_when_it_ends(followed):
    job = followed.submit()
    with followed.lab.db.begin() as session:
        mark_ended(session, job)
    followed.look()
    assert followed.raw(job).status == "ENQUEUED" and not followed.told
    followed.ends(job, "SUCCESS")
    for _ in range(2):
        followed.look()
    assert [(notice.job, notice.status) for notice in followed.told] == [(job, "done")]


def test_a_plan_made_anew_counts_and_circles_strangers_and_the_past_are_refused(followed):
    jobs = followed.lab.jobs
    first = followed.submit("First")
    second = followed.submit("Second", after=first)
    with pytest.raises(LabError, match="Second waits for this job already"):
        jobs.plan(first, JobPlan(after=second))
    with pytest.raises(LabError, match="over already"):
        jobs.plan(first, JobPlan(not_before=datetime(2020, 1, 1, tzinfo=UTC)))
    stranger = jobs.submit("Stranger", SPEC, followed.lab.projects.create("Other").id)
    with pytest.raises(LabError, match="one of its own project"):
        jobs.plan(first, JobPlan(after=stranger))
    jobs.plan(second, JobPlan("first"))
    assert (followed.raw(second).status, followed.raw(second).priority) == ("ENQUEUED", 1)
    jobs.plan(second, JobPlan(after=first))
    assert followed.raw(second).status == "DELAYED"
    followed.ends(first, "SUCCESS")
    with pytest.raises(LabError, match="First is done already"):
        jobs.plan(second, JobPlan(after=first))
    followed.ends(second, "PENDING")
    with pytest.raises(LabError, match="waits no more"):
        jobs.plan(second, JobPlan("last"))
    assert jobs.get(second).priority == "normal"  # the refused plan left nothing


def test_a_job_that_is_cancelled_and_tried_again_comes_back_to_its_own_queue(followed):
    job = followed.submit(priority="last")
    followed.lab.jobs.cancel(job)
    assert followed.raw(job).queue_name is None  # DBOS forgets it
    followed.lab.jobs.retry(job)
    assert (followed.raw(job).queue_name, followed.raw(job).priority) == ("cpu", 100)


def test_a_job_that_waits_again_is_at_no_moment_one_that_a_worker_may_take(followed, monkeypatch):
    train = followed.submit("Train")
    score = followed.submit("Score", after=train)
    followed.lab.jobs.cancel(score)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as dies, pytest.raises(KeyboardInterrupt):
        dies.setattr(JobQueue, "plan", killed)  # between the queue's word and that on when it begins
        followed.lab.jobs.retry(score)
    assert (followed.lab.jobs.get(score).status, followed.raw(score).queue_name) == ("queued", NOBODYS)
    followed.look()
    assert followed.raw(score).queue_name == NOBODYS not in CONCURRENCY
    followed.ends(train, "SUCCESS")
    followed.look()
    assert (followed.raw(score).status, followed.raw(score).queue_name) == ("ENQUEUED", "cpu")


def test_what_waits_for_a_job_that_is_gone_says_so(followed):
    train = followed.submit()
    score = followed.submit("Score", after=train)
    with followed.lab.db.begin() as session:
        session.delete(session.get(Job, train))
    followed.ends(train, "SUCCESS")
    with sqlite3.connect(followed.lab.settings.home / "jobs.sqlite") as base:
        base.execute("DELETE FROM workflow_status WHERE workflow_uuid = ?", (train,))
    followed.look()
    assert "which is no longer in the lab" in followed.lab.jobs.get(score).failure
