"""How far readers lean on suggestions is told of those who were shown wrong ones, and of nobody else."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.labels.suggestions import AcceptedWrong
from ui.agreement import leaning


@pytest.fixture
def drawn(monkeypatch):
    def draw(*rates: AcceptedWrong) -> AppTest:
        suggestions = SimpleNamespace(accepted_wrong=lambda project_id: list(rates) if project_id == 3 else None)
        labels = SimpleNamespace(suggestions=suggestions)
        monkeypatch.setattr(leaning, "lab", lambda: SimpleNamespace(labels=labels))
        app = AppTest.from_function(page, default_timeout=60).run()
        assert not app.exception
        return app

    return draw


def page():
    from ui.agreement.leaning import leaning

    leaning(3)


def test_where_nobody_was_shown_a_wrong_grade_nothing_is_said(drawn):
    app = drawn()
    assert not app.header and not app.dataframe and not app.caption


def test_each_reader_has_a_row_with_the_share_taken_and_its_interval(drawn):
    app = drawn(AcceptedWrong("Ada", 8, 2, 0.07, 0.59), AcceptedWrong("Ben", 4, 0, 0.0, 0.49))
    assert app.header[0].value == "Leaning on suggestions"
    assert app.dataframe[0].value.values.tolist() == [
        ["Ada", 8, 2, "25 % (7 % to 59 %)"],
        ["Ben", 4, 0, "0 % (0 % to 49 %)"],
    ]
