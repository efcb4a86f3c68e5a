"""Heads on features that stay as they are."""

import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from mmdnet.labels.light import (
    DENSITY,
    FAT,
    NETWORK,
    STRENGTH,
    LightModel,
    Moments,
    fat_features,
    fit,
    fit_head,
    likeliest_grade,
    there,
)
from mmdnet.settings import PROJECT_ROOT
from tests.nas import columns


def separable(n=120, seed=0):
    rng = np.random.default_rng(seed)
    grades = columns(np.c_[rng.integers(0, 3, n), np.full(n, -1), rng.integers(0, 4, n)])
    features = rng.normal(size=(n, 40))
    features[:, 0] += 3 * grades[:, 0]
    features[:, 1] += 3 * grades[:, 2]
    return features, grades


def reduced_by(features):
    moments = Moments()
    moments.add(features)
    return moments.reduction()


def test_a_head_that_saw_one_grade_gives_that_grade():
    head = fit_head(np.zeros((3, 2)), np.array([2, 2, 2]), 4)
    assert head.probabilities(np.zeros((1, 2))).tolist() == [[0, 0, 1, 0]]


@pytest.mark.parametrize("known", [(0, 3), (0, 1, 3)])
def test_probabilities_are_those_of_scikit_learn_and_a_grade_without_a_label_has_none(known):
    features, grades = separable()
    rows = np.isin(grades[:, 2], known)
    head = fit_head(features[rows], grades[rows, 2], 4)
    theirs = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=400).fit(features[rows], grades[rows, 2])
    ours = head.probabilities(features)
    np.testing.assert_allclose(ours[:, known], theirs.predict_proba(features), atol=1e-9)
    assert ours.sum(axis=1) == pytest.approx(1) and not ours[:, 2].any()


def test_the_reduction_keeps_what_patches_differ_in_and_does_not_care_how_they_came():
    features, _ = separable()
    whole, parts = Moments(), Moments()
    whole.add(features)
    for part in np.array_split(features, 7):
        parts.add(part)
    reduced = whole.reduction()(features)
    assert reduced.shape == (120, 40) and reduced[:, 0].std() == pytest.approx(5, rel=0.01)
    np.testing.assert_allclose(np.abs(parts.reduction()(features)), np.abs(reduced), atol=1e-2)
    with pytest.raises(ValueError, match="no features"):
        Moments().reduction()


def test_a_model_is_the_same_after_it_was_kept_and_each_task_reads_what_tells_of_it():
    features, grades = separable()
    grades[:, 1] = grades[:, 0]
    fat = fat_features((grades[:, 2] / 10) ** 2)
    seen = {NETWORK: features, DENSITY: features[:, ::-1].copy(), FAT: fat}
    seen[DENSITY][:5] = seen[FAT][:3] = np.nan
    reductions = {of: reduced_by(values[there(values)]) for of, values in seen.items()}
    model = LightModel(reductions, fit({of: reductions[of](values) for of, values in seen.items()}, grades))
    assert {name: head.reads for name, head in model.heads.items()} == {
        "ballooning": NETWORK, "inflammation": DENSITY, "steatosis": FAT,
    }  # fmt: skip
    kept = LightModel.of_arrays(model.arrays())
    again = kept.probabilities(seen)
    for name, table in model.probabilities(seen).items():
        np.testing.assert_allclose(again[name], table, atol=1e-5)
    assert (likeliest_grade(again["steatosis"][3:]) == grades[3:, 2]).mean() > 0.95
    assert np.isnan(again["steatosis"][:3]).all() and np.isfinite(again["ballooning"]).all()
    assert np.isnan(again["inflammation"][:5]).all() and np.isfinite(again["inflammation"][5:]).all()


def test_a_task_of_one_grade_and_one_whose_features_are_not_there_have_no_head():
    features, grades = separable()
    seen = {NETWORK: features, DENSITY: features}
    assert set(fit(seen, grades)) == {"ballooning"}
    grades[:, 1] = grades[:, 0]
    assert set(fit(seen, grades)) == {"ballooning", "inflammation"}


def test_heads_of_an_earlier_build_read_the_network_alone():
    features, grades = separable()
    grades[:, 1] = grades[:, 0]
    reduction = reduced_by(features)
    head = fit_head(reduction(features), grades[:, 1], 4)
    kept = {"mean": reduction.mean, "across": reduction.across, "inflammation.known": head.known}
    kept |= {"inflammation.weights": head.weights, "inflammation.bias": head.bias}
    told = LightModel.of_arrays(kept).probabilities({NETWORK: features, DENSITY: features[:, :3]})
    np.testing.assert_allclose(told["inflammation"], head.probabilities(reduction(features)))


def test_the_likeliest_grade_is_the_median():
    assert likeliest_grade(np.array([[0.4, 0.3, 0.3], [0.1, 0.1, 0.8], [1, 0, 0]])).tolist() == [1, 2, 0]


def test_the_algebra_of_small_matrices_is_done_by_one_thread_in_a_process_that_has_loaded_nothing_yet():
    """As a worker's job is: the solvers come with a library of their own, and it is loaded by the first that asks."""
    code = """
from mmdnet.labels.light import on_one_thread
with on_one_thread():
    import scipy.linalg, sklearn.linear_model
    from threadpoolctl import threadpool_info
    print(*(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"))
"""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2"}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, env=environment, check=True, capture_output=True
    )
    assert set(told.stdout.split()) == {b"1"}
