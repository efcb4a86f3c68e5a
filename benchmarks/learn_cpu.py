"""From nothing to a network that grades on simulated slides, two cores: see `mmdnet.experiments.processor`."""

from typing import Any

from benchmarks.result import Result
from mmdnet.cli_parts import experiments_folder
from mmdnet.experiments.processor import LIMIT_MIN, REACH_EACH, REACH_MEAN, WAYS, learn
from mmdnet.labels.grading import TASK_NAMES


def run(quick: bool = False) -> Result:
    """64 slides of 32 patients, whole patches; with the auxiliary instance loss, and with bag labels alone.

    `value` is the mean quadratic kappa over the tasks on validation patients' natural bags. A training that is done is
    not done again, and one that was stopped goes on (its times are then those of the last part). Always answering with
    the majority grade has a kappa of 0. Quick: what is known already, and the first way.
    """
    results = learn(experiments_folder(), list(WAYS)[:1] if quick else list(WAYS), say=print)
    beside: dict[str, Any] = {
        "majority_grade": 0.0,
        "reach": REACH_MEAN,
        "reach_each": REACH_EACH,
        "limit_processor_min": LIMIT_MIN,
    }
    for way, result in results.items():
        beside[way] = {
            f"{part}_{name}": round(value, 3)
            for part, numbers in result["metrics"].items()
            for name in ("mean", *TASK_NAMES)
            if (value := numbers.get(f"kappa_{name}")) is not None
        } | {key: result[key] for key in ("reached_after_processor_min", "processor_min", "wall_min", "epochs")}
    value = beside["with_instance_loss"]["validation_mean"]
    return Result("learn-cpu", value, "mean quadratic kappa", beside)
