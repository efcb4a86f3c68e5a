"""From nothing to a network that grades: the product's own choices on simulated slides, two cores."""

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._cohort import simulated
from benchmarks.result import Result
from mmdnet.bags.splits import split_by_patient
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.training.choices import read_choices
from mmdnet.training.loop import train

SLIDES, SEED = 30, 1
REACH_MEAN, REACH_EACH, REACH_MIN = 0.80, 0.65, 20.0


def run(quick: bool = False) -> Result:
    """Train on 30 simulated slides of 15 patients with the product's choices, then with bag labels alone.

    `value` is the mean quadratic kappa over the tasks on the natural bags of validation patients. Always answering with
    the majority grade has a kappa of 0. Times are of the training; drawing the slides comes before.
    """
    cohort, pixels = simulated(6 if quick else SLIDES, SEED)
    split = split_by_patient(cohort)
    found: dict[str, dict[str, Any]] = {}
    ways: dict[str, dict[str, Any]] = {
        "product": {},
        "bag_labels_alone": {"warm_up_epochs": 0, "aux_instance_weight": 0.0},
    }
    for name, given in ways.items():
        choices = read_choices({"device": "cpu"} | ({"epochs": 2} if quick else {}) | given)
        with tempfile.TemporaryDirectory() as home:
            start, processor = time.perf_counter(), time.process_time()
            card = train(cohort, pixels, choices, split, Path(home))
            minutes = (time.perf_counter() - start) / 60
            processor_min = (time.process_time() - processor) / 60
        found[name] = {
            f"{part}_{key}": round(value, 3)
            for part, numbers in card.metrics.items()
            for key in ("kappa_mean", *(f"kappa_{task}" for task in TASK_NAMES))
            if (value := numbers.get(key)) is not None
        } | {"minutes": round(minutes, 1), "processor_min": round(processor_min, 1), "epochs": card.epochs}
    beside = {"majority_grade": 0.0, "reach_mean": REACH_MEAN, "reach_each": REACH_EACH, "reach_min": REACH_MIN} | found
    return Result("learn-cpu", found["product"].get("validation_kappa_mean"), "mean quadratic kappa", beside)
