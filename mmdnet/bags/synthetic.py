"""Synthetic patches beside real ones: each stays with its parent's slide, and none is ever judged by.

A synthetic patch carries minus its own number as its `patch_id`, so it can be no patch of a slide.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from mmdnet.bags.cohort import Cohort
from mmdnet.bags.splits import Split


@dataclass(frozen=True, slots=True)
class SyntheticPatchRow:
    """A synthetic patch that may be learnt from: its number and the patch it was made of."""

    number: int
    parent_id: int


def with_synthetic(cohort: Cohort, split: Split, rows: Iterable[SyntheticPatchRow]) -> Cohort:
    """The cohort with the synthetic patches of its training slides, graded as their parents; the others are left out.

    Args:
        cohort: real patches alone.
        split: of that cohort; slides of no or another part get none.
        rows: each number once. Those whose parent is not in the cohort, or is set aside, are left out.
    """
    place = {int(patch): at for at, patch in enumerate(cohort.patch_id)}
    trains = np.zeros(len(cohort.slides), bool)
    trains[list(split.train)] = True
    kept = [
        (row, place[row.parent_id])
        for row in rows
        if row.parent_id in place
        and trains[cohort.slide_index[place[row.parent_id]]]
        and not cohort.ignored[place[row.parent_id]]
    ]
    if not kept:
        return cohort
    parents = np.array([at for _, at in kept])
    return replace(
        cohort,
        patch_id=np.concatenate([cohort.patch_id, np.array([-row.number for row, _ in kept], np.int64)]),
        slide_index=np.concatenate([cohort.slide_index, cohort.slide_index[parents]]),
        grades=np.concatenate([cohort.grades, cohort.grades[parents]]),
        ignored=np.concatenate([cohort.ignored, np.zeros(len(kept), bool)]),
        parent_id=np.concatenate([np.zeros(len(cohort.patch_id), np.int64), cohort.patch_id[parents]]),
    )
