import torch

from mmdnet.nn.baselines.registry import BASELINES
from mmdnet.nn.heads import expected_grade
from tests.mmdnet.nn.baselines.toy import bags, model_of


def test_a_bag_is_the_mean_of_its_worst_quarter():
    h, mask, _ = bags(4, instances=8)
    mask[:] = True
    branch = model_of(BASELINES["idars"]).branch("steatosis")
    said = branch(h, mask)
    worst = expected_grade(branch.head.probabilities(said.instance_logits)).argsort(dim=1, descending=True)[:, :2]
    by_hand = torch.stack([logits[rows].mean(dim=0) for logits, rows in zip(said.instance_logits, worst, strict=True)])
    assert torch.allclose(said.logits, by_hand, atol=1e-6)
    assert (said.attention > 0).sum(dim=1).tolist() == [2] * 4


def test_it_learns_from_the_worst_and_as_many_drawn_at_random():
    h, mask, targets = bags(3, instances=8)
    mask[:] = True
    branch = model_of(BASELINES["idars"]).branch("steatosis")
    said = branch(h, mask)
    said.instance_logits.retain_grad()
    branch.loss(said, targets["steatosis"]).backward()
    learnt = said.instance_logits.grad.abs().sum(dim=2) > 0
    assert learnt.sum(dim=1).tolist() == [4] * 3
    assert learnt[said.attention > 0].all()
