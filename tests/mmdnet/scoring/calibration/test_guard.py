import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.scoring.calibration.guard import GUARD, LEAST_SLIDES, fit_guard, load_guard, mean_feature


def slides(n, seed, shift=0.0):
    """Mean features of slides that vary along a few directions more than along others."""
    random = np.random.default_rng(seed)
    width = np.linspace(2.0, 0.1, 24)
    return list(random.normal(0, width, (n, 24)) + shift)


def made(n, seed):
    return fit_guard(slides(n, seed), [f"p{k}" for k in range(n)])


def test_slides_like_the_training_are_seldom_odd_and_shifted_ones_are():
    guard = made(60, 0)
    assert np.mean([guard.unlikeness(slide).odd for slide in slides(200, 1)]) < 0.15
    assert all(guard.unlikeness(slide).odd for slide in slides(50, 2, shift=1.5))
    far = guard.unlikeness(slides(1, 3, shift=9.0)[0])
    assert far.far and far.widening > 2


def test_a_slide_as_usual_widens_nothing():
    guard = made(40, 0)
    assert guard.unlikeness(guard.mean).widening == 1.0


def test_it_comes_back_from_its_file(tmp_path):
    guard, slide = made(40, 0), slides(1, 5)[0]
    assert load_guard(tmp_path) is None
    guard.save(tmp_path)
    again = load_guard(tmp_path)
    assert again.slides == 40
    assert again.unlikeness(slide).times == pytest.approx(guard.unlikeness(slide).times, rel=1e-3)


def test_few_slides_make_no_guard():
    assert made(LEAST_SLIDES - 1, 0) is None
    assert fit_guard(slides(20, 0), ["same"] * 20) is None


def test_a_damaged_or_foreign_guard_is_refused(tmp_path):
    (tmp_path / GUARD).write_bytes(b"nothing")
    with pytest.raises(LabError, match="damaged"):
        load_guard(tmp_path)
    with pytest.raises(LabError, match="other features"):
        made(20, 0).unlikeness(np.zeros(3))


def test_a_slides_feature_is_its_patches_mean():
    assert mean_feature(np.array([[1.0, 3.0], [3.0, 5.0]], np.float16)).tolist() == [2.0, 4.0]
