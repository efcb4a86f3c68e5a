import numpy as np
import pytest

from mmdnet.labels.grading import task
from mmdnet.scoring.aggregate import round_to_grade
from mmdnet.scoring.calibration.scales import beyond_reach, fit_cuts, fit_isotonic, fit_ridge, reach_of
from mmdnet.scoring.rules import KLEINER_SCALES, Scale


def test_fitted_scales_never_fall():
    random = np.random.default_rng(3)
    quantity = random.random(40)
    grades = np.clip((4 * quantity + random.normal(0, 0.4, 40)).astype(int), 0, 3)
    for fit in (fit_isotonic, fit_cuts):
        scale = fit(quantity, grades, 4)
        assert (np.diff(scale.quantity) > 0).all()
        assert (np.diff(scale.score) >= 0).all()


def test_cuts_can_skip_a_grade_nobody_has():
    scale = fit_cuts(np.array([0.1, 0.1, 0.1, 0.5, 0.5, 0.5]), np.array([0, 0, 0, 3, 3, 3]), 4)
    assert round_to_grade(scale(np.array([0.1, 0.5])), 3).tolist() == [0, 3]


def test_ridge_finds_the_quantity_that_tells_and_leaves_one_that_never_varies():
    random = np.random.default_rng(0)
    table = np.c_[random.random(60), random.random(60), np.full(60, 2.0)]
    weights = fit_ridge(["tells", "noise", "same"], table, 3 * table[:, 0])
    assert set(weights.coefficients) == {"tells", "noise"}
    assert weights.coefficients["tells"] > 2 and abs(weights.coefficients["noise"]) < 0.3


def test_ridge_on_slides_that_are_all_alike_says_their_mean():
    weights = fit_ridge(["same"], np.ones((4, 1)), np.array([0, 1, 1, 2]))
    assert weights.coefficients == {} and weights.intercept == 1


def test_a_slide_with_more_than_any_graded_one_is_not_held_down():
    fitted = Scale((0.0, 0.2), (0.0, 1.0))  # graded slides ended at grade 1
    scale = beyond_reach(fitted, KLEINER_SCALES["steatosis"], 0.2)
    assert scale(np.array([0.1])) == pytest.approx(0.5)
    assert scale(np.array([0.66])) == pytest.approx(2.5)
    assert scale(np.array([1.0])) == pytest.approx(3.0)
    assert (np.diff(scale.score) >= 0).all()


@pytest.mark.parametrize(
    ("grades", "possible", "words"),
    [
        ([0, 0, 1, 1, 2, 2, 3, 3], True, ""),
        ([0, 0, 1, 1, 2, 2], True, "reach from grade 0 to 2 only"),
        ([0, 0, 0, 3, 3, 3], False, "fewer than 2 graded slides have grade 1 and 2"),
        ([0, 0, 1, 1, 2, 3, 3], False, "fewer than 2 graded slides have grade 2"),
        ([1] * 12, False, "alike"),
    ],
)
def test_grades_must_span_the_cuts_between_those_that_are_there(grades, possible, words):
    told, reach = reach_of(task("steatosis"), np.array(grades))
    assert told is possible
    assert words in reach and bool(words) == bool(reach)
