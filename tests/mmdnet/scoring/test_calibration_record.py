import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdnet.errors import LabError
from mmdnet.nn.card import CARD
from mmdnet.scoring.calibration_record import (
    LEAST_THRESHOLD,
    MOST_THRESHOLD,
    Calibration,
    TaskCalibration,
    density_of,
    read_calibration,
    stabilise,
)
from mmdnet.settings import DEMO_MODEL

OF_BEFORE = {
    "version": 1, "rule": "density", "bag_size": 48, "lines": {"ballooning": 0.35, "inflammation": 0.9987},
    "tasks": {"steatosis": {"method": "isotonic", "quantity": [0.0, 1.0], "score": [0.0, 3.0], "residuals": [-0.5, 0.5],
                            "slides": 12, "slides_by_grade": [3, 3, 3, 3], "kappa_across_folds": 0.9}},
}  # fmt: skip


def test_a_calibration_of_an_earlier_build_opens_and_its_harmful_threshold_is_not_used():
    calibration = read_calibration(OF_BEFORE)
    assert calibration.tasks["steatosis"].residuals == (-0.5, 0.5)
    assert calibration.tasks["steatosis"].conformal is None
    assert calibration.thresholds["inflammation"] == 0.9987
    assert calibration.safe_thresholds == {"ballooning": 0.35}


def test_it_comes_back_from_its_json():
    calibration = read_calibration(OF_BEFORE)
    assert read_calibration(json.loads(json.dumps(calibration.to_json()))) == calibration
    assert read_calibration(None) == Calibration()


def test_the_demo_models_card_carries_no_constant_that_hides_lesions():
    calibration = read_calibration(json.loads((DEMO_MODEL / CARD).read_text())["calibration"])
    assert calibration.thresholds == calibration.safe_thresholds


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("lines", "inflammation"), math.nan), (("lines", "inflammation"), -1), (("lines", "inflammation"), 1e9),
        (("bag_size",), 0), (("tasks", "steatosis", "quantity"), [1.0, 0.0]), (("tasks", "steatosis", "slides"), -3),
        (("tasks", "steatosis", "score"), [0.0]), (("tasks", "steatosis", "residuals"), [math.inf]),
        (("patch_mpp",), -1), (("nas_holds",), 1.5),
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_are_refused_by_name(place, value):
    facts = json.loads(json.dumps(OF_BEFORE))
    inner = facts
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(LabError, match=rf"calibration on the model's card is damaged \({place[0]}"):
        read_calibration(facts)


@given(st.sampled_from(["ballooning", "inflammation", "steatosis"]), st.floats(0, 1))
def test_densities_come_back_from_the_unit_they_are_compared_in(name, density):
    assert density_of(name, stabilise(name, density)) == pytest.approx(density, abs=1e-9)


def test_a_share_never_leaves_its_scale():
    assert density_of("steatosis", 9.0) == 1.0 and density_of("steatosis", -1.0) == 0.0
    assert density_of("ballooning", -1.0) == 0.0


@given(st.dictionaries(st.sampled_from(["ballooning", "inflammation"]), st.floats(0, 1)))
def test_thresholds_in_use_are_within_bounds(thresholds):
    used = Calibration(thresholds=thresholds).safe_thresholds
    assert all(LEAST_THRESHOLD <= value <= MOST_THRESHOLD for value in used.values())


def test_a_scale_needs_as_many_scores_as_quantities():
    with pytest.raises(ValueError, match="not as many"):
        TaskCalibration(method="isotonic", quantity=(0, 1), score=(0,), slides=3)
