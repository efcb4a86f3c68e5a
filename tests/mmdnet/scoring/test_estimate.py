import numpy as np
import pytest

from mmdnet.scoring.aggregate import COUNTED, RULES, Aggregator, Calibration, Density, Scale, choose_aggregator
from mmdnet.scoring.estimate import judge_nas, judge_tasks
from tests.mmdnet.scoring.crafted import slide

DENSITY = Density()
UNCALIBRATED = choose_aggregator("auto", None)


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


def test_the_nas_is_the_sum_of_the_three_grades():
    tasks = judge_tasks(nash(), UNCALIBRATED)
    nas = judge_nas(tasks)
    assert (tasks["ballooning"].grade, tasks["inflammation"].grade, tasks["steatosis"].grade) == (2, 2, 2)
    assert nas.nas == 6
    assert nas.interval[0] <= 6 <= nas.interval[1]
    assert nas.expected == pytest.approx(sum(one.expected for one in tasks.values()))


def test_intervals_hold_the_score_and_probabilities_sum_to_one():
    for rule in RULES:
        for one in judge_tasks(nash(1), choose_aggregator(rule, None)).values():
            assert one.interval[0] <= one.expected <= one.interval[1]
            assert one.quantity_interval[0] <= one.quantity <= one.quantity_interval[1]
            assert sum(one.probabilities) == pytest.approx(1)


def test_the_same_seed_gives_the_same_interval():
    first, second = (judge_tasks(nash(), UNCALIBRATED, seed=4)["steatosis"] for _ in range(2))
    assert first.interval == second.interval


def test_more_tissue_makes_the_interval_narrower():
    def width(rows):
        low, high = judge_tasks(nash(2, rows=rows), UNCALIBRATED)["inflammation"].quantity_interval
        return high - low

    assert width(60) < width(6)


def test_the_interval_covers_the_true_density_about_nine_times_in_ten():
    covered = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        evidence = slide(25, 40, inflammation=(random.random(1000) < 0.05).astype(int))
        low, high = judge_tasks(evidence, UNCALIBRATED, resamples=400)["inflammation"].quantity_interval
        covered += low <= 0.05 * 0.95 / evidence.patch_mm2 / COUNTED["inflammation"] <= high
    assert 0.78 <= covered / 60 <= 1.0


def test_nothing_seen_in_one_field_leaves_three_events_possible():
    evidence = slide(6, 7)  # 42 patches: one field
    low, high = judge_tasks(evidence, UNCALIBRATED, resamples=20_000)["inflammation"].quantity_interval
    assert low == 0
    assert high == pytest.approx(3.0 / evidence.fields, rel=0.03)


def test_nothing_seen_in_thirty_fields_is_grade_zero_for_sure():
    found = judge_tasks(slide(30, 45), UNCALIBRATED)["inflammation"]
    assert found.grade == 0
    assert found.probabilities[0] > 0.99


def test_a_calibration_error_widens_the_interval():
    scale = Scale((0.0, 1.0), (0.0, 3.0))
    sharp = Aggregator(DENSITY, DENSITY, {"steatosis": Calibration("isotonic", scale, (0.0,), 20)})
    blunt = Aggregator(DENSITY, DENSITY, {"steatosis": Calibration("isotonic", scale, (-0.8, 0.0, 0.8), 20)})
    narrow, wide = (judge_tasks(nash(), one)["steatosis"].interval for one in (sharp, blunt))
    assert wide[1] - wide[0] > 1.5 > narrow[1] - narrow[0]


def test_active_disease_needs_every_feature():
    fat_only = slide(30, 40, steatosis=np.full(1200, 3), inflammation=np.full(1200, 3))
    assert judge_nas(judge_tasks(fat_only, UNCALIBRATED)).nas == 6
    assert judge_nas(judge_tasks(fat_only, UNCALIBRATED)).p_active < 0.01
    assert judge_nas(judge_tasks(nash(), UNCALIBRATED)).p_active > 0.99


def test_without_all_three_features_there_is_no_nas():
    tasks = judge_tasks(nash(), UNCALIBRATED)
    del tasks["ballooning"]
    assert judge_nas(tasks) is None


def test_the_density_is_told_whatever_the_rule():
    by_density, by_bags = (judge_tasks(nash(), choose_aggregator(rule, None)) for rule in ("density", "max"))
    assert by_bags["inflammation"].density == by_density["inflammation"].quantity
    assert by_bags["inflammation"].density_interval == by_density["inflammation"].density_interval
    assert by_bags["inflammation"].quantity == by_bags["inflammation"].grade
