"""An epoch on stored features."""

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks._cohort import Pixels
from benchmarks.result import Result
from mmdnet.bags.cohort import Cohort, SlideInfo
from mmdnet.bags.splits import Split
from mmdnet.training.check import check
from mmdnet.training.choices import TrainingChoices
from mmdnet.training.loop import Run

REACH_S = 5.0


def run(quick: bool = False) -> Result:
    """One epoch of 4,000 bags of 16 patches (quick: 400), sampling, training and checkpoint; `value` is wall time."""
    slides = 50 if quick else 500
    random = np.random.default_rng(0)
    n = slides * 128
    grades = np.stack([random.integers(0, highest + 1, n) for highest in (2, 3, 3)], axis=1).astype(np.int8)
    infos = tuple(SlideInfo(s, f"p{s}", "", f"scanner {s % 3}", "H&E", simulated=True) for s in range(slides))
    cohort = Cohort(infos, np.arange(n), np.repeat(np.arange(slides), 128), grades, np.zeros(n, bool))
    choices = TrainingChoices(mode="fast", warm_up_epochs=0, bags_per_epoch=8 * slides, bags_per_step=32, device="cpu")
    split = Split(tuple(range(slides)))
    with tempfile.TemporaryDirectory() as home:
        report = check(cohort, choices, split)
        training = Run(
            cohort, Pixels(np.empty((n, 0), np.uint8)), choices, split, Path(home), report, lambda f: None, ""
        )
        training.stored = random.normal(size=(n, training.net.width)).astype(np.float32)
        start, processor = time.perf_counter(), time.process_time()
        training.epoch()
        seconds, processor_s = time.perf_counter() - start, time.process_time() - processor
    beside = {
        "reach": REACH_S,
        "reach_is": "most",
        "processor_s": round(processor_s, 2),
        "bags": 8 * slides,
        "bags_per_step": 32,
    }
    return Result("fast", seconds, "s", beside)
