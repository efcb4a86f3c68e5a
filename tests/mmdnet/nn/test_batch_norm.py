"""A network from random weights is normalised by the lab's own patches, once."""

import pytest
import torch

from mmdnet.nn.batch_norm import fit_batch_norms
from mmdnet.nn.card import Architecture
from mmdnet.nn.mmdnet import MMDNet


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randint(0, 256, (24, 3, 64, 64), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def after_first_norm(net: MMDNet, images: torch.Tensor) -> torch.Tensor:
    seen: list[torch.Tensor] = []
    norm = net.backbone.batch_norms()[0]
    hook = norm.register_forward_hook(lambda module, given, out: seen.append(out.clone()))
    plain = getattr(norm, "act", None)  # timm's norms may end with an activation
    if plain is not None:
        norm.act = torch.nn.Identity()
    with torch.no_grad():
        net.embed(images)
    hook.remove()
    if plain is not None:
        norm.act = plain
    return seen[0]


@pytest.mark.parametrize("backbone", ["resnet10t.c3_in1k", "mobilenetv3_small_050.lamb_in1k"])
def test_what_a_norm_gives_has_mean_0_and_deviation_1_afterwards(backbone, images):
    torch.manual_seed(0)
    net = MMDNet(Architecture(backbone=backbone, patch_px=64)).train()
    before = after_first_norm(net, images).std(dim=(0, 2, 3))
    assert (before - 1).abs().max() > 0.2
    assert fit_batch_norms(net, images.split(8))
    out = after_first_norm(net, images)
    assert out.mean(dim=(0, 2, 3)).abs().max() < 0.05 and (out.std(dim=(0, 2, 3)) - 1).abs().max() < 0.05
    kept = [norm.running_mean.clone() for norm in net.backbone.batch_norms()]
    net.train()
    net.embed(images)
    assert all(torch.equal(a, norm.running_mean) for a, norm in zip(kept, net.backbone.batch_norms(), strict=True))
    assert all(norm.momentum == 0.1 and not norm.training for norm in net.backbone.batch_norms())


def test_a_network_without_batch_normalisation_looks_at_nothing():
    def never():
        raise AssertionError("looked at")
        yield

    assert not fit_batch_norms(MMDNet(Architecture(patch_px=64)), never())
