"""From nothing to a network that grades, on a processor: how long it takes, and how far bag labels alone come.

Whole patches (299 px), small backbone from random weights. What counts is processor time, since wall time on a shared
machine says nothing: 20 minutes of two cores are 40 processor-minutes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmdnet.experiments.ablation import Clock, Metrics, Say, Setting, Took, cohort_of
from mmdnet.files import write_aside
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.nn.registry import SMALL
from mmdnet.simulate.recipes import DRAWN
from mmdnet.slides.geometry import PATCH_PX

LIMIT_MIN = 40.0
REACH_MEAN, REACH_EACH = 0.80, 0.65
COHORT = Setting(slides=64, patch_px=PATCH_PX)
COMMON: Mapping[str, Any] = {
    "backbone": SMALL, "device": "cpu", "projection": 128, "lr_backbone": 2e-3, "class_weight_cap": 3.0,
    "unsteered_fraction": 0.0,
}  # fmt: skip
WAYS: Mapping[str, Mapping[str, Any]] = {
    "with_instance_loss": {"mode": "fast", "warm_up_epochs": 22, "epochs": 60, "patience": 12},
    "bag_labels_alone": {"warm_up_epochs": 0, "aux_instance_weight": 0.0, "epochs": 24, "patience": 24},
}
"""The demo model's training with the choices of before decisions 8 and 9, and the paper's, which uses no grade of a
single patch."""


class WayResult(Took):
    """One way's file; `curve` holds processor-minutes and validation kappas by epoch."""

    metrics: Metrics
    epochs: int
    best_epoch: int | None
    curve: list[dict[str, float]]
    reached_after_processor_min: float | None


def learn(
    folder: Path, ways: Sequence[str] = tuple(WAYS), seed: int = 0, say: Say = lambda line: None
) -> dict[str, WayResult]:
    """Train each way that is not there yet; by way: the best validation kappas, test kappas, and when what was reached.

    Args:
        folder: of slides and results.
        ways: of `WAYS`.
        seed: of split and training.
        say: told after every epoch.

    Raises:
        LabError: a training could not start.
    """
    results = {}
    for way in ways:
        path = folder / "results" / "learn-cpu" / f"{way}-{seed}.json"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_aside(path, json.dumps(_train(folder, way, seed, say), indent=1))
        results[way] = json.loads(path.read_text())
    return results


def _train(folder: Path, way: str, seed: int, say: Say) -> WayResult:
    from mmdnet.bags.splits import split_by_patient
    from mmdnet.training.config import read_config
    from mmdnet.training.loop import train

    cohort, pixels = cohort_of(COHORT, folder)
    work = folder / "runs" / "learn-cpu" / f"{way}-{seed}"
    curve: list[dict[str, float]] = []
    start = time.process_time()

    def progress(share: float, message: str, /, **numbers: Any) -> None:
        if "done" not in message:
            return
        minutes = (time.process_time() - start) / 60
        say(f"{way}: {message} {minutes:.1f} processor-min")
        known = {name: numbers["metrics"].get(f"kappa_{name}") for name in ("mean", *TASK_NAMES)}
        curve.append({"processor_min": round(minutes, 2)} | {k: v for k, v in known.items() if v is not None})

    with Clock() as clock:
        card = train(
            cohort,
            pixels,
            read_config({**COMMON, **WAYS[way], "seed": seed}),
            split_by_patient(cohort, seed),
            work,
            progress,
        )
    return {"metrics": card.metrics, "epochs": card.epochs, "best_epoch": card.best_epoch, "curve": curve,
            "reached_after_processor_min": reached(curve), **clock.took()}  # fmt: skip


def reached(curve: Sequence[dict[str, float]]) -> float | None:
    """Processor-minutes until the mean kappa and that of each drawn task were high enough; None if they never were."""
    good = (
        at["processor_min"]
        for at in curve
        if at.get("mean", 0) >= REACH_MEAN and all(at.get(name, 0) >= REACH_EACH for name in DRAWN)
    )
    return next(good, None)
