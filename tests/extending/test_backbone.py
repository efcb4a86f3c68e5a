"""docs/extending.md: a timm backbone, and an encoder with its own normalisation, through the registry alone."""

import pytest
import torch
from torch import nn

from mmdnet.nn import registry
from mmdnet.nn.backbones import Backbone, create_backbone
from mmdnet.nn.card import Architecture
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.nn.registry import BackboneEntry
from mmdnet.training.config import read_config


class Encoder(Backbone):
    """A tiny encoder made for images of 32 px; its feature is the mean colour it is given."""

    def __init__(self, patch_px: int) -> None:
        super().__init__()
        self.built_for, self.width = patch_px, 3
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        nn.init.dirac_(self.conv.weight)

    def feature_map(self, images: torch.Tensor) -> torch.Tensor:
        assert images.shape[-1] == 32
        return self.conv(images)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.feature_map(images).mean(dim=(2, 3))

    @property
    def cam_layer(self) -> nn.Module:
        return self.conv


@pytest.fixture
def added():
    """Adds entries for the time of a test."""
    names: list[str] = []

    def add(entry: BackboneEntry) -> None:
        registry.add_backbone(entry)
        names.append(entry.name)

    yield add
    for name in names:
        registry.remove(name)


def test_a_timm_backbone_is_one_entry(added):
    added(BackboneEntry("Tiny", "Tiny · for tests", timm="test_convnext"))
    backbone = create_backbone("Tiny", 64)
    assert backbone.name == "Tiny"
    assert backbone(torch.zeros(2, 3, 64, 64)).shape == (2, backbone.width)
    assert read_config({"backbone": "Tiny"}).backbone == "Tiny"


def test_an_encoder_with_its_own_normalisation_and_size_is_one_entry(added):
    mean, std = (0.7, 0.5, 0.6), (0.2, 0.25, 0.1)
    added(BackboneEntry("Enc", "Encoder", factory=Encoder, mean=mean, std=std, input_px=32, weights="the hospital's"))
    net = MMDNet(Architecture(backbone="Enc", patch_px=64, projection=4)).eval()
    assert net.backbone.built_for == 32
    assert (net.architecture.mean, net.architecture.std) == (mean, std)
    colour = torch.tensor([0.9, 0.1, 0.4])
    images = colour.view(1, 3, 1, 1).expand(2, 3, 64, 64)
    wanted = (colour - torch.tensor(mean)) / torch.tensor(std)
    features = []
    net.backbone.register_forward_hook(lambda module, given, output: features.append(output))
    net.embed(images)
    assert torch.allclose(features[0], wanted.expand(2, 3), atol=1e-4)


def test_a_network_keeps_the_normalisation_it_was_trained_with(added):
    added(BackboneEntry("Enc", "Encoder", factory=Encoder, input_px=32, mean=(0.1, 0.1, 0.1)))
    kept = MMDNet(Architecture(backbone="Enc", patch_px=32, projection=4, mean=(0.3, 0.3, 0.3)))
    assert kept.mean.flatten().tolist() == pytest.approx([0.3] * 3)


def test_a_second_entry_of_a_name_and_one_that_says_too_little_are_refused(added):
    with pytest.raises(ValueError, match="already"):
        added(BackboneEntry("small", "Again", factory=Encoder))
    with pytest.raises(ValueError, match="factory"):
        added(BackboneEntry("Nothing", "Nothing"))
