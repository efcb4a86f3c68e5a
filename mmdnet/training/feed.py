"""From bags to the tensors of one training step, read ahead on a second thread."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmdnet.augment.on_read import vary
from mmdnet.augment.stain import draw_stains
from mmdnet.bags.cohort import Cohort
from mmdnet.bags.sampler import Bag
from mmdnet.labels.grading import TASKS, UNKNOWN
from mmdnet.nn.mmdnet import Targets

Read = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Batch:
    """Some bags, read.

    Attributes:
        data: what was read of the patches, first those of the bags in order, then the set-aside ones.
        present: (B, K).
        targets: what is known about the bags.
        stains: change of stain of each patch that is still to be made, (n, 3, 4); None where none is.
    """

    data: np.ndarray
    present: Tensor
    targets: Targets
    stains: np.ndarray | None = None

    @property
    def in_bags(self) -> int:
        """How many of the patches read are in bags."""
        return int(self.present.sum())


def build_targets(cohort: Cohort, bags: Sequence[Bag], domains: np.ndarray) -> tuple[Tensor, Targets]:
    """Padding mask and targets of some bags, padded to the largest.

    Args:
        cohort: where the bags' patches are.
        bags: at least one.
        domains: (slides,) domain of each slide, -1 where unknown.
    """
    size = max(len(bag.instances) for bag in bags)
    present = torch.zeros(len(bags), size, dtype=torch.bool)
    instance = torch.full((len(bags), size, len(TASKS)), UNKNOWN, dtype=torch.int64)
    for b, bag in enumerate(bags):
        present[b, : len(bag.instances)] = True
        instance[b, : len(bag.instances)] = torch.from_numpy(cohort.grades[bag.instances].astype(np.int64))
    return present, Targets(
        grades=torch.from_numpy(np.stack([bag.grades for bag in bags])),
        trust=torch.from_numpy(np.stack([bag.trust for bag in bags])).float(),
        instance_grades=instance,
        domains=torch.from_numpy(domains[[bag.slide_index for bag in bags]]),
    )


def batches(
    cohort: Cohort,
    bags: Sequence[Bag],
    domains: np.ndarray,
    read: Read,
    per_step: int,
    extra: Sequence[np.ndarray] = (),
    random: np.random.Generator | None = None,
    stain_here: bool = True,
) -> Iterator[Batch]:
    """Read bags step by step; while one step is computed the next is read.

    Args:
        cohort: slides and patches.
        bags: in the order they are to come.
        domains: (slides,) domain of each slide, -1 where unknown.
        read: gives an array, first axis the patches, for positions in the cohort.
        per_step: bags in a step.
        extra: per step, positions of set-aside patches to go along.
        random: of the augmentation (`mmdnet.augment`); none leaves the patches as they are.
        stain_here: make the change of stain while reading; else it comes with the batch, to be made on a GPU.
    """
    steps = [bags[at : at + per_step] for at in range(0, len(bags), per_step)]

    def prepare(step: int) -> Batch:
        chosen = steps[step]
        present, targets = build_targets(cohort, chosen, domains)
        beside = extra[step] if step < len(extra) else np.empty(0, np.int64)
        data = read(np.concatenate([*(bag.instances for bag in chosen), beside]))
        if random is None:
            return Batch(data, present, targets)
        sizes = [len(bag.instances) for bag in chosen] + [1] * len(beside)  # a set-aside patch is a bag of its own
        stains = draw_stains(len(sizes), random).repeat(sizes, axis=0)
        if stain_here:
            return Batch(vary(data, random, stains), present, targets)
        return Batch(vary(data, random), present, targets, stains)

    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(prepare, 0) if steps else None
        for step in range(len(steps)):
            assert ahead is not None
            batch = ahead.result()
            ahead = reader.submit(prepare, step + 1) if step + 1 < len(steps) else None
            yield batch


def to_device(targets: Targets, device: torch.device) -> Targets:
    return Targets(*(getattr(targets, name).to(device) for name in ("grades", "trust", "instance_grades", "domains")))
