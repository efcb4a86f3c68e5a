"""Synthetic patches never leave the training side: whatever the split, none is judged by."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.bags.bag import natural_bags
from mmdnet.bags.cohort import Cohort, SlideInfo, grade_counts
from mmdnet.bags.sampler import PositiveFirstSampler
from mmdnet.bags.splits import Split, audit_leakage, split_by_patient
from mmdnet.bags.synthetic import SyntheticPatchRow, with_synthetic
from mmdnet.errors import LabError
from tests.nas import columns

pytestmark = pytest.mark.filterwarnings("error:The least populated class")  # a person can do nothing with it


def cohort_of(seed=0, slides=12, patches=8):
    random = np.random.default_rng(seed)
    infos = tuple(SlideInfo(s + 1, f"P{s // 2}") for s in range(slides))
    n = slides * patches
    grades = columns(random.integers(0, 3, (n, 3)).astype(np.int8))
    return Cohort(infos, np.arange(1, n + 1), np.repeat(np.arange(slides), patches), grades, random.random(n) < 0.1)


def children_of(cohort, each=2):
    return [SyntheticPatchRow(int(p) * 10 + i, int(p)) for p in cohort.patch_id for i in range(each)]


@settings(max_examples=12)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_no_child_is_in_validation_or_test_whatever_the_split(seed, split_seed):
    cohort = cohort_of(seed)
    split = split_by_patient(cohort, split_seed)
    more = with_synthetic(cohort, split, children_of(cohort))
    audit_leakage(more, split)
    where = more.slide_index[more.synthetic]
    assert np.isin(where, split.train).all() and len(where)
    for part in (split.validation, split.test, split.train):
        assert not any(more.synthetic[bag.instances].any() for bag in natural_bags(more, part, 4))
    assert grade_counts(more, split.train) == grade_counts(cohort, split.train)


def test_a_child_carries_its_parents_grades_and_is_drawn_into_training_bags():
    cohort = cohort_of()
    split = split_by_patient(cohort, 0)
    more = with_synthetic(cohort, split, children_of(cohort))
    place = {int(p): at for at, p in enumerate(more.patch_id)}
    for at in np.flatnonzero(more.synthetic):
        parent = place[int(more.parent_id[at])]
        assert (more.grades[at] == more.grades[parent]).all() and more.slide_index[at] == more.slide_index[parent]
        assert not more.ignored[parent]
    for drawing in ("positive_first", "random"):
        bags = PositiveFirstSampler(more, split.train, 4, drawing=drawing).epoch(0)
        assert any(more.synthetic[bag.instances].any() for bag in bags)


def test_an_audit_refuses_children_outside_training():
    cohort = cohort_of()
    split = split_by_patient(cohort, 0)
    more = with_synthetic(cohort, split, children_of(cohort))
    for wrong in (Split(split.validation, split.train, split.test), Split(split.train[:1], (), ())):
        with pytest.raises(LabError, match="has synthetic patches"):
            audit_leakage(more, wrong)


def test_a_child_on_another_slide_than_its_parent_is_refused():
    cohort = cohort_of()
    more = with_synthetic(cohort, split_by_patient(cohort, 0), children_of(cohort, 1))
    moved = more.slide_index.copy()
    moved[-1] = (moved[-1] + 1) % len(more.slides)
    with pytest.raises(LabError, match="not on its parent's slide"):
        replace(more, slide_index=moved)
    with pytest.raises(LabError, match="not on its parent's slide"):
        replace(more, parent_id=None)


def test_children_change_the_identity_of_the_label_set_and_strangers_are_left_out():
    cohort = cohort_of()
    split = split_by_patient(cohort, 0)
    assert with_synthetic(cohort, split, []) is cohort
    assert with_synthetic(cohort, split, [SyntheticPatchRow(1, 99_999)]) is cohort
    assert with_synthetic(cohort, split, children_of(cohort)).label_sha256() != cohort.label_sha256()
