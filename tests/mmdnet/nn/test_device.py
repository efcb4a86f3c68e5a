import pytest
import torch

from mmdnet.errors import LabError
from mmdnet.nn.device import best_device


@pytest.mark.parametrize(("cuda", "mps", "taken"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_automatic_takes_the_best_there_is(monkeypatch, cuda, mps, taken):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert best_device() == taken


def test_a_device_that_is_not_here_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert best_device("cpu") == "cpu"
    for wanted in ("cuda:1", "tpu"):
        with pytest.raises(LabError, match=f"no device called {wanted}"):
            best_device(wanted)
