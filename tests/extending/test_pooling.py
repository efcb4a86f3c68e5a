"""docs/extending.md: an instance pooling, through the registry alone."""

import pytest
import torch
from torch import Tensor, nn

from mmdnet.errors import LabError
from mmdnet.nn import registry
from mmdnet.nn.card import Architecture
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.nn.pooling.attention import GatedAttention
from mmdnet.nn.registry import PoolingEntry
from mmdnet.training.config import TrainingConfig, read_config


class MeanPooling(nn.Module):
    """All instances alike."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()

    def forward(self, z: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        attention = mask / mask.sum(dim=1, keepdim=True)
        return torch.einsum("bk,bkf->bf", attention, z), attention


@pytest.fixture
def mean_pooling():
    registry.add_pooling(PoolingEntry("mean", "Mean of all patches", MeanPooling))
    yield
    registry.remove("mean")


def test_a_pooling_is_one_entry(mean_pooling):
    assert read_config({"pooling": "mean"}).pooling == "mean"
    net = MMDNet(Architecture(projection=8, pooling="mean")).eval()
    mask = torch.tensor([[True, True, False], [True, True, True]])
    output = net.from_features(torch.randn(2, 3, net.width), mask)
    assert torch.allclose(output.attention["steatosis"], mask / mask.sum(dim=1, keepdim=True))
    assert net.predict(output)["steatosis"].probabilities.shape == (2, 4)


def test_gated_attention_is_what_a_card_without_a_pooling_means():
    assert TrainingConfig().pooling == Architecture().pooling == "gated_attention"
    assert isinstance(MMDNet(Architecture(projection=8)).head("steatosis").attention, GatedAttention)


def test_an_unknown_pooling_is_refused():
    with pytest.raises(LabError, match="no instance pooling called"):
        MMDNet(Architecture(projection=8, pooling="magic"))
