"""A training step beside the bare forward and backward pass of its backbone on the same patches."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks._cohort import crafted
from benchmarks.result import Result, cpu_ms
from mmdnet.bags.splits import split_by_patient
from mmdnet.nn.registry import PRETRAINED, SMALL
from mmdnet.progress import silent
from mmdnet.slides.geometry import PATCH_PX
from mmdnet.training.batch_loader import BatchLoader
from mmdnet.training.check import check
from mmdnet.training.config import TrainingConfig
from mmdnet.training.loop import Run
from mmdnet.training.memory import keep_freed_memory
from mmdnet.training.weighing import loss_weights

REACH, REACH_SMALL = 0.92, 0.90
PAPER = "resnet50"
COMMON: dict[str, Any] = {"mode": "full", "warm_up_epochs": 0, "device": "cpu"}


def run(quick: bool = False) -> Result:
    """`value` is the bare pass's share of the whole step; reading, augmentation, heads, losses, optimiser are the rest.

    Of the default backbone trained as a whole, at a bag size of 4; beside it the small one, the hardest case, and the
    smallest of the paper's. Processor time of one thread, medians of alternating runs. Quick: without the paper's.
    """
    torch.set_num_threads(1)
    keep_freed_memory()  # as a training does
    runs = 2 if quick else 5
    usual = _times(TrainingConfig(backbone=PRETRAINED, bag_size=4, bags_per_step=4, **COMMON), runs)
    small = _times(TrainingConfig(backbone=SMALL, bag_size=4 if quick else 16, bags_per_step=4, **COMMON), runs)
    beside: dict[str, Any] = {
        "reach": REACH,
        **{f"{name}_ms_per_patch": round(ms, 2) for name, ms in usual.items()},
        **{f"{SMALL}_{name}_ms_per_patch": round(ms, 2) for name, ms in small.items()},
        "also": {f"share of {SMALL}'s": (round(small["bare"] / small["step"], 3), "least", REACH_SMALL)},
    }
    if not quick:
        paper = _times(TrainingConfig(backbone=PAPER, bag_size=4, bags_per_step=4, **COMMON), runs)
        beside[f"share_of_{PAPER}"] = round(paper["bare"] / paper["step"], 3)
    return Result("step", usual["bare"] / usual["step"], "share of the step", beside, runs)


def _times(config: TrainingConfig, runs: int) -> dict[str, float]:
    """Processor ms a patch of a whole step, and of its backbone's bare forward and backward pass."""
    cohort, pixels = crafted(8, 24, PATCH_PX)
    split = split_by_patient(cohort)
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as home:
        training = Run(cohort, pixels, config, split, Path(home), check(cohort, config, split), silent, "")
        bags = training.epoch_plan.sampler.epoch(0)[: config.bags_per_step]
        weights = loss_weights(cohort, bags, config, training.report.trained_tasks, False)
        images = torch.rand(sum(len(bag.instances) for bag in bags), 3, PATCH_PX, PATCH_PX)
        images = images.contiguous(memory_format=torch.channels_last)  # what the backbones like best
        training.net.train()

        def whole() -> None:
            (batch,) = BatchLoader(cohort, [bags], training.domains, pixels.read, (), random)
            training.stepper.step(batch, weights, 0.1, stored=False, average=False)

        def bare() -> None:
            training.net.backbone(images).sum().backward()
            training.optimizer.zero_grad(set_to_none=True)

        return cpu_ms({"step": whole, "bare": bare}, runs=runs, per=len(images))
