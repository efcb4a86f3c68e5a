"""Parents are of the training side alone, and each positive has its negative."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.augment.choices import DiffusionChoices
from mmdnet.bags.cohort import Cohort, SlideInfo
from mmdnet.bags.splits import split_by_patient
from mmdnet.errors import LabError
from mmdnet.workflows.augmenting.parents import choose_parents
from tests.nas import columns

CHOICES = DiffusionChoices(weights="sd", task="ballooning")


def cohort_of(seed, slides=10, patches=12):
    random = np.random.default_rng(seed)
    infos = tuple(SlideInfo(s + 1, f"P{s // 2}", site="AB"[s % 2], stain="H&E") for s in range(slides))
    n = slides * patches
    grades = columns(np.stack([random.choice([-1, 0, 1, 2], n, p=[0.2, 0.5, 0.2, 0.1])] * 3, axis=1).astype(np.int8))
    return Cohort(infos, np.arange(1, n + 1), np.repeat(np.arange(slides), patches), grades, random.random(n) < 0.1)


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_parents_are_of_training_slides_graded_and_not_set_aside(seed):
    cohort = cohort_of(seed)
    split = split_by_patient(cohort, seed)
    plan = choose_parents(cohort, split, CHOICES)
    place = {int(p): at for at, p in enumerate(cohort.patch_id)}
    for parent in plan.parents:
        at = place[parent.patch_id]
        assert cohort.slide_index[at] in split.train and not cohort.ignored[at]
        assert (parent.grades["ballooning"] >= 1) == parent.positive
    assert len({parent.patch_id for parent in plan.parents}) == len(plan.parents)
    assert sum(not p.positive for p in plan.parents) <= sum(p.positive for p in plan.parents)


def test_negatives_come_from_the_positives_own_slides_where_those_have_enough():
    cohort = cohort_of(1)
    plan = choose_parents(cohort, split_by_patient(cohort, 1), CHOICES.model_copy(update={"most_parents": 4}))
    positive = sorted(p.slide_id for p in plan.parents if p.positive)
    assert positive == sorted(p.slide_id for p in plan.parents if not p.positive)


def test_without_negatives_or_with_a_prompt_of_ones_own():
    cohort = cohort_of(1)
    split = split_by_patient(cohort, 1)
    plan = choose_parents(cohort, split, CHOICES.model_copy(update={"negatives": False, "prompt": "liver"}))
    assert all(parent.positive and parent.prompt == "liver" for parent in plan.parents)


def test_no_rare_grade_on_the_training_side_is_refused():
    cohort = cohort_of(1)
    cohort.grades[:] = 0
    with pytest.raises(LabError, match="No patch of the training slides has ballooning of grade 1 or more"):
        choose_parents(cohort, split_by_patient(cohort, 1), CHOICES)
