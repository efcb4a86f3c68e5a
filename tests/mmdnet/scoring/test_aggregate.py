import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASKS, task
from mmdnet.scoring.aggregate import KLEINER_SCALES, RULES, choose_aggregator, middle_grade, round_to_grade
from mmdnet.scoring.fields import resample_counts
from tests.mmdnet.scoring.crafted import slide, with_bag_grade

DENSITY, HIGHEST = RULES["density"], RULES["max"]


def score(rule, name, evidence):
    return float(rule.scale(task(name))(rule.quantity(task(name), evidence, evidence.once()))[0])


def test_one_false_positive_in_a_hundred_bags_moves_the_highest_bag_by_its_grade_but_not_the_density():
    clean = slide(60, 80, inflammation=np.zeros(4800, dtype=int))
    assert clean.bag_probabilities["inflammation"].shape[0] == 100
    patches = np.zeros(4800, dtype=int)
    patches[2400] = 1
    one_wrong = with_bag_grade(slide(60, 80, inflammation=patches), "inflammation", 50, 2)
    assert score(HIGHEST, "inflammation", clean) == 0
    assert score(HIGHEST, "inflammation", one_wrong) == 2
    assert score(DENSITY, "inflammation", one_wrong) < 0.02


@pytest.mark.parametrize(("grade", "share"), [(0, 0.02), (1, 0.19), (2, 0.5), (3, 0.82)])
def test_a_slide_whose_patches_all_have_one_steatosis_grade_has_that_grade(grade, share):
    evidence = slide(20, 20, steatosis=np.full(400, grade))
    assert DENSITY.quantity(task("steatosis"), evidence, evidence.once())[0] == pytest.approx(share)
    assert round(score(DENSITY, "steatosis", evidence)) == grade


@pytest.mark.parametrize(("foci", "grade"), [(0, 0), (5, 0), (7, 1), (23, 1), (25, 2), (47, 2), (49, 3), (90, 3)])
def test_foci_are_counted_per_200x_field_less_those_seen_twice(foci, grade):
    cells = 425  # of 0.02235 mm²: ten fields of 0.95 mm²
    patches = np.zeros(cells, dtype=int)
    patches[:foci] = 1
    evidence = slide(17, 25, inflammation=patches)
    assert evidence.fields == pytest.approx(10, rel=0.001)
    assert DENSITY.quantity(task("inflammation"), evidence, evidence.once())[0] == pytest.approx(foci / 12, rel=0.001)
    assert round_to_grade(np.array([score(DENSITY, "inflammation", evidence)]), 3)[0] == grade


def test_many_small_doubts_do_not_add_up_to_events():
    evidence = slide(20, 20)
    evidence.patch_probabilities["ballooning"][:] = [0.8, 0.15, 0.05]
    assert DENSITY.quantity(task("ballooning"), evidence, evidence.once())[0] == 0


def test_half_the_tissue_on_a_patch_weighs_half():
    evidence = slide(2, 2, bag_size=4, steatosis=np.array([0, 0, 3, 3]))
    evidence.tissue_share[2:] = 0.5
    assert DENSITY.quantity(task("steatosis"), evidence, evidence.once())[0] == pytest.approx((2 * 0.02 + 0.82) / 3)


def test_a_resample_that_draws_every_block_once_is_the_slide_itself():
    random = np.random.default_rng(0)
    evidence = slide(12, 30, ballooning=random.integers(0, 3, 360), steatosis=random.integers(0, 4, 360))
    for rule in RULES.values():
        for one in TASKS:
            whole = rule.quantity(one, evidence, evidence.once())
            drawn = rule.quantity(one, evidence, np.ones((3, evidence.blocks), dtype=int))
            assert drawn == pytest.approx(np.repeat(whole, 3))


def test_resampled_densities_scatter_around_the_slide():
    random = np.random.default_rng(1)
    evidence = slide(30, 40, inflammation=(random.random(1200) < 0.05).astype(int))
    one = task("inflammation")
    drawn = DENSITY.quantity(one, evidence, resample_counts(evidence.blocks, 2000, 0))
    assert drawn.mean() == pytest.approx(DENSITY.quantity(one, evidence, evidence.once())[0], rel=0.03)
    assert drawn.std() > 0


def test_kleiners_cuts_lie_half_way_between_the_grades():
    assert KLEINER_SCALES["steatosis"](np.array([0.05, 0.33, 0.66])) == pytest.approx([0.5, 1.5, 2.5])
    assert KLEINER_SCALES["inflammation"](np.array([0.5, 2, 4, 100])) == pytest.approx([0.5, 1.5, 2.5, 3])
    assert KLEINER_SCALES["ballooning"](np.array([0, 0.5, 4, 100])) == pytest.approx([0, 0.5, 1.5, 2])


def test_the_rule_is_named_and_an_uncalibrated_one_says_so():
    found = choose_aggregator("auto", None)
    assert found.rule.name == "density"
    assert "Kleiner" in found.title(task("steatosis"))
    assert "not calibrated" in found.title(task("steatosis"))
    assert "paper" in choose_aggregator("max", None).title(task("steatosis"))


def test_a_calibration_of_another_rule_is_not_used():
    fit = {"method": "isotonic", "quantity": [0, 1], "score": [0, 3], "residuals": [0.1], "slides": 12}
    calibration = {"rule": "density", "bag_size": 48, "tasks": {"steatosis": fit}}
    assert "calibrated on 12 graded slides" in choose_aggregator("auto", calibration).title(task("steatosis"))
    assert choose_aggregator("max", calibration).calibrations == {}


def test_an_unknown_rule_is_refused_in_words():
    with pytest.raises(LabError, match="no aggregation rule called 'mean'"):
        choose_aggregator("mean", None)


def test_a_patch_has_a_grade_above_0_just_where_it_counts():
    probabilities = np.array([[0.4, 0.35, 0.25], [0.6, 0.4, 0.0], [0.1, 0.3, 0.6], [np.nan] * 3])
    assert middle_grade(probabilities).tolist() == [1, 0, 2, 0]
