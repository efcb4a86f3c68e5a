import torch

from mmdnet.nn.baselines.registry import BASELINES
from tests.mmdnet.nn.baselines.toy import bags, model_of


def test_only_the_higher_half_by_the_filter_is_pooled():
    h, mask, _ = bags(4, instances=7)
    branch = model_of(BASELINES["two-stage"]).branch("steatosis")
    said = branch(h, mask)
    interest = branch.filter(h).squeeze(-1)
    for scores, attention, real in zip(interest, said.attention, mask, strict=True):
        half = (int(real.sum()) + 1) // 2
        kept = scores.masked_fill(~real, -torch.inf).topk(half).indices
        assert set(attention.nonzero().squeeze(1).tolist()) == set(kept.tolist())


def test_the_filter_learns_from_whether_there_is_a_lesion_alone():
    h, mask, targets = bags(6)
    branch = model_of(BASELINES["two-stage"]).branch("steatosis")
    branch(h, mask).logits.sum().backward()
    assert branch.filter[1].weight.grad is None
    branch.auxiliary_loss(branch(h, mask), targets["steatosis"]).backward()
    assert branch.filter[1].weight.grad.abs().sum() > 0
