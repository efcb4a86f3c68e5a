import json

import pytest
import torch
from safetensors.torch import save_file

from mmdnet.errors import LabError
from mmdnet.nn.card import CARD, Architecture, ModelCard
from mmdnet.nn.io import load_model, save_model, start_from
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.nn.recipe import WEIGHTS


@pytest.fixture
def saved(tmp_path):
    net = MMDNet(Architecture(projection=16, attention_hidden=8, domains=("a", "b"))).eval()
    card = ModelCard(
        name="crafted", **net.architecture.model_dump(), bag_size=16, trained_tasks=("steatosis",),
        label_set_sha256="0", split={"train": [1]}, simulated=True,
    )  # fmt: skip
    return net, save_model(net, tmp_path / "m", card), tmp_path / "m"


def test_a_model_comes_back_as_it_was_saved(saved):
    net, card, folder = saved
    again, read = load_model(folder)
    assert read == card
    assert not again.training
    images = torch.rand(2, 3, 64, 64)
    assert torch.equal(net.embed(images), again.embed(images))


def test_a_truncated_weights_file_is_refused(saved):
    path = saved[2] / WEIGHTS
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(LabError, match="missing or damaged"):
        load_model(saved[2])


def test_one_changed_number_is_noticed(saved):
    path = saved[2] / WEIGHTS
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(LabError, match="not those its card"):
        load_model(saved[2])


def test_weights_of_another_shape_are_refused(saved):
    path = saved[2] / CARD
    path.write_text(json.dumps(json.loads(path.read_text()) | {"projection": 32}))
    with pytest.raises(LabError, match="another network"):
        load_model(saved[2])


@pytest.mark.parametrize("text", ["{", '{"name": "x"}', ""])
def test_a_broken_card_is_refused(saved, text):
    (saved[2] / CARD).write_text(text)
    with pytest.raises(LabError, match="damaged or of another version"):
        load_model(saved[2])


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(LabError, match="no model"):
        load_model(tmp_path)


def test_a_training_may_start_from_a_whole_model_or_from_a_backbone_alone(tmp_path):
    torch.manual_seed(0)
    earlier, fresh = (MMDNet(Architecture(projection=16, domains=d)) for d in (("a", "b"), ("a", "b", "c")))
    save_file(earlier.state_dict(), tmp_path / "whole.safetensors")
    start_from(fresh, tmp_path / "whole.safetensors")
    assert torch.equal(fresh.head("steatosis").project.weight, earlier.head("steatosis").project.weight)
    assert torch.equal(fresh.backbone.stages[0][0].weight, earlier.backbone.stages[0][0].weight)
    assert fresh.domain.layers[-1].out_features == 3
    other = MMDNet(Architecture(projection=16))
    save_file(earlier.backbone.state_dict(), tmp_path / "backbone.safetensors")
    start_from(other, tmp_path / "backbone.safetensors")
    assert torch.equal(other.backbone.stages[0][0].weight, earlier.backbone.stages[0][0].weight)


def test_a_training_does_not_start_from_another_backbone(tmp_path):
    save_file({"backbone.net.stem.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(LabError, match="do not fit"):
        start_from(MMDNet(Architecture(projection=16)), tmp_path / "other.safetensors")
