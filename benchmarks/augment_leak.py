"""[augment-leak] Children of a diffusion model under random splits: none outside training, none judged by."""

import numpy as np

from benchmarks.result import Result
from mmdnet.bags.bag import natural_bags
from mmdnet.bags.cohort import Cohort, SlideInfo
from mmdnet.bags.sampler import PositiveFirstSampler
from mmdnet.bags.splits import audit_leakage, split_by_patient
from mmdnet.bags.synthetic import SyntheticPatchRow, with_synthetic

PATCHES, EACH = 10, 2


def run(quick: bool = False) -> Result:
    """`value` is how many children were on a slide that validates or tests, beside another patient's patch, or in a bag
    that is judged by, over random cohorts and splits. Quick: 20 splits, not 500."""
    splits = 20 if quick else 500
    leaks, children, in_training = 0, 0, 0
    for seed in range(splits):
        cohort = _cohort(seed)
        split = split_by_patient(cohort, seed)
        rows = [SyntheticPatchRow(int(p) * EACH + i, int(p)) for p in cohort.patch_id for i in range(EACH)]
        more = with_synthetic(cohort, split, rows)
        audit_leakage(more, split)  # raises where one is outside training
        made = np.flatnonzero(more.synthetic)
        slide_of = {int(p): int(s) for p, s in zip(cohort.patch_id, cohort.slide_index, strict=True)}
        leaks += int((~np.isin(more.slide_index[made], split.train)).sum())
        leaks += sum(int(more.slide_index[at]) != slide_of[int(more.parent_id[at])] for at in made)
        for part in (split.train, split.validation, split.test):
            leaks += sum(int(more.synthetic[bag.instances].sum()) for bag in natural_bags(more, part, 8))
        drawn = PositiveFirstSampler(more, split.train, 8, seed).epoch(0)
        in_training += sum(int(more.synthetic[bag.instances].sum()) for bag in drawn)
        children += len(made)
    beside = {"reach": 0, "reach_is": "most", "splits": splits, "children": children, "drawn_into_bags": in_training}
    return Result("augment-leak", leaks, "children on the wrong side", beside, splits)


def _cohort(seed: int) -> Cohort:
    """8-30 slides of patients with one to three each, some patches set aside."""
    random = np.random.default_rng(seed)
    slides = int(random.integers(8, 31))
    owners = np.sort(random.integers(0, max(4, slides // 2), slides))
    infos = tuple(SlideInfo(s + 1, f"P{owner}") for s, owner in enumerate(owners))
    n = slides * PATCHES
    grades = random.integers(-1, 3, (n, 3)).astype(np.int8)
    return Cohort(infos, np.arange(1, n + 1), np.repeat(np.arange(slides), PATCHES), grades, random.random(n) < 0.1)
