import torch

from mmdnet.nn.baselines.pooling.ibmil import CONFOUNDERS
from mmdnet.nn.baselines.registry import BASELINES
from tests.mmdnet.nn.baselines.toy import SHAPE, bags, model_of


def test_confounders_are_the_centres_of_the_bags_features_and_weights_start_anew():
    branch = model_of(BASELINES["ibmil"]).branch("steatosis")
    before = branch.project[0].weight.clone()
    groups = torch.randn(3, SHAPE.projection) * 10
    branch.begin_stage(groups.repeat(5, 1), seed=0)
    assert branch.present.tolist() == [True] * 3 + [False] * (CONFOUNDERS - 3)
    found = torch.cdist(groups, branch.dictionary[:3]).amin(dim=1)
    assert torch.allclose(found, torch.zeros(3), atol=1e-3)
    assert not torch.equal(before, branch.project[0].weight)


def test_the_grade_is_read_from_the_bag_beside_its_attended_confounders():
    h, mask, _ = bags(4)
    branch = model_of(BASELINES["ibmil"]).branch("steatosis")
    said = branch(h, mask)
    alone = said.bag @ branch.head.linear.weight[:, : SHAPE.projection].T + branch.head.linear.bias
    assert torch.allclose(said.logits, alone, atol=1e-6)
    branch.begin_stage(torch.randn(20, SHAPE.projection), seed=0)
    said = branch(h, mask)
    share = (branch.query(said.bag) @ branch.key(branch.dictionary).T / SHAPE.hidden**0.5).softmax(dim=1)
    both = torch.cat([said.bag, share @ branch.dictionary], dim=1)
    assert torch.allclose(said.logits, branch.head(both), atol=1e-6)
