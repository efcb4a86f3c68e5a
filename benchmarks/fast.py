"""An epoch on stored features."""

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks._cohort import Pixels
from benchmarks.result import Result
from mmdnet.bags.cohort import Cohort, SlideInfo
from mmdnet.bags.splits import Split
from mmdnet.nn.registry import SMALL
from mmdnet.progress import silent
from mmdnet.slides.geometry import PATCH_PX
from mmdnet.training.check import check
from mmdnet.training.config import TrainingConfig
from mmdnet.training.loop import Run
from mmdnet.training.memory import keep_freed_memory

REACH_S = 5.0
BAGS_A_SLIDE = 8
WIDE = "densenet121"  # 1,024 numbers a patch, as most large encoders give


def run(quick: bool = False) -> Result:
    """One epoch of 4,000 bags of 16 patches (quick: 400): drawing bags, training, checkpoint; `value` is wall time.

    Features and network are the small backbone's; beside it the same epoch with features of 1,024 numbers, where a task
    projects them to the paper's 512.
    """
    keep_freed_memory()  # as a training does
    slides = 50 if quick else 500
    small, wide = _epoch(slides, SMALL), _epoch(slides, WIDE)
    beside = {
        "reach": REACH_S,
        "reach_is": "most",
        "bags": BAGS_A_SLIDE * slides,
        "bags_per_step": 32,
        **{key: value for key, value in small.items() if key != "s"},
        **{f"wide_{key}": value for key, value in wide.items()},
    }
    return Result("fast", small["s"], "s", beside)


def _epoch(slides: int, backbone: str) -> dict[str, float]:
    """Wall and processor seconds of an epoch on stored features of that backbone, and their width."""
    random = np.random.default_rng(0)
    n = slides * 128
    grades = np.stack([random.integers(0, highest + 1, n) for highest in (2, 3, 3)], axis=1).astype(np.int8)
    infos = tuple(SlideInfo(s, f"p{s}", "", f"scanner {s % 3}", "H&E", simulated=True) for s in range(slides))
    cohort = Cohort(infos, np.arange(n), np.repeat(np.arange(slides), 128), grades, np.zeros(n, bool))
    config = TrainingConfig(
        mode="fast", backbone=backbone, warm_up_epochs=0, bags_per_epoch=BAGS_A_SLIDE * slides, bags_per_step=32,
        device="cpu",
    )  # fmt: skip
    split = Split(tuple(range(slides)))
    with tempfile.TemporaryDirectory() as home:
        report = check(cohort, config, split)
        training = Run(
            cohort,
            Pixels(np.broadcast_to(np.uint8(0), (n, PATCH_PX, PATCH_PX, 3))),
            config,
            split,
            Path(home),
            report,
            silent,
            "",
        )
        training.stored = random.normal(size=(n, training.net.width)).astype(np.float32)
        start, processor = time.perf_counter(), time.process_time()
        training.epoch()
        seconds, processor_s = time.perf_counter() - start, time.process_time() - processor
    return {"s": round(seconds, 2), "processor_s": round(processor_s, 2), "width": training.net.width}
