"""A plane on which alike patches lie together."""

import numpy as np
import pytest

from mmdnet.labels import layout
from mmdnet.labels.layout import lay_out


def three_kinds(each, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(8 * kind, 1, (each, 6)) * [1, 10, 0.1, 1, 1, 0] for kind in range(3)])


def apart(xy, each):
    """Distance between the middles of kinds over the spread within one."""
    middles = np.array([xy[kind * each : (kind + 1) * each].mean(axis=0) for kind in range(3)])
    within = np.mean([xy[kind * each : (kind + 1) * each].std() for kind in range(3)])
    between = min(np.linalg.norm(middles[a] - middles[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    return between / within


@pytest.mark.parametrize("each", [4, 60])
def test_alike_patches_lie_together_and_the_plane_is_one_wide(each):
    laid = lay_out(three_kinds(each), kinds=3)
    assert laid.xy.shape == (3 * each, 2)
    assert laid.xy.min() == 0 and laid.xy.max() == 1
    assert apart(laid.xy, each) > 1.5
    assert all(len(set(laid.kind[kind * each : (kind + 1) * each].tolist())) == 1 for kind in range(3))


def test_patches_beyond_the_landmarks_lie_among_their_kind(monkeypatch):
    monkeypatch.setattr(layout, "LANDMARKS", 60)
    laid = lay_out(three_kinds(100), kinds=3)
    assert "60 landmarks" in laid.method
    assert apart(laid.xy, 100) > 1.5


def test_the_same_patches_give_the_same_plane():
    laid, again = lay_out(three_kinds(20)), lay_out(three_kinds(20))
    assert (laid.xy == again.xy).all() and (laid.kind == again.kind).all()


def test_one_patch_is_a_plane_too():
    assert lay_out(np.ones((1, 4))).xy.tolist() == [[0, 0]]
    with pytest.raises(ValueError):
        lay_out(np.empty((0, 4)))
