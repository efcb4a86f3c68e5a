"""What the table of models says each is worth; the registry is gone through in tests/pages/test_train.py."""

from datetime import UTC, datetime

from streamlit.testing.v1 import AppTest

from mmdnet.workflows.scoring.views import ModelView
from tests.mmdnet.reports.crafted import card


def page():
    from tests.ui.models.test_registry import model
    from ui.models.registry import _table

    _table([model()], None)


def model():
    metrics = {
        "validation": {"kappa_steatosis": 0.81, "kappa_inflammation": 0.6},
        "test": {"kappa_steatosis": 0.7, "kappa_ballooning": None, "kappa_inflammation": 0.5, "n_inflammation": 3},
    }
    return ModelView(1, 1, 1, "m", "a" * 64, card(metrics=metrics), datetime.now(UTC))


def test_a_models_figures_are_those_that_are_told_of_it_everywhere():
    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    row = app.dataframe[0].value.iloc[0]
    assert (row["κ S"], row["κ I"]) == (0.7, 0.6)  # three bags of test patients say nothing
    assert row.isna()["κ B"]
