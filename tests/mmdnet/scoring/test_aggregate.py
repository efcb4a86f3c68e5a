import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.labels.grading import task
from mmdnet.scoring.aggregate import choose_aggregator, middle_grade, round_to_grade
from mmdnet.scoring.calibration_record import Calibration, read_calibration

FIT = {"method": "isotonic", "quantity": [0, 1], "score": [0, 3], "residuals": [0.1], "slides": 12}
CALIBRATED = read_calibration(
    {"rule": "density", "bag_size": 48, "lines": {"inflammation": 0.7}, "tasks": {"steatosis": FIT}}
)


def test_without_a_calibration_the_default_rule_is_read_by_its_own_scale():
    aggregator = choose_aggregator("auto", Calibration())
    assert aggregator.rule.name == "density"
    assert aggregator.rests_on(task("steatosis")) == "density per field, read by Kleiner's cuts; not calibrated"
    assert aggregator.scale(task("steatosis"))(np.array([0.33]))[0] == pytest.approx(1.5)


def test_a_calibration_of_the_rule_is_used_for_the_tasks_it_has():
    aggregator = choose_aggregator("auto", CALIBRATED)
    assert "calibrated on 12 graded slides" in aggregator.rests_on(task("steatosis"))
    assert "not calibrated" in aggregator.rests_on(task("ballooning"))
    assert aggregator.scale(task("steatosis"))(np.array([0.5]))[0] == pytest.approx(1.5)


def test_a_calibration_of_another_rule_is_not_used_but_its_thresholds_are():
    aggregator = choose_aggregator("max", CALIBRATED)
    assert aggregator.calibrations == {}
    assert aggregator.threshold(task("inflammation")) == 0.7
    assert "paper" in aggregator.rests_on(task("steatosis"))


def test_a_card_without_a_calibration_has_an_empty_one_and_a_damaged_one_is_refused():
    assert read_calibration(None) == Calibration()
    with pytest.raises(LabError, match="damaged"):
        read_calibration({"tasks": {"steatosis": {"method": "isotonic"}}})


def test_a_patch_has_a_grade_above_0_just_where_it_counts():
    probabilities = np.array([[0.4, 0.35, 0.25], [0.6, 0.4, 0.0], [0.1, 0.3, 0.6], [np.nan] * 3])
    assert middle_grade(probabilities).tolist() == [1, 0, 2, 0]
    assert middle_grade(probabilities, threshold=0.7).tolist() == [0, 0, 2, 0]


def test_halves_go_up_and_grades_stay_on_their_scale():
    assert round_to_grade(np.array([-1.0, 0.49, 0.5, 1.5, 2.49, 7.0]), 3).tolist() == [0, 0, 1, 2, 2, 3]
