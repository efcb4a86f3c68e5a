import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASKS, task
from mmdnet.scoring.aggregate import round_to_grade
from mmdnet.scoring.fields import resample_counts
from mmdnet.scoring.rules import DENSITY, HIGHEST_BAG, KLEINER_SCALES, RULES, rule_called
from tests.mmdnet.scoring.crafted import slide, with_bag_grade


def quantity(rule, name, evidence, counts=None, thresholds=None):
    return rule.quantity(task(name), evidence, evidence.once() if counts is None else counts, thresholds or {})


def score(rule, name, evidence):
    return float(rule.scale(task(name))(quantity(rule, name, evidence))[0])


def test_one_false_positive_in_a_hundred_bags_moves_the_highest_bag_by_its_grade_but_not_the_density():
    clean = slide(60, 80, inflammation=np.zeros(4800, dtype=int))
    assert clean.bag_probabilities["inflammation"].shape[0] == 100
    patches = np.zeros(4800, dtype=int)
    patches[2400] = 1
    one_wrong = with_bag_grade(slide(60, 80, inflammation=patches), "inflammation", 50, 2)
    assert score(HIGHEST_BAG, "inflammation", clean) == 0
    assert score(HIGHEST_BAG, "inflammation", one_wrong) == 2
    assert score(DENSITY, "inflammation", one_wrong) < 0.02


@pytest.mark.parametrize(("grade", "share"), [(0, 0.02), (1, 0.19), (2, 0.5), (3, 0.82)])
def test_a_slide_whose_patches_all_have_one_steatosis_grade_has_that_grade(grade, share):
    evidence = slide(20, 20, steatosis=np.full(400, grade))
    assert quantity(DENSITY, "steatosis", evidence)[0] == pytest.approx(share)
    assert round(score(DENSITY, "steatosis", evidence)) == grade


@pytest.mark.parametrize(("foci", "grade"), [(0, 0), (5, 0), (7, 1), (23, 1), (25, 2), (47, 2), (49, 3), (90, 3)])
def test_foci_are_counted_per_200x_field_less_those_seen_twice(foci, grade):
    cells = 425  # of 0.02235 mm²: ten fields of 0.95 mm²
    patches = np.zeros(cells, dtype=int)
    patches[:foci] = 1
    evidence = slide(17, 25, inflammation=patches)
    assert evidence.fields == pytest.approx(10, rel=0.001)
    assert quantity(DENSITY, "inflammation", evidence)[0] == pytest.approx(foci / 12, rel=0.001)
    assert round_to_grade(np.array([score(DENSITY, "inflammation", evidence)]), 3)[0] == grade


def test_many_small_doubts_do_not_add_up_to_events():
    evidence = slide(20, 20)
    evidence.patch_probabilities["ballooning"][:] = [0.8, 0.15, 0.05]
    assert quantity(DENSITY, "ballooning", evidence)[0] == 0


def test_half_the_tissue_on_a_patch_weighs_half():
    evidence = slide(2, 2, bag_size=4, steatosis=np.array([0, 0, 3, 3]))
    evidence.tissue_share[2:] = 0.5
    assert quantity(DENSITY, "steatosis", evidence)[0] == pytest.approx((2 * 0.02 + 0.82) / 3)


def test_a_resample_that_draws_every_block_once_is_the_slide_itself():
    random = np.random.default_rng(0)
    evidence = slide(12, 30, ballooning=random.integers(0, 3, 360), steatosis=random.integers(0, 4, 360))
    for rule in RULES.values():
        for feature in TASKS:
            whole = quantity(rule, feature.name, evidence)
            drawn = quantity(rule, feature.name, evidence, np.ones((3, evidence.blocks), dtype=int))
            assert drawn == pytest.approx(np.repeat(whole, 3))


def test_resampled_densities_scatter_around_the_slide():
    random = np.random.default_rng(1)
    evidence = slide(30, 40, inflammation=(random.random(1200) < 0.05).astype(int))
    drawn = quantity(DENSITY, "inflammation", evidence, resample_counts(evidence.blocks, 2000, 0))
    assert drawn.mean() == pytest.approx(quantity(DENSITY, "inflammation", evidence)[0], rel=0.03)
    assert drawn.std() > 0


def test_kleiners_cuts_lie_half_way_between_the_grades():
    assert KLEINER_SCALES["steatosis"](np.array([0.05, 0.33, 0.66])) == pytest.approx([0.5, 1.5, 2.5])
    assert KLEINER_SCALES["inflammation"](np.array([0.5, 2, 4, 100])) == pytest.approx([0.5, 1.5, 2.5, 3])
    assert KLEINER_SCALES["ballooning"](np.array([0, 0.5, 4, 100])) == pytest.approx([0, 0.5, 1.5, 2])


def test_an_event_is_counted_only_above_the_tasks_threshold():
    evidence = slide(20, 20)
    evidence.patch_probabilities["inflammation"][:] = [0.3, 0.7, 0.0, 0.0]
    assert quantity(DENSITY, "inflammation", evidence)[0] > 0
    assert quantity(DENSITY, "inflammation", evidence, thresholds={"inflammation": 0.8})[0] == 0


def test_a_rule_says_what_a_grade_rests_on():
    assert DENSITY.rests_on(None) == "density per field, read by Kleiner's cuts; not calibrated"
    assert HIGHEST_BAG.rests_on(None) == "highest bag, as in the MMD-Net paper; not calibrated"
    assert DENSITY.rests_on(12) == "density per field, calibrated on 12 graded slides"


def test_an_unknown_rule_is_refused_with_those_there_are():
    with pytest.raises(LabError, match="no aggregation rule called 'guess'; known are auto, ") as refused:
        rule_called("guess")
    assert all(name in str(refused.value) for name in RULES)
