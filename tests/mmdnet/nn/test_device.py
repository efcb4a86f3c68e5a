import pytest
import torch

from mmdnet.errors import LabError
from mmdnet.nn import device
from mmdnet.nn.device import best_device, no_accelerator


@pytest.mark.parametrize(("cuda", "mps", "taken"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_automatic_takes_the_best_there_is(monkeypatch, cuda, mps, taken):
    monkeypatch.setattr(device, "no_accelerator", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert best_device() == taken


def test_a_device_that_is_not_here_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert best_device("cpu") == "cpu"
    for wanted in ("cuda:1", "tpu"):
        with pytest.raises(LabError, match=f"no device called {wanted}"):
            best_device(wanted)


@pytest.mark.parametrize("built_for, platform, driver, alone", [
    ("cu132", "linux", False, True), ("cpu", "linux", False, True), ("cu132", "linux", True, False),
    ("rocm7", "linux", False, False), ("xpu", "linux", False, False), ("cpu", "darwin", False, False), ("", "linux", False, False),
])  # fmt: skip
def test_only_where_no_gpu_can_be_reached_torch_need_not_be_asked(monkeypatch, built_for, platform, driver, alone):
    def load(name):
        if not driver:
            raise OSError(name)

    monkeypatch.setattr(device, "torch_version", lambda: "2.0.0" + ("+" if built_for else "") + built_for)
    monkeypatch.setattr(device.sys, "platform", platform)
    monkeypatch.setattr(device.ctypes, "CDLL", load)
    assert no_accelerator.__wrapped__() is alone


def test_what_is_known_without_torch_is_what_torch_finds():
    if no_accelerator():
        assert not torch.cuda.is_available() and not torch.backends.mps.is_available()
