"""Jobs in words: how long, how long ago, how far."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from ui.shell import jobs
from ui.shell.jobs import ago, duration, progress_line


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (-1, ""), (0, "1 s"), (89, "89 s"), (90, "2 min"), (5340, "89 min"), (5400, "1 h 30 min"), (3600 * 30, "30 h 0 min")],
)  # fmt: skip
def test_a_length_of_time_is_said_as_people_say_it(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(10, "just now"), (60, "60 s ago"), (3 * 60, "3 min ago"), (3 * 86400, "3 days ago")]
)
def test_a_moment_is_said_by_how_long_it_is_past(seconds, words):
    assert ago(datetime.now(UTC) - timedelta(seconds=seconds)) == words


def job(**changes):
    facts = {
        "status": "running",
        "message": "",
        "title": "Training A",
        "eta_s": None,
        "started_at": None,
        "share_done": 0.5,
    }
    waits = {"after_title": None, "not_before": None, "priority": "normal"}
    return SimpleNamespace(**facts | waits | changes)


def test_a_running_job_says_what_it_does_and_how_long_still(monkeypatch):
    monkeypatch.setattr(jobs, "waiting_words", lambda job: f"{job.title} waits")
    assert progress_line(job(status="queued", eta_s=5)) == "Training A waits"
    assert progress_line(job()) == "Starting the program that does it", "its title stands beside it"
    begun = datetime.now(UTC) - timedelta(seconds=70)
    assert progress_line(job(started_at=begun), brief=True).endswith(" it · 70 s so far"), (
        "it goes on, and that is seen"
    )
    assert progress_line(job(started_at=begun, eta_s=120), brief=True).endswith(" it · 2 min left")
    assert progress_line(job(message="Epoch 2 of 5.", eta_s=120)) == "Epoch 2 of 5 · 2 min left"
    assert progress_line(job(message="Judging", eta_s=0.0)) == "Judging"
    assert progress_line(job(message="1 of 1 slide added", share_done=1.0)) == "1 of 1 slide added · ending"


def test_a_long_start_says_what_is_known_of_why_and_what_becomes_of_it(monkeypatch):
    def said(after_s, load, *others):
        monkeypatch.setattr(jobs, "_load", lambda: load)
        monkeypatch.setattr(jobs, "running_now", lambda: [SimpleNamespace(id=n) for n in (1, *others)])
        return progress_line(job(id=1, started_at=datetime.now(UTC) - timedelta(seconds=after_s)))

    assert said(8, (14, 2), 2) == "Starting the program that does it · 8 s so far"
    told = said(120, (14, 2), 2)
    assert "has work for 14 processors and 2 of them" in told and "started again by itself" in told
    assert "1 other job runs now" in said(120, (1, 2), 2) and "2 other jobs run now" in said(120, (2, 2), 2, 3)
    assert "its log" in said(120, (1, 2))


def in_the_background():
    from ui.shell.jobs import running_jobs

    running_jobs()


def test_what_another_project_has_the_machine_do_stands_beside_the_own(monkeypatch):
    def list_of(project, active):
        own = [job(id=1, kind="train", project_id=1, share_done=0.5)]
        others = [job(id=n, kind="demo", project_id=2, title=f"Make *{n}*", status="queued") for n in range(2, 7)]
        return own if project == 1 else own + others

    projects = SimpleNamespace(names=lambda: {1: "Cohort", 2: "Demo"})
    lab = SimpleNamespace(jobs=SimpleNamespace(list=list_of), projects=projects)
    monkeypatch.setattr(jobs, "lab", lambda: lab)
    monkeypatch.setattr(jobs, "at", lambda place: 1)
    monkeypatch.setattr(jobs.st, "page_link", lambda *_, **__: None)
    app = AppTest.from_function(in_the_background, default_timeout=60).run()
    assert not app.exception and app.expander[0].label == "In the background · 6"
    said = [caption.value for caption in app.caption]
    assert said == [*(rf"Demo: Make \*{n}\* · waiting" for n in (2, 3, 4)), "2 more of other projects"]


def slides_listed():
    import streamlit as st

    from ui.shell import jobs

    project = jobs.lab().projects.get(1)
    st.text(project.slides)
    jobs.as_slides_come(project)


@pytest.mark.parametrize(("kind", "shown"), [("ingest", "2"), ("train", "1")])
def test_a_page_is_drawn_anew_with_each_slide_that_comes_in(monkeypatch, kind, shown):
    there = iter([1, 2, 2, 2])
    projects = SimpleNamespace(get=lambda _: SimpleNamespace(id=1, slides=next(there)))
    adding = SimpleNamespace(list=lambda project, active: [job(id=1, kind=kind)])
    monkeypatch.setattr(jobs, "lab", lambda: SimpleNamespace(jobs=adding, projects=projects))
    app = AppTest.from_function(slides_listed, default_timeout=60).run()
    assert not app.exception and app.text[0].value == shown


def test_no_name_in_a_list_to_choose_from_changes_with_the_clock():
    """A browser knows what is chosen by its name: one that says "10 min ago" is another choice a minute later."""
    for file in [*Path("ui").rglob("*.py"), *Path("pages").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.DictComp):
                calls = {
                    call.func.id
                    for call in ast.walk(node)
                    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
                }
                assert "ago" not in calls, f"{file}:{node.lineno} names choices by how long ago: use made_at"
