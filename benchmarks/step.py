"""A training step beside the bare forward and backward pass of its backbone on the same patches."""

import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks._cohort import crafted
from benchmarks.result import Result, cpu_ms
from mmdnet.bags.splits import split_by_patient
from mmdnet.training.check import check
from mmdnet.training.choices import TrainingChoices
from mmdnet.training.feed import batches
from mmdnet.training.loop import Run
from mmdnet.training.weighing import loss_weights

REACH = 0.90


def run(quick: bool = False) -> Result:
    """`value` is the bare pass's share of the whole step; reading, augmentation, heads, losses, optimiser are the rest.

    Processor time of one thread, medians of alternating runs.
    """
    torch.set_num_threads(1)
    choices = TrainingChoices(bag_size=8 if quick else 16, bags_per_step=4, warm_up_epochs=0, device="cpu")
    cohort, pixels = crafted(8, 24, 299)
    split = split_by_patient(cohort)
    with tempfile.TemporaryDirectory() as home:
        training = Run(
            cohort, pixels, choices, split, Path(home), check(cohort, choices, split), lambda facts: None, ""
        )
        bags = training.sampler.epoch(0)[: choices.bags_per_step]
        weights, random = (
            loss_weights(cohort, bags, choices, training.report.trained_tasks, False),
            np.random.default_rng(0),
        )
        images = torch.rand(sum(len(bag.instances) for bag in bags), 3, 299, 299)
        images = images.contiguous(memory_format=torch.channels_last)  # what the backbone likes best
        training.net.train()

        def whole() -> None:
            (batch,) = batches(cohort, [bags], training.domains, pixels.read, (), random)
            training.stepper.step(batch, weights, 0.1, stored=False, average=False)

        def bare() -> None:
            training.net.backbone(images).sum().backward()
            training.optimizer.zero_grad(set_to_none=True)

        taken = cpu_ms({"step": whole, "bare": bare}, runs=3 if quick else 9, per=len(images))
    beside = {"reach": REACH, **{f"{name}_ms_per_patch": round(ms, 2) for name, ms in taken.items()}}
    return Result(
        "step", float(np.clip(taken["bare"] / taken["step"], 0, 1)), "share of the step", beside, 3 if quick else 9
    )
