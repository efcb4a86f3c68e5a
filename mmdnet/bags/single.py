"""Single patches for warming a backbone up."""

from collections.abc import Sequence

import numpy as np

from mmdnet.bags.bag import Bag, make_bag
from mmdnet.bags.cohort import Cohort
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASKS

MOST_REPEATS = 4  # of one patch in an epoch of warm-up


class SinglePatches:
    """Bags of one graded patch each, for warming a backbone up: all grades of all tasks alike, slides mixed; or, not
    balanced, as patches come, each as often as any other.

    A patch comes at most about four times an epoch: a grade of few patches comes less often, or they would be learned
    by heart.

    Steps of one slide each do not train a network from scratch (0.33 against 0.75 of patches right); mixed ones do.

    Raises:
        LabError: none of the slides has a graded patch.
    """

    def __init__(self, cohort: Cohort, slides: Sequence[int], seed: int = 0, balanced: bool = True) -> None:
        self.cohort, self.seed, self.balanced = cohort, seed, balanced
        self.rows = rows = np.flatnonzero(cohort.known() & np.isin(cohort.slide_index, list(slides)))
        graded = [[rows[cohort.grades[rows, t] == g.value] for g in task.grades] for t, task in enumerate(TASKS)]
        self.pools = [[pool for pool in of_task if len(pool)] for of_task in graded]
        self.pools = [of_task for of_task in self.pools if len(of_task) > 1] or [p for p in self.pools if p]
        if not self.pools:
            raise LabError("None of the training slides has a graded patch to warm up on.")

    def epoch(self, number: int, count: int) -> list[Bag]:
        """`count` bags of one patch: task by task in turn, a grade at random, then a patch of that grade; or, not
        balanced, all patches in a random order, over and over."""
        random = np.random.default_rng((self.seed, 13, number))
        if not self.balanced:
            rounds = [random.permutation(self.rows) for _ in range(0, count, len(self.rows))]
            return [self._bag(patch) for patch in np.concatenate(rounds)[:count]]
        turns = count / len(self.pools)
        shares = [self._shares(of_task, turns) for of_task in self.pools]
        bags = []
        for turn in range(count):
            of_task, share = self.pools[turn % len(self.pools)], shares[turn % len(self.pools)]
            pool = of_task[random.choice(len(of_task), p=share)]
            bags.append(self._bag(pool[random.integers(len(pool))]))
        return bags

    def _bag(self, patch: int) -> Bag:
        return make_bag(self.cohort, int(self.cohort.slide_index[patch]), np.array([patch]), by_slide=False)

    @staticmethod
    def _shares(of_task: list[np.ndarray], turns: float) -> np.ndarray:
        """How often each grade of a task comes, summing to 1."""
        share = np.minimum(1 / len(of_task), MOST_REPEATS * np.array([len(pool) for pool in of_task]) / max(turns, 1))
        return share / share.sum()
