"""Background jobs on the command line."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from db.models import Job
from mmdnet.cli import app
from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from mmdnet.workflows import jobs
from mmdnet.workflows.job_specs import DemoSpec


@pytest.fixture
def lab(tmp_path, new_home):
    lab = open_lab(Settings(home=shutil.copytree(new_home, tmp_path / "home")))
    lab.projects.create("My lab")
    return lab


def run(lab, *asked):
    return CliRunner().invoke(app, ["jobs", *map(str, asked), "--home", str(lab.settings.home)])


def test_a_job_is_listed_planned_cancelled_tried_again_and_dismissed(lab):
    first, second = (lab.jobs.submit(title, DemoSpec(project_id=1), 1) for title in ("First", "Second"))
    told = run(lab, "plan", second[:8], "--priority", "last", "--after", first, "--not-before", "23:59")
    assert told.exit_code == 0 and "priority last · after First · not before" in told.stdout
    assert run(lab, "plan", second, "--at-once").stdout.strip() == f"{second[:8]}  queued     Second: priority last"
    (newest, oldest) = json.loads(run(lab, "list", "--json").stdout)["jobs"]
    assert (newest["id"], newest["after"], oldest["status"]) == (second, None, "queued")
    for act, status in (
        ("cancel", "cancelled"),
        ("retry", "queued"),
        ("cancel", "cancelled"),
        ("dismiss", "cancelled"),
    ):
        assert json.loads(run(lab, act, second, "--json").stdout)["status"] == status
    assert run(lab, "log", second).stdout.strip() == "Nothing written yet." and lab.jobs.get(second).dismissed


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("log", "nothing"), "There is no job with the number nothing"),
        (("plan", "{job}", "--priority", "urgent"), "no priority urgent"),
        (("plan", "{job}", "--not-before", "tonight"), "'tonight' is no time"),
        (("plan", "{job}", "--after", "{job}"), "Nothing was changed"),
        (("plan", "{job}", "--at-once", "--not-before", "22:00"), "--at-once goes with neither"),
        (("retry", "{job}"), "only a failed or cancelled"),
        (("dismiss", "{job}"), "still waits or runs"),
        (("try-notice",), "tells nobody"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(lab, asked, words):
    job = lab.jobs.submit("First", DemoSpec(project_id=1), 1)
    told = run(lab, *(part.format(job=job) for part in asked))
    assert told.exit_code == 1 and words in str(told.exception)
    assert lab.jobs.get(job).priority == "normal"


def test_a_job_is_found_by_the_beginning_of_its_number_however_old_and_by_no_pattern(lab, monkeypatch):
    monkeypatch.setattr(jobs, "NEWEST", 1)
    with lab.db.begin() as session:
        session.add_all(
            Job(id=number, kind="demo", queue="cpu", title=f"Job {number}", spec={})
            for number in ("abcd1", "abcd2", "zzzz1")
        )
    assert run(lab, "log", "abcd1").exit_code == 0 and run(lab, "log", "abcd").exit_code == 1
    assert "2 jobs have numbers that begin with abcd" in str(run(lab, "log", "abcd").exception)
    assert run(lab, "log", "zzzz").exit_code == 0
    for number in ("zzz", "zzz_", "%%%%", "zz%1"):
        assert "no job with the number" in str(run(lab, "log", number).exception), number


def test_a_trial_says_what_came_of_it(lab, monkeypatch):
    monkeypatch.setenv("MMDNET_NOTIFY_URL", "http://127.0.0.1:1/x")
    told = run(lab, "try-notice")
    assert told.exit_code == 1 and "webhook: It could not be reached" in told.stdout
