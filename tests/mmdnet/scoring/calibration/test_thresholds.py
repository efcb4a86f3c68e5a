import numpy as np
import pytest

from mmdnet.scoring.calibration.thresholds import fit_thresholds


def patches(n, seed, prevalence=0.1, apart=3.0, middle=0.0):
    """Patches of twelve patients, some with a focus, and the probability of one that a network gives them."""
    random = np.random.default_rng(seed)
    grades = (random.random(n) < prevalence).astype(int)
    logit = random.normal(middle + apart * (grades - 0.5), 1.0)
    present = 1 / (1 + np.exp(-logit))
    probabilities = np.stack([1 - present, present, 0 * present, 0 * present], axis=1)
    return {"inflammation": probabilities}, {"inflammation": grades}, np.arange(n) % 12


def f1(present, shows, threshold):
    counted = present > threshold
    return 2 * (counted & shows).sum() / (counted.sum() + shows.sum())


def test_a_network_that_overcalls_gets_a_threshold_that_finds_patches_better():
    fit = fit_thresholds(*patches(3000, 0, middle=0.7))["inflammation"]
    assert fit.used and 0.5 < fit.threshold <= 0.8 and fit.low <= fit.threshold <= fit.high
    new, grades, _ = patches(4000, 1, middle=0.7)
    present, shows = 1 - new["inflammation"][:, 0], grades["inflammation"] > 0
    assert f1(present, shows, fit.threshold) > f1(present, shows, 0.5) + 0.02


@pytest.mark.parametrize("seed", range(3))
def test_totals_that_come_out_right_are_no_reason_to_hide_lesions(seed):
    """The demo model's case: a few patches that count too much had pushed the old fit to 0.9987."""
    probabilities, grades, patients = patches(1200, seed, apart=5.0)
    wrong = np.flatnonzero(grades["inflammation"] == 0)[:60]
    probabilities["inflammation"][wrong] = [0.001, 0.0, 0.0, 0.999]  # artefacts taken for many foci
    fit = fit_thresholds(probabilities, grades, patients)["inflammation"]
    threshold = fit.threshold if fit.used else 0.5
    assert 0.2 <= fit.threshold <= 0.8
    shows = grades["inflammation"] > 0
    assert (1 - probabilities["inflammation"][shows, 0] > threshold).mean() > 0.9


def test_a_threshold_that_patients_do_not_agree_on_is_told_and_not_used():
    probabilities, grades, patients = patches(400, 2, apart=0.3)
    fit = fit_thresholds(probabilities, grades, patients)["inflammation"]
    assert not fit.used and fit.why.endswith(".")


def test_a_good_network_keeps_the_usual_threshold():
    fit = fit_thresholds(*patches(3000, 3, prevalence=0.5, apart=8.0))["inflammation"]
    assert not fit.used and "no better" in fit.why


def test_a_threshold_needs_patches_positive_ones_and_patients():
    probabilities, grades, patients = patches(3000, 0)

    def fitted(rows, **other):
        table = {"inflammation": probabilities["inflammation"][rows]}
        known = other.get("grades", {"inflammation": grades["inflammation"][rows]})
        return fit_thresholds(table, known, other.get("patients", patients[rows]))

    every = slice(None)
    assert fitted(slice(90)) == {}
    assert fitted(every, patients=np.zeros(3000, int)) == {}
    assert fitted(every, grades={"inflammation": np.zeros(3000, int)}) == {}
    assert fitted(every, grades={"inflammation": np.full(3000, -1)}) == {}
    assert set(fitted(every)) == {"inflammation"}
