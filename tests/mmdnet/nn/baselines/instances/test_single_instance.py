import torch

from mmdnet.nn.baselines.registry import BASELINES
from tests.mmdnet.nn.baselines.toy import bags, model_of


def test_the_loss_is_that_of_every_instance_with_its_bags_grade():
    h, mask, targets = bags(5)
    branch, known = model_of(BASELINES["single-instance"]).branch("steatosis"), targets["steatosis"]
    said = branch(h, mask)
    assert torch.allclose(said.logits[0], said.instance_logits[0][mask[0]].mean(dim=0), atol=1e-6)
    by_hand = []
    shares = []
    for logits, real, grade in zip(said.instance_logits, mask, known.grades, strict=True):
        for each in logits[real]:
            step = torch.arange(3)
            bce = torch.nn.functional.binary_cross_entropy_with_logits(each, (grade > step).float(), reduction="none")
            by_hand.append((bce * (grade >= step)).sum() / real.sum())
            shares.append((grade >= step).sum() / real.sum())
    assert torch.allclose(branch.loss(said, known), torch.stack(by_hand).sum() / torch.stack(shares).sum(), atol=1e-5)
