"""Grade, bars, score, intervals and NAS of one slide never disagree, whatever the evidence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.labels.grading import TASKS
from mmdnet.scoring.aggregate import choose_aggregator, round_to_grade
from mmdnet.scoring.calibration_record import Calibration, TaskCalibration
from mmdnet.scoring.distribution import GradeDistribution
from mmdnet.scoring.estimate import estimate_slide
from mmdnet.scoring.rules import RULES
from tests.mmdnet.scoring.crafted import slide
from tests.nas import NAS_TASKS


def check_agreement(grades: GradeDistribution) -> None:
    totals = np.zeros(len(next(iter(grades.draws.values()))), dtype=int)
    every = np.ones(len(totals), dtype=bool)
    for task in TASKS:
        grade, bars = grades.grade(task.name), grades.probabilities(task.name)
        assert sum(bars) == pytest.approx(1)
        assert all(bars[grade] > other for step, other in enumerate(bars) if step != grade)
        assert grade == round_to_grade(np.array(grades.own[task.name]), task.highest)
        low, high = grades.interval(task.name)
        assert low <= grades.own[task.name] <= high
    for task in NAS_TASKS:
        totals += grades.grades(task.name)
        every &= grades.grades(task.name) >= 1
    nas = grades.nas()
    assert nas.nas == sum(grades.grade(task.name) for task in NAS_TASKS)
    assert nas.interval[0] <= nas.nas <= nas.interval[1]
    assert nas.expected == pytest.approx(sum(nas.at_least[1:])) == pytest.approx(totals.mean())
    assert nas.at_least[0] == 1 and all(np.diff(nas.at_least) <= 0)
    assert nas.at_least == pytest.approx([np.mean(totals >= k) for k in range(9)])
    assert nas.p_active <= nas.at_least[4] + 1e-9
    assert nas.p_active == pytest.approx(np.mean((totals >= 4) & every))
    assert nas.p_active <= min(1 - grades.probabilities(task.name)[0] for task in NAS_TASKS) + 1e-9


def scores(highest: int):
    return st.floats(0, highest, allow_nan=False)


@st.composite
def resampled(draw):
    own = {task.name: draw(scores(task.highest)) for task in TASKS}
    size = draw(st.integers(1, 60))
    draws = {task.name: np.array(draw(st.lists(scores(task.highest), min_size=size, max_size=size))) for task in TASKS}
    return own, draws


@given(resampled(), st.integers(0, 9))
def test_whatever_was_drawn_the_grade_is_the_one_its_bars_favour(given_scores, seed):
    check_agreement(GradeDistribution.of(*given_scores, seed))


@st.composite
def evidence(draw):
    """Slides from four patches to a few fields, sparse and dense, with a network in any doubt."""
    rows, cols = draw(st.integers(2, 16)), draw(st.integers(2, 16))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    crafted = slide(rows, cols, draw(st.sampled_from([4, 20, 48])))
    for tables in (crafted.patch_probabilities, crafted.bag_probabilities):
        for task in TASKS:
            doubt = draw(st.sampled_from([0.05, 0.5, 5.0]))
            tilt = np.linspace(1.0, draw(st.sampled_from([0.02, 0.3, 3.0])), task.highest + 1)
            tables[task.name] = random.dirichlet(doubt * tilt + 1e-3, len(tables[task.name]))
    return crafted


fits = st.builds(
    TaskCalibration,
    method=st.just("isotonic"),
    quantity=st.just((0.0, 1.0)),
    score=st.sampled_from([(0.0, 2.0), (0.6, 1.4)]),
    residuals=st.lists(st.floats(-2, 2, allow_nan=False), max_size=4).map(tuple),
    slides=st.just(20),
)
calibrations = st.builds(
    Calibration,
    rule=st.sampled_from(list(RULES)),
    tasks=st.dictionaries(st.sampled_from([t.name for t in TASKS]), fits),
)


@settings(max_examples=60)
@given(evidence(), st.sampled_from(["auto", *RULES]), calibrations)
def test_whatever_a_network_says_of_a_slide_its_grades_agree(crafted, rule, calibration):
    check_agreement(estimate_slide(crafted, choose_aggregator(rule, calibration), resamples=200).distribution)


def test_draws_that_favour_the_grade_are_left_as_they_are():
    own = {task.name: 1.0 for task in TASKS}
    draws = {task.name: np.array([1.0, 1.2, 0.2, 1.4]) for task in TASKS}
    kept = GradeDistribution.of(own, draws, 0).draws
    assert all((kept[name] == draws[name]).all() for name in own)


def test_no_more_draws_are_replaced_than_it_takes():
    own = {"ballooning": 0.0, "inflammation": 0.0, "steatosis": 1.4}
    leaning = np.repeat([1.4, 1.6], [48, 52])  # the resamples hold grade 2 for likelier by 4 of 100
    draws = {"ballooning": np.zeros(100), "inflammation": np.zeros(100), "steatosis": leaning}
    grades = GradeDistribution.of(own, draws, 0)
    assert grades.grade("steatosis") == 1
    assert grades.probabilities("steatosis") == (0.0, 0.51, 0.49, 0.0)


def test_without_all_three_features_there_is_no_nas():
    grades = GradeDistribution.of({"steatosis": 1.0}, {"steatosis": np.ones(9)}, 0)
    assert grades.nas() is None
