"""Jobs are written before they are queued, so none is ever lost between the two."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from db.models import Job, Run, now
from db.searches import Search
from mmdnet.errors import LabError
from mmdnet.workflows import jobs
from mmdnet.workflows.job_plans import JobPlan
from mmdnet.workflows.job_specs import DemoSpec


def test_a_job_that_never_reached_the_queue_can_be_started_again(lab):
    with lab.db.begin() as session:
        session.add(Job(id="lost", kind="demo", queue="cpu", title="Lost", spec={}))
    assert lab.jobs.get("lost").status == "failed"
    lab.jobs.retry("lost")
    assert lab.jobs.get("lost").status == "queued"


def test_a_queued_job_is_listed_cancelled_and_not_cancelled_twice(lab):
    job = lab.jobs.submit("Make the demo slides", DemoSpec(project_id=1))
    assert [listed.id for listed in lab.jobs.list(active=True)] == [job]
    with pytest.raises(LabError, match="only a failed or cancelled"):
        lab.jobs.retry(job)
    lab.jobs.cancel(job)
    assert lab.jobs.get(job).status == "cancelled" and lab.jobs.list(active=True) == []
    with pytest.raises(LabError, match="ended already"):
        lab.jobs.cancel(job)
    assert lab.jobs.log(job) == ""


def test_a_job_that_waits_is_listed_behind_however_many_newer_ones_that_ended(lab, monkeypatch):
    job = lab.jobs.submit("Make the demo slides", DemoSpec(project_id=1))
    monkeypatch.setattr(jobs, "NEWEST", 3)
    with lab.db.begin() as session:
        session.add_all(Job(id=f"later-{n}", kind="demo", queue="cpu", title="Later", spec={}) for n in range(5))
    assert [listed.id for listed in lab.jobs.list(active=True)] == [job]
    assert len(lab.jobs.list()) == 4 and lab.jobs.list()[-1].id == job


def test_many_jobs_are_looked_up_in_as_many_questions_as_one(lab):
    first, second = (lab.jobs.submit("Make the demo slides", DemoSpec(project_id=1)) for _ in range(2))
    lab.jobs.plan(second, JobPlan(after=first))
    questions = []
    event.listen(lab.db.kw["bind"], "before_cursor_execute", lambda *asked: questions.append(asked[2]))
    known = lab.jobs.get_many([first, second, None, "nothing", first])
    assert known == {first: lab.jobs.get(first), second: lab.jobs.get(second)} and known[second].after_title
    assert lab.jobs.get_many([None]) == {}
    assert len(questions) == 2 + 1 + 2 + 0  # jobs and titles, a job, a job and its title


def test_no_list_holds_one_connection_while_it_waits_for_a_second(lab):
    """As many tabs as the pool has connections would wait for one another until all are refused."""
    project = lab.projects.create("Lists").id
    job = lab.jobs.submit("Train", DemoSpec(project_id=project))
    with lab.db.begin() as session:
        session.add(Run(project_id=project, job_id=job, name="R", choices={}, label_set={}))
        session.add(Search(project_id=project, job_id=job, plan={}, choices={}, label_set={}))
    held, most = [0], [0]

    def out(*_):
        held[0] += 1
        most[0] = max(most[0], held[0])

    def back(*_):
        held[0] -= 1

    event.listen(lab.db.kw["bind"], "checkout", out)
    event.listen(lab.db.kw["bind"], "checkin", back)
    (run,), (search,) = lab.training.runs(project), lab.searches.list(project)
    assert (run, search) == (lab.training.get(run.id), lab.searches.get(search.id)) and run.job == search.job
    assert (held, most) == ([0], [1])


def test_a_job_that_is_not_there_is_named(lab):
    with pytest.raises(LabError, match="no job"):
        lab.jobs.get("nothing")


def test_the_time_left_runs_on_while_a_job_tells_nothing_and_is_unknown_once_it_is_over():
    def left(told, ago_s):
        return jobs._left_s(Job(progress={"eta_s": told}, updated_at=now() - timedelta(seconds=ago_s)))

    assert left(None, 5) is None and left(100.0, 101) is None
    assert left(100.0, 30) == pytest.approx(70, abs=5)
