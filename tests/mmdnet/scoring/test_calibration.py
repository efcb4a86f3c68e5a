import json

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.labels.agreement import quadratic_kappa
from mmdnet.labels.grading import steatosis_grade, task
from mmdnet.scoring.aggregate import Calibration, choose_aggregator, read_calibration, round_to_grade
from mmdnet.scoring.calibration import fit_calibration, fit_cuts, fit_isotonic, fit_thresholds, thresholds_only
from tests.mmdnet.reports import crafted


def summaries(quantities, rule="density"):
    return [crafted.score(rule=rule, tasks={"steatosis": crafted.task(1, 4, quantity=q)}) for q in quantities]


def compressed(n, seed=0):
    """Slides on which a model sees a third of the fat there is: uncalibrated, it grades too low."""
    random = np.random.default_rng(seed)
    truth = random.random(n)
    return truth * 0.35 + random.normal(0, 0.01, n), [{"steatosis": steatosis_grade(t)} for t in truth]


@pytest.mark.parametrize("method", ["isotonic", "cuts"])
def test_calibration_mends_a_model_that_sees_a_third_of_the_fat(method):
    quantity, truth = compressed(60)
    grades = np.array([slide["steatosis"] for slide in truth])
    calibration = fit_calibration(summaries(quantity), truth, method=method)
    new, new_truth = compressed(200, seed=1)
    new_grades = np.array([slide["steatosis"] for slide in new_truth])
    raw = choose_aggregator("auto", Calibration()).scale(task("steatosis"))
    fitted = choose_aggregator("auto", calibration).scale(task("steatosis"))
    before = quadratic_kappa(new_grades, round_to_grade(raw(new), 3), 4)
    after = quadratic_kappa(new_grades, round_to_grade(fitted(new), 3), 4)
    assert before < 0.6
    assert after > 0.9
    assert calibration.tasks["steatosis"].kappa_across_folds > 0.9
    assert calibration.tasks["steatosis"].slides_by_grade == tuple(np.bincount(grades, minlength=4))


def test_a_calibration_comes_back_from_the_json_of_a_card():
    quantity, truth = compressed(20)
    calibration = fit_calibration(summaries(quantity), truth, thresholds={"inflammation": 0.9})
    assert calibration.to_json()["lines"] == {"inflammation": 0.9}  # the name it has on every card
    assert read_calibration(json.loads(json.dumps(calibration.to_json()))) == calibration


def test_no_residual_comes_from_a_scale_its_own_patient_shaped():
    """Coin-flip grades, two slides per patient: only an honest split shows that nothing was learnt."""
    random = np.random.default_rng(0)
    quantity = np.repeat(random.random(40), 2)
    truth = np.repeat(random.integers(0, 4, 40), 2)
    patients = [str(k // 2) for k in range(80)]
    fit = fit_calibration(summaries(quantity), [{"steatosis": int(t)} for t in truth], patients).tasks["steatosis"]
    assert abs(fit.kappa_across_folds) < 0.35
    assert np.std(fit.residuals) > 0.8


def test_slides_without_a_grade_do_not_count():
    quantity, truth = compressed(30)
    truth[:15] = [{"steatosis": None}] * 15
    assert fit_calibration(summaries(quantity), truth).tasks["steatosis"].slides == 15


def test_too_few_slides_are_refused_in_words():
    quantity, truth = compressed(9)
    with pytest.raises(LabError, match="at least 10 graded slides"):
        fit_calibration(summaries(quantity), truth)


def test_slides_scored_by_two_rules_are_refused():
    quantity, truth = compressed(20)
    mixed = summaries(quantity[:10]) + summaries(quantity[10:], rule="max")
    with pytest.raises(LabError, match="one rule"):
        fit_calibration(mixed, truth)


def test_fitted_scales_never_fall():
    quantity, truth = compressed(40, seed=3)
    grades = np.array([slide["steatosis"] for slide in truth])
    for fit in (fit_isotonic, fit_cuts):
        scale = fit(quantity, grades, 4)
        assert (np.diff(scale.quantity) > 0).all()
        assert (np.diff(scale.score) >= 0).all()


def test_cuts_can_skip_a_grade_nobody_has():
    scale = fit_cuts(np.array([0.1, 0.1, 0.1, 0.5, 0.5, 0.5]), np.array([0, 0, 0, 3, 3, 3]), 4)
    assert round_to_grade(scale(np.array([0.1, 0.5])), 3).tolist() == [0, 3]


def overcalling(n, seed):
    """Patches of which one in twenty has a focus, seen by a network that was shown as many with as without."""
    random = np.random.default_rng(seed)
    grades = (random.random(n) < 0.05).astype(int)
    odds = np.exp(random.normal(np.where(grades, 3.0, -1.0), 1.2))
    present = odds / (1 + odds)
    return np.stack([1 - present, present, 0 * present, 0 * present], axis=1), grades


def test_a_fitted_threshold_makes_counts_come_out_as_readers_counted():
    probabilities, grades = overcalling(2000, seed=0)
    thresholds = fit_thresholds({"inflammation": probabilities}, {"inflammation": grades})
    assert set(thresholds) == {"inflammation"}
    assert thresholds["inflammation"] > 0.7
    new, truth = overcalling(5000, seed=1)
    assert (1 - new[:, 0] > 0.5).sum() > 3 * truth.sum()
    assert (1 - new[:, 0] > thresholds["inflammation"]).sum() == pytest.approx(truth.sum(), rel=0.25)


def test_a_threshold_needs_enough_patches_that_show_the_feature():
    probabilities, grades = overcalling(2000, seed=0)
    assert fit_thresholds({"inflammation": probabilities[:90]}, {"inflammation": grades[:90]}) == {}
    assert fit_thresholds({"inflammation": probabilities}, {"inflammation": np.zeros_like(grades)}) == {}
    assert fit_thresholds({"inflammation": probabilities}, {"inflammation": np.full_like(grades, -1)}) == {}


def test_thresholds_alone_are_used_and_leave_the_grades_uncalibrated():
    aggregator = choose_aggregator("auto", thresholds_only({"inflammation": 0.9}))
    assert aggregator.threshold(task("inflammation")) == 0.9
    assert aggregator.threshold(task("ballooning")) == 0.5
    assert aggregator.rule.name == "density"
    assert aggregator.calibrations == {}
