"""Which patches become parents: rare grades of the training side, and as many negatives of the same slides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmdnet.augment.choices import DiffusionChoices
from mmdnet.augment.prompts import prompt_for
from mmdnet.augment.provenance import BatchPlan, ParentPlan
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, TASKS, UNKNOWN

if TYPE_CHECKING:
    from mmdnet.bags.cohort import Cohort
    from mmdnet.bags.splits import Split


def choose_parents(cohort: Cohort, split: Split, choices: DiffusionChoices) -> BatchPlan:
    """Positive parents, and for each a graded negative of its slide; where a slide has too few, of its site.

    Args:
        cohort: real patches.
        split: only its training slides are looked at.
        choices: task, least grade, how many at most, negatives or none, and the seed they are drawn by.

    Raises:
        LabError: no training patch has such a grade.
    """
    task = TASK_NAMES.index(choices.task)
    random = np.random.default_rng((choices.seed, 31))
    usable = ~cohort.ignored & np.isin(cohort.slide_index, list(split.train))
    grade = cohort.grades[:, task]
    positives = np.flatnonzero(usable & (grade >= choices.least_grade))
    if not len(positives):
        title = TASKS[task].title
        raise LabError(
            f"No patch of the training slides has {title.lower()} of grade {choices.least_grade} or more. Label some "
            "first, or choose another grade. Nothing was started."
        )
    positives = np.sort(random.permutation(positives)[: choices.most_parents])
    negatives = _matched(cohort, positives, np.flatnonzero(usable & (grade == 0)), random) if choices.negatives else []
    order = [(int(at), True) for at in positives] + [(int(at), False) for at in negatives]
    order.sort(key=lambda entry: (cohort.slide_index[entry[0]], entry[0]))
    return BatchPlan(
        parents=tuple(_plan(cohort, at, positive, choices) for at, positive in order),
        train_slides=tuple(cohort.slides[s].slide_id for s in split.train),
        patch_px=cohort.patch_px,
        patch_mpp=cohort.patch_mpp,
    )


def _matched(cohort: Cohort, positives: np.ndarray, pool: np.ndarray, random: np.random.Generator) -> list[int]:
    """As many of the pool as there are positives, as far as it goes: of the same slide, else of the same site."""
    free = list(random.permutation(pool))
    taken: list[int] = []
    waiting: list[int] = []
    for at in positives:
        match = next((place for place in free if cohort.slide_index[place] == cohort.slide_index[at]), None)
        if match is None:
            waiting.append(int(at))
        else:
            free.remove(match)
            taken.append(int(match))
    for at in waiting:
        site = cohort.slides[cohort.slide_index[at]].site
        match = next((place for place in free if cohort.slides[cohort.slide_index[place]].site == site), None)
        if match is not None:
            free.remove(match)
            taken.append(int(match))
    return taken


def _plan(cohort: Cohort, at: int, positive: bool, choices: DiffusionChoices) -> ParentPlan:
    slide = cohort.slides[cohort.slide_index[at]]
    grades = {name: int(g) for name, g in zip(TASK_NAMES, cohort.grades[at], strict=True) if g != UNKNOWN}
    prompt = choices.prompt or prompt_for(choices.task, grades, slide.stain)
    return ParentPlan(
        patch_id=int(cohort.patch_id[at]),
        slide_id=slide.slide_id,
        site=slide.site,
        positive=positive,
        grades=grades,
        prompt=prompt,
    )
