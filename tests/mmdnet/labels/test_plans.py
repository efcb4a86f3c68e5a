"""The registry of plans: every entry is whole, and old names lead to it."""

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.labels.acquisition import Evidence
from mmdnet.labels.grading import TASKS
from mmdnet.labels.plans import PLANS, READINGS, current_name, plan_named
from mmdnet.labels.queue import ORDERS

EVIDENCE = Evidence(
    5,
    probabilities={task.name: np.full((5, len(task.grades)), 1 / len(task.grades)) for task in TASKS},
    label_counts={task.name: [40] * len(task.grades) for task in TASKS},
    grades={task.name: np.array([[0, 1]] * 5) for task in TASKS},
    ignored=np.zeros((5, 2), bool),
)


@pytest.mark.parametrize("plan", PLANS.values(), ids=lambda plan: plan.name)
def test_a_plan_has_an_order_there_is_a_value_where_the_order_wants_one_and_a_sentence_for_what_it_needs(plan):
    assert plan.order in ORDERS
    assert (plan.acquisition is not None) == (plan.order in ("ranked", "shuffled"))
    assert plan.needs is None or (plan.needs in plan.reads and plan.needs.missing)
    assert not (plan.replayed and READINGS in plan.reads), "the experiment knows of no second reader"
    if plan.acquisition is not None:
        values = plan.acquisition(EVIDENCE)
        assert values.shape == (5,) and np.isfinite(values).all()


def test_a_plan_is_found_by_the_name_it_has_and_the_one_it_had():
    assert plan_named("torn") is plan_named("margin") is PLANS["margin"]
    assert current_name("torn") == "margin" and current_name("quota") == "quota"
    with pytest.raises(LabError, match="no sampling plan called lucky"):
        plan_named("lucky")
