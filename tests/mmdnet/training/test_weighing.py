import pytest

from mmdnet.bags.bag import natural_bags
from mmdnet.training.config import TrainingConfig
from mmdnet.training.weighing import loss_weights

TRAINED = ("ballooning", "steatosis")


@pytest.mark.parametrize(("warming_up", "bag", "instance"), [(True, 0.0, 1.0), (False, 1.0, 0.4)])
def test_while_warming_up_single_patches_count_and_bags_do_not(crafted, warming_up, bag, instance):
    bags = natural_bags(crafted.cohort, range(6), 4)
    weights = loss_weights(crafted.cohort, bags, TrainingConfig(aux_instance_weight=0.4), TRAINED, warming_up)
    assert (weights.bag, weights.instance, weights.ignore) == (bag, instance, 0.3)
    assert weights.tasks == {"ballooning": 1.0, "steatosis": 1.0}
    assert len(weights.classes["steatosis"]) == 4


def test_without_balance_all_grades_weigh_alike(crafted):
    bags = natural_bags(crafted.cohort, range(6), 4)
    weights = loss_weights(crafted.cohort, bags, TrainingConfig(balance=False), TRAINED, False)
    assert weights.classes == weights.instance_classes == {}
