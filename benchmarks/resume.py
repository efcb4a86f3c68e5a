"""A training killed in every epoch and gone on with, against one that was left alone."""

import csv
import tempfile
from pathlib import Path

from benchmarks._cohort import crafted
from benchmarks.result import Result
from mmdnet.bags.splits import split_by_patient
from mmdnet.nn.registry import SMALL
from mmdnet.progress import Progress
from mmdnet.training.config import TrainingConfig
from mmdnet.training.loop import train


class _KillError(BaseException):
    """As hard as a kill can be made from inside."""


def run(quick: bool = False) -> Result:
    """`value` is the largest difference between the two loss curves, all parts of the loss and all epochs."""
    epochs = 3 if quick else 8
    choices = TrainingConfig(
        backbone=SMALL, epochs=epochs, warm_up_epochs=1, bag_size=8, bags_per_epoch=8, projection=64, device="cpu"
    )
    cohort, pixels = crafted(8, 12, 64)
    split = split_by_patient(cohort)

    def killer(at: float) -> Progress:
        def progress(share: float, message: str, /, **numbers: object) -> None:
            if share * epochs >= at:
                raise _KillError

        return progress

    with tempfile.TemporaryDirectory() as home:
        whole, broken = Path(home) / "whole", Path(home) / "broken"
        train(cohort, pixels, choices, split, whole)
        for epoch in range(epochs):
            try:
                train(cohort, pixels, choices, split, broken, killer(epoch + 0.4))
            except _KillError:
                continue
        train(cohort, pixels, choices, split, broken)
        unbroken, resumed = _losses(whole), _losses(broken)
    worst = max(
        abs(a - b) for row, other in zip(unbroken, resumed, strict=True) for a, b in zip(row, other, strict=True)
    )
    return Result(
        "resume",
        worst,
        "largest difference of a loss",
        {"reach": 1e-6, "reach_is": "most", "unrounded": worst, "epochs": epochs, "kills": epochs},
    )


def _losses(folder: Path) -> list[list[float]]:
    with (folder / "metrics.csv").open() as file:
        return [[float(v) for k, v in row.items() if v and k.startswith("loss")] for row in csv.DictReader(file)]
