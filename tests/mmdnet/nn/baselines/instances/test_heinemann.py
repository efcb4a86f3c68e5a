import math

import pytest
import torch

from mmdnet.nn.baselines.instances.heinemann import between_grades, describe
from mmdnet.nn.baselines.registry import BASELINES
from tests.mmdnet.nn.baselines.toy import bags, model_of


def test_a_bag_is_described_by_shares_entropies_and_mean_grade():
    p = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [9.0, 9.0]]])
    share0, share1, entropy0, entropy1, mean, logarithm = describe(p, torch.tensor([[True, True, True, False]]))[
        0
    ].tolist()
    assert (share0, share1, mean) == pytest.approx((0.5, 0.5, 0.5))
    assert (entropy0, entropy1) == pytest.approx((math.log2(3), math.log2(3)))
    assert logarithm == pytest.approx(math.log(0.501))


def test_a_score_lies_on_the_two_grades_beside_it():
    assert torch.allclose(
        between_grades(torch.tensor([1.25, 3.0]), 4), torch.tensor([[0, 0.75, 0.25, 0], [0, 0, 0, 1.0]])
    )


def test_grades_of_bags_teach_the_score_and_grades_of_patches_the_classifier():
    h, mask, _ = bags(6)
    branch = model_of(BASELINES["heinemann"]).branch("steatosis")
    said = branch(h, mask)
    predicted = branch.prediction(said)
    assert torch.equal(predicted.grade, said.bag.squeeze(-1).round().long())
    assert torch.allclose(predicted.expected, said.bag.squeeze(-1), atol=1e-3)
    (said.bag**2).sum().backward()
    assert branch.head.linear.weight.grad is None
    assert branch.score[0].weight.grad.abs().sum() > 0
