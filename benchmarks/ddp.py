"""Two processes against one with the same global batch: the same training?"""

import csv
import tempfile
import time
from pathlib import Path

from benchmarks._cohort import crafted
from benchmarks.result import Result
from mmdnet.bags.splits import split_by_patient
from mmdnet.nn.registry import SMALL
from mmdnet.training.config import TrainingConfig
from mmdnet.training.loop import train

REACH = 1e-3


def run(quick: bool = False) -> Result:
    """Train the same bags with one process and with two (gloo on the CPU), warm-up, augmentation and dropout included.

    `value` is the largest difference between the two curves: all parts of the loss and all kappas, all epochs.
    """
    epochs = 3 if quick else 6
    cohort, pixels = crafted(10, 16, 64)
    split = split_by_patient(cohort)
    curves, wall_s = [], {}
    with tempfile.TemporaryDirectory() as home:
        for processes in (1, 2):
            choices = TrainingConfig(
                backbone=SMALL, epochs=epochs, warm_up_epochs=1, bag_size=8, bags_per_epoch=16, projection=64,
                device="cpu", processes=processes,
            )  # fmt: skip
            folder = Path(home) / str(processes)
            start = time.perf_counter()
            train(cohort, pixels, choices, split, folder)
            wall_s[f"{processes}_processes_s"] = round(time.perf_counter() - start, 1)
            curves.append(_curve(folder))
    worst = max(abs(a - b) for row, other in zip(*curves, strict=True) for a, b in zip(row, other, strict=True))
    return Result(
        "ddp",
        worst,
        "largest difference",
        {"reach": REACH, "reach_is": "most", "unrounded": worst, "epochs": epochs, **wall_s},
    )


def _curve(folder: Path) -> list[list[float]]:
    with (folder / "metrics.csv").open() as file:
        return [
            [float(v) for k, v in row.items() if v and (k.startswith("loss") or "kappa" in k)]
            for row in csv.DictReader(file)
        ]
