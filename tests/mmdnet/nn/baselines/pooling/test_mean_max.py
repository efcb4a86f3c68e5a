import torch

from mmdnet.nn.baselines.registry import BASELINES
from tests.mmdnet.nn.baselines.toy import bags, model_of


def test_mean_and_maximum_are_over_real_instances():
    h, mask, _ = bags(4)
    for name, rule in (("mean", lambda z: z.mean(dim=0)), ("max", lambda z: z.amax(dim=0))):
        said = model_of(BASELINES[name]).branch("steatosis")(h, mask)
        by_hand = torch.stack([rule(z[real]) for z, real in zip(said.z, mask, strict=True)])
        assert torch.allclose(said.bag, by_hand, atol=1e-6)


def test_the_instance_that_is_largest_everywhere_has_all_the_attention():
    branch = model_of(BASELINES["max"]).branch("steatosis")
    torch.nn.init.eye_(branch.project[0].weight)
    torch.nn.init.zeros_(branch.project[0].bias)
    h = torch.ones(1, 3, 12) * torch.tensor([1.0, 5.0, 2.0])[:, None]
    attention = branch(h, torch.ones(1, 3, dtype=torch.bool)).attention
    assert torch.allclose(attention, torch.tensor([[0.0, 1.0, 0.0]]), atol=1e-5)
