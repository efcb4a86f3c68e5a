"""How good a light model is: patients left out, intervals by patient, nothing where nothing can be told."""

import numpy as np
import pytest

from mmdnet.labels.light import FAT
from mmdnet.labels.light_estimate import FEWEST_RANDOM, Labelled, judge, patient_folds
from tests.nas import columns


def labelled(patients=6, each=20, strength=3.0, seed=0, **changes):
    rng = np.random.default_rng(seed)
    n = patients * each
    grades = columns(np.full((n, 3), -1))
    grades[:, 2] = rng.integers(0, 4, n)
    features = rng.normal(size=(n, 8))
    features[:, 0] += strength * grades[:, 2]
    facts = {"at_random": np.zeros(n, bool), "blind": np.ones(n, bool), "patient": np.arange(n) % patients} | changes
    return Labelled({FAT: features}, grades, **facts)


def test_a_patient_is_in_one_fold_and_folds_are_alike_in_size():
    patient = np.repeat(np.arange(9), [30, 5, 5, 5, 5, 5, 5, 5, 5])
    folds = patient_folds(patient)
    assert all(len(set(folds[patient == who])) == 1 for who in range(9))
    assert set(folds) == set(range(5)) and sorted(np.bincount(folds))[:4] == [10, 10, 10, 10]


def test_what_shows_in_the_features_is_found_with_an_interval_and_what_does_not_is_not():
    good, told = judge(labelled())
    kappa = good.kappa["steatosis"]
    assert kappa.low < kappa.value < kappa.high and kappa.value > 0.85 and set(good.kappa) == {"steatosis"}
    assert np.isfinite(told["steatosis"]).all() and np.isnan(told["ballooning"]).all()
    nothing, _ = judge(labelled(strength=0.0))
    assert nothing.kappa["steatosis"].low < 0.1 and (nothing.gain.low or 0) <= 0


def test_a_patient_that_gives_itself_away_helps_nobody():
    """The label is the patient's, and so is a feature: heads that saw the patient would be right on every patch."""
    patient = np.arange(120) % 6
    features = np.eye(6)[patient] * 5
    grades = columns(np.full((120, 3), -1))
    grades[:, 2] = np.array([0, 3, 1, 2, 0, 3])[patient]
    ones = np.ones(120, bool)
    estimate, _ = judge(Labelled({FAT: features}, grades, patient, ~ones, ones))
    assert estimate.kappa["steatosis"].value < 0.3


def test_one_patient_says_nothing_and_four_give_no_interval():
    assert judge(labelled(patients=1))[0].kappa == {}
    few = judge(labelled(patients=4))[0].kappa["steatosis"]
    assert few.value > 0.8 and few.low is None


def test_only_blind_patches_are_judged_and_only_random_ones_where_there_are_enough():
    blind = np.ones(120, bool)
    blind[:40] = False
    assert judge(labelled(blind=blind))[0].patches == 80
    at_random = np.zeros(120, bool)
    at_random[:FEWEST_RANDOM] = True
    estimate, _ = judge(labelled(at_random=at_random))
    assert (estimate.patches, estimate.at_random) == (FEWEST_RANDOM, True)
    at_random[0] = False
    assert judge(labelled(at_random=at_random))[0].patches == 120


def test_more_labels_are_expected_to_add_where_the_last_doubling_did():
    estimate, _ = judge(labelled(patients=8, each=6, strength=1.5, seed=3))
    assert estimate.gain.value == pytest.approx(estimate.gain.value) and abs(estimate.gain.value) < 0.3
