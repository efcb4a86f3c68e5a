"""Two scores beside each other: what differs is seen, noise of kernels is not, and no NaN hides a difference."""

from dataclasses import replace

import numpy as np
import pytest

from mmdnet.scoring.again import ALIKE, how_far
from mmdnet.scoring.result import ScoreArrays, SlideScore
from tests.mmdnet.reports import crafted

TASK = "steatosis"


def kept() -> SlideScore:
    assessed = np.array([True, True, False])
    numbers = np.array([0.2, 0.8, np.nan])
    table = np.array([[0.3, 0.7], [0.6, 0.4], [np.nan, np.nan]])
    arrays = ScoreArrays(
        assessed, np.full(3, np.nan), np.array([0, 0, -1]), np.zeros(3), np.arange(3.0),
        {TASK: numbers}, {TASK: table}, {TASK: np.array([[0.5, 0.5]])},
    )  # fmt: skip
    return SlideScore(crafted.of_today(), arrays)


def with_arrays(score: SlideScore, **changes) -> SlideScore:
    return replace(score, arrays=replace(score.arrays, **changes))


def test_the_same_score_again_is_equal_in_every_number():
    apart = how_far(kept(), kept())
    assert (apart.furthest, apart.grades, apart.calibrated) == (0.0, (), True)


@pytest.mark.parametrize(
    "changes",
    [
        {"assessed": np.array([True, False, False])},
        {"attention": {TASK: np.array([0.8, 0.2, np.nan])}},
        {"attention": {TASK: np.array([0.2, 0.8, 0.1])}},
        {"attention": {}},
        {"patch_probabilities": {TASK: np.array([[0.3, 0.7], [0.5, 0.5], [np.nan, np.nan]])}},
        {"bag_probabilities": {TASK: np.array([[0.5, 0.5], [0.5, 0.5]])}},
    ],
)
def test_whatever_of_the_network_differs_is_found(changes):
    score = kept()
    assert not how_far(score, with_arrays(score, **changes)).network_alike
    assert not how_far(with_arrays(score, **changes), score).network_alike


def test_what_kernels_do_is_alike_and_its_size_is_told():
    score = kept()
    table = score.arrays.patch_probabilities[TASK]
    apart = how_far(score, with_arrays(score, patch_probabilities={TASK: table + ALIKE / 2}))
    assert apart.network_alike and apart.furthest == pytest.approx(ALIKE / 2)


def test_other_grades_are_named_and_another_calibration_is_told_apart():
    score = kept()
    tasks = score.summary.tasks
    other = tasks[TASK].model_copy(update={"grade": (tasks[TASK].grade + 1) % 4})
    graded = score.summary.model_copy(update={"tasks": {**tasks, TASK: other}, "nas": (score.summary.nas or 0) + 1})
    assert how_far(score, replace(score, summary=graded)).grades == (TASK, "nas")
    for changes in ({"graded_slides": 99}, {"tasks": {**tasks, TASK: other.model_copy(update={"threshold": 0.9})}}):
        assert not how_far(score, replace(score, summary=score.summary.model_copy(update=changes))).calibrated
