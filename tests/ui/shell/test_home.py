"""Parts of the Overview page, over a lab made for the test."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.backups.backup import make_backup
from mmdnet.errors import LabError
from ui.shell import home, session
from ui.shell import jobs as shown_jobs


@pytest.fixture
def lab(monkeypatch):
    nobody = SimpleNamespace(list=list)
    made = SimpleNamespace(jobs=SimpleNamespace(list=lambda project=None, active=False: []), readers=nobody)
    for module in (home, session, shown_jobs):
        monkeypatch.setattr(module, "lab", lambda: made)
    return made


def welcome():
    from ui.shell.home import first_project

    first_project()


def jobs():
    from ui.shell.home import jobs_at_a_glance

    jobs_at_a_glance(1)


def test_the_first_project_is_asked_for_by_name_and_a_refusal_is_a_sentence(lab):
    def create(name, by):
        raise LabError(f"There is already a project called {name}.")

    lab.projects = SimpleNamespace(create=create)
    app = AppTest.from_function(welcome, default_timeout=60).run()
    app.text_input[0].set_value("Cohort")
    app.button[0].click().run()
    assert app.error[0].value == "There is already a project called Cohort."
    assert app.title[0].value == "Welcome to the lab"


def test_the_last_five_jobs_are_shown_and_none_is_said(lab):
    app = AppTest.from_function(jobs, default_timeout=60).run()
    assert app.caption[0].value.startswith("Nothing was started in this project yet.")
    ended = {
        "status": "done",
        "active": False,
        "failure": None,
        "started_at": None,
        "finished_at": None,
        "dismissed": False,
    }
    lab.jobs.list = lambda project=None, active=False: (
        [] if active else [job_view(id=n, title=f"Job {n}", **ended) for n in range(7)]
    )
    app = AppTest.from_function(jobs, default_timeout=60).run()
    assert [text.value for text in app.markdown if "Job" in text.value] == [
        f":green[:material/check:] **Job {n}** :gray[just now]" for n in range(5)
    ]


def backup():
    from ui.shell.home import backup_at_a_glance

    backup_at_a_glance()


def test_how_old_the_last_verified_backup_is_stands_there_or_that_there_is_none(lab, label_bench):
    lab.settings = label_bench.services.settings
    assert "No verified backup yet" in AppTest.from_function(backup, default_timeout=60).run().caption[0].value
    make_backup(lab.settings, lab.settings.backup_folder)
    assert AppTest.from_function(backup, default_timeout=60).run().caption[0].value == "Last verified backup just now"


def test_all_that_is_running_is_shown_as_in_the_side_bar_and_no_learning_beside_labels(lab):
    running = {"status": "running", "active": True, "share_done": 0.5, "message": "", "eta_s": None, "dismissed": False}
    running["started_at"] = None
    known = [job_view(id=n, title=f"Job {n}", **running) for n in range(7)]
    learning = job_view(id=9, title="Learn", **running)
    learning.kind = "learn"
    lab.jobs.list = lambda project=None, active=False: [*known, learning]
    app = AppTest.from_function(jobs, default_timeout=60).run()
    assert [text.value for text in app.markdown if "**" in text.value] == [f"**Job {n}**" for n in range(7)]


def job_view(**facts):
    from datetime import UTC, datetime

    return SimpleNamespace(created_at=datetime.now(UTC), kind="train", **facts)
