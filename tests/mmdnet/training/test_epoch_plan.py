from dataclasses import replace

import numpy as np

from mmdnet.bags.splits import Split
from mmdnet.training.config import TrainingConfig
from mmdnet.training.epoch_plan import EpochPlan


def shares(craft, balance: bool) -> tuple[float, float]:
    """Of an epoch of bags: the lone slide of its scanner, and bags of one rare grade."""
    cohort = craft(slides=6, patches=24, ignored=0).cohort
    slides = [replace(slide, scanner="alone" if place == 0 else "common") for place, slide in enumerate(cohort.slides)]
    grades = np.where(cohort.grades < 0, cohort.grades, 0).astype(np.int8)
    grades[::72, 1] = 3  # one patch of slides 0 and 3
    cohort = replace(cohort, slides=tuple(slides), grades=grades)
    split = Split(tuple(range(6)), (), (), "patient", 0)
    bags, _ = EpochPlan(cohort, split, TrainingConfig(balance=balance, bag_size=4, warm_up_epochs=0), 0).epoch(0)
    return np.mean([bag.slide_index == 0 for bag in bags]), np.mean([bag.grades[1] == 3 for bag in bags])


def test_balance_evens_domains_and_grades_and_without_it_they_come_as_they_are(craft):
    lone, rare = shares(craft, balance=True)
    assert lone > 0.25
    assert rare >= 0.2
    lone, rare = shares(craft, balance=False)
    assert lone < 0.25
    assert rare < 0.15


def test_without_balance_single_patches_of_the_warm_up_come_as_they_are_too(craft):
    cohort = craft(slides=6, patches=8, ignored=0).cohort
    split = Split(tuple(range(6)), (), (), "patient", 0)
    config = TrainingConfig(balance=False, bag_size=4, bags_per_epoch=12, warm_up_epochs=1, epochs=2)
    bags, _ = EpochPlan(cohort, split, config, 1).epoch(0)
    assert sorted(bag.instances[0] for bag in bags) == list(range(48))
