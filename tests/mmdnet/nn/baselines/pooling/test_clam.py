from dataclasses import replace

import torch
from torch.nn import functional as F
from torchmil.models import CLAM_SB

from mmdnet.nn.baselines.contract import BagTargets
from mmdnet.nn.baselines.pooling.clam import BAG_WEIGHT, ClamSB
from mmdnet.nn.baselines.registry import BASELINES
from tests.mmdnet.nn.baselines.oracle import copy, pair, whole_bags
from tests.mmdnet.nn.baselines.toy import bags, model_of


def test_it_says_what_torchmil_says():
    ours, theirs = pair(ClamSB, CLAM_SB, gated=True)
    copy(theirs.pool.fc1, ours.pool.tanh)
    copy(theirs.pool.fc_gated, ours.pool.gate)
    copy(theirs.pool.fc2, ours.pool.score)
    copy(theirs.classifier, ours.head.linear)
    h, mask = whole_bags()
    logits, scores = theirs(h, mask, return_att=True)
    said = ours(h, mask)
    assert torch.allclose(said.logits.squeeze(-1), logits, atol=1e-5)
    assert torch.allclose(said.attention, scores.softmax(dim=1), atol=1e-5)


def test_the_clustering_loss_is_on_the_most_and_least_attended_half():
    h, mask, targets = bags(1, instances=6)
    mask[:] = True
    branch, known = model_of(BASELINES["clam-sb"]).branch("steatosis"), targets["steatosis"]
    said = branch(h, mask)
    order = said.attention[0].argsort(descending=True)
    grade = int(known.grades)
    logits = branch.clusters(said.z[0])[order, 2 * grade : 2 * grade + 2]
    by_hand = F.cross_entropy(logits, torch.tensor([1, 1, 1, 0, 0, 0]))
    assert torch.allclose(branch.clustering_loss(said, known), by_hand, atol=1e-6)
    whole = BAG_WEIGHT * branch.head.loss(said.logits, known.grades, known.weights) + (1 - BAG_WEIGHT) * by_hand
    assert torch.allclose(branch.loss(said, known), whole, atol=1e-6)


def test_a_bag_of_one_instance_and_one_without_grade_have_no_clustering_loss():
    h, mask, targets = bags(2)
    mask[:, 1:] = False
    branch, known = model_of(BASELINES["clam-mb"]).branch("steatosis"), targets["steatosis"]
    assert branch.clustering_loss(branch(h, mask), known) == 0
    unknown: BagTargets = replace(known, grades=torch.full((2,), -1))
    assert branch.clustering_loss(branch(h, torch.ones_like(mask)), unknown) == 0


def test_many_branches_read_each_logit_from_an_attention_of_its_own():
    h, mask, _ = bags(3)
    branch = model_of(BASELINES["clam-mb"]).branch("steatosis")
    before = branch(h, mask).logits
    with torch.no_grad():
        branch.score.weight[1] += 3
    changed = branch(h, mask).logits != before
    assert changed[:, 1].all()
    assert not changed[:, [0, 2]].any()
