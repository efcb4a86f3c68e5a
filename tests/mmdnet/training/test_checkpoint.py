import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mmdnet.errors import LabError
from mmdnet.training.checkpoint import CHECKPOINT, load_checkpoint, save_checkpoint
from mmdnet.training.run_state import RunState


@pytest.fixture
def saved(tmp_path):
    """A layer that made one step, its optimiser, and where they are kept."""
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    state = RunState({"choices": {"a": 1}}, epoch=2, best_epoch=1, best_score=(0.5, -1.0), history=[{"epoch": 1}])
    save_checkpoint(tmp_path, {"net": layer.state_dict(), "ema": layer.state_dict()}, optimizer, state)
    return layer, optimizer, tmp_path


def test_it_comes_back_as_it_was(saved):
    layer, optimizer, folder = saved
    kept = load_checkpoint(folder, {"choices": {"a": 1}})
    assert (kept.state.epoch, kept.state.best_score, kept.state.history) == (2, (0.5, -1.0), [{"epoch": 1}])
    assert all(torch.equal(value, kept.tensors["ema"][key]) for key, value in layer.state_dict().items())
    other = torch.optim.AdamW(torch.nn.Linear(3, 2).parameters(), lr=0.7)
    other.load_state_dict(kept.optimizer)
    for number, values in optimizer.state_dict()["state"].items():
        assert all(torch.equal(value, other.state_dict()["state"][number][key]) for key, value in values.items())
    assert other.param_groups[0]["lr"] == 0.1


def test_parts_by_their_former_names_are_read(saved):
    layer, _, folder = saved
    with safe_open(folder / CHECKPOINT, framework="pt") as file:
        header = file.metadata()
        tensors = {key.replace("ema.", "mean."): file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    save_file(tensors | {"spread.steatosis": torch.ones(())}, folder / CHECKPOINT, header)
    kept = load_checkpoint(folder, {"choices": {"a": 1}})
    assert torch.equal(kept.tensors["ema"]["weight"], layer.weight)
    assert kept.tensors["log_variance"]["steatosis"] == 1


def test_an_earlier_builds_identity_is_compared_in_todays_form(saved):
    folder = saved[2]
    with pytest.raises(LabError, match="another choices"):
        load_checkpoint(folder, {"choices": {"b": 1}})
    assert load_checkpoint(folder, {"choices": {"b": 1}}, lambda kept: {"choices": {"b": kept["choices"]["a"]}})


def test_nothing_begun_is_nothing_kept(tmp_path):
    assert load_checkpoint(tmp_path, {}) is None


def test_a_header_that_lacks_the_state_is_damage(saved):
    folder = saved[2]
    save_file({"net.weight": torch.ones(1)}, folder / CHECKPOINT, {"groups": json.dumps([])})
    with pytest.raises(LabError, match="damaged"):
        load_checkpoint(folder, {})
