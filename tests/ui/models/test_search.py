"""Searches on the Train page: the form's choices, a search in each of its states, its settings into the form."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.errors import LabError
from mmdnet.experiments.search.plan import SearchPlan
from mmdnet.training.config import TrainingConfig
from mmdnet.workflows.job_plans import JobPlan
from mmdnet.workflows.training.views import SearchView
from mmdnet.workflows.views import JobView
from tests.mmdnet.experiments.search.test_trial import judged
from ui.models import search

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
JOB = JobView("j", 1, "search", "Search", "done", 1.0, "", None, {}, NOW, NOW, NOW, None)
TRIALS = (judged(0, 0.5, 0.5, 0.5), judged(1, 0.6, 0.7, 0.8), judged(2, 0.1, state="stopped"))
CHOICES = TrainingConfig().model_dump(mode="json")
VIEW = SearchView(
    3, 1, SearchPlan(over=("lr_heads", "head"), folds=3), CHOICES, {"slides": 8, "patients": 4}, TRIALS, 90.0, NOW, JOB
)


def page():
    import streamlit as st

    from ui.models.search import filled_in, search_form, searches

    st.session_state["filled"] = filled_in(1)
    searches(1, st.session_state["manages"])
    search_form(1, {"epochs": 3}, None)


@pytest.fixture
def shown(monkeypatch):
    """Draws a project's searches and the form; the page and what was started."""

    def show(*views, manages=True, refusal=None):
        known, started = {view.id: view for view in views}, []

        def start(*given):
            if refusal:
                raise LabError(refusal)
            started.append(given)

        def settings(search_id, trial):
            return CHOICES | next(known.params for known in VIEW.trials if known.number == trial)

        use_cases = SimpleNamespace(
            list=lambda project: list(views), get=known.__getitem__, settings=settings, start=start,
            extend=lambda *given: started.append(given),
        )  # fmt: skip
        monkeypatch.setattr(search, "lab", lambda: SimpleNamespace(searches=use_cases))
        app = AppTest.from_function(page, default_timeout=60)
        app.session_state["manages"] = manages
        app.session_state["search_form"] = True
        return app.run(), started

    return show


def test_a_search_says_what_it_came_to_and_fills_the_form_with_the_best_settings(shown):
    app, _ = shown(VIEW)
    assert not app.exception
    assert any("Trial 1 is the best so far" in words.value for words in app.markdown)
    assert any("its own is too good" in caption.value for caption in app.caption)
    assert len(app.get("plotly_chart")) == 1 and len(app.dataframe) == 1
    assert app.dataframe[0].value.iloc[0]["Trial"] == "1"
    app.selectbox(key="search_across").set_value("lr_heads").run()
    assert not app.exception
    app.button(key="search_use").click().run()
    filled = app.session_state["filled"]
    assert (filled.key, filled.choices["lr_heads"]) == ("3_1", 0.0005)
    assert app.info[0].value == "Filled with trial 1 of search 3."
    app.button(key="search_unfill").click().run()
    assert app.session_state["filled"] is None


def test_a_search_that_failed_says_why_and_can_go_on_and_one_who_only_looks_changes_nothing(shown):
    failed = replace(VIEW, job=replace(JOB, status="failed", failure="The disk is full."), trials=())
    app, _ = shown(failed)
    assert [error.value for error in app.error] == ["The disk is full."]
    assert "search_resume" in [button.key for button in app.button] and not app.dataframe
    app, started = shown(VIEW)
    app.number_input(key="search_more").set_value(5.0)
    app.button(key="search_extend").click().run()
    assert started == [(3, 5.0)]
    app, _ = shown(VIEW, manages=False)
    assert [button.key for button in app.button] == ["search_start"]


def test_a_search_is_started_with_the_forms_settings_and_a_refusal_is_shown(shown):
    app, started = shown()
    assert not app.get("header")
    app.multiselect(key="search_over").set_value(["head"]).run()
    assert any("Ordered grades (CORN) · Unordered" in caption.value for caption in app.caption)
    app.number_input(key="search_minutes").set_value(5.0)
    app.segmented_control(key="search_priority").set_value("last")
    app.button(key="search_start").click().run()
    asked = {"over": ["head"], "minutes": 5.0, "folds": 4, "seed": 0}
    assert started == [(1, {"epochs": 3}, asked, None, JobPlan("last"))]
    app, started = shown(refusal="Too few patients.")
    app.button(key="search_start").click().run()
    assert [error.value for error in app.error] == ["Too few patients."] and not started
