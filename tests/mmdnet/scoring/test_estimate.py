import numpy as np
import pytest

from mmdnet.labels.grading import TASK_NAMES
from mmdnet.scoring.aggregate import Aggregator, choose_aggregator
from mmdnet.scoring.calibration_record import Calibration, TaskCalibration
from mmdnet.scoring.estimate import estimate_slide
from mmdnet.scoring.rules import COUNTED, DENSITY, RULES
from tests.mmdnet.scoring.crafted import slide

UNCALIBRATED = choose_aggregator("auto", Calibration())


def nash(seed=0, rows=30, cols=40):
    random = np.random.default_rng(seed)
    n = rows * cols
    return slide(
        rows,
        cols,
        ballooning=(random.random(n) < 0.15).astype(int),
        inflammation=(random.random(n) < 0.07).astype(int),
        steatosis=random.choice(4, n, p=[0.1, 0.2, 0.4, 0.3]),
    )


def test_a_slide_with_nash_is_graded_as_drawn_and_its_nas_is_the_sum():
    grades = estimate_slide(nash(), UNCALIBRATED).distribution
    assert [grades.grade(name) for name in ("ballooning", "inflammation", "steatosis")] == [2, 2, 2]
    assert grades.nas().nas == 6


@pytest.mark.parametrize("rule", RULES)
def test_intervals_of_what_a_grade_rests_on_hold_it(rule):
    for estimate in estimate_slide(nash(1), choose_aggregator(rule, Calibration())).tasks.values():
        assert estimate.quantity_interval[0] <= estimate.quantity <= estimate.quantity_interval[1]
        assert estimate.density_interval[0] <= estimate.density <= estimate.density_interval[1]


def test_the_same_seed_gives_the_same_draws():
    first, second, other = (
        estimate_slide(nash(), UNCALIBRATED, seed=seed).distribution.draws["steatosis"] for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_more_tissue_makes_the_interval_narrower():
    def width(rows):
        low, high = estimate_slide(nash(2, rows=rows), UNCALIBRATED).tasks["inflammation"].quantity_interval
        return high - low

    assert width(60) < width(6)


def test_the_interval_covers_the_true_density_about_nine_times_in_ten():
    covered = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        evidence = slide(25, 40, inflammation=(random.random(1000) < 0.05).astype(int))
        low, high = estimate_slide(evidence, UNCALIBRATED, resamples=400).tasks["inflammation"].quantity_interval
        covered += low <= 0.05 * 0.95 / evidence.patch_mm2 / COUNTED["inflammation"] <= high
    assert 0.78 <= covered / 60 <= 1.0


def test_nothing_seen_in_one_field_leaves_three_events_possible():
    evidence = slide(6, 7)  # 42 patches: one field
    low, high = estimate_slide(evidence, UNCALIBRATED, resamples=20_000).tasks["inflammation"].quantity_interval
    assert low == 0
    assert high == pytest.approx(3.0 / evidence.fields, rel=0.03)


def test_nothing_seen_in_thirty_fields_is_grade_zero_for_sure():
    grades = estimate_slide(slide(30, 45), UNCALIBRATED).distribution
    assert grades.grade("inflammation") == 0
    assert grades.probabilities("inflammation")[0] > 0.99


def test_nothing_seen_in_one_field_is_grade_zero_though_nobody_can_be_sure():
    grades = estimate_slide(slide(6, 7), UNCALIBRATED).distribution
    assert grades.grade("inflammation") == 0
    assert 0.35 < grades.probabilities("inflammation")[0] < 0.5


def test_a_calibration_error_widens_the_interval():
    def width(*residuals):
        fit = TaskCalibration(method="isotonic", quantity=(0.0, 1.0), score=(0.0, 3.0), residuals=residuals, slides=20)
        low, high = estimate_slide(nash(), Aggregator(DENSITY, {"steatosis": fit})).distribution.interval("steatosis")
        return high - low

    assert width(-0.8, 0.0, 0.8) > 1.5 > width(0.0)


def test_active_disease_needs_every_feature():
    fat_only = slide(30, 40, steatosis=np.full(1200, 3), inflammation=np.full(1200, 3))
    without, whole = (estimate_slide(evidence, UNCALIBRATED).distribution.nas() for evidence in (fat_only, nash()))
    assert (without.nas, whole.nas) == (6, 6)
    assert without.p_active < 0.01
    assert whole.p_active > 0.99


def test_a_task_the_evidence_does_not_speak_of_is_not_graded_and_there_is_no_nas():
    evidence = nash()
    del evidence.patch_probabilities["ballooning"]
    estimate = estimate_slide(evidence, UNCALIBRATED)
    assert set(estimate.tasks) == set(TASK_NAMES) - {"ballooning"}
    assert estimate.distribution.nas() is None


def test_the_density_is_told_whatever_the_rule():
    by_density, by_bags = (
        estimate_slide(nash(), choose_aggregator(rule, Calibration())) for rule in ("density", "max")
    )
    density, bags = by_density.tasks["inflammation"], by_bags.tasks["inflammation"]
    assert bags.density == density.quantity
    assert bags.density_interval == density.density_interval
    assert bags.quantity == by_bags.distribution.grade("inflammation")
