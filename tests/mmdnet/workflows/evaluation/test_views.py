"""Views are frozen facts."""

from dataclasses import FrozenInstanceError

import pytest

from mmdnet.workflows.evaluation.views import EvaluationPlan


def test_a_plan_cannot_be_changed():
    plan = EvaluationPlan([1], [], [], 0, 0, [], None)
    with pytest.raises(FrozenInstanceError):
        plan.problem = "x"
