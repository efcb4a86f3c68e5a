"""The grades a slide's tissue could as well have given: the one object that all that is said of a grade comes from.

Grade, probabilities, continuous score, intervals and the NAS are read off one set of draws, so they cannot disagree.

A grade is the rounding of the slide's own score, and not the most frequent grade of its resamples. On 1,600 crafted
slides of known density both were right alike, but for 400 of little tissue (0.9 of a field): where no event is seen
there, the resamples say "up to three per field", and their most frequent grade was right in 48 and 38 of 100 slides
(ballooning, inflammation), the slide's own in 73 and 63. So where the resamples favour another grade, the slide's own
reading is put among them as often as it takes: at most 13 % of the draws on those slides, and the probability given to
the true grade was the same or better (log loss 0.79 to 0.71 and 0.93 to 0.89 on little tissue, unchanged elsewhere).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mmdnet.labels.grading import TASKS, task
from mmdnet.scoring.aggregate import round_to_grade

LOW, HIGH = 0.05, 0.95  # a 90 % interval
LEAD = 0.01  # by how much of the draws a grade leads the next: bars are shown in whole per cents
ACTIVE_NAS = 4


@dataclass(frozen=True)
class NasEstimate:
    """The sum of the three grades.

    Attributes:
        nas: the sum.
        expected: the mean of the draws' sums, which is the sum of `at_least` over 1 to the highest.
        interval: 90 %, whole numbers.
        at_least: probability of a NAS of k or more, for k from 0 to the highest.
        p_active: probability of NAS >= 4 with every feature at least 1.
    """

    nas: int
    expected: float
    interval: tuple[int, int]
    at_least: tuple[float, ...]
    p_active: float


@dataclass(frozen=True)
class Bounds:
    """90 % intervals that graded slides gave (`mmdnet.scoring.conformal`): of scores by task, and of their sum."""

    tasks: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    nas: tuple[float, float] | None = None


@dataclass(frozen=True)
class GradeDistribution:
    """Continuous scores of a slide: as it was read, and as it could have been.

    Attributes:
        own: the slide's own score by task.
        draws: by task, shape (draws,); the same position of all tasks is one draw.
        bounds: intervals that graded slides gave; where there are none, they are the draws'.
    """

    own: Mapping[str, float]
    draws: Mapping[str, np.ndarray]
    bounds: Bounds = Bounds()

    @classmethod
    def of(
        cls, own: Mapping[str, float], resampled: Mapping[str, np.ndarray], seed: int, bounds: Bounds | None = None
    ) -> "GradeDistribution":
        """The distribution of a slide's scores and of its resamples', by task (each 0 to the task's highest grade)."""
        random = np.random.default_rng([seed, 2])
        rounded = {name: round(float(score), 4) for name, score in own.items()}  # as it is written
        draws = {name: _favouring(name, rounded[name], resampled[name], random) for name in rounded}
        return cls(rounded, draws, bounds or Bounds())

    def grade(self, name: str) -> int:
        """The task's grade: the rounding of the slide's own score, and the most probable one."""
        return int(round_to_grade(np.array(self.own[name]), task(name).highest))

    def grades(self, name: str) -> np.ndarray:
        """The task's grade in each draw, shape (draws,)."""
        return round_to_grade(self.draws[name], task(name).highest)

    def probabilities(self, name: str) -> tuple[float, ...]:
        """Share of the draws with each grade, shape (grades,)."""
        counts = np.bincount(self.grades(name), minlength=task(name).highest + 1)
        return tuple(float(share) for share in counts / counts.sum())

    def interval(self, name: str) -> tuple[float, float]:
        """90 % interval of the task's score."""
        if name in self.bounds.tasks:
            low, high = self.bounds.tasks[name]
            return min(low, self.own[name]), max(high, self.own[name])
        return interval_around(self.own[name], self.draws[name])

    def nas(self) -> NasEstimate | None:
        """The NAS, None where one of its features was not graded."""
        summed = [task.name for task in TASKS if task.in_nas]
        if any(name not in self.own for name in summed):
            return None
        grades = np.stack([self.grades(name) for name in summed])
        total = grades.sum(axis=0)
        highest = sum(task.highest for task in TASKS if task.in_nas)
        nas = sum(self.grade(name) for name in summed)
        return NasEstimate(
            nas=nas,
            expected=float(total.mean()),
            interval=self._nas_interval(nas, total, highest),
            at_least=tuple(float(np.mean(total >= least)) for least in range(highest + 1)),
            p_active=float(np.mean((total >= ACTIVE_NAS) & (grades >= 1).all(axis=0))),
        )

    def _nas_interval(self, nas: int, total: np.ndarray, highest: int) -> tuple[int, int]:
        """Whole numbers: those within the bounds, which hold a true NAS exactly as often as the bounds do."""
        if self.bounds.nas is not None:
            low, high = self.bounds.nas
            ends = (np.ceil(max(low, 0.0) - 1e-9), np.floor(min(high, highest) + 1e-9))
        else:
            ends = tuple(np.quantile(total, [LOW, HIGH], method="closest_observation"))
        return min(nas, int(ends[0])), max(nas, int(ends[1]))


def interval_around(point: float, draws: np.ndarray) -> tuple[float, float]:
    """The 90 % interval of the draws, widened to hold the point itself where the draws lean to one side."""
    low, high = np.quantile(draws, [LOW, HIGH])
    return min(point, float(low)), max(point, float(high))


def _favouring(name: str, own: float, scores: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The draws (draws,) with the slide's own score in place of as few of them as it takes for its grade to lead."""
    highest = task(name).highest
    grade, grades = int(round_to_grade(np.array(own), highest)), round_to_grade(scores, highest)
    others = random.permutation(np.flatnonzero(grades != grade))
    taken = np.cumsum(np.eye(highest + 1, dtype=np.int64)[grades[others]], axis=0)
    left = np.bincount(grades, minlength=highest + 1) - np.vstack([np.zeros(highest + 1, dtype=np.int64), taken])
    rivals = np.delete(left, grade, axis=1).max(axis=1)
    lead = left[:, grade] + np.arange(len(left)) - rivals
    needed = int(np.argmax(lead > LEAD * len(scores)))
    favouring = scores.copy()
    favouring[others[:needed]] = own
    return favouring
