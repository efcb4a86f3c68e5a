"""From bags to the tensors of one training step, read ahead on a second thread."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from mmdnet.augment.on_read import vary
from mmdnet.augment.stain_swap import SlideStain, StainSwaps, measure_stain
from mmdnet.augment.variation import Variation
from mmdnet.bags.bag import Bag
from mmdnet.bags.cohort import Cohort, PixelSource
from mmdnet.labels.grading import TASKS, UNKNOWN
from mmdnet.nn.distributed import rank, world_size
from mmdnet.nn.outputs import Targets
from mmdnet.training.config import TrainingConfig

Read = Callable[[np.ndarray], np.ndarray]
MEASURED_PATCHES = 16  # of a slide, for its stain


@dataclass(frozen=True)
class Batch:
    """Some bags, read.

    Attributes:
        data: what was read of the patches, first those of the bags in order, then the set-aside ones.
        mask: (B, K).
        targets: what is known about the bags.
        stains: change of stain of each patch that is still to be made, (n, 3, 4); None where none is.
    """

    data: np.ndarray
    mask: Tensor
    targets: Targets
    stains: np.ndarray | None = None

    @property
    def in_bags(self) -> int:
        """How many of the patches read are in bags."""
        return int(self.mask.sum())


def in_steps(bags: Sequence[Bag], per_step: int) -> list[Sequence[Bag]]:
    """Bags of each step; a last step of less than half as many joins the one before it."""
    cut = [bags[at : at + per_step] for at in range(0, len(bags), per_step)]
    if len(cut) > 1 and 2 * len(cut[-1]) < per_step:
        cut[-2:] = [[*cut[-2], *cut[-1]]]
    return cut


def build_targets(cohort: Cohort, bags: Sequence[Bag], domains: np.ndarray) -> tuple[Tensor, Targets]:
    """Padding mask and targets of some bags, padded to the largest; a bag's set-aside patches come after its others.

    Args:
        cohort: where the bags' patches are.
        bags: at least one.
        domains: (slides,) domain of each slide, -1 where unknown.
    """
    size = max(len(bag.instances) + len(bag.ignored) for bag in bags)
    mask, ignored_mask = (torch.zeros(len(bags), size, dtype=torch.bool) for _ in range(2))
    instance = torch.full((len(bags), size, len(TASKS)), UNKNOWN, dtype=torch.int64)
    for b, bag in enumerate(bags):
        mask[b, : len(bag.instances) + len(bag.ignored)] = True
        ignored_mask[b, len(bag.instances) : len(bag.instances) + len(bag.ignored)] = True
        instance[b, : len(bag.instances)] = torch.from_numpy(cohort.grades[bag.instances].astype(np.int64))
    return mask, Targets(
        grades=torch.from_numpy(np.stack([bag.grades for bag in bags])),
        label_confidence=torch.from_numpy(np.stack([bag.label_confidence for bag in bags])).float(),
        instance_grades=instance,
        domains=torch.from_numpy(domains[[bag.slide_index for bag in bags]]),
        ignored_mask=ignored_mask,
    )


class BatchLoader:
    """Reads bags step by step; while one step is computed the next is read.

    What is drawn for a patch does not depend on how many processes share a step.

    Args:
        cohort: slides and patches.
        steps: the bags of each step.
        domains: (slides,) domain of each slide, -1 where unknown.
        read: gives an array, first axis the patches, for positions in the cohort.
        extra: per step, positions of set-aside patches to go along.
        random: of the augmentation (`mmdnet.augment`); none leaves the patches as they are.
        stain_here: make the change of stain while reading; else it comes with the batch, to be made on a GPU.
        shared: of several processes each reads its own bags of a step; else each reads all.
        variation: how patches are varied, where `random` is given; its slides are those of the cohort.
    """

    def __init__(
        self,
        cohort: Cohort,
        steps: Sequence[Sequence[Bag]],
        domains: np.ndarray,
        read: Read,
        extra: Sequence[np.ndarray] = (),
        random: np.random.Generator | None = None,
        stain_here: bool = True,
        shared: bool = False,
        variation: Variation | None = None,
    ) -> None:
        self.variation = variation or Variation()
        self.cohort, self.steps, self.domains, self.read = cohort, steps, domains, read
        self.extra, self.random, self.stain_here = extra, random, stain_here
        self.rank, self.world_size = (rank(), world_size()) if shared else (0, 1)

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Batch]:
        """The batches, once: random draws go on where the last one stopped."""
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(self._batch, 0) if self.steps else None
            for step in range(len(self.steps)):
                assert ahead is not None
                batch = ahead.result()
                ahead = reader.submit(self._batch, step + 1) if step + 1 < len(self.steps) else None
                yield batch

    def _batch(self, step: int) -> Batch:
        bags = self.steps[step]
        beside = self.extra[step] if step < len(self.extra) else np.empty(0, np.int64)
        mask, targets = build_targets(self.cohort, bags[self.rank :: self.world_size], self.domains)
        groups = [
            *(np.concatenate([bag.instances, bag.ignored]) for bag in bags),
            *beside[:, None],
        ]  # a set-aside patch is a bag of its own
        own = np.arange(len(groups)) % self.world_size == self.rank
        own[len(bags) :] = np.arange(len(beside)) % self.world_size == self.rank
        sizes = [len(group) for group in groups]
        own_patches = own.repeat(sizes)
        data = self.read(np.concatenate(groups)[own_patches])
        if self.random is None:
            return Batch(data, mask, targets)
        drawn = self.variation.draw([self.cohort.slide_index[group[0]] for group in groups], sizes, self.random)
        stains = None if drawn.stains is None else drawn.stains[own_patches]
        variations = drawn.patches[own_patches]
        if self.stain_here:
            return Batch(vary(data, variations, stains), mask, targets)
        return Batch(vary(data, variations), mask, targets, stains)


def training_variation(cohort: Cohort, pixels: PixelSource, config: TrainingConfig, slides: Sequence[int]) -> Variation:
    """The variation that a configuration asks for.

    Args:
        cohort: slides and patches.
        pixels: in the cohort's order.
        config: `stain_variation`, `scanner_variation`, and the seed of the patches that stains are measured on.
        slides: that train; no other slide's stain is looked at, and none is given another's.
    """
    swaps = None
    if config.stain_variation in ("swap", "both"):
        random = np.random.default_rng((config.seed, 41))
        stains: list[SlideStain | None] = [None] * len(cohort.slides)
        for slide in sorted(slides):
            there = np.flatnonzero((cohort.slide_index == slide) & ~cohort.ignored & ~cohort.synthetic)
            if len(there):
                some = np.sort(random.permutation(there)[:MEASURED_PATCHES])
                stains[slide] = measure_stain(pixels.read(some))
        swaps = StainSwaps([slide.stain for slide in cohort.slides], stains)
    return Variation(config.stain_variation, config.scanner_variation, swaps)


def to_device(targets: Targets, device: torch.device) -> Targets:
    return Targets(*(getattr(targets, field.name).to(device) for field in fields(Targets)))
