import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from mmdnet.training.metrics import agreement, kappa_or_none


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=40))
def test_quadratic_kappa_is_the_librarys(pairs):
    truth, predicted = np.array(pairs).T
    ours = kappa_or_none(truth, predicted, 4)
    if len(set(truth.tolist())) < 2:
        assert ours is None
    else:
        assert ours == pytest.approx(cohen_kappa_score(truth, predicted, labels=range(4), weights="quadratic"))


def test_one_grade_everywhere_says_nothing():
    assert kappa_or_none(np.zeros(5, int), np.zeros(5, int), 4) is None
    assert kappa_or_none(np.full(5, -1), np.zeros(5, int), 4) is None


def test_always_the_commonest_grade_scores_zero_and_the_truth_one():
    truth = np.array([0, 0, 0, 1, 2])
    assert kappa_or_none(truth, np.zeros(5, int), 3) == pytest.approx(0)
    assert kappa_or_none(truth, truth, 3) == 1


def test_unknown_grades_are_left_out_and_the_mean_is_over_what_is_defined():
    truth = np.array([[0, -1], [1, 2], [1, 2], [-1, 2]])
    agreed = agreement(truth, np.array([[0, 3], [1, 2], [1, 2], [0, 1]]), {"a": 2, "b": 4})
    assert agreed["kappa_a"] == agreed["kappa_mean"] == 1
    assert agreed["kappa_b"] is None
    assert agreed["n_a"] == 3
    assert agreed["accuracy_b"] == pytest.approx(2 / 3)
