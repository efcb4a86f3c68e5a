import torch

from mmdnet.nn.baselines.registry import BASELINES
from tests.mmdnet.nn.baselines.toy import bags, model_of


def test_the_variance_is_the_attended_one_unbiased_and_0_for_one_instance():
    h, mask, _ = bags(4)
    mask[0, 1:] = False
    said = model_of(BASELINES["varmil"]).branch("steatosis")(h, mask)
    mean, variance = said.bag.chunk(2, dim=1)
    assert torch.equal(variance[0], torch.zeros_like(variance[0]))
    n = int(mask[1].sum())
    z, a = said.z[1, mask[1]], said.attention[1, mask[1], None]
    assert torch.allclose(mean[1], (a * z).sum(dim=0), atol=1e-6)
    assert torch.allclose(variance[1], n / (n - 1) * (a * (z - mean[1]) ** 2).sum(dim=0), atol=1e-6)


def test_a_bag_of_equal_instances_has_a_finite_gradient():
    branch = model_of(BASELINES["varmil"]).branch("steatosis")
    branch(torch.ones(2, 3, 12), torch.ones(2, 3, dtype=torch.bool)).logits.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in branch.parameters())
