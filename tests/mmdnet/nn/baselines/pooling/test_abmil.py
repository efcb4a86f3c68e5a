import torch
from torchmil import models

from mmdnet.nn.baselines.pooling.abmil import ABMIL
from tests.mmdnet.nn.baselines.oracle import copy, pair, whole_bags


def test_it_says_what_torchmil_says():
    ours, theirs = pair(ABMIL, models.ABMIL, gated=True)
    copy(theirs.pool.fc1, ours.pool.tanh)
    copy(theirs.pool.fc_gated, ours.pool.gate)
    copy(theirs.pool.fc2, ours.pool.score)
    copy(theirs.classifier, ours.head.linear)
    h, mask = whole_bags()
    logits, scores = theirs(h, mask, return_att=True)
    said = ours(h, mask)
    assert torch.allclose(said.logits.squeeze(-1), logits, atol=1e-5)
    assert torch.allclose(said.attention, scores.softmax(dim=1), atol=1e-5)
