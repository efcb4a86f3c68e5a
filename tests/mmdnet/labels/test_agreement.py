"""Agreement: ours equal the kept libraries to 1e-9, and hand-worked cases."""

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

from mmdnet.errors import LabError
from mmdnet.labels.agreement import alpha, bootstrap, cohen, confusion, fleiss, gwet, weights_of

pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60)


@settings(max_examples=80, deadline=None)
@given(pairs, st.sampled_from([("plain", None), ("linear", "linear"), ("quadratic", "quadratic")]))
def test_kappa_equals_scikit_learn(grades, kind):
    first, second = np.array(grades).T
    ours = cohen(confusion(first, second, 4), kind[0])
    if ours is not None:
        theirs = cohen_kappa_score(first, second, weights=kind[1], labels=[0, 1, 2, 3])
        assert ours == pytest.approx(theirs, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=3, max_size=40))
def test_fleiss_equals_statsmodels_and_alpha_krippendorff(rows):
    table = np.array(rows)
    ours = fleiss(table, 4)
    if ours is not None:
        assert ours == pytest.approx(fleiss_kappa(aggregate_raters(table, 4)[0]), abs=1e-9)
    ours = alpha(table, 4)
    if ours is not None:
        theirs = krippendorff.alpha(reliability_data=table.T, level_of_measurement="ordinal", value_domain=[0, 1, 2, 3])
        assert ours == pytest.approx(theirs, abs=1e-9)


def test_gwets_ac1_of_a_hand_worked_table():
    # 118 + 2 agreed of 125; prevalence of grade 1: (5 + 4) / 2 / 125 = 0.036; p_e = 2 * 0.036 * 0.964 = 0.069408
    counts = np.array([[118, 2], [3, 2]])
    observed = 120 / 125
    expected = 2 * 0.036 * 0.964
    assert gwet(counts, "plain") == pytest.approx((observed - expected) / (1 - expected), abs=1e-12)
    assert cohen(counts, "plain") < 0.5 and gwet(counts, "plain") > 0.95


def test_gwets_ac2_weighs_near_misses_as_half():
    # linear weights of three grades: 1, 0.5, 0; T_w = 3 + 4 * 0.5 = 5
    counts = np.array([[4, 1, 0], [1, 2, 0], [0, 1, 1]])
    observed = (7 + 0.5 * 3) / 10
    prevalence = np.array([5 + 5, 3 + 4, 2 + 1]) / 20
    expected = 5 / 6 * (prevalence * (1 - prevalence)).sum()
    assert gwet(counts, "linear") == pytest.approx((observed - expected) / (1 - expected), abs=1e-12)


def test_perfect_agreement_is_one_by_every_coefficient():
    table = np.array([[0, 0], [1, 1], [2, 2], [1, 1]])
    counts = confusion(*table.T, 3)
    assert [cohen(counts, kind) for kind in ("plain", "linear", "quadratic")] == [1, 1, 1]
    assert gwet(counts) == fleiss(table, 3) == alpha(table, 3) == 1


def test_what_is_not_defined_is_none():
    same = np.zeros((5, 2), int)
    assert cohen(confusion(*same.T, 3)) is None and fleiss(same, 3) is None and alpha(same, 3) is None
    assert cohen(np.zeros((3, 3), int)) is None and gwet(np.zeros((3, 3), int)) is None


def test_patches_one_reader_did_not_grade_are_left_out():
    assert confusion(np.array([0, -1, 2]), np.array([0, 1, -1]), 3).sum() == 1


def test_the_interval_holds_the_value_and_is_seeded():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 120)
    table = np.stack([truth, np.clip(truth + rng.integers(-1, 2, 120), 0, 3)], axis=1)
    slides = np.repeat(np.arange(12), 10)

    def measure(rows):
        return cohen(confusion(*rows.T, 4))

    found = bootstrap(measure, table, slides, resamples=200)
    assert found.low < found.value < found.high and found.n == 120
    assert found == bootstrap(measure, table, slides, resamples=200)


def test_an_unknown_weighting_is_refused():
    with pytest.raises(LabError):
        weights_of(3, "cubic")
