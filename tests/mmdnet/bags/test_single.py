from dataclasses import replace

import numpy as np

from mmdnet.bags.single import MOST_REPEATS, SinglePatches


def same(a, b) -> bool:
    return len(a) == len(b) and all(np.array_equal(x.instances, y.instances) for x, y in zip(a, b, strict=True))


def test_single_patches_to_warm_up_on_show_all_grades_alike_and_only_known_ones(crafted):
    cohort = crafted()
    bags = SinglePatches(cohort, range(10), seed=3).epoch(0, 1100)
    assert all(len(bag.instances) == 1 and bag.slide_index < 10 for bag in bags)
    turns = np.stack([bag.grades for bag in bags])
    for t, highest in enumerate((2, 3, 3)):
        counts = np.bincount(turns[t::3, t], minlength=highest + 1)
        assert counts.min() > 0.7 * counts.mean()
    assert not cohort.ignored[[bag.instances[0] for bag in bags]].any()
    assert same(bags, SinglePatches(cohort, range(10), seed=3).epoch(0, 1100))
    assert not same(bags, SinglePatches(cohort, range(10), seed=3).epoch(1, 1100))


def test_a_grade_of_few_patches_is_not_learned_by_heart_while_warming_up(crafted):
    cohort = crafted(4, 100, ignored=0)
    grades = np.zeros_like(cohort.grades)
    grades[5, 1] = 2
    bags = SinglePatches(replace(cohort, grades=grades), range(4)).epoch(0, 400)
    assert 1 <= sum(bag.instances[0] == 5 for bag in bags) <= 3 * MOST_REPEATS


def test_not_balanced_every_graded_patch_comes_as_often_as_any_other(crafted):
    cohort = crafted()
    known = np.flatnonzero(cohort.known() & (cohort.slide_index < 10))
    bags = SinglePatches(cohort, range(10), seed=3, balanced=False).epoch(0, 2 * len(known))
    assert np.array_equal(np.sort([bag.instances[0] for bag in bags]), known.repeat(2))
    assert same(bags, SinglePatches(cohort, range(10), seed=3, balanced=False).epoch(0, 2 * len(known)))
