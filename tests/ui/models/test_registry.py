"""A model's validation figure; the registry is gone through in tests/pages/test_train.py."""

from datetime import UTC, datetime

from mmdnet.workflows.scoring.views import ModelView
from tests.mmdnet.reports.crafted import card
from ui.models.registry import _kappa


def test_the_figure_of_the_test_patients_leads_and_what_was_not_measured_is_none():
    metrics = {"validation": {"kappa_steatosis": 0.81}, "test": {"kappa_steatosis": 0.7, "kappa_ballooning": None}}
    model = ModelView(1, 1, 1, "m", "a" * 64, card(metrics=metrics), datetime.now(UTC))
    assert (_kappa(model, "steatosis"), _kappa(model, "ballooning"), _kappa(model, "inflammation")) == (0.7, None, None)
