"""[augment-step] What varying a patch as it is read costs, beside the training step it is read for."""

import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks._cohort import crafted
from benchmarks.result import Result, cpu_ms
from mmdnet.augment.on_read import vary
from mmdnet.augment.variation import Variation
from mmdnet.bags.splits import split_by_patient
from mmdnet.nn.registry import PRETRAINED, SMALL
from mmdnet.progress import silent
from mmdnet.slides.geometry import PATCH_PX
from mmdnet.training.batch_loader import BatchLoader, training_variation
from mmdnet.training.check import check
from mmdnet.training.config import TrainingConfig
from mmdnet.training.loop import Run
from mmdnet.training.memory import keep_freed_memory
from mmdnet.training.weighing import loss_weights

REACH = 0.10
ALL = {"stain_variation": "both", "scanner_variation": True}


def run(quick: bool = False) -> Result:
    """`value` is the share of a step of the default backbone that varying its patches takes, with every lever on.

    Processor time of one thread, medians of turns. Beside it the share of the small backbone's step, which is the
    hardest case, and ms a patch of each part.
    """
    torch.set_num_threads(1)
    keep_freed_memory()  # as a training does
    runs = 3 if quick else 9
    usual = _times(PRETRAINED, runs)
    small = _times(SMALL, runs)
    beside = {
        "reach": REACH,
        "reach_is": "most",
        "share_of_small": round(small["all"] / small["step"], 3),
        **{f"ms_per_patch_{name}": round(ms, 2) for name, ms in usual.items()},
        "ms_per_patch_step_small": round(small["step"], 2),
        "side_px": PATCH_PX,
    }
    return Result("augment-step", usual["all"] / usual["step"], f"share of a step of {PRETRAINED}", beside, runs)


def _times(backbone: str, runs: int) -> dict[str, float]:
    """Processor ms a patch of a whole step with every lever on, and of varying it in several ways."""
    common = {"backbone": backbone, "mode": "full", "warm_up_epochs": 0, "device": "cpu", "bag_size": 4, **ALL}
    config = TrainingConfig.model_validate(common)
    cohort, pixels = crafted(8, 24, PATCH_PX)
    split = split_by_patient(cohort)
    with tempfile.TemporaryDirectory() as home:
        training = Run(cohort, pixels, config, split, Path(home), check(cohort, config, split), silent, "")
        bags = training.epoch_plan.sampler.epoch(0)[: config.bags_per_step]
        weights = loss_weights(cohort, bags, config, training.report.trained_tasks, False)
        every = training_variation(cohort, pixels, config, training.epoch_plan.sampler.slides)
        places = np.concatenate([bag.instances for bag in bags])
        images = pixels.read(places)
        slides, sizes = [bag.slide_index for bag in bags], [len(bag.instances) for bag in bags]
        ways = {
            "turned": Variation("none"),
            "usual": Variation(),
            "swap": Variation("swap", False, every.swaps),
            "all": every,
        }
        random = np.random.default_rng(0)
        training.net.train()

        def whole() -> None:
            loader = BatchLoader(cohort, [bags], training.domains, pixels.read, (), random, variation=every)
            (batch,) = loader
            training.stepper.step(batch, weights, 0.1, stored=False, average=False)

        def varied(how: Variation) -> None:
            drawn = how.draw(slides, sizes, random)
            vary(images, drawn.patches, drawn.stains)

        cases = {"step": whole, **{name: lambda how=how: varied(how) for name, how in ways.items()}}
        return cpu_ms(cases, runs=runs, per=len(images))
