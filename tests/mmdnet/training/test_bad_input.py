"""What cannot be trained on is refused in a sentence, before hours are lost."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import save_file

from mmdnet.bags.cohort import Cohort, SlideInfo
from mmdnet.bags.splits import Split, kfold
from mmdnet.errors import LabError
from mmdnet.nn.card import Architecture
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.training.check import check
from mmdnet.training.checkpoint import CHECKPOINT
from mmdnet.training.config import TrainingConfig
from mmdnet.training.loop import train

ALL = Split(tuple(range(6)))


def config(**more) -> TrainingConfig:
    return TrainingConfig(**{"device": "cpu", "epochs": 1, "warm_up_epochs": 0, "projection": 16} | more)


def test_a_bag_of_nothing():
    net = MMDNet(Architecture(projection=16))
    with pytest.raises(LabError, match="holds no patch"):
        net.from_features(torch.zeros(2, 3, net.width), torch.tensor([[True] * 3, [False] * 3]))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_features_that_are_no_numbers(value):
    net = MMDNet(Architecture(projection=16))
    h = torch.randn(2, 3, net.width)
    h[1, 2, 5] = value
    with pytest.raises(LabError, match="not finite"):
        net.from_features(h, torch.ones(2, 3, dtype=torch.bool))


def test_one_class(crafted):
    cohort = replace(crafted.cohort, grades=np.ones_like(crafted.cohort.grades))
    with pytest.raises(LabError, match="no task with two different grades"):
        check(cohort, config(), ALL)


def test_a_domain_with_one_slide_is_told(crafted):
    slides = crafted.cohort.slides
    cohort = replace(crafted.cohort, slides=(replace(slides[0], scanner="rare"), *slides[1:]))
    assert any("single slide" in warning and "rare" in warning for warning in check(cohort, config(), ALL).warnings)


def test_a_label_outside_the_scale():
    with pytest.raises(LabError, match="graded 0 to 2, but a label says 3"):
        Cohort((SlideInfo(0, "p"),), np.arange(1), np.zeros(1, int), np.array([[3, 0, 0]], np.int8), np.zeros(1, bool))


def test_a_fold_that_cannot_be_made(crafted):
    with pytest.raises(LabError, match="7 folds cannot be made of 6 patients"):
        kfold(crafted.cohort, 7)


def test_weights_of_another_backbone(crafted, tmp_path):
    save_file({"conv1.weight": torch.zeros(3)}, tmp_path / "resnet.safetensors")
    with pytest.raises(LabError, match=r"do not fit the backbone .small."):
        check(crafted.cohort, config(weights=tmp_path / "resnet.safetensors"), ALL)


def test_a_damaged_checkpoint(crafted, tmp_path):
    (tmp_path / CHECKPOINT).write_bytes(b"not a checkpoint")
    with pytest.raises(LabError, match="damaged; start this training anew"):
        train(crafted.cohort, crafted.pixels, config(), ALL, tmp_path)


def test_too_little_memory_and_the_way_out(crafted, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=5 * 2**20))
    with pytest.raises(LabError, match="Choose fewer patches at once"):
        check(crafted.cohort, config(), ALL)
    assert check(crafted.cohort, config(microbatch_size=4), ALL).lines


def test_too_few_slides_in_a_step_is_told(crafted):
    assert not any("slides only" in warning for warning in check(crafted.cohort, config(), ALL).warnings)
    assert any("bags of 2 slides only" in w for w in check(crafted.cohort, config(bags_per_step=2), ALL).warnings)


def test_both_ways_to_start_a_backbone_at_once():
    with pytest.raises(ValueError, match="choose one of the two"):
        config(weights="a.safetensors", pretrain_epochs=2)
