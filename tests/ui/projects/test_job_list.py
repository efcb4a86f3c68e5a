"""All jobs, filtered, each with what can be done about it."""

from datetime import UTC, datetime
from types import SimpleNamespace

from streamlit.testing.v1 import AppTest

from mmdnet.workflows.views import JobView
from ui.projects import job_list
from ui.shell import jobs

NOW = datetime.now(UTC)


def job(key, status, **facts):
    known = {"kind": "ingest", "title": f"*{key}*", "progress": {}, "dismissed": False} | facts
    failure = "It is damaged." if status == "failed" else None
    return JobView(
        key, 1, known["kind"], known["title"], status, 0.5, "", failure, known["progress"], NOW, NOW, NOW, None,
        known["dismissed"],
    )  # fmt: skip


def page():
    from ui.projects.job_list import jobs

    jobs(1)


def test_jobs_are_filtered_and_offer_only_what_helps(monkeypatch):
    listed = [
        job("a", "done"), job("b", "failed", progress={"refused": ["x.svs: *no* tissue."]}),
        job("c", "failed", kind="train"), job("d", "cancelled", dismissed=True),
    ]  # fmt: skip
    put_aside = []
    known = SimpleNamespace(list=lambda project: listed, dismiss=put_aside.append)
    for module in (job_list, jobs):
        monkeypatch.setattr(module, "lab", lambda: SimpleNamespace(jobs=known))
    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    keys = {button.key for button in app.button}
    assert keys == {"dismiss_a", "dismiss_b", "dismiss_c", "retry_c", "retry_d"}, "what was refused is refused again"
    assert any("\\*no\\* tissue" in line.value for line in app.markdown)
    app.button(key="dismiss_a").click().run()
    assert put_aside == ["a"]
    app.button_group(key="jobs_state").set_value("cancelled").run()
    assert {button.key for button in app.button} == {"retry_d"}
