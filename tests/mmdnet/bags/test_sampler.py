from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.bags.bag import natural_bags
from mmdnet.bags.sampler import BAGS_PER_SLIDE, PositiveFirstSampler
from mmdnet.errors import LabError


def same(a, b) -> bool:
    return len(a) == len(b) and all(np.array_equal(x.instances, y.instances) for x, y in zip(a, b, strict=True))


def counted(bags, sampler) -> np.ndarray:
    """How many bags have each known grade, of the shape of what is wanted."""
    counts = np.zeros(sampler.wanted.shape)
    for bag in bags:
        known = np.flatnonzero(bag.grades >= 0)
        counts[known, bag.grades[known]] += 1
    return counts


@settings(max_examples=15)
@given(st.integers(0, 100), st.integers(4, 20))
def test_a_bags_grade_is_the_highest_of_its_patches_which_are_of_one_slide_and_each_there_once(crafted, seed, size):
    cohort = crafted(8, 25, seed)
    for bag in PositiveFirstSampler(cohort, range(8), size, seed).epoch(0):
        assert (cohort.slide_index[bag.instances] == bag.slide_index).all()
        assert len(set(bag.instances.tolist())) == len(bag.instances) <= size
        assert bag.grades.tolist() == cohort.grades[bag.instances].max(axis=0).tolist()
        assert not cohort.ignored[bag.instances].any()


def test_bags_are_seeded_and_an_epoch_does_not_depend_on_which_were_asked_for_before(crafted):
    cohort = crafted()
    sampler, again = (PositiveFirstSampler(cohort, range(30), 16, 7) for _ in range(2))
    first = [sampler.epoch(e) for e in range(3)]
    assert same(first[2], again.epoch(2))
    assert same(first[0], again.epoch(0))
    assert not same(first[0], first[1])
    assert not same(first[0], PositiveFirstSampler(cohort, range(30), 16, 8).epoch(0))


def test_grades_come_as_wanted_within_a_tenth(crafted):
    sampler = PositiveFirstSampler(crafted(40, 80, ignored=0), range(40), 16, 0, bags_per_epoch=200, natural_share=0)
    delivered = counted([bag for epoch in range(5) for bag in sampler.epoch(epoch)], sampler)
    assert np.abs(delivered / 5 - sampler.wanted).max() <= 0.1 * 200


def test_the_natural_prior_is_kept_as_far_as_asked(crafted):
    cohort = crafted()
    all_natural = PositiveFirstSampler(cohort, range(30), 16, natural_share=1)
    natural = counted(natural_bags(cohort, range(30), 16), all_natural)
    natural /= np.maximum(natural.sum(axis=1, keepdims=True), 1)
    assert np.allclose(all_natural.wanted / all_natural.bags_per_epoch, natural)
    even = PositiveFirstSampler(cohort, range(30), 16, natural_share=0)
    assert np.allclose(even.wanted[2, :4] / even.bags_per_epoch, 0.25)


def test_no_slide_fills_an_epoch_and_domains_come_alike(crafted):
    cohort = crafted(16, 200)
    uneven = replace(
        cohort,
        slides=tuple(replace(s, scanner="big" if i else "small") for i, s in enumerate(cohort.slides)),
    )
    bags = PositiveFirstSampler(uneven, range(16), 16, bags_per_epoch=10_000).epoch(0)
    per_slide = np.bincount([bag.slide_index for bag in bags])
    assert per_slide.max() <= BAGS_PER_SLIDE
    few = PositiveFirstSampler(uneven, range(16), 16, bags_per_epoch=16, natural_share=0).epoch(0)
    assert sum(bag.slide_index == 0 for bag in few) >= 2  # the lone slide of its domain


def test_the_least_used_positives_come_first(crafted):
    cohort = crafted(1, 60, ignored=0)
    grades = np.zeros_like(cohort.grades)
    grades[:12, 0] = 1
    sampler = PositiveFirstSampler(replace(cohort, grades=grades), [0], 16, bags_per_epoch=8, natural_share=0)
    seen = np.zeros(60, int)
    for epoch in range(6):
        for bag in sampler.epoch(epoch):
            seen[bag.instances] += 1
    assert seen[:12].min() > 0
    assert seen[:12].max() <= 2 * seen[:12].min() + 2


def test_neighbouring_bags_come_from_different_slides(crafted):
    bags = PositiveFirstSampler(crafted(), range(30), 16).epoch(0)
    distinct = [len({bag.slide_index for bag in bags[at : at + 4]}) for at in range(0, len(bags) - 3, 4)]
    assert np.mean(distinct) > 3.5


def test_a_slide_of_fewer_than_four_patches_does_not_train_beside_larger_ones(crafted):
    cohort = crafted(3, 20, ignored=0)
    ignored = cohort.ignored.copy()
    ignored[cohort.patches_of(1)[3:]] = True
    assert PositiveFirstSampler(replace(cohort, ignored=ignored), range(3)).slides == [0, 2]


def test_slides_with_nothing_but_set_aside_patches_cannot_train(crafted):
    cohort = crafted(2, 10, ignored=1.1)
    with pytest.raises(LabError, match="None of the training slides"):
        PositiveFirstSampler(cohort, range(2))
    assert natural_bags(cohort, range(2), 16) == []


@pytest.mark.parametrize("drawing", ["by_slide", "random"])
def test_other_drawings_are_seeded_whole_and_of_one_slide_each(crafted, drawing):
    cohort = crafted(8, 40)
    sampler, again = (PositiveFirstSampler(cohort, range(8), 16, 3, drawing=drawing) for _ in range(2))
    assert same(sampler.epoch(2), again.epoch(2))
    assert not same(sampler.epoch(1), sampler.epoch(2))
    assert len(sampler.epoch(0)) == sampler.bags_per_epoch
    for bag in sampler.epoch(0):
        assert (cohort.slide_index[bag.instances] == bag.slide_index).all()
        assert len(set(bag.instances.tolist())) == len(bag.instances)


def test_positive_first_shows_the_grades_more_evenly_than_random_bags(crafted):
    cohort = crafted(20, 60)
    spread = {}
    for drawing in ("positive_first", "random"):
        bags = PositiveFirstSampler(cohort, range(20), 8, 0, natural_share=0.0, drawing=drawing).epoch(0)
        spread[drawing] = np.std(np.bincount([bag.grades[0] for bag in bags], minlength=3) / len(bags))
    assert spread["positive_first"] < 0.5 * spread["random"]


def test_a_step_of_four_bags_is_of_four_slides(crafted):
    cohort = crafted(30, 40)
    bags = PositiveFirstSampler(cohort, range(30), 16, 1).epoch(0)
    steps = [{bag.slide_index for bag in bags[at : at + 4]} for at in range(0, len(bags) - 3, 4)]
    assert np.mean([len(slides) == 4 for slides in steps]) > 0.95


def test_without_positive_first_a_slides_graded_patches_still_come_before_the_others(crafted):
    cohort = crafted(8, 40)
    grades = cohort.grades.copy()
    grades[np.arange(len(grades)) % 4 > 0] = -1  # ten patches of forty keep theirs
    sampler = PositiveFirstSampler(replace(cohort, grades=grades), range(8), 16, drawing="by_slide")
    for bag in sampler.epoch(0):
        there = np.count_nonzero(~cohort.ignored[cohort.patches_of(bag.slide_index)][::4])
        assert np.count_nonzero(grades[bag.instances, 0] >= 0) == min(16, there)


def test_part_of_the_bags_may_come_as_their_slide_does(crafted):
    cohort = crafted(20, 60)
    shares = {}
    for share in (0.0, 0.5, 1.0):
        bags = PositiveFirstSampler(cohort, range(20), 16, 0, natural_share=0.0, unsteered_fraction=share).epoch(0)
        shares[share] = np.mean([np.count_nonzero(cohort.grades[bag.instances, 0] == 2) for bag in bags])
    assert shares[0.0] < shares[0.5] < shares[1.0]  # steered, a bag holds four of the wanted grade at most
    by_slide = PositiveFirstSampler(cohort, range(20), 16, 0, natural_share=0.0, drawing="by_slide").epoch(0)
    assert same(by_slide, bags)
