"""Replaying plans on patches whose grades are known."""

import warnings

import numpy as np
import pytest

from mmdnet.labels.label_efficiency import (
    Curve,
    Pool,
    labels_needed,
    over_seeds,
    replay,
    replayed_plans,
    share_needed,
)
from tests.nas import columns

STEPS = (24, 48, 96)


@pytest.fixture(autouse=True)
def quiet_fits():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def pool(patients=9, each=60, seed=0):
    """Grades that show in the features, the highest rare; every tenth patch to be ignored."""
    rng = np.random.default_rng(seed)
    n = patients * each
    grades = np.stack([rng.choice(k, n, p=p) for k, p in ((3, (0.9, 0.06, 0.04)), (4, (0.9, 0.05, 0.03, 0.02)),
                                                          (4, (0.3, 0.3, 0.2, 0.2)))], axis=1).astype(np.int8)  # fmt: skip
    ignored = np.arange(n) % 10 == 0
    features = np.concatenate([2.0 * grades, rng.normal(0, 1, (n, 8))], axis=1) + rng.normal(0, 0.6, (n, 11))
    grades[ignored] = -1
    return Pool(features, columns(grades), ignored, np.arange(n) // (each // 2), np.arange(n) // each)


def curve(kappa, plan="x", seed=0, labels=(10, 20, 40)):
    return Curve(plan, seed, labels, {name: tuple(kappa) for name in ("ballooning", "inflammation", "steatosis")})


@pytest.mark.parametrize("plan", sorted(replayed_plans()))
def test_a_replay_counts_every_label_and_is_the_seeds(plan):
    curve_of_seed, again = replay(pool(), plan, 1, STEPS), replay(pool(), plan, 1, STEPS)
    assert curve_of_seed == again
    assert curve_of_seed.labels == STEPS
    assert all(-1 <= kappa <= 1 for kappas in curve_of_seed.kappa.values() for kappa in kappas)
    assert curve_of_seed.mean[-1] > 0.3, "what shows in the features is learned"


def test_a_task_that_no_patch_is_graded_in_is_left_out():
    ungraded = pool(each=20)
    ungraded.grades[:, 1] = -1
    assert list(replay(ungraded, "rare", 0, STEPS[:2]).kappa) == ["ballooning", "steatosis"]


def test_plans_of_one_seed_begin_with_the_same_labels():
    first = {
        plan: replay(pool(), plan, 2, STEPS[:1]).mean[0]
        for plan in replayed_plans()
        if plan not in ("quota", "stratified")
    }
    assert len(set(first.values())) == 1


def test_rare_grades_are_found_sooner_by_the_plan_that_looks_for_them():
    rare, random = ([replay(pool(), plan, seed, STEPS).mean[-1] for seed in range(3)] for plan in ("rare", "random"))
    assert np.mean(rare) > np.mean(random)


def test_a_pool_smaller_than_the_first_step_is_refused():
    with pytest.raises(ValueError, match="fewer patches"):
        replay(pool(patients=3, each=6), "random", 0)
    with pytest.raises(ValueError, match="no plan"):
        replay(pool(), "lucky", 0)


def test_labels_needed_lie_between_steps_and_a_dip_forgets_nothing():
    assert labels_needed((10, 20, 40), np.array([0.2, 0.4, 0.8]), 0.6) == pytest.approx(30)
    assert labels_needed((10, 20, 40), np.array([0.5, 0.4, 0.8]), 0.5) == 10
    assert labels_needed((10, 20, 40), np.array([0.2, 0.6, 0.4]), 0.5) == pytest.approx(17.5)
    assert labels_needed((10, 20, 40), np.array([0.2, 0.4, 0.5]), 0.6) == float("inf")


def test_a_plan_twice_as_quick_needs_half_the_labels():
    slow = [curve((0.2, 0.4, 0.8), seed=seed) for seed in range(5)]
    quick = [curve((0.4, 0.8, 0.9), seed=seed) for seed in range(5)]
    assert share_needed(slow, slow, 20) == (1, 1, 1)
    assert share_needed(quick, slow, 20)[0] == pytest.approx(0.5)
    assert share_needed(slow, quick, 40)[0] == float("inf")


def test_intervals_widen_with_the_scatter_of_seeds():
    mean, low, high = over_seeds([np.array([0.5, 0.1]), np.array([0.5, 0.9])])
    assert mean.tolist() == [0.5, 0.5]
    assert low[0] == high[0] == 0.5 and (low[1], high[1]) == (-1, 1), "and end where kappa does"
