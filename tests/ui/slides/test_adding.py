"""Ways in for slides, drawn by themselves."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from ui.slides import adding


def outcomes() -> None:
    from mmdnet.workflows.slides.views import IngestOutcome
    from ui.slides.adding import show_outcomes

    show_outcomes(
        [
            IngestOutcome("a.svs", 1, None),
            IngestOutcome("b.svs", 2, None),
            IngestOutcome("c.svs", None, "c.svs is bad."),
            IngestOutcome("d.svs", 4, None, notes=("It was here already, as d.svs.",), was_here=True),
        ]
    )


def test_what_came_in_is_one_line_and_each_refusal_its_own():
    app = AppTest.from_function(outcomes, default_timeout=60).run()
    assert [line.value for line in app.success] == ["Added a.svs, b.svs."]
    assert [line.value for line in app.error] == ["c.svs is bad."]
    assert [line.value for line in app.warning] == ["d.svs: It was here already, as d.svs."]


def empty_page() -> None:
    import streamlit as st

    from ui.slides.adding import ingest_jobs

    runs = st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    ingest_jobs(1, none_yet=runs == 1)


@pytest.mark.parametrize(("there", "runs"), [([], 1), (["a.svs"], 2)])
def test_a_page_without_slides_is_drawn_anew_once_the_first_is_there(monkeypatch, there, runs):
    lab = SimpleNamespace(jobs=SimpleNamespace(list=lambda project: []), slides=SimpleNamespace(list=lambda _: there))
    monkeypatch.setattr(adding, "lab", lambda: lab)
    app = AppTest.from_function(empty_page, default_timeout=60).run()
    assert not app.exception and app.session_state["runs"] == runs
