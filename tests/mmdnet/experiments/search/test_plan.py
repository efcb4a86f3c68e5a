import pytest

from mmdnet.errors import LabError
from mmdnet.experiments.search.plan import SearchPlan, read_search
from mmdnet.experiments.search.space import space_of


def test_a_plan_says_which_options_it_searches_even_where_nobody_did():
    assert read_search({}).over == tuple(dimension.name for dimension in space_of(()))
    plan = read_search({"over": ["head"], "minutes": "5", "folds": 3})
    assert (plan.over, plan.minutes, [dimension.name for dimension in plan.space]) == (("head",), 5, ["head"])
    assert SearchPlan.model_validate(plan.model_dump(mode="json")) == plan


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"minutes": 0}, "The search's minutes does not work: input should be greater than 0. Nothing was started."),
        ({"minutes": float("nan")}, "minutes does not work"),
        ({"folds": 2}, "folds does not work"),
        ({"over": ["epochs"]}, "epochs is nothing a search may try"),
        ({"trials": 3}, "trials does not work"),
    ],
)
def test_a_choice_that_does_not_work_is_a_sentence(given, said):
    with pytest.raises(LabError, match=said):
        read_search(given)
