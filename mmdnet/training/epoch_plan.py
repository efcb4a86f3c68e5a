"""What the epochs of a training are made of: bags, single patches to warm up on, set-aside patches beside them."""

from collections.abc import Sequence

import numpy as np

from mmdnet.bags.bag import Bag, natural_bags, with_ignored
from mmdnet.bags.cohort import Cohort
from mmdnet.bags.sampler import PositiveFirstSampler
from mmdnet.bags.single import SinglePatches
from mmdnet.bags.splits import Split
from mmdnet.training.config import TrainingConfig

IGNORED_SHARE = 1 / 8  # set-aside patches beside those in bags, for the quality gate
WARM_UP_BATCH = 16  # single patches in a step: more, smaller steps learn faster from scratch


class EpochPlan:
    """Every draw depends on the seed and the epoch's number alone.

    Args:
        cohort: slides and patches.
        split: which slides train and validate.
        config: how.
        warm_up: epochs on single patches.

    Attributes:
        validation: natural bags of the validation part.
        set_aside: positions of the training part's set-aside patches, none where the quality gate is not trained.

    Raises:
        LabError: none of the training slides has patches with a label.
    """

    def __init__(self, cohort: Cohort, split: Split, config: TrainingConfig, warm_up: int) -> None:
        self.cohort, self.split, self.config, self.warm_up = cohort, split, config, warm_up
        self.sampler = PositiveFirstSampler(
            cohort, split.train, config.bag_size, config.seed, config.bags_per_epoch,
            config.domain_key if config.balance else "none", config.natural_share if config.balance else 1.0,
            config.bag_drawing, config.unsteered_fraction,
        )  # fmt: skip
        self.validation = self.natural(split.validation)
        of_train = np.isin(cohort.slide_index, list(split.train))
        self.set_aside = np.flatnonzero(cohort.ignored & of_train) if config.ignore_weight else np.empty(0, np.int64)

    def epoch(self, number: int) -> tuple[list[Bag], int]:
        """An epoch's bags and how many make a step; while warming up, as many single patches as bags would hold."""
        if number >= self.warm_up:
            return self._with_ignored(self.sampler.epoch(number), number), self.config.bags_per_step
        single = SinglePatches(self.cohort, self.split.train, self.config.seed, self.config.balance)
        return single.epoch(number, self.config.bag_size * self.sampler.bags_per_epoch), WARM_UP_BATCH

    def natural(self, slides: Sequence[int]) -> list[Bag]:
        """All patches of these slides that something is known about, each once, to judge by."""
        bags = natural_bags(self.cohort, slides, self.config.bag_size)
        return self._with_ignored(bags, self.config.epochs)  # a draw no epoch of training makes

    def _with_ignored(self, bags: list[Bag], number: int) -> list[Bag]:
        if not self.config.ignored_task:
            return bags
        return with_ignored(self.cohort, bags, np.random.default_rng((self.config.seed, 23, number)))

    def beside(self, steps: int, number: int) -> list[np.ndarray]:
        """Set-aside patches to go along with each step of an epoch, for the quality gate."""
        if not len(self.set_aside):
            return []
        random = np.random.default_rng((self.config.seed, 11, number))
        patches = WARM_UP_BATCH if number < self.warm_up else self.config.bag_size * self.config.bags_per_step
        count = min(len(self.set_aside), max(1, round(patches * IGNORED_SHARE)))
        return [random.choice(self.set_aside, count, replace=False) for _ in range(steps)]

    def phase_share(self, epochs_done: float) -> float:
        """Share of the present phase done: warm-up and the training on bags each have their own schedule."""
        warm, total = self.warm_up, self.config.epochs
        return epochs_done / warm if epochs_done < warm else (epochs_done - warm) / (total - warm)
