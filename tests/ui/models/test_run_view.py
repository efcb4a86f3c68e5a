"""A training in each of its states."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.training.config import describe
from mmdnet.workflows.training.views import RunView
from mmdnet.workflows.views import JobView
from tests.mmdnet.reports.crafted import card
from ui.models import run_view

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
JOB = JobView("j", 1, "train", "First", "done", 1.0, "", None, {}, NOW, NOW, NOW + timedelta(seconds=90), None)
LABELS = {
    "rule": "latest", "patches": 40, "readers": ["Ada", "Ben"], "sha256": "c" * 64, "warnings": ["Few of grade 3."],
}  # fmt: skip
RUN = RunView(7, 1, "First", JOB, {"backbone": "small", "epochs": 3}, LABELS, NOW, 5)


def run_page():
    import streamlit as st

    from ui.models.run_view import run_view

    run_view(st.session_state["run"], True)


@pytest.fixture
def shown(monkeypatch):
    """Draws a run with this history; the page."""

    def show(run, history=(), **facts):
        kept = SimpleNamespace(get=lambda run_id: run, history=lambda run_id: list(history), log=lambda run_id: "")
        models = SimpleNamespace(get=lambda model_id: SimpleNamespace(card=card(**facts)))
        monkeypatch.setattr(run_view, "lab", lambda: SimpleNamespace(training=kept, models=models))
        app = AppTest.from_function(run_page, default_timeout=60)
        app.session_state["run"] = run
        return app.run()

    return show


def buttons(app):
    return [button.label for button in app.button]


def test_a_finished_run_says_how_long_it_took_and_what_it_was_made_of(shown):
    app = shown(RUN, [{"epoch": 1, "loss": 2.0, "validation_loss": 1.5, "validation_kappa_steatosis": 0.4}])
    assert not app.exception
    assert len(app.get("plotly_chart")) == 2
    assert any(caption.value.startswith("Took") for caption in app.caption)
    assert buttons(app) == ["Score slides with it"]
    made_of = app.table[0].value.iloc[:, 0].to_dict()
    assert (made_of["Labels"], made_of["Readers"]) == ("40 patches", "Ada, Ben")
    assert describe(RUN.choices).items() <= made_of.items()
    assert [warning.value for warning in app.warning] == ["Few of grade 3."]
    assert not any("in every epoch" in caption.value for caption in app.caption)


def test_an_agreement_that_stays_at_nought_is_explained(shown):
    rows = [{"epoch": n, "validation_kappa_steatosis": 0.0, "validation_kappa_ballooning": 0.1 * n} for n in (0, 1, 2)]
    said = [caption.value for caption in shown(RUN, rows).caption]
    assert any(words.startswith("κ of steatosis is 0 in every epoch") for words in said)


def test_a_feature_that_was_learnt_and_has_no_agreement_is_named(shown):
    said = [
        caption.value for caption in shown(RUN, [{"epoch": 1, "validation_kappa_steatosis": 0.2}], best_epoch=1).caption
    ]
    (words,) = [words for words in said if words.startswith("No κ of")]
    assert words.startswith("No κ of lobular inflammation and ballooning: the patients kept aside hold too few")
    assert words.endswith("learnt all the same.")


def test_a_running_training_says_too_which_feature_has_no_agreement(shown):
    said = [
        caption.value
        for caption in shown(replace(RUN, model_id=None), [{"epoch": 1, "validation_kappa_inflammation": 0.2}]).caption
    ]
    (words,) = [words for words in said if words.startswith("No κ of")]
    assert "steatosis and ballooning" in words and "learnt" not in words


def test_a_run_without_validation_says_why_there_is_no_agreement(shown):
    app = shown(RUN, [{"epoch": 1, "loss": 2.0}])
    assert len(app.get("plotly_chart")) == 1
    assert any("No agreement is measured" in caption.value for caption in app.caption)


def test_a_training_that_is_done_says_what_its_model_is_worth_and_marks_the_epoch_that_was_kept(shown):
    history = [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}]
    good = shown(RUN, history, best_epoch=2)
    assert "Validated on patients it did not learn from" in good.success[0].value
    (kept,) = json.loads(good.get("plotly_chart")[0].proto.spec)["layout"]["annotations"]
    assert (kept["text"], kept["yref"], kept["y"], kept["yanchor"]) == ("kept", "y domain", 1, "bottom")  # above curves
    bad = shown(RUN, history, metrics={"validation": {"kappa_steatosis": 0.0}})
    assert "hardly better than chance" in bad.warning[0].value and not bad.success


def test_a_failed_run_says_why_and_can_go_on(shown):
    app = shown(replace(RUN, job=replace(JOB, status="failed", failure="The disk is full."), model_id=None))
    assert [error.value for error in app.error] == ["The disk is full."]
    assert buttons(app) == ["Go on"]


def test_a_run_that_was_never_queued_says_so(shown):
    assert "never queued" in shown(replace(RUN, job=None)).warning[0].value
