import torch

from mmdnet.nn.baselines.pooling.remix import mix, partners, prototypes
from mmdnet.nn.baselines.registry import BASELINES
from tests.mmdnet.nn.baselines.toy import bags, model_of


def test_prototypes_are_the_means_of_tight_groups():
    torch.manual_seed(0)
    centres = 20 * torch.randn(2, 12)
    h = torch.stack([torch.cat([centre + 0.01 * torch.randn(4, 12) for centre in centres])])
    mask = torch.ones(1, 8, dtype=torch.bool)
    means, variances, there = prototypes(h, mask, count=8)
    assert there.all()
    assert torch.cdist(means[0], centres).amin(dim=1).max() < 0.1
    assert variances.max() < 0.01


def test_padding_is_no_prototype():
    h, mask, _ = bags(6)
    means, _, there = prototypes(torch.where(mask.unsqueeze(-1), h, 1e6), mask, count=8)
    assert torch.equal(there.sum(dim=1), mask.sum(dim=1))
    assert means[there].abs().max() < 100


def test_partners_have_the_same_known_grade():
    torch.manual_seed(0)
    grades = torch.tensor([0, 0, 1, 1, 1, -1, -1, 2])
    mixed = 0
    for _ in range(50):
        other = partners(grades)
        assert torch.equal(grades[other], grades)
        assert other[5:].tolist() == [5, 6, 7]
        mixed += int((other[:5] != torch.arange(5)).sum())
    assert 75 < mixed < 175


def test_a_bag_that_is_not_mixed_stays_as_it_is():
    p, there = torch.randn(2, 8, 3), torch.ones(2, 8, dtype=torch.bool)
    mixed, real = mix(p, there, p + 1, torch.ones_like(p), there, torch.tensor([False, False]))
    assert torch.equal(mixed[:, :8], p)
    assert real.sum() == 16


def test_bags_are_reduced_in_training_alone():
    h, mask, targets = bags(6, instances=20)
    branch = model_of(BASELINES["remix"]).branch("steatosis")
    assert branch.augmented(h, mask, targets["steatosis"])[0] is h
    seen, real, known = branch.train().augmented(h, mask, targets["steatosis"])
    assert seen.shape[1] == 16
    assert (real.sum(dim=1) >= mask.sum(dim=1).clamp(max=8)).all()
    assert (known.instance_grades == -1).all()
