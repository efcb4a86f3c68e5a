"""A score made again beside the one that is kept: whether one network says the same of the same pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmdnet.labels.grading import NAS, TASK_NAMES

if TYPE_CHECKING:
    from mmdnet.scoring.result import ScoreArrays, SlideScore
    from mmdnet.scoring.summary import ScoreSummary

ALIKE = 0.005  # on a scale of 0 to 1: other kernels and half precision stay below, and a report shows whole per cents


@dataclass(frozen=True, slots=True)
class Apart:
    """How far a score made again is from the kept one.

    Attributes:
        furthest: largest difference of a patch's or bag's probability, or of a patch's attention as a share of the
            strongest patch's; 1 where one has a number and the other none.
        grades: the tasks whose grades differ, and `NAS` where that does.
        calibrated: whether both read the network's numbers by the same calibration.
    """

    furthest: float
    grades: tuple[str, ...]
    calibrated: bool

    @property
    def network_alike(self) -> bool:
        """Whether the network says the same, but for what kernels and half precision do."""
        return self.furthest <= ALIKE


def how_far(kept: SlideScore, again: SlideScore) -> Apart:
    """Two scores of the same patches of a slide by one network, beside each other."""
    mine, others = kept.summary, again.summary
    differ = [name for name in TASK_NAMES if mine.grades[name] != others.grades[name]]
    if mine.nas != others.nas:
        differ.append(NAS)
    return Apart(_furthest(kept.arrays, again.arrays), tuple(differ), _read_by(mine) == _read_by(others))


def _furthest(kept: ScoreArrays, again: ScoreArrays) -> float:
    pairs = [(kept.assessed.astype(float), again.assessed.astype(float))]
    for name in {*kept.attention, *again.attention}:
        if name not in kept.attention or name not in again.attention:
            return 1.0
        pairs.append((_of_strongest(kept.attention[name]), _of_strongest(again.attention[name])))
        pairs.append((kept.patch_probabilities[name], again.patch_probabilities[name]))
        pairs.append((kept.bag_probabilities[name], again.bag_probabilities[name]))
    return max(_difference(mine, other) for mine, other in pairs)


def _of_strongest(attention: np.ndarray) -> np.ndarray:
    return attention / np.nanmax(attention)


def _difference(kept: np.ndarray, again: np.ndarray) -> float:
    """The largest difference of two tables in which NaN stands for no number."""
    if kept.shape != again.shape or (np.isnan(kept) != np.isnan(again)).any():
        return 1.0
    apart = np.abs(kept.astype(float) - again.astype(float))
    return float(np.nanmax(apart, initial=0.0))


def _read_by(summary: ScoreSummary) -> tuple[object, ...]:
    """What a summary says of how the network's numbers were read."""
    tasks = [(name, task.threshold, task.calibrated, task.holds) for name, task in sorted(summary.tasks.items())]
    return summary.graded_slides, summary.referral, summary.nas_holds, *tasks
