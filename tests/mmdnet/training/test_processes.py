import csv
import os

import numpy as np
import pytest
import torch

from mmdnet.bags.splits import Split
from mmdnet.errors import LabError
from mmdnet.training.config import TrainingConfig
from mmdnet.training.loop import train
from mmdnet.training.processes import sharing


def curve(folder) -> np.ndarray:
    with (folder / "metrics.csv").open() as file:
        return np.array(
            [[float(v) for k, v in row.items() if k.startswith("loss") and v] for row in csv.DictReader(file)]
        )


def config(processes: int, **more) -> TrainingConfig:
    return TrainingConfig(
        **{"epochs": 2, "warm_up_epochs": 0, "bag_size": 4, "bags_per_epoch": 10, "projection": 16, "device": "cpu"}
        | {"backbone": "small"}
        | {"processes": processes, "domain_key": "scanner"}
        | more
    )


@pytest.mark.slow
def test_two_processes_train_as_one_does_dropout_and_augmentation_included(craft, tmp_path):
    small = craft(slides=2)
    cohort, pixels = small.cohort, small.pixels
    for processes in (1, 2):
        train(cohort, pixels, config(processes), Split((0, 1)), tmp_path / str(processes))
    of_one, of_two = curve(tmp_path / "1"), curve(tmp_path / "2")
    assert of_one.shape[1] >= 6
    assert np.abs(of_one - of_two).max() < 1e-3
    assert not torch.distributed.is_initialized()
    # one process may go on with what two began
    assert train(cohort, pixels, config(1), Split((0, 1)), tmp_path / "2").epochs == 2


def test_a_process_without_bags_is_refused():
    with pytest.raises(ValueError, match="more bags per step"):
        config(3)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    from mmdnet.training.processes import sharing

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(LabError, match="need 2 GPUs"), sharing(config(2), None, "cuda", print):
        pass


class DiesWhenTaken:
    """Something to hand over that ends the process which takes it."""

    def __init__(self):
        self.pixels = b"much" * 100_000

    def __setstate__(self, state):
        os._exit(3)


def test_a_process_that_dies_at_its_start_is_told_at_once():
    """With much to hand over: more than a pipe holds."""
    with pytest.raises(LabError, match="could not start"), sharing(config(2), DiesWhenTaken(), "cpu", print):
        pass
