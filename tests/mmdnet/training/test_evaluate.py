import numpy as np
import pytest
import torch

from mmdnet.bags.bag import natural_bags
from mmdnet.errors import LabError
from mmdnet.nn.card import Architecture
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.training.evaluate import evaluate, pixels_to_features, store_features

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return MMDNet(Architecture(projection=16, patch_px=48))


def test_stored_features_are_judged_as_pixels_are(crafted, net):
    bags = natural_bags(crafted.cohort, range(6), 4)
    by_pixels = evaluate(net, crafted.cohort, bags, crafted.pixels.read, pixels_to_features(net, CPU), ("steatosis",))
    stored = store_features(net, crafted.cohort, crafted.pixels, CPU, lambda message: None)
    by_store = evaluate(net, crafted.cohort, bags, lambda rows: stored[rows], torch.from_numpy, ("steatosis",))
    assert by_pixels == pytest.approx(by_store, abs=1e-4)
    assert {"kappa_steatosis", "kappa_mean", "loss"} <= set(by_pixels)
    assert "kappa_ballooning" not in by_pixels


def test_no_bags_are_no_figures(crafted, net):
    assert evaluate(net, crafted.cohort, [], crafted.pixels.read, pixels_to_features(net, CPU), ("steatosis",)) == {}


def test_damaged_weights_are_found_before_heads_learn_from_them(crafted):
    torch.manual_seed(0)
    broken = MMDNet(Architecture(projection=16, patch_px=48))
    with torch.no_grad():
        next(broken.backbone.parameters()).fill_(float("nan"))
    with pytest.raises(LabError, match="not finite"):
        store_features(broken, crafted.cohort, crafted.pixels, CPU, lambda message: None)
    assert not np.isnan(crafted.pixels.images).any()
