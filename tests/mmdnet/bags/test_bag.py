from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.bags.bag import make_bag, natural_bags, with_ignored
from mmdnet.bags.cohort import Cohort, SlideInfo
from mmdnet.bags.sampler import PositiveFirstSampler
from tests.nas import columns, row


def same(a, b) -> bool:
    return len(a) == len(b) and all(np.array_equal(x.instances, y.instances) for x, y in zip(a, b, strict=True))


def one_slide(grades, own=None, n=None) -> Cohort:
    grades = columns(np.array(grades, np.int8))
    return Cohort(
        (SlideInfo(1, "a", grades=own or {}),), np.arange(len(grades)), np.zeros(len(grades), int), grades,
        np.zeros(len(grades), bool),
    )  # fmt: skip


@settings(max_examples=15)
@given(st.integers(1, 30), st.integers(0, 50))
def test_natural_bags_hold_every_usable_patch_exactly_once_and_never_change(crafted, size, seed):
    cohort = crafted(5, 23, seed, ignored=0.2)
    bags = natural_bags(cohort, range(5), size)
    held = np.concatenate([bag.instances for bag in bags])
    assert sorted(held.tolist()) == np.flatnonzero(~cohort.ignored).tolist()
    assert all(len(bag.instances) <= size for bag in bags)
    assert same(bags, natural_bags(cohort, range(5), size))
    assert same([bag for bag in bags if bag.slide_index == 3], natural_bags(cohort, [3], size))


def test_a_patch_without_a_grade_is_not_a_negative():
    cohort = one_slide([[0, 0, -1], [-1, 1, -1], [-1, 3, -1], [-1, 0, -1]])
    bag = make_bag(cohort, 0, np.arange(4))
    assert bag.grades.tolist() == row(0, 3, -1)
    # a highest grade stays the highest whatever the others are
    assert bag.label_confidence.tolist() == row(0.25, 1.0, 0.0, other=0.0)


def test_the_slides_own_grade_is_the_bags_only_where_no_patch_was_graded():
    cohort = one_slide([[0, -1, -1], [1, -1, -1]], own={"ballooning": 2, "inflammation": 3})
    bag = make_bag(cohort, 0, np.arange(2))
    assert bag.grades.tolist() == row(1, 3, -1)
    assert bag.label_confidence.tolist() == row(1.0, 1.0, 0.0, other=0.0)


def test_a_slide_with_fewer_patches_than_a_bag_gives_one_short_bag():
    cohort = one_slide([[0, 0, 1]] * 5)
    assert [len(bag.instances) for bag in natural_bags(cohort, [0], 16)] == [5]
    assert all(len(bag.instances) == 5 for bag in PositiveFirstSampler(cohort, [0], 16).epoch(0))


def test_patches_nothing_is_known_about_are_left_out_of_evaluation_but_not_of_scoring():
    cohort = one_slide([[0, 0, 1]] * 5 + [[-1, -1, -1]] * 5)
    assert sum(len(bag.instances) for bag in natural_bags(cohort, [0], 4)) == 5
    assert sum(len(bag.instances) for bag in natural_bags(cohort, [0], 4, only_informative=False)) == 10


def test_half_of_the_bags_get_a_set_aside_patch_of_their_own_slide(crafted):
    cohort = crafted(20, 60, ignored=0.1)
    bags = with_ignored(cohort, natural_bags(cohort, range(20), 8), np.random.default_rng(0))
    mixed = [bag for bag in bags if len(bag.ignored)]
    assert 0.4 < len(mixed) / len(bags) < 0.6
    for bag in mixed:
        assert cohort.ignored[bag.ignored].all()
        assert (cohort.slide_index[bag.ignored] == bag.slide_index).all()
        assert not cohort.ignored[bag.instances].any()
    none = crafted(3, 10, ignored=0.0)
    assert all(
        not len(bag.ignored) for bag in with_ignored(none, natural_bags(none, range(3), 8), np.random.default_rng(0))
    )


def test_a_bag_that_goes_by_its_slides_grade_is_trusted_as_the_cohort_says(crafted):
    cohort = crafted(3, 8)
    grades = cohort.grades.copy()
    grades[cohort.slide_index == 0] = -1
    slides = (replace(cohort.slides[0], grades={"steatosis": 2}), *cohort.slides[1:])
    cohort = replace(cohort, slides=slides, grades=grades, slide_trust=0.3)
    bag = make_bag(cohort, 0, cohort.patches_of(0)[:4])
    assert bag.grades.tolist() == row(-1, -1, 2) and bag.label_confidence.tolist() == row(0, 0, 0.3, other=0)
