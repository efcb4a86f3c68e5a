import numpy as np
import pytest

from mmdnet.training.schedules import class_weights, domain_strength, learning_rate_share


@pytest.mark.parametrize(
    ("alpha", "end"), [(0, 0), (1e-4, 0.0005), (1e-3, 0.005), (1e-2, 0.05), (0.1, 0.462), (0.3, 0.905), (1, 1.0)]
)
def test_alpha_stands_inside_the_exponent(alpha, end):
    assert domain_strength(0.0, alpha) == 0
    assert domain_strength(1.0, alpha) == pytest.approx(end, abs=5e-4)


def test_the_strength_is_hashimotos_logistic():
    p = 0.3 * 0.7
    assert domain_strength(0.7, 0.3) == pytest.approx(2 / (1 + np.exp(-10 * p)) - 1)


def test_the_learning_rate_warms_up_and_falls_to_nothing():
    assert learning_rate_share(0.0) < 0.05
    assert learning_rate_share(0.05) == pytest.approx(1)
    assert learning_rate_share(1.0) == pytest.approx(0)


def test_rare_grades_weigh_more_up_to_the_cap_and_absent_ones_nothing():
    weights = class_weights(np.array([0] * 98 + [1] * 2 + [-1] * 50), 3, cap=3)
    assert weights[2] == 0
    assert weights[:2].mean() == pytest.approx(1)
    assert weights[1] / weights[0] == pytest.approx(3 / (100 / (2 * 98)))


def test_no_known_grade_weighs_all_alike():
    assert class_weights(np.array([-1, -1]), 4, cap=3).tolist() == [1, 1, 1, 1]
