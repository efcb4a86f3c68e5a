import torch
from torchmil import models

from mmdnet.nn.baselines.contract import BagTargets
from mmdnet.nn.baselines.pooling.dsmil import DSMIL
from tests.mmdnet.nn.baselines.oracle import copy, pair, whole_bags


def twins():
    ours, theirs = pair(DSMIL, models.DSMIL)
    copy(theirs.inst_classifier, ours.instance.linear)
    copy(theirs.q_nn, ours.query)
    copy(theirs.bag_classifier, ours.head.linear)
    return ours, theirs


def test_it_says_what_torchmil_says_and_learns_by_the_same_loss():
    ours, theirs = twins()
    h, mask = whole_bags()
    said = ours(h, mask)
    assert torch.allclose(said.logits.squeeze(-1), theirs.predict(h, mask), atol=1e-5)
    assert torch.allclose(said.attention, theirs(h, mask, return_att=True)[1].squeeze(-1), atol=1e-5)
    grades = torch.tensor([0, 1, 1])
    _, parts = theirs.compute_loss(grades, h, mask)
    known = BagTargets(grades, torch.ones(3), torch.full((3, 6), -1), torch.zeros(3, dtype=torch.int64))
    assert torch.allclose(ours.loss(said, known), 0.5 * sum(parts.values()), atol=1e-5)


def test_padding_is_never_the_critical_instance():
    ours, _ = twins()
    h, mask = whole_bags()
    direction = ours.project[0].weight.T @ ours.instance.linear.weight[0].clamp(min=0)
    padded = torch.cat([h, 1000 * direction.expand(3, 2, 12)], dim=1)
    real = torch.cat([mask, torch.zeros(3, 2, dtype=torch.bool)], dim=1)
    assert torch.allclose(ours(padded, real).logits, ours(h, mask).logits, atol=1e-5)
