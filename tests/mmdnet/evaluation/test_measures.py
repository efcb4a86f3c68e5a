"""Measures against cases counted by hand, and properties that hold whatever the grades."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from mmdnet.evaluation.measures import (
    auroc_estimate,
    averages,
    interval_measures,
    mean_estimate,
    ordinal_measures,
    part_measures,
    reliability,
    share_estimate,
)
from mmdnet.labels.agreement import draws_of_rows

# Ten slides, six of them right, one of them two grades off.
TRUTH = np.array([0, 0, 0, 1, 1, 1, 2, 2, 3, 3])
SAID = np.array([0, 0, 1, 1, 1, 2, 2, 0, 3, 2])
OWN = [str(k) for k in range(10)]


def _measured(truth=TRUTH, said=SAID, patients=OWN, highest=3):
    return ordinal_measures(truth, said, said.astype(float), highest, patients, resamples=200)


def test_a_case_counted_by_hand():
    measured = _measured()
    assert measured.confusion == ((2, 1, 0, 0), (0, 2, 1, 0), (1, 0, 1, 0), (0, 0, 1, 1))
    assert measured.accuracy.value == 0.6 and measured.within_one.value == 0.9
    assert measured.mae.value == pytest.approx(0.5)  # 1 + 1 + 2 + 1 over ten
    assert measured.bias.value == pytest.approx(-0.1)  # + 1 + 1 - 2 - 1
    # precision 2/3 2/3 1/3 1, recall 2/3 2/3 1/2 1/2, support 3 3 2 2
    assert measured.precision_macro.value == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1) / 4)
    assert measured.recall_macro.value == pytest.approx((2 / 3 + 2 / 3 + 1 / 2 + 1 / 2) / 4)
    f1 = [2 / 3, 2 / 3, 0.4, 2 / 3]
    assert measured.f1_macro.value == pytest.approx(sum(f1) / 4)
    assert measured.f1_weighted.value == pytest.approx((3 * f1[0] + 3 * f1[1] + 2 * f1[2] + 2 * f1[3]) / 10)
    # plain kappa: agreement 0.6, by chance (3 * 3 + 3 * 3 + 2 * 3 + 2 * 1) / 100
    assert measured.kappa_plain.value == pytest.approx((0.6 - 0.26) / (1 - 0.26))
    # quadratic: 1 - sum of squared errors 7 over those by chance: 10 * E[(i - j)^2] of the margins
    margins = np.array([3, 3, 2, 2]), np.array([3, 3, 3, 1])
    chance = sum(a * b * (i - j) ** 2 for i, a in enumerate(margins[0]) for j, b in enumerate(margins[1])) / 10
    assert measured.kappa_quadratic.value == pytest.approx(1 - 7 / chance)


def test_one_definition_of_f1_never_exceeds_the_mean_of_precision_and_recall():
    """The paper's tables do: macro precision stands beside weighted F1 there."""

    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
    @settings(max_examples=30)
    def holds(pairs):
        truth, said = np.array(pairs).T
        measured = _measured(truth, said, [str(k) for k in range(len(truth))])
        assert measured.f1_macro.value <= (measured.precision_macro.value + measured.recall_macro.value) / 2 + 1e-9
        assert measured.recall_weighted.value == pytest.approx(measured.accuracy.value)
        assert sum(map(sum, measured.confusion)) == len(truth)
        assert measured.mae.value >= abs(measured.bias.value) - 1e-9
        assert measured.accuracy.value <= measured.within_one.value

    holds()


@given(st.lists(st.integers(0, 2), min_size=2, max_size=10))
@settings(max_examples=20)
def test_a_model_that_is_always_right_has_ones_and_zeros(grades):
    truth = np.array(grades)
    measured = _measured(truth, truth, [str(k) for k in range(len(truth))], 2)
    assert measured.accuracy.value == measured.f1_macro.value == measured.f1_weighted.value == 1
    assert measured.mae.value == measured.bias.value == 0
    if len(set(grades)) > 1:
        assert [measured.kappa_plain.value, measured.kappa_quadratic.value] == pytest.approx([1, 1])


def test_where_all_true_grades_are_alike_kappa_and_auroc_are_missing_and_the_rest_stands():
    measured = _measured(np.zeros(6, int), np.array([0, 0, 0, 1, 1, 0]), OWN[:6])
    assert measured.kappa_plain.value is measured.kappa_quadratic.value is measured.auroc.value is None
    assert measured.accuracy.value == pytest.approx(4 / 6) and measured.bias.value == pytest.approx(2 / 6)
    assert part_measures(np.zeros(3, int), np.array([0, 1, 0]), 3, None).kappa_quadratic is None


def test_a_grade_that_is_never_given_has_no_precision_of_its_own_and_counts_zero_in_the_mean():
    measured = _measured(np.array([0, 1, 0, 1]), np.array([0, 0, 0, 0]), OWN[:4])
    assert measured.by_grade[1].precision is None and measured.by_grade[1].recall == 0
    assert measured.by_grade[3].precision is measured.by_grade[3].recall is None
    assert measured.precision_macro.value == pytest.approx(0.25) and measured.recall_macro.value == pytest.approx(0.5)


def test_intervals_draw_patients_so_that_two_slides_of_one_are_not_two():
    rng = np.random.default_rng(0)
    right = rng.random(40) < 0.7
    single = mean_estimate(right, draws_of_rows(np.arange(40), resamples=2000))
    doubled = mean_estimate(right.repeat(2), draws_of_rows(np.arange(40).repeat(2), resamples=2000))
    assert doubled.value == single.value and (doubled.low, doubled.high) == (single.low, single.high)
    as_if_apart = mean_estimate(right.repeat(2), draws_of_rows(np.arange(80), resamples=2000))
    assert as_if_apart.high - as_if_apart.low < 0.85 * (single.high - single.low)


def test_auroc_of_draws_is_the_librarys_on_the_drawn_slides():
    rng = np.random.default_rng(1)
    positive, scores = rng.random(30) < 0.5, rng.integers(0, 5, 30).astype(float)
    draws = draws_of_rows(np.arange(30), seed=3, resamples=40)
    drawn = []
    for times in draws.astype(int):
        assert 0 < positive.repeat(times).sum() < 30
        drawn.append(roc_auc_score(positive.repeat(times), scores.repeat(times)))
    estimate = auroc_estimate(positive, scores, draws)
    assert estimate.value == pytest.approx(roc_auc_score(positive, scores))
    assert (estimate.low, estimate.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])))


def test_the_draws_of_precision_recall_and_f1_are_the_librarys_on_the_drawn_slides():
    draws = draws_of_rows(np.arange(10), seed=5, resamples=60)
    estimated = averages(TRUTH, SAID, 3, draws)
    for average in ("macro", "weighted"):
        drawn = []
        for times in draws.astype(int):
            truth, said = TRUTH.repeat(times), SAID.repeat(times)
            occurring = sorted(set(truth) | set(said))
            drawn.append(
                precision_recall_fscore_support(truth, said, labels=occurring, average=average, zero_division=0.0)[:3]
            )
        for name, values in zip(("precision", "recall", "f1"), np.array(drawn).T, strict=True):
            of = estimated[f"{name}_{average}"]
            assert (of.low, of.high) == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])))


def test_the_error_of_calibration_of_a_resample_is_that_of_the_drawn_slides():
    rng = np.random.default_rng(2)
    probability = rng.random(25)
    right = rng.random(25) < probability
    draws = draws_of_rows(np.arange(25), seed=4, resamples=30)
    drawn = [
        reliability(right.repeat(times), probability.repeat(times), np.ones((1, 25)))[1].value
        for times in draws.astype(int)
    ]
    _, error = reliability(right, probability, draws)
    assert (error.low, error.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])))


def test_six_patients_all_right_are_no_proof_that_the_next_will_be():
    measured = _measured(np.array([0, 1, 2, 3, 1, 2]), np.array([0, 1, 2, 3, 1, 2]), OWN[:6])
    exact_low = 0.025 ** (1 / 6)  # Clopper and Pearson: six of six
    assert (measured.accuracy.low, measured.accuracy.high) == pytest.approx((exact_low, 1))
    for of in (measured.kappa_quadratic, measured.mae, measured.f1_macro, measured.auroc):
        assert of.value in (0, pytest.approx(1)) and of.low is of.high is None
    never = share_estimate(np.zeros(12, bool), draws_of_rows(np.arange(6).repeat(2)), 6)
    assert (never.low, never.high) == pytest.approx((0, 1 - exact_low))


def test_coverage_counts_the_ends_and_width_is_the_mean_length():
    truth, low, high = np.array([0, 1, 2, 3]), np.array([0, 0, 3, 3]), np.array([0, 1, 3, 4])
    measured = interval_measures(truth, low, high, OWN[:4])
    assert measured.coverage.value == 0.75 and measured.width == 0.5


def test_calibration_error_of_a_case_counted_by_hand():
    right = np.array([True, True, False, True, False, False])
    curve, error = reliability(right, np.array([0.95, 0.95, 0.92, 0.55, 0.55, 0.55]), draws_of_rows(np.arange(6)))
    assert [(part.low, part.slides) for part in curve] == [(0.5, 3), (pytest.approx(0.9), 3)]
    first, second = abs(1 / 3 - 0.55), abs(2 / 3 - (0.95 + 0.95 + 0.92) / 3)
    assert error.value == pytest.approx((3 * first + 3 * second) / 6)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=30))
@settings(max_examples=40)
def test_every_slide_is_in_one_bin_and_the_error_is_a_share(pairs):
    right, probability = np.array([r for r, _ in pairs]), np.array([p for _, p in pairs])
    curve, error = reliability(right, probability, np.ones((1, len(pairs))))
    assert sum(part.slides for part in curve) == len(pairs)
    assert 0 <= error.value <= 1
    assert all(part.low - 1e-9 <= part.probability <= part.high + 1e-9 for part in curve)
