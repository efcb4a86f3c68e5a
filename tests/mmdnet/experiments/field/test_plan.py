import pytest

from mmdnet.errors import LabError
from mmdnet.experiments.field.plan import TABLE_2, FieldPlan, read_plan
from mmdnet.nn.baselines.registry import BASELINES, MMD_NET_FOUR


def test_without_names_all_methods_are_asked_and_mmd_net_is_the_reference():
    assert set(BASELINES) - set(FieldPlan().asked) == {MMD_NET_FOUR} and MMD_NET_FOUR in TABLE_2
    assert read_plan({"methods": TABLE_2}).ignored_task and not FieldPlan().ignored_task
    assert FieldPlan().reference == "mmd-net"
    assert read_plan({"methods": ["mean", "abmil"]}).reference == "mean"


def test_methods_and_seeds_may_be_added_to_an_experiment_and_nothing_else():
    first = read_plan({"methods": ["mean"]})
    assert first.identity("data") == read_plan({"methods": ["abmil"], "seeds": [1, 2]}).identity("data")
    assert first.identity("data") != first.identity("other data")
    assert first.identity("data") != read_plan({"methods": ["mean"], "epochs": 3}).identity("data")


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"methods": ["mill"]}, 'no method called "mill"'),
        ({"epochs": 1}, "epochs"),
        ({"folds": 2}, "folds"),
        ({"split": "bags", "folds": 5}, "folds are parts of the patients"),
        ({"seeds": []}, "seeds"),
        ({"rate": float("nan")}, "rate"),
        ({"leniency": 3}, "leniency"),
        ({"methods": ["mean", "max"], "backbones": ["small"]}, "backbones are compared by one method"),
        ({"alphas": [0, 1]}, "alpha is chosen on validation patients"),
        ({"alphas": [0, 1], "judged": "validation", "methods": ["abmil"]}, "no domain part, so alpha changes nothing"),
        ({"alphas": [0, 1], "judged": "validation", "backbones": ["small"]}, "by one method on one backbone"),
    ],
)
def test_what_does_not_work_is_refused_by_a_sentence(choices, said):
    with pytest.raises(LabError, match=said):
        read_plan(choices)


def test_trainings_of_an_earlier_build_are_found_again():
    assert FieldPlan().identity("d") == "v1-cd33d3d02daea8ed"


def test_alphas_stand_in_the_rows_and_are_trainings_of_their_own():
    plan = read_plan({"alphas": [0, 0.1, 0.1, 1], "judged": "validation"})
    assert (plan.asked, plan.reference, plan.rows) == (("alpha 0", "alpha 0.1", "alpha 1"), "alpha 0.1", "alpha")
    assert plan.of_alpha(1.0).asked == ("mmd-net",)
    apart = {of.identity("data") for of in (plan.of_alpha(0.1), plan.of_alpha(1.0), FieldPlan())}
    assert len(apart) == 3


def test_a_second_scale_is_computed_for_methods_that_see_it_alone():
    assert read_plan({}).scales == 2
    assert read_plan({"methods": ["mean", "da-mil-ms"]}).scales == 2
    assert read_plan({"methods": ["mean"]}).scales == read_plan({"backbones": ["small"]}).scales == 1


def test_a_seed_is_done_once():
    assert read_plan({"seeds": [3, 3, 1]}).seeds == (3, 1)


def test_backbones_stand_in_the_rows_and_share_the_trainings_of_their_method():
    plan = read_plan({"methods": [], "backbones": ["small", "VGG16", "small"], "unit": "slide"})
    assert (plan.asked, plan.reference, plan.rows) == (("small", "VGG16"), "small", "backbone")
    assert plan.on_one_backbone().asked == ("mmd-net",)
    assert plan.identity("data") == read_plan({}).identity("data")
