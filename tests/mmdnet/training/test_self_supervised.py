import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmdnet.errors import LabError
from mmdnet.nn.backbones import create_backbone
from mmdnet.nn.card import Architecture
from mmdnet.nn.io import start_from
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.training.self_supervised import SimSiam, view, warm_up_unlabelled


def test_the_loss_is_the_papers_and_lets_no_gradient_through_the_target():
    torch.manual_seed(0)
    model = SimSiam(MMDNet(Architecture(projection=16))).eval()
    first, second = (torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8) for _ in range(2))
    z1, z2 = (model.project(model.net.embed(images)) for images in (first, second))
    p1, p2 = model.predict(z1), model.predict(z2)
    wanted = -0.5 * (F.cosine_similarity(p1, z2).mean() + F.cosine_similarity(p2, z1).mean())
    assert torch.allclose(model(first, second), wanted, atol=1e-6)
    model.predict.requires_grad_(False)
    for layer in model.predict.modules():
        if isinstance(layer, torch.nn.Linear):
            layer.weight.zero_()
    assert all(p.grad is None or not p.grad.any() for p in model.net.backbone.parameters())


def test_features_of_two_views_come_together_and_those_of_two_patches_do_not(craft, tmp_path):
    patches = craft(slides=8, patches=16, side=48).pixels
    path = warm_up_unlabelled(patches, "small", 4, tmp_path, seed=1)
    net = MMDNet(Architecture(projection=16)).eval()
    start_from(net, path)
    random = np.random.default_rng(0)
    images = patches.read(np.arange(0, 128, 4))
    with torch.no_grad():
        first, second = (
            F.normalize(net.embed(torch.from_numpy(view(images, random)).permute(0, 3, 1, 2))) for _ in range(2)
        )
    likeness = first @ second.T
    assert likeness.diag().mean() > likeness.fill_diagonal_(0).sum() / (32 * 31)
    assert first.std(dim=0).mean() > 0.005  # not all one


def test_a_killed_warm_up_goes_on_to_the_same_weights(craft, tmp_path):
    patches = craft(slides=4, patches=12, side=32).pixels

    def kill(share: float, message: str, /, **numbers) -> None:
        if share < 0.5:
            raise KeyboardInterrupt

    whole = warm_up_unlabelled(patches, "small", 3, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        warm_up_unlabelled(patches, "small", 3, tmp_path / "killed", progress=kill)
    assert warm_up_unlabelled(patches, "small", 3, tmp_path / "killed").read_bytes() == whole.read_bytes()
    assert create_backbone("small", weights=whole).width == 192


def test_too_few_patches_are_refused(craft, tmp_path):
    with pytest.raises(LabError, match="32 patches"):
        warm_up_unlabelled(craft(slides=1, patches=8).pixels, "small", 1, tmp_path)
    assert not list(tmp_path.iterdir())
