"""What ranked plans order patches by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdnet.labels import acquisition

UNSURE = np.array([[1.0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0, 0], [np.nan] * 4])


def test_entropy_goes_from_sure_to_knowing_nothing():
    entropy = acquisition.entropy(UNSURE)
    assert entropy[0] == pytest.approx(0, abs=1e-6)
    assert entropy[1] == pytest.approx(1)
    assert entropy[2] == pytest.approx(0.5)
    assert np.isnan(entropy[3])


def test_the_margin_is_nothing_between_two_grades_that_are_as_likely():
    assert acquisition.margin(UNSURE)[:3].tolist() == [1, 0, 0]
    assert np.isnan(acquisition.margin(UNSURE)[3])


def test_a_model_two_grades_off_is_further_away_than_one_grade_off():
    model = np.array([[0.0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]])
    assert acquisition.distance(model, np.array([1, 1, 1, -1]))[:3] == pytest.approx([2 / 3, 1 / 3, 0])
    assert np.isnan(acquisition.distance(model, np.array([1, 1, 1, -1]))[3])


def test_readers_lie_apart_only_where_two_have_graded():
    grades = np.array([[0, 3], [2, 2], [1, -1], [-1, -1]])
    assert acquisition.spread(grades, 3)[:2].tolist() == [1, 0]
    assert np.isnan(acquisition.spread(grades, 3)[2:]).all()


def test_a_grade_with_few_labels_is_rare_whatever_the_model_thinks_common():
    model = np.array([[0.9, 0.1, 0], [0, 0.1, 0.9]])
    common_two = acquisition.rarity(model, [1, 1, 98])
    common_zero = acquisition.rarity(model, [98, 1, 1])
    assert common_two[0] > common_two[1]
    assert common_zero[1] > common_zero[0]


def test_without_labels_the_models_own_shares_say_what_is_rare():
    model = np.repeat([[0.95, 0.05, 0.0], [0.1, 0.1, 0.8]], [9, 1], axis=0)
    rarity = acquisition.rarity(model, [0, 0, 0])
    assert rarity.argmax() == 9


@given(st.integers(1, 20), st.integers(2, 5), st.integers(0, 99))
def test_entropy_and_margin_are_shares(n, grades, seed):
    model = np.random.default_rng(seed).dirichlet(np.ones(grades), n)
    for shares in (acquisition.entropy(model), acquisition.margin(model)):
        assert ((shares >= -1e-9) & (shares <= 1 + 1e-9)).all()


def test_over_tasks_keeps_what_any_task_knows():
    both = {"a": np.array([0.2, np.nan, np.nan]), "b": np.array([0.4, 0.1, np.nan])}
    assert acquisition.over_tasks(both)[:2].tolist() == [0.4, 0.1]
    assert np.isnan(acquisition.over_tasks(both)[2])
