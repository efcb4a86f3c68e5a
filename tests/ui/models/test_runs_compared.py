"""Trainings beside one another: what differs comes first, and one that measured nothing says so."""

from dataclasses import replace
from types import SimpleNamespace

from streamlit.testing.v1 import AppTest

from tests.mmdnet.reports.crafted import card
from tests.ui.models.test_run_view import RUN
from ui.models import runs_compared

OTHER = replace(RUN, id=8, choices={**RUN.choices, "epochs": 9})
HISTORY = {
    7: [{"epoch": 1, "validation_loss": 2.0}],
    8: [{"epoch": 1, "validation_kappa_steatosis": 0.25, "validation_kappa_ballooning": 0.75}],
}


def test_differences_stand_first_and_every_choice_is_there():
    rows = runs_compared.differences([RUN, OTHER], HISTORY, {})
    apart = {row[0]: row[2:] for row in rows if row[1]}
    assert apart.pop("Best mean κ") == ["–", "0.50"] and apart.pop("Best epoch") == ["–", "1"]
    assert apart.pop("κ of that epoch, steatosis") == ["–", "0.25"]
    assert apart.pop("κ of that epoch, ballooning") == ["–", "0.75"] and list(apart.values()) == [["3", "9"]]
    known = {row[0]: row[2:] for row in runs_compared.differences([RUN, OTHER], HISTORY, {8: card()})}
    assert known["Took"] == ["2 min", "2 min"] and known["Agreement with readers"][0] == "–"
    assert known["Agreement with readers"][1].startswith("quadratic κ on bags of validation patients: steatosis")
    marks = [row[1] for row in rows]
    assert marks == sorted(marks, reverse=True) and len(rows) >= 5


def page():
    import streamlit as st

    from ui.models.runs_compared import compare

    compare(st.session_state["runs"])


def test_curves_of_two_lie_over_each_other(monkeypatch):
    monkeypatch.setattr(
        runs_compared,
        "lab",
        lambda: SimpleNamespace(
            training=SimpleNamespace(history=HISTORY.__getitem__),
            models=SimpleNamespace(get=lambda model_id: SimpleNamespace(card=card())),
        ),
    )
    app = AppTest.from_function(page, default_timeout=60)
    app.session_state["runs"], app.session_state["compare_runs"] = [RUN, OTHER], True
    assert not app.run().exception
    assert len(app.get("plotly_chart")) == 3 and list(app.dataframe[0].value.columns[2:]) == ["First (7)", "First (8)"]
    app.multiselect(key="compared_runs").set_value([7]).run()
    assert "two or more" in app.caption[0].value and not app.dataframe
